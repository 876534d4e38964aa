//! Room 7: decides what to do to the engine, and says why. It never does it: `engine::apply` does.
//!
//! A [`Plan`] is data: it can be printed, tested and counted. One [`Op`] is one call to the engine.

pub mod bake;
mod before;
pub mod build;
pub mod builder;
pub mod changes;
pub mod connect;
pub mod container;
mod contents;
pub mod copy;
pub mod desired;
pub mod dockerignore;
pub mod down;
pub mod hooks;
pub mod images;
mod impossible;
pub mod inside;
mod judge;
pub mod labels;
pub mod lifecycle;
mod limits;
pub mod members;
mod mounts;
pub mod provide;
pub mod questions;
mod refresh;
mod refuse;
mod remakes;
pub mod run;
mod shared;
mod steps;
pub mod supply;
pub mod target;
pub mod up;
pub mod update;
pub mod watch;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, EndpointSettings, NetworkCreateRequest, VolumeCreateRequest};
use serde::Serialize;

pub use build::Build;

use crate::project::hash::digest;

/// The steps that take the engine from what it has to what the project says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps. Each depends on earlier ones only.
    pub steps: Vec<Step>,
    /// What the user should know and no step mends, such as orphan containers.
    pub notes: Vec<String>,
    /// How long each wait may take; as long as it takes if `None`.
    pub patience: Option<Duration>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The engine call.
    pub op: Op,
    /// The object it is about, as the user thinks of it: `service web`, `network front`.
    pub subject: Subject,
    /// Why it is needed, as a phrase: `not there yet`, `configuration changed`.
    pub cause: String,
    /// The steps that must have succeeded before this one starts.
    pub after: Vec<StepId>,
    /// Whether data of the user's could go.
    pub destructive: bool,
    /// Whether the plan goes on when it fails.
    pub optional: bool,
    /// Whether an object that turns out to be in use stays, with a warning; otherwise the step fails.
    pub if_unused: bool,
}

/// An index into [`Plan::steps`].
pub type StepId = usize;

/// The object that a step is about. Progress shows one line for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// An image reference.
    Image(String),
    /// A network's name in the engine.
    Network(String),
    /// A volume's name in the engine.
    Volume(String),
    /// A container's final name.
    Container(String),
}

/// What a dependent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The container runs.
    Started,
    /// Its health check passes. A container that ends or turns unhealthy fails the wait.
    Healthy,
    /// It ended with code 0. Any other code fails the wait.
    CompletedSuccessfully,
    /// It has run for so long without ending, or has ended with code 0. Any other code fails the wait.
    Settled(Duration),
}

impl Condition {
    /// How long a container without a health check must have run before `up --wait` believes in it. docker compose
    /// looks for the first time after as long.
    pub const STEADY: Self = Self::Settled(Duration::from_millis(500));
}

/// One call to the engine. A `container` is named, and may be one that an earlier step creates.
#[expect(missing_docs, reason = "the fields are what the variant names")]
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Pull an image.
    PullImage { image: String, platform: Option<String> },
    /// Build an image and tag it.
    BuildImage(Box<Build>),
    /// Push an image to its registry.
    PushImage { image: String },
    /// Create a network.
    CreateNetwork(Box<NetworkCreateRequest>),
    /// Remove a network, by ID.
    RemoveNetwork { id: String },
    /// Create a volume.
    CreateVolume(Box<VolumeCreateRequest>),
    /// Remove a volume, by name.
    RemoveVolume { name: String },
    /// Create a container.
    CreateContainer(Box<Create>),
    /// Attach a container to one more network.
    ConnectNetwork { container: String, network: String, endpoint: Box<EndpointSettings> },
    /// Detach a container from a network.
    DisconnectNetwork { container: String, network: String },
    /// Copy files into a created container, before it starts.
    CopyFiles { container: String, files: Vec<File> },
    /// Start a container.
    Start { container: String },
    /// Stop a container: its stop signal first, SIGKILL after `timeout` seconds (the container's own grace
    /// period where that is `None`).
    Stop { container: String, timeout: Option<i32> },
    /// Stop a container and start it again; `timeout` is that of a stop.
    Restart { container: String, timeout: Option<i32> },
    /// Send a signal, by name or number, to a container.
    Kill { container: String, signal: String },
    /// Suspend all processes of a container.
    Pause { container: String },
    /// Let a paused container go on.
    Unpause { container: String },
    /// Take a name from an image. The image goes with its last name.
    RemoveImage { image: String },
    /// Remove a container, and its anonymous volumes if `volumes` says so.
    RemoveContainer { container: String, volumes: bool },
    /// Rename a container.
    Rename { container: String, to: String },
    /// Run a command in a running container. It must end with code 0.
    RunInside { container: String, command: Box<hooks::Inside> },
    /// Wait until a container is as its dependents need it. `required: false` lets the plan go on when the wait
    /// fails.
    Await { container: String, condition: Condition, required: bool },
}

