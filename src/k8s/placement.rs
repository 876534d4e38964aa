//! Which nodes pods may run on, and how they are spread over them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    self as core, Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec,
    TopologySpreadConstraint,
};

use crate::model::deploy::{Placement, Preference};
use crate::model::service::Service;
use crate::model::x_topo::Toleration;

use super::names::{is_label_value, is_qualified_name, local_name};
use super::{Scope, select};

/// Sets which nodes the pod may run on.
pub(super) fn place(scope: &mut Scope<'_>, name: &str, service: &Service, pod: &mut PodSpec) {
    let mut nodes = BTreeMap::new();
    if let Some(platform) = service.platform.as_deref().filter(|platform| !platform.is_empty()) {
        let mut parts = platform.split('/');
        nodes.extend(parts.next().map(|os| ("kubernetes.io/os".to_owned(), os.to_owned())));
        nodes.extend(
            parts.next().map(|arch| ("kubernetes.io/arch".to_owned(), architecture(arch).to_owned())),
        );
        if let Some(variant) = parts.next() {
            let message =
                format!("nodes do not say whether they are of variant `{variant}`, for service `{name}`");
            let help = "leave the variant out, or label the nodes and use `deploy.placement.constraints`";
            scope.report.approximated(&["services", name, "platform"], message, help);
        }
    }
    nodes.extend(scope.settings(name).node_selector.0.clone());
    pod.node_selector = (!nodes.is_empty()).then_some(nodes);
    let tolerations: Vec<_> = scope.settings(name).tolerations.iter().map(toleration).collect();
    pod.tolerations = (!tolerations.is_empty()).then_some(tolerations);
    if let Some(runtime) = service.runtime.as_deref().filter(|runtime| !runtime.is_empty()) {
        pod.runtime_class_name = Some(local_name(runtime));
        let message = format!("service `{name}` needs a RuntimeClass in the cluster");
        let help = format!("create the RuntimeClass `{}`", local_name(runtime));
        scope.report.approximated(&["services", name, "runtime"], message, help);
    }
    let Some(placement) = service.deploy.as_ref().and_then(|deploy| deploy.placement.as_ref()) else {
        return;
    };
    // The most on one node are lost, as their row says.
    let Placement { constraints, preferences, max_replicas_per_node: _, extensions: _ } = placement;
    let mut requirements = Vec::new();
    for (at, constraint) in constraints.iter().enumerate() {
        if let Some(requirement) = requirement(constraint) {
            requirements.push(requirement);
            continue;
        }
        let message =
            format!("constraint `{constraint}` of service `{name}` has no equivalent in Kubernetes");
        let path = ["services", name, "deploy", "placement", "constraints", &at.to_string()];
        scope.report.lost(&path, message, "label the nodes and write `node.labels.NAME == VALUE`");
    }
    if !requirements.is_empty() {
        let term = NodeSelectorTerm { match_expressions: Some(requirements), ..NodeSelectorTerm::default() };
        let required = Some(NodeSelector { node_selector_terms: vec![term] });
        let node = NodeAffinity {
            required_during_scheduling_ignored_during_execution: required,
            ..NodeAffinity::default()
        };
        pod.affinity = Some(Affinity { node_affinity: Some(node), ..Affinity::default() });
    }
    let mut spread = Vec::new();
    for (at, preference) in preferences.iter().enumerate() {
        let Preference { spread: over, extensions: _ } = preference;
        let Some(key) = over.as_deref().and_then(node_label) else {
            let message = format!("a preference of service `{name}` has no equivalent in Kubernetes");
            let path = ["services", name, "deploy", "placement", "preferences", &at.to_string()];
            scope.report.lost(&path, message, "label the nodes and write `spread: node.labels.NAME`");
            continue;
        };
        spread.push(TopologySpreadConstraint {
            label_selector: Some(select(scope.selector(name))),
            max_skew: 1,
            topology_key: key,
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            ..TopologySpreadConstraint::default()
        });
    }
    pod.topology_spread_constraints = (!spread.is_empty()).then_some(spread);
}

fn toleration(given: &Toleration) -> core::Toleration {
    let Toleration { key, value, effect, seconds, extensions: _ } = given;
    core::Toleration {
        key: key.clone(),
        operator: Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned()),
        value: value.clone(),
        effect: effect.map(|effect| effect.word().to_owned()),
        toleration_seconds: seconds.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
    }
}

/// Docker takes the kernel's names too.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "armhf" | "armel" => "arm",
        other => other,
    }
}

/// Reads `node.labels.zone == a` and the like.
fn requirement(constraint: &str) -> Option<NodeSelectorRequirement> {
    let (key, operator, value) = match constraint.split_once("==") {
        Some((key, value)) => (key, "In", value),
        None => constraint.split_once("!=").map(|(key, value)| (key, "NotIn", value))?,
    };
    let (key, value) = (key.trim(), value.trim());
    let key = match key {
        "node.hostname" => "kubernetes.io/hostname".to_owned(),
        "node.platform.os" => "kubernetes.io/os".to_owned(),
        "node.platform.arch" => "kubernetes.io/arch".to_owned(),
        other => node_label(other)?,
    };
    let value = if key == "kubernetes.io/arch" { architecture(value) } else { value };
    if !is_label_value(value) {
        return None;
    }
    Some(NodeSelectorRequirement { key, operator: operator.to_owned(), values: Some(vec![value.to_owned()]) })
}

fn node_label(written: &str) -> Option<String> {
    let label = written.trim().strip_prefix("node.labels.")?;
    is_qualified_name(label).then(|| label.to_owned())
}
