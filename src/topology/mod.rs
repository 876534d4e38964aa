//! Room 6: the project as a graph: services, networks, volumes, and what binds them.

pub mod ports;
pub mod reach;
pub mod render;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::Direction;
use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::lifecycle::Condition;
use crate::model::storage::MountType;
use crate::project::Project;

/// The graph of a project.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Nodes are resources; edges lead from a service to what it needs.
    pub graph: DiGraph<Resource, Relation>,
    services: BTreeMap<String, NodeIndex>,
    start_order: Vec<String>,
}

/// A node: what the project consists of, by key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A service.
    Service(String),
    /// A network.
    Network(String),
    /// A named volume.
    Volume(String),
    /// A config.
    Config(String),
    /// A secret.
    Secret(String),
}

/// An edge: what a service needs of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It starts only when the other service has come so far.
    DependsOn(Condition),
    /// It is attached to the network.
    Joins,
    /// It mounts the volume.
    Mounts,
    /// It reads the config or secret.
    Reads,
}

impl Topology {
    /// Builds the graph. A cycle among services goes to `diagnostics`; the start order then leaves out the
    /// services on it.
    pub fn build(project: &Project, diagnostics: &mut Diagnostics) -> Self {
        let mut graph = DiGraph::new();
        let mut services = BTreeMap::new();
        for name in project.services.keys() {
            services.insert(name.clone(), graph.add_node(Resource::Service(name.clone())));
        }
        let mut shared: BTreeMap<Resource, NodeIndex> = BTreeMap::new();
        let resources = [
            project.networks.keys().map(|key| Resource::Network(key.clone())).collect::<Vec<_>>(),
            project.volumes.keys().map(|key| Resource::Volume(key.clone())).collect(),
            project.configs.keys().map(|key| Resource::Config(key.clone())).collect(),
            project.secrets.keys().map(|key| Resource::Secret(key.clone())).collect(),
        ];
        for resource in resources.into_iter().flatten() {
            shared.insert(resource.clone(), graph.add_node(resource));
        }
        for (name, service) in &project.services {
            let from = services[name];
            for (dependency, how) in &service.depends_on.0 {
                if let Some(to) = services.get(dependency) {
                    graph.add_edge(from, *to, Relation::DependsOn(how.condition));
                }
            }
            let mut add = |resource: Resource, relation: Relation| {
                // An undefined one has been reported.
                if let Some(to) = shared.get(&resource) {
                    graph.update_edge(from, *to, relation);
                }
            };
            for key in service.networks.0.keys() {
                add(Resource::Network(key.clone()), Relation::Joins);
            }
            for mount in service.volumes.0.iter().filter(|mount| mount.kind == MountType::Volume) {
                if let Some(source) = &mount.source {
                    add(Resource::Volume(source.clone()), Relation::Mounts);
                }
            }
            for config in &service.configs.0 {
                add(Resource::Config(config.source.clone()), Relation::Reads);
            }
            for secret in &service.secrets.0 {
                add(Resource::Secret(secret.source.clone()), Relation::Reads);
            }
        }
        let mut topology = Self { graph, services, start_order: Vec::new() };
        topology.report_cycles(project, diagnostics);
        topology.start_order = topology.order();
        topology
    }

    /// Returns the services, each after those it depends on, else by name.
    pub fn start_order(&self) -> &[String] {
        &self.start_order
    }

