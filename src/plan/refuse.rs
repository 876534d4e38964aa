//! What the engine or this version of topo cannot honour: said before anything is done, at its line.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::service::Service;
use crate::model::storage::FileReferences;
use crate::project::Project;

/// Reports what would have to be left out.
pub(super) fn report(project: &Project, api: (u32, u32), diagnostics: &mut Diagnostics) {
    let mut refuse = |path: &[&str], why: &str, help: &str| {
        diagnostics.push(
            Diagnostic::error(Code::UnsupportedAttribute, format!("`{}` {why}", path.join(".")))
                .label(project.span(path), "this cannot be honoured")
                .help(help),
        );
    };
    for (name, service) in &project.services {
        for Refusal { attribute, why, help } in unsupported(service, api) {
            let path: Vec<&str> =
                ["services", name].into_iter().chain(attribute.iter().map(String::as_str)).collect();
            refuse(&path, &why, help);
        }
    }
    let external = "is managed elsewhere, and an engine without Swarm services keeps none";
    let reads = |key: &String, of: fn(&Service) -> &FileReferences| {
        project.services.values().any(|service| of(service).0.iter().any(|one| one.source == *key))
    };
    for (key, _) in project.configs.iter().filter(|(_, config)| config.external.is) {
        if !reads(key, |service| &service.configs) {
            continue;
        }
        refuse(
            &["configs", key, "external"],
            external,
            "give its content with `file`, `environment` or `content`",
        );
    }
    for (key, _) in project.secrets.iter().filter(|(_, secret)| secret.external.is) {
        if !reads(key, |service| &service.secrets) {
            continue;
        }
        refuse(&["secrets", key, "external"], external, "give its content with `file` or `environment`");
    }
    report_mounted(project, diagnostics);
    report_updates(project, diagnostics);
}

/// Says that a file of the host is mounted as it is. Copying it in, as is done with text, would honour owner and mode,
/// and break what people rely on: that a container sees the file change, and that a read-only one can have it. docker
/// compose mounts it, and warns.
fn report_mounted(project: &Project, diagnostics: &mut Diagnostics) {
    for (name, service) in &project.services {
        for (section, references) in [("configs", &service.configs), ("secrets", &service.secrets)] {
            for (at, reference) in references.0.iter().enumerate() {
                let is_file = match section {
                    "configs" => project.configs.get(&reference.source).is_some_and(|one| one.file.is_some()),
                    _ => project.secrets.get(&reference.source).is_some_and(|one| one.file.is_some()),
                };
                let given = [
                    ("uid", reference.uid.is_some()),
                    ("gid", reference.gid.is_some()),
                    ("mode", reference.mode.is_some()),
                ];
                let Some((attribute, _)) = given.into_iter().find(|(_, is_given)| *is_given && is_file)
                else {
                    continue;
                };
                let place = project.span(&["services", name, section, &at.to_string(), attribute]);
                let message = format!(
                    "`{attribute}` does nothing for `{}`, which is mounted from a file",
                    reference.source
                );
                diagnostics.push(
                    Diagnostic::warning(Code::UnsupportedAttribute, message)
                        .label(place, "the file's own owner and mode count")
                        .help("change the file's with `chown` and `chmod`, or give the content with `environment`"),
                );
            }
        }
    }
}

/// Says what of updates is not honoured.
fn report_updates(project: &Project, diagnostics: &mut Diagnostics) {
    for (name, service) in &project.services {
        let Some(deploy) = &service.deploy else { continue };
        for (attribute, config) in
            [("update_config", &deploy.update_config), ("rollback_config", &deploy.rollback_config)]
        {
            let Some(config) = config else { continue };
            let place = |key: &str| project.span(&["services", name, "deploy", attribute, key]);
            if config.max_failure_ratio > 0.0 {
                let message = format!("`deploy.{attribute}.max_failure_ratio` is not honoured");
                diagnostics.push(
                    Diagnostic::warning(Code::UnsupportedAttribute, message)
                        .label(place("max_failure_ratio"), "the first failure counts")
                        .help("write `failure_action: continue` to go on after any failure"),
                );
            }
            let action = config.failure_action.as_deref().unwrap_or("pause");
            let known: &[&str] = match attribute {
                "update_config" => &["pause", "continue", "rollback"],
                _ => &["pause", "continue"],
            };
            if !known.contains(&action) {
                let message = format!("`deploy.{attribute}.failure_action` is taken for `pause`");
                diagnostics.push(
                    Diagnostic::warning(Code::InvalidValue, message)
                        .label(place("failure_action"), format!("`{action}` means nothing here"))
                        .help(format!("write one of {}", known.join(", "))),
                );
            }
        }
    }
}

struct Refusal {
    attribute: Vec<String>,
    why: String,
    help: &'static str,
}

