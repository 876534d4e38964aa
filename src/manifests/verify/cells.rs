//! Cells: one end, another one, and a port.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Comparison, UNNAMED, Verified, settings};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifests::cluster::{Outside, Peer, Pod, Verdict};
use crate::model::service::Service;
use crate::model::x_topo::traffic::ServiceType;
use crate::topology::reach::text::route_text;
use crate::topology::reach::{Answer, End, Open, Port, Way, reach};

/// An address of the outside, from the block for documentation.
const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));
/// The label by which kompose is told what kind of Service to make.
const KOMPOSE_TYPE: &str = "kompose.service.type";

/// What the manifests say of one cell.
struct Cell {
    is_open: bool,
    /// Whether it is open where both ends run on one node.
    is_open_on_own_node: bool,
    why: String,
}

impl Comparison<'_> {
    /// Compares what one end reaches of another, port by port.
    pub(super) fn compare(&self, from: End<'_>, to: End<'_>) -> Verified {
        let mut found = Verified::default();
        let is_alone = match from {
            End::World => true,
            End::Service(name) => self.project.services[name].containers() <= 1,
        };
        if from == to && is_alone {
            return found;
        }
        let answer = reach(self.project, from, to);
        let doors = match (from, to) {
            (End::World, End::Service(to)) => Some(self.doors(&answer, self.services[to].pod)),
            _ => None,
        };
        let is_shut = from == End::World && self.is_kept_inside(to);
        let (opens_all, opened) = (answer.opens_all(), opened(&answer));
        // Ports that differ in the same way are one difference.
        let mut differing: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
        let to_world = [("tcp".to_owned(), 443)];
        let ports = match to {
            End::Service(name) => self.services[name].ports.as_slice(),
            End::World => &to_world,
        };
        for port in ports {
            let meant = (opens_all || opened.contains(port)) && !is_shut;
            let cell = match &doors {
                Some(doors) => self.inward(doors, port),
                None => self.inside(from, to, port),
            };
            found.cells += 1;
            if meant && !cell.is_open && cell.is_open_on_own_node {
                found.on_own_node += 1;
            } else if meant != cell.is_open {
                differing.entry((meant, cell.why)).or_default().push(shown(port));
            }
        }
        let differences =
            differing.into_iter().map(|(how, ports)| self.difference(from, to, &answer, how, &ports));
        found.differences.extend(differences);
        found
    }

    /// Returns whether the file itself says that the published ports of a service are not to be reached in a cluster.
    fn is_kept_inside(&self, to: End<'_>) -> bool {
        let End::Service(name) = to else { return false };
        is_kept_inside(&self.project.services[name])
    }

    fn inside(&self, from: End<'_>, to: End<'_>, (protocol, number): &Port) -> Cell {
        let pod = |end: End<'_>| match end {
            End::World => None,
            End::Service(name) => Some(self.services[name].pod),
        };
        let (one, other) = (pod(from), pod(to));
        if let (Some(one), Some(other)) = (one, other)
            && from != to
            && std::ptr::eq(one, other)
        {
            let why = format!("both are in the pods of {}", one.workload);
            return Cell { is_open: true, is_open_on_own_node: true, why };
        }
        let peer = |pod: Option<_>| pod.map_or(Peer::Address(OUTSIDE), Peer::Pod);
        let verdict = self.cluster.allows(peer(one), peer(other), &protocol.to_ascii_uppercase(), *number);
        Cell {
            is_open: verdict == Verdict::Allowed,
            is_open_on_own_node: [one, other].into_iter().flatten().any(|pod| pod.is_on_node),
            why: reason(&verdict),
        }
    }

    /// From outside of the cluster: a Service has to lead to the pod, and policies have to let it in.
    fn inward(&self, doors: &Doors<'_>, port: &Port) -> Cell {
        let cell = |is_open: bool, why: String| Cell { is_open, is_open_on_own_node: false, why };
        if doors.pod.is_on_node {
            return cell(true, "the pod is on the interfaces of its node".to_owned());
        }
        let Some(services) = doors.services.get(port) else {
            return cell(false, "no Service leads there from outside".to_owned());
        };
        let (protocol, number) = port;
        let protocol = protocol.to_ascii_uppercase();
        let verdict = self.cluster.allows(Peer::Address(OUTSIDE), Peer::Pod(doors.pod), &protocol, *number);
        if verdict != Verdict::Allowed {
            return cell(false, reason(&verdict));
        }
        // A load balancer answers on the port that the file publishes.
        let own: Vec<u16> = services
            .iter()
            .filter(|(outside, _)| *outside == Outside::OwnPorts)
            .map(|(_, port)| *port)
            .collect();
        let is_stray = |(first, last): &(u16, u16)| !own.iter().any(|port| (*first..=*last).contains(port));
        if !own.is_empty() && doors.wanted.get(port).is_some_and(is_stray) {
            return cell(false, format!("its Service answers on {own:?}"));
        }
        cell(true, "a Service leads there, and no policy refuses it".to_owned())
    }

    /// Returns what leads to a pod from outside.
    fn doors<'b>(&'b self, answer: &'b Answer, pod: &'b Pod) -> Doors<'b> {
        let mut doors = Doors { pod, services: BTreeMap::new(), wanted: BTreeMap::new() };
        for service in self.cluster.services_of(pod) {
            let Some(outside) = service.outside else { continue };
            for (protocol, target, own) in service.ports_to(pod) {
                let port = (protocol.to_ascii_lowercase(), target);
                doors.services.entry(port).or_default().push((outside, own));
            }
        }
        for route in &answer.routes {
            if let (Way::Published(_, Some(range)), Open::Only(port)) = (&route.way, &route.ports) {
                doors.wanted.entry(port).or_insert(*range);
            }
        }
        doors
    }

    fn difference(
        &self,
        from: End<'_>,
        to: End<'_>,
        answer: &Answer,
        (meant, why): (bool, String),
        ports: &[String],
    ) -> Diagnostic {
        let name = |end: End<'_>| match end {
            End::Service(name) => format!("`{name}`"),
            End::World => "the outside".to_owned(),
        };
        let (by_file, help) = if meant {
            let ways: Vec<String> = answer.routes.iter().map(route_text).collect();
            (ways.join("; "), "add a NetworkPolicy or a Service that lets it through")
        } else {
            let obstacles: Vec<String> =
                answer.obstacles.iter().map(|one| one.message(self.project)).collect();
            let why = if obstacles.is_empty() {
                "other ports are published".to_owned()
            } else {
                obstacles.join("; ")
            };
            (why, "add a NetworkPolicy for these pods in its place, or let the file allow it too")
        };
        let verb = if meant { "only by the file" } else { "only by the manifests" };
        let at = if to == End::World { String::new() } else { format!(" at {}", ports.join(", ")) };
        let message = format!("{} reaches {}{at} {verb}", name(from), name(to));
        let spans: Vec<_> = [from, to]
            .into_iter()
            .filter_map(|end| match end {
                End::Service(name) => Some(self.project.span(&["services", name])),
                End::World => None,
            })
            .collect();
        let (by_file, by_manifests) = (format!("by the file: {by_file}"), format!("by the manifests: {why}"));
        let diagnostic = Diagnostic::error(Code::ExportDiffers, message).help(help);
        match spans.as_slice() {
            [one, other] => diagnostic.label(*one, by_file).label(*other, by_manifests),
            spans => {
                let text = format!("{by_file}; {by_manifests}");
                spans.iter().fold(diagnostic, |diagnostic, span| diagnostic.label(*span, text.clone()))
            }
        }
    }
}

