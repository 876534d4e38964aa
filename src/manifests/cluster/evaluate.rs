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
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::selector::{keys, selects};
use super::{Cluster, Labels, Pod, Policy};

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

/// What policies go by in a pod that asks: those with the same are let through to the same, themselves and their own
/// replicas aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing<'a> {
    namespace: &'a str,
    is_on_node: bool,
    /// The places of the policies for what goes out.
    policies: Vec<usize>,
    /// The labels that policies for what comes in ask for.
    labels: Vec<(&'a str, &'a str)>,
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

    /// Returns what policies go by in a pod that asks.
    pub fn standing<'a>(&'a self, pod: &'a Pod) -> Standing<'a> {
        let goes_out = |at: &usize| self.policies[*at].isolates(Direction::Egress);
        let label = |key: &'a String| Some((key.as_str(), pod.labels.get(key)?.as_str()));
        Standing {
            namespace: &pod.namespace,
            is_on_node: pod.is_on_node,
            policies: pod.policies.iter().copied().filter(goes_out).collect(),
            labels: self.asked.iter().filter_map(label).collect(),
        }
    }

    /// Returns the policies that select a pod, by name: whether each isolates it for what comes in, and for what goes out.
    pub fn policies_of(&self, pod: &Pod) -> Vec<(&str, [bool; 2])> {
        let policies = pod.policies.iter().filter(|_| !pod.is_on_node).map(|at| &self.policies[*at]);
        let directions =
            |policy: &Policy| [Direction::Ingress, Direction::Egress].map(|one| policy.isolates(one));
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
        let selecting = pod.policies.iter().map(|at| &self.policies[*at]);
        let in_force: Vec<&Policy> = selecting.filter(|policy| policy.isolates(direction)).collect();
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
                    Some(selector) => self.selects_namespace(selector, &pod.namespace),
                };
                let is_selected = pod_selector.as_ref().is_none_or(|selector| pod.is_selected_by(selector));
                ip_block.is_none() && in_namespace && is_selected
            }
        }
    }
}

impl Pod {
    fn is_selected_by(&self, selector: &LabelSelector) -> bool {
        selects(selector, |key| self.labels.get(key).map(String::as_str))
    }
}

impl Policy {
    /// Returns whether it is for a pod.
    pub(super) fn selects(&self, pod: &Pod) -> bool {
        let selector = self.spec.pod_selector.as_ref();
        self.namespace == pod.namespace && selector.is_none_or(|selector| pod.is_selected_by(selector))
    }

    /// Returns labels that all pods have which it is for.
    pub(super) fn labels(&self) -> Option<&Labels> {
        self.spec.pod_selector.as_ref()?.match_labels.as_ref()
    }

    /// Returns the keys of the labels that it asks those for who come in.
    pub(super) fn asked(&self) -> impl Iterator<Item = &String> {
        let rules = self.spec.ingress.iter().flatten();
        let peers = rules.flat_map(|rule| rule.from.iter().flatten());
        peers.filter_map(|peer| peer.pod_selector.as_ref()).flat_map(keys)
    }

    /// Returns whether it isolates its pods in a direction. Without types it does for ingress, and for egress if it
    /// has rules for that.
    fn isolates(&self, direction: Direction) -> bool {
        match (&self.spec.policy_types, direction) {
            (None, Direction::Ingress) => true,
            (None, Direction::Egress) => self.spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
            (Some(types), Direction::Ingress) => types.iter().any(|one| one == "Ingress"),
            (Some(types), Direction::Egress) => types.iter().any(|one| one == "Egress"),
        }
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
