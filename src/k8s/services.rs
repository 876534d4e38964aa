//! Services: one for each name, one for the published ports of each service, and names for what is elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Service as KubernetesService, ServicePort, ServiceSpec};

use crate::model::x_topo::traffic::{ExternalTrafficPolicy, ServiceType};

use super::mesh;
use super::names::{dns_label, resolvable_name, service_name};
use super::network::{Owner, alias_label, report_names};
use super::order::{awaited_ready, ready_name};
use super::ports::{listed_ports, published_ports};
use super::workload::annotations;
use super::{Published, Scope};

/// Returns the Services.
pub(super) fn services(scope: &mut Scope<'_>) -> Vec<KubernetesService> {
    report_names(scope);
    let mut services = Vec::new();
    for (name, owners) in scope.owners.clone() {
        services.push(named(scope, &name, &owners));
    }
    let mut taken: BTreeSet<String> = scope.owners.keys().cloned().collect();
    let mut free = |wanted: String| {
        let mut name = wanted;
        while !taken.insert(name.clone()) {
            name = service_name(&format!("{name}-2"));
        }
        name
    };
    let awaited_ready = awaited_ready(scope);
    for (name, service) in scope.running() {
        if awaited_ready.contains(name) {
            let made = free(ready_name(&scope.names.services[name]));
            let spec = ServiceSpec { selector: Some(scope.selector(name)), ..headless() };
            services.push(object(scope, &made, Some(name), spec));
        }
        let Some(kind) = published_as(scope, name) else { continue };
        let ports = published_ports(scope, name, service, kind);
        if ports.is_empty() {
            continue;
        }
        let made = free(format!("{}-published", scope.names.services[name]));
        let given = scope.settings(name).service.as_ref();
        let policy = given.and_then(|given| given.external_traffic_policy);
        let spec = ServiceSpec {
            type_: Some(if kind == Published::LoadBalancer { "LoadBalancer" } else { "NodePort" }.to_owned()),
            selector: Some(scope.selector(name)),
            ports: Some(ports),
            external_traffic_policy: policy.map(|policy| match policy {
                ExternalTrafficPolicy::Cluster => "Cluster".to_owned(),
                ExternalTrafficPolicy::Local => "Local".to_owned(),
            }),
            ..ServiceSpec::default()
        };
        services.push(object(scope, &made, Some(name), spec));
    }
    services.extend(linked(scope, &mut free));
    services
}

/// Returns how the published ports of a service are reached; `None` if nothing leads to them from outside.
fn published_as(scope: &Scope<'_>, name: &str) -> Option<Published> {
    match scope.settings(name).service.as_ref().and_then(|given| given.kind) {
        None => Some(scope.options.published),
        Some(ServiceType::NodePort) => Some(Published::NodePort),
        Some(ServiceType::LoadBalancer) => Some(Published::LoadBalancer),
        Some(ServiceType::Headless | ServiceType::ClusterIp) => None,
    }
}

fn headless() -> ServiceSpec {
    ServiceSpec { cluster_ip: Some("None".to_owned()), ..ServiceSpec::default() }
}

/// Returns a Service with the annotations that `x-topo` gives to those of `service`.
fn object(scope: &mut Scope<'_>, name: &str, service: Option<&str>, spec: ServiceSpec) -> KubernetesService {
    let mut metadata = scope.metadata(name, service);
    if let Some(service) = service {
        let given = scope.settings(service).service.as_ref().map(|given| given.annotations.clone());
        let path = ["services", service, "x-topo", "kubernetes", "service", "annotations"];
        metadata.annotations = annotations(scope, &path, given.as_ref());
    }
    KubernetesService { metadata, spec: Some(spec), ..KubernetesService::default() }
}

