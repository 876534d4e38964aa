//! The cluster's DNS: what has a network looks names up, as Docker's containers do, and nothing else does.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::cells::reason;
use super::{Comparison, Verified};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifests::cluster::{Peer, Pod, Verdict};
use crate::model::x_topo::ClusterDns;
use crate::topology::reach::has_network;

/// Where the cluster's DNS answers.
struct Resolver {
    /// A pod that stands in for those that answer, which other manifests have.
    pod: Pod,
    /// The addresses of nodes that answer in their place.
    addresses: Vec<IpAddr>,
    ports: Vec<u16>,
}

impl Comparison<'_> {
    /// Compares who asks the cluster's DNS.
    pub(super) fn compare_dns(&self) -> Verified {
        let mut found = Verified::default();
        let resolver = self.resolver();
        for name in self.services.keys() {
            let meant = has_network(self.project, name);
            // Ports that differ in the same way are one difference.
            let mut differing: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (port, verdict) in self.answers(name, &resolver) {
                found.cells += 1;
                if (verdict == Verdict::Allowed) != meant {
                    differing.entry(reason(&verdict)).or_default().push(port);
                }
            }
            let differences =
                differing.into_iter().map(|(why, ports)| self.dns_difference(name, meant, &why, &ports));
            found.differences.extend(differences);
        }
        found
    }

    /// Returns where the file says that the cluster's DNS is, or where it is in nearly all clusters.
    fn resolver(&self) -> Resolver {
        let cluster = self.project.x_topo.as_ref().and_then(|x_topo| x_topo.kubernetes.as_ref());
        let given = cluster.and_then(|cluster| cluster.dns.clone()).unwrap_or_default();
        let ClusterDns { namespace, labels, ports, cidrs, extensions: _ } = given;
        let mut labels = labels.0;
        if labels.is_empty() {
            labels.insert("k8s-app".to_owned(), "kube-dns".to_owned());
        }
        let blocks = cidrs.0.iter().filter_map(|cidr| cidr.parse::<IpNet>().ok());
        Resolver {
            pod: self.cluster.stand_in(namespace.as_deref().unwrap_or("kube-system"), labels),
            addresses: blocks.map(|block| block.addr()).collect(),
            ports: if ports.is_empty() { vec![53] } else { ports.iter().map(|port| port.0).collect() },
        }
    }

    /// Returns what policies make of the questions of a service, with the port of each.
    fn answers(&self, name: &str, resolver: &Resolver) -> Vec<(String, Verdict)> {
        let from = Peer::Pod(self.services[name].pod);
        let at_address = |address: &IpAddr| (Peer::Address(*address), format!(" of {address}"));
        let addresses = resolver.addresses.iter().map(at_address);
        let mut answers = Vec::new();
        for (to, place) in [(Peer::Pod(&resolver.pod), String::new())].into_iter().chain(addresses) {
            for number in &resolver.ports {
                for protocol in ["UDP", "TCP"] {
                    let port = format!("{number}/{}{place}", protocol.to_ascii_lowercase());
                    answers.push((port, self.cluster.allows(from, to, protocol, *number)));
                }
            }
        }
        answers
    }

    fn dns_difference(&self, name: &str, meant: bool, why: &str, ports: &[String]) -> Diagnostic {
        let (verb, by_file, help) = if meant {
            let help = "add a NetworkPolicy that lets it through to the pods of the cluster's DNS";
            ("only by the file", "it has a network, and looks names up", help)
        } else {
            let help = "add a NetworkPolicy for these pods that lets nothing out";
            ("only by the manifests", "it has no network", help)
        };
        let message = format!("`{name}` reaches the cluster's DNS at {} {verb}", ports.join(", "));
        Diagnostic::error(Code::ExportDiffers, message)
            .label(
                self.project.span(&["services", name]),
                format!("by the file: {by_file}; by the manifests: {why}"),
            )
            .help(help)
    }
}
