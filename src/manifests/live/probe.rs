//! Questions that a pod in the namespace answers: whether names of Services are known, and whether these answer as their
//! endpoints and policies have it.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{Finding, Live, is_ready, name, object};
use crate::diagnostic::Severity;
use crate::manifests::cluster::{Peer, Verdict};

/// How long a name or a connection may take, in seconds.
const PATIENCE: u32 = 3;

/// Whether the name of a Service is known, and whether one of its ports answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The Service.
    pub service: String,
    /// Its TCP port; none if only the name is asked for.
    pub port: Option<u16>,
}

/// Returns what to ask of the Services of a namespace; with names, only of those.
pub fn questions(live: &Live, about: &[String]) -> Vec<Question> {
    let mut questions = Vec::new();
    for service in live.own_services() {
        let of = name(&service.metadata);
        if !about.is_empty() && !about.iter().any(|wanted| wanted == of) {
            continue;
        }
        questions.push(Question { service: of.to_owned(), port: None });
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        let ports = ports.filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
        let ports = ports.filter_map(|port| u16::try_from(port.port).ok());
        questions.extend(ports.map(|port| Question { service: of.to_owned(), port: Some(port) }));
    }
    questions
}

/// Returns a pod that answers: it writes a line for each question, its number and `yes` or `no`, and ends. `image` has to
/// have `sh`, `nslookup` and `nc`.
pub fn pod(live: &Live, pod: &str, image: &str, questions: &[Question]) -> Value {
    let tries = questions.iter().enumerate().map(|(at, Question { service, port })| {
        let command = match port {
            None => format!("timeout {PATIENCE} nslookup {service}.{} ", live.namespace),
            Some(port) => format!("nc -w {PATIENCE} {service} {port} </dev/null"),
        };
        format!("(if {command} >/dev/null 2>&1; then echo {at} yes; else echo {at} no; fi) &\n")
    });
    let script = format!("{}wait", tries.collect::<String>());
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod,
            "namespace": live.namespace,
            "labels": {"app.kubernetes.io/managed-by": "topo", "app.kubernetes.io/component": "probe"},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 60,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "containers": [{
                "name": "probe",
                "image": image,
                "command": ["sh", "-c", script],
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                // What the strictest Pod Security level asks for.
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65534, "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
                },
            }],
        },
    })
}

/// Makes findings of what a pod of [`pod`] has written. `live` must have been read with that pod among its objects.
pub fn findings(live: &Live, pod: &str, questions: &[Question], log: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let asks = live.pods.iter().find(|one| name(&one.metadata) == pod).and_then(|one| live.seen(one));
    for line in log.lines() {
        let Some((number, answer)) = line.trim().split_once(' ') else { continue };
        let Some(question) = number.parse::<usize>().ok().and_then(|at| questions.get(at)) else { continue };
        let Some(service) = live.own_services().find(|one| name(&one.metadata) == question.service) else {
            continue;
        };
        let is_open = answer == "yes";
        let of = &question.service;
        let finding = |severity, cause, [message, why, mend]: [String; 3]| Finding {
            severity,
            cause,
            object: object("service", &service.metadata),
            message,
            why,
            mend,
        };
        let Some(port) = question.port else {
            if !is_open {
                findings.push(finding(
                    Severity::Error,
                    "name-unknown",
                    [
                        format!("a pod of the namespace cannot look up `{of}`"),
                        "the cluster's DNS does not answer, or policies keep the pod from it".to_owned(),
                        "kubectl -n kube-system get pods -l k8s-app=kube-dns".to_owned(),
                    ],
                ));
            }
            continue;
        };
        let pods: Vec<&Pod> = live.pods_of(service).filter(|pod| is_ready(pod)).collect();
        // Where nothing can answer, that has been found already.
        let (Some(asks), Some(to)) = (asks, pods.first().and_then(|pod| live.seen(pod))) else { continue };
        let number = super::policies::number_on(service, pods[0], port).unwrap_or(port);
        let verdict = live.cluster.allows(Peer::Pod(asks), Peer::Pod(to), "TCP", number);
        match (verdict, is_open) {
            (Verdict::Allowed, false) => findings.push(finding(Severity::Error, "does-not-answer", [
                format!("`{of}:{port}` does not answer, though a pod is ready and no policy refuses it"),
                format!("the application does not listen on {number}, or on 127.0.0.1 alone; or the node's proxy is not at work"),
                format!("kubectl exec {} -- netstat -tln", name(&pods[0].metadata)),
            ])),
            (Verdict::NoIngress(policies) | Verdict::NoEgress(policies), true) => {
                let policies: Vec<String> = policies.iter().map(|one| format!("`{one}`")).collect();
                findings.push(finding(Severity::Warning, "policies-not-enforced", [
                    format!("`{of}:{port}` answers a pod that policies keep from it"),
                    format!("the cluster's network does not enforce {}", policies.join(", ")),
                    "use a network plugin that enforces NetworkPolicies, such as Calico or Cilium".to_owned(),
                ]));
            }
            (Verdict::Allowed, true) | (Verdict::NoIngress(_) | Verdict::NoEgress(_), false) => {}
        }
    }
    findings
}
