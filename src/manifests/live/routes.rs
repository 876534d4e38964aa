//! Ingresses: whether their class, backends, ports and certificates are there.

use k8s_openapi::api::networking::v1::{Ingress, IngressBackend};

use super::{Finding, Live, name, object};
use crate::diagnostic::{Severity, did_you_mean};

const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

pub(super) fn findings(live: &Live) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ingress in &live.ingresses {
        findings.extend(class(live, ingress));
        for backend in backends(ingress) {
            findings.extend(astray(live, ingress, backend));
        }
        findings.extend(certificates(live, ingress));
    }
    findings
}

/// Returns whether an Ingress leads to a Service.
pub(super) fn leads_to(ingress: &Ingress, wanted: &str) -> bool {
    backends(ingress).any(|backend| backend.service.as_ref().is_some_and(|service| service.name == wanted))
}

fn backends(ingress: &Ingress) -> impl Iterator<Item = &IngressBackend> {
    let spec = ingress.spec.iter();
    spec.flat_map(|spec| {
        let rules = spec.rules.iter().flatten().filter_map(|rule| rule.http.as_ref());
        let paths = rules.flat_map(|http| &http.paths).map(|path| &path.backend);
        spec.default_backend.iter().chain(paths)
    })
}

fn error(ingress: &Ingress, cause: &'static str, [message, why, mend]: [String; 3]) -> Finding {
    Finding {
        severity: Severity::Error,
        cause,
        object: object("ingress", &ingress.metadata),
        message,
        why,
        mend,
    }
}

fn class(live: &Live, ingress: &Ingress) -> Option<Finding> {
    let of = name(&ingress.metadata);
    let classes: Vec<&str> = live.ingress_classes.iter().map(|class| name(&class.metadata)).collect();
    let annotations = ingress.metadata.annotations.as_ref();
    let by_annotation = annotations.is_some_and(|all| all.contains_key("kubernetes.io/ingress.class"));
    match ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref()) {
        Some(wanted) if !classes.contains(&wanted) => Some(error(
            ingress,
            "no-ingress-class",
            [
                format!("Ingress `{of}` is of class `{wanted}`, which the cluster does not have"),
                match classes.as_slice() {
                    [] => "no Ingress controller is installed".to_owned(),
                    some => did_you_mean(wanted, some.iter().copied())
                        .unwrap_or_else(|| format!("it has: {}", some.join(", "))),
                },
                "kubectl get ingressclasses: name one of them, or install the controller".to_owned(),
            ],
        )),
        None if !by_annotation => {
            let is_default = |one: &k8s_openapi::api::networking::v1::IngressClass| {
                let annotations = one.metadata.annotations.as_ref();
                annotations.and_then(|all| all.get(DEFAULT_CLASS)).is_some_and(|value| value == "true")
            };
            (!live.ingress_classes.iter().any(is_default)).then(|| {
                error(
                    ingress,
                    "no-ingress-class",
                    [
                        format!("Ingress `{of}` names no class, and the cluster has no default one"),
                        "no controller takes it".to_owned(),
                        "set spec.ingressClassName (x-topo: ingress.class)".to_owned(),
                    ],
                )
            })
        }
        _ => None,
    }
}

fn astray(live: &Live, ingress: &Ingress, backend: &IngressBackend) -> Option<Finding> {
    let wanted = backend.service.as_ref()?;
    let of = name(&ingress.metadata);
    let Some(service) = live.own_services().find(|service| name(&service.metadata) == wanted.name) else {
        let known: Vec<&str> = live.own_services().map(|service| name(&service.metadata)).collect();
        return Some(error(
            ingress,
            "ingress-backend-missing",
            [
                format!("Ingress `{of}` leads to Service `{}`, which is not there", wanted.name),
                did_you_mean(&wanted.name, known).unwrap_or_else(|| {
                    "it was not applied, or to another namespace; clients get 503".to_owned()
                }),
                format!("apply Service `{}`, or name another one", wanted.name),
            ],
        ));
    };
    let port = wanted.port.as_ref()?;
    let ports: Vec<_> = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).collect();
    let is_there = ports.iter().any(|own| match (&port.name, port.number) {
        (Some(name), _) => own.name.as_ref() == Some(name),
        (None, Some(number)) => own.port == number,
        (None, None) => true,
    });
    if is_there {
        return None;
    }
    let asked = port.name.clone().or(port.number.map(|number| number.to_string())).unwrap_or_default();
    let has: Vec<String> = ports.iter().map(|own| own.port.to_string()).collect();
    let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
    Some(error(
        ingress,
        "ingress-port-missing",
        [
            format!(
                "Ingress `{of}` leads to port {asked} of Service `{}`, which has no such port",
                wanted.name
            ),
            format!("the ports of the Service are: {has}"),
            "name the port of the Service, not that of the container".to_owned(),
        ],
    ))
}

fn certificates(live: &Live, ingress: &Ingress) -> Vec<Finding> {
    let Some(known) = &live.secrets else { return Vec::new() };
    let of = name(&ingress.metadata);
    let hosts = ingress.spec.iter().flat_map(|spec| spec.tls.iter().flatten());
    let wanted = hosts.filter_map(|tls| tls.secret_name.as_ref()).filter(|name| !known.contains(name));
    let finding = |secret: &String| {
        Finding {
        severity: Severity::Warning,
        ..error(ingress, "certificate-missing", [
            format!("Ingress `{of}` takes its certificate from Secret `{secret}`, which is not there"),
            "nobody made it, or cert-manager is still at it; clients get the controller's own certificate".to_owned(),
            format!("kubectl create secret tls {secret} --cert=FILE --key=FILE"),
        ])
    }
    };
    wanted.map(finding).collect()
}