fn unsupported(service: &Service, api: (u32, u32)) -> Vec<Refusal> {
    // Every attribute has its place: here, in `container`, `desired`, or nowhere because it says nothing to
    // the engine. The compiler asks for a decision on a new one.
    let Service {
        profiles: _,
        annotations: _,
        attach: _,
        build: _,
        develop: _,
        blkio_config: _,
        cap_add: _,
        cap_drop: _,
        cgroup_parent: _,
        cgroup: _,
        cpu_count: _,
        cpu_percent: _,
        cpu_period: _,
        cpu_quota: _,
        cpu_rt_period: _,
        cpu_rt_runtime: _,
        cpus: _,
        cpuset: _,
        cpu_shares: _,
        command: _,
        configs: _,
        container_name: _,
        credential_spec: _,
        depends_on: _,
        deploy: _,
        device_cgroup_rules: _,
        devices: _,
        dns: _,
        dns_opt: _,
        dns_search: _,
        domainname: _,
        entrypoint: _,
        provider,
        environment: _,
        env_file: _,
        expose: _,
        extends: _,
        external_links: _,
        extra_hosts: _,
        group_add: _,
        gpus: _,
        hostname: _,
        healthcheck,
        image: _,
        init: _,
        ipc: _,
        isolation: _,
        labels: _,
        label_file: _,
        links: _,
        logging: _,
        mem_limit: _,
        mem_reservation: _,
        memswap_limit: _,
        mem_swappiness: _,
        mac_address,
        models,
        network_mode: _,
        networks,
        oom_kill_disable: _,
        oom_score_adj: _,
        pid: _,
        pids_limit: _,
        platform,
        ports: _,
        post_start: _,
        pre_stop: _,
        privileged: _,
        pull_policy: _,
        read_only: _,
        restart: _,
        runtime: _,
        scale: _,
        secrets: _,
        security_opt,
        shm_size: _,
        stdin_open: _,
        stop_grace_period: _,
        stop_signal: _,
        storage_opt: _,
        sysctls: _,
        tmpfs: _,
        tty: _,
        ulimits: _,
        use_api_socket: _,
        user: _,
        userns_mode: _,
        uts: _,
        volumes,
        volumes_from: _,
        working_dir: _,
        extensions: _,
    } = service;
    let mut refused: Vec<Refusal> = Vec::new();
    let mut refuse = |attribute: &[&str], why: String, help: &'static str| {
        refused.push(Refusal {
            attribute: attribute.iter().map(|&part| part.to_owned()).collect(),
            why,
            help,
        });
    };
    let not_yet = || "is not supported yet".to_owned();
    if provider.is_some() {
        refuse(&["provider"], not_yet(), "start what it provides yourself, and remove the service");
    }
    if !models.0.is_empty() {
        refuse(&["models"], not_yet(), "run the model yourself, and pass its URL in `environment`");
    }
    let is_profile_file = |option: &String| {
        let profile = option.strip_prefix("seccomp=").or_else(|| option.strip_prefix("seccomp:"));
        profile
            .is_some_and(|profile| !matches!(profile, "unconfined" | "builtin") && !profile.starts_with('{'))
    };
    if security_opt.0.iter().any(is_profile_file) {
        let help = "give the profile's JSON in place of its file, or `seccomp=unconfined`";
        refuse(&["security_opt"], "names a seccomp profile, which is not read yet".to_owned(), help);
    }
    if let Some(platform) = platform.as_deref().filter(|platform| !is_platform(platform)) {
        let why = format!("names no platform: `{platform}`");
        refuse(&["platform"], why, "write os[/arch[/variant]], such as linux/amd64");
    }
    let needs = |version: (u32, u32)| {
        (api < version).then(|| {
            format!("needs API {}.{}, and the engine speaks {}.{}", version.0, version.1, api.0, api.1)
        })
    };
    if let Some(check) = healthcheck
        && check.start_interval.is_some()
    {
        let attribute = &["healthcheck", "start_interval"];
        if let Some(why) = needs((1, 44)) {
            refuse(attribute, why, "update Docker Engine to version 25, or remove it");
        } else if check.start_period.is_none() {
            let why = "has no meaning without `start_period`".to_owned();
            refuse(attribute, why, "add `start_period`, the time during which it applies");
        }
    }
    if let (Some(_), Some(why)) = (mac_address, needs((1, 44))) {
        refuse(&["mac_address"], why, "update Docker Engine to version 25, or remove it");
    }
    for (key, how) in networks.0.iter().filter_map(|(key, how)| Some((key, how.0.as_ref()?))) {
        if let (Some(_), Some(why)) = (&how.mac_address, needs((1, 44))) {
            refuse(
                &["networks", key, "mac_address"],
                why,
                "update Docker Engine to version 25, or remove it",
            );
        }
        if let (Some(_), Some(why)) = (&how.interface_name, needs((1, 49))) {
            refuse(
                &["networks", key, "interface_name"],
                why,
                "update Docker Engine to version 28.1, or remove it",
            );
        }
    }
    for (at, mount) in volumes.0.iter().enumerate() {
        if let (crate::model::storage::MountType::Image, Some(why)) = (mount.kind, needs((1, 48))) {
            refuse(&["volumes", &at.to_string()], why, "update Docker Engine to version 28, or use a volume");
        }
    }
    refused
}

/// Returns whether it is `os[/arch[/variant]]`; a single word must be a known system or architecture.
fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let holds = |part: &&str| {
        let known = |one: char| one.is_ascii_alphanumeric() || "_.-".contains(one);
        !part.is_empty() && part.chars().all(known)
    };
    let is_known = |word: &str| {
        const KNOWN: [&str; 24] = [
            "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "wasi", "amd64", "x86_64",
            "x86-64", "386", "i386", "arm64", "aarch64", "arm", "armhf", "armel", "ppc64le", "ppc64",
            "s390x", "riscv64", "mips64", "mips64le", "wasm",
        ];
        KNOWN.contains(&word.to_ascii_lowercase().as_str())
    };
    parts.len() <= 3 && parts.iter().all(holds) && (parts.len() > 1 || is_known(parts[0]))
}
