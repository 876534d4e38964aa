//! kompose's labels of existing files, read as what `x-topo` says.
//!
//! See <https://kompose.io/user-guide/#labels>. Each label becomes a setting of the same type that `x-topo` has, or a
//! warning that says what to write in its place; `x-topo` wins over labels.

use crate::diagnostic::did_you_mean;
use crate::model::ports::PortNumber;
use crate::model::service::Service;
use crate::model::units::parse_duration;
use crate::model::values::{Duration, KeyValues, StringList};
use crate::model::x_topo::probes::{HttpProbe, Probe};
use crate::model::x_topo::schedule::is_schedule;
use crate::model::x_topo::traffic::{ExternalTrafficPolicy, IngressRule, ServiceType};
use crate::model::x_topo::{Autoscale, Claim, ConcurrencyPolicy, Cron, Quantity, Workload, WorkloadKind};

use super::loss::Report;
use super::ports::first_port;

/// What all of kompose's labels start with.
pub(super) const PREFIX: &str = "kompose.";

/// Labels that say something which the specification, or Kubernetes itself, has another way to say.
const ELSEWHERE: [(&str, &str); 12] = [
    ("service.group", "give one of the services `network_mode: service:OTHER`: both run in one pod"),
    ("service.name_override", "give the service an alias on its networks"),
    ("controller.port.expose", "publish the port, with `x-topo.kubernetes.service.type: nodeport`"),
    ("image-pull-policy", "write `pull_policy`"),
    ("init.containers.name", "write the init container as a step of `pre_start`"),
    ("init.containers.image", "write the init container as a step of `pre_start`"),
    ("init.containers.command", "write the init container as a step of `pre_start`"),
    ("cronjob.backoff_limit", "write `restart: on-failure:N`"),
    ("volume.type", "write the mount as a volume, a `tmpfs` or one of `configs`"),
    ("volume.subpath", "write `volume: {subpath: PATH}` at the mount"),
    ("volume.selector", "create the claim with its selector, and make the volume `external`"),
    (
        "service.expose.path",
        "kompose does not read it either: write `HOST/PATH` into `kompose.service.expose`",
    ),
];

/// Labels that are settings.
const KNOWN: [&str; 31] = [
    "controller.type",
    "cronjob.concurrency_policy",
    "cronjob.schedule",
    "ephemeral-storage.limit",
    "ephemeral-storage.request",
    "hpa.cpu",
    "hpa.memory",
    "hpa.replicas.max",
    "hpa.replicas.min",
    "image-pull-secret",
    "security-context.fsgroup",
    "service.expose",
    "service.expose.ingress-class-name",
    "service.expose.tls-secret",
    "service.external-traffic-policy",
    "service.healthcheck.liveness.http_get_path",
    "service.healthcheck.liveness.http_get_port",
    "service.healthcheck.liveness.tcp_port",
    "service.healthcheck.readiness.disable",
    "service.healthcheck.readiness.http_get_path",
    "service.healthcheck.readiness.http_get_port",
    "service.healthcheck.readiness.interval",
    "service.healthcheck.readiness.retries",
    "service.healthcheck.readiness.start_period",
    "service.healthcheck.readiness.tcp_port",
    "service.healthcheck.readiness.test",
    "service.healthcheck.readiness.timeout",
    "service.nodeport.port",
    "service.type",
    "serviceaccount-name",
    "volume.size",
];

