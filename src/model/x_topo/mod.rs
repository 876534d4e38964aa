//! `x-topo`: what topo's own commands need to know and the specification has no attribute for. Below `kubernetes` is
//! what `export k8s` cannot find out from the rest of the file.
//!
//! docker compose takes it for data of the user's own, as it does all `x-` attributes. It is no part of a service's
//! config hash, so it never makes a container be replaced.

mod claim;
pub mod lint;
pub mod mesh;
pub mod probes;
pub mod schedule;
pub mod traffic;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::attribute::{Attribute, Decoder, Place, Shape, record};
use super::ports::PortNumber;
use super::schema::or_variable;
use super::values::{KeyValues, StringList, scalar, words};
use crate::diagnostic::{Code, Diagnostic};
use crate::yaml::{Node, Value};

pub use claim::{AccessMode, Claim, Quantity};

use lint::{Lint, LintProject};
use mesh::Mesh;
use probes::Probes;
use schedule::is_schedule;
use traffic::{HttpRoute, Ingress, ServiceSettings};

record! {
    /// What topo's own commands know of a service.
    #[derive(Default)]
    pub struct XTopo {
        /// What `export k8s` makes of the service beyond what the rest of it says.
        pub kubernetes: Option<Box<Workload>>,
        /// What `lint` says nothing about in the service.
        pub lint: Option<Lint>,
    }
}

record! {
    /// What topo's own commands know of a volume.
    #[derive(Default)]
    pub struct XTopoVolume {
        /// What `export k8s` makes of the volume.
        pub kubernetes: Option<Claim>,
    }
}

record! {
    /// What topo's own commands know of the project.
    #[derive(Default)]
    pub struct XTopoProject {
        /// What all objects of `export k8s` share.
        pub kubernetes: Option<Cluster>,
        /// What `lint` says nothing about, and how grave the rest is.
        pub lint: Option<LintProject>,
    }
}

record! {
    /// What `export k8s` makes of a service beyond what the rest of it says.
    #[derive(Default)]
    pub struct Workload {
        /// The kind of workload. Default: what restarts, storage and `deploy.mode` ask for.
        pub kind: Option<WorkloadKind>,
        /// When a CronJob runs; it makes one of the service.
        pub cron: Option<Cron>,
        /// How many pods there are in a cluster, where that differs from here.
        #[example = 3]
        pub replicas: Option<u64>,
        /// Between how many pods a HorizontalPodAutoscaler chooses, and by what.
        pub autoscale: Option<Autoscale>,
        /// How many pods a drained node may take away at a time: a PodDisruptionBudget.
        pub disruption: Option<Disruption>,
        /// What the pods are spread over. Default: nodes, as well as that can be done, if there are several pods.
        #[example = [{"over": "topology.kubernetes.io/zone"}]]
        pub spread: Vec<Spread>,
        /// How the kubelet finds out whether a container started, may get requests, and is to be started again.
        pub probes: Option<Probes>,
        /// How the service is found in the cluster, and reached from outside.
        pub service: Option<ServiceSettings>,
        /// What the cluster's ingress leads to the service.
        pub ingress: Option<Ingress>,
        /// What gateways lead to the service: an HTTPRoute of the Gateway API.
        pub http_route: Option<HttpRoute>,
        /// What a service mesh does with requests to the service, for `--mesh`.
        pub mesh: Option<Mesh>,
        /// Whether an init container waits for what `depends_on` names. Default: what `--wait-for` says.
        pub wait_for: Option<WaitFor>,
        /// The service account whose token the pods get. Default: none.
        #[example = "shop"]
        pub service_account: Option<String>,
        /// Secrets of the cluster with which images are pulled.
        #[example = "registry"]
        #[example = ["registry", "mirror"]]
        pub image_pull_secrets: StringList,
        /// The group that volumes belong to. Default: the group of `user`.
        #[example = 1000]
        pub fs_group: Option<u64>,
        /// The space that a container has on its node's disk.
        pub ephemeral_storage: Option<EphemeralStorage>,
        /// Labels that nodes must have.
        #[example = { "disktype": "ssd" }]
        pub node_selector: KeyValues,
        /// Taints of nodes that do not keep the pods away.
        #[example = [{"key": "gpu", "effect": "NoSchedule"}]]
        pub tolerations: Vec<Toleration>,
        /// Labels of the workload and of its pods.
        #[example = { "tier": "front" }]
        pub labels: KeyValues,
        /// Annotations of the workload and of its pods.
        #[example = { "example.com/team": "shop" }]
        pub annotations: KeyValues,
    }
    check workload_is_one;
}

