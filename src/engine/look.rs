//! What commands that only look ask an engine for, as plain data.

use std::collections::BTreeMap;

use crate::observed::{Container, Network, PublishedPort, Volume};

/// Which containers are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerQuery {
    /// Those of this project; those of all projects if `None`.
    pub project: Option<String>,
    /// Those that do not run, too.
    pub all: bool,
}

/// A container as the engine lists it to people: what planning needs, and more.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// What planning needs.
    pub container: Container,
    /// All its names, without leading slashes: links add some.
    pub names: Vec<String>,
    /// All that is mounted in it, in the engine's order.
    pub mounts: Vec<Mounted>,
    /// Its ports, in the engine's order.
    pub ports: Vec<PublishedPort>,
}

/// What is mounted in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounted {
    /// A volume's name, or the path at the host.
    pub name: String,
    /// A volume's driver; empty for others.
    pub driver: String,
}

/// An image, looked at closely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageDetails {
    /// Its ID, `sha256:...`.
    pub id: String,
    /// The operating system it is for.
    pub os: String,
    /// The processor it is for.
    pub architecture: String,
    /// Which kind of that processor; mostly empty.
    pub variant: String,
    /// Its size in bytes.
    pub size: i64,
    /// Where its containers look for programs, if it says so: the variable `PATH`.
    pub path: Option<String>,
    /// When it got its last name on this engine, as RFC 3339; when it was made, where the engine does not know.
    pub tagged: Option<String>,
}

/// A volume as the engine lists it to people.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeDetails {
    /// What planning needs.
    pub volume: Volume,
    /// `local` or `global`.
    pub scope: String,
    /// Where it is at the host.
    pub mountpoint: String,
}

/// A network, looked at closely.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkDetails {
    /// What planning needs.
    pub network: Network,
    /// Whether it has no way out.
    pub internal: bool,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// The containers that are on it now, by name. One that does not run has no address.
    pub members: Vec<NetworkMember>,
}

/// A subnet of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// In CIDR form.
    pub subnet: String,
    /// The address of its gateway; empty if it has none.
    pub gateway: String,
}

/// A container on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkMember {
    /// The container's full ID.
    pub id: String,
    /// The container's name.
    pub name: String,
    /// Its IPv4 address in CIDR form; empty if it has none.
    pub ipv4: String,
    /// Its IPv6 address in CIDR form; empty if it has none.
    pub ipv6: String,
    /// Its MAC address; empty if it has none.
    pub mac: String,
}

/// The processes of a container, as the host's `ps` has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// What each column is.
    pub titles: Vec<String>,
    /// A list of values for each process, in the order of the titles.
    pub rows: Vec<Vec<String>>,
}

/// What a container uses at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processor time since the last moment, in percent of one processor.
    pub cpu: f64,
    /// Memory in bytes, without what can be given back at once.
    pub memory: u64,
    /// How much memory it may use, in bytes.
    pub limit: u64,
    /// Bytes received over its networks.
    pub received: u64,
    /// Bytes sent over its networks.
    pub sent: u64,
    /// Bytes read from disks.
    pub read: u64,
    /// Bytes written to disks.
    pub written: u64,
    /// How many processes and threads it has.
    pub processes: u64,
}

/// Which part of a project's history is wanted. Points in time are seconds since 1970, with decimals if wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The project's name.
    pub project: String,
    /// From then on; from now on if `None`.
    pub since: Option<String>,
    /// Up to then; without end if `None`.
    pub until: Option<String>,
}

/// Something that happened to a container, in the engine's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When, in nanoseconds since 1970.
    pub time: i64,
    /// What, such as `health_status: healthy`.
    pub action: String,
    /// The container's full ID.
    pub id: String,
    /// Its labels, its name and more.
    pub attributes: BTreeMap<String, String>,
}