/// Why a label is not read.
enum Refusal {
    /// Its value means nothing: what is taken.
    Value(&'static str),
    /// It is said in another way.
    Elsewhere(&'static str),
    /// kompose has no such label.
    Unknown,
}

/// Reads the labels of a service. Returns whether there is any.
pub(super) fn of_service(
    report: &mut Report<'_>,
    name: &str,
    service: &Service,
    workload: &mut Workload,
    claim: &mut Claim,
) -> bool {
    let on_workload = service.deploy.as_ref().map(|deploy| &deploy.labels);
    let sets = [(&["labels"][..], Some(&service.labels)), (&["deploy", "labels"], on_workload)];
    let mut is_any = false;
    for (path, labels) in sets {
        for (key, value) in ours(labels) {
            is_any = true;
            let read =
                read_volume(key, value, claim).unwrap_or_else(|| read_service(key, value, service, workload));
            if let Err(refusal) = read {
                let path: Vec<&str> = ["services", name].into_iter().chain(path.iter().copied()).collect();
                refuse(report, &path, key, value, &refusal);
            }
        }
    }
    hold_together(report, name, workload);
    is_any
}

/// Leaves out what labels say that makes no sense together.
fn hold_together(report: &mut Report<'_>, name: &str, workload: &mut Workload) {
    let path = ["services", name, "labels"];
    if let Some(cron) = workload.cron.take_if(|cron| cron.schedule.is_empty()) {
        let policy = cron.concurrency_policy.map(ConcurrencyPolicy::word).unwrap_or_default();
        let refusal = Refusal::Value("a schedule as well, as `kompose.cronjob.schedule`");
        refuse(report, &path, "cronjob.concurrency_policy", policy, &refusal);
    }
    if let Some(Autoscale { min: Some(least), max, .. }) = &mut workload.autoscale
        && least > max
    {
        let refusal = Refusal::Value("no less than `kompose.hpa.replicas.min`");
        refuse(report, &path, "hpa.replicas.max", &max.to_string(), &refusal);
        *max = *least;
    }
}

/// Reads the labels of a volume. Returns whether there is any.
pub(super) fn of_volume(report: &mut Report<'_>, key: &str, labels: &KeyValues, claim: &mut Claim) -> bool {
    let mut is_any = false;
    for (label, value) in ours(Some(labels)) {
        is_any = true;
        let read = read_volume(label, value, claim).unwrap_or(Err(elsewhere(label)));
        if let Err(refusal) = read {
            refuse(report, &["volumes", key, "labels"], label, value, &refusal);
        }
    }
    is_any
}

fn ours(labels: Option<&KeyValues>) -> impl Iterator<Item = (&str, &str)> {
    let labels = labels.into_iter().flat_map(|labels| &labels.0);
    labels.filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value.trim())))
}

fn refuse(report: &mut Report<'_>, path: &[&str], key: &str, value: &str, refusal: &Refusal) {
    let label = format!("{PREFIX}{key}");
    let path: Vec<&str> = path.iter().copied().chain([&*label]).collect();
    match refusal {
        Refusal::Value(takes) => {
            report.lost(&path, format!("`{label}` cannot be `{value}`"), format!("write {takes}"));
        }
        Refusal::Elsewhere(help) => {
            report.lost(&path, format!("`{label}` is said in another way for topo"), *help);
        }
        Refusal::Unknown => {
            let help = did_you_mean(key, KNOWN).unwrap_or_else(|| "remove it".to_owned());
            report.lost(&path, format!("kompose has no label `{label}`"), help);
        }
    }
}

fn elsewhere(key: &str) -> Refusal {
    match ELSEWHERE.iter().find(|(known, _)| *known == key) {
        Some((_, help)) => Refusal::Elsewhere(help),
        None => Refusal::Unknown,
    }
}

/// Reads a label about volumes; `None` if it is of another kind.
fn read_volume(key: &str, value: &str, claim: &mut Claim) -> Option<Result<(), Refusal>> {
    match key {
        "volume.size" => Some(quantity(value).map(|size| claim.size = Some(size))),
        "volume.storage-class-name" => {
            claim.storage_class = Some(value.to_owned());
            Some(Ok(()))
        }
        _ => None,
    }
}

