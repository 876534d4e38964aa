//! Who may talk to whom: policies that let through what compose's networks let through, and nothing else.
//!
//! Policies only ever add up, as networks do: a service on an internal network and on another one gets out.
//! Their number grows with networks and published services, never with pairs.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::x_topo::ClusterDns;

use super::names::dns_label;
use super::network::{DNS_LABEL, Group, WayOut, groups};
use super::ports::{open_ports, routed_ports};
use super::workload::annotations;
use super::{PART_OF, Scope, select};

/// Returns the policies of a project.
pub(super) fn policies(scope: &mut Scope<'_>) -> Vec<NetworkPolicy> {
    let mut policies = vec![default_deny(scope), allow_dns(scope)];
    policies.extend(allow_mesh(scope));
    scope.report.note(
        "NetworkPolicies hold where the cluster's network enforces them: Calico, Cilium, Antrea and kube-router do, Flannel alone does not",
    );
    let mut used: BTreeMap<String, Group> = BTreeMap::new();
    for (name, _) in scope.running() {
        used.extend(groups(scope, name).into_iter().map(|group| (group.policy.clone(), group)));
    }
    for group in used.values() {
        policies.push(of_group(scope, group));
    }
    for (name, service) in scope.running() {
        let mut open: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
        for (_, port) in open_ports(scope, name, service) {
            open.entry(port.protocol().to_ascii_uppercase()).or_default().insert(port.target.0);
        }
        // Who leads requests by host and path comes from outside, too.
        let routed = routed_ports(scope.settings(name), service);
        if !routed.is_empty() {
            open.entry("TCP".to_owned()).or_default().extend(routed);
        }
        if !open.is_empty() {
            policies.push(published(scope, name, &open));
        }
    }
    policies
}

/// Makes a policy. Its name has the project's in it where other projects may be in the namespace, which have policies
/// of their own.
fn policy(scope: &Scope<'_>, name: &str, service: Option<&str>, spec: NetworkPolicySpec) -> NetworkPolicy {
    let project = dns_label(&scope.project.name, 63);
    let own = format!("{project}-{name}");
    let name = if scope.names.namespace == project { name.to_owned() } else { dns_label(&own, 63) };
    NetworkPolicy { metadata: scope.metadata(&name, service), spec: Some(spec) }
}

fn types(types: &[&str]) -> Vec<String> {
    types.iter().map(|one| (*one).to_owned()).collect()
}

/// Selects the pods of the project alone, so that others in the namespace are left as they are.
fn of_project(scope: &Scope<'_>) -> LabelSelector {
    select([(PART_OF.to_owned(), scope.names.project.clone())])
}

fn default_deny(scope: &Scope<'_>) -> NetworkPolicy {
    let spec = NetworkPolicySpec {
        pod_selector: Some(of_project(scope)),
        policy_types: Some(types(&["Ingress", "Egress"])),
        ..NetworkPolicySpec::default()
    };
    policy(scope, "default-deny", None, spec)
}

/// Lets pods ask the cluster's DNS, wherever the file says that it is.
fn allow_dns(scope: &Scope<'_>) -> NetworkPolicy {
    let cluster = scope.project.x_topo.as_ref().and_then(|x_topo| x_topo.kubernetes.as_ref());
    let dns = cluster.and_then(|cluster| cluster.dns.clone()).unwrap_or_default();
    let ClusterDns { namespace, labels, ports, cidrs, extensions: _ } = dns;
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let namespace = namespace.unwrap_or_else(|| "kube-system".to_owned());
    let labels = if labels.0.is_empty() { [label("k8s-app", "kube-dns")].into() } else { labels.0 };
    let mut peers = vec![NetworkPolicyPeer {
        namespace_selector: Some(select([label("kubernetes.io/metadata.name", &namespace)])),
        pod_selector: Some(select(labels)),
        ..NetworkPolicyPeer::default()
    }];
    peers.extend(cidrs.0.into_iter().map(|cidr| NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr, except: None }),
        ..NetworkPolicyPeer::default()
    }));
    let numbers = if ports.is_empty() { vec![53] } else { ports.iter().map(|port| port.0).collect() };
    let ports =
        numbers.iter().flat_map(|number| ["TCP", "UDP"].map(|protocol| port(protocol, *number, *number)));
    let rule = NetworkPolicyEgressRule { to: Some(peers), ports: Some(ports.collect()) };
    let spec = NetworkPolicySpec {
        pod_selector: Some(scope.labelled(DNS_LABEL)),
        policy_types: Some(types(&["Egress"])),
        egress: Some(vec![rule]),
        ..NetworkPolicySpec::default()
    };
    policy(scope, "allow-dns", None, spec)
}

