//! A service as the request that creates one of its containers: every attribute has its place here.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigIsolationEnum, HostConfigLogConfig, NetworkingConfig, PortBinding,
    PortMap, RestartPolicy, RestartPolicyNameEnum,
};

use super::{container_id_of, labels, limits, mounts};
use crate::model::lifecycle::{Healthcheck, Restart};
use crate::model::network::Attachment;
use crate::model::service::{CgroupNamespace, Service};
use crate::model::values::Duration;
use crate::project::Project;

/// Engines from this API version on take all networks of a container when it is created.
const MANY_NETWORKS: (u32, u32) = (1, 44);

/// A network that a container joins.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The network's name in the engine.
    pub network: String,
    /// How it is joined.
    pub settings: EndpointSettings,
}

/// A container to create, but for what differs between recreating and creating.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// The request.
    pub body: ContainerCreateBody,
    /// The networks that must be joined by calls of their own, in this order.
    pub later: Vec<Endpoint>,
}

/// Returns the request that creates container `number` of a service.
pub fn container(
    project: &Project,
    name: &str,
    service: &Service,
    number: u32,
    api: (u32, u32),
) -> Container {
    let container_name = container_name(project, name, service, number);
    let mut endpoints = endpoints(project, name, service, &container_name);
    // Older engines take one network; the one of the highest priority comes first.
    let later =
        if api < MANY_NETWORKS && !endpoints.is_empty() { endpoints.split_off(1) } else { Vec::new() };
    let mut body = settings(project, service);
    body.image = Some(project.image_of(name, service));
    body.labels = Some(container_labels(project, name, service, number));
    body.networking_config = (!endpoints.is_empty()).then(|| NetworkingConfig {
        endpoints_config: Some(
            endpoints.iter().map(|endpoint| (endpoint.network.clone(), endpoint.settings.clone())).collect(),
        ),
    });
    let (binds, mounts) = mounts::mounts(project, service);
    let mut host = host(project, service);
    let mode = service.network_mode.as_ref().filter(|mode| !mode.is_empty());
    host.network_mode = Some(match (mode, endpoints.first()) {
        (Some(mode), _) => shared_namespace(project, mode),
        (None, Some(endpoint)) => endpoint.network.clone(),
        (None, None) => "none".to_owned(),
    });
    host.binds = some(binds);
    host.mounts = some(mounts);
    host.links = some(links(project, service));
    body.host_config = Some(host);
    Container { body, later }
}

/// Returns the name of container `number` of a service.
pub fn container_name(project: &Project, name: &str, service: &Service, number: u32) -> String {
    match &service.container_name {
        Some(name) => name.0.clone(),
        None => project.numbered_container(name, number),
    }
}

pub(super) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

pub(super) fn nonzero(number: i64) -> Option<i64> {
    (number != 0).then_some(number)
}

pub(super) fn map<'a>(
    entries: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Option<HashMap<String, String>> {
    let map: HashMap<_, _> = entries.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    (!map.is_empty()).then_some(map)
}

/// The part of a request that says what runs in the container.
fn settings(project: &Project, service: &Service) -> ContainerCreateBody {
    let exposed = service.ports.0.iter().map(|port| format!("{}/{}", port.target.0, port.protocol()));
    let mut exposed: Vec<String> =
        service.expose.0.iter().map(|port| port.0.clone()).chain(exposed).collect();
    exposed.sort();
    exposed.dedup();
    ContainerCreateBody {
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        user: service.user.clone(),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        exposed_ports: some(exposed),
        tty: Some(service.tty),
        open_stdin: Some(service.stdin_open),
        env: some(environment(project, service)),
        cmd: service.command.0.clone(),
        entrypoint: service.entrypoint.0.clone(),
        healthcheck: service.healthcheck.as_ref().map(healthcheck),
        working_dir: service.working_dir.clone(),
        stop_signal: service.stop_signal.clone(),
        stop_timeout: service
            .stop_grace_period
            .map(|period| i64::try_from(period.0.as_secs()).unwrap_or(i64::MAX)),
        ..ContainerCreateBody::default()
    }
}

fn environment(project: &Project, service: &Service) -> Vec<String> {
    let line = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        // Without a value the engine unsets what the image has.
        None => name.clone(),
    };
    let added = project.client.variables().into_iter().map(|(name, value)| (name, Some(value)));
    let mut all: BTreeMap<String, Option<String>> = added.collect();
    all.extend(service.environment.0.clone());
    all.iter().map(line).collect()
}

