//! How many containers a service has, what they may use, and how they are replaced.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Kind, Place, Shape, record, unset_when_empty};
use super::schema::or_variable;
use super::values::{ByteSize, Duration, KeyValues, WHOLE, words, words_schema};
use crate::diagnostic::Diagnostics;
use crate::yaml::{Node, Value};

record! {
    /// How many containers a service has, what they may use, and how they are replaced.
    ///
    /// See <https://github.com/compose-spec/compose-spec/blob/main/deploy.md>.
    #[derive(Default)]
    pub struct Deploy {
        /// `replicated`, `global`, `replicated-job` or `global-job`.
        #[default = "replicated"]
        #[example = "global"]
        #[example = "replicated-job"]
        #[example = "global-job"]
        pub mode: Option<String>,
        /// How many containers.
        #[default = 1]
        #[example = 3]
        #[minimum = 0]
        pub replicas: Option<i64>,
        /// Labels of the service, not of its containers.
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// How containers are replaced by newer ones.
        pub update_config: Option<UpdateConfig>,
        /// How a failed update is undone.
        pub rollback_config: Option<UpdateConfig>,
        /// What the containers may use, and what is kept for them.
        pub resources: Option<Resources>,
        /// What happens when a container ends.
        pub restart_policy: Option<RestartPolicy>,
        /// Which machines may run it.
        pub placement: Option<Placement>,
        /// How clients reach it: `vip` or `dnsrr`.
        #[default = "vip"]
        #[example = "dnsrr"]
        pub endpoint_mode: Option<String>,
    }
    may be nothing;
    check write_out_deploy;
}

/// docker compose writes these out, even empty, which the config hash depends on.
fn write_out_deploy(deploy: &mut Deploy, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if deploy.replicas.is_some_and(|replicas| replicas < 0) {
        let (span, place) =
            (node.at(&["replicas"]).map_or(node.span, |node| node.span), place.key("replicas"));
        decoder.invalid::<()>(span, &place, "this is below 0", "write how many containers you want");
    }
    deploy.resources.get_or_insert_default();
    deploy.placement.get_or_insert_default();
}

record! {
    /// How containers are replaced.
    #[derive(Default)]
    pub struct UpdateConfig {
        /// How many at a time; 0 means all at once.
        #[example = 2]
        pub parallelism: Option<u64>,
        /// The time between two groups.
        #[default = "0s"]
        pub delay: Option<Duration>,
        /// What to do when one fails: `continue`, `rollback` or `pause`.
        #[default = "pause"]
        #[example = "continue"]
        #[example = "rollback"]
        pub failure_action: Option<String>,
        /// How long a new container is watched for failures.
        #[default = "5s"]
        pub monitor: Option<Duration>,
        /// The share of failures to tolerate, from 0 to 1.
        #[default = 0]
        #[example = 0.2]
        pub max_failure_ratio: f32,
        /// Which goes first: the end of the old one or the start of the new one.
        #[default = "stop-first"]
        pub order: Option<UpdateOrder>,
    }
}

words! {
    /// Which goes first when a container is replaced.
    pub enum UpdateOrder {
        /// The new one starts before the old one ends.
        StartFirst = "start-first",
        /// The old one ends before the new one starts.
        StopFirst = "stop-first",
    }
}

record! {
    /// What containers may use, and what is kept for them.
    #[derive(Default)]
    pub struct Resources {
        /// The most that a container may use.
        pub limits: Option<Limits>,
        /// What a container can count on.
        pub reservations: Option<Reservations>,
    }
}

record! {
    /// The most that a container may use.
    #[derive(Default)]
    pub struct Limits {
        /// How many processors.
        #[example = 0.5]
        pub cpus: f32,
        /// Memory.
        pub memory: ByteSize,
        /// Processes.
        #[example = 100]
        pub pids: i64,
    }
    check memory_of_limits;
}

fn memory_of_limits(_: &mut Limits, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    memory_is_text(node, place, decoder);
}

fn memory_of_reservations(_: &mut Reservations, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    memory_is_text(node, place, decoder);
}

/// The specification has numbers of bytes everywhere but here.
fn memory_is_text(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if let Some(memory) = node.at(&["memory"])
        && matches!(memory.value, Value::Int(_))
    {
        let help = "write it as text with a unit, such as 512m";
        decoder.invalid::<()>(memory.span, &place.key("memory"), "a number is not enough here", help);
    }
}

record! {
    /// What a container can count on.
    #[derive(Default)]
    pub struct Reservations {
        /// How many processors.
        #[example = 0.25]
        pub cpus: f32,
        /// Memory.
        pub memory: ByteSize,
        /// Devices such as GPUs.
        #[example = [{"capabilities": ["gpu"], "count": 1}]]
        pub devices: Vec<DeviceRequest>,
        /// Resources of the user's own, of which each machine says how many it has.
        #[example = [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}]]
        pub generic_resources: Vec<GenericResource>,
    }
    check memory_of_reservations;
}

record! {
    /// A resource of the user's own.
    pub struct GenericResource {
        /// A countable one.
        pub discrete_resource_spec: Option<DiscreteResource>,
    }
}

record! {
    /// A countable resource.
    pub struct DiscreteResource {
        /// Its name.
        #[example = "gpu"]
        pub kind: String,
        /// How many.
        #[example = 2]
        pub value: i64,
    }
}