/// A container to create.
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    /// The name it is created under; while recreating, a temporary one.
    pub name: String,
    /// The request, complete but for what only the engine knows; see [`Create::resolved`].
    pub body: ContainerCreateBody,
    /// `os/arch[/variant]`, where the service says so.
    pub platform: Option<String>,
    /// The JSON that `config-hash` is the digest of. It is in `body` already where no container is named in it.
    pub hash_input: String,
}

/// A file to put into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The absolute path in the container.
    pub path: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u64,
    /// Its group.
    pub gid: u64,
}

/// Marks a stand-in on both sides: a character of private use, which JSON leaves as it is.
const MARK: char = '\u{e000}';

/// Stands in a [`Create`] for the ID of the container called `name`, which may not exist yet.
pub fn container_id_of(name: &str) -> String {
    format!("{MARK}container {name}{MARK}")
}

/// Stands in a [`Create`] for the ID of the image called `reference`, which may not be pulled yet.
pub fn image_id_of(reference: &str) -> String {
    format!("{MARK}image {reference}{MARK}")
}

/// IDs that are known by the time a container is created.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Container IDs by name.
    pub containers: HashMap<String, String>,
    /// Image IDs by reference.
    pub images: HashMap<String, String>,
}

impl Create {
    /// Returns the request with IDs in place of [`container_id_of`] and [`image_id_of`], and the config hash
    /// computed over them, as docker compose does. An unknown name stays a name, which the engine resolves.
    pub fn resolved(&self, known: &Known) -> ContainerCreateBody {
        let mut body = self.body.clone();
        let fill = |text: &mut String| *text = known.fill(text);
        if let Some(host) = &mut body.host_config {
            for mode in [&mut host.network_mode, &mut host.ipc_mode, &mut host.pid_mode].into_iter().flatten()
            {
                fill(mode);
            }
            host.volumes_from.iter_mut().flatten().for_each(fill);
        }
        if let Some(labels) = &mut body.labels {
            labels.values_mut().for_each(fill);
            if self.hash_input.contains(MARK) {
                labels.insert(labels::CONFIG_HASH.to_owned(), digest(known.fill(&self.hash_input)));
            }
        }
        body
    }
}

impl Known {
    /// Replaces the stand-ins in `text`.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        for (at, part) in text.split(MARK).enumerate() {
            // Every second part stood between two marks.
            filled.push_str(match part.split_once(' ') {
                Some(("container", name)) if at % 2 == 1 => {
                    self.containers.get(name).map_or(name, String::as_str)
                }
                Some(("image", name)) if at % 2 == 1 => self.images.get(name).map_or("", String::as_str),
                _ => part,
            });
        }
        filled
    }
}

impl Plan {
    /// Adds a step and returns its ID.
    pub fn push(
        &mut self,
        op: Op,
        subject: Subject,
        cause: impl Into<String>,
        mut after: Vec<StepId>,
    ) -> StepId {
        after.sort_unstable();
        after.dedup();
        self.steps.push(Step {
            op,
            subject,
            cause: cause.into(),
            after,
            destructive: false,
            optional: false,
            if_unused: false,
        });
        self.steps.len() - 1
    }

    /// Returns whether nothing but waiting is to be done.
    pub fn is_no_op(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.op, Op::Await { .. }))
    }
}

impl Plan {
    /// Returns the plan as JSON: the steps with their IDs, and the notes.
    pub fn to_json(&self) -> serde_json::Value {
        let steps: Vec<_> = self
            .steps
            .iter()
            .enumerate()
            .map(|(id, step)| {
                serde_json::json!({
                    "id": id,
                    "verb": step.op.verb(),
                    "subject": step.subject,
                    "cause": step.cause,
                    "after": step.after,
                    "destructive": step.destructive,
                    "ifUnused": step.if_unused,
                })
            })
            .collect();
        serde_json::json!({ "steps": steps, "notes": self.notes })
    }
}

