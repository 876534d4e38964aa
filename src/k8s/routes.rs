//! What leads to services from outside of the cluster by host and path: Ingress, and HTTPRoute of the Gateway API.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};

use crate::model::service::Service;
use crate::model::values::KeyValues;
use crate::model::x_topo::traffic::{
    self as model, HttpRoute, ParentGateway, PathType, RoutePathType, RouteRule,
};

use super::gateway::{
    BackendReference, HTTPRoute, HeaderMatch, HttpRouteMatch, HttpRouteRule, HttpRouteSpec,
    HttpRouteTimeouts, ParentReference, PathMatch, duration,
};
use super::names::{dns_label, short_hash};
use super::network::Mode;
use super::ports::first_port;
use super::workload::annotations;
use super::{Object, Scope};

/// Returns the objects that lead to services by host and path.
pub(super) fn objects(scope: &mut Scope<'_>) -> Vec<Object> {
    let mut objects: Vec<Object> = ingresses(scope).into_iter().map(Object::from).collect();
    let project = scope.project;
    for (name, service) in &project.services {
        objects.extend(http_route(scope, name, service).map(Object::from));
    }
    objects
}

/// Returns the Service and the port that a rule of a service leads to; what is missing is reported.
fn backend(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    attribute: &str,
    port: Option<u16>,
) -> Option<(String, u16)> {
    let path = ["services", name, "x-topo", "kubernetes", attribute];
    if !matches!(Mode::of(scope.project, service), Mode::Networks | Mode::Named(_)) {
        let message = format!("nothing can be led to service `{name}`: it has no name in the cluster");
        scope.report.lost(&path, message, "give it networks of its own");
        return None;
    }
    let Some(port) = port.or_else(|| first_port(service)) else {
        let message = format!("nothing can be led to service `{name}`: it has no known port");
        scope.report.lost(&path, message, "write the `port`, or list it in `expose`");
        return None;
    };
    Some((scope.names.services[name].clone(), port))
}

/// All that services say of one host.
#[derive(Default)]
struct Host {
    class: Option<String>,
    tls_secret: Option<String>,
    annotations: BTreeMap<String, String>,
    paths: Vec<HTTPIngressPath>,
}

fn ingresses(scope: &mut Scope<'_>) -> Vec<Ingress> {
    let project = scope.project;
    let mut hosts: BTreeMap<Option<String>, Host> = BTreeMap::new();
    for (name, service) in &project.services {
        let Some(ingress) = scope.settings(name).ingress.clone() else { continue };
        let model::Ingress { class, tls_secret, rules, annotations: notes, extensions: _ } = ingress;
        let path = ["services", name, "x-topo", "kubernetes", "ingress", "annotations"];
        let notes = annotations(scope, &path, [&notes]).unwrap_or_default();
        for rule in rules {
            let model::IngressRule { host, path, path_type, port, extensions: _ } = rule;
            let port = port.map(|port| port.0);
            let Some((to, port)) = backend(scope, name, service, "ingress", port) else { continue };
            let known = hosts.entry(host.clone()).or_default();
            let of = host.as_deref().unwrap_or("all hosts");
            agree(scope, name, "class", of, &mut known.class, class.as_ref());
            agree(scope, name, "tls_secret", of, &mut known.tls_secret, tls_secret.as_ref());
            for (key, value) in &notes {
                let mut one = known.annotations.get(key).cloned();
                agree(scope, name, "annotations", of, &mut one, Some(value));
                known.annotations.extend(one.map(|one| (key.clone(), one)));
            }
            known.paths.push(HTTPIngressPath {
                path: Some(path.unwrap_or_else(|| "/".to_owned())),
                path_type: match path_type {
                    None | Some(PathType::Prefix) => "Prefix",
                    Some(PathType::Exact) => "Exact",
                    Some(PathType::ImplementationSpecific) => "ImplementationSpecific",
                }
                .to_owned(),
                backend: IngressBackend {
                    service: Some(IngressServiceBackend {
                        name: to,
                        port: Some(ServiceBackendPort { number: Some(i32::from(port)), name: None }),
                    }),
                    resource: None,
                },
            });
        }
    }
    let mut taken = BTreeSet::new();
    hosts.into_iter().map(|(host, of_host)| ingress(scope, host.as_deref(), of_host, &mut taken)).collect()
}

