//! Whether manifests let through what a project does: every pair of ends, port by port, and every name.
//!
//! What the file means comes from [`crate::topology::reach`], what the manifests mean from [`super::cluster`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cluster::{Cluster, Outside, Peer, Pod, Verdict};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::service::Service;
use crate::model::x_topo::traffic::{ServiceSettings, ServiceType};
use crate::project::Project;
use crate::topology::reach::seat::Seat;
use crate::topology::reach::text::route_text;
use crate::topology::reach::{Answer, End, Port, Way, known_ports, names, reach};

/// An address of the outside, from the block for documentation.
const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));
/// Stands for the ports that nobody names.
const UNNAMED: u16 = 61_613;

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Verified {
    /// How many cells were compared: a pair of ends and a port.
    pub cells: usize,
    /// How many of them hold on the node of both ends alone: one of them is on the host's interfaces.
    pub on_own_node: usize,
    /// How many names were compared, each on each of its networks.
    pub names: usize,
    /// What differs, each at its place in the compose file.
    pub differences: Vec<Diagnostic>,
}

/// Compares a project with manifests.
pub fn verify(project: &Project, cluster: &Cluster) -> Verified {
    let mut comparison = Comparison { project, cluster, pods: BTreeMap::new(), found: Verified::default() };
    comparison.find_pods();
    let services: Vec<End<'_>> = comparison.pods.keys().map(|name| End::Service(name)).collect();
    for from in services.iter().copied().chain([End::World]) {
        for to in services.iter().copied().chain([End::World]) {
            comparison.compare(from, to);
        }
    }
    comparison.compare_names();
    comparison.found
}

struct Comparison<'a> {
    project: &'a Project,
    cluster: &'a Cluster,
    /// The pod of each service that has containers.
    pods: BTreeMap<&'a str, &'a Pod>,
    found: Verified,
}

/// What the manifests say of one cell.
struct Cell {
    is_open: bool,
    /// Whether it is open where both ends run on one node.
    is_open_on_own_node: bool,
    why: String,
}

