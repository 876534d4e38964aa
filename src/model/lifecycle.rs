//! When a service starts, how its health is told, what happens when it ends.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Kind, Place, Shape, record, unset_when_empty};
use super::values::{
    CommandLine, Duration, HostPath, StringList, Variables, map_of_names, words, words_or, words_schema,
};
use crate::diagnostic::Diagnostics;
use crate::yaml::{Node, Value};

/// The services that a service waits for, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct DependsOn(pub std::collections::BTreeMap<String, Dependency>);

impl Attribute for DependsOn {
    const SHAPE: &'static Shape =
        &Shape { kind: Kind::Map(Dependency::SHAPE), expand: Some(dependencies_of_names) };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if node.as_map().is_none() {
            return decoder.wrong_type(node, place, "a list of service names, or a mapping");
        }
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
                { "type": "object", "additionalProperties": Dependency::schema(generator) },
            ]
        })
    }

    unset_when_empty!();
}

/// `[db]` means `{db: {condition: service_started, required: true}}`.
fn dependencies_of_names(node: Node, diagnostics: &mut Diagnostics) -> Node {
    let is_list = node.as_list().is_some();
    let mut node = map_of_names(node, diagnostics);
    if let (true, Value::Map(map)) = (is_list, &mut node.value) {
        for entry in map.values_mut() {
            let started = Value::Text(Condition::Started.word().into());
            entry.node = Node::map([("condition", started), ("required", Value::Bool(true))], entry.key);
        }
    }
    node
}

record! {
    /// What a service waits for in another one.
    pub struct Dependency {
        /// When the dependency is satisfied.
        pub condition: Condition,
        /// Restart this service when the dependency is restarted or recreated by an explicit operation.
        pub restart: bool,
        /// Fail when the dependency is not there or its condition fails; otherwise only warn.
        #[default = true]
        pub required: Option<bool>,
    }
    check required_by_default;
}

fn required_by_default(dependency: &mut Dependency, _: &Node, _: &Place<'_>, _: &mut Decoder<'_>) {
    dependency.required.get_or_insert(true);
}

impl Dependency {
    /// Returns whether the dependent must not start without it.
    pub fn is_required(&self) -> bool {
        self.required != Some(false)
    }
}

words! {
    /// When a dependency is satisfied.
    pub enum Condition {
        /// It was started.
        Started = "service_started",
        /// Its health check passes.
        Healthy = "service_healthy",
        /// It ended with exit code 0.
        CompletedSuccessfully = "service_completed_successfully",
    }
}

record! {
    /// How the engine finds out whether a container is healthy. What is not given comes from the image.
    #[derive(Default)]
    pub struct Healthcheck {
        /// The command: a string runs in the container's shell; a list starts with `CMD`, `CMD-SHELL` or `NONE`.
        pub test: Option<HealthTest>,
        /// How long one check may take.
        #[default = "30s"]
        pub timeout: Option<Duration>,
        /// The time between checks.
        #[default = "30s"]
        pub interval: Option<Duration>,
        /// How many failures in a row make the container unhealthy.
        #[default = 3]
        #[example = 5]
        pub retries: Option<u64>,
        /// Failures within this time after the start do not count.
        #[default = "0s"]
        pub start_period: Option<Duration>,
        /// The time between checks during the start period. Needs Docker Engine 25 or later.
        #[default = "5s"]
        pub start_interval: Option<Duration>,
        /// Turn off the image's own health check.
        pub disable: bool,
    }
}

/// The command of a health check in its list form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HealthTest(pub Vec<String>);

impl Attribute for HealthTest {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let words = match &node.value {
            Value::Text(text) => return Some(Self(vec!["CMD-SHELL".to_owned(), text.to_string()])),
            Value::List(_) => Vec::<String>::decode(node, place, decoder)?,
            _ => return decoder.wrong_type(node, place, "a string or a list of strings"),
        };
        if matches!(words.first().map(String::as_str), None | Some("CMD" | "CMD-SHELL" | "NONE")) {
            return Some(Self(words));
        }
        let first = node.as_list().and_then(<[_]>::first).map_or(node.span, |first| first.span);
        let help = "start the list with \"CMD\", \"CMD-SHELL\" or \"NONE\"";
        decoder.invalid(first, place, "the first word says how the rest is run", help)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let first = [
            ("CMD", "The rest is a command."),
            ("CMD-SHELL", "The next is run in the container's shell."),
            ("NONE", "There is no health check."),
        ];
        json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": [words_schema(&first)], "additionalItems": { "type": "string" } },
            ],
            "examples": [["CMD", "curl", "-f", "http://localhost"], "pg_isready -U postgres"],
        })
    }
}

