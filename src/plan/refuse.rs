//! What `up` cannot honour: said before anything is done, at its line.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::service::Service;
use crate::project::Project;

/// Reports the attributes of running services that `up` would have to leave out.
pub(super) fn report(project: &Project, api: (u32, u32), diagnostics: &mut Diagnostics) {
    for (name, service) in &project.services {
        for (attribute, why, help) in unsupported(service, api) {
            diagnostics.push(
                Diagnostic::error(Code::UnsupportedAttribute, format!("`services.{name}.{attribute}` {why}"))
                    .label(
                        project.span(&[&["services", name], &*attribute.split('.').collect::<Vec<_>>()].concat()),
                        "this cannot be honoured",
                    )
                    .help(help),
            );
        }
    }
}

type Refusal = (&'static str, String, &'static str);

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
        credential_spec,
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
        mac_address: _,
        models,
        network_mode: _,
        networks: _,
        oom_kill_disable: _,
        oom_score_adj: _,
        pid: _,
        pids_limit: _,
        platform: _,
        ports: _,
        post_start,
        pre_stop,
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
        use_api_socket,
        user: _,
        userns_mode: _,
        uts: _,
        volumes: _,
        volumes_from: _,
        working_dir: _,
        extensions: _,
    } = service;
    let mut refused: Vec<Refusal> = Vec::new();
    let mut not_yet = |attribute: &'static str, is_used: bool, help: &'static str| {
        if is_used {
            refused.push((attribute, "is not supported by `up` yet".to_owned(), help));
        }
    };
    not_yet("credential_spec", credential_spec.is_some(), "run the service where Windows containers are supported");
    not_yet("provider", provider.is_some(), "start what it provides yourself, and remove the service");
    not_yet("models", !models.0.is_empty(), "run the model yourself, and pass its URL in `environment`");
    not_yet("post_start", !post_start.is_empty(), "run the commands with `docker exec` after `up`");
    not_yet("pre_stop", !pre_stop.is_empty(), "run the commands with `docker exec` before `down`");
    not_yet("use_api_socket", *use_api_socket, "mount the engine's socket: `/var/run/docker.sock:/var/run/docker.sock`");
    let profile = |option: &String| {
        let profile = option.strip_prefix("seccomp=").or_else(|| option.strip_prefix("seccomp:"));
        profile.is_some_and(|profile| !matches!(profile, "unconfined" | "builtin") && !profile.starts_with('{'))
    };
    not_yet(
        "security_opt",
        security_opt.0.iter().any(profile),
        "give the profile's JSON in place of its file, or `seccomp=unconfined`",
    );
    if api < (1, 44) && healthcheck.as_ref().is_some_and(|check| check.start_interval.is_some()) {
        let why = format!("needs API 1.44, and the engine speaks {}.{}", api.0, api.1);
        refused.push(("healthcheck.start_interval", why, "update Docker Engine to version 25, or remove it"));
    }
    refused
}
