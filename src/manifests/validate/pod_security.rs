//! Whether the namespace of a pod lets it in, by the level of Pod Security that it enforces.
//!
//! See <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use super::pods::containers_of;
use super::{Findings, Object, text};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Node, Value};

/// The label by which a namespace refuses pods.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Capabilities that `baseline` lets containers add.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Kernel parameters that `baseline` lets pods set.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
/// SELinux types that `baseline` lets pods have.
const SELINUX_TYPES: [&str; 5] =
    ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
/// Sources of volumes that `restricted` lets pods have.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// A level that refuses pods. Each refuses what those before it refuse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Baseline,
    Restricted,
}

/// Something that a level refuses: where, and what.
type Refusal = (Span, String);

/// Checks the pods whose namespaces are in the files.
pub(super) fn check(objects: &[Object<'_>], diagnostics: &mut Diagnostics) {
    for object in objects {
        let is_its = |other: &&Object<'_>| other.kind == "Namespace" && other.name == object.namespace;
        let Some(namespace) = objects.iter().find(is_its) else { continue };
        let Some(label) = namespace.node.at(&["metadata", "labels", ENFORCE]) else { continue };
        let (word, level) = match label.as_text() {
            Some("baseline") => ("baseline", Level::Baseline),
            Some("restricted") => ("restricted", Level::Restricted),
            _ => continue,
        };
        let mut findings = Findings { title: object.title(), diagnostics: &mut *diagnostics };
        for pod in object.of_type("PodSpec") {
            let mut refused = refused_by_baseline(pod.node);
            if level == Level::Restricted {
                refused.extend(refused_by_restricted(pod.node));
            }
            for (span, what) in refused {
                let message = format!("namespace `{}` refuses these pods: {what}", namespace.name);
                findings.push(
                    Diagnostic::error(Code::Conflict, message)
                        .label(span, format!("`{word}` forbids this"))
                        .label(label.span, "this is enforced")
                        .help("change the pod, or the level of the namespace"),
                );
            }
        }
    }
}

fn is(node: &Node, field: &str, wanted: bool) -> bool {
    matches!(node.get(field).map(|entry| &entry.node.value), Some(Value::Bool(is)) if *is == wanted)
}

fn list<'n>(node: &'n Node, way: &[&str]) -> &'n [Node] {
    node.at(way).and_then(Node::as_list).unwrap_or_default()
}

/// Returns the security contexts of a pod: its own, and those of its containers.
fn contexts(pod: &Node) -> impl Iterator<Item = &Node> {
    std::iter::once(pod).chain(containers_of(pod)).filter_map(|one| one.at(&["securityContext"]))
}

fn refused_by_baseline(pod: &Node) -> Vec<Refusal> {
    let mut refused = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if is(pod, field, true) {
            refused.push((pod.span_of(&[field]), format!("`{field}`")));
        }
    }
    for volume in list(pod, &["volumes"]) {
        if let Some(entry) = volume.get("hostPath") {
            refused.push((entry.key, format!("`hostPath` of volume `{}`", text(volume, &["name"]))));
        }
    }
    for sysctl in list(pod, &["securityContext", "sysctls"]) {
        let name = text(sysctl, &["name"]);
        if !SYSCTLS.contains(&name) {
            refused.push((sysctl.span_of(&["name"]), format!("kernel parameter `{name}`")));
        }
    }
    for container in containers_of(pod) {
        for port in list(container, &["ports"]) {
            let entry = port.get("hostPort");
            if let Some(entry) = entry.filter(|entry| !matches!(entry.node.value, Value::Int(0))) {
                refused.push((entry.key, "`hostPort`".to_owned()));
            }
        }
    }
    contexts(pod).for_each(|context| refuse_in_context(context, &mut refused));
    refused
}

fn refuse_in_context(context: &Node, refused: &mut Vec<Refusal>) {
    if is(context, "privileged", true) {
        refused.push((context.span_of(&["privileged"]), "`privileged`".to_owned()));
    }
    for capability in list(context, &["capabilities", "add"]) {
        let name = capability.as_text().unwrap_or_default();
        if !CAPABILITIES.contains(&name) {
            refused.push((capability.span, format!("capability `{name}`")));
        }
    }
    for (way, is_free) in [
        (&["seccompProfile", "type"][..], "Unconfined"),
        (&["appArmorProfile", "type"], "Unconfined"),
        (&["procMount"], "Unmasked"),
    ] {
        if text(context, way) == is_free {
            refused.push((context.span_of(way), format!("`{}: {is_free}`", way.join("."))));
        }
    }
    if context.at(&["windowsOptions"]).is_some_and(|options| is(options, "hostProcess", true)) {
        let way = ["windowsOptions", "hostProcess"];
        refused.push((context.span_of(&way), "`hostProcess`".to_owned()));
    }
    for field in ["type", "user", "role"] {
        let way = ["seLinuxOptions", field];
        let value = text(context, &way);
        let is_free = if field == "type" { !SELINUX_TYPES.contains(&value) } else { !value.is_empty() };
        if is_free {
            refused.push((context.span_of(&way), format!("`seLinuxOptions.{field}: {value}`")));
        }
    }
}

fn refused_by_restricted(pod: &Node) -> Vec<Refusal> {
    let mut refused = Vec::new();
    for volume in list(pod, &["volumes"]) {
        for (source, entry) in volume.as_map().into_iter().flatten() {
            // The baseline has told of these.
            let is_told = ["name", "hostPath"].contains(&&**source);
            if !is_told && !VOLUMES.contains(&&**source) {
                refused.push((entry.key, format!("`{source}` of volume `{}`", text(volume, &["name"]))));
            }
        }
    }
    for context in contexts(pod) {
        if matches!(context.get("runAsUser").map(|entry| &entry.node.value), Some(Value::Int(0))) {
            refused.push((context.span_of(&["runAsUser"]), "`runAsUser: 0`".to_owned()));
        }
    }
    let none = Node::map([], pod.span);
    let of_pod = pod.at(&["securityContext"]).unwrap_or(&none);
    for container in containers_of(pod) {
        let own = container.at(&["securityContext"]).unwrap_or(&none);
        let span = container.span_of(&["name"]);
        let name = text(container, &["name"]);
        let mut must = |holds: bool, what: &str| {
            if !holds {
                refused.push((span, format!("container `{name}` lacks `{what}`")));
            }
        };
        must(is(own, "allowPrivilegeEscalation", false), "allowPrivilegeEscalation: false");
        let has_own_user = own.get("runAsNonRoot").is_some();
        must(is(if has_own_user { own } else { of_pod }, "runAsNonRoot", true), "runAsNonRoot: true");
        let has_profile = |context: &Node| !text(context, &["seccompProfile", "type"]).is_empty();
        must(has_profile(own) || has_profile(of_pod), "seccompProfile.type: RuntimeDefault");
        let drops = list(own, &["capabilities", "drop"]).iter().any(|one| one.as_text() == Some("ALL"));
        must(drops, "capabilities.drop: [ALL]");
        for capability in list(own, &["capabilities", "add"]) {
            let name = capability.as_text().unwrap_or_default();
            if CAPABILITIES.contains(&name) && name != "NET_BIND_SERVICE" {
                refused.push((capability.span, format!("capability `{name}`")));
            }
        }
    }
    refused
}
