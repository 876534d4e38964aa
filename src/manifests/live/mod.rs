//! What is wrong in a namespace of a cluster that runs: Services that lead nowhere, pods that do not come up, policies
//! that nobody gets through. Each finding names its cause and the command that shows or mends it.

mod pods;
mod policies;
pub mod probe;
mod routes;
mod services;
pub mod text;
mod workloads;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace, Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::cluster::{self, Cluster};
use crate::diagnostic::{Severity, did_you_mean};
pub use policies::summary;

/// The namespace of the cluster's own parts, its DNS among them.
pub const SYSTEM_NAMESPACE: &str = "kube-system";

/// Something that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The cause's name, such as `selector-matches-no-pod`.
    pub cause: &'static str,
    /// The object that it is about, as kubectl writes it: `service/web`.
    pub object: String,
    /// What is seen.
    pub message: String,
    /// What it comes from, or most likely comes from.
    pub why: String,
    /// What to do: a command to run, or a change to make.
    pub mend: String,
}

impl Finding {
    /// Returns it as an object of the JSON form.
    pub fn to_json(&self) -> Value {
        let Self { severity, cause, object, message, why, mend } = self;
        json!({
            "cause": cause, "severity": severity.word(), "object": object, "message": message, "why": why,
            "mend": mend,
        })
    }
}

/// What a namespace holds, and what of the cluster it depends on.
#[derive(Debug, Default)]
pub struct Live {
    /// The namespace.
    pub namespace: String,
    /// The pods of the namespace, and those of the cluster's DNS in [`SYSTEM_NAMESPACE`].
    pub pods: Vec<Pod>,
    /// The Services of both.
    pub services: Vec<Service>,
    slices: Vec<EndpointSlice>,
    deployments: Vec<Deployment>,
    stateful_sets: Vec<StatefulSet>,
    daemon_sets: Vec<DaemonSet>,
    jobs: Vec<Job>,
    claims: Vec<PersistentVolumeClaim>,
    ingresses: Vec<Ingress>,
    ingress_classes: Vec<IngressClass>,
    policies: Vec<NetworkPolicy>,
    events: Vec<Event>,
    nodes: Vec<Node>,
    /// The names of Secrets; nothing where the user may not list them.
    secrets: Option<Vec<String>>,
    /// What the policies let through.
    cluster: Cluster,
}

impl Live {
    /// Reads the objects of a namespace, each with its `kind`; those of other kinds are passed over. Of Secrets only the
    /// names are looked at, and the list is `None` where the user may not see them. An object that is not what its
    /// kind says is an error, which names it.
    pub fn read(namespace: &str, objects: &[Value], secrets: Option<Vec<String>>) -> Result<Self, String> {
        let mut live = Self { namespace: namespace.to_owned(), secrets, ..Self::default() };
        for object in objects {
            live.add(object).map_err(|error| {
                format!("{} {}: {error}", object["kind"], object["metadata"]["name"]).replace('"', "`")
            })?;
        }
        let counted = ["Pod", "Service", "Namespace", "NetworkPolicy"];
        let counted = objects.iter().filter(|object| counted.iter().any(|kind| object["kind"] == *kind));
        live.cluster = Cluster::read(counted)?;
        Ok(live)
    }

    fn add(&mut self, object: &Value) -> Result<(), serde_json::Error> {
        fn push<T: serde::de::DeserializeOwned>(
            into: &mut Vec<T>,
            object: &Value,
        ) -> Result<(), serde_json::Error> {
            into.push(serde_json::from_value(object.clone())?);
            Ok(())
        }
        match object["kind"].as_str().unwrap_or_default() {
            "Pod" => push(&mut self.pods, object),
            "Service" => push(&mut self.services, object),
            "EndpointSlice" => push(&mut self.slices, object),
            "Deployment" => push(&mut self.deployments, object),
            "StatefulSet" => push(&mut self.stateful_sets, object),
            "DaemonSet" => push(&mut self.daemon_sets, object),
            "Job" => push(&mut self.jobs, object),
            "PersistentVolumeClaim" => push(&mut self.claims, object),
            "Ingress" => push(&mut self.ingresses, object),
            "IngressClass" => push(&mut self.ingress_classes, object),
            "NetworkPolicy" => push(&mut self.policies, object),
            "Event" => push(&mut self.events, object),
            "Node" => push(&mut self.nodes, object),
            "Namespace" => serde_json::from_value::<Namespace>(object.clone()).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// The Services of the namespace itself.
    fn own_services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| self.is_own(&service.metadata))
    }