record! {
    /// Devices that a container needs, found by what they can do.
    pub struct DeviceRequest {
        /// What they can do.
        #[example = ["gpu"]]
        #[example = ["utility", "compute"]]
        pub capabilities: Vec<String>,
        /// The driver.
        #[example = "nvidia"]
        pub driver: Option<String>,
        /// How many; `all` for all.
        #[default = "all"]
        pub count: Option<DeviceCount>,
        /// Which ones; excludes `count`.
        #[example = ["0", "3"]]
        pub device_ids: Vec<String>,
        /// Options of the driver.
        #[example = { "virtualization": "false" }]
        pub options: KeyValues,
    }
    check count_or_ids;
    as a schema {
        "required": ["capabilities"],
        "dependencies": { "count": { "properties": { "device_ids": false } } }
    };
}

fn count_or_ids(request: &mut DeviceRequest, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    decoder.exclusive(node, place, "count", "device_ids");
    // docker compose takes all devices where neither is said.
    if request.count.is_none() && request.device_ids.is_empty() {
        request.count = Some(DeviceCount(-1));
    }
    if node.get("capabilities").is_none() {
        decoder.missing(node.span, place, "capabilities");
    }
}

/// How many devices; -1 for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DeviceCount(pub i64);

super::values::scalar!(
    DeviceCount,
    "a whole number or \"all\"",
    { "type": ["integer", "string"], "pattern": or_variable(&format!("all|{WHOLE}")), "examples": [1, "all"] },
    |node| match &node.value {
        Value::Int(value) => Ok(i64::try_from(*value).ok().map(Self)),
        Value::Text(text) if text == "all" => Ok(Some(Self(-1))),
        Value::Text(text) => text.parse().map(|count| Some(Self(count))).map_err(|_| {
            format!("`{text}` is neither a number nor `all`")
        }),
        _ => Ok(None),
    }
);

/// GPUs: `all`, or a list of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Gpus(pub Vec<Gpu>);

record! {
    /// GPUs that a container needs.
    #[derive(Default)]
    pub struct Gpu {
        /// What they can do beside `gpu`.
        #[example = ["gpu"]]
        #[example = ["utility", "compute"]]
        pub capabilities: Vec<String>,
        /// The driver.
        #[example = "nvidia"]
        pub driver: Option<String>,
        /// How many; `all` for all.
        #[default = "all"]
        pub count: Option<DeviceCount>,
        /// Which ones; excludes `count`.
        #[example = ["0", "3"]]
        pub device_ids: Vec<String>,
        /// Options of the driver.
        #[example = { "virtualization": "false" }]
        pub options: KeyValues,
    }
    check gpu_count_or_ids;
    as a schema {
        "dependencies": { "count": { "properties": { "device_ids": false } } }
    };
}

fn gpu_count_or_ids(gpu: &mut Gpu, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    decoder.exclusive(node, place, "count", "device_ids");
    // docker compose takes all devices where neither is said.
    if gpu.count.is_none() && gpu.device_ids.is_empty() {
        gpu.count = Some(DeviceCount(-1));
    }
}

impl Attribute for Gpus {
    const SHAPE: &'static Shape = &Shape { kind: Kind::List(Gpu::SHAPE, None), expand: Some(gpus_of_all) };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if node.as_list().is_none() {
            return decoder.wrong_type(node, place, "\"all\" or a list");
        }
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let item = Gpu::schema(generator);
        json_schema!({ "anyOf": [words_schema(&[("all", "All that there are.")]), { "type": "array", "items": item }] })
    }

    unset_when_empty!();
}

fn gpus_of_all(node: Node, _: &mut Diagnostics) -> Node {
    match node.as_text() {
        Some("all") => {
            let all = Node::map([("count", Value::Int(-1))], node.span);
            Node { span: node.span, tag: node.tag, value: Value::List(vec![all]) }
        }
        _ => node,
    }
}

record! {
    /// What happens when a container ends; wins over the service's `restart`.
    #[derive(Default)]
    pub struct RestartPolicy {
        /// `none`, `on-failure` or `any`.
        #[default = "any"]
        #[example = "none"]
        #[example = "on-failure"]
        pub condition: Option<String>,
        /// The time before it is started again.
        #[default = "0s"]
        pub delay: Option<Duration>,
        /// How often to try. Default: without end.
        #[example = 3]
        pub max_attempts: Option<u64>,
        /// How long to wait before a start counts as good.
        #[default = "0s"]
        #[example = "2m"]
        pub window: Option<Duration>,
    }
}

record! {
    /// Which machines may run the containers.
    #[derive(Default)]
    pub struct Placement {
        /// What a machine must be.
        #[example = ["node.role == worker"]]
        pub constraints: Vec<String>,
        /// What containers are spread over.
        #[example = [{"spread": "node.labels.zone"}]]
        pub preferences: Vec<Preference>,
        /// The most containers on one machine.
        #[example = 1]
        pub max_replicas_per_node: u64,
    }
}

record! {
    /// What containers are spread over.
    pub struct Preference {
        /// A label of machines.
        #[example = "node.labels.zone"]
        pub spread: Option<String>,
    }
}
