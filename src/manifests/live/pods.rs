//! Pods that do not come up: not placed, without their image, their settings or their volumes, or ending again.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::{Finding, Live, name, object};
use crate::diagnostic::Severity;

pub(super) fn findings(live: &Live) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in live.own_pods() {
        findings.extend(not_placed(live, pod));
        findings.extend(lost(pod));
        let Some(status) = &pod.status else { continue };
        let first = status.init_container_statuses.iter().flatten();
        for container in first.chain(status.container_statuses.iter().flatten()) {
            findings.extend(waiting(live, pod, container).or_else(|| unready(live, pod, container)));
        }
        findings.extend(volumes(live, pod));
    }
    findings.extend(nodes(live));
    findings
}

fn finding(pod: &Pod, cause: &'static str, [message, why, mend]: [String; 3]) -> Finding {
    Finding { severity: Severity::Error, cause, object: object("pod", &pod.metadata), message, why, mend }
}

fn not_placed(live: &Live, pod: &Pod) -> Option<Finding> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let placed = conditions.iter().find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let of = name(&pod.metadata);
    let why = placed.message.as_deref().or_else(|| live.said("Pod", &pod.metadata, "FailedScheduling"));
    let why = why.unwrap_or("the scheduler does not say why").to_owned();
    let mend = if why.contains("Insufficient") {
        "ask for less in resources.requests, or give the cluster more nodes"
    } else if why.contains("PersistentVolumeClaim") {
        "kubectl get persistentvolumeclaims: see what keeps the claim from a volume"
    } else if why.contains("taint") {
        "kubectl describe nodes: tolerate the taint, or remove it"
    } else if why.contains("affinity") || why.contains("selector") {
        "kubectl get nodes --show-labels: ask for labels that a node has"
    } else {
        "kubectl describe nodes"
    };
    Some(finding(pod, "not-scheduled", [format!("pod `{of}` is on no node"), why, mend.to_owned()]))
}

/// The node put it out.
fn lost(pod: &Pod) -> Option<Finding> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() != Some("Failed") {
        return None;
    }
    let reason = status.reason.as_deref()?;
    let of = name(&pod.metadata);
    Some(finding(
        pod,
        "evicted",
        [
            format!("pod `{of}` has failed: {reason}"),
            status.message.clone().unwrap_or_else(|| "the node does not say why".to_owned()),
            "kubectl describe nodes: memory or disk may be short; set resources.requests to what it needs"
                .to_owned(),
        ],
    ))
}

/// What a container waits for.
fn waiting(live: &Live, pod: &Pod, container: &ContainerStatus) -> Option<Finding> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let (of, which) = (name(&pod.metadata), &container.name);
    let said = waiting.message.clone().unwrap_or_default();
    let namespace = &live.namespace;
    match waiting.reason.as_deref()? {
        reason @ ("ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull") => {
            let image = &container.image;
            let detail = live.said("Pod", &pod.metadata, "Failed").unwrap_or(&said).to_owned();
            let lower = detail.to_ascii_lowercase();
            let (cause, mend) = if reason == "InvalidImageName" {
                ("the reference is not well-formed", "write it as [REGISTRY/]NAME[:TAG]".to_owned())
            } else if reason == "ErrImageNeverPull" {
                (
                    "imagePullPolicy is Never, and the node does not have it",
                    "load it on the nodes, or let it be pulled".to_owned(),
                )
            } else if ["unauthorized", "denied", "forbidden", "authentication"]
                .iter()
                .any(|one| lower.contains(one))
            {
                (
                    "the registry refuses: the image is private, or there is none of this name",
                    format!(
                        "kubectl -n {namespace} create secret docker-registry NAME ..., and name it in imagePullSecrets"
                    ),
                )
            } else if ["not found", "manifest unknown", "no such"].iter().any(|one| lower.contains(one)) {
                (
                    "the registry has no such image or tag",
                    "correct the tag, or push the image first".to_owned(),
                )
            } else if ["no such host", "timeout", "connection refused", "dial tcp"]
                .iter()
                .any(|one| lower.contains(one))
            {
                (
                    "the node does not reach the registry",
                    "check the registry's name, and what the nodes reach".to_owned(),
                )
            } else {
                ("the node could not pull it", format!("kubectl describe pod {of}"))
            };
            let cause = if detail.is_empty() { cause.to_owned() } else { format!("{cause}: {detail}") };
            Some(finding(
                pod,
                "image-not-pulled",
                [format!("container `{which}` of pod `{of}` waits for its image {image}"), cause, mend],
            ))
        }
        "CrashLoopBackOff" => Some(crashing(pod, container)),
        reason @ ("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => {
            let mend = if said.contains("secret") {
                format!(
                    "kubectl -n {namespace} create secret generic NAME ...; `topo export k8s` lists those it leaves to you"
                )
            } else if said.contains("configmap") {
                format!("kubectl -n {namespace} get configmaps: apply the one that is missing")
            } else {
                format!("kubectl describe pod {of}")
            };
            Some(finding(
                pod,
                "container-not-made",
                [format!("container `{which}` of pod `{of}` cannot be made: {reason}"), said, mend],
            ))
        }
        _ => None,
    }
}

