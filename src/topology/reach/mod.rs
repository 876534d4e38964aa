//! Who reaches whom on an engine: over which network, under which names, on which ports, or why not.
//!
//! It answers from the file alone, as Docker's networks behave; nothing is asked of an engine.

pub mod json;
pub mod names;
mod obstacle;
pub mod seat;
pub mod text;

use std::fmt;

use crate::project::Project;

pub use obstacle::Obstacle;
use seat::{Joined, Seat};
pub use seat::{Place, root_of};

/// The word for what is outside of the project and of its host.
pub const WORLD: &str = "world";

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End<'a> {
    /// The containers of a service.
    Service(&'a str),
    /// Everything outside of the project and of its host.
    World,
}

impl fmt::Display for End<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Service(name) => name,
            Self::World => WORLD,
        })
    }
}

/// A port: its protocol in lower case, and its number.
pub type Port = (String, u16);

/// Which ports a route leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// Every port that something listens on.
    All,
    /// This one, counted as the container does.
    Only(Port),
}

/// How one end reaches the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Both are on this network.
    Network(String),
    /// Both have the same interfaces: it is found as `localhost`.
    SameInterfaces,
    /// It listens on the host's own interfaces.
    Host,
    /// The host reaches the addresses of containers on its bridges.
    Address(String),
    /// A port of the host leads to it: the address that the host listens on, and the ports to choose from.
    Published(Option<String>, Option<(u16, u16)>),
    /// It has an address of its own on the host's network, by this network.
    Lan(String),
    /// Out through this network.
    Out(String),
}

/// A way from one end to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// How.
    pub way: Way,
    /// To which ports.
    pub ports: Open,
    /// The names that lead there. None where only addresses do.
    pub names: Vec<String>,
}

/// Whether one end reaches the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The ways there; none if it is out of reach.
    pub routes: Vec<Route>,
    /// What is in the way of the ways that there are not.
    pub obstacles: Vec<Obstacle>,
}

impl Answer {
    /// Returns whether there is a way to any port.
    pub fn is_reachable(&self) -> bool {
        !self.routes.is_empty()
    }

    /// Returns whether every port is open.
    pub fn opens_all(&self) -> bool {
        self.routes.iter().any(|route| route.ports == Open::All)
    }

    /// Returns whether there is a way to a port.
    pub fn opens(&self, port: &Port) -> bool {
        self.routes.iter().any(|route| match &route.ports {
            Open::All => true,
            Open::Only(open) => open == port,
        })
    }

    /// Returns the ways that lead over a network of the project.
    #[must_use]
    pub fn over(mut self, project: &Project, network: &str) -> Self {
        let wanted = project.network_name(network);
        self.routes.retain(|route| match &route.way {
            Way::Network(key) | Way::Address(key) | Way::Lan(key) | Way::Out(key) => {
                project.network_name(key) == wanted
            }
            Way::SameInterfaces | Way::Host | Way::Published(..) => false,
        });
        self
    }
}

