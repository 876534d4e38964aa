//! What keeps one end from the other: typed, and told at its lines with what would help.

use crate::diagnostic::{Code, Diagnostic};
use crate::project::Project;
use crate::source::Span;

use super::seat::{Joined, Seat, root_of};
use super::{Answer, End, Port};

/// What keeps one end from the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It has no network at all.
    NoNetwork {
        /// The service.
        service: String,
    },
    /// It is on the interfaces of a container that the file does not know.
    Foreign {
        /// The service.
        service: String,
    },
    /// It has no containers, but a provider.
    Provided {
        /// The service.
        service: String,
    },
    /// They share no network.
    NoCommonNetwork {
        /// The one that asks.
        from: String,
        /// The one that would answer.
        to: String,
    },
    /// The bridge lets its members not talk to each other.
    MembersApart {
        /// The network.
        network: String,
    },
    /// It publishes no ports.
    NotPublished {
        /// The service.
        service: String,
    },
    /// It publishes ports, and none of its networks leads to them.
    PublishedInVain {
        /// The service.
        service: String,
    },
    /// A port is published for the host alone.
    LoopbackOnly {
        /// The service.
        service: String,
        /// Its place among the ports.
        at: usize,
    },
    /// None of its networks leads to ports of the host.
    NoWayToHost {
        /// The service.
        service: String,
    },
    /// None of its networks leads outside.
    NoWayOut {
        /// The service.
        service: String,
    },
}

impl Obstacle {
    /// Returns the kind, as programs read it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoNetwork { .. } => "no-network",
            Self::Foreign { .. } => "foreign-container",
            Self::Provided { .. } => "no-container",
            Self::NoCommonNetwork { .. } => "no-common-network",
            Self::MembersApart { .. } => "members-apart",
            Self::NotPublished { .. } => "not-published",
            Self::PublishedInVain { .. } => "published-in-vain",
            Self::LoopbackOnly { .. } => "loopback-only",
            Self::NoWayToHost { .. } => "no-way-to-host",
            Self::NoWayOut { .. } => "no-way-out",
        }
    }

    /// Returns it as a phrase.
    pub fn message(&self, project: &Project) -> String {
        match self {
            Self::NoNetwork { service } => format!("`{service}` has no network"),
            Self::Foreign { service } => {
                format!("`{service}` is where a container is that is not of the project")
            }
            Self::Provided { service } => format!("`{service}` runs in no container"),
            Self::NoCommonNetwork { from, to } => format!("`{from}` and `{to}` share no network"),
            Self::MembersApart { network } => format!("`{network}` keeps its members apart"),
            Self::NotPublished { service } => format!("`{service}` publishes no port"),
            Self::PublishedInVain { service } => {
                format!("the ports of `{service}` do not answer: {}", networks_of(project, service))
            }
            Self::LoopbackOnly { service, at } => {
                let port = project.services.get(service).and_then(|service| service.ports.0.get(*at));
                let (address, target) =
                    port.map_or(("", 0), |port| (port.host_ip.as_deref().unwrap_or(""), port.target.0));
                format!("port {target} of `{service}` is published on {address} alone")
            }
            Self::NoWayToHost { service } => {
                format!("`{service}` gets to no port of the host: {}", networks_of(project, service))
            }
            Self::NoWayOut { service } => {
                format!("`{service}` does not get out: {}", networks_of(project, service))
            }
        }
    }

    /// Returns the places that it is about, the primary one first, and a few words on each.
    fn labels(&self, project: &Project) -> Vec<(Span, String)> {
        let at = |path: &[&str]| project.span(path);
        match self {
            Self::NoNetwork { service } | Self::Foreign { service } => {
                let root = root_of(project, service);
                vec![(at(&["services", root, "network_mode"]), self.message(project))]
            }
            Self::Provided { service } => {
                vec![(at(&["services", service, "provider"]), self.message(project))]
            }
            Self::NoCommonNetwork { from, to } => {
                let place = |service: &String| {
                    let root = root_of(project, service);
                    let attribute = match project.services.get(root).and_then(|one| one.network_mode.as_ref())
                    {
                        Some(_) => "network_mode",
                        None => "networks",
                    };
                    let text = format!("`{service}` is on {}", list_of_networks(project, service));
                    (at(&["services", root, attribute]), text)
                };
                vec![place(from), place(to)]
            }
            Self::MembersApart { network } => {
                let path = ["networks", network, "driver_opts", "com.docker.network.bridge.enable_icc"];
                vec![(at(&path), self.message(project))]
            }
            Self::NotPublished { service } => {
                vec![(at(&["services", service]), self.message(project))]
            }
            Self::LoopbackOnly { service, at: index } => {
                vec![(at(&["services", service, "ports", &index.to_string()]), self.message(project))]
            }
            Self::PublishedInVain { service } => {
                let mut labels = vec![(at(&["services", service, "ports"]), self.message(project))];
                labels.extend(why_closed(project, service));
                labels
            }
            Self::NoWayToHost { service } | Self::NoWayOut { service } => {
                let root = root_of(project, service);
                let mut labels = vec![(at(&["services", root, "networks"]), self.message(project))];
                labels.extend(why_closed(project, service));
                labels
            }
        }
    }

    /// Returns what would take it away.
    pub fn help(&self, project: &Project) -> String {
        match self {
            Self::NoNetwork { service } => {
                format!("replace `network_mode: none` of `{}` by networks", root_of(project, service))
            }
            Self::Foreign { service } => {
                format!("make the container a service, or give `{service}` networks of its own")
            }
            Self::Provided { service } => format!("reach what provides `{service}` at the address it gives"),
            Self::NoCommonNetwork { from, to } => {
                let mode = |service: &str| {
                    let service = project.services.get(root_of(project, service));
                    service.and_then(|service| service.network_mode.as_ref()).is_some()
                };
                match first_network(project, to) {
                    Some(network) if !mode(from) => format!(
                        "put both on one network: add `{network}` to `services.{}.networks`",
                        root_of(project, from)
                    ),
                    _ => "put both on one network of the file".to_owned(),
                }
            }
            Self::MembersApart { network } => {
                format!("remove the option from `networks.{network}`, or join both to another network")
            }
            Self::NotPublished { service } => format!("add the port to `services.{service}.ports`"),
            Self::PublishedInVain { service } => {
                format!("add a network that is not internal to `services.{service}.networks`")
            }
            Self::LoopbackOnly { .. } => "leave the address out to publish it for everyone".to_owned(),
            Self::NoWayToHost { service } | Self::NoWayOut { service } => {
                let root = root_of(project, service);
                format!("add a network that is not internal to `services.{root}.networks`")
            }
        }
    }
}

