//! A service: one documented field for each attribute of the specification.
//!
//! The order of the fields is the order in which docker compose writes them, which the config hash depends on.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Kind, Place, Shape, record, unset_when_empty};
use super::build::Build;
use super::deploy::{Deploy, Gpus};
use super::lifecycle::{DependsOn, Develop, EnvFiles, Extends, Healthcheck, Hook, PreStart, Restart};
pub use super::limits::{Blkio, Device, DeviceRate, DeviceWeight, Devices, Ulimit, Ulimits};
use super::network::{Attachments, ExtraHosts, Ports};
use super::storage::{FileReferences, Mounts};
use super::values::{
    ByteSize, CommandLine, Duration, HostPath, KeyValues, Nullable, Options, StringList, StringOrNumber,
    UniqueList, Variables, map_of_names, words,
};
use super::x_topo::{XTopo, as_extension};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::yaml::{Node, Value};

record! {
    /// A service: one or more containers made from the same image with the same settings.
    ///
    /// See <https://github.com/compose-spec/compose-spec/blob/main/05-services.md>.
    #[derive(Default)]
    pub struct Service {
        /// The profiles that the service belongs to; without any it always runs.
        pub profiles: UniqueList<String>,
        /// Annotations of the containers.
        pub annotations: KeyValues,
        /// Collect the service's log when `up` stays attached. Default: true.
        pub attach: Option<bool>,
        /// How to build the image: a directory, or the details.
        pub build: Option<Box<Build>>,
        /// What `watch` does when files change.
        pub develop: Option<Develop>,
        /// Limits on block devices.
        pub blkio_config: Option<Blkio>,
        /// Capabilities to add, such as `NET_ADMIN`.
        pub cap_add: UniqueList<String>,
        /// Capabilities to drop, such as `ALL`.
        pub cap_drop: UniqueList<String>,
        /// The parent control group.
        pub cgroup_parent: Option<String>,
        /// The control group namespace: `host` or `private`.
        pub cgroup: Option<CgroupNamespace>,
        /// Processors (Windows).
        pub cpu_count: u64,
        /// Share of the processors in percent (Windows).
        pub cpu_percent: Percent,
        /// Period of the CPU quota in microseconds.
        pub cpu_period: i64,
        /// Microseconds of CPU time within each period.
        pub cpu_quota: i64,
        /// Period of the real-time quota in microseconds.
        pub cpu_rt_period: i64,
        /// Microseconds of real-time CPU time within each period.
        pub cpu_rt_runtime: i64,
        /// Processors that may be used, such as 0.5.
        pub cpus: f32,
        /// Which processors may be used, such as `0-2,4`.
        pub cpuset: Option<String>,
        /// Weight against other containers. Default of the engine: 1024.
        pub cpu_shares: i64,
        /// The command, in place of the image's `CMD`: a list of words, or a string that is split into words.
        pub command: CommandLine,
        /// Configs that the service reads.
        pub configs: FileReferences,
        /// The container's name. Excludes more than one container.
        pub container_name: Option<ContainerName>,
        /// Credentials of a managed Windows service account.
        pub credential_spec: Option<CredentialSpec>,
        /// The services that must be there first.
        pub depends_on: DependsOn,
        /// How many containers, what they may use, how they are replaced.
        pub deploy: Option<Box<Deploy>>,
        /// Device rules of the control group, such as `c 1:3 mr`.
        pub device_cgroup_rules: UniqueList<String, true>,
        /// Devices of the host, `host[:container[:permissions]]`.
        pub devices: Devices,
        /// DNS servers, in place of the engine's own.
        pub dns: StringList,
        /// Options of the resolver.
        pub dns_opt: UniqueList<String>,
        /// Domains that short names are looked up in.
        pub dns_search: StringList,
        /// The container's domain name.
        pub domainname: Option<String>,
        /// The entry point, in place of the image's `ENTRYPOINT`; the image's `CMD` is dropped with it.
        pub entrypoint: CommandLine,
        /// A program outside the engine that provides what the service stands for.
        pub provider: Option<Provider>,
        /// Variables. One without a value takes it from the shell or the `.env` file.
        pub environment: Variables,
        /// Files with variables; `environment` wins.
        pub env_file: EnvFiles,
        /// Ports that other services may use; documentation only, since Docker opens all of them.
        pub expose: UniqueList<StringOrNumber>,
        /// The definition that this one starts from.
        pub extends: Option<Extends>,
        /// Containers outside of the project, `name[:alias]`.
        pub external_links: UniqueList<String, true>,
        /// Lines for `/etc/hosts`; `host-gateway` is the host's address.
        pub extra_hosts: ExtraHosts,
        /// More groups of the user.
        pub group_add: UniqueList<StringOrNumber, true>,
        /// GPUs: `all`, or a list.
        pub gpus: Gpus,
        /// The container's host name.
        pub hostname: Option<String>,
        /// How the engine finds out whether the container is healthy.
        pub healthcheck: Option<Healthcheck>,
        /// The image, `[registry/]name[:tag|@digest]`.
        pub image: Option<String>,
        /// Run an init process as PID 1 that reaps children and forwards signals.
        pub init: Option<bool>,
        /// The IPC namespace: `private`, `shareable`, `host`, `service:name` or `container:name`.
        pub ipc: Option<String>,
        /// Isolation technology of Windows containers.
        pub isolation: Option<String>,
        /// Labels of the containers.
        pub labels: KeyValues,
        /// Files with labels; `labels` wins.
        pub label_file: LabelFiles,
        /// Services that are found under another name too, `service[:alias]`. Obsolete: use `aliases`.
        pub links: UniqueList<String>,
        /// Where the container's output goes.
        pub logging: Option<Logging>,
        /// The most memory that may be used.
        pub mem_limit: ByteSize,
        /// Memory that the container can count on.
        pub mem_reservation: ByteSize,
        /// The most memory and swap together; -1 for unlimited swap.
        pub memswap_limit: ByteSize,
        /// How eagerly the kernel swaps, from 0 to 100.
        pub mem_swappiness: ByteSize,
        /// The MAC address on the primary network.
        pub mac_address: Option<String>,
        /// AI models that the service uses.
        pub models: ModelReferences,
        /// `bridge`, `host`, `none`, `service:name` or `container:name`, in place of `networks`.
        pub network_mode: Option<String>,
        /// The networks that the service joins. Default: the project's own, `default`.
        pub networks: Attachments,
        /// Do not kill the container when memory runs out.
        pub oom_kill_disable: bool,
        /// Which container is killed first when memory runs out, from -1000 to 1000.
        pub oom_score_adj: i64,
        /// The PID namespace: `host`, `service:name` or `container:name`.
        pub pid: Option<String>,
        /// The most processes.
        pub pids_limit: i64,
        /// The platform of the image, `os[/arch[/variant]]`.
        pub platform: Option<String>,
        /// Ports of the host that lead to the container, `[[address:]published:]target[/protocol]`.
        pub ports: Ports,
        /// All privileges of the host.
        pub privileged: bool,
        /// When to pull the image: `always`, `never`, `missing`, `build`, `daily`, `weekly`, `every_<duration>`.
        pub pull_policy: Option<PullPolicy>,
        /// When to pull the image again. Obsolete: write `pull_policy: every_<duration>`.
        #[serde(skip)]
        pub pull_refresh_after: Option<String>,
        /// The container's own file system cannot be written to.
        pub read_only: bool,
        /// What the engine does when the container ends: `no`, `always`, `on-failure[:N]`, `unless-stopped`.
        pub restart: Option<Restart>,
        /// The container runtime, such as `runsc`.
        pub runtime: Option<String>,
        /// How many containers. Default: 1.
        pub scale: Option<i64>,
        /// Secrets that the service reads.
        pub secrets: FileReferences,
        /// Security options, such as `no-new-privileges:true`.
        pub security_opt: UniqueList<String, true>,
        /// Size of `/dev/shm`.
        pub shm_size: ByteSize,
        /// Keep standard input open.
        pub stdin_open: bool,
        /// The time between the stop signal and SIGKILL. Default: 10s.
        pub stop_grace_period: Option<Duration>,
        /// The signal that asks the container to end. Default: the image's, else SIGTERM.
        pub stop_signal: Option<String>,
        /// Options of the storage driver, such as `size`.
        pub storage_opt: Options,
        /// Kernel parameters of the container.
        pub sysctls: KeyValues,
        /// Places in the container that are memory.
        pub tmpfs: StringList,
        /// Give the container a terminal.
        pub tty: bool,
        /// Limits of processes: a number, or `soft` and `hard`.
        pub ulimits: Ulimits,
        /// Give the container access to the engine's API.
        pub use_api_socket: bool,
        /// The user, `name|uid[:group|gid]`.
        pub user: Option<String>,
        /// The user namespace: `host`.
        pub userns_mode: Option<String>,
        /// The UTS namespace: `host`.
        pub uts: Option<String>,
        /// What is mounted, `[source:]target[:mode]`.
        pub volumes: Mounts,
        /// Services or containers whose volumes are mounted too.
        pub volumes_from: UniqueList<String, true>,
        /// The directory that the command runs in.
        pub working_dir: Option<String>,
        /// Steps that run to their end before the service starts, each in a container of its own.
        pub pre_start: Vec<PreStart>,
        /// Commands that run after the container has started.
        pub post_start: Vec<Hook>,
        /// Commands that run before the container is stopped.
        pub pre_stop: Vec<Hook>,
        /// What topo's own commands know of the service.
        #[serde(skip)]
        pub x_topo as "x-topo": Option<XTopo>,
    }
    check service_holds;
}

