//! The project drawn: a tree for terminals, DOT for Graphviz, Mermaid, JSON, a picture, a page.
//!
//! [`Graph::of`] gathers what is to be drawn, and each file writes one format of it. Nothing here asks a disk or an
//! engine; what an engine has comes in as [`Live`].

pub mod cluster;
pub mod dot;
pub mod filter;
mod gather;
pub mod html;
pub mod json;
mod layout;
pub mod mermaid;
pub mod svg;
pub mod tree;

use std::collections::BTreeMap;

use crate::model::lifecycle::Condition;

pub use filter::{Filter, Kind};

/// What is drawn of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// The project's name.
    pub project: String,
    /// The services, by name.
    pub services: Vec<Service>,
    /// The networks, by key.
    pub networks: Vec<Network>,
    /// The volumes, then the configs, then the secrets, each by key.
    pub stores: Vec<Store>,
    /// Who waits for whom, by both names.
    pub dependencies: Vec<Dependency>,
    /// Who mounts or reads what, by service.
    pub uses: Vec<Use>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The image that it runs.
    pub image: String,
    /// How many containers it is to have.
    pub containers: i64,
    /// The keys of the networks that it joins.
    pub networks: Vec<String>,
    /// Its `network_mode`, if it joins no networks but that.
    pub mode: Option<String>,
    /// The ports that it publishes.
    pub ports: Vec<Port>,
    /// What its containers are doing, where an engine was asked.
    pub live: Option<Live>,
}

/// A port that a service publishes, or ports in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The host's address to listen on; all of them if `None`.
    pub address: Option<String>,
    /// The first and last port of the host to choose from; any free one if `None`.
    pub published: Option<(u16, u16)>,
    /// The first and last port in the container. Of several, each goes with the port of the host at its place.
    pub target: (u16, u16),
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// Who reaches it there.
    pub open_to: OpenTo,
}

/// Who reaches a published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTo {
    /// Whoever reaches the host.
    World,
    /// The host itself.
    Host,
    /// Nobody: no network of the service leads to ports of the host.
    Nobody,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its key in the file.
    pub key: String,
    /// Its name in the engine.
    pub name: String,
    /// Its driver, `bridge` where the file does not say.
    pub driver: String,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether it is managed elsewhere.
    pub external: bool,
}

/// What keeps data: a volume, a config or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// What it is.
    pub kind: StoreKind,
    /// Its key in the file.
    pub key: String,
    /// Whether it is managed elsewhere.
    pub external: bool,
}

/// A kind of [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// A named volume.
    Volume,
    /// A config.
    Config,
    /// A secret.
    Secret,
}

/// A service that waits for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The one that waits.
    pub from: String,
    /// The other one.
    pub to: String,
    /// How far the other one must have come.
    pub condition: Condition,
    /// Whether the first one must not start without it.
    pub required: bool,
}

/// A service that mounts or reads something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The service.
    pub service: String,
    /// What kind of thing it uses.
    pub kind: StoreKind,
    /// Its key.
    pub key: String,
    /// Where it is in the container, if the file says.
    pub target: Option<String>,
    /// Whether the container cannot write to it.
    pub read_only: bool,
}

/// What the containers of a service are doing, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The worst of their states.
    pub state: LiveState,
    /// The same in words: `2 of 3 running`.
    pub text: String,
}

/// A state of a container, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveState {
    /// It runs, and its health check passes.
    Healthy,
    /// It runs, and nothing checks its health.
    Running,
    /// It ended well.
    Done,
    /// It does not run, and has not failed: created, paused, stopped.
    Idle,
    /// It is coming up: restarting, or its health check has no verdict.
    Starting,
    /// There is none.
    Absent,
    /// It failed, or its health check does.
    Failed,
}

impl LiveState {
    /// All states, best first.
    pub const ALL: [Self; 7] =
        [Self::Healthy, Self::Running, Self::Done, Self::Idle, Self::Starting, Self::Absent, Self::Failed];

    /// Returns the state in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Running => "running",
            Self::Done => "done",
            Self::Idle => "stopped",
            Self::Starting => "starting",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}

impl StoreKind {
    /// Returns the kind in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Config => "config",
            Self::Secret => "secret",
        }
    }
}

impl Graph {
    /// Adds what an engine has. A service that is not in it has no container there.
    #[must_use]
    pub fn with_live(mut self, mut live: BTreeMap<String, Live>) -> Self {
        for service in &mut self.services {
            let absent = || Live { state: LiveState::Absent, text: "no container".to_owned() };
            service.live = Some(live.remove(&service.name).unwrap_or_else(absent));
        }
        self
    }