/// Lets proxies ask the mesh what they are to do.
fn allow_mesh(scope: &Scope<'_>) -> Option<NetworkPolicy> {
    scope.options.mesh?;
    let peer = NetworkPolicyPeer {
        namespace_selector: Some(select([(
            "kubernetes.io/metadata.name".to_owned(),
            "istio-system".to_owned(),
        )])),
        ..NetworkPolicyPeer::default()
    };
    let rule = NetworkPolicyEgressRule { to: Some(vec![peer]), ports: Some(vec![port("TCP", 15012, 15012)]) };
    let spec = NetworkPolicySpec {
        pod_selector: Some(scope.labelled(DNS_LABEL)),
        policy_types: Some(types(&["Egress"])),
        egress: Some(vec![rule]),
        ..NetworkPolicySpec::default()
    };
    Some(policy(scope, "allow-mesh", None, spec))
}

/// Members of a network reach each other on all ports, unless it keeps them apart, and what else it leads to. What they
/// reach protects itself: its own policies say who may come in.
fn of_group(scope: &mut Scope<'_>, group: &Group) -> NetworkPolicy {
    let (members, peer) = if group.is_external {
        // Pods of other projects are members too, wherever they run.
        let members = select([(group.label.clone(), "true".to_owned())]);
        let peer = NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector::default()),
            pod_selector: Some(members),
            ..NetworkPolicyPeer::default()
        };
        (scope.labelled(&group.label), peer)
    } else {
        let members = scope.labelled(&group.label);
        let peer = NetworkPolicyPeer { pod_selector: Some(members.clone()), ..NetworkPolicyPeer::default() };
        (members, peer)
    };
    let within = (!group.keeps_apart).then(|| vec![peer]);
    let to = |to| NetworkPolicyEgressRule { to, ports: None };
    let egress = match group.way_out {
        WayOut::Everywhere => Some(to(None)),
        WayOut::Published => {
            let pod_selector = Some(of_project(scope));
            Some(to(Some(vec![NetworkPolicyPeer { pod_selector, ..NetworkPolicyPeer::default() }])))
        }
        WayOut::Nowhere => within.clone().map(|peers| to(Some(peers))),
    };
    let spec = NetworkPolicySpec {
        pod_selector: Some(members),
        policy_types: Some(types(&["Ingress", "Egress"])),
        ingress: within.map(|peers| vec![NetworkPolicyIngressRule { from: Some(peers), ports: None }]),
        egress: egress.map(|rule| vec![rule]),
    };
    let mut policy = policy(scope, &group.policy, None, spec);
    if let Some(key) = &group.network
        && let Some(network) = scope.project.networks.get(key)
    {
        if group.is_external {
            let message =
                format!("external network `{key}` is exported as a label, and taken not to be internal");
            let help = format!("give the other pods on it the label `{}: \"true\"`", group.label);
            scope.report.approximated(&["networks", key, "external"], message, help);
        }
        if network.internal {
            let message =
                format!("services on internal network `{key}` can look up names of the outside in DNS");
            let help = "have the cluster's DNS refuse them if that matters; connections are refused anyway";
            scope.report.approximated(&["networks", key, "internal"], message, help);
        }
        policy.metadata.annotations = annotations(scope, &["networks", key, "labels"], [&network.labels]);
    }
    policy
}

/// Published ports are open to everyone.
fn published(scope: &Scope<'_>, name: &str, open: &BTreeMap<String, BTreeSet<u16>>) -> NetworkPolicy {
    let mut ports = Vec::new();
    for (protocol, numbers) in open {
        ports.extend(ranges(numbers).into_iter().map(|(first, last)| port(protocol, first, last)));
    }
    let spec = NetworkPolicySpec {
        pod_selector: Some(select(scope.selector(name))),
        policy_types: Some(types(&["Ingress"])),
        ingress: Some(vec![NetworkPolicyIngressRule { from: None, ports: Some(ports) }]),
        ..NetworkPolicySpec::default()
    };
    policy(scope, &format!("published-{}", scope.names.services[name]), Some(name), spec)
}

fn port(protocol: &str, first: u16, last: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(i32::from(first))),
        end_port: (first != last).then_some(i32::from(last)),
    }
}

/// Joins ports that follow each other.
fn ranges(numbers: &BTreeSet<u16>) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn ports_that_follow_each_other_are_one_range() {
        assert_eq!(ranges(&[80, 81, 82, 443, 65535].into()), [(80, 82), (443, 443), (65535, 65535)]);
    }
}