/// What the engine does when a container ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    No,
    /// Start it again, whatever happened.
    Always,
    /// Start it again after a failure, up to so many times.
    OnFailure(Option<u32>),
    /// As `always`, but a stopped one stays stopped when the daemon restarts.
    UnlessStopped,
}

impl Restart {
    /// The word of the engine's API.
    pub fn policy(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::OnFailure(_) => "on-failure",
            Self::UnlessStopped => "unless-stopped",
        }
    }
}

impl Serialize for Restart {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::OnFailure(Some(times)) => serializer.collect_str(&format_args!("on-failure:{times}")),
            other => serializer.serialize_str(other.policy()),
        }
    }
}

impl Attribute for Restart {
    const SHAPE: &'static Shape = Shape::REPLACE;
    const MAY_BE_EMPTY: bool = true;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(text) = node.as_text() else {
            return decoder.wrong_type(node, place, "a string such as \"no\" or \"always\"");
        };
        match text.split_once(':').unwrap_or((text, "")) {
            ("no" | "none", "") => Some(Self::No),
            ("always", "") => Some(Self::Always),
            ("unless-stopped", "") => Some(Self::UnlessStopped),
            ("on-failure", "") => Some(Self::OnFailure(None)),
            ("on-failure", times) if times.parse::<u32>().is_ok() => {
                Some(Self::OnFailure(times.parse().ok()))
            }
            _ => {
                let known = "\"no\", always, on-failure, on-failure:N or unless-stopped";
                decoder.invalid(
                    node.span,
                    place,
                    format!("`{text}` is no restart policy"),
                    format!("write {known}"),
                )
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let words = [
            ("no", "It stays ended."),
            ("always", "It is started again, whatever happened."),
            ("on-failure", "It is started again after a failure."),
            ("unless-stopped", "As `always`, but one that was stopped stays so when the daemon restarts."),
        ];
        words_or(&words, r"^$|^on-failure:\d+$|\$")
    }
}

record! {
    /// A command that runs in the container at a turn of its life.
    #[derive(Default)]
    pub struct Hook {
        /// The command: a list of words, or one string that is split into words.
        #[example = ["./warm-up"]]
        #[example = "./warm-up --all"]
        pub command: CommandLine,
        /// The user that it runs as. Default: the service's.
        #[example = "root"]
        pub user: Option<String>,
        /// Run it with all privileges.
        pub privileged: bool,
        /// The directory that it runs in. Default: the service's.
        #[example = "/app"]
        pub working_dir: Option<String>,
        /// Variables for it, beside the service's.
        #[example = { "MODE": "fast" }]
        #[example = ["MODE=fast"]]
        pub environment: Variables,
    }
    check hook_has_command;
    as a schema { "required": ["command"] };
}

record! {
    /// A step that runs to its end, in a container of its own, before the service starts.
    ///
    /// See <https://docs.docker.com/compose/how-tos/init-containers/>.
    #[derive(Default)]
    pub struct PreStart {
        /// The command: a list of words, or one string that is split into words. Default: the image's.
        #[example = ["./warm-up"]]
        #[example = "./warm-up --all"]
        pub command: CommandLine,
        /// The image. Default: the service's.
        #[example = "busybox"]
        pub image: Option<String>,
        /// The user that it runs as. Default: the service's.
        #[example = "root"]
        pub user: Option<String>,
        /// Run it with all privileges.
        pub privileged: bool,
        /// The directory that it runs in. Default: the service's.
        #[example = "/app"]
        pub working_dir: Option<String>,
        /// Variables for it, beside the service's.
        #[example = { "MODE": "fast" }]
        #[example = ["MODE=fast"]]
        pub environment: Variables,
        /// Run it for each container of the service, rather than once for all of them.
        pub per_replica: bool,
    }
}

fn hook_has_command(hook: &mut Hook, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    // Nothing may be written, and means so.
    if hook.command.0.is_none() && node.get("command").is_none() {
        decoder.missing(node.span, place, "command");
    }
}

record! {
    /// What `watch` does when files change.
    #[derive(Default)]
    pub struct Develop {
        /// The rules, one for each path.
        #[example = [{"path": "./src", "action": "sync", "target": "/app/src"}]]
        pub watch: Vec<Trigger>,
    }
    may be nothing;
}

record! {
    /// A path to watch, and what to do.
    pub struct Trigger {
        /// The file or directory to watch.
        #[example = "./src"]
        pub path: HostPath,
        /// What to do.
        pub action: WatchAction,
        /// Where changed files go in the container; needed by all that sync.
        #[example = "/app/src"]
        pub target: Option<String>,
        /// The command for `sync+exec`.
        pub exec: Option<Hook>,
        /// Only files that match one of these.
        #[example = "*.go"]
        #[example = ["*.go", "*.html"]]
        pub include: StringList,
        /// No files that match one of these.
        #[example = "node_modules/"]
        #[example = ["node_modules/", "*.tmp"]]
        pub ignore: StringList,
        /// Copy all files once when watching starts.
        pub initial_sync: bool,
    }
    check complete_trigger;
}

fn complete_trigger(trigger: &mut Trigger, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    // docker compose writes it out, even empty.
    trigger.exec.get_or_insert_default();
    let copies =
        matches!(trigger.action, WatchAction::Sync | WatchAction::SyncRestart | WatchAction::SyncExec);
    if copies && trigger.target.as_deref().is_none_or(str::is_empty) {
        decoder.missing(node.span, place, "target");
    }
}

words! {
    /// What `watch` does when a file changes.
    pub enum WatchAction {
        /// Build the image again and replace the container.
        Rebuild = "rebuild",
        /// Copy the file into the container.
        Sync = "sync",
        /// Restart the container.
        Restart = "restart",
        /// Copy, then restart.
        SyncRestart = "sync+restart",
        /// Copy, then run a command.
        SyncExec = "sync+exec",
    }
}

record! {
    /// Where to find the definition that a service starts from.
    pub struct Extends {
        /// The file; default: this one.
        #[example = "common.yaml"]
        pub file: Option<String>,
        /// The service.
        #[example = "base"]
        pub service: String,
    }
    short form extends_of_name, { "type": "string" };
}

fn extends_of_name(node: Node, _: &mut Diagnostics) -> Node {
    match &node.value {
        Value::Text(name) => Node::map([("service", Value::Text(name.clone()))], node.span),
        _ => node,
    }
}

/// The files that variables are read from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct EnvFiles(pub Vec<EnvFile>);

impl Attribute for EnvFiles {
    const SHAPE: &'static Shape =
        &Shape { kind: Kind::List(EnvFile::SHAPE, Some(super::storage::BY_PATH)), expand: Some(env_files) };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if node.as_list().is_none() {
            return decoder.wrong_type(node, place, "a string or a list");
        }
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let item = EnvFile::schema(generator);
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": item }] })
    }

    unset_when_empty!();
}

fn env_files(node: Node, _: &mut Diagnostics) -> Node {
    match node.value {
        Value::Text(_) => Node {
            span: node.span,
            tag: node.tag,
            value: Value::List(vec![Node { tag: super::NO_TAG, ..node }]),
        },
        _ => node,
    }
}

record! {
    /// A file with variables.
    pub struct EnvFile {
        /// The file.
        #[example = "web.env"]
        pub path: HostPath,
        /// Fail when the file is not there.
        #[default = true]
        pub required: Option<bool>,
        /// `raw` takes values as they are, without quotes or interpolation.
        pub format: Option<EnvFormat>,
    }
    short form env_file_of_path, { "type": "string" };
}

fn env_file_of_path(node: Node, _: &mut Diagnostics) -> Node {
    match &node.value {
        Value::Text(path) => Node::map([("path", Value::Text(path.clone()))], node.span),
        _ => node,
    }
}

words! {
    /// How an env file is read.
    pub enum EnvFormat {
        /// Values as they are.
        Raw = "raw",
    }
}
