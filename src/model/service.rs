//! A service: one documented field for each attribute of the specification.
//!
//! The order of the fields is the order in which docker compose writes them, which the config hash depends on.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Place, Shape, record, unset_when_empty};
use super::build::Build;
use super::deploy::{Deploy, Gpus};
use super::lifecycle::{DependsOn, Develop, EnvFiles, Extends, Healthcheck, Hook, PreStart, Restart};
pub use super::limits::{Blkio, Device, DeviceRate, DeviceWeight, Devices, Ulimit, Ulimits};
use super::network::{Attachments, ExtraHosts, Ports};
pub use super::outside::{
    CredentialSpec, Logging, ModelReference, ModelReferences, Provider, ProviderOptions, PullPolicy,
};
use super::schema::or_variable;
use super::storage::{FileReferences, Mounts};
use super::units::Swappiness;
use super::values::{
    ByteSize, CommandLine, Duration, HostPath, KeyValues, Options, StringList, StringOrNumber, UniqueList,
    Variables, words,
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
        #[example = ["debug"]]
        pub profiles: UniqueList<String>,
        /// Annotations of the containers.
        #[example = { "com.example.team": "shop" }]
        pub annotations: KeyValues,
        /// Collect the service's log when `up` stays attached.
        #[default = true]
        pub attach: Option<bool>,
        /// How to build the image: a directory, or the details.
        #[example = "."]
        #[example = { "context": "./web", "target": "prod" }]
        pub build: Option<Box<Build>>,
        /// What `watch` does when files change.
        pub develop: Option<Develop>,
        /// Limits on block devices.
        pub blkio_config: Option<Blkio>,
        /// Capabilities to add.
        #[example = ["NET_ADMIN"]]
        pub cap_add: UniqueList<String>,
        /// Capabilities to drop; `ALL` for all.
        #[example = ["ALL"]]
        pub cap_drop: UniqueList<String>,
        /// The parent control group.
        #[example = "/shop"]
        pub cgroup_parent: Option<String>,
        /// The control group namespace.
        pub cgroup: Option<CgroupNamespace>,
        /// Processors (Windows).
        #[example = 2]
        pub cpu_count: u64,
        /// Share of the processors in percent (Windows).
        #[example = 50]
        pub cpu_percent: Percent,
        /// Period of the CPU quota in microseconds.
        #[example = 100_000]
        pub cpu_period: i64,
        /// Microseconds of CPU time within each period.
        #[example = 50000]
        pub cpu_quota: i64,
        /// Period of the real-time quota in microseconds.
        #[example = 1_000_000]
        pub cpu_rt_period: i64,
        /// Microseconds of real-time CPU time within each period.
        #[example = 950_000]
        pub cpu_rt_runtime: i64,
        /// How many processors may be used.
        #[example = 0.5]
        pub cpus: f32,
        /// Which processors may be used, by number.
        #[example = "0-2,4"]
        pub cpuset: Option<String>,
        /// Weight against other containers.
        #[default = 1024]
        #[example = 512]
        pub cpu_shares: i64,
        /// The command, in place of the image's `CMD`: a list of words, or a string that is split into words.
        #[example = ["npm", "start"]]
        #[example = "npm start"]
        pub command: CommandLine,
        /// Configs that the service reads.
        #[example = ["site"]]
        #[example = [{"source": "site", "target": "/etc/site.conf"}]]
        pub configs: FileReferences,
        /// The container's name. Excludes more than one container. Default: `PROJECT-SERVICE-NUMBER`.
        #[example = "shop_web"]
        pub container_name: Option<ContainerName>,
        /// Credentials of a managed Windows service account.
        pub credential_spec: Option<CredentialSpec>,
        /// The services that must be there first.
        #[example = ["db"]]
        #[example = { "db": {"condition": "service_healthy"} }]
        pub depends_on: DependsOn,
        /// How many containers, what they may use, how they are replaced.
        pub deploy: Option<Box<Deploy>>,
        /// Device rules of the control group.
        #[example = ["c 1:3 mr"]]
        pub device_cgroup_rules: UniqueList<String, true>,
        /// Devices of the host, `host[:container[:permissions]]`.
        #[example = ["/dev/ttyUSB0"]]
        #[example = ["/dev/ttyUSB0:/dev/ttyS0:rw"]]
        pub devices: Devices,
        /// DNS servers, in place of the engine's own.
        #[example = "9.9.9.9"]
        #[example = ["9.9.9.9", "1.1.1.1"]]
        pub dns: StringList,
        /// Options of the resolver.
        #[example = ["use-vc"]]
        pub dns_opt: UniqueList<String>,
        /// Domains that short names are looked up in.
        #[example = "example.com"]
        pub dns_search: StringList,
        /// The container's domain name.
        #[example = "example.com"]
        pub domainname: Option<String>,
        /// The entry point, in place of the image's `ENTRYPOINT`; the image's `CMD` is dropped with it.
        #[example = ["/docker-entrypoint.sh"]]
        pub entrypoint: CommandLine,
        /// A program outside the engine that provides what the service stands for.
        pub provider: Option<Provider>,
        /// Variables. One without a value takes it from the shell or the `.env` file.
        #[example = { "DB_HOST": "db", "DEBUG": null }]
        #[example = ["DB_HOST=db", "DEBUG"]]
        pub environment: Variables,
        /// Files with variables; `environment` wins.
        #[example = "web.env"]
        #[example = [{"path": "web.env", "required": false}]]
        pub env_file: EnvFiles,
        /// Ports that other services may use; documentation only, since Docker opens all of them.
        #[example = [3000]]
        #[example = ["8080-8085/tcp"]]
        pub expose: UniqueList<StringOrNumber>,
        /// The definition that this one starts from.
        #[example = { "file": "common.yaml", "service": "base" }]
        #[example = "base"]
        pub extends: Option<Extends>,
        /// Containers outside of the project, `name[:alias]`.
        #[example = ["other_db:db"]]
        pub external_links: UniqueList<String, true>,
        /// Lines for `/etc/hosts`; `host-gateway` is the host's address.
        #[example = ["host.docker.internal:host-gateway"]]
        #[example = { "printer": "10.0.0.9" }]
        pub extra_hosts: ExtraHosts,
        /// More groups of the user.
        #[example = ["audio"]]
        #[example = [1001]]
        pub group_add: UniqueList<StringOrNumber, true>,
        /// GPUs: `all`, or a list.
        #[example = [{"driver": "nvidia", "count": 1}]]
        pub gpus: Gpus,
        /// The container's host name.
        #[example = "web"]
        pub hostname: Option<String>,
        /// How the engine finds out whether the container is healthy.
        pub healthcheck: Option<Healthcheck>,
        /// The image, `[registry/]name[:tag|@digest]`.
        #[example = "nginx:1.27"]
        #[example = "ghcr.io/example/shop@sha256:0000000000000000000000000000000000000000000000000000000000000000"]
        pub image: Option<String>,
        /// Run an init process as PID 1 that reaps children and forwards signals. Default: as the engine is set up.
        pub init: Option<bool>,
        /// The IPC namespace: `private`, `shareable`, `host`, `service:name` or `container:name`.
        #[example = "private"]
        #[example = "shareable"]
        #[example = "host"]
        #[example = "service:db"]
        pub ipc: Option<String>,
        /// Isolation technology of Windows containers.
        #[example = "process"]
        #[example = "hyperv"]
        pub isolation: Option<String>,
        /// Labels of the containers.
        #[example = { "com.example.team": "shop" }]
        #[example = ["com.example.team=shop"]]
        pub labels: KeyValues,
        /// Files with labels; `labels` wins.
        #[example = "web.labels"]
        pub label_file: LabelFiles,
        /// Services that are found under another name too, `service[:alias]`. Obsolete: use `aliases`.
        #[example = ["db", "db:database"]]
        pub links: UniqueList<String>,
        /// Where the container's output goes.
        pub logging: Option<Logging>,
        /// The most memory that may be used.
        pub mem_limit: ByteSize,
        /// Memory that the container can count on.
        pub mem_reservation: ByteSize,
        /// The most memory and swap together; -1 for unlimited swap.
        #[example = "1g"]
        #[example = -1]
        pub memswap_limit: ByteSize,
        /// How eagerly the kernel swaps, from 0 to 100 percent.
        #[example = 10]
        pub mem_swappiness: Swappiness,
        /// The MAC address on the primary network.
        #[example = "02:42:ac:11:65:43"]
        pub mac_address: Option<String>,
        /// AI models that the service uses.
        #[example = ["llm"]]
        #[example = { "llm": {"endpoint_var": "LLM_URL"} }]
        pub models: ModelReferences,
        /// `bridge`, `host`, `none`, `service:name` or `container:name`, in place of `networks`.
        #[example = "bridge"]
        #[example = "host"]
        #[example = "none"]
        #[example = "service:db"]
        pub network_mode: Option<String>,
        /// The networks that the service joins. Default: the project's own, `default`.
        #[example = ["front"]]
        #[example = { "back": {"aliases": ["database"]} }]
        pub networks: Attachments,
        /// Do not kill the container when memory runs out.
        pub oom_kill_disable: bool,
        /// Which container is killed first when memory runs out, from -1000 to 1000.
        #[default = 0]
        #[example = -500]
        #[minimum = -1000]
        #[maximum = 1000]
        pub oom_score_adj: i64,
        /// The PID namespace: `host`, `service:name` or `container:name`.
        #[example = "host"]
        #[example = "service:db"]
        pub pid: Option<String>,
        /// The most processes.
        #[example = 100]
        pub pids_limit: i64,
        /// The platform of the image, `os[/arch[/variant]]`.
        #[example = "linux/amd64"]
        pub platform: Option<String>,
        /// Ports of the host that lead to the container, `[[address:]published:]target[/protocol]`.
        #[example = ["8080:80"]]
        #[example = ["127.0.0.1:5432:5432"]]
        #[example = [{"target": 80, "published": "8080"}]]
        pub ports: Ports,
        /// All privileges of the host.
        pub privileged: bool,
        /// When to pull the image.
        #[default = "missing"]
        pub pull_policy: Option<PullPolicy>,
        /// When to pull the image again.
        #[example = "24h"]
        #[obsolete = "write `pull_policy: every_<duration>` instead"]
        #[serde(skip)]
        pub pull_refresh_after: Option<String>,
        /// The container's own file system cannot be written to.
        pub read_only: bool,
        /// What the engine does when the container ends; `on-failure:3` gives up after three times.
        #[default = "no"]
        pub restart: Option<Restart>,
        /// The container runtime.
        #[example = "runsc"]
        pub runtime: Option<String>,
        /// How many containers.
        #[default = 1]
        #[example = 2]
        #[minimum = 0]
        pub scale: Option<i64>,
        /// Secrets that the service reads.
        #[example = ["db_password"]]
        pub secrets: FileReferences,
        /// Security options.
        #[example = ["no-new-privileges:true"]]
        pub security_opt: UniqueList<String, true>,
        /// Size of `/dev/shm`.
        #[default = "64m"]
        pub shm_size: ByteSize,
        /// Keep standard input open.
        pub stdin_open: bool,
        /// The time between the stop signal and SIGKILL.
        #[default = "10s"]
        pub stop_grace_period: Option<Duration>,
        /// The signal that asks the container to end. Default: the image's, else SIGTERM.
        #[example = "SIGQUIT"]
        pub stop_signal: Option<String>,
        /// Options of the storage driver, such as `size`.
        #[example = { "size": "1G" }]
        pub storage_opt: Options,
        /// Kernel parameters of the container.
        #[example = { "net.core.somaxconn": 1024 }]
        #[example = ["net.core.somaxconn=1024"]]
        pub sysctls: KeyValues,
        /// Places in the container that are memory.
        #[example = "/run"]
        #[example = ["/run", "/tmp:size=64m"]]
        pub tmpfs: StringList,
        /// Give the container a terminal.
        pub tty: bool,
        /// Limits of processes, by name: a number, or `soft` and `hard`; -1 for none.
        #[example = { "nproc": 65535, "nofile": {"soft": 20000, "hard": 40000} }]
        pub ulimits: Ulimits,
        /// Give the container access to the engine's API.
        pub use_api_socket: bool,
        /// The user, `name|uid[:group|gid]`.
        #[example = "1000:1000"]
        pub user: Option<String>,
        /// The user namespace: `host`.
        #[example = "host"]
        pub userns_mode: Option<String>,
        /// The UTS namespace: `host`.
        #[example = "host"]
        pub uts: Option<String>,
        /// What is mounted, `[source:]target[:mode]`.
        #[example = ["data:/var/lib/data"]]
        #[example = ["./site:/usr/share/nginx/html:ro"]]
        #[example = [{"type": "bind", "source": "./site", "target": "/site"}]]
        pub volumes: Mounts,
        /// Services or containers whose volumes are mounted too.
        #[example = ["db:ro"]]
        pub volumes_from: UniqueList<String, true>,
        /// The directory that the command runs in.
        #[example = "/app"]
        pub working_dir: Option<String>,
        /// Steps that run to their end before the service starts, each in a container of its own.
        #[example = [{"command": ["./migrate"]}]]
        pub pre_start: Vec<PreStart>,
        /// Commands that run after the container has started.
        #[example = [{"command": ["./warm-up"]}]]
        pub post_start: Vec<Hook>,
        /// Commands that run before the container is stopped.
        #[example = [{"command": ["./drain"]}]]
        pub pre_stop: Vec<Hook>,
        /// What topo's own commands know of the service.
        #[serde(skip)]
        pub x_topo as "x-topo": Option<XTopo>,
    }
    check service_holds;
    as a schema { "dependencies": { "network_mode": { "properties": { "networks": false } } } };
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
    { "type": ["integer", "string"], "minimum": 0, "maximum": 100, "pattern": or_variable(r"[+]?\d+") },
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
        json_schema!({
            "type": "string",
            // As docker compose has it: somewhere in the text.
            "pattern": r"[a-zA-Z0-9][a-zA-Z0-9_.-]|\$",
            "errorMessage": "write two or more of a-z, A-Z, 0-9, `_`, `.` and `-`, such as web_1",
        })
    }
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