/// It starts, and ends again.
fn crashing(pod: &Pod, container: &ContainerStatus) -> Finding {
    let (of, which) = (name(&pod.metadata), &container.name);
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let code = ended.map_or(0, |ended| ended.exit_code);
    let cause = match ended.and_then(|ended| ended.reason.as_deref()) {
        Some("OOMKilled") => "it needs more memory than its limit".to_owned(),
        _ => match code {
            0 => "its command is done, and a Deployment starts it again".to_owned(),
            126 => "its command cannot be executed".to_owned(),
            127 => "its command is not in the image".to_owned(),
            137 => "it was killed: by its liveness probe, or for want of memory".to_owned(),
            code => {
                let words = ended.and_then(|ended| ended.message.as_deref()).unwrap_or_default().trim();
                let words = if words.is_empty() { String::new() } else { format!(": {words}") };
                format!("it exits with code {code}{words}")
            }
        },
    };
    let mend = match ended.and_then(|ended| ended.reason.as_deref()) {
        Some("OOMKilled") => "raise resources.limits.memory, or have it use less".to_owned(),
        _ if code == 0 => "make it a Job, or keep it in the foreground".to_owned(),
        _ => format!("kubectl logs {of} -c {which} --previous"),
    };
    finding(
        pod,
        "crash-loop",
        [
            format!(
                "container `{which}` of pod `{of}` ends again and again, {} times so far",
                container.restart_count
            ),
            cause,
            mend,
        ],
    )
}

/// It runs, and its probe fails.
fn unready(live: &Live, pod: &Pod, container: &ContainerStatus) -> Option<Finding> {
    container.state.as_ref()?.running.as_ref()?;
    if container.ready {
        return None;
    }
    let said = live.said("Pod", &pod.metadata, "Unhealthy")?.trim();
    let (of, which) = (name(&pod.metadata), &container.name);
    let hint = if said.contains("connection refused") {
        "nothing listens on the port of the probe: it starts slowly, listens on another port, or on 127.0.0.1 alone"
    } else if said.contains("statuscode: 404") {
        "the path of the probe is not one that the application has"
    } else if said.contains("deadline exceeded") || said.contains("timed out") || said.contains("Timeout") {
        "the application takes longer to answer than timeoutSeconds"
    } else {
        "the application does not say that it is well"
    };
    Some(finding(
        pod,
        "probe-fails",
        [
            format!("container `{which}` of pod `{of}` runs, and is not ready"),
            format!("{said}: {hint}"),
            format!("kubectl logs {of} -c {which}; kubectl describe pod {of} shows the probe"),
        ],
    ))
}

fn volumes(live: &Live, pod: &Pod) -> Option<Finding> {
    let said = live
        .said("Pod", &pod.metadata, "FailedMount")
        .or_else(|| live.said("Pod", &pod.metadata, "FailedAttachVolume"))?;
    // Events stay for an hour: what runs by now has its volumes.
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if phase == Some("Running") {
        return None;
    }
    let of = name(&pod.metadata);
    Some(finding(
        pod,
        "volume-not-mounted",
        [
            format!("pod `{of}` waits for a volume"),
            said.to_owned(),
            format!("kubectl describe pod {of}: apply the ConfigMap, Secret or claim that it names"),
        ],
    ))
}

/// Nodes that are not ready, with pods of the namespace on them.
fn nodes(live: &Live) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in &live.nodes {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let Some(ready) = conditions.into_iter().find(|one| one.type_ == "Ready") else { continue };
        let of = name(&node.metadata);
        let has_pods = live
            .own_pods()
            .any(|pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(of));
        if ready.status != "True" && has_pods {
            findings.push(Finding {
                severity: Severity::Error,
                cause: "node-not-ready",
                object: "node".to_owned(),
                message: format!("node `{of}` is not ready, and pods of the namespace are on it"),
                why: ready.message.clone().unwrap_or_else(|| "its kubelet does not say why".to_owned()),
                mend: format!("kubectl describe node {of}"),
            });
        }
    }
    findings
}
