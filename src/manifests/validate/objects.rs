//! Rules across the fields of one object that has no pods, or of its workload.

use super::forms::quantity;
use super::{Findings, Object, text};
use crate::diagnostic::Code;
use crate::yaml::{Node, Value};

/// The most that a ConfigMap or a Secret holds.
const DATA_LIMIT: usize = 1 << 20;
/// The ports of nodes, unless a cluster is set up otherwise.
const NODE_PORTS: std::ops::RangeInclusive<i128> = 30_000..=32_767;

pub(super) fn check(object: &Object<'_>, findings: &mut Findings<'_>) {
    match object.kind {
        "ConfigMap" | "Secret" => size_of_data(object, findings),
        "Service" => service(object, findings),
        "Deployment" => deployment(object.node, findings),
        "NetworkPolicy" => ports_of_policy(object, findings),
        "HorizontalPodAutoscaler" => autoscaler(object.node, findings),
        "PersistentVolumeClaim" => claim(object.node, &["spec"], findings),
        "StatefulSet" => {
            let templates = object.node.at(&["spec", "volumeClaimTemplates"]).and_then(Node::as_list);
            for template in templates.unwrap_or_default() {
                claim(template, &["spec"], findings);
            }
        }
        _ => {}
    }
}

fn number(node: &Node, path: &[&str]) -> Option<i128> {
    match node.at(path)?.value {
        Value::Int(number) => Some(number),
        _ => None,
    }
}

fn size_of_data(object: &Object<'_>, findings: &mut Findings<'_>) {
    let size = |field: &str| -> usize {
        let data = object.node.get(field).and_then(|entry| entry.node.as_map());
        let sizes = data.into_iter().flatten().map(|(key, entry)| {
            let text = entry.node.as_text().map_or(0, str::len);
            // What is written in base64 is kept as the bytes that it stands for.
            let is_encoded = field == "binaryData" || (object.kind == "Secret" && field == "data");
            key.len() + if is_encoded { text / 4 * 3 } else { text }
        });
        sizes.sum()
    };
    let size = size("data") + size("binaryData") + size("stringData");
    if size > DATA_LIMIT {
        let span = object.node.span_of(&["data"]);
        let message = format!("it holds {size} bytes");
        findings.error(Code::InvalidValue, span, &message, "the limit is 1 MiB", "put the files on a volume");
    }
}

fn service(object: &Object<'_>, findings: &mut Findings<'_>) {
    let Some(spec) = object.node.get("spec").map(|entry| &entry.node) else { return };
    let kind = Some(text(spec, &["type"])).filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP");
    let is_headless = text(spec, &["clusterIP"]) == "None";
    let ports = spec.get("ports").and_then(|entry| entry.node.as_list()).unwrap_or_default();
    if kind == "ExternalName" {
        if text(spec, &["externalName"]).is_empty() {
            let help = "add the name that it stands for";
            findings.error(
                Code::MissingKey,
                spec.span_of(&["type"]),
                "`spec` lacks `externalName`",
                "it is required here",
                help,
            );
        }
        return;
    }
    if is_headless && kind != "ClusterIP" {
        let message = format!("a Service of type {kind} cannot be headless");
        findings.conflict(
            spec.span_of(&["clusterIP"]),
            spec.span_of(&["type"]),
            &message,
            "leave `clusterIP` out",
        );
    }
    if ports.is_empty() && !is_headless {
        let help = "add `ports`, or `clusterIP: None` if only its name is wanted";
        findings.error(
            Code::MissingKey,
            findings.start_of(spec),
            "`spec` lacks `ports`",
            "it is required here",
            help,
        );
    }
    let mut names: Vec<(&str, &Node)> = Vec::new();
    for port in ports {
        let name = text(port, &["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                let help = "give each port a name of its own";
                let message = "a port of several lacks `name`";
                findings.error(Code::MissingKey, findings.start_of(port), message, "this one has none", help);
            }
        } else if let Some((_, first)) = names.iter().find(|(other, _)| *other == name) {
            let message = format!("two ports are called `{name}`");
            findings.repeated(
                port.span_of(&["name"]),
                first.span_of(&["name"]),
                &message,
                "rename one of them",
            );
        } else {
            names.push((name, port));
        }
        if let Some(number) = number(port, &["nodePort"]) {
            let span = port.span_of(&["nodePort"]);
            if kind == "ClusterIP" {
                let help = "write `type: NodePort`, or leave `nodePort` out";
                findings.error(
                    Code::Conflict,
                    span,
                    "a Service of type ClusterIP has a `nodePort`",
                    "it has none",
                    help,
                );
            } else if !NODE_PORTS.contains(&number) {
                let message = format!("`nodePort` is {number}");
                let help = "write a port from 30000 to 32767";
                findings.warning(
                    Code::InvalidValue,
                    span,
                    &message,
                    "no port of nodes, unless the cluster is set up so",
                    help,
                );
            }
        }
        if let Some(target) = port.get("targetPort")
            && let Some(name) = target.node.as_text()
        {
            findings.form(&super::forms::PORT_NAME, name, target.node.span, "targetPort");
        }
    }
}

