//! Room 8: the door to Docker Engine. It carries out what `plan` decided and reports what is there; it decides
//! nothing itself.
//!
//! [`Engine`] is what the rest of topo knows of an engine. [`docker::Docker`] speaks with a real one,
//! [`fake::FakeEngine`] stands in for it in tests, and one suite of obligations holds for both.

pub mod apply;
pub mod detach;
pub mod docker;
pub mod error;
pub mod fake;
pub mod follow;
pub mod inside;
pub mod lack;
pub mod look;
pub mod meter;
pub mod probing;
pub mod program;
pub mod reference;
pub mod survey;
mod waits;
pub mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, EndpointSettings, NetworkCreateRequest, VolumeCreateRequest};
use futures_util::stream::BoxStream;

pub use error::{Cause, EngineError, Result};

use self::look::{
    ContainerQuery, HistoryQuery, ImageDetails, Listed, NetworkDetails, Occurrence, Processes, Usage,
    VolumeDetails,
};
use crate::observed::live::{Live, Machine};
use crate::observed::{Health, ImageId, Observed, State};
use crate::plan::builder::Builders;
use crate::plan::changes::Origin;
use crate::plan::hooks::Inside;
use crate::plan::images::BuiltImage;
use crate::plan::{Build, File, StepId};

/// A container engine, as far as topo needs one. A `container` or `network` is a name or an ID.
///
/// Calls that take long report on the way. None of them retries a failed action on its own, but for the removal
/// of a network, see there.
#[expect(async_fn_in_trait, reason = "single task")]
pub trait Engine {
    /// Returns the API version that is spoken.
    fn api(&self) -> (u32, u32);

    /// Returns the point at which the connection was made, by the engine's clock and up to a second early: what topo
    /// itself caused happened after it.
    fn connected(&self) -> Since;

    /// Asks for the present point by the engine's clock, for those to whom what was before does matter: to the
    /// nanosecond, or no more exact than [`Engine::connected`] where the engine does not tell.
    async fn now(&self) -> Result<Since>;

    /// Returns which builders there are.
    fn builders(&self) -> Builders;

    /// Takes a snapshot of what concerns a project, in a handful of parallel requests. It may be a moment behind
    /// what [`Engine::happenings`] told and [`Engine::inspect`] sees.
    async fn observe(&self, query: &Query) -> Result<Observed>;

    /// Looks at one container.
    async fn inspect(&self, container: &str) -> Result<Inspection>;

    /// Returns what a container was created from, as far as the engine still tells.
    async fn origin(&self, container: &str) -> Result<Origin>;

    /// Pulls an image.
    async fn pull(&self, image: &str, platform: Option<&str>, report: &dyn Fn(Progress)) -> Result<ImageId>;

    /// Asks the image's registry for the digest that its tag stands for, `sha256:...`.
    async fn digest(&self, image: &str) -> Result<String>;

    /// Builds an image and gives it its names.
    async fn build(&self, build: &Build, report: &dyn Fn(Progress)) -> Result<ImageId>;

    /// Pushes an image to the registry that its name says.
    async fn push(&self, image: &str, report: &dyn Fn(Progress)) -> Result<()>;

    /// Creates a network and returns its ID. A network of that name that is there already is an error, although
    /// some engines would make a second one.
    async fn create_network(&self, request: &NetworkCreateRequest) -> Result<String>;

    /// Removes a network. Engines free the endpoints of removed containers a moment late, so a network that is
    /// still in use is tried again, for a few seconds at most.
    async fn remove_network(&self, network: &str) -> Result<()>;

    /// Creates a volume. One of the same name and driver that is there already is left as it is.
    async fn create_volume(&self, request: &VolumeCreateRequest) -> Result<()>;

    /// Removes a volume.
    async fn remove_volume(&self, volume: &str) -> Result<()>;