    /// Returns the network of that key.
    pub fn network(&self, key: &str) -> Option<&Network> {
        self.networks.iter().find(|network| network.key == key)
    }

    /// Returns the names of a network's members.
    pub fn members<'a>(&'a self, network: &'a str) -> impl Iterator<Item = &'a str> {
        let is_member = move |service: &&Service| service.networks.iter().any(|key| key == network);
        self.services.iter().filter(is_member).map(|service| service.name.as_str())
    }

    /// Says in a line how much is drawn.
    pub fn summary(&self) -> String {
        let count = |count: usize, one: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        let mut parts = vec![count(self.services.len(), "service")];
        if !self.networks.is_empty() {
            let internal = self.networks.iter().filter(|network| network.internal).count();
            let mut networks = count(self.networks.len(), "network");
            if internal > 0 {
                networks.push_str(&format!(" ({internal} internal)"));
            }
            parts.push(networks);
        }
        for kind in [StoreKind::Volume, StoreKind::Config, StoreKind::Secret] {
            let stores = self.stores.iter().filter(|store| store.kind == kind).count();
            parts.extend((stores > 0).then(|| count(stores, kind.word())));
        }
        parts.join(", ")
    }
}

impl Port {
    /// Writes the host's side: `127.0.0.1:8080`, `8000-8010`, `any`.
    pub fn host(&self) -> String {
        let port = match self.published {
            None => "any".to_owned(),
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => format!("{first}-{last}"),
        };
        match self.address.as_deref() {
            None => port,
            Some(address) if address.contains(':') => format!("[{address}]:{port}"),
            Some(address) => format!("{address}:{port}"),
        }
    }

    /// Writes the container's side, with the protocol where it is not TCP: `80`, `53/udp`.
    pub fn container(&self) -> String {
        let (first, last) = self.target;
        let target = if first == last { first.to_string() } else { format!("{first}-{last}") };
        match self.protocol.as_str() {
            "tcp" => target,
            protocol => format!("{target}/{protocol}"),
        }
    }

    /// Takes `next` in, if it is the next one in a row.
    fn goes_on_with(&mut self, next: &Self) -> bool {
        let are_alike =
            (&self.address, &self.protocol, self.open_to) == (&next.address, &next.protocol, next.open_to);
        let width = |(first, last): (u16, u16)| u32::from(last).saturating_sub(first.into());
        let follows = |before: (u16, u16), next: (u16, u16)| u32::from(before.1) + 1 == u32::from(next.0);
        let published = match (self.published, next.published) {
            (None, None) => None,
            // A choice of several ports for one is no row.
            (Some(before), Some(after)) if width(before) == width(self.target) && width(after) == 0 => {
                if !follows(before, after) {
                    return false;
                }
                Some((before.0, after.1))
            }
            _ => return false,
        };
        if !are_alike || !follows(self.target, next.target) {
            return false;
        }
        (self.published, self.target.1) = (published, next.target.1);
        true
    }

    /// Returns the ports of a row one by one.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        let (first, last) = self.target;
        (first..=last).map(move |target| {
            let published = match self.published {
                Some((start, _)) if first < last => {
                    Some((start + (target - first), start + (target - first)))
                }
                published => published,
            };
            Self { published, target: (target, target), ..self.clone() }
        })
    }

    /// Writes both sides, the host's first.
    pub fn text(&self) -> String {
        format!("{} → {}", self.host(), self.container())
    }
}

impl OpenTo {
    /// Says who reaches the port, as a phrase.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::World => "published",
            Self::Host => "for the host alone",
            Self::Nobody => "published in vain: no network leads there",
        }
    }
}

impl Network {
    /// Says what is special of it, in words: `internal`, `external`, a driver other than `bridge`.
    pub fn marks(&self) -> Vec<&str> {
        let driver = (self.driver != "bridge").then_some(self.driver.as_str());
        let internal = self.internal.then_some("internal");
        let external = self.external.then_some("external");
        internal.into_iter().chain(external).chain(driver).collect()
    }

    /// Writes the key and the marks: `back (internal)`.
    pub fn text(&self) -> String {
        match self.marks().as_slice() {
            [] => self.key.clone(),
            marks => format!("{} ({})", self.key, marks.join(", ")),
        }
    }
}

impl Dependency {
    /// Says what the one waits for, in words: `healthy`, `completed, optional`.
    pub fn text(&self) -> String {
        let optional = if self.required { "" } else { ", optional" };
        format!("{}{optional}", condition_word(self.condition))
    }
}

/// Returns a condition in a word.
pub fn condition_word(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "started",
        Condition::Healthy => "healthy",
        Condition::CompletedSuccessfully => "completed",
    }
}