/// Takes what a service says of a host, unless another one has said something else.
fn agree(
    scope: &mut Scope<'_>,
    name: &str,
    attribute: &str,
    host: &str,
    known: &mut Option<String>,
    given: Option<&String>,
) {
    match (&known, given) {
        (_, None) => {}
        (Some(known), Some(given)) if *known != *given => {
            let message =
                format!("services disagree on `{attribute}` of {host}: `{known}` stays, not `{given}`");
            let path = ["services", name, "x-topo", "kubernetes", "ingress", attribute];
            scope.report.lost(&path, message, "write the same for all services of a host");
        }
        (_, Some(given)) => *known = Some(given.clone()),
    }
}

fn ingress(scope: &Scope<'_>, host: Option<&str>, of_host: Host, taken: &mut BTreeSet<String>) -> Ingress {
    let Host { class, tls_secret, annotations, mut paths } = of_host;
    // Longer paths come first for those who read it; controllers compare all of them.
    paths.sort_by_key(|path| std::cmp::Reverse(path.path.as_ref().map_or(0, String::len)));
    let mut name = dns_label(host.unwrap_or(&scope.names.project), 63);
    if !taken.insert(name.clone()) {
        let hash = short_hash(host.unwrap_or_default().as_bytes());
        name = dns_label(&format!("{}-{hash}", &name[..name.len().min(54)]), 63);
        taken.insert(name.clone());
    }
    let mut metadata = scope.metadata(&name, None);
    metadata.annotations = (!annotations.is_empty()).then_some(annotations);
    let tls =
        |secret| IngressTLS { hosts: host.map(|host| vec![host.to_owned()]), secret_name: Some(secret) };
    let spec = IngressSpec {
        ingress_class_name: class,
        tls: tls_secret.map(|secret| vec![tls(secret)]),
        rules: Some(vec![IngressRule {
            host: host.map(str::to_owned),
            http: Some(HTTPIngressRuleValue { paths }),
        }]),
        ..IngressSpec::default()
    };
    Ingress { metadata, spec: Some(spec), ..Ingress::default() }
}

fn http_route(scope: &mut Scope<'_>, name: &str, service: &Service) -> Option<HTTPRoute> {
    let HttpRoute { parents, hostnames, rules, extensions: _ } = scope.settings(name).http_route.clone()?;
    let rules = if rules.is_empty() { vec![RouteRule::default()] } else { rules };
    let mut made = Vec::new();
    for rule in rules {
        let RouteRule { path, path_type, headers, port, timeout, extensions: _ } = rule;
        let port = port.map(|port| port.0);
        let (to, port) = backend(scope, name, service, "http_route", port)?;
        let KeyValues(headers) = headers;
        let header = |(name, value)| HeaderMatch { type_: "Exact", name, value };
        let path = PathMatch {
            type_: match path_type {
                None | Some(RoutePathType::Prefix) => "PathPrefix",
                Some(RoutePathType::Exact) => "Exact",
                Some(RoutePathType::RegularExpression) => "RegularExpression",
            },
            value: path.unwrap_or_else(|| "/".to_owned()),
        };
        made.push(HttpRouteRule {
            matches: vec![HttpRouteMatch { path, headers: headers.into_iter().map(header).collect() }],
            timeouts: timeout.map(|timeout| HttpRouteTimeouts { request: duration(timeout) }),
            backend_refs: vec![BackendReference { name: to, port }],
        });
    }
    let parent = |parent| {
        let ParentGateway { name, namespace, section, extensions: _ } = parent;
        ParentReference { name, namespace, section_name: section }
    };
    let spec = HttpRouteSpec {
        parent_refs: parents.into_iter().map(parent).collect(),
        hostnames: hostnames.0,
        rules: made,
    };
    Some(HTTPRoute::new(scope.metadata(&scope.names.services[name].clone(), Some(name)), spec))
}
