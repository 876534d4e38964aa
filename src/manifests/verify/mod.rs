//! Whether manifests let through what a project does: every pair of ends, port by port, and every name.
//!
//! What the file means comes from [`crate::topology::reach`], what the manifests mean from [`super::cluster`].

mod cells;
mod dns;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, Pod, Standing};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::service::Service;
use crate::model::x_topo::traffic::ServiceSettings;
use crate::project::Project;
use crate::topology::reach::seat::Seat;
use crate::topology::reach::{End, Place, Port, known_ports, root_of};

/// Stands for the ports that nobody names.
const UNNAMED: u16 = 61_613;

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Verified {
    /// How many cells were compared: a pair of ends and a port. The cluster's DNS is an end too.
    pub cells: usize,
    /// How many of them hold on the node of both ends alone: one of them is on the host's interfaces.
    pub on_own_node: usize,
    /// How many names were compared, each on each of its networks.
    pub names: usize,
    /// What differs, each at its place in the compose file.
    pub differences: Vec<Diagnostic>,
}

impl Verified {
    fn add(&mut self, other: Self) {
        let Self { cells, on_own_node, names, differences } = other;
        self.cells += cells;
        self.on_own_node += on_own_node;
        self.names += names;
        self.differences.extend(differences);
    }
}

/// Compares a project with manifests.
pub fn verify(project: &Project, cluster: &Cluster) -> Verified {
    let mut found = Verified::default();
    let services = found_services(project, cluster, &mut found.differences);
    let comparison = Comparison { project, cluster, services };
    for class in comparison.classes() {
        for to in comparison.ends() {
            found.add(comparison.compare_class(&class, to));
        }
    }
    found.add(comparison.compare_dns());
    found.add(comparison.compare_names());
    found
}

struct Comparison<'a> {
    project: &'a Project,
    cluster: &'a Cluster,
    /// The services that have containers in the manifests.
    services: BTreeMap<&'a str, Found<'a>>,
}

/// A service in the manifests.
struct Found<'a> {
    pod: &'a Pod,
    /// The ports at which it is asked.
    ports: Vec<Port>,
    /// The services, itself too, that are in its pod or that share its interfaces.
    beside: BTreeSet<&'a str>,
}

/// Finds each service by the name of its container.
fn found_services<'a>(
    project: &'a Project,
    cluster: &'a Cluster,
    missing: &mut Vec<Diagnostic>,
) -> BTreeMap<&'a str, Found<'a>> {
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, pod) in cluster.pods.iter().enumerate() {
        for container in &pod.containers {
            holders.entry(container).or_insert(at);
        }
    }
    let (mut places, mut in_pods, mut at_roots) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (name, service) in &project.services {
        let foreign = matches!(Seat::of(project, name), Seat::Foreign);
        // What has no containers of the project, or is where none of its are, cannot be compared.
        let elsewhere = settings(service).is_some_and(|settings| settings.external_name.is_some());
        if service.provider.is_some() || foreign || elsewhere {
            continue;
        }
        let Some(pod) = holder_of(&holders, name) else {
            let message = format!("no pod of the manifests has a container of service `{name}`");
            let diagnostic = Diagnostic::error(Code::ExportDiffers, message)
                .label(project.span(&["services", name]), "this service is missing")
                .help("export the service as well");
            missing.push(diagnostic);
            continue;
        };
        let name = name.as_str();
        places.insert(name, pod);
        in_pods.entry(pod).or_insert_with(BTreeSet::new).insert(name);
        at_roots.entry(root_of(project, name)).or_insert_with(BTreeSet::new).insert(name);
    }
    let found = |(name, at): (&&'a str, &usize)| {
        let (in_pod, at_root) = (&in_pods[at], &at_roots[root_of(project, name)]);
        // Whoever shares the pod shares its ports.
        let known = in_pod.iter().flat_map(|name| known_ports(project, name));
        let mut ports: BTreeSet<Port> = known.collect();
        ports.extend(["tcp", "udp"].map(|protocol| (protocol.to_owned(), UNNAMED)));
        let found = Found {
            pod: &cluster.pods[*at],
            ports: ports.into_iter().collect(),
            beside: in_pod.union(at_root).copied().collect(),
        };
        (*name, found)
    };
    places.iter().map(found).collect()
}

impl<'a> Comparison<'a> {
    fn ends(&self) -> impl Iterator<Item = End<'a>> {
        self.services.keys().map(|name| End::Service(name)).chain([End::World])
    }

    /// Returns the ends by what makes a difference for whom they reach: those of one class reach the same by the file,
    /// and by the manifests, others that are beside them aside.
    fn classes(&self) -> Vec<BTreeSet<End<'a>>> {
        let mut classes: BTreeMap<(Place<'_>, Standing<'_>), BTreeSet<End<'a>>> = BTreeMap::new();
        for (name, found) in &self.services {
            let class = (Place::of(self.project, name), self.cluster.standing(found.pod));
            classes.entry(class).or_default().insert(End::Service(name));
        }
        classes.into_values().chain([BTreeSet::from([End::World])]).collect()
    }

    /// Compares all ways from the ends of a class to one end. One of them stands for the others, unless something differs:
    /// then each is told.
    fn compare_class(&self, class: &BTreeSet<End<'a>>, to: End<'a>) -> Verified {
        let mut found = Verified::default();
        let beside = match to {
            End::Service(name) => self.services[name].beside.iter().map(|name| End::Service(name)),
            End::World => return self.compare_alike(class, &BTreeSet::new(), to),
        };
        let beside: BTreeSet<End<'_>> = beside.filter(|end| class.contains(end)).collect();
        beside.iter().for_each(|from| found.add(self.compare(*from, to)));
        found.add(self.compare_alike(class, &beside, to));
        found
    }

    fn compare_alike(&self, class: &BTreeSet<End<'a>>, beside: &BTreeSet<End<'a>>, to: End<'a>) -> Verified {
        let mut alike = class.difference(beside);
        let Some(first) = alike.next() else { return Verified::default() };
        let mut found = self.compare(*first, to);
        if found.differences.is_empty() {
            let count = class.len() - beside.len();
            found.cells *= count;
            found.on_own_node *= count;
        } else {
            alike.for_each(|from| found.add(self.compare(*from, to)));
        }
        found
    }
}

fn settings(service: &Service) -> Option<&ServiceSettings> {
    service.x_topo.as_ref()?.kubernetes.as_ref()?.service.as_ref()
}

/// Returns the pod with the container of a service, whose name may have been made of one that Kubernetes does not take.
fn holder_of(holders: &BTreeMap<&str, usize>, service: &str) -> Option<usize> {
    let lower: String = service
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' })
        .collect();
    let plain = lower.trim_matches('-');
    let known = [service, plain, &format!("svc-{plain}")].into_iter().find_map(|name| holders.get(name));
    let made = || holders.iter().find(|(container, _)| is_shortened(container, plain)).map(|(_, at)| at);
    known.or_else(made).copied()
}

/// Returns whether the name of a container has a hash in place of the end, or of characters that would make two names
/// one.
fn is_shortened(container: &str, plain: &str) -> bool {
    let rest = container.strip_prefix("svc-").unwrap_or(container);
    rest.rsplit_once('-').is_some_and(|(start, hash)| {
        hash.len() == 8
            && !start.is_empty()
            && plain.starts_with(start)
            && hash.bytes().all(|one| one.is_ascii_hexdigit())
    })
}
