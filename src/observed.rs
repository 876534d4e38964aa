//! Room 6: what the engine has, as plain data: one snapshot, taken before deciding. `engine` fills it in.

pub mod live;
pub mod proc;

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};

/// A snapshot of the engine, as far as one project is concerned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The API version that is spoken with the engine, such as `(1, 41)`.
    pub api: (u32, u32),
    /// Whether this engine can create overlay networks.
    pub swarm: Swarm,
    /// The project's containers, one-offs included, by name.
    pub containers: Vec<Container>,
    /// All networks of the engine (a project may use external ones).
    pub networks: Vec<Network>,
    /// All volumes of the engine.
    pub volumes: Vec<Volume>,
    /// The images that are there, by reference as the compose file has it.
    pub images: BTreeMap<String, ImageId>,
    /// How long ago images got their name, by reference: those that were asked for, where the engine says it.
    pub image_ages: BTreeMap<String, Duration>,
}

/// An image ID, `sha256:...`.
pub type ImageId = String;

/// The engine's part in a Swarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Swarm {
    /// In none.
    #[default]
    Off,
    /// A worker: it can join attachable overlay networks that a manager made.
    Worker,
    /// A manager: it can create overlay networks.
    Manager,
}

/// A container of the project.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// The full ID.
    pub id: String,
    /// The name, without the leading slash.
    pub name: String,
    /// The service it was made for.
    pub service: String,
    /// Its number within the service, from 1; 0 for a one-off.
    pub number: u32,
    /// Whether it was made by `run`.
    pub oneoff: bool,
    /// Label `com.docker.compose.config-hash`.
    pub config_hash: Option<String>,
    /// The image it was made from.
    pub image: ImageId,
    /// What it is doing.
    pub state: State,
    /// Its health, where a health check exists.
    pub health: Option<Health>,
    /// The engine's own words on its state, such as `Up 3 seconds (healthy)`.
    pub status: String,
    /// The published and exposed ports.
    pub ports: Vec<PublishedPort>,
    /// The networks it is attached to: name and ID.
    pub networks: Vec<(String, String)>,
    /// Its volumes; anonymous ones have a name of 64 hexadecimal digits.
    pub mounts: Vec<VolumeMount>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The command it runs, as the engine abbreviates it.
    pub command: String,
    /// The image as it was named at creation.
    pub image_name: String,
    /// When it was created, in seconds since 1970.
    pub created: i64,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Created, never started.
    Created,
    /// Running.
    Running,
    /// Stopped for the moment.
    Paused,
    /// Between two runs.
    Restarting,
    /// Ended, with this code where the engine said it.
    Exited(Option<i64>),
    /// Being removed.
    Removing,
    /// Ended, with this code where the engine said it, and the engine could not clean up after it.
    Dead(Option<i64>),
}

impl State {
    /// Returns whether it runs, if not at this moment: one that is about to be restarted counts.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }
}

/// What a health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No verdict yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// As many checks as `retries` says failed in a row.
    Unhealthy,
}

/// A port of a container, as `docker ps` shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    /// The port in the container.
    pub container: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The address and port of the host, if it is published.
    pub host: Option<(String, u16)>,
}

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume's name.
    pub volume: String,
    /// Where it is mounted.
    pub target: String,
}

/// A network of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The ID.
    pub id: String,
    /// The name; not always unique, see `docs/architecture.md`.
    pub name: String,
    /// The driver.
    pub driver: String,
    /// `local`, `swarm` or `global`.
    pub scope: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The request that would make it again, as far as the engine tells.
    pub request: NetworkCreateRequest,
}

/// A volume of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// The name.
    pub name: String,
    /// The driver.
    pub driver: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The request that would make it again, as far as the engine tells.
    pub request: VolumeCreateRequest,
}

impl Observed {
    /// Returns the network of that name.
    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.iter().find(|network| network.name == name)
    }

    /// Returns the volume of that name.
    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }
}
