//! The graph as text for terminals: networks with their members, who waits for whom, what keeps data.

use std::collections::BTreeSet;

use super::cluster::{Place, clusters};
use super::{Graph, LiveState, OpenTo, Service, StoreKind};

/// A line and what stands below it.
struct Branch {
    text: String,
    below: Vec<Branch>,
}

impl Branch {
    fn leaf(text: impl Into<String>) -> Self {
        Self { text: text.into(), below: Vec::new() }
    }
}

/// Paints what containers do by their state.
pub type Paint<'a> = &'a dyn Fn(LiveState, &str) -> String;

/// Writes the graph as a tree.
pub fn tree(graph: &Graph, paint: Paint<'_>) -> String {
    let mut text = format!("{}: {}\n", graph.project, graph.summary());
    let parts = networks(graph, paint)
        .into_iter()
        .chain(dependencies(graph))
        .chain(stores(graph))
        .collect::<Vec<_>>();
    write(&parts, "", &mut text);
    text
}

fn write(branches: &[Branch], before: &str, text: &mut String) {
    for (at, branch) in branches.iter().enumerate() {
        let is_last = at + 1 == branches.len();
        let (knot, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&format!("{before}{knot}{}\n", branch.text));
        write(&branch.below, &format!("{before}{below}"), text);
    }
}

/// Writes a service with all that is its own.
fn service_line(service: &Service, paint: Paint<'_>) -> String {
    let mut text = service.name.clone();
    if service.containers != 1 {
        text.push_str(&format!(" ×{}", service.containers));
    }
    if let Some(live) = &service.live {
        text.push_str(&format!(" {}", paint(live.state, &format!("[{}]", live.text))));
    }
    text.push_str(&format!("  {}", service.image));
    if let Some(other) = service.mode.as_deref().and_then(|mode| mode.strip_prefix("service:")) {
        text.push_str(&format!("  on the interfaces of {other}"));
    }
    for port in &service.ports {
        let note = match port.open_to {
            OpenTo::World => "",
            OpenTo::Host => " (host alone)",
            OpenTo::Nobody => " (in vain)",
        };
        text.push_str(&format!("  {}{note}", port.text()));
    }
    text
}

/// A branch for each network, and one for each other place that services are at.
fn networks(graph: &Graph, paint: Paint<'_>) -> Vec<Branch> {
    let mut told = BTreeSet::new();
    let mut branch = |text: String, services: Vec<&Service>| {
        let line = |service: &Service| {
            // The details once; elsewhere the name will do.
            let is_new = told.insert(service.name.clone());
            Branch::leaf(if is_new { service_line(service, paint) } else { service.name.clone() })
        };
        Branch { text, below: services.into_iter().map(line).collect() }
    };
    let mut branches: Vec<Branch> = Vec::new();
    for network in &graph.networks {
        let is_on = |service: &&Service| service.networks.contains(&network.key);
        branches.push(branch(
            format!("network {}", network.text()),
            graph.services.iter().filter(is_on).collect(),
        ));
    }
    for cluster in clusters(graph) {
        let others: Vec<&Service> =
            cluster.services.into_iter().filter(|service| service.networks.is_empty()).collect();
        let text = match &cluster.place {
            // Services that share the interfaces of one that is on networks.
            Place::Networks(_) => "the network of another service".to_owned(),
            // Networks are not asked for.
            Place::Nowhere if others.iter().all(|service| service.mode.is_none()) => "services".to_owned(),
            place => place.lines(graph).join(", "),
        };
        if others.is_empty() {
            continue;
        }
        let more = branch(text, others);
        match branches.iter_mut().find(|branch| branch.text == more.text) {
            Some(branch) => branch.below.extend(more.below),
            None => branches.push(more),
        }
    }
    branches
}

/// Who waits for whom, one level each: chains of thousands have their place, too.
fn dependencies(graph: &Graph) -> Option<Branch> {
    let mut below: Vec<Branch> = Vec::new();
    for edge in &graph.dependencies {
        let leaf = Branch::leaf(format!("{} ({})", edge.to, edge.text()));
        match below.last_mut().filter(|branch| branch.text == edge.from) {
            Some(branch) => branch.below.push(leaf),
            None => below.push(Branch { text: edge.from.clone(), below: vec![leaf] }),
        }
    }
    (!below.is_empty()).then(|| Branch { text: "depends on".to_owned(), below })
}

/// What keeps data, with who uses it and where.
fn stores(graph: &Graph) -> Vec<Branch> {
    let branch = |kind: StoreKind| {
        let of_kind = graph.stores.iter().filter(|store| store.kind == kind);
        let below: Vec<Branch> = of_kind
            .map(|store| {
                let external = if store.external { " (external)" } else { "" };
                let uses = graph.uses.iter().filter(|one| one.kind == kind && one.key == store.key);
                let users = uses.map(|one| {
                    let target = one.target.as_deref().map(|target| format!(":{target}")).unwrap_or_default();
                    let is_telling = kind == StoreKind::Volume && one.read_only;
                    let read_only = if is_telling { " (read only)" } else { "" };
                    Branch::leaf(format!("{}{target}{read_only}", one.service))
                });
                Branch { text: format!("{}{external}", store.key), below: users.collect() }
            })
            .collect();
        (!below.is_empty()).then(|| Branch { text: format!("{}s", kind.word()), below })
    };
    [StoreKind::Volume, StoreKind::Config, StoreKind::Secret].into_iter().filter_map(branch).collect()
}
