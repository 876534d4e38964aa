//! What objects say of each other: selectors, and names of what they use.
//!
//! What an object lacks of itself or of another in the files is an error. An object that is not in the files may be in
//! the cluster, so that is a warning.

use std::collections::BTreeMap;

use super::pods::containers_of;
use super::{Findings, Object, text};
use crate::diagnostic::{Code, Diagnostics, did_you_mean};
use crate::yaml::{Node, Value};

type Labels<'n> = BTreeMap<&'n str, &'n str>;

/// The objects of all files.
struct All<'a, 'n> {
    objects: &'a [Object<'n>],
    /// By kind, namespace and name.
    by_name: BTreeMap<(&'n str, &'n str, &'n str), &'a Object<'n>>,
    /// Those that have pods, with the labels of these.
    pods: Vec<(&'a Object<'n>, Labels<'n>)>,
}

pub(super) fn check(objects: &[Object<'_>], diagnostics: &mut Diagnostics) {
    let mut by_name = BTreeMap::new();
    for object in objects {
        by_name.entry((object.kind, object.namespace, object.name)).or_insert(object);
    }
    let pods = objects.iter().filter_map(|object| Some((object, pod_labels(object)?))).collect();
    let all = All { objects, by_name, pods };
    for object in objects {
        let mut findings = Findings { title: object.title(), diagnostics: &mut *diagnostics };
        let first = all.find(object, object.kind, object.name);
        if let Some(first) = first.filter(|first| !std::ptr::eq(*first, object) && !object.name.is_empty()) {
            let span = |object: &Object<'_>| object.node.span_of(&["metadata", "name"]);
            findings.repeated(
                span(object),
                span(first),
                "the object is there twice",
                "remove or rename one of them",
            );
        }
        selects_its_own(object, &mut findings);
        all.used_by_pods(object, &mut findings);
        match object.kind {
            "Service" => all.service(object, &mut findings),
            "Ingress" => all.ingress(object, &mut findings),
            "HTTPRoute" => all.http_route(object, &mut findings),
            "HorizontalPodAutoscaler" => all.autoscaler(object, &mut findings),
            "PodDisruptionBudget" => all.budget(object, &mut findings),
            "StatefulSet" => {
                if let Some(entry) = object.node.at(&["spec"]).and_then(|spec| spec.get("serviceName")) {
                    all.wanted(object, "Service", &entry.node, &mut findings);
                }
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                let kind = text(object.node, &["roleRef", "kind"]);
                if let Some(name) = object.node.at(&["roleRef", "name"]).filter(|_| kind == "Role") {
                    all.wanted(object, kind, name, &mut findings);
                }
            }
            _ => {}
        }
    }
}

fn labels(node: Option<&Node>) -> Labels<'_> {
    let map = node.and_then(Node::as_map).into_iter().flatten();
    map.filter_map(|(key, entry)| Some((key.as_str(), entry.node.as_text()?))).collect()
}

/// Returns the labels of the pods of an object.
fn pod_labels<'n>(object: &Object<'n>) -> Option<Labels<'n>> {
    let way: &[&str] = match object.kind {
        "Pod" => &["metadata", "labels"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "metadata", "labels"],
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            &["spec", "template", "metadata", "labels"]
        }
        _ => return None,
    };
    Some(labels(object.node.at(way)))
}

fn selects(wanted: &Labels<'_>, labels: &Labels<'_>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// A workload selects the pods that it makes.
fn selects_its_own(object: &Object<'_>, findings: &mut Findings<'_>) {
    if !matches!(object.kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") {
        return;
    }
    let Some(selector) = object.node.at(&["spec", "selector"]) else { return };
    let (wanted, own) = (labels(selector.at(&["matchLabels"])), pod_labels(object).unwrap_or_default());
    if wanted.is_empty() && selector.get("matchExpressions").is_none() {
        let span = object.node.span_of(&["spec", "selector"]);
        findings.error(
            Code::InvalidValue,
            span,
            "`spec.selector` selects everything",
            "it is empty",
            "add `matchLabels`",
        );
    }
    for (key, value) in wanted.iter().filter(|(key, value)| own.get(*key) != Some(value)) {
        let span = object.node.span_of(&["spec", "selector", "matchLabels", key]);
        let message = format!("`spec.selector` wants `{key}: {value}`, which its own pods do not have");
        let help = format!("add `{key}: {value}` to `spec.template.metadata.labels`");
        findings.error(Code::UnknownReference, span, &message, "no pod of it has this label", help);
    }
}

fn is_optional(node: &Node) -> bool {
    matches!(node.get("optional").map(|entry| &entry.node.value), Some(Value::Bool(true)))
}

/// Checks that a Service has the port that something leads to; `field` is what names it there.
fn has_port(service: &Object<'_>, field: &str, port: &Node, findings: &mut Findings<'_>) {
    let ports = service.node.at(&["spec", "ports"]).and_then(Node::as_list).unwrap_or_default();
    let wanted = port.scalar_text().unwrap_or_default();
    let is_it =
        |port: &Node| port.get(field).and_then(|entry| entry.node.scalar_text()).as_ref() == Some(&wanted);
    if !ports.iter().any(is_it) {
        let message = format!("Service `{}` has no port `{wanted}`", service.name);
        let help = "write one of its ports";
        findings.error(Code::UnknownReference, port.span, &message, "nothing answers there", help);
    }
}

/// Returns the name of the Secret that a controller makes of an object: out of what is sealed in it, what it finds
/// elsewhere, or a certificate.
fn secret_of<'n>(object: &Object<'n>) -> Option<&'n str> {
    let way: &[&str] = match object.kind {
        "SealedSecret" => &["spec", "template", "metadata", "name"],
        "ExternalSecret" => &["spec", "target", "name"],
        "Certificate" => return Some(text(object.node, &["spec", "secretName"])),
        _ => return None,
    };
    Some(text(object.node, way)).filter(|name| !name.is_empty()).or(Some(object.name))
}

