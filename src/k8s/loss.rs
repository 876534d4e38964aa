//! What an export cannot keep: attributes without an equivalent, as one table, and the report that all parts write to.
//!
//! Each record of the model is destructured without `..`, here or where it is translated, so that the compiler
//! asks for a decision when an attribute is added.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::attribute::Attribute;
use crate::model::network::{Attachment, Network};
use crate::model::service::{CgroupNamespace, Service};
use crate::project::Project;
use crate::source::Span;

use super::Scope;

/// Collects what is approximated or lost, each at its place in the file.
pub(super) struct Report<'a> {
    project: &'a Project,
    diagnostics: Diagnostics,
}

impl<'a> Report<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        Self { project, diagnostics: Diagnostics::default() }
    }

    /// Says that something has no equivalent.
    pub(super) fn lost(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.warn(Code::ExportLost, path, message, "this is lost", help);
    }

    /// Says that something is expressed, but not quite as Docker has it.
    pub(super) fn approximated(
        &mut self,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.warn(Code::ExportApproximated, path, message, "this is only nearly the same", help);
    }

    fn warn(
        &mut self,
        code: Code,
        path: &[&str],
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        let span = self.project.span(path);
        self.push(Diagnostic::warning(code, message).label(span, label).help(help));
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }
}

/// Reports what has no equivalent whatever its value; the parts that translate the rest report the rest.
pub(super) fn report(scope: &mut Scope<'_>) {
    let project = scope.project;
    for (name, service) in &project.services {
        report_service(&mut scope.report, name, service);
        for (key, attachment) in &service.networks.0 {
            if let Some(attachment) = &attachment.0 {
                report_attachment(&mut scope.report, project, name, key, attachment);
            }
        }
    }
    for (key, network) in &project.networks {
        report_network(&mut scope.report, key, network);
    }
    for key in project.models.keys() {
        let help = "run the model as a service of its own, or give its address in `environment`";
        scope.report.lost(&["models", key], format!("Kubernetes does not provide model `{key}`"), help);
    }
}

fn report_service(report: &mut Report<'_>, name: &str, service: &Service) {
    let Service {
        // Lost.
        blkio_config,
        cgroup_parent,
        cgroup,
        cpu_count,
        cpu_percent,
        cpu_rt_period,
        cpu_rt_runtime,
        cpuset,
        credential_spec,
        device_cgroup_rules,
        devices,
        domainname,
        external_links,
        isolation,
        logging,
        mac_address,
        memswap_limit,
        mem_swappiness,
        models,
        oom_kill_disable,
        oom_score_adj,
        pids_limit,
        provider,
        storage_opt,
        ulimits,
        use_api_socket,
        uts,
        // Of no matter for running: applied already, or for the developer's machine.
        profiles: _,
        attach: _,
        develop: _,
        env_file: _,
        extends: _,
        label_file: _,
        extensions: _,
        // workload.rs
        annotations: _,
        deploy: _,
        depends_on: _,
        labels: _,
        restart: _,
        scale: _,
        platform: _,
        runtime: _,
        stop_grace_period: _,
        // container.rs
        build: _,
        command: _,
        entrypoint: _,
        environment: _,
        healthcheck: _,
        image: _,
        post_start: _,
        pre_stop: _,
        pull_policy: _,
        stdin_open: _,
        stop_signal: _,
        tty: _,
        working_dir: _,
        // resources.rs
        cpu_period: _,
        cpu_quota: _,
        cpus: _,
        cpu_shares: _,
        gpus: _,
        mem_limit: _,
        mem_reservation: _,
        // security.rs
        cap_add: _,
        cap_drop: _,
        group_add: _,
        init: _,
        ipc: _,
        pid: _,
        privileged: _,
        read_only: _,
        security_opt: _,
        sysctls: _,
        user: _,
        userns_mode: _,
        // network.rs
        container_name: _,
        dns: _,
        dns_opt: _,
        dns_search: _,
        expose: _,
        extra_hosts: _,
        hostname: _,
        links: _,
        network_mode: _,
        networks: _,
        ports: _,
        // storage.rs
        configs: _,
        secrets: _,
        shm_size: _,
        tmpfs: _,
        volumes: _,
        volumes_from: _,
    } = service;
    let kubelet = "set it for all pods of a node in the kubelet's configuration, or leave it out";
    let node = "choose nodes that have it, with `deploy.placement.constraints`, or leave it out";
    let windows = "leave it out: it is for Windows containers of Docker";
    let table = [
        (
            "blkio_config",
            !blkio_config.is_unset(),
            "choose a storage class with the throughput that is needed",
        ),
        ("cgroup_parent", !cgroup_parent.is_unset(), "leave it out: the kubelet chooses it"),
        (
            "cgroup",
            *cgroup == Some(CgroupNamespace::Host),
            "leave it out: pods have a namespace of their own",
        ),
        ("cpu_count", !cpu_count.is_unset(), windows),
        ("cpu_percent", !cpu_percent.is_unset(), windows),
        ("cpu_rt_period", !cpu_rt_period.is_unset(), node),
        ("cpu_rt_runtime", !cpu_rt_runtime.is_unset(), node),
        ("cpuset", !cpuset.is_unset(), "ask for whole processors and use the kubelet's static CPU manager"),
        ("credential_spec", !credential_spec.is_unset(), windows),
        ("device_cgroup_rules", !device_cgroup_rules.is_unset(), "use a device plugin"),
        ("devices", !devices.is_unset(), "use a device plugin and ask for its resource"),
        ("domainname", !domainname.is_unset(), "use the service's name, or an alias"),
        (
            "external_links",
            !external_links.is_unset(),
            "use the address that the other one has in the cluster",
        ),
        ("isolation", !isolation.is_unset(), windows),
        ("logging", !logging.is_unset(), "collect the logs of the cluster's nodes with an agent"),
        ("mac_address", !mac_address.is_unset(), "leave it out: the cluster's network gives addresses"),
        ("memswap_limit", !memswap_limit.is_unset(), kubelet),
        ("mem_swappiness", !mem_swappiness.is_unset(), kubelet),
        ("models", !models.is_unset(), "give the model's address in `environment`"),
        ("oom_kill_disable", !oom_kill_disable.is_unset(), "raise the memory limit instead"),
        ("oom_score_adj", !oom_score_adj.is_unset(), "make reservations equal to limits for a low score"),
        ("pids_limit", !pids_limit.is_unset(), kubelet),
        ("storage_opt", !storage_opt.is_unset(), "use a volume of the size that is needed"),
        (
            "ulimits",
            !ulimits.is_unset(),
            "set them in the nodes' container runtime, or with `ulimit` in the command",
        ),
        (
            "use_api_socket",
            !use_api_socket.is_unset(),
            "use the Kubernetes API: there is no Docker Engine in a pod",
        ),
        ("uts", !uts.is_unset(), "use `network_mode: host`, whose pods have the host's name"),
    ];
    for (attribute, is_given, help) in table {
        if is_given {
            let message = format!("`services.{name}.{attribute}` has no equivalent in Kubernetes");
            report.lost(&["services", name, attribute], message, help);
        }
    }
    if provider.is_some() {
        let message =
            format!("service `{name}` comes from a provider, which runs on the developer's machine");
        let help = "give the services that need it the address of what stands for it in the cluster";
        report.lost(&["services", name, "provider"], message, help);
    }
}