/// What leads to a pod from outside.
struct Doors<'a> {
    pod: &'a Pod,
    /// By port of the pod: how a Service answers outside, and on which port of its own.
    services: BTreeMap<Port, Vec<(Outside, u16)>>,
    /// The ports of the host that the file publishes, by port of the pod.
    wanted: BTreeMap<&'a Port, (u16, u16)>,
}

/// Returns the ports that are open one by one.
fn opened(answer: &Answer) -> BTreeSet<&Port> {
    let only = answer.routes.iter().filter_map(|route| match &route.ports {
        Open::Only(port) => Some(port),
        Open::All => None,
    });
    only.collect()
}

/// What the file says for clusters, or for kompose if it says nothing of the kind.
fn is_kept_inside(service: &Service) -> bool {
    if let Some(settings) = settings(service) {
        return matches!(settings.kind, Some(ServiceType::Headless | ServiceType::ClusterIp));
    }
    let on_workload = service.deploy.as_ref().and_then(|deploy| deploy.labels.0.get(KOMPOSE_TYPE));
    let kind = on_workload.or(service.labels.0.get(KOMPOSE_TYPE)).map(|kind| kind.trim());
    kind.is_some_and(|kind| ["headless", "clusterip"].iter().any(|inside| kind.eq_ignore_ascii_case(inside)))
}

fn shown((protocol, number): &Port) -> String {
    if *number == UNNAMED { format!("any other {protocol} port") } else { format!("{number}/{protocol}") }
}

/// Returns why a verdict is what it is.
pub(super) fn reason(verdict: &Verdict) -> String {
    let list =
        |policies: &[String]| policies.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    match verdict {
        Verdict::Allowed => "no policy refuses it".to_owned(),
        Verdict::NoEgress(policies) => format!("{} let it not out", list(policies)),
        Verdict::NoIngress(policies) => format!("{} let it not in", list(policies)),
    }
}
