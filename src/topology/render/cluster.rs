//! Services put together by the networks that they are on: what is drawn inside one box.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Network, Service};

/// With more sets of networks than this, services are put together by one network each.
const MOST_SETS: usize = 24;

/// Services that are on the same networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// Where they are.
    pub place: Place<'a>,
    /// The services, by name.
    pub services: Vec<&'a Service>,
}

/// Where services are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place<'a> {
    /// On these networks of the project, by key.
    Networks(Vec<&'a str>),
    /// On what a `network_mode` names.
    Mode(&'a str),
    /// On no network.
    Nowhere,
}

impl Place<'_> {
    /// Writes the place for people, a line for each network.
    pub fn lines(&self, graph: &Graph) -> Vec<String> {
        match self {
            Self::Networks(keys) => {
                keys.iter().filter_map(|key| graph.network(key)).map(Network::text).collect()
            }
            Self::Mode("host") => vec!["host's own network".to_owned()],
            Self::Mode("bridge" | "default") => vec!["engine's own bridge".to_owned()],
            Self::Mode(mode) => match mode.split_once(':') {
                Some(("container", name)) => vec![format!("network of container {name}")],
                Some(("service", name)) => vec![format!("network of service {name}")],
                _ => vec![format!("network {mode}")],
            },
            Self::Nowhere => vec!["no network".to_owned()],
        }
    }
}

/// Puts services together: those on exactly the same networks, or, where that makes too many boxes, by the network that
/// binds each most. A service that shares the interfaces of another one is where that one is.
///
/// Places come in an order in which most that share a network are neighbours.
pub fn clusters(graph: &Graph) -> Vec<Cluster<'_>> {
    let mut by_place: BTreeMap<Place<'_>, Vec<&Service>> = BTreeMap::new();
    for service in &graph.services {
        by_place.entry(place_of(graph, service)).or_default().push(service);
    }
    if by_place.len() > MOST_SETS {
        by_place = one_network_each(graph, by_place);
    }
    // A network without members has its box, too.
    let told: BTreeSet<&str> =
        graph.services.iter().flat_map(|service| &service.networks).map(String::as_str).collect();
    for network in graph.networks.iter().filter(|network| !told.contains(network.key.as_str())) {
        by_place.insert(Place::Networks(vec![&network.key]), Vec::new());
    }
    let mut open: Vec<Cluster<'_>> = by_place
        .into_iter()
        .map(|(place, mut services)| {
            services.sort_by(|one, other| one.name.cmp(&other.name));
            Cluster { place, services }
        })
        .collect();
    let mut ordered: Vec<Cluster<'_>> = Vec::with_capacity(open.len());
    let mut next = first(graph, &open);
    while !open.is_empty() {
        let last = open.remove(next);
        // Each is followed by the one that has most in common with it.
        next = (0..open.len()).min_by_key(|at| apart(&last.place, &open[*at].place)).unwrap_or(0);
        ordered.push(last);
    }
    ordered
}

/// Returns the cluster that others wait for least, for its size.
fn first(graph: &Graph, clusters: &[Cluster<'_>]) -> usize {
    let homes: BTreeMap<&str, usize> = clusters
        .iter()
        .enumerate()
        .flat_map(|(at, cluster)| cluster.services.iter().map(move |service| (service.name.as_str(), at)))
        .collect();
    let mut awaited = vec![0; clusters.len()];
    for edge in &graph.dependencies {
        let (from, to) = (homes.get(edge.from.as_str()), homes.get(edge.to.as_str()));
        if let Some(to) = to.filter(|_| from != to) {
            awaited[*to] += 1;
        }
    }
    let share = |at: &usize| match clusters[*at].services.len() {
        0 => usize::MAX,
        services => 1000 * awaited[*at] / services,
    };
    (0..clusters.len()).min_by_key(share).unwrap_or(0)
}

fn place_of<'a>(graph: &'a Graph, service: &'a Service) -> Place<'a> {
    let mut root = service;
    // A chain that comes back to its start is reported as a cycle; here it only has to end.
    for _ in 0..graph.services.len() {
        let other = root.mode.as_deref().and_then(|mode| mode.strip_prefix("service:"));
        match graph.services.iter().find(|one| Some(one.name.as_str()) == other) {
            Some(next) => root = next,
            None => break,
        }
    }
    match root.mode.as_deref() {
        Some("none") => Place::Nowhere,
        Some(mode) => Place::Mode(mode),
        None if root.networks.is_empty() => Place::Nowhere,
        None => Place::Networks(root.networks.iter().map(String::as_str).collect()),
    }
}

/// Leaves each service one of its networks: the one that more than half of those are on that it waits for or that wait
/// for it, else the one with the fewest members, which says the most.
fn one_network_each<'a>(
    graph: &'a Graph,
    by_place: BTreeMap<Place<'a>, Vec<&'a Service>>,
) -> BTreeMap<Place<'a>, Vec<&'a Service>> {
    let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for service in &graph.services {
        for key in &service.networks {
            members.entry(key).or_default().insert(&service.name);
        }
    }
    let mut near: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in &graph.dependencies {
        near.entry(&edge.from).or_default().push(&edge.to);
        near.entry(&edge.to).or_default().push(&edge.from);
    }
    let rank = |service: &Service, key: &str| {
        let members = members.get(key);
        let near = near.get(service.name.as_str()).map_or(&[][..], Vec::as_slice);
        let is_there = |name: &&&str| members.is_some_and(|members| members.contains(*name));
        let there = near.iter().filter(is_there).count();
        let most = if 2 * there > near.len() { there } else { 0 };
        (Reverse(most), members.map(BTreeSet::len))
    };
    let mut narrowed: BTreeMap<Place<'_>, Vec<&Service>> = BTreeMap::new();
    for (place, services) in by_place {
        for service in services {
            let place = match &place {
                Place::Networks(keys) => {
                    let best = keys.iter().copied().min_by_key(|key| rank(service, key));
                    Place::Networks(best.into_iter().collect())
                }
                other => other.clone(),
            };
            narrowed.entry(place).or_default().push(service);
        }
    }
    narrowed
}

/// Returns how little two places have in common: the lower, the closer.
fn apart(one: &Place<'_>, other: &Place<'_>) -> usize {
    match (one, other) {
        (Place::Networks(one), Place::Networks(other)) => {
            let both = one.iter().filter(|key| other.contains(key)).count();
            1000 - 1000 * both / (one.len() + other.len() - both).max(1)
        }
        (Place::Networks(_), _) | (_, Place::Networks(_)) => 2000,
        _ => 1500,
    }
}