fn report_attachment(
    report: &mut Report<'_>,
    project: &Project,
    name: &str,
    key: &str,
    attachment: &Attachment,
) {
    let Attachment {
        driver_opts,
        gw_priority,
        interface_name,
        ipv4_address,
        ipv6_address,
        link_local_ips,
        mac_address,
        priority,
        // network.rs
        aliases: _,
        extensions: _,
    } = attachment;
    for (attribute, is_given) in [
        ("driver_opts", !driver_opts.is_unset()),
        ("gw_priority", !gw_priority.is_unset()),
        ("interface_name", !interface_name.is_unset()),
        ("link_local_ips", !link_local_ips.is_unset()),
        ("mac_address", !mac_address.is_unset()),
        ("priority", !priority.is_unset()),
    ] {
        if is_given {
            let message =
                format!("`services.{name}.networks.{key}.{attribute}` has no equivalent in Kubernetes");
            let help = "leave it out: a pod has one interface, which the cluster's network sets up";
            report.lost(&["services", name, "networks", key, attribute], message, help);
        }
    }
    for (attribute, address) in [("ipv4_address", ipv4_address), ("ipv6_address", ipv6_address)] {
        let Some(address) = address else { continue };
        let place = project.span(&["services", name, "networks", key, attribute]);
        let mut diagnostic = Diagnostic::warning(
            Code::ExportLost,
            format!("service `{name}` cannot have the fixed address {address} in Kubernetes"),
        )
        .label(place, "pods get their addresses from the cluster")
        .help(format!("reach it by its name, `{name}`"));
        for span in uses_of(project, address) {
            diagnostic = diagnostic.label(span, "this address will not exist");
        }
        report.push(diagnostic);
    }
}

/// Returns where services write an address or a name into variables or hosts.
pub(super) fn uses_of(project: &Project, address: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for (name, service) in &project.services {
        for (variable, value) in &service.environment.0 {
            if value.as_ref().is_some_and(|value| value.contains(address)) {
                spans.push(project.span(&["services", name, "environment", variable]));
            }
        }
        for (host, value) in service.extra_hosts.pairs() {
            if value == address {
                spans.push(project.span(&["services", name, "extra_hosts", host]));
            }
        }
    }
    spans
}

fn report_network(report: &mut Report<'_>, key: &str, network: &Network) {
    let Network {
        driver,
        driver_opts,
        ipam,
        attachable,
        enable_ipv4,
        enable_ipv6,
        // policy.rs
        name: _,
        external: _,
        internal: _,
        labels: _,
        extensions: _,
    } = network;
    match driver.as_deref() {
        None | Some("" | "bridge" | "overlay") => {}
        Some(driver) => {
            let message =
                format!("network `{key}` of driver `{driver}` is exported as a network of the cluster");
            let help =
                "pods are not in the host's own network: publish the ports that are needed from outside";
            report.approximated(&["networks", key, "driver"], message, help);
        }
    }
    let ipam = ipam.as_ref().is_some_and(|ipam| {
        let crate::model::network::Ipam { driver, config, options, extensions: _ } = ipam;
        !driver.is_unset() || !config.is_unset() || !options.is_unset()
    });
    for (attribute, is_given, help) in [
        ("driver_opts", !driver_opts.is_unset(), "leave them out: the cluster has one network for all pods"),
        ("ipam", ipam, "leave it out: pods get their addresses from the cluster; use names"),
        ("attachable", *attachable, "leave it out: give other pods the label of the network instead"),
        ("enable_ipv4", *enable_ipv4 == Some(false), "choose the cluster's address families"),
        ("enable_ipv6", *enable_ipv6 == Some(true), "choose the cluster's address families"),
    ] {
        if is_given {
            let message = format!("`networks.{key}.{attribute}` has no equivalent in Kubernetes");
            report.lost(&["networks", key, attribute], message, help);
        }
    }
}
