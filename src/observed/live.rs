//! One container as the engine has it right now: its networks, its ports, its name servers, and how it fares.

use std::net::IpAddr;

use super::{Health, PublishedPort, State};

/// A container, looked at for its network.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The full ID.
    pub id: String,
    /// The name, without the leading slash.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// What the engine says on why it ended or did not start.
    pub reason: String,
    /// How often its restart policy has started it again.
    pub restarts: i64,
    /// Its health, where a health check exists.
    pub health: Option<Health>,
    /// What the last probe of its health printed.
    pub health_output: String,
    /// `HostConfig.NetworkMode`: a network, `host`, `none` or `container:ID`.
    pub network_mode: String,
    /// The networks that it is attached to, by name.
    pub attachments: Vec<Attachment>,
    /// The ports that were to be published when it was created.
    pub wanted_ports: Vec<PublishedPort>,
    /// The ports that are published; empty where it does not run.
    pub ports: Vec<PublishedPort>,
    /// The name servers that were asked for.
    pub dns: Vec<String>,
    /// The variables of its first process.
    pub environment: Vec<(String, String)>,
    /// The last lines of its log, where it does not run or does not fare well.
    pub log: Vec<String>,
}

/// What a container has on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// The network's ID.
    pub id: String,
    /// Its addresses: IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The gateways of those.
    pub gateways: Vec<IpAddr>,
    /// Its hardware address.
    pub mac: String,
    /// The names it is found under there, beside that of the container.
    pub aliases: Vec<String>,
}

/// What the engine's machine is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor, as images name it: `amd64`, `arm64`.
    pub architecture: String,
    /// Whether it passes on IPv4 packets between its networks.
    pub forwards: bool,
}

impl Live {
    /// Returns whether it has a network to be asked about.
    pub fn runs(&self) -> bool {
        matches!(self.state, State::Running | State::Paused)
    }

    /// Returns all its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.attachments.iter().flat_map(|attachment| attachment.addresses.iter().copied())
    }
}
