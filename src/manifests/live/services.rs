//! Services: whether their selector finds pods, these are ready, and ports line up; and the cluster's DNS.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Finding, Live, SYSTEM_NAMESPACE, has_labels, is_ready, name, object};
use crate::diagnostic::Severity;

/// The Service that answers for the cluster's DNS, whatever program that is.
pub(super) const DNS: &str = "kube-dns";

pub(super) fn findings(live: &Live) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in live.own_services() {
        let Some(spec) = &service.spec else { continue };
        if spec.type_.as_deref() == Some("ExternalName") {
            findings.extend(external_name(service, spec.external_name.as_deref().unwrap_or_default()));
            continue;
        }
        findings.extend(no_address_outside(service));
        let selects = spec.selector.as_ref().is_some_and(|selector| !selector.is_empty());
        if !selects {
            findings.extend(no_endpoints_by_hand(live, service));
            continue;
        }
        let pods: Vec<&Pod> = live.pods_of(service).collect();
        if pods.is_empty() {
            findings.push(no_pods(live, service));
            continue;
        }
        // Who asks for addresses that are not ready gets them.
        if !pods.iter().any(|pod| is_ready(pod)) && spec.publish_not_ready_addresses != Some(true) {
            findings.push(none_ready(live, service, &pods));
        }
        for port in spec.ports.iter().flatten() {
            findings.extend(port_astray(service, port, &pods));
        }
    }
    findings.extend(dns(live));
    findings
}

fn finding(
    service: &Service,
    severity: Severity,
    cause: &'static str,
    [message, why, mend]: [String; 3],
) -> Finding {
    Finding { severity, cause, object: object("service", &service.metadata), message, why, mend }
}

fn external_name(service: &Service, target: &str) -> Option<Finding> {
    target.parse::<std::net::IpAddr>().ok()?;
    let of = name(&service.metadata);
    Some(finding(
        service,
        Severity::Error,
        "external-name-is-address",
        [
            format!("Service `{of}` is an ExternalName of {target}, which is an address"),
            "an ExternalName becomes a CNAME record, which needs a name".to_owned(),
            format!("make `{of}` a Service without a selector, with an EndpointSlice that has {target}"),
        ],
    ))
}

fn no_address_outside(service: &Service) -> Option<Finding> {
    let is_balanced = service.spec.as_ref()?.type_.as_deref() == Some("LoadBalancer");
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let has_address = balancer.is_some_and(|one| one.ingress.as_ref().is_some_and(|one| !one.is_empty()));
    if !is_balanced || has_address {
        return None;
    }
    let of = name(&service.metadata);
    Some(finding(
        service,
        Severity::Warning,
        "load-balancer-pending",
        [
            format!("Service `{of}` has no address outside of the cluster"),
            "the cluster has nothing that makes load balancers, or it is still at it".to_owned(),
            format!(
                "kubectl describe service {of}; without load balancers: topo export k8s --published node-port, or install MetalLB"
            ),
        ],
    ))
}

/// Without a selector, someone has to say where it leads.
fn no_endpoints_by_hand(live: &Live, service: &Service) -> Option<Finding> {
    let of = name(&service.metadata);
    let has_any = live.slices.iter().any(|slice| {
        let labels = slice.metadata.labels.as_ref();
        let belongs = labels.and_then(|labels| labels.get("kubernetes.io/service-name"));
        belongs.is_some_and(|name| name == of)
            && slice.metadata.namespace == service.metadata.namespace
            && slice.endpoints.iter().flatten().next().is_some()
    });
    (!has_any).then(|| {
        finding(
            service,
            Severity::Error,
            "no-selector-no-endpoints",
            [
                format!("Service `{of}` has no selector, and nobody gives it endpoints"),
                "connections to it are refused".to_owned(),
                format!(
                    "give `{of}` a selector, or an EndpointSlice labelled kubernetes.io/service-name={of}"
                ),
            ],
        )
    })
}

