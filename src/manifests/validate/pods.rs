//! Rules across the fields of a pod and of what runs it.

use super::forms::quantity;
use super::walk::Typed;
use super::{Findings, Object, text};
use crate::diagnostic::Code;
use crate::yaml::{Node, Value};

/// Fields of a volume that are no source.
const NO_SOURCE: [&str; 1] = ["name"];

pub(super) fn check(object: &Object<'_>, findings: &mut Findings<'_>) {
    for pod in object.of_type("PodSpec") {
        restart_policy(object, pod, findings);
        containers(object, pod, findings);
        volumes(object, pod, findings);
    }
    for probe in object.of_type("Probe") {
        let is_once = !probe.path.ends_with("readinessProbe");
        if let (true, Some(entry)) = (is_once, probe.node.get("successThreshold"))
            && !matches!(entry.node.value, Value::Int(1))
        {
            let message = format!("`{}.successThreshold` must be 1", probe.path);
            findings.error(
                Code::InvalidValue,
                entry.node.span,
                &message,
                "only readiness may ask for more",
                "leave it out",
            );
        }
    }
    for context in object.of_type("SecurityContext") {
        let is_true = |field: &str| {
            matches!(context.node.get(field).map(|entry| &entry.node.value), Some(Value::Bool(true)))
        };
        let escalates = context.node.get("allowPrivilegeEscalation");
        if let (true, Some(entry)) = (is_true("privileged"), escalates)
            && matches!(entry.node.value, Value::Bool(false))
        {
            let message = "`privileged` excludes `allowPrivilegeEscalation: false`";
            findings.conflict(
                entry.key,
                context.node.span_of(&["privileged"]),
                message,
                "remove one of them",
            );
        }
    }
    for resources in object.of_type("ResourceRequirements") {
        limits(resources, findings);
    }
    for source in object.of_type("PodDNSConfig") {
        let servers =
            source.node.get("nameservers").and_then(|entry| entry.node.as_list()).unwrap_or_default();
        if let Some(fourth) = servers.get(3) {
            findings.error(
                Code::InvalidValue,
                fourth.span,
                "a pod asks three DNS servers at most",
                "this is one too many",
                "remove some",
            );
        }
    }
}

fn restart_policy(object: &Object<'_>, pod: &Typed<'_>, findings: &mut Findings<'_>) {
    let written = text(pod.node, &["restartPolicy"]);
    let span = pod.node.span_of(&["restartPolicy"]);
    match object.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController"
            if matches!(written, "Never" | "OnFailure") =>
        {
            let message = format!("`{}.restartPolicy` cannot be `{written}` in a {}", pod.path, object.kind);
            let help = "leave it out, or make it a Job";
            findings.error(Code::Conflict, span, &message, "such pods always run again", help);
        }
        "Job" | "CronJob" if !matches!(written, "Never" | "OnFailure") => {
            let span = if written.is_empty() { findings.start_of(pod.node) } else { span };
            let message =
                format!("`{}.restartPolicy` of a {} must be `Never` or `OnFailure`", pod.path, object.kind);
            findings.error(
                Code::Conflict,
                span,
                &message,
                "pods of a Job end",
                "write `restartPolicy: OnFailure`",
            );
        }
        _ => {}
    }
}

/// Returns the containers of a pod: those that run before the others, and those.
pub(super) fn containers_of(pod: &Node) -> impl Iterator<Item = &Node> {
    let list = |field: &str| pod.get(field).and_then(|entry| entry.node.as_list()).unwrap_or_default();
    list("initContainers").iter().chain(list("containers"))
}

fn list<'n>(node: &'n Node, field: &str) -> &'n [Node] {
    node.get(field).and_then(|entry| entry.node.as_list()).unwrap_or_default()
}

fn containers(object: &Object<'_>, pod: &Typed<'_>, findings: &mut Findings<'_>) {
    let is_on_host =
        matches!(pod.node.get("hostNetwork").map(|entry| &entry.node.value), Some(Value::Bool(true)));
    let mut names: Vec<(&str, &Node)> = Vec::new();
    let claims =
        object.node.at(&["spec", "volumeClaimTemplates"]).and_then(Node::as_list).unwrap_or_default();
    let volumes: Vec<&str> = list(pod.node, "volumes")
        .iter()
        .map(|volume| text(volume, &["name"]))
        .chain(claims.iter().map(|claim| text(claim, &["metadata", "name"])))
        .collect();
    for container in containers_of(pod.node) {
        let name = text(container, &["name"]);
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == name && !name.is_empty()) {
            let message = format!("`{}` has two containers called `{name}`", pod.path);
            findings.repeated(
                container.span_of(&["name"]),
                first.span_of(&["name"]),
                &message,
                "rename one of them",
            );
        }
        names.push((name, container));
        for mount in list(container, "volumeMounts") {
            let wanted = text(mount, &["name"]);
            if !wanted.is_empty() && !volumes.contains(&wanted) {
                let message = format!("container `{name}` mounts unknown volume `{wanted}`");
                let help = crate::diagnostic::did_you_mean(wanted, volumes.iter().copied())
                    .unwrap_or_else(|| format!("add `{wanted}` to `volumes`"));
                let span = mount.get("name").map_or(mount.span, |entry| entry.node.span);
                findings.error(Code::UnknownReference, span, &message, "the pod has no such volume", help);
            }
        }
        ports(name, container, is_on_host, findings);
        named_ports(name, container, pod, findings);
    }
}