/// Durations that are not given are 0, which leaves the image's.
fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let Healthcheck {
        test,
        timeout,
        interval,
        retries,
        start_period,
        start_interval,
        disable,
        extensions: _,
    } = check;
    let test =
        if *disable { Some(vec!["NONE".to_owned()]) } else { test.as_ref().map(|test| test.0.clone()) };
    HealthConfig {
        test,
        interval: interval.map(Duration::nanoseconds),
        timeout: timeout.map(Duration::nanoseconds),
        retries: retries.map(|times| i64::try_from(times).unwrap_or(i64::MAX)),
        start_period: start_period.map(Duration::nanoseconds),
        start_interval: start_interval.map(Duration::nanoseconds),
    }
}

fn container_labels(
    project: &Project,
    name: &str,
    service: &Service,
    number: u32,
) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = service.labels.0.clone().into_iter().collect();
    let paths = |paths: &[std::path::PathBuf]| {
        paths.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
    };
    let depends_on: Vec<String> = service
        .depends_on
        .0
        .iter()
        .filter(|(name, _)| project.services.contains_key(*name))
        .map(|(name, how)| format!("{name}:{}:{}", how.condition, how.restart))
        .collect();
    let mut add = |key: &str, value: String| labels.insert(key.to_owned(), value);
    add(labels::PROJECT, project.name.clone());
    add(labels::SERVICE, name.to_owned());
    add(labels::VERSION, labels::COMPOSE_VERSION.to_owned());
    add(labels::ONEOFF, "False".to_owned());
    add(labels::CONTAINER_NUMBER, number.to_string());
    add(labels::DEPENDS_ON, depends_on.join(","));
    add(labels::IMAGE, super::image_id_of(&project.image_of(name, service)));
    add(labels::WORKING_DIR, project.directory.to_string_lossy().into_owned());
    add(labels::CONFIG_FILES, paths(&project.files));
    if !project.env_files.is_empty() {
        add(labels::ENVIRONMENT_FILE, paths(&project.env_files));
    }
    labels
}

/// Returns the networks that a service joins, and how. `network_mode: ""` keeps the default network from being written
/// into the service, and means it all the same.
pub(super) fn networks<'a>(
    project: &'a Project,
    service: &'a Service,
) -> impl Iterator<Item = (&'a String, Option<&'a Attachment>)> {
    let is_silent =
        service.networks.0.is_empty() && service.network_mode.as_ref().is_none_or(String::is_empty);
    let default = project.networks.get_key_value("default").filter(|_| is_silent);
    let written = service.networks.0.iter().map(|(key, how)| (key, how.0.as_deref()));
    written.chain(default.map(|(key, _)| (key, None)))
}

/// The networks of a service, the primary one first: by priority, then by name.
fn endpoints(project: &Project, name: &str, service: &Service, container_name: &str) -> Vec<Endpoint> {
    let unset = Attachment::default();
    let mut attachments: Vec<(&String, &Attachment)> =
        networks(project, service).map(|(key, how)| (key, how.unwrap_or(&unset))).collect();
    attachments
        .sort_by(|(one, left), (other, right)| right.priority.cmp(&left.priority).then(one.cmp(other)));
    let links = links(project, service);
    let endpoint = |(at, (key, how)): (usize, (&String, &Attachment))| {
        let Attachment {
            aliases,
            driver_opts,
            gw_priority,
            interface_name,
            ipv4_address,
            ipv6_address,
            link_local_ips,
            mac_address,
            priority: _,
            extensions: _,
        } = how;
        let mut names = vec![container_name.to_owned(), name.to_owned()];
        names.extend(aliases.0.iter().cloned());
        let mut driver_opts = driver_opts.0.clone();
        if let Some(interface) = interface_name {
            driver_opts.insert("com.docker.network.endpoint.ifname".to_owned(), interface.clone());
        }
        let addressed = ipv4_address.is_some() || ipv6_address.is_some() || !link_local_ips.0.is_empty();
        let own_mac = if at == 0 { service.mac_address.clone() } else { None };
        let settings = EndpointSettings {
            aliases: Some(names),
            links: some(links.clone()),
            mac_address: mac_address.clone().or(own_mac),
            driver_opts: map(&driver_opts),
            gw_priority: nonzero(*gw_priority),
            ipam_config: addressed.then(|| EndpointIpamConfig {
                ipv4_address: ipv4_address.clone(),
                ipv6_address: ipv6_address.clone(),
                link_local_ips: some(link_local_ips.0.clone()),
            }),
            // docker compose writes the addresses here too.
            ip_address: ipv4_address.clone(),
            ipv6_gateway: ipv6_address.clone(),
            ..EndpointSettings::default()
        };
        Endpoint { network: project.network_name(key).to_owned(), settings }
    };
    attachments.into_iter().enumerate().map(endpoint).collect()
}