    /// The pods of the namespace itself that are not done.
    fn own_pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| self.is_own(&pod.metadata) && !is_done(pod))
    }

    fn is_own(&self, metadata: &ObjectMeta) -> bool {
        metadata.namespace.as_deref() == Some(&self.namespace)
    }

    /// The pods that a Service leads to.
    fn pods_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        self.pods.iter().filter(move |pod| {
            pod.metadata.namespace == service.metadata.namespace
                && !is_done(pod)
                && selector.is_some_and(|selector| !selector.is_empty() && has_labels(pod, selector))
        })
    }

    /// How policies see a pod.
    fn seen(&self, pod: &Pod) -> Option<&cluster::Pod> {
        let workload = format!("Pod/{}", name(&pod.metadata));
        let namespace = pod.metadata.namespace.as_deref()?;
        self.cluster.pods.iter().find(|seen| seen.workload == workload && seen.namespace == namespace)
    }

    /// What the latest event of a kind says of an object.
    fn said(&self, kind: &str, metadata: &ObjectMeta, reason: &str) -> Option<&str> {
        let about = self.events.iter().filter(|event| {
            event.involved_object.kind.as_deref() == Some(kind)
                && event.involved_object.name == metadata.name
                && event.involved_object.namespace == metadata.namespace
                && event.reason.as_deref() == Some(reason)
        });
        let latest = about.max_by_key(|event| event.last_timestamp.clone().map(|time| time.0));
        latest.and_then(|event| event.message.as_deref())
    }
}

/// Finds what is wrong, the gravest first. With names, only what has to do with the Services and workloads of these
/// names, and with what they depend on; a name that there is not is itself a finding.
pub fn diagnose(live: &Live, about: &[String]) -> Vec<Finding> {
    let mut findings = unknown_names(live, about);
    findings.extend(services::findings(live));
    findings.extend(pods::findings(live));
    findings.extend(workloads::findings(live));
    findings.extend(policies::findings(live));
    findings.extend(routes::findings(live));
    if !about.is_empty() {
        let wanted = about_objects(live, about);
        let is_wanted =
            |finding: &Finding| finding.cause == "no-such-name" || wanted.contains(&finding.object);
        findings.retain(is_wanted);
    }
    findings.sort_by(|one, other| {
        (other.severity, &one.object, one.cause).cmp(&(one.severity, &other.object, other.cause))
    });
    findings.dedup();
    findings
}

/// The names that a user may ask for: Services and workloads.
fn known_names(live: &Live) -> Vec<&str> {
    let services = live.own_services().map(|one| name(&one.metadata));
    let deployments = live.deployments.iter().map(|one| name(&one.metadata));
    let sets = live.stateful_sets.iter().map(|one| name(&one.metadata));
    let daemons = live.daemon_sets.iter().map(|one| name(&one.metadata));
    services.chain(deployments).chain(sets).chain(daemons).collect()
}

fn unknown_names(live: &Live, about: &[String]) -> Vec<Finding> {
    let known = known_names(live);
    let unknown = about.iter().filter(|one| !known.contains(&one.as_str()));
    let finding = |one: &String| {
        let namespace = &live.namespace;
        Finding {
            severity: Severity::Error,
            cause: "no-such-name",
            object: format!("service/{one}"),
            message: format!("namespace `{namespace}` has no Service and no workload `{one}`"),
            why: did_you_mean(one, known.iter().copied())
                .unwrap_or_else(|| "it was never applied, or to another namespace".to_owned()),
            mend: format!("kubectl get services,deployments,statefulsets -A | grep {one}"),
        }
    };
    unknown.map(finding).collect()
}

/// The objects that have to do with names: those of the name, the pods of a Service, whose policies these are, and the
/// cluster's DNS.
fn about_objects(live: &Live, about: &[String]) -> Vec<String> {
    let kinds = ["service", "deployment", "statefulset", "daemonset", "job"];
    let mut objects: Vec<String> =
        about.iter().flat_map(|one| kinds.iter().map(move |kind| format!("{kind}/{one}"))).collect();
    for service in live.own_services().filter(|one| about.iter().any(|wanted| wanted == name(&one.metadata)))
    {
        for pod in live.pods_of(service) {
            objects.push(object("pod", &pod.metadata));
            objects.extend(workload_of(pod));
            let claims = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
            let claims = claims.filter_map(|volume| volume.persistent_volume_claim.as_ref());
            objects.extend(claims.map(|claim| format!("persistentvolumeclaim/{}", claim.claim_name)));
        }
        let routed =
            live.ingresses.iter().filter(|ingress| routes::leads_to(ingress, name(&service.metadata)));
        objects.extend(routed.map(|ingress| object("ingress", &ingress.metadata)));
    }
    for pod in live.own_pods() {
        if workload_of(pod).is_some_and(|workload| objects.contains(&workload)) {
            objects.push(object("pod", &pod.metadata));
        }
    }
    objects.extend([format!("service/{}", services::DNS), "node".to_owned()]);
    objects
}

/// The workload that made a pod, as its owner's name tells.
fn workload_of(pod: &Pod) -> Option<String> {
    let owner = pod.metadata.owner_references.iter().flatten().next()?;
    match owner.kind.as_str() {
        // A ReplicaSet has the name of its Deployment and a hash.
        "ReplicaSet" => Some(format!("deployment/{}", owner.name.rsplit_once('-')?.0)),
        kind => Some(format!("{}/{}", kind.to_ascii_lowercase(), owner.name)),
    }
}

fn object(kind: &str, metadata: &ObjectMeta) -> String {
    format!("{kind}/{}", name(metadata))
}

fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

fn has_labels(pod: &Pod, selector: &BTreeMap<String, String>) -> bool {
    let labels = pod.metadata.labels.as_ref();
    selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// A pod that has run to its end takes no part any more.
fn is_done(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded")) || pod.metadata.deletion_timestamp.is_some()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
}