fn ports(name: &str, container: &Node, is_on_host: bool, findings: &mut Findings<'_>) {
    let mut names: Vec<(&str, &Node)> = Vec::new();
    for port in list(container, "ports") {
        let own = text(port, &["name"]);
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == own && !own.is_empty()) {
            let message = format!("container `{name}` has two ports called `{own}`");
            findings.repeated(
                port.span_of(&["name"]),
                first.span_of(&["name"]),
                &message,
                "rename one of them",
            );
        }
        names.push((own, port));
        let value = |field: &str| port.get(field).and_then(|entry| entry.node.scalar_text());
        if let (true, Some(on_host)) = (is_on_host, value("hostPort"))
            && value("containerPort").as_ref() != Some(&on_host)
        {
            let message =
                format!("container `{name}` is on the host's network, where `hostPort` is `containerPort`");
            let (one, other) = (port.span_of(&["hostPort"]), port.span_of(&["containerPort"]));
            findings.conflict(one, other, &message, "write the same number, or leave `hostPort` out");
        }
    }
}

/// Probes and hooks name ports of their own container.
fn named_ports(name: &str, container: &Node, pod: &Typed<'_>, findings: &mut Findings<'_>) {
    let known: Vec<&str> = list(container, "ports").iter().map(|port| text(port, &["name"])).collect();
    for way in [
        &["readinessProbe"][..],
        &["livenessProbe"],
        &["startupProbe"],
        &["lifecycle", "postStart"],
        &["lifecycle", "preStop"],
    ] {
        let Some(handler) = container.at(way) else { continue };
        for action in ["httpGet", "tcpSocket"] {
            let Some(port) = handler.at(&[action, "port"]) else { continue };
            let Some(wanted) = port.as_text().filter(|wanted| !known.contains(wanted)) else { continue };
            let message = format!(
                "`{}` of container `{name}` asks port `{wanted}`, which it does not have",
                way.join(".")
            );
            let help = crate::diagnostic::did_you_mean(
                wanted,
                known.iter().copied().filter(|known| !known.is_empty()),
            );
            let help = help.unwrap_or_else(|| format!("add a port called `{wanted}` to the container"));
            findings.error(
                Code::UnknownReference,
                port.span,
                &message,
                format!("no port of {} has this name", pod.path),
                help,
            );
        }
    }
}

/// A volume has one source.
fn volumes(object: &Object<'_>, pod: &Typed<'_>, findings: &mut Findings<'_>) {
    let within = format!("{}.volumes[", pod.path);
    for volume in object.of_type("Volume").filter(|volume| volume.path.starts_with(&within)) {
        let Some(map) = volume.node.as_map() else { continue };
        let name = text(volume.node, &["name"]);
        let is_source = |key: &str| !NO_SOURCE.contains(&key);
        let sources: Vec<_> = map.iter().filter(|(key, _)| is_source(key)).collect();
        match sources.as_slice() {
            [] => {
                let message = format!("volume `{name}` has no source");
                let help = "add one, such as `emptyDir: {}`";
                findings.error(
                    Code::MissingKey,
                    findings.start_of(volume.node),
                    &message,
                    "one is required",
                    help,
                );
            }
            [first, second, ..] => {
                let message = format!("volume `{name}` has two sources, `{}` and `{}`", first.0, second.0);
                findings.conflict(second.1.key, first.1.key, &message, "keep one of them");
            }
            [_] => {}
        }
    }
}

/// What is asked for is within the limit.
fn limits(resources: &Typed<'_>, findings: &mut Findings<'_>) {
    let Some(requests) = resources.node.get("requests").and_then(|entry| entry.node.as_map()) else { return };
    for (resource, request) in requests {
        let Some(limit) = resources.node.at(&["limits", resource]) else { continue };
        let amount = |node: &Node| node.scalar_text().and_then(|text| quantity(&text));
        if amount(&request.node).zip(amount(limit)).is_some_and(|(request, limit)| request > limit) {
            let message = format!("`{}` asks for more {resource} than its limit", resources.path);
            findings.conflict(request.node.span, limit.span, &message, "raise the limit, or ask for less");
        }
    }
}