fn service_holds(service: &mut Service, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    // What is an extension for docker compose is printed as one.
    service.extensions.extend(as_extension(node));
    if service.network_mode.is_some() {
        decoder.exclusive(node, place, "network_mode", "networks");
    }
    service.dns.0.retain(|server| !server.is_empty());
    if !(-1000..=1000).contains(&service.oom_score_adj) {
        let (span, place) = (value_span(node, "oom_score_adj"), place.key("oom_score_adj"));
        let why = format!("{} is not between -1000 and 1000", service.oom_score_adj);
        decoder.invalid::<()>(span, &place, why, "write a whole number from -1000 to 1000");
    }
    if service.scale.is_some_and(|scale| scale < 0) {
        let (span, place) = (value_span(node, "scale"), place.key("scale"));
        decoder.invalid::<()>(span, &place, "this is below 0", "write how many containers you want");
    }
    let runs = |key: &str| node.get(key).is_some_and(|entry| entry.node.as_text() != Some(""));
    if !["image", "build", "provider", "extends"].into_iter().any(runs) {
        decoder.diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("`{place}` has neither `image` nor `build`"))
                .label(node.span, "nothing says what to run")
                .help("add `image: NAME` or `build: DIRECTORY`"),
        );
    }
    if let Some(name) = &service.container_name
        && service.containers() > 1
        && let Some(entry) = node.get("container_name")
    {
        let many =
            ["scale", "deploy"].iter().find_map(|key| node.get(key)).map_or(entry.key, |entry| entry.key);
        decoder.diagnostics.push(
            Diagnostic::error(
                Code::Conflict,
                format!("`{place}` asks for several containers called `{}`", name.0),
            )
            .label(entry.key, "a name is taken by one container")
            .label(many, "several are asked for here")
            .help("remove `container_name`: other services reach it by the name of the service"),
        );
    }
}