impl<'n> All<'_, 'n> {
    fn find(&self, object: &Object<'_>, kind: &str, name: &str) -> Option<&Object<'n>> {
        self.by_name.get(&(kind, object.namespace, name)).copied()
    }

    /// Finds what an object names; warns if the files do not have it.
    fn wanted(
        &self,
        object: &Object<'_>,
        kind: &str,
        name: &Node,
        findings: &mut Findings<'_>,
    ) -> Option<&Object<'n>> {
        let wanted = name.as_text().filter(|wanted| !wanted.is_empty())?;
        let found = self.find(object, kind, wanted);
        let makes_it =
            |other: &Object<'_>| other.namespace == object.namespace && secret_of(other) == Some(wanted);
        let is_made = || kind == "Secret" && self.objects.iter().any(makes_it);
        if found.is_none() && !is_made() {
            let message = format!("{kind} `{wanted}` is not in these files");
            let same = self.objects.iter().filter(|other| other.kind == kind).map(|other| other.name);
            let help =
                did_you_mean(wanted, same).unwrap_or_else(|| "make sure that the cluster has it".to_owned());
            findings.warning(Code::UnknownReference, name.span, &message, "it is used here", help);
        }
        found
    }

    /// Finds a ConfigMap or a Secret, and the keys that are used of it.
    fn data(
        &self,
        object: &Object<'_>,
        kind: &str,
        name: &Node,
        keys: &[&Node],
        findings: &mut Findings<'_>,
    ) {
        let Some(found) = self.wanted(object, kind, name, findings) else { return };
        let fields = ["data", "binaryData", "stringData"];
        let maps = fields.iter().filter_map(|field| found.node.get(field)?.node.as_map());
        let known: Vec<&str> = maps.flat_map(|map| map.keys().map(|key| &**key)).collect();
        for key in keys {
            let Some(wanted) = key.as_text().filter(|wanted| !known.contains(wanted)) else { continue };
            let message = format!("{kind} `{}` has no key `{wanted}`", found.name);
            let help = did_you_mean(wanted, known.iter().copied())
                .unwrap_or_else(|| format!("add `{wanted}` to it"));
            findings.error(Code::UnknownReference, key.span, &message, "it is used here", help);
        }
    }

    fn used_by_pods(&self, object: &Object<'n>, findings: &mut Findings<'_>) {
        for (of, kind, field) in [
            ("ConfigMapVolumeSource", "ConfigMap", "name"),
            ("ConfigMapProjection", "ConfigMap", "name"),
            ("SecretVolumeSource", "Secret", "secretName"),
            ("SecretProjection", "Secret", "name"),
            ("ConfigMapKeySelector", "ConfigMap", "name"),
            ("SecretKeySelector", "Secret", "name"),
            ("ConfigMapEnvSource", "ConfigMap", "name"),
            ("SecretEnvSource", "Secret", "name"),
        ] {
            for source in object.of_type(of).filter(|source| !is_optional(source.node)) {
                let Some(name) = source.node.get(field) else { continue };
                let items =
                    source.node.get("items").and_then(|entry| entry.node.as_list()).unwrap_or_default();
                let keys = items.iter().chain([source.node]).filter_map(|item| Some(&item.get("key")?.node));
                self.data(object, kind, &name.node, &keys.collect::<Vec<_>>(), findings);
            }
        }
        for source in object.of_type("PersistentVolumeClaimVolumeSource") {
            if let Some(name) = source.node.get("claimName") {
                self.wanted(object, "PersistentVolumeClaim", &name.node, findings);
            }
        }
        for pod in object.of_type("PodSpec") {
            let account = pod.node.get("serviceAccountName").map(|entry| &entry.node);
            if let Some(account) = account.filter(|account| account.as_text() != Some("default")) {
                self.wanted(object, "ServiceAccount", account, findings);
            }
        }
    }

    /// Returns the pods that labels select in the namespace of an object.
    fn selected(&self, object: &Object<'_>, wanted: &Labels<'_>) -> Vec<&Object<'n>> {
        let is_selected = |(other, labels): &&(&Object<'_>, Labels<'_>)| {
            other.namespace == object.namespace && selects(wanted, labels)
        };
        self.pods.iter().filter(is_selected).map(|(other, _)| *other).collect()
    }

    fn service(&self, object: &Object<'_>, findings: &mut Findings<'_>) {
        let Some(selector) = object.node.at(&["spec", "selector"]) else { return };
        let pods = self.selected(object, &labels(Some(selector)));
        if pods.is_empty() {
            let span = object.node.span_of(&["spec", "selector"]);
            let message = "`spec.selector` selects no pod of these files";
            findings.warning(
                Code::UnknownReference,
                span,
                message,
                "nobody answers",
                "compare it with the labels of the pods",
            );
            return;
        }
        let ports = object.node.at(&["spec", "ports"]).and_then(Node::as_list).unwrap_or_default();
        for target in ports.iter().filter_map(|port| Some(&port.get("targetPort")?.node)) {
            let Some(wanted) = target.as_text() else { continue };
            let known: Vec<&str> = pods
                .iter()
                .flat_map(|pod| pod.of_type("PodSpec"))
                .flat_map(|pod| containers_of(pod.node))
                .filter_map(|container| container.get("ports")?.node.as_list())
                .flat_map(|ports| ports.iter().map(|port| text(port, &["name"])))
                .collect();
            if !known.contains(&wanted) {
                let message = format!("no selected pod has a port called `{wanted}`");
                let help = did_you_mean(wanted, known.into_iter().filter(|known| !known.is_empty()));
                let help =
                    help.unwrap_or_else(|| "write its number, or name the port of the container".to_owned());
                findings.error(Code::UnknownReference, target.span, &message, "nothing answers there", help);
            }
        }
    }

    fn ingress(&self, object: &Object<'n>, findings: &mut Findings<'_>) {
        for backend in object.of_type("IngressServiceBackend") {
            let Some(name) = backend.node.get("name") else { continue };
            let Some(service) = self.wanted(object, "Service", &name.node, findings) else { continue };
            for (field, own) in [("name", "name"), ("number", "port")] {
                if let Some(port) = backend.node.at(&["port", field]) {
                    has_port(service, own, port, findings);
                }
            }
        }
    }

    /// Backends of other kinds and in other namespaces are not looked for.
    fn http_route(&self, object: &Object<'n>, findings: &mut Findings<'_>) {
        let rules = object.node.at(&["spec", "rules"]).and_then(Node::as_list).unwrap_or_default();
        let backends = rules.iter().filter_map(|rule| rule.get("backendRefs")?.node.as_list());
        for backend in backends.flatten() {
            let is_service = matches!(text(backend, &["kind"]), "" | "Service");
            let namespace = text(backend, &["namespace"]);
            let is_here = namespace.is_empty() || namespace == object.namespace;
            let Some(name) = backend.get("name").filter(|_| is_service && is_here) else { continue };
            let Some(service) = self.wanted(object, "Service", &name.node, findings) else { continue };
            match backend.get("port") {
                Some(port) => has_port(service, "port", &port.node, findings),
                None => findings.error(
                    Code::MissingKey,
                    name.key,
                    "a backend lacks `port`",
                    "a Service needs one here",
                    "add `port`",
                ),
            }
        }
    }

    fn autoscaler(&self, object: &Object<'_>, findings: &mut Findings<'_>) {
        let Some(target) = object.node.at(&["spec", "scaleTargetRef"]) else { return };
        if let Some(name) = target.get("name") {
            self.wanted(object, text(target, &["kind"]), &name.node, findings);
        }
    }

    fn budget(&self, object: &Object<'_>, findings: &mut Findings<'_>) {
        let wanted = labels(object.node.at(&["spec", "selector", "matchLabels"]));
        if !wanted.is_empty() && self.selected(object, &wanted).is_empty() {
            let span = object.node.span_of(&["spec", "selector"]);
            let message = "`spec.selector` selects no pod of these files";
            findings.warning(
                Code::UnknownReference,
                span,
                message,
                "it protects nothing",
                "compare it with the labels of the pods",
            );
        }
    }
}