/// Returns how a container of a service is on a network of the engine, if the file has it there.
pub(super) fn endpoint_of(
    project: &Project,
    name: &str,
    container_name: &str,
    network: &str,
) -> Option<EndpointSettings> {
    let endpoints = endpoints(project, name, project.services.get(name)?, container_name);
    endpoints.into_iter().find(|endpoint| endpoint.network == network).map(|endpoint| endpoint.settings)
}

/// Legacy links: names for the containers of other services, and for containers outside of the project.
fn links(project: &Project, service: &Service) -> Vec<String> {
    let mut links = Vec::new();
    for link in &service.links.0 {
        let (other, alias) = link.split_once(':').unwrap_or((link, link));
        let Some(linked) = project.services.get(other) else { continue };
        for number in 1..=containers(linked) {
            let container = container_name(project, other, linked, number);
            links.push(format!("{container}:{alias}"));
            links.push(format!("{container}:{other}-{number}"));
            links.push(format!("{container}:{}-{other}-{number}", project.name));
        }
    }
    for link in &service.external_links.0 {
        let (container, alias) = link.split_once(':').unwrap_or((link, link));
        links.push(format!("{container}:{alias}"));
    }
    links
}

/// Returns how many containers a service has.
pub fn containers(service: &Service) -> u32 {
    u32::try_from(service.containers()).unwrap_or(0)
}

/// Replaces `service:x` by a stand-in for the ID of its container.
fn shared_namespace(project: &Project, mode: &str) -> String {
    let named = |name| Some((name, project.services.get(name).or_else(|| project.disabled.get(name))?));
    match mode.strip_prefix("service:").and_then(named) {
        Some((name, service)) => {
            format!("container:{}", container_id_of(&container_name(project, name, service, 1)))
        }
        None => mode.to_owned(),
    }
}

/// The part of a request that says what the container has of the host.
fn host(project: &Project, service: &Service) -> HostConfig {
    let shared = |mode: &Option<String>| mode.as_ref().map(|mode| shared_namespace(project, mode));
    let (security_opt, unconfined) = security(service);
    let mut host = HostConfig {
        annotations: map(&service.annotations.0),
        auto_remove: None,
        cap_add: some(capabilities(&service.cap_add.0)),
        cap_drop: some(capabilities(&service.cap_drop.0)),
        cgroup_parent: service.cgroup_parent.clone(),
        cgroupns_mode: service.cgroup.map(|cgroup| match cgroup {
            CgroupNamespace::Host => HostConfigCgroupnsModeEnum::HOST,
            CgroupNamespace::Private => HostConfigCgroupnsModeEnum::PRIVATE,
        }),
        device_cgroup_rules: some(service.device_cgroup_rules.0.clone()),
        devices: some(service.devices.0.iter().map(device).collect()),
        dns: some(service.dns.0.clone()),
        dns_options: some(service.dns_opt.0.clone()),
        dns_search: some(service.dns_search.0.clone()),
        extra_hosts: some(service.extra_hosts.pairs().map(|(host, ip)| format!("{host}:{ip}")).collect()),
        group_add: some(service.group_add.0.iter().map(|group| group.0.clone()).collect()),
        init: service.init,
        ipc_mode: shared(&service.ipc),
        isolation: service.isolation.as_deref().map(|isolation| match isolation {
            "process" => HostConfigIsolationEnum::PROCESS,
            "hyperv" => HostConfigIsolationEnum::HYPERV,
            _ => HostConfigIsolationEnum::DEFAULT,
        }),
        log_config: service.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: map(&logging.options.0),
        }),
        masked_paths: unconfined.then(Vec::new),
        readonly_paths: unconfined.then(Vec::new),
        oom_score_adj: nonzero(service.oom_score_adj),
        pid_mode: shared(&service.pid),
        port_bindings: Some(port_bindings(service)),
        privileged: service.privileged.then_some(true),
        readonly_rootfs: service.read_only.then_some(true),
        restart_policy: restart(service),
        runtime: service.runtime.clone(),
        security_opt: some(security_opt),
        shm_size: nonzero(service.shm_size.0),
        storage_opt: map(&service.storage_opt.0),
        sysctls: map(&service.sysctls.0),
        tmpfs: tmpfs(service),
        userns_mode: service.userns_mode.clone(),
        uts_mode: service.uts.clone(),
        volumes_from: some(volumes_from(project, service)),
        ..HostConfig::default()
    };
    limits::limit(&mut host, service);
    host
}