    /// Returns the services that depend on `name`, by name.
    pub fn dependents(&self, name: &str) -> BTreeSet<&str> {
        let Some(node) = self.services.get(name) else { return BTreeSet::new() };
        let edges = self.graph.edges_directed(*node, Direction::Incoming);
        edges
            .filter(|edge| matches!(edge.weight(), Relation::DependsOn(_)))
            .filter_map(|edge| match &self.graph[edge.source()] {
                Resource::Service(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Returns the services attached to a network, by name.
    pub fn members(&self, network: &str) -> BTreeSet<&str> {
        let is_it = |node: NodeIndex| matches!(&self.graph[node], Resource::Network(key) if key == network);
        let edges = self.graph.edge_references().filter(|edge| is_it(edge.target()));
        edges
            .filter_map(|edge| match &self.graph[edge.source()] {
                Resource::Service(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    fn order(&self) -> Vec<String> {
        let depends = |edge: petgraph::graph::EdgeReference<'_, Relation>| {
            matches!(edge.weight(), Relation::DependsOn(_))
        };
        let only_services = EdgeFiltered::from_fn(&self.graph, depends);
        let sorted = toposort(&only_services, None).unwrap_or_default();
        // Edges lead from dependents to dependencies, and the depth of a service is that of its deepest one.
        let mut depth: BTreeMap<NodeIndex, usize> = BTreeMap::new();
        for node in sorted.into_iter().rev() {
            let edges = self.graph.edges(node).filter(|edge| depends(*edge));
            let below = edges.filter_map(|edge| depth.get(&edge.target())).max();
            depth.insert(node, below.map_or(0, |below| below + 1));
        }
        let mut services: Vec<(usize, &String)> =
            self.services.iter().filter_map(|(name, node)| Some((*depth.get(node)?, name))).collect();
        services.sort();
        services.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Says of each knot of services the shortest way round.
    fn report_cycles(&self, project: &Project, diagnostics: &mut Diagnostics) {
        let depends = |edge: petgraph::graph::EdgeReference<'_, Relation>| {
            matches!(edge.weight(), Relation::DependsOn(_))
        };
        let only_services = EdgeFiltered::from_fn(&self.graph, depends);
        for knot in kosaraju_scc(&only_services) {
            let members: BTreeSet<NodeIndex> = knot.into_iter().collect();
            let Some(cycle) = self.shortest_cycle(&members) else { continue };
            let names: Vec<&str> = cycle
                .iter()
                .filter_map(|node| match &self.graph[*node] {
                    Resource::Service(name) => Some(name.as_str()),
                    _ => None,
                })
                .collect();
            let path = names.iter().chain(names.first()).map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let message = format!("services wait for each other: {}", path.join(" -> "));
            let mut diagnostic = Diagnostic::error(Code::DependencyCycle, message);
            for (at, name) in names.iter().enumerate() {
                let next = names[(at + 1) % names.len()];
                diagnostic = diagnostic
                    .label(dependency_span(project, name, next), format!("`{name}` waits for `{next}`"));
            }
            diagnostics.push(diagnostic.help("remove one of these dependencies"));
        }
    }

    /// Returns the shortest cycle within a strongly connected set, starting at its first member by name.
    fn shortest_cycle(&self, members: &BTreeSet<NodeIndex>) -> Option<Vec<NodeIndex>> {
        let start = *members.first()?;
        let next = |node: NodeIndex| {
            let edges = self.graph.edges(node);
            let mut targets: Vec<_> = edges
                .filter(|edge| matches!(edge.weight(), Relation::DependsOn(_)))
                .map(|edge| edge.target())
                .filter(|target| members.contains(target))
                .collect();
            targets.sort();
            targets
        };
        let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for target in next(node) {
                if target == start {
                    let mut path = vec![node];
                    while let Some(before) = came_from.get(path.last()?) {
                        path.push(*before);
                    }
                    path.reverse();
                    return Some(path);
                }
                if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(target) {
                    entry.insert(node);
                    queue.push_back(target);
                }
            }
        }
        None
    }
}

/// Returns where `name` says that it needs `other`: in `depends_on`, or in the attribute that implies it.
fn dependency_span(project: &Project, name: &str, other: &str) -> crate::source::Span {
    let at = |path: &[&str]| project.written.at(path).is_some();
    if at(&["services", name, "depends_on", other]) {
        return project.span(&["services", name, "depends_on", other]);
    }
    let refers = |attribute: &&str| {
        let node = project.written.at(&["services", name, attribute]);
        let mentions = |text: &str| text.split(':').any(|part| part == other);
        node.is_some_and(|node| {
            let items = node.as_list().unwrap_or(std::slice::from_ref(node));
            items.iter().any(|item| item.as_text().is_some_and(mentions))
        })
    };
    let attribute = ["links", "network_mode", "ipc", "pid", "volumes_from"].into_iter().find(refers);
    project.span(&["services", name, attribute.unwrap_or("depends_on")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{MemWorld, Request, load};
    use crate::project::{Selection, resolve};

    fn check(text: &str) -> (Vec<String>, Vec<String>) {
        let world = MemWorld::project([("compose.yaml", text)]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, &Selection::default(), &world);
        let topology = Topology::build(&project, &mut loaded.diagnostics);
        let said = loaded.diagnostics.sorted().into_iter().map(|one| one.message.clone()).collect();
        (topology.start_order().to_vec(), said)
    }

    #[test]
    fn dependencies_come_first() {
        let (order, said) = check(
            "services:\n  a: {image: x, depends_on: [b, c]}\n  b: {image: x, depends_on: [d]}\n  c: {image: x}\n  d: {image: x}\n",
        );
        assert_eq!(order, ["c", "d", "b", "a"]);
        assert_eq!(said, Vec::<String>::new());
    }

    #[test]
    fn each_cycle_is_told_once_and_by_its_shortest_way() {
        let (order, said) = check(
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c, a]}\n  c: {image: x, depends_on: [a]}\n  d: {image: x, depends_on: [d]}\n",
        );
        assert_eq!(order, Vec::<String>::new());
        assert_eq!(
            said,
            ["services wait for each other: `a` -> `b` -> `a`", "services wait for each other: `d` -> `d`"]
        );
    }

    /// docker compose walks every path through such a braid, and does not come to an end at a hundred.
    #[test]
    fn services_that_depend_on_the_three_before_them_are_ordered_at_once() {
        let mut text = String::from("services:\n");
        for service in 0..1000_usize {
            let before: Vec<String> =
                (service.saturating_sub(3)..service).map(|before| format!("s{before}")).collect();
            text.push_str(&format!("  s{service}: {{image: x, depends_on: [{}]}}\n", before.join(", ")));
        }
        let (order, said) = check(&text);
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(order.last().map(String::as_str), Some("s999"));
    }

    #[test]
    fn a_chain_of_ten_thousand_is_ordered_at_once() {
        let mut text = String::from("services:\n  s0: {image: x}\n");
        for service in 1..10_000 {
            text.push_str(&format!("  s{service}: {{image: x, depends_on: [s{}]}}\n", service - 1));
        }
        let (order, _) = check(&text);
        assert_eq!(order.len(), 10_000);
        assert_eq!(order[9_999], "s9999");
    }
}