fn read_service(key: &str, value: &str, service: &Service, workload: &mut Workload) -> Result<(), Refusal> {
    let text = || Some(value.to_owned());
    let lower = value.to_ascii_lowercase();
    match key {
        "controller.type" => {
            workload.kind = Some(match &*lower {
                "deployment" => WorkloadKind::Deployment,
                "daemonset" => WorkloadKind::DaemonSet,
                "statefulset" => WorkloadKind::StatefulSet,
                _ => return Err(Refusal::Value("deployment, daemonset or statefulset")),
            });
        }
        "serviceaccount-name" => workload.service_account = text(),
        "image-pull-secret" => workload.image_pull_secrets = StringList(vec![value.to_owned()]),
        "security-context.fsgroup" => workload.fs_group = Some(number(value)?),
        "ephemeral-storage.request" => {
            workload.ephemeral_storage.get_or_insert_default().request = Some(quantity(value)?);
        }
        "ephemeral-storage.limit" => {
            workload.ephemeral_storage.get_or_insert_default().limit = Some(quantity(value)?);
        }
        "cronjob.schedule" => {
            if !is_schedule(value) {
                return Err(Refusal::Value("five fields, such as `30 3 * * *`"));
            }
            let policy = workload.cron.take().and_then(|cron| cron.concurrency_policy);
            workload.cron = Some(Cron { concurrency_policy: policy, ..cron(value) });
        }
        "cronjob.concurrency_policy" => {
            let policy = match &*lower {
                "allow" => ConcurrencyPolicy::Allow,
                "forbid" => ConcurrencyPolicy::Forbid,
                "replace" => ConcurrencyPolicy::Replace,
                _ => return Err(Refusal::Value("Allow, Forbid or Replace")),
            };
            workload.cron.get_or_insert_with(|| cron("")).concurrency_policy = Some(policy);
        }
        "hpa.cpu" => autoscale(workload).cpu = Some(number(value)?),
        "hpa.memory" => autoscale(workload).memory = Some(number(value)?),
        "hpa.replicas.min" => autoscale(workload).min = Some(number(value)?),
        "hpa.replicas.max" => autoscale(workload).max = number(value)?,
        _ if key.starts_with("service.healthcheck.") => return read_probe(key, value, service, workload),
        _ if key.starts_with("service.") => return read_traffic(key, value, service, workload),
        _ => return Err(elsewhere(key)),
    }
    Ok(())
}

fn read_traffic(key: &str, value: &str, service: &Service, workload: &mut Workload) -> Result<(), Refusal> {
    let lower = value.to_ascii_lowercase();
    match key {
        "service.type" => {
            workload.service.get_or_insert_default().kind = Some(match &*lower {
                "clusterip" => ServiceType::ClusterIp,
                "nodeport" => ServiceType::NodePort,
                "loadbalancer" => ServiceType::LoadBalancer,
                "headless" => ServiceType::Headless,
                _ => return Err(Refusal::Value("clusterip, nodeport, loadbalancer or headless")),
            });
        }
        "service.external-traffic-policy" => {
            workload.service.get_or_insert_default().external_traffic_policy = Some(match &*lower {
                "cluster" => ExternalTrafficPolicy::Cluster,
                "local" => ExternalTrafficPolicy::Local,
                _ => return Err(Refusal::Value("cluster or local")),
            });
        }
        "service.nodeport.port" => {
            let node_port = port(value)?;
            let published = service.ports.0.first().ok_or(Refusal::Value("a port under `ports`, too"))?;
            let ports = &mut workload.service.get_or_insert_default().node_ports;
            ports.insert(published.target.0.to_string(), node_port);
        }
        "service.expose" => {
            let hosts = value.split(',').map(str::trim).filter(|host| !host.is_empty());
            workload.ingress.get_or_insert_default().rules =
                if lower == "true" { vec![IngressRule::default()] } else { hosts.map(rule).collect() };
        }
        "service.expose.tls-secret" if lower == "true" => {
            return Err(Refusal::Value("the name of the secret with the certificate"));
        }
        "service.expose.tls-secret" => {
            workload.ingress.get_or_insert_default().tls_secret = Some(value.to_owned());
        }
        "service.expose.ingress-class-name" => {
            workload.ingress.get_or_insert_default().class = Some(value.to_owned());
        }
        _ => return Err(elsewhere(key)),
    }
    Ok(())
}