fn value_span(node: &Node, key: &str) -> Span {
    node.get(key).map_or(node.span, |entry| entry.node.span)
}

impl Service {
    /// Returns how many containers are asked for.
    pub fn containers(&self) -> i64 {
        let replicas = self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        self.scale.or(replicas).unwrap_or(1)
    }
}

/// A whole number of hundredths, from 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Percent(pub u8);

super::values::scalar!(
    Percent,
    "a whole number from 0 to 100",
    { "type": ["integer", "string"], "minimum": 0, "maximum": 100 },
    |node| match &node.value {
        Value::Int(_) | Value::Text(_) => node.scalar_text().map(|text| {
            let number = text.parse().ok().filter(|number| *number <= 100);
            number.map(Self).ok_or_else(|| format!("`{text}` is none"))
        }).transpose(),
        _ => Ok(None),
    },
    unset Self(0), |value| value.0 == 0
);

words! {
    /// The control group namespace.
    pub enum CgroupNamespace {
        /// The host's.
        Host = "host",
        /// The container's own.
        Private = "private",
    }
}

/// The name of a container: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ContainerName(pub String);

impl Attribute for ContainerName {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(text) = node.as_text() else { return decoder.wrong_type(node, place, "a string") };
        let is_part = |one: char| one.is_ascii_alphanumeric() || "_.-".contains(one);
        let help = "write two or more of a-z, A-Z, 0-9, `_`, `.` and `-`, such as web_1";
        // docker compose asks only that such a name is somewhere in it; the engine wants nothing else there.
        let pairs = text.chars().zip(text.chars().skip(1));
        if !pairs.into_iter().any(|(one, next)| one.is_ascii_alphanumeric() && is_part(next)) {
            return decoder.invalid(node.span, place, format!("`{text}` is no name of a container"), help);
        }
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) || !text.chars().all(is_part) {
            decoder.doubtful(node.span, place, format!("`{text}` is no name of a container"), help);
        }
        Some(Self(text.to_owned()))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$|\$" })
    }
}