fn no_pods(live: &Live, service: &Service) -> Finding {
    let of = name(&service.metadata);
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
    let text: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let text = text.join(",");
    // Pods that have the key, but with another value, are likely those that were meant.
    let mut near: BTreeSet<String> = BTreeSet::new();
    for pod in live.own_pods() {
        for (key, value) in &selector {
            let rest = selector.iter().filter(|(other, _)| *other != key);
            let rest = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
            let has = pod.metadata.labels.as_ref().and_then(|labels| labels.get(key));
            if has_labels(pod, &rest) && has != Some(value) && (selector.len() > 1 || has.is_some()) {
                let has = has.map_or_else(|| "no such label".to_owned(), |has| format!("{key}={has}"));
                near.insert(format!("pod/{} has {has}", name(&pod.metadata)));
            }
        }
    }
    let near: Vec<String> = near.into_iter().take(3).collect();
    let cause = if near.is_empty() {
        "no workload makes pods with these labels, or it has no replicas".to_owned()
    } else {
        format!("it looks for {text}, but {}", near.join(", "))
    };
    finding(
        service,
        Severity::Error,
        "selector-matches-no-pod",
        [
            format!("Service `{of}` leads to no pod: none has the labels {text}"),
            cause,
            format!("kubectl get pods --show-labels, and make the selector of `{of}` say what they have"),
        ],
    )
}

fn none_ready(live: &Live, service: &Service, pods: &[&Pod]) -> Finding {
    let of = name(&service.metadata);
    let why = pods.iter().find_map(|pod| live.said("Pod", &pod.metadata, "Unhealthy"));
    let cause = why.map_or_else(
        || "see what is found of its pods".to_owned(),
        |why| format!("the kubelet says: {}", why.trim()),
    );
    let count = pods.len();
    finding(
        service,
        Severity::Error,
        "no-ready-endpoint",
        [
            format!("Service `{of}` has no endpoint that is ready: none of its {count} pods is"),
            cause,
            format!("kubectl describe pod {}", name(&pods[0].metadata)),
        ],
    )
}

/// Whether the pods have the port that a Service leads to.
fn port_astray(service: &Service, port: &ServicePort, pods: &[&Pod]) -> Option<Finding> {
    let of = name(&service.metadata);
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    let target = port.target_port.clone().unwrap_or(IntOrString::Int(port.port));
    let mut declared = BTreeSet::new();
    for pod in pods {
        let spec = pod.spec.as_ref()?;
        let sidecars = spec.init_containers.iter().flatten();
        for container in spec.containers.iter().chain(sidecars) {
            for own in container.ports.iter().flatten() {
                if own.protocol.as_deref().unwrap_or("TCP") == protocol {
                    declared.insert((own.container_port, own.name.clone()));
                }
            }
        }
    }
    let shown: Vec<String> = declared
        .iter()
        .map(|(number, name)| match name {
            Some(name) => format!("{number} ({name})"),
            None => number.to_string(),
        })
        .collect();
    let shown = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
    match target {
        IntOrString::String(wanted) => {
            let is_known = declared.iter().any(|(_, name)| name.as_deref() == Some(&wanted));
            (!is_known).then(|| {
                finding(
                    service,
                    Severity::Error,
                    "target-port-unknown",
                    [
                        format!(
                            "port {} of Service `{of}` leads to port `{wanted}`, which no pod has",
                            port.port
                        ),
                        format!("the {protocol} ports of its pods are: {shown}"),
                        format!(
                            "name a port of the containers `{wanted}`, or write its number as targetPort"
                        ),
                    ],
                )
            })
        }
        // Ports are declared for people; a pod that declares none may well listen.
        IntOrString::Int(number) => {
            let is_known = declared.is_empty() || declared.iter().any(|(own, _)| *own == number);
            (!is_known).then(|| {
                finding(
                    service,
                    Severity::Warning,
                    "target-port-differs",
                    [
                        format!(
                            "port {} of Service `{of}` leads to {number}, which its pods do not declare",
                            port.port
                        ),
                        format!("the {protocol} ports of its pods are: {shown}"),
                        format!("write the port that the application listens on as targetPort of `{of}`"),
                    ],
                )
            })
        }
    }
}

/// The cluster's own DNS, which every name depends on.
fn dns(live: &Live) -> Option<Finding> {
    let is_dns = |service: &&Service| {
        service.metadata.namespace.as_deref() == Some(SYSTEM_NAMESPACE) && name(&service.metadata) == DNS
    };
    // What is not seen cannot be judged: not all clusters let their users look there.
    let service = live.services.iter().find(is_dns)?;
    let pods: Vec<&Pod> = live.pods_of(service).collect();
    if pods.iter().any(|pod| is_ready(pod)) {
        return None;
    }
    Some(finding(
        service,
        Severity::Error,
        "cluster-dns-down",
        [
            "the cluster's DNS does not answer: none of its pods is ready".to_owned(),
            "no name of a Service can be looked up".to_owned(),
            format!("kubectl -n {SYSTEM_NAMESPACE} get pods -l k8s-app=kube-dns, and their logs"),
        ],
    ))
}
