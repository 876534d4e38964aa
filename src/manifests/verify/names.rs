//! Names: each leads to the same services in DNS.

use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Verified};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifests::cluster;
use crate::topology::reach::names;
use crate::topology::reach::seat::Seat;

impl<'a> Comparison<'a> {
    /// Compares where each name leads.
    pub(super) fn compare_names(&self) -> Verified {
        let mut found = Verified::default();
        let mut by_name: BTreeMap<(&str, &str), &cluster::Service> = BTreeMap::new();
        for service in &self.cluster.services {
            by_name.entry((&service.namespace, &service.name)).or_insert(service);
        }
        for ((network, name), owners) in self.meanings() {
            found.names += 1;
            let Some(first) = owners.first().copied() else { continue };
            let wanted: BTreeSet<&str> =
                owners.iter().map(|owner| self.services[owner].pod.workload.as_str()).collect();
            let namespace = self.services[first].pod.namespace.as_str();
            let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
            let difference = match by_name.get(&(namespace, name.as_str())) {
                None => format!("the manifests have no Service `{name}`"),
                Some(service) => {
                    let selected = self.cluster.pods_of(service);
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
            found.differences.push(diagnostic);
        }
        found
    }

    /// Returns the services that are found under each name, by the network and the name.
    fn meanings(&self) -> BTreeMap<(String, String), BTreeSet<&'a str>> {
        let mut meanings: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
        for (name, found) in &self.services {
            // Whoever shares the interfaces of another has no names of its own.
            let shares = self.project.interfaces_of(&self.project.services[*name]).is_some();
            let Seat::Networks(joined) = Seat::of(self.project, name) else { continue };
            for network in joined.iter().filter(|_| !shares && !found.pod.is_on_node) {
                for written in names::on_network(self.project, name, &network.key) {
                    let key = (network.name.clone(), written.to_ascii_lowercase());
                    meanings.entry(key).or_default().insert(*name);
                }
            }
        }
        meanings
    }
}