fn workload_is_one(workload: &mut Workload, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    let kind = node.get("kind").map_or(node.span, |entry| entry.node.span);
    match (workload.kind, &workload.cron) {
        (Some(WorkloadKind::CronJob), None) => decoder.missing(kind, place, "cron"),
        (None | Some(WorkloadKind::CronJob), _) | (_, None) => {}
        (Some(other), Some(_)) => {
            let cron = node.get("cron").map_or(node.span, |entry| entry.key);
            decoder.diagnostics.push(
                Diagnostic::error(Code::Conflict, format!("`{place}` has a schedule, and is a {other}"))
                    .label(cron, "this makes a CronJob of it")
                    .label(kind, "this makes something else of it")
                    .help("remove one of the two"),
            );
        }
    }
    if workload.autoscale.is_some() {
        decoder.exclusive(node, place, "autoscale", "replicas");
    }
}

words! {
    /// The kind of a workload.
    pub enum WorkloadKind {
        /// Pods that are all alike.
        Deployment = "deployment",
        /// Pods that have names, and storage of their own where volumes are `per_replica`.
        StatefulSet = "statefulset",
        /// One pod on each node.
        DaemonSet = "daemonset",
        /// Pods that end.
        Job = "job",
        /// Pods that are started by the clock.
        CronJob = "cronjob",
    }
}

record! {
    /// When a CronJob runs.
    pub struct Cron {
        /// The five fields of cron.
        #[example = "30 3 * * *"]
        #[example = "@daily"]
        pub schedule: String,
        /// What happens when the last run has not ended.
        #[default = "allow"]
        pub concurrency_policy: Option<ConcurrencyPolicy>,
        /// The time zone of the schedule. Default: that of the cluster.
        #[example = "Etc/UTC"]
        pub time_zone: Option<String>,
    }
    check schedule_is_one;
}

fn schedule_is_one(cron: &mut Cron, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if !is_schedule(&cron.schedule) {
        let span = node.get("schedule").map_or(node.span, |entry| entry.node.span);
        let why = format!("`{}` is no schedule", cron.schedule);
        let help = "write minute, hour, day, month and weekday (0 to 6), such as \"30 3 * * *\"";
        decoder.invalid::<()>(span, &place.key("schedule"), why, help);
    }
}

words! {
    /// What happens when a CronJob is due and its last run has not ended.
    pub enum ConcurrencyPolicy {
        /// Both run.
        Allow = "allow",
        /// The new one is left out.
        Forbid = "forbid",
        /// The old one is ended.
        Replace = "replace",
    }
}

record! {
    /// Between how many pods an autoscaler chooses, and by what.
    pub struct Autoscale {
        /// The fewest.
        #[default = 1]
        #[example = 2]
        pub min: Option<u64>,
        /// The most.
        #[example = 10]
        pub max: u64,
        /// The percentage of the requested processor time to aim for. Default, without `memory`: 80.
        #[example = 70]
        pub cpu: Option<u64>,
        /// The percentage of the requested memory to aim for.
        #[example = 80]
        pub memory: Option<u64>,
    }
    check autoscale_has_room;
}

fn autoscale_has_room(scale: &mut Autoscale, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if scale.max < scale.min.unwrap_or(1).max(1) {
        let span = node.get("max").map_or(node.span, |entry| entry.node.span);
        decoder.invalid::<()>(
            span,
            &place.key("max"),
            "this is less than `min`",
            "raise `max`, or lower `min`",
        );
    }
}

record! {
    /// How many pods may be taken away at a time.
    #[derive(Default)]
    pub struct Disruption {
        /// How many must stay: a number, or a percentage such as `50%`.
        pub min_available: Option<CountOrShare>,
        /// How many may go: a number, or a percentage such as `50%`.
        pub max_unavailable: Option<CountOrShare>,
    }
    check one_bound;
}

fn one_bound(_: &mut Disruption, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    decoder.exclusive(node, place, "min_available", "max_unavailable");
}

/// A number, or a percentage.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct CountOrShare(pub String);

scalar!(
    CountOrShare,
    "a number, or a percentage such as 50%",
    { "type": ["integer", "string"], "pattern": or_variable(r"[+]?\d+%?"), "examples": [1, "50%"] },
    |node| match (&node.value, node.scalar_text()) {
        (Value::Int(_) | Value::Text(_), Some(text)) => {
            let number = text.strip_suffix('%').unwrap_or(&text);
            if number.parse::<u16>().is_ok() { Ok(Some(Self(text))) } else { Err(format!("`{text}` is neither")) }
        }
        _ => Ok(None),
    }
);