/// Makes the Service of a name.
///
/// It is headless, unless the file says otherwise: DNS answers with the addresses of the pods, so every port and
/// protocol works, as in Docker. A pod that is not ready is found too.
fn named(scope: &mut Scope<'_>, name: &str, owners: &[Owner]) -> KubernetesService {
    let elsewhere = owners.iter().find_map(|owner| {
        scope.settings(&owner.service).service.as_ref().and_then(|given| given.external_name.clone())
    });
    let service = if let [owner] = owners { Some(owner.service.as_str()) } else { None };
    if let Some(host) = elsewhere {
        let spec = ServiceSpec {
            type_: Some("ExternalName".to_owned()),
            external_name: Some(host),
            ..ServiceSpec::default()
        };
        return object(scope, name, service, spec);
    }
    let selector = match service {
        Some(service) => scope.selector(service),
        None => scope.labelled(&alias_label(name)).match_labels.unwrap_or_default(),
    };
    let mut ports: Vec<ServicePort> = Vec::new();
    for owner in owners {
        for port in listed_ports(scope.settings(&owner.service), &scope.project.services[&owner.service]) {
            let is_same = |known: &ServicePort| {
                (known.port, &known.protocol) == (port.port, &port.protocol) || known.name == port.name
            };
            if !ports.iter().any(is_same) {
                ports.push(port);
            }
        }
    }
    let main = owners.iter().map(|owner| owner.service.as_str());
    let main = main.clone().find(|one| scope.names.services[*one] == name).or(service);
    if main.is_some_and(|main| mesh::routes_http(scope, main)) {
        for port in ports.iter_mut().filter(|port| port.protocol.as_deref() == Some("TCP")) {
            port.app_protocol.get_or_insert_with(|| "http".to_owned());
        }
    }
    let is_headless = !is_balanced(scope, main, !ports.is_empty());
    let spec = ServiceSpec {
        type_: (!is_headless).then(|| "ClusterIP".to_owned()),
        cluster_ip: is_headless.then(|| "None".to_owned()),
        // What balances leaves out those that are not ready.
        publish_not_ready_addresses: is_headless.then_some(true),
        selector: Some(selector),
        ports: (!ports.is_empty()).then_some(ports),
        ..ServiceSpec::default()
    };
    object(scope, name, service, spec)
}

/// Returns whether a name has one address, which spreads connections over the pods of the service: where `x-topo` or
/// `endpoint_mode` says so, or a mesh does it. Only ports that are known can be balanced.
fn is_balanced(scope: &mut Scope<'_>, main: Option<&str>, has_ports: bool) -> bool {
    let Some(main) = main else { return false };
    let wanted = scope.settings(main).service.as_ref().and_then(|given| given.kind);
    let deploy = scope.project.services[main].deploy.as_ref();
    let is_virtual = deploy.and_then(|deploy| deploy.endpoint_mode.as_deref()) == Some("vip")
        && wanted != Some(ServiceType::Headless);
    if is_virtual {
        let (message, help) = if has_ports {
            let message =
                format!("only the ports of service `{main}` that the file lists are found by its name");
            (message, "list all ports that it uses in `expose`")
        } else {
            let message = format!(
                "service `{main}` is found by the addresses of its pods: it has no port that could be balanced"
            );
            (message, "list its ports in `expose`, or write `endpoint_mode: dnsrr`")
        };
        scope.report.approximated(&["services", main, "deploy", "endpoint_mode"], message, help);
    }
    if wanted == Some(ServiceType::ClusterIp) && !has_ports {
        let message = format!("service `{main}` has no port that could be balanced");
        let path = ["services", main, "x-topo", "kubernetes", "service", "type"];
        scope.report.lost(&path, message, "list its ports in `expose`");
    }
    let is_meshed = wanted.is_none() && mesh::is_meshed(scope, main);
    has_ports && (is_virtual || is_meshed || wanted == Some(ServiceType::ClusterIp))
}

/// Returns the names of containers of other projects under which a service links them.
fn linked(scope: &mut Scope<'_>, free: &mut dyn FnMut(String) -> String) -> Vec<KubernetesService> {
    let mut services = Vec::new();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (name, service) in scope.running() {
        for (at, link) in service.external_links.0.iter().enumerate() {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            let path = ["services", name, "external_links", &at.to_string()];
            let Some(found) = resolvable_name(alias) else {
                let message = format!("link `{alias}` is no name in Kubernetes");
                scope.report.lost(&path, message, "use letters, digits and `-`");
                continue;
            };
            let there = dns_label(target, 63);
            let is_other = known.get(&found).is_some_and(|known| *known != there);
            if is_other || scope.owners.contains_key(&found) {
                let message = format!(
                    "service `{name}` does not find `{target}` as `{alias}`: all pods of the namespace find another one so"
                );
                scope.report.lost(&path, message, "link it under a name that nothing else has");
                continue;
            }
            let host = format!("{there}.{}.svc.cluster.local", scope.names.namespace);
            let message = format!("service `{name}` finds `{alias}` as `{host}`, if that is there");
            let help =
                "export the other project into the same namespace, or change the namespace in the Service";
            scope.report.approximated(&path, message, help);
            let is_known = known.insert(found.clone(), there.clone()).is_some();
            if found == there || is_known {
                continue;
            }
            let spec = ServiceSpec {
                type_: Some("ExternalName".to_owned()),
                external_name: Some(host),
                ..ServiceSpec::default()
            };
            let made = free(found);
            services.push(object(scope, &made, None, spec));
        }
    }
    services
}