/// Returns the ports that a service is known to use, by `ports` and `expose`.
pub fn known_ports(project: &Project, service: &str) -> Vec<Port> {
    let Some(service) = project.services.get(service) else { return Vec::new() };
    let published = service.ports.0.iter().map(|port| (port.protocol().to_owned(), port.target.0));
    let exposed = service.expose.0.iter().flat_map(|exposed| {
        let (range, protocol) = exposed.0.split_once('/').unwrap_or((&exposed.0, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let numbers = first.trim().parse::<u16>().and_then(|first| Ok(first..=last.trim().parse()?));
        let protocol = protocol.to_ascii_lowercase();
        numbers.into_iter().flatten().map(move |number| (protocol.clone(), number))
    });
    let mut ports: Vec<Port> = published.chain(exposed).filter(|(_, number)| *number > 0).collect();
    ports.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    ports.dedup();
    ports
}

/// Returns whether the containers of a service have a network at all, so that they can look up names.
pub fn has_network(project: &Project, service: &str) -> bool {
    matches!(Seat::of(project, service), Seat::Networks(_) | Seat::Host)
}

/// Says whether `from` reaches `to`.
pub fn reach(project: &Project, from: End<'_>, to: End<'_>) -> Answer {
    match (from, to) {
        (End::World, End::World) => Answer::default(),
        (End::Service(from), End::World) => out(project, from),
        (End::World, End::Service(to)) => inward(project, to),
        (End::Service(from), End::Service(to)) => between(project, from, to),
    }
}

fn route(way: Way, ports: Open, names: Vec<String>) -> Route {
    Route { way, ports, names }
}

fn obstacle_of(seat: &Seat<'_>, service: &str) -> Option<Obstacle> {
    let service = service.to_owned();
    match seat {
        Seat::Nowhere => Some(Obstacle::NoNetwork { service }),
        Seat::Foreign => Some(Obstacle::Foreign { service }),
        Seat::Provided => Some(Obstacle::Provided { service }),
        Seat::Host | Seat::Networks(_) => None,
    }
}

/// From a service to the outside.
fn out(project: &Project, from: &str) -> Answer {
    let seat = Seat::of(project, from);
    let mut answer = Answer::default();
    answer.obstacles.extend(obstacle_of(&seat, from));
    match &seat {
        Seat::Host => answer.routes.push(route(Way::Host, Open::All, Vec::new())),
        Seat::Networks(joined) => {
            for network in joined.iter().filter(|network| network.leads_out()) {
                answer.routes.push(route(Way::Out(network.key.clone()), Open::All, Vec::new()));
            }
            if answer.routes.is_empty() {
                answer.obstacles.push(Obstacle::NoWayOut { service: from.to_owned() });
            }
        }
        Seat::Nowhere | Seat::Foreign | Seat::Provided => {}
    }
    answer
}

/// From the outside to a service.
fn inward(project: &Project, to: &str) -> Answer {
    let seat = Seat::of(project, to);
    let mut answer = Answer::default();
    answer.obstacles.extend(obstacle_of(&seat, to));
    match &seat {
        Seat::Host => answer.routes.push(route(Way::Host, Open::All, Vec::new())),
        Seat::Networks(joined) => {
            for network in joined.iter().filter(|network| network.is_on_lan()) {
                answer.routes.push(route(Way::Lan(network.key.clone()), Open::All, Vec::new()));
            }
            published(project, to, joined, false, &mut answer);
        }
        Seat::Nowhere | Seat::Foreign | Seat::Provided => {}
    }
    answer
}

/// Adds the ways through ports of the host; `from_host` says whether one is on the host, and so reaches those that
/// are published there alone.
fn published(project: &Project, to: &str, joined: &[Joined<'_>], from_host: bool, answer: &mut Answer) {
    let root = root_of(project, to);
    let Some(service) = project.services.get(root) else { return };
    let service_name = || root.to_owned();
    if service.ports.0.is_empty() {
        answer.obstacles.push(Obstacle::NotPublished { service: service_name() });
    } else if !joined.iter().any(Joined::publishes) {
        answer.obstacles.push(Obstacle::PublishedInVain { service: service_name() });
    } else {
        for (at, port) in service.ports.0.iter().enumerate() {
            let address = port.host_ip.clone().filter(|address| !address.is_empty());
            let is_local = address
                .as_deref()
                .and_then(|address| address.parse::<std::net::IpAddr>().ok())
                .is_some_and(|address| address.is_loopback());
            if is_local && !from_host {
                answer.obstacles.push(Obstacle::LoopbackOnly { service: service_name(), at });
                continue;
            }
            let open = Open::Only((port.protocol().to_owned(), port.target.0));
            let range = port.published_range().filter(|(first, _)| *first > 0);
            answer.routes.push(route(Way::Published(address, range), open, Vec::new()));
        }
    }
}

fn between(project: &Project, from: &str, to: &str) -> Answer {
    let (seat_from, seat_to) = (Seat::of(project, from), Seat::of(project, to));
    let mut answer = Answer::default();
    let is_same_place = root_of(project, from) == root_of(project, to);
    let is_beside = is_same_place && from != to;
    if is_beside || matches!((&seat_from, &seat_to), (Seat::Host, Seat::Host)) {
        let names = vec!["localhost".to_owned()];
        answer.routes.push(route(Way::SameInterfaces, Open::All, names));
        return answer;
    }
    answer.obstacles.extend(obstacle_of(&seat_from, from));
    if !is_same_place {
        answer.obstacles.extend(obstacle_of(&seat_to, to));
    }
    match (&seat_from, &seat_to) {
        (Seat::Host, Seat::Networks(joined)) => {
            for network in joined.iter().filter(|network| network.touches_host()) {
                answer.routes.push(route(Way::Address(network.key.clone()), Open::All, Vec::new()));
            }
            published(project, to, joined, true, &mut answer);
        }
        (Seat::Networks(joined), Seat::Host) => {
            if joined.iter().any(Joined::touches_host) {
                answer.routes.push(route(Way::Host, Open::All, Vec::new()));
            } else {
                answer.obstacles.push(Obstacle::NoWayToHost { service: from.to_owned() });
            }
        }
        (Seat::Networks(own), Seat::Networks(others)) => {
            over_networks(project, (from, own), (to, others), &mut answer);
        }
        _ => {}
    }
    answer
}

fn over_networks(
    project: &Project,
    (from, own): (&str, &[Joined<'_>]),
    (to, others): (&str, &[Joined<'_>]),
    answer: &mut Answer,
) {
    let mut is_common = false;
    for network in own.iter().filter(|network| others.iter().any(|other| other.name == network.name)) {
        is_common = true;
        if network.keeps_members_apart() {
            answer.obstacles.push(Obstacle::MembersApart { network: network.key.clone() });
            continue;
        }
        let names = names::between(project, from, to, network.key.as_str());
        answer.routes.push(route(Way::Network(network.key.clone()), Open::All, names));
    }
    // A port of the host adds nothing where all ports are open.
    if !answer.routes.is_empty() {
        return;
    }
    if !is_common {
        answer.obstacles.push(Obstacle::NoCommonNetwork { from: from.to_owned(), to: to.to_owned() });
    }
    if own.iter().any(Joined::leads_to_published) {
        published(project, to, others, false, answer);
    } else if !others.is_empty() {
        answer.obstacles.push(Obstacle::NoWayToHost { service: from.to_owned() });
    }
}

#[cfg(test)]
mod tests;