record! {
    /// What pods are spread over.
    pub struct Spread {
        /// The label of nodes that tells the places apart.
        #[example = "topology.kubernetes.io/zone"]
        #[example = "kubernetes.io/hostname"]
        pub over: String,
        /// By how many pods two places may differ.
        #[default = 1]
        #[example = 2]
        pub max_skew: Option<u64>,
        /// Leave a pod waiting rather than placing it unevenly.
        pub required: bool,
    }
}

words! {
    /// Whether a pod waits for those of `depends_on`.
    pub enum WaitFor {
        /// An init container waits until they can be reached.
        Init = "init",
        /// It starts at once, and is started again should it fail.
        None = "none",
    }
}

record! {
    /// The space that a container has on its node's disk.
    #[derive(Default)]
    pub struct EphemeralStorage {
        /// What is kept for it.
        #[example = "1Gi"]
        pub request: Option<Quantity>,
        /// The most that it may use.
        #[example = "2Gi"]
        pub limit: Option<Quantity>,
    }
}

record! {
    /// A taint of nodes that does not keep pods away.
    #[derive(Default)]
    pub struct Toleration {
        /// The taint's key. Default: all.
        #[example = "gpu"]
        pub key: Option<String>,
        /// The taint's value. Default: any.
        #[example = "true"]
        pub value: Option<String>,
        /// What the taint does. Default: all of it.
        pub effect: Option<TaintEffect>,
        /// For how many seconds a pod stays when `NoExecute` comes up. Default: forever.
        #[example = 300]
        pub seconds: Option<u64>,
    }
}

words! {
    /// What a taint does to pods that do not tolerate it.
    pub enum TaintEffect {
        /// They are not placed there.
        NoSchedule = "NoSchedule",
        /// They are placed elsewhere if that can be done.
        PreferNoSchedule = "PreferNoSchedule",
        /// They are taken away.
        NoExecute = "NoExecute",
    }
}

record! {
    /// What all objects of an export share.
    #[derive(Default)]
    pub struct Cluster {
        /// The namespace; `--namespace` wins. Default: the project's name.
        #[example = "shop"]
        pub namespace: Option<String>,
        /// Where the cluster's DNS is, for the policy that lets pods ask it.
        pub dns: Option<ClusterDns>,
    }
}

record! {
    /// Where the cluster's DNS is.
    #[derive(Default)]
    pub struct ClusterDns {
        /// The namespace of its pods.
        #[default = "kube-system"]
        #[example = "dns"]
        pub namespace: Option<String>,
        /// The labels of its pods. Default: `k8s-app: kube-dns`.
        #[example = { "k8s-app": "kube-dns" }]
        pub labels: KeyValues,
        /// The ports of its pods. Default: 53.
        #[example = [53]]
        pub ports: Vec<PortNumber>,
        /// Ranges of addresses that it answers on beside that, such as `169.254.20.10/32` of NodeLocal DNSCache.
        #[example = "169.254.20.10/32"]
        pub cidrs: StringList,
    }
}

/// Returns `x-topo` as an extension among others, which it is when a project is printed.
pub(super) fn as_extension(node: &Node) -> Option<(String, serde_json::Value)> {
    node.get("x-topo").map(|entry| ("x-topo".to_owned(), entry.node.to_json()))
}

/// Makes a mapping of a text: what stands under `key`. Anything else is left for decoding to report.
fn under(key: &'static str, node: Node) -> Node {
    match &node.value {
        Value::Text(_) => Node::map([(key, node.value.clone())], node.span),
        _ => node,
    }
}

/// Whether a name is one of DNS: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, or with `wildcard` such as `*.example.com`.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-')
    };
    text.len() <= 253 && text.strip_prefix("*.").unwrap_or(text).split('.').all(is_label)
}

fn check_host(host: &str, node: &Node, key: &str, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if !is_host(host) {
        let span = node.get(key).map_or(node.span, |entry| entry.node.span);
        let help = "write a name such as shop.example.com, in lower case";
        decoder.invalid::<()>(span, &place.key(key), format!("`{host}` is no host name"), help);
    }
}

#[cfg(test)]
mod tests {
    use super::{Quantity, is_host};

    #[test]
    fn quantities_and_hosts() {
        for (text, expected) in
            [("10Gi", true), ("0.5", true), ("500m", true), ("10gb", false), ("Gi", false)]
        {
            assert_eq!(Quantity::is_one(text), expected, "{text}");
        }
        for (text, expected) in [
            ("shop.example.com", true),
            ("*.example.com", true),
            ("a..b", false),
            ("A.b", false),
            ("", false),
        ] {
            assert_eq!(is_host(text), expected, "{text}");
        }
    }
}