    /// Creates a container and returns its ID.
    async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        body: &ContainerCreateBody,
    ) -> Result<String>;

    /// Attaches a container to a network.
    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: &EndpointSettings,
    ) -> Result<()>;

    /// Detaches a container from a network.
    async fn disconnect_network(&self, network: &str, container: &str) -> Result<()>;

    /// Writes files into a container that was created. Missing directories are made.
    async fn copy_files(&self, container: &str, files: &[File]) -> Result<()>;

    /// Starts a container. One that runs already is left alone.
    async fn start(&self, container: &str) -> Result<()>;

    /// Stops a container: its stop signal, then SIGKILL after `timeout` seconds (its own grace period if `None`).
    /// One that does not run is left alone.
    async fn stop(&self, container: &str, timeout: Option<i32>) -> Result<()>;

    /// Stops a container as [`Engine::stop`] does and starts it again; one that does not run is started.
    async fn restart(&self, container: &str, timeout: Option<i32>) -> Result<()>;

    /// Sends a signal, by name (`SIGHUP`, `HUP`) or number, to the first process of a running container.
    async fn kill(&self, container: &str, signal: &str) -> Result<()>;

    /// Suspends all processes of a running container.
    async fn pause(&self, container: &str) -> Result<()>;

    /// Lets a paused container go on.
    async fn unpause(&self, container: &str) -> Result<()>;

    /// Waits until a container does not run, and returns its exit code.
    async fn exit_code(&self, container: &str) -> Result<i64>;

    /// Waits until a container that was started is gone, and returns its exit code.
    async fn removal(&self, container: &str) -> Result<i64>;

    /// Returns the images that were built for a project and have a name, by name.
    async fn built_images(&self, project: &str) -> Result<Vec<BuiltImage>>;

    /// Returns the images that were built for a project and have lost their name to a later one.
    async fn nameless_images(&self, project: &str) -> Result<Vec<ImageId>>;

    /// Takes a name from an image, or removes one without a name, by its ID; the image goes with its last name. One that a container uses is an error.
    async fn remove_image(&self, image: &str) -> Result<()>;

    /// Removes a container, running or not, and its anonymous volumes if `volumes` says so.
    async fn remove_container(&self, container: &str, volumes: bool) -> Result<()>;

    /// Renames a container.
    async fn rename(&self, container: &str, to: &str) -> Result<()>;

    /// Runs a command in a running container to its end, whatever its code is.
    async fn run_inside(&self, container: &str, command: &Inside) -> Result<Ran>;

    /// Returns the lines that a container wrote, and with `follow` those that it goes on to write until it ends.
    fn logs(&self, container: &str, query: &LogQuery) -> BoxStream<'static, Result<LogLine>>;

    /// Returns what happens at the engine from now on, or from an earlier point on. The stream ends when the
    /// connection does; [`watch::Watch`] goes on beyond that.
    fn happenings(&self, scope: &Scope, since: Since) -> BoxStream<'static, Result<Happening>>;

    /// Looks at the network of a container.
    async fn live(&self, container: &str) -> Result<Live>;

    /// Says what the engine's machine is like.
    async fn machine(&self) -> Result<Machine>;

    /// Makes an image that holds these files and nothing else. Nothing is pulled.
    async fn import_image(&self, name: &str, files: &[File]) -> Result<()>;

    /// Lists containers of projects by name, in one request.
    async fn containers(&self, query: &ContainerQuery) -> Result<Vec<Listed>>;

    /// Looks at one image, by a name or ID.
    async fn image(&self, image: &str) -> Result<ImageDetails>;

    /// Lists the volumes that were made for a project, by name.
    async fn volumes(&self, project: &str) -> Result<Vec<VolumeDetails>>;

    /// Looks at one network, and at who is on it.
    async fn network(&self, network: &str) -> Result<NetworkDetails>;

    /// Lists the processes of a container. One that does not run is an error.
    async fn processes(&self, container: &str) -> Result<Processes>;

    /// Returns what a container uses: every second until it is gone, or just once. One that does not run uses nothing.
    fn usage(&self, container: &str, follow: bool) -> BoxStream<'static, Result<Usage>>;

    /// Returns all that happened to a project's containers in a span of time, in the engine's words.
    fn history(&self, query: &HistoryQuery) -> BoxStream<'static, Result<Occurrence>>;
}

/// What [`Engine::observe`] looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The project's name.
    pub project: String,
    /// The image references of interest, as written.
    pub images: Vec<String>,
    /// Those of them whose age matters. It costs one more request for each.
    pub aging_images: Vec<String>,
    /// Networks that are managed elsewhere and must be there.
    pub networks: Vec<String>,
    /// Volumes that are managed elsewhere and must be there.
    pub volumes: Vec<String>,
    /// Whether it matters if the engine is a Swarm manager. It costs one more request.
    pub swarm: bool,
}