/// Writes capabilities as the engine lists them: `CAP_NET_ADMIN`, in order.
fn capabilities(names: &[String]) -> Vec<String> {
    let full = |name: &String| {
        let name = name.to_ascii_uppercase();
        if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    };
    let full: std::collections::BTreeSet<String> = names.iter().map(full).collect();
    full.into_iter().collect()
}

fn device(device: &crate::model::service::Device) -> DeviceMapping {
    DeviceMapping {
        path_on_host: Some(device.source.clone()),
        path_in_container: device.target.clone().or_else(|| Some(device.source.clone())),
        cgroup_permissions: device.permissions.clone().or_else(|| Some("rwm".to_owned())),
    }
}

/// `systempaths=unconfined` is not an option of the engine's but of its paths.
fn security(service: &Service) -> (Vec<String>, bool) {
    let unconfined = |option: &&String| option.as_str() == "systempaths=unconfined";
    let options = &service.security_opt.0;
    (
        options.iter().filter(|option| !unconfined(option)).cloned().collect(),
        options.iter().any(|option| unconfined(&option)),
    )
}

fn port_bindings(service: &Service) -> PortMap {
    let mut bindings = PortMap::new();
    for port in &service.ports.0 {
        let key = format!("{}/{}", port.target.0, port.protocol());
        let binding = PortBinding {
            host_ip: Some(port.host_ip.clone().unwrap_or_default()),
            host_port: Some(
                port.published.as_ref().map_or_else(String::new, |published| published.0.clone()),
            ),
        };
        bindings.entry(key).or_insert_with(|| Some(Vec::new())).get_or_insert_default().push(binding);
    }
    bindings
}

/// `deploy.restart_policy` wins over `restart`.
fn restart(service: &Service) -> Option<RestartPolicy> {
    let policy = service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    let (name, times) = match (policy, service.restart) {
        (Some(policy), _) => {
            let name = match policy.condition.as_deref() {
                Some("none" | "no") => RestartPolicyNameEnum::NO,
                Some("on-failure") => RestartPolicyNameEnum::ON_FAILURE,
                Some("unless-stopped") => RestartPolicyNameEnum::UNLESS_STOPPED,
                _ => RestartPolicyNameEnum::ALWAYS,
            };
            (name, policy.max_attempts.and_then(|times| i64::try_from(times).ok()))
        }
        (None, Some(restart)) => match restart {
            Restart::No => (RestartPolicyNameEnum::NO, None),
            Restart::Always => (RestartPolicyNameEnum::ALWAYS, None),
            Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
            Restart::OnFailure(times) => (RestartPolicyNameEnum::ON_FAILURE, times.map(i64::from)),
        },
        (None, None) => return None,
    };
    Some(RestartPolicy { name: Some(name), maximum_retry_count: times })
}

fn tmpfs(service: &Service) -> Option<HashMap<String, String>> {
    let split = |place: &String| {
        let (path, options) = place.split_once(':').unwrap_or((place, ""));
        (path.to_owned(), options.to_owned())
    };
    let places: HashMap<_, _> = service.tmpfs.0.iter().map(split).collect();
    (!places.is_empty()).then_some(places)
}

fn volumes_from(project: &Project, service: &Service) -> Vec<String> {
    let one = |from: &String| {
        if let Some(container) = from.strip_prefix("container:") {
            return container.to_owned();
        }
        let (name, mode) =
            from.split_once(':').map_or((from.as_str(), None), |(name, mode)| (name, Some(mode)));
        let service = project.services.get(name).or_else(|| project.disabled.get(name));
        let Some(service) = service else { return from.clone() };
        let id = container_id_of(&container_name(project, name, service, 1));
        mode.map_or_else(|| id.clone(), |mode| format!("{id}:{mode}"))
    };
    service.volumes_from.0.iter().map(one).collect()
}