impl Comparison<'_> {
    /// Finds the pod of each service by the name of its container.
    fn find_pods(&mut self) {
        for (name, service) in &self.project.services {
            let foreign = matches!(Seat::of(self.project, name), Seat::Foreign);
            // What has no containers of the project, or is where none of its are, cannot be compared.
            let elsewhere = settings(service).is_some_and(|settings| settings.external_name.is_some());
            if service.provider.is_some() || foreign || elsewhere {
                continue;
            }
            let find = |is_it: &dyn Fn(&str) -> bool| {
                self.cluster.pods.iter().find(|pod| pod.containers.iter().any(|container| is_it(container)))
            };
            let pod = find(&|container| container == name)
                .or_else(|| find(&|container| is_made_of(container, name)));
            if let Some(pod) = pod {
                self.pods.insert(name, pod);
            } else {
                let message = format!("no pod of the manifests has a container of service `{name}`");
                let diagnostic = Diagnostic::error(Code::ExportDiffers, message)
                    .label(self.project.span(&["services", name]), "this service is missing")
                    .help("export the service as well");
                self.found.differences.push(diagnostic);
            }
        }
    }

    fn ports(&self, to: End<'_>) -> Vec<Port> {
        let End::Service(name) = to else { return vec![("tcp".to_owned(), 443)] };
        let pod = self.pods[name];
        // Whoever shares the pod shares its ports.
        let beside = self.pods.iter().filter(|(_, other)| std::ptr::eq(**other, pod));
        let known = beside.flat_map(|(name, _)| known_ports(self.project, name));
        let mut ports: BTreeSet<Port> = known.collect();
        ports.extend([("tcp".to_owned(), UNNAMED), ("udp".to_owned(), UNNAMED)]);
        ports.into_iter().collect()
    }

    fn compare(&mut self, from: End<'_>, to: End<'_>) {
        let is_alone = match from {
            End::World => true,
            End::Service(name) => self.project.services[name].containers() <= 1,
        };
        if from == to && is_alone {
            return;
        }
        let answer = reach(self.project, from, to);
        // Ports that differ in the same way are one difference.
        let mut differing: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
        for port in self.ports(to) {
            let meant = answer.opens(&port) && !(from == End::World && self.is_kept_inside(to));
            let cell = match (from, to) {
                (End::World, End::Service(to)) => self.inward(&answer, self.pods[to], &port),
                _ => self.inside(from, to, &port),
            };
            self.found.cells += 1;
            let (protocol, number) = &port;
            let shown = if *number == UNNAMED {
                format!("any other {protocol} port")
            } else {
                format!("{number}/{protocol}")
            };
            if meant && !cell.is_open && cell.is_open_on_own_node {
                self.found.on_own_node += 1;
            } else if meant != cell.is_open {
                differing.entry((meant, cell.why)).or_default().push(shown);
            }
        }
        for ((meant, why), ports) in differing {
            let diagnostic = self.difference(from, to, &answer, (meant, &why), &ports);
            self.found.differences.push(diagnostic);
        }
    }

    /// Returns whether the file itself says that the published ports of a service are not to be reached in a cluster.
    fn is_kept_inside(&self, to: End<'_>) -> bool {
        let End::Service(name) = to else { return false };
        let kind = settings(&self.project.services[name]).and_then(|settings| settings.kind);
        matches!(kind, Some(ServiceType::Headless | ServiceType::ClusterIp))
    }

    fn inside(&self, from: End<'_>, to: End<'_>, (protocol, number): &Port) -> Cell {
        let peer = |end: End<'_>| match end {
            End::World => Peer::Address(OUTSIDE),
            End::Service(name) => Peer::Pod(self.pods[name]),
        };
        let on_node = |end: End<'_>| matches!(end, End::Service(name) if self.pods[name].is_on_node);
        if let (End::Service(one), End::Service(other)) = (from, to)
            && one != other
            && std::ptr::eq(self.pods[one], self.pods[other])
        {
            let why = format!("both are in the pods of {}", self.pods[one].workload);
            return Cell { is_open: true, is_open_on_own_node: true, why };
        }
        let verdict = self.cluster.allows(peer(from), peer(to), &protocol.to_ascii_uppercase(), *number);
        Cell {
            is_open: verdict == Verdict::Allowed,
            is_open_on_own_node: on_node(from) || on_node(to),
            why: reason(&verdict),
        }
    }

    /// From outside of the cluster: a Service has to lead to the pod, and policies have to let it in.
    fn inward(&self, answer: &Answer, pod: &Pod, (protocol, number): &Port) -> Cell {
        let cell = |is_open: bool, why: String| Cell { is_open, is_open_on_own_node: false, why };
        if pod.is_on_node {
            return cell(true, "the pod is on the interfaces of its node".to_owned());
        }
        let upper = protocol.to_ascii_uppercase();
        let verdict = self.cluster.allows(Peer::Address(OUTSIDE), Peer::Pod(pod), &upper, *number);
        let leading = self.cluster.services.iter().filter(|service| service.selects(pod));
        let ports: Vec<(Outside, u16)> = leading
            .filter_map(|service| Some((service.outside?, service.ports_to(pod, &upper, *number))))
            .flat_map(|(outside, ports)| ports.into_iter().map(move |port| (outside, port)))
            .collect();
        if ports.is_empty() {
            return cell(false, "no Service leads there from outside".to_owned());
        }
        if verdict != Verdict::Allowed {
            return cell(false, reason(&verdict));
        }
        // A load balancer answers on the port that the file publishes.
        let port = &(protocol.clone(), *number);
        let wanted = answer.routes.iter().find_map(|route| match (&route.way, &route.ports) {
            (Way::Published(_, Some((first, last))), crate::topology::reach::Open::Only(open))
                if open == port =>
            {
                Some(*first..=*last)
            }
            _ => None,
        });
        let balanced = |(outside, _): &&(Outside, u16)| *outside == Outside::OwnPorts;
        let strays = wanted.and_then(|wanted| {
            let own: Vec<u16> = ports.iter().filter(balanced).map(|(_, port)| *port).collect();
            (!own.is_empty() && !own.iter().any(|port| wanted.contains(port))).then_some(own)
        });
        match strays {
            Some(own) => cell(false, format!("its Service answers on {own:?}")),
            None => cell(true, "a Service leads there, and no policy refuses it".to_owned()),
        }
    }

    fn difference(
        &self,
        from: End<'_>,
        to: End<'_>,
        answer: &Answer,
        (meant, why): (bool, &str),
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
        let mut diagnostic = Diagnostic::error(Code::ExportDiffers, message);
        let spans: Vec<_> = [from, to]
            .into_iter()
            .filter_map(|end| match end {
                End::Service(name) => Some(self.project.span(&["services", name])),
                End::World => None,
            })
            .collect();
        for (at, span) in spans.iter().enumerate() {
            let text =
                if at == 0 { format!("by the file: {by_file}") } else { format!("by the manifests: {why}") };
            let text = if spans.len() == 1 {
                format!("by the file: {by_file}; by the manifests: {why}")
            } else {
                text
            };
            diagnostic = diagnostic.label(*span, text);
        }
        diagnostic.help(help)
    }

    /// Each name leads to the same services in DNS.
    fn compare_names(&mut self) {
        let mut meanings: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
        for name in self.pods.keys().copied() {
            // Whoever shares the interfaces of another has no names of its own.
            let shares = self.project.interfaces_of(&self.project.services[name]).is_some();
            let Seat::Networks(joined) = Seat::of(self.project, name) else { continue };
            for network in joined.iter().filter(|_| !shares && !self.pods[name].is_on_node) {
                for found in names::on_network(self.project, name, &network.key) {
                    let key = (network.name.clone(), found.to_ascii_lowercase());
                    meanings.entry(key).or_default().insert(name);
                }
            }
        }
        for ((network, name), owners) in meanings {
            self.found.names += 1;
            let Some(first) = owners.first().copied() else { continue };
            let wanted: BTreeSet<&str> =
                owners.iter().map(|owner| self.pods[owner].workload.as_str()).collect();
            let namespace = &self.pods[first].namespace;
            let service =
                self.cluster.services.iter().find(|one| one.name == name && one.namespace == *namespace);
            let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
            let difference = match service {
                None => format!("the manifests have no Service `{name}`"),
                Some(service) => {
                    let selected = self.cluster.pods.iter().filter(|pod| service.selects(pod));
                    let selected: BTreeSet<&str> = selected.map(|pod| pod.workload.as_str()).collect();
                    if selected == wanted {
                        continue;
                    }
                    format!("Service `{name}` leads to {}, not to {}", list(&selected), list(&wanted))
                }
            };
            let message = format!("name `{name}` on network `{network}` is not the same in the manifests");
            let diagnostic = Diagnostic::error(Code::ExportDiffers, message)
                .label(self.project.span(&["services", first]), difference)
                .help("use a name of letters, digits and `-` that means one thing on all networks");
            self.found.differences.push(diagnostic);
        }
    }
}

fn settings(service: &Service) -> Option<&ServiceSettings> {
    service.x_topo.as_ref()?.kubernetes.as_ref()?.service.as_ref()
}

fn reason(verdict: &Verdict) -> String {
    let list =
        |policies: &[String]| policies.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    match verdict {
        Verdict::Allowed => "no policy refuses it".to_owned(),
        Verdict::NoEgress(policies) => format!("{} let it not out", list(policies)),
        Verdict::NoIngress(policies) => format!("{} let it not in", list(policies)),
    }
}

/// Returns whether the name of a container can have been made of one that Kubernetes does not take.
fn is_made_of(container: &str, service: &str) -> bool {
    let lower: String = service
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' })
        .collect();
    let plain = lower.trim_matches('-');
    let rest = container.strip_prefix("svc-").unwrap_or(container);
    if !plain.is_empty() && rest == plain {
        return true;
    }
    // A hash in place of the end, or of characters that would make two names one.
    rest.rsplit_once('-').is_some_and(|(start, hash)| {
        hash.len() == 8
            && !start.is_empty()
            && plain.starts_with(start)
            && hash.bytes().all(|one| one.is_ascii_hexdigit())
    })
}