fn deployment(node: &Node, findings: &mut Findings<'_>) {
    let Some(strategy) = node.at(&["spec", "strategy"]) else { return };
    let Some(rolling) = strategy.get("rollingUpdate") else { return };
    if text(strategy, &["type"]) == "Recreate" {
        let message = "`rollingUpdate` is there for a strategy that does not roll";
        findings.conflict(rolling.key, strategy.span_of(&["type"]), message, "remove `rollingUpdate`");
        return;
    }
    let is_zero = |field: &str| {
        let text = rolling.node.get(field).and_then(|entry| entry.node.scalar_text());
        text.is_some_and(|text| matches!(text.as_str(), "0" | "0%"))
    };
    if is_zero("maxSurge") && is_zero("maxUnavailable") {
        let message = "`maxSurge` and `maxUnavailable` are both 0";
        findings.error(
            Code::Conflict,
            rolling.key,
            message,
            "no pod could ever be replaced",
            "raise one of them",
        );
    }
}

fn ports_of_policy(object: &Object<'_>, findings: &mut Findings<'_>) {
    for port in object.of_type("NetworkPolicyPort") {
        let Some(end) = port.node.get("endPort") else { continue };
        let (first, last) = (number(port.node, &["port"]), number(port.node, &["endPort"]));
        let is_range = first.zip(last).is_some_and(|(first, last)| first <= last);
        if !is_range {
            let help = "write as `port` the first number of the range, and as `endPort` the last";
            findings.error(
                Code::InvalidValue,
                end.key,
                "`endPort` ends no range",
                "`port` is not below it",
                help,
            );
        }
    }
    for block in object.of_type("IPBlock") {
        let Ok(outer) = text(block.node, &["cidr"]).parse::<ipnet::IpNet>() else { continue };
        for except in block.node.at(&["except"]).and_then(Node::as_list).unwrap_or_default() {
            let inner = except.as_text().and_then(|text| text.parse::<ipnet::IpNet>().ok());
            if inner.is_some_and(|inner| !outer.contains(&inner) || inner == outer) {
                let help = "write a smaller block within it";
                findings.error(
                    Code::InvalidValue,
                    except.span,
                    "an exception lies outside of its block",
                    "it excepts nothing",
                    help,
                );
            }
        }
    }
}

fn autoscaler(node: &Node, findings: &mut Findings<'_>) {
    let (least, most) = (number(node, &["spec", "minReplicas"]), number(node, &["spec", "maxReplicas"]));
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        let message = "`minReplicas` is more than `maxReplicas`";
        let (one, other) = (node.span_of(&["spec", "minReplicas"]), node.span_of(&["spec", "maxReplicas"]));
        findings.conflict(one, other, message, "swap them");
    }
}

/// A claim asks for some storage.
fn claim(node: &Node, spec: &[&str], findings: &mut Findings<'_>) {
    let Some(spec) = node.at(spec) else { return };
    let storage = spec.at(&["resources", "requests", "storage"]);
    match storage.and_then(Node::scalar_text) {
        None => {
            let help = "add `resources: {requests: {storage: 1Gi}}`";
            let span = spec.span_of(&["resources", "requests"]);
            findings.error(
                Code::MissingKey,
                span,
                "the claim asks for no storage",
                "`storage` is required here",
                help,
            );
        }
        Some(text) if quantity(&text).is_some_and(|amount| amount <= 0.0) => {
            let span = storage.map_or(node.span, |node| node.span);
            findings.error(
                Code::InvalidValue,
                span,
                "the claim asks for no storage",
                "this is nothing",
                "write an amount such as 1Gi",
            );
        }
        Some(_) => {}
    }
}
