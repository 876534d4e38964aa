//! Policies: who does not get through, DNS included.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::services::DNS;
use super::{Finding, Live, SYSTEM_NAMESPACE, name, object};
use crate::diagnostic::Severity;
use crate::manifests::cluster::{self, Peer, Verdict};

/// An address of the outside, from the block for documentation.
const OUTSIDE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

pub(super) fn findings(live: &Live) -> Vec<Finding> {
    let mut findings = Vec::new();
    if live.policies.is_empty() {
        return findings;
    }
    for service in live.own_services() {
        findings.extend(nobody_gets_in(live, service));
    }
    findings.extend(no_dns(live));
    findings
}

/// The ports of a Service as its pods have them: the protocol in upper case, and the number.
fn ports_on(service: &Service, pod: &Pod) -> Vec<(String, u16)> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let numbers = ports.filter_map(|port| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        Some((protocol, target(port, pod)?))
    });
    numbers.collect()
}

/// Returns the port of a pod that a TCP port of a Service leads to.
pub(super) fn number_on(service: &Service, pod: &Pod, number: u16) -> Option<u16> {
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let port = ports
        .find(|port| port.port == i32::from(number) && port.protocol.as_deref().unwrap_or("TCP") == "TCP");
    target(port?, pod)
}

fn target(port: &ServicePort, pod: &Pod) -> Option<u16> {
    let number = match port.target_port.clone().unwrap_or(IntOrString::Int(port.port)) {
        IntOrString::Int(number) => number,
        IntOrString::String(wanted) => {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let mut ports = containers.flat_map(|one| one.ports.iter().flatten());
            ports.find(|port| port.name.as_deref() == Some(&wanted))?.container_port
        }
    };
    u16::try_from(number).ok()
}

/// A Service whose pods let nobody in: no other pod of the namespace, and nobody from outside.
fn nobody_gets_in(live: &Live, service: &Service) -> Option<Finding> {
    let pod = live.pods_of(service).next()?;
    let seen = live.seen(pod)?;
    let ports = ports_on(service, pod);
    let mut others = live.own_pods().filter(|other| name(&other.metadata) != name(&pod.metadata));
    let mut refusing: BTreeSet<String> = BTreeSet::new();
    let mut lets = |peer: Peer<'_>| {
        ports.iter().any(|(protocol, number)| {
            match live.cluster.allows(peer, Peer::Pod(seen), protocol, *number) {
                Verdict::Allowed => true,
                Verdict::NoIngress(policies) | Verdict::NoEgress(policies) => {
                    refusing.extend(policies);
                    false
                }
            }
        })
    };
    let is_open = ports.is_empty()
        || lets(Peer::Address(OUTSIDE))
        || others.any(|other| live.seen(other).is_some_and(|other| lets(Peer::Pod(other))));
    // Pods of other namespaces may be let in by their labels, which are not looked at.
    if is_open || live.policies.iter().any(|policy| lets_other_namespaces_in(policy, seen, live)) {
        return None;
    }
    let of = name(&service.metadata);
    let refusing: Vec<String> = refusing.into_iter().map(|one| format!("`{one}`")).collect();
    let ports: Vec<String> = ports
        .iter()
        .map(|(protocol, number)| format!("{number}/{}", protocol.to_ascii_lowercase()))
        .collect();
    Some(Finding {
        severity: Severity::Warning,
        cause: "policies-let-nobody-in",
        object: object("service", &service.metadata),
        message: format!("nobody gets through to Service `{of}` at {}", ports.join(", ")),
        why: format!("its pods are isolated by {}, and no rule lets these ports in", refusing.join(", ")),
        mend: format!("add a NetworkPolicy that selects the pods of `{of}` and names who may come in"),
    })
}

fn lets_other_namespaces_in(
    policy: &k8s_openapi::api::networking::v1::NetworkPolicy,
    pod: &cluster::Pod,
    live: &Live,
) -> bool {
    let selects_it = live.cluster.policies_of(pod).iter().any(|(own, _)| *own == name(&policy.metadata));
    let rules = policy.spec.iter().flat_map(|spec| spec.ingress.iter().flatten());
    selects_it
        && rules
            .into_iter()
            .any(|rule| rule.from.iter().flatten().any(|peer| peer.namespace_selector.is_some()))
}

/// Pods whose policies keep them from the cluster's DNS: to their applications every name is unknown.
fn no_dns(live: &Live) -> Vec<Finding> {
    let is_dns = |service: &&Service| {
        service.metadata.namespace.as_deref() == Some(SYSTEM_NAMESPACE) && name(&service.metadata) == DNS
    };
    let Some(service) = live.services.iter().find(is_dns) else { return Vec::new() };
    let Some(server) = live.pods_of(service).find_map(|pod| live.seen(pod)) else { return Vec::new() };
    let mut kept: Vec<(&Pod, Vec<String>)> = Vec::new();
    for pod in live.own_pods() {
        let Some(seen) = live.seen(pod) else { continue };
        if let Verdict::NoEgress(policies) =
            live.cluster.allows(Peer::Pod(seen), Peer::Pod(server), "UDP", 53)
        {
            kept.push((pod, policies));
        }
    }
    // All pods of a workload are alike.
    let mut told = BTreeSet::new();
    let finding = |(pod, policies): (&Pod, Vec<String>)| {
        let about = super::workload_of(pod).unwrap_or_else(|| object("pod", &pod.metadata));
        let policies: Vec<String> = policies.iter().map(|one| format!("`{one}`")).collect();
        told.insert(about.clone()).then(|| Finding {
            severity: Severity::Error,
            cause: "policies-refuse-dns",
            message: format!("the pods of {about} cannot look up names"),
            why: format!(
                "{} let them not out to the cluster's DNS (UDP 53 in {SYSTEM_NAMESPACE})",
                policies.join(", ")
            ),
            mend:
                "add a NetworkPolicy with egress to k8s-app=kube-dns in kube-system, ports 53/UDP and 53/TCP"
                    .to_owned(),
            object: about,
        })
    };
    kept.into_iter().filter_map(finding).collect()
}

/// What policies select the pods of a Service, by direction, and which pods of the namespace get in: for a report.
pub fn summary(live: &Live, service: &Service) -> Option<(Vec<String>, Vec<String>)> {
    let pod = live.pods_of(service).next()?;
    let seen = live.seen(pod)?;
    let policies = live.cluster.policies_of(seen).into_iter().map(|(name, _)| name.to_owned()).collect();
    let ports = ports_on(service, pod);
    let mut who: BTreeSet<String> = BTreeSet::new();
    for other in live.own_pods() {
        let Some(from) = live.seen(other) else { continue };
        let gets_in = ports.iter().any(|(protocol, number)| {
            live.cluster.allows(Peer::Pod(from), Peer::Pod(seen), protocol, *number) == Verdict::Allowed
        });
        if gets_in && name(&other.metadata) != name(&pod.metadata) {
            who.insert(super::workload_of(other).unwrap_or_else(|| object("pod", &other.metadata)));
        }
    }
    let from_outside = ports.iter().any(|(protocol, number)| {
        live.cluster.allows(Peer::Address(OUTSIDE), Peer::Pod(seen), protocol, *number) == Verdict::Allowed
    });
    let outside = from_outside.then(|| "world".to_owned());
    Some((policies, who.into_iter().chain(outside).collect()))
}
