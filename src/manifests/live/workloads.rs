//! Workloads that make no pods, and claims that get no volume.

use super::{Finding, Live, name, object};
use crate::diagnostic::Severity;

pub(super) fn findings(live: &Live) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployment in &live.deployments {
        let conditions = deployment.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let failed = conditions.into_iter().find(|one| match one.type_.as_deref() {
            Some("ReplicaFailure") => one.status.as_deref() == Some("True"),
            Some("Progressing") => one.reason.as_deref() == Some("ProgressDeadlineExceeded"),
            _ => false,
        });
        let of = name(&deployment.metadata);
        if let Some(failed) = failed {
            let said = failed.message.clone().unwrap_or_default();
            findings.push(error(
                "deployment",
                of,
                "rollout-failed",
                [
                    format!("Deployment `{of}` does not get the pods that it should have"),
                    said.clone(),
                    refused(&said).unwrap_or_else(|| format!("kubectl describe deployment {of}")),
                ],
            ));
        }
        findings.extend(none_wanted("deployment", of, deployment.spec.replicas));
    }
    for set in &live.stateful_sets {
        let of = name(&set.metadata);
        let spec = &set.spec;
        findings.extend(none_wanted("statefulset", of, spec.replicas));
        let governing = spec.service_name.as_deref().filter(|name| !name.is_empty());
        if let Some(governing) = governing
            && !live.own_services().any(|service| name(&service.metadata) == governing)
        {
            findings.push(error(
                "statefulset",
                of,
                "no-governing-service",
                [
                    format!("StatefulSet `{of}` names Service `{governing}`, which is not there"),
                    format!("names such as {of}-0.{governing} cannot be looked up"),
                    format!("apply a headless Service `{governing}`"),
                ],
            ));
        }
        let said = live.said("StatefulSet", &set.metadata, "FailedCreate");
        let has_any =
            live.own_pods().any(|pod| super::workload_of(pod) == Some(object("statefulset", &set.metadata)));
        if let Some(said) = said.filter(|_| !has_any) {
            findings.push(error(
                "statefulset",
                of,
                "rollout-failed",
                [
                    format!("StatefulSet `{of}` does not get the pods that it should have"),
                    said.to_owned(),
                    refused(said).unwrap_or_else(|| format!("kubectl describe statefulset {of}")),
                ],
            ));
        }
    }
    for daemon in &live.daemon_sets {
        let of = name(&daemon.metadata);
        let wanted = daemon.status.as_ref().map_or(1, |status| status.desired_number_scheduled);
        if wanted == 0 {
            findings.push(Finding {
                severity: Severity::Warning,
                ..error(
                    "daemonset",
                    of,
                    "no-node-wanted",
                    [
                        format!("DaemonSet `{of}` is wanted on no node"),
                        "its nodeSelector, affinity or missing tolerations leave out every node".to_owned(),
                        "kubectl get nodes --show-labels".to_owned(),
                    ],
                )
            });
        }
    }
    for job in &live.jobs {
        let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let failed = conditions.into_iter().find(|one| one.type_ == "Failed" && one.status == "True");
        if let Some(failed) = failed {
            let of = name(&job.metadata);
            let why = failed.message.as_deref().or(failed.reason.as_deref()).unwrap_or("it does not say why");
            findings.push(error(
                "job",
                of,
                "job-failed",
                [format!("Job `{of}` has failed"), why.to_owned(), format!("kubectl logs job/{of}")],
            ));
        }
    }
    for claim in &live.claims {
        let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase == Some("Pending") {
            let of = name(&claim.metadata);
            let said = ["ProvisioningFailed", "FailedBinding"]
                .iter()
                .find_map(|reason| live.said("PersistentVolumeClaim", &claim.metadata, reason));
            // Until a pod wants it, such a class waits; that pod then says so itself.
            if live.said("PersistentVolumeClaim", &claim.metadata, "WaitForFirstConsumer").is_some()
                && said.is_none()
            {
                continue;
            }
            findings.push(error(
                "persistentvolumeclaim",
                of,
                "claim-pending",
                [
                    format!("claim `{of}` has no volume"),
                    said.unwrap_or("no volume fits, and no storage class makes one").to_owned(),
                    "kubectl get storageclasses: name one that the cluster has, or mark one as default"
                        .to_owned(),
                ],
            ));
        }
    }
    findings
}

fn error(kind: &str, of: &str, cause: &'static str, [message, why, mend]: [String; 3]) -> Finding {
    Finding { severity: Severity::Error, cause, object: format!("{kind}/{of}"), message, why, mend }
}

fn none_wanted(kind: &str, of: &str, replicas: Option<i32>) -> Option<Finding> {
    (replicas == Some(0)).then(|| Finding {
        severity: Severity::Note,
        ..error(
            kind,
            of,
            "scaled-to-zero",
            [
                format!("`{of}` has no replicas"),
                "it is scaled to 0".to_owned(),
                format!("kubectl scale {kind} {of} --replicas=1"),
            ],
        )
    })
}

/// What mends a refusal of the API server.
fn refused(said: &str) -> Option<String> {
    if said.contains("exceeded quota") {
        Some("kubectl describe resourcequotas: ask for less, or have the quota raised".to_owned())
    } else if said.contains("PodSecurity") || said.contains("violates") {
        Some("meet the namespace's Pod Security level, or have its label changed".to_owned())
    } else if said.contains("serviceaccount") {
        Some("apply the ServiceAccount that the pods name".to_owned())
    } else {
        None
    }
}
