//! What NetworkPolicies let through, as the API documents it.
//!
//! See <https://kubernetes.io/docs/concepts/services-networking/network-policies/>. Policies only ever allow, and add
//! up; a pod that none selects for a direction is open in it; a connection needs both sides. Policies do not hold for
//! pods on the interfaces of their node, nor between a pod and the node that it runs on.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
};

use super::selector::selects;
use super::{Cluster, Pod, Policy};

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum Peer<'a> {
    /// A pod of the manifests. Blocks of addresses do not match it: its address is not known before it runs.
    Pod(&'a Pod),
    /// An address that is no pod's.
    Address(IpAddr),
}

/// Whether a connection is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Allowed,
    /// The policies of the one that asks, by name, have no rule for it.
    NoEgress(Vec<String>),
    /// The policies of the one that would answer, by name, have no rule for it.
    NoIngress(Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

impl Cluster {
    /// Says whether a connection is let through; `protocol` is in upper case. Where one end is a pod on the interfaces
    /// of a node, the other one is taken to run on another node.
    pub fn allows(&self, from: Peer<'_>, to: Peer<'_>, protocol: &str, port: u16) -> Verdict {
        if let Err(policies) = self.side(Direction::Egress, from, to, protocol, port) {
            return Verdict::NoEgress(policies);
        }
        match self.side(Direction::Ingress, to, from, protocol, port) {
            Ok(()) => Verdict::Allowed,
            Err(policies) => Verdict::NoIngress(policies),
        }
    }

    /// Returns the policies that select a pod, by name: whether each isolates it for what comes in, and for what goes out.
    pub fn policies_of(&self, pod: &Pod) -> Vec<(&str, [bool; 2])> {
        let directions =
            |policy: &Policy| [Direction::Ingress, Direction::Egress].map(|one| policy.governs(pod, one));
        let policies = self.policies.iter().filter(|_| !pod.is_on_node);
        let named = policies.map(|policy| (policy.name.as_str(), directions(policy)));
        named.filter(|(_, directions)| directions.contains(&true)).collect()
    }

    /// Asks the policies of one end about the other. The error names those that are in force and have no rule for it.
    fn side(
        &self,
        direction: Direction,
        own: Peer<'_>,
        other: Peer<'_>,
        protocol: &str,
        port: u16,
    ) -> Result<(), Vec<String>> {
        let Peer::Pod(pod) = own else { return Ok(()) };
        if pod.is_on_node {
            return Ok(());
        }
        let in_force: Vec<&Policy> =
            self.policies.iter().filter(|policy| policy.governs(pod, direction)).collect();
        // Names of ports are those of the pod that is connected to.
        let target = if direction == Direction::Ingress { own } else { other };
        let opens = |ports: Option<&Vec<NetworkPolicyPort>>| {
            ports.is_none_or(|ports| {
                ports.is_empty() || ports.iter().any(|open| is_open(open, target, protocol, port))
            })
        };
        let is_allowed = |policy: &&Policy| match direction {
            Direction::Ingress => policy.spec.ingress.iter().flatten().any(|rule| {
                let NetworkPolicyIngressRule { from, ports } = rule;
                opens(ports.as_ref()) && self.is_any_peer(from.as_deref(), policy, other)
            }),
            Direction::Egress => policy.spec.egress.iter().flatten().any(|rule| {
                let NetworkPolicyEgressRule { to, ports } = rule;
                opens(ports.as_ref()) && self.is_any_peer(to.as_deref(), policy, other)
            }),
        };
        if in_force.is_empty() || in_force.iter().any(is_allowed) {
            return Ok(());
        }
        Err(in_force.into_iter().map(|policy| policy.name.clone()).collect())
    }

    /// No list, and an empty one, stand for everyone.
    fn is_any_peer(&self, peers: Option<&[NetworkPolicyPeer]>, policy: &Policy, end: Peer<'_>) -> bool {
        peers.is_none_or(|peers| peers.is_empty() || peers.iter().any(|peer| self.is_peer(peer, policy, end)))
    }

    fn is_peer(&self, peer: &NetworkPolicyPeer, policy: &Policy, end: Peer<'_>) -> bool {
        let NetworkPolicyPeer { ip_block, namespace_selector, pod_selector } = peer;
        match end {
            Peer::Address(address) => ip_block.as_ref().is_some_and(|block| holds(block, address)),
            // It has the address of its node, which selectors do not know.
            Peer::Pod(pod) if pod.is_on_node => false,
            Peer::Pod(pod) => {
                let in_namespace = match namespace_selector {
                    None => pod.namespace == policy.namespace,
                    Some(selector) => selects(selector, &self.namespace_labels(&pod.namespace)),
                };
                let is_selected = pod_selector.as_ref().is_none_or(|selector| selects(selector, &pod.labels));
                ip_block.is_none() && in_namespace && is_selected
            }
        }
    }
}

impl Policy {
    /// Returns whether it isolates a pod in a direction. Without types it is for ingress, and for egress if it has
    /// rules for that.
    fn governs(&self, pod: &Pod, direction: Direction) -> bool {
        let isolates = match (&self.spec.policy_types, direction) {
            (None, Direction::Ingress) => true,
            (None, Direction::Egress) => self.spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
            (Some(types), Direction::Ingress) => types.iter().any(|one| one == "Ingress"),
            (Some(types), Direction::Egress) => types.iter().any(|one| one == "Egress"),
        };
        let selector = self.spec.pod_selector.as_ref();
        isolates
            && self.namespace == pod.namespace
            && selector.is_none_or(|selector| selects(selector, &pod.labels))
    }
}

fn is_open(open: &NetworkPolicyPort, target: Peer<'_>, protocol: &str, number: u16) -> bool {
    let NetworkPolicyPort { end_port, port, protocol: own } = open;
    if own.as_deref().unwrap_or("TCP") != protocol {
        return false;
    }
    let Some(written) = port else { return true };
    let first = match target {
        Peer::Pod(pod) => pod.port(written, protocol),
        // An address has no names for its ports.
        Peer::Address(_) => Pod::default().port(written, protocol),
    };
    let Some(first) = first else { return false };
    let last = end_port.and_then(|last| u16::try_from(last).ok()).unwrap_or(first);
    (first..=last).contains(&number)
}

fn holds(block: &IPBlock, address: IpAddr) -> bool {
    let IPBlock { cidr, except } = block;
    let is_in = |block: &String| block.parse::<IpNet>().is_ok_and(|block| block.contains(&address));
    is_in(cidr) && !except.iter().flatten().any(is_in)
}