/// When an image is pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PullPolicy(pub String);

super::values::scalar!(
    PullPolicy,
    "a pull policy: always, never, missing, if_not_present, build, refresh, daily, weekly or every_<duration>",
    { "type": "string", "examples": ["always", "never", "missing", "build", "daily", "weekly", "every_12h"] },
    |node| node.as_text().map(|text| {
        let known = matches!(
            text, "always" | "never" | "missing" | "if_not_present" | "build" | "refresh" | "daily" | "weekly"
        );
        if known || text.strip_prefix("every_").is_some_and(|every| interval(every).is_some()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is no pull policy"))
        }
    }).transpose()
);

impl PullPolicy {
    /// Returns how old an image may be before it is pulled anew, if it is to be.
    pub fn refreshed_after(&self) -> Option<std::time::Duration> {
        match self.0.as_str() {
            "daily" => interval("1d"),
            "weekly" => interval("1w"),
            text => interval(text.strip_prefix("every_")?),
        }
    }
}

/// Parses `1d12h`: whole numbers with units `w`, `d`, `h`, `m` and `s`.
fn interval(text: &str) -> Option<std::time::Duration> {
    let mut seconds: u64 = 0;
    for part in text.split_inclusive(|one: char| !one.is_ascii_digit()) {
        let (number, unit) = part.split_at(part.len().checked_sub(1)?);
        let unit = match unit {
            "w" => 604_800,
            "d" => 86_400,
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
    }
    (!text.is_empty()).then(|| std::time::Duration::from_secs(seconds))
}

record! {
    /// Credentials of a managed Windows service account.
    #[derive(Default)]
    pub struct CredentialSpec {
        /// The config that holds them.
        pub config: Option<String>,
        /// The file that holds them.
        pub file: Option<String>,
        /// The registry value that holds them.
        pub registry: Option<String>,
    }
}

record! {
    /// Where the container's output goes.
    pub struct Logging {
        /// The logging driver, such as `json-file`, `local` or `syslog`.
        pub driver: Option<String>,
        /// Options of the driver.
        pub options: Options,
    }
    merged "driver";
}

record! {
    /// A program outside the engine that provides what the service stands for.
    pub struct Provider {
        /// The program: `docker-<type>` or `<type>` on the path.
        pub kind as "type": String,
        /// Options that it gets on its command line.
        pub options: ProviderOptions,
    }
}

/// Options of a provider: scalars or lists of scalars, all as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ProviderOptions(pub BTreeMap<String, Vec<String>>);

impl Attribute for ProviderOptions {
    const SHAPE: &'static Shape = &Shape { kind: Kind::Map(Shape::REPLACE), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else { return decoder.wrong_type(node, place, "a mapping") };
        let expected = "a string, a number, true or false, or a list of them";
        let entries = map
            .iter()
            .filter_map(|(key, entry)| {
                let values = match entry.node.as_list() {
                    Some(list) => list.iter().map(Node::scalar_text).collect(),
                    None => entry.node.scalar_text().map(|text| vec![text]),
                };
                let values: Option<Vec<_>> = values;
                if values.is_none() {
                    return decoder.wrong_type(&entry.node, &place.key(key), expected);
                }
                Some((key.to_string(), values?))
            })
            .collect();
        Some(Self(entries))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let scalar = json_schema!({ "type": ["string", "number", "boolean"] });
        let value = json_schema!({ "anyOf": [scalar, { "type": "array", "items": scalar }] });
        json_schema!({ "type": "object", "additionalProperties": value })
    }

    unset_when_empty!();
}

/// Files with labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LabelFiles(pub Vec<HostPath>);

impl Attribute for LabelFiles {
    const SHAPE: &'static Shape = StringList::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        StringList::schema(generator)
    }

    unset_when_empty!();
}

/// The models that a service uses, by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ModelReferences(pub BTreeMap<String, Nullable<ModelReference>>);

record! {
    /// How a service finds a model.
    #[derive(Default)]
    pub struct ModelReference {
        /// The variable that gets the model's URL.
        pub endpoint_var: Option<String>,
        /// The variable that gets the model's name.
        pub model_var: Option<String>,
    }
}

impl Attribute for ModelReferences {
    const SHAPE: &'static Shape =
        &Shape { kind: Kind::Map(ModelReference::SHAPE), expand: Some(map_of_names) };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
                { "type": "object", "additionalProperties": <Nullable<ModelReference>>::schema(generator) },
            ]
        })
    }

    unset_when_empty!();
}