impl Op {
    /// Returns the container that it is done to, by the name or ID that the plan has for it.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::ConnectNetwork { container, .. }
            | Self::DisconnectNetwork { container, .. }
            | Self::CopyFiles { container, .. }
            | Self::Start { container }
            | Self::Stop { container, .. }
            | Self::Restart { container, .. }
            | Self::Kill { container, .. }
            | Self::Pause { container }
            | Self::Unpause { container }
            | Self::RemoveContainer { container, .. }
            | Self::Rename { container, .. }
            | Self::RunInside { container, .. }
            | Self::Await { container, .. } => Some(container),
            Self::PullImage { .. }
            | Self::BuildImage(_)
            | Self::PushImage { .. }
            | Self::RemoveImage { .. }
            | Self::CreateNetwork(_)
            | Self::RemoveNetwork { .. }
            | Self::CreateVolume(_)
            | Self::RemoveVolume { .. }
            | Self::CreateContainer(_) => None,
        }
    }

    /// Returns what it does to its subject, as a verb: `create`, `start`.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::PullImage { .. } => "pull",
            Self::BuildImage(_) => "build",
            Self::PushImage { .. } => "push",
            Self::CreateNetwork(_) | Self::CreateVolume(_) | Self::CreateContainer(_) => "create",
            Self::RemoveNetwork { .. }
            | Self::RemoveVolume { .. }
            | Self::RemoveContainer { .. }
            | Self::RemoveImage { .. } => "remove",
            Self::ConnectNetwork { .. } => "connect",
            Self::DisconnectNetwork { .. } => "disconnect",
            Self::CopyFiles { .. } => "copy files into",
            Self::Start { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Restart { .. } => "restart",
            Self::Kill { .. } => "kill",
            Self::Pause { .. } => "pause",
            Self::Unpause { .. } => "unpause",
            Self::Rename { .. } => "rename",
            Self::RunInside { .. } => "run a hook in",
            Self::Await { .. } => "wait for",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(name) => write!(formatter, "image {name}"),
            Self::Network(name) => write!(formatter, "network {name}"),
            Self::Volume(name) => write!(formatter, "volume {name}"),
            Self::Container(name) => write!(formatter, "container {name}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Started => "started",
            Self::Healthy => "healthy",
            Self::CompletedSuccessfully => "completed successfully",
            Self::Settled(_) => "running",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.op.verb(), self.subject)?;
        match &self.op {
            Op::Await { condition, .. } => write!(formatter, " to be {condition}")?,
            Op::ConnectNetwork { network, .. } => write!(formatter, " to network {network}")?,
            Op::DisconnectNetwork { network, .. } => write!(formatter, " from network {network}")?,
            Op::Kill { signal, .. } => write!(formatter, " with {signal}")?,
            Op::Rename { container, to } => write!(formatter, " ({container} -> {to})")?,
            Op::RunInside { command, .. } => write!(formatter, " (`{}`)", command.command.join(" "))?,
            Op::CopyFiles { files, .. } => {
                let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
                write!(formatter, ": {}", paths.join(", "))?;
            }
            _ => {}
        }
        write!(formatter, ", {}", self.cause)
    }
}

/// The golden text of a plan: `#3 start container demo-web-1, not running, after #1 #2`.
impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, step) in self.steps.iter().enumerate() {
            write!(formatter, "#{id} {step}")?;
            if !step.after.is_empty() {
                let after: Vec<_> = step.after.iter().map(|id| format!("#{id}")).collect();
                write!(formatter, ", after {}", after.join(" "))?;
            }
            if step.destructive {
                formatter.write_str(" [destructive]")?;
            }
            writeln!(formatter)?;
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_filled_in_or_stay_names() {
        let known = Known {
            containers: HashMap::from([("app-db-1".to_owned(), "abc".to_owned())]),
            images: HashMap::new(),
        };
        assert_eq!(known.fill(&format!("container:{}", container_id_of("app-db-1"))), "container:abc");
        assert_eq!(known.fill(&container_id_of("app-x-1")), "app-x-1");
        assert_eq!(known.fill("plain container text"), "plain container text");
    }
}