fn rule(address: &str) -> IngressRule {
    let (host, path) = match address.find('/') {
        Some(at) => (&address[..at], Some(address[at..].to_owned())),
        None => (address, None),
    };
    IngressRule { host: Some(host.to_ascii_lowercase()), path, ..IngressRule::default() }
}

fn read_probe(key: &str, value: &str, service: &Service, workload: &mut Workload) -> Result<(), Refusal> {
    let probes = workload.probes.get_or_insert_default();
    let (probe, key) = match key.strip_prefix("service.healthcheck.").and_then(|key| key.split_once('.')) {
        Some(("readiness", key)) => (&mut probes.readiness, key),
        Some(("liveness", key)) => (&mut probes.liveness, key),
        _ => return Err(Refusal::Unknown),
    };
    if key == "disable" {
        return Err(Refusal::Elsewhere("write `healthcheck: {disable: true}`, or leave `readiness` out"));
    }
    let probe = probe.get_or_insert_default();
    let seconds = |text: &str| match parse_duration(text) {
        Ok(duration) => Ok(Some(Duration(duration))),
        Err(_) => Err(Refusal::Value("a time such as 10s")),
    };
    match key {
        // A kubelet asks for it below `/` anyway.
        "http_get_path" => http(probe, service).path = Some(format!("/{}", value.trim_start_matches('/'))),
        "http_get_port" => http(probe, service).port = Some(port(value)?),
        "tcp_port" => probe.tcp = Some(port(value)?),
        "interval" => probe.interval = seconds(value)?,
        "timeout" => probe.timeout = seconds(value)?,
        "start_period" => probe.initial_delay = seconds(value)?,
        "retries" => probe.retries = Some(number(value)?),
        "test" => probe.exec = words(value),
        _ => return Err(Refusal::Unknown),
    }
    Ok(())
}

fn http<'a>(probe: &'a mut Probe, service: &Service) -> &'a mut HttpProbe {
    let port = first_port(service).map(PortNumber);
    probe.http.get_or_insert_with(|| HttpProbe { port, ..HttpProbe::default() })
}

/// A test is a list as `["CMD", "curl", "-f", "http://localhost"]`, or a line for the shell.
fn words(value: &str) -> Vec<String> {
    let shell = |line: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()];
    match serde_json::from_str::<Vec<String>>(value).as_deref() {
        Ok([kind, words @ ..]) if kind == "CMD" => words.to_vec(),
        Ok([kind, words @ ..]) if kind == "CMD-SHELL" => shell(&words.join(" ")),
        Ok(words) => words.to_vec(),
        Err(_) => shell(value.strip_prefix("CMD-SHELL ").unwrap_or(value)),
    }
}

fn cron(schedule: &str) -> Cron {
    Cron {
        schedule: schedule.to_owned(),
        concurrency_policy: None,
        time_zone: None,
        extensions: std::collections::BTreeMap::default(),
    }
}

/// kompose's defaults, as soon as one label asks for an autoscaler.
fn autoscale(workload: &mut Workload) -> &mut Autoscale {
    workload.autoscale.get_or_insert_with(|| Autoscale {
        min: Some(1),
        max: 3,
        cpu: Some(50),
        memory: Some(70),
        extensions: std::collections::BTreeMap::default(),
    })
}

fn number(value: &str) -> Result<u64, Refusal> {
    value.trim_end_matches('%').parse().map_err(|_| Refusal::Value("a number"))
}

fn port(value: &str) -> Result<PortNumber, Refusal> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.map(PortNumber).ok_or(Refusal::Value("a port from 1 to 65535"))
}

fn quantity(value: &str) -> Result<Quantity, Refusal> {
    let is_one = Quantity::is_one(value);
    is_one.then(|| Quantity(value.to_owned())).ok_or(Refusal::Value("a quantity such as 10Gi"))
}