/// How far a pull, build or push is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes moved, or build steps begun.
    pub current: Option<u64>,
    /// All of them, as far as they are known by now.
    pub total: Option<u64>,
    /// The engine's words.
    pub text: String,
}

/// How a command ended that ran in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code.
    pub code: i64,
    /// The last lines that it wrote.
    pub output: Vec<String>,
}

/// One container, looked at closely.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The full ID.
    pub id: String,
    /// The name, without the leading slash.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// What the engine says on why it ended or did not start, such as `out of memory`.
    pub reason: String,
    /// Whether something checks its health.
    pub has_healthcheck: bool,
    /// Its health.
    pub health: Option<Health>,
    /// How many probes failed in a row.
    pub failing_streak: u64,
    /// What the last probe printed.
    pub health_output: Option<String>,
    /// Whether it has a terminal, so that its two outputs are one.
    pub tty: bool,
    /// Whether something may be typed to it.
    pub open_stdin: bool,
}

/// Which part of a log is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Goes on until the container ends.
    pub follow: bool,
    /// That many of the last lines; all if `None`.
    pub tail: Option<u64>,
    /// Lines from then on, in seconds since 1970.
    pub since: Option<i64>,
    /// Lines up to then, in seconds since 1970.
    pub until: Option<i64>,
    /// Whether to fill in [`LogLine::timestamp`].
    pub timestamps: bool,
}

/// A line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Where it wrote it to.
    pub source: LogSource,
    /// When, as RFC 3339 with nanoseconds in UTC, if it was asked for. Such texts sort by time.
    pub timestamp: Option<String>,
    /// The line, without its end. It need not be UTF-8.
    pub text: Vec<u8>,
}

/// Where a container writes to. One with a terminal has standard output only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Whose happenings are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The containers of a project, later ones too.
    Project(String),
    /// Containers by name, also those that do not exist yet.
    Containers(Vec<String>),
    /// The containers of a project, and all networks and volumes of the engine: not every engine says which
    /// project they are of.
    ProjectAndStorage(String),
}

/// The point from which happenings are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// From as far back as the engine remembers: nothing is missed between a look and the subscription.
    Earliest,
    /// After that point, in nanoseconds since 1970.
    After(i64),
}

/// Something that happened at the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// What it happened to.
    pub kind: Kind,
    /// The full ID (for a volume, its name).
    pub id: String,
    /// The name it had at that time.
    pub name: String,
    /// What happened.
    pub action: Action,
    /// What else the engine says, labels included.
    pub attributes: BTreeMap<String, String>,
    /// When, in nanoseconds since 1970.
    pub time: i64,
}

/// What a [`Happening`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// Anything else.
    Other,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Create,
    /// A container started.
    Start,
    /// A container ended, with this code.
    Die(i64),
    /// A container's health changed.
    Health(Health),
    /// A health probe or another command in a container ended.
    Probe,
    /// It was removed.
    Destroy,
    /// Anything else, in the engine's words.
    Other(String),
}

/// What [`apply::apply`] tells on the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step has begun.
    Started {
        /// The step.
        step: StepId,
    },
    /// A pull, build or push got further.
    Progress {
        /// The step.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// What a wait waits for changed.
    Waiting {
        /// The step.
        step: StepId,
        /// The present state, as a phrase: `starting, probe failed twice: connection refused`.
        detail: String,
    },
    /// A step has succeeded.
    Finished {
        /// The step.
        step: StepId,
        /// How long it took.
        took: Duration,
    },
    /// A step has failed. No further step is started.
    Failed {
        /// The step.
        step: StepId,
        /// Why.
        error: EngineError,
        /// How long it took.
        took: Duration,
    },
    /// A step has failed that is optional. The plan goes on.
    Tolerated {
        /// The step.
        step: StepId,
        /// Why.
        error: EngineError,
        /// How long it took.
        took: Duration,
    },
    /// A step was not started, or given up while it waited, because of a failure or interruption.
    Skipped {
        /// The step.
        step: StepId,
    },
}