fn joined<'a>(project: &'a Project, service: &'a str) -> Vec<Joined<'a>> {
    match Seat::of(project, service) {
        Seat::Networks(joined) => joined,
        Seat::Host | Seat::Nowhere | Seat::Foreign | Seat::Provided => Vec::new(),
    }
}

fn list_of_networks(project: &Project, service: &str) -> String {
    let names: Vec<String> =
        joined(project, service).iter().map(|network| format!("`{}`", network.key)).collect();
    if names.is_empty() { "no network".to_owned() } else { names.join(", ") }
}

fn networks_of(project: &Project, service: &str) -> String {
    format!("it is on {} alone", list_of_networks(project, service))
}

/// Returns why each network of a service leads nowhere.
fn why_closed(project: &Project, service: &str) -> Vec<(Span, String)> {
    let place = |network: &Joined<'_>| {
        let (attribute, text) = match network.driver() {
            "macvlan" | "ipvlan" => ("driver", "members have addresses beside the host's, not behind it"),
            _ if network.lacks_masquerade() => ("driver_opts", "without masquerade no answer finds back"),
            _ if project.networks.get(&network.key).is_some_and(|network| network.internal) => {
                ("internal", "an internal network leads nowhere else")
            }
            _ => ("driver_opts", "its gateway leads nowhere else"),
        };
        (project.span(&["networks", &network.key, attribute]), text.to_owned())
    };
    joined(project, service).iter().map(place).collect()
}

/// Returns a network of a service that is in the file.
fn first_network(project: &Project, service: &str) -> Option<String> {
    let joined = joined(project, service);
    joined.into_iter().map(|network| network.key).find(|key| project.networks.contains_key(key))
}

/// Says why one end does not reach the other, or not at this port, with the places in the file.
pub(super) fn explain(
    project: &Project,
    from: End<'_>,
    to: End<'_>,
    port: Option<&Port>,
    answer: &Answer,
) -> Diagnostic {
    let name = |end: End<'_>| match end {
        End::Service(name) => format!("`{name}`"),
        End::World => "the outside".to_owned(),
    };
    let at = port.map_or(String::new(), |(protocol, number)| format!(" at port {number}/{protocol}"));
    let message = format!("{} does not reach {}{at}", name(from), name(to));
    let mut diagnostic = Diagnostic::error(Code::Unreachable, message);
    let mut help = None;
    let mut told: Vec<Span> = Vec::new();
    for obstacle in &answer.obstacles {
        help.get_or_insert_with(|| obstacle.help(project));
        for (span, text) in obstacle.labels(project) {
            if !told.contains(&span) {
                told.push(span);
                diagnostic = diagnostic.label(span, text);
            }
        }
    }
    if let (End::Service(service), true) = (to, answer.is_reachable()) {
        let root = root_of(project, service);
        let span = project.span(&["services", root, "ports"]);
        if !told.contains(&span) {
            diagnostic = diagnostic.label(span, "other ports are published, not this one");
        }
        help.get_or_insert_with(|| format!("add the port to `services.{root}.ports`"));
    }
    diagnostic.help_if(help)
}

impl Answer {
    /// Says why one end does not reach the other, or not at this port, with the places in the file.
    pub fn explain(&self, project: &Project, from: End<'_>, to: End<'_>, port: Option<&Port>) -> Diagnostic {
        explain(project, from, to, port, self)
    }
}
