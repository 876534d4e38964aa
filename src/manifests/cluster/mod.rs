//! What manifests make of a cluster: pods by their workloads, Services, namespaces and policies.

mod bearers;
mod evaluate;
mod selector;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{self as core, PodTemplateSpec};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

pub use evaluate::{Peer, Standing, Verdict};

use bearers::Bearers;
use selector::selects;

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// What manifests make of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The pods: one for each workload, since all of them are alike.
    pub pods: Vec<Pod>,
    /// The Services.
    pub services: Vec<Service>,
    /// The namespaces and their labels.
    namespaces: BTreeMap<String, Labels>,
    policies: Vec<Policy>,
    /// The keys of labels that policies ask those for who come in.
    asked: BTreeSet<String>,
}

/// The pods of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// The workload, such as `Deployment/web`.
    pub workload: String,
    /// The namespace.
    pub namespace: String,
    /// The labels.
    pub labels: Labels,
    /// Whether it is on the interfaces of its node, where no policy holds.
    pub is_on_node: bool,
    /// The names of its containers, without those that run before them.
    pub containers: BTreeSet<String>,
    /// The ports that have names: the name and the protocol to the number.
    ports: BTreeMap<(String, String), u16>,
    /// The places of the policies that select it.
    policies: Vec<usize>,
    /// The places of the Services that lead to it.
    services: Vec<usize>,
}

impl Pod {
    /// Returns the number of a port that is written as a number or as a name; `protocol` is in upper case.
    fn port(&self, written: &IntOrString, protocol: &str) -> Option<u16> {
        match written {
            IntOrString::Int(number) => u16::try_from(*number).ok(),
            IntOrString::String(name) => self.ports.get(&(name.clone(), protocol.to_owned())).copied(),
        }
    }
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// The name, which DNS knows.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Whether it answers outside of the cluster, and if so whether on the ports that it names.
    pub outside: Option<Outside>,
    selector: Labels,
    ports: Vec<core::ServicePort>,
    /// The places of the pods that it leads to.
    pods: Vec<usize>,
}

/// How a Service answers outside of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// On its own ports, by a load balancer.
    OwnPorts,
    /// On ports of the nodes.
    NodePorts,
}

impl Service {
    /// Without a selector somebody else says where it leads.
    fn selects(&self, pod: &Pod) -> bool {
        !self.selector.is_empty()
            && self.namespace == pod.namespace
            && self.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
    }

    /// Returns the ports of a pod that it leads to, each with its own port: a protocol in upper case, and two numbers.
    pub fn ports_to(&self, pod: &Pod) -> Vec<(String, u16, u16)> {
        let lead = |port: &core::ServicePort| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let target = port.target_port.clone().unwrap_or(IntOrString::Int(port.port));
            Some((protocol.to_owned(), pod.port(&target, protocol)?, u16::try_from(port.port).ok()?))
        };
        self.ports.iter().filter_map(lead).collect()
    }
}

/// A NetworkPolicy.
#[derive(Clone, Debug, Default)]
struct Policy {
    name: String,
    namespace: String,
    spec: NetworkPolicySpec,
}

impl Cluster {
    /// Reads objects of any kind; those that say nothing about pods, names or policies are passed over. An object that
    /// is not what its kind says is an error, which names it.
    pub fn read<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Result<Self, String> {
        let mut cluster = Self::default();
        for object in objects {
            cluster.add(object).map_err(|error| {
                format!("{} {}: {error}", object["kind"], object["metadata"]["name"]).replace('"', "`")
            })?;
        }
        cluster.find_selected();
        Ok(cluster)
    }

    /// Finds the pods that policies and Services select, once for all questions.
    fn find_selected(&mut self) {
        let bearers = Bearers::of(&self.pods);
        for (at, policy) in self.policies.iter().enumerate() {
            for pod in bearers.of_labels(policy.labels().into_iter().flatten()) {
                if policy.selects(&self.pods[*pod]) {
                    self.pods[*pod].policies.push(at);
                }
            }
        }
        for (at, service) in self.services.iter_mut().enumerate() {
            for pod in bearers.of_labels(&service.selector) {
                if service.selects(&self.pods[*pod]) {
                    service.pods.push(*pod);
                    self.pods[*pod].services.push(at);
                }
            }
        }
        self.asked = self.policies.iter().flat_map(Policy::asked).cloned().collect();
    }

    /// Returns the pods that a Service leads to.
    pub fn pods_of(&self, service: &Service) -> impl Iterator<Item = &Pod> {
        service.pods.iter().map(|pod| &self.pods[*pod])
    }

    /// Returns the Services that lead to a pod.
    pub fn services_of(&self, pod: &Pod) -> impl Iterator<Item = &Service> {
        pod.services.iter().map(|service| &self.services[*service])
    }

    /// Returns a pod that is not in the manifests, which may have policies for it all the same.
    pub fn stand_in(&self, namespace: &str, labels: Labels) -> Pod {
        let mut pod = Pod {
            workload: format!("Pod/{namespace}"),
            namespace: namespace.to_owned(),
            labels,
            ..Pod::default()
        };
        let policies = self.policies.iter().enumerate();
        pod.policies = policies.filter(|(_, policy)| policy.selects(&pod)).map(|(at, _)| at).collect();
        pod
    }

    fn add(&mut self, object: &Value) -> Result<(), serde_json::Error> {
        fn parse<T: serde::de::DeserializeOwned>(object: &Value) -> Result<T, serde_json::Error> {
            serde_json::from_value(object.clone())
        }
        let (metadata, template) = match object["kind"].as_str().unwrap_or_default() {
            "Pod" => {
                let pod: core::Pod = parse(object)?;
                (pod.metadata.clone(), PodTemplateSpec { metadata: Some(pod.metadata), spec: pod.spec })
            }
            "Deployment" => {
                let of: Deployment = parse(object)?;
                (of.metadata, of.spec.template)
            }
            "StatefulSet" => {
                let of: StatefulSet = parse(object)?;
                (of.metadata, of.spec.template)
            }
            "DaemonSet" => {
                let of: DaemonSet = parse(object)?;
                (of.metadata, of.spec.template)
            }
            "ReplicaSet" => {
                let of: ReplicaSet = parse(object)?;
                (of.metadata, of.spec.template.unwrap_or_default())
            }
            "Job" => {
                let of: Job = parse(object)?;
                (of.metadata, of.spec.unwrap_or_default().template)
            }
            "CronJob" => {
                let of: CronJob = parse(object)?;
                (of.metadata, of.spec.job_template.spec.unwrap_or_default().template)
            }
            "Service" => {
                self.add_service(parse(object)?);
                return Ok(());
            }
            "Namespace" => {
                let of: core::Namespace = parse(object)?;
                let name = of.metadata.name.unwrap_or_default();
                self.namespaces.entry(name).or_default().extend(of.metadata.labels.unwrap_or_default());
                return Ok(());
            }
            "NetworkPolicy" => {
                let NetworkPolicy { metadata, spec } = parse(object)?;
                let namespace = namespace_of(&metadata);
                let (name, spec) = (metadata.name.unwrap_or_default(), spec.unwrap_or_default());
                self.policies.push(Policy { name, namespace, spec });
                return Ok(());
            }
            _ => return Ok(()),
        };
        let kind = object["kind"].as_str().unwrap_or_default();
        self.add_pod(kind, &metadata, template);
        Ok(())
    }

    fn add_pod(&mut self, kind: &str, metadata: &ObjectMeta, template: PodTemplateSpec) {
        let spec = template.spec.unwrap_or_default();
        // Sidecars are init containers that go on.
        let first = spec.init_containers.into_iter().flatten();
        let sidecars = first.filter(|one| one.restart_policy.as_deref() == Some("Always"));
        let (mut containers, mut ports) = (BTreeSet::new(), BTreeMap::new());
        for container in spec.containers.into_iter().chain(sidecars) {
            containers.insert(container.name);
            for port in container.ports.into_iter().flatten() {
                let protocol = port.protocol.unwrap_or_else(|| "TCP".to_owned());
                if let (Some(name), Ok(number)) = (port.name, u16::try_from(port.container_port)) {
                    ports.entry((name, protocol)).or_insert(number);
                }
            }
        }
        self.pods.push(Pod {
            workload: format!("{kind}/{}", metadata.name.as_deref().unwrap_or_default()),
            namespace: namespace_of(metadata),
            labels: template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default(),
            is_on_node: spec.host_network == Some(true),
            containers,
            ports,
            policies: Vec::new(),
            services: Vec::new(),
        });
    }

    fn add_service(&mut self, service: core::Service) {
        let spec = service.spec.unwrap_or_default();
        let outside = match spec.type_.as_deref() {
            Some("LoadBalancer") => Some(Outside::OwnPorts),
            Some("NodePort") => Some(Outside::NodePorts),
            _ => None,
        };
        self.services.push(Service {
            namespace: namespace_of(&service.metadata),
            name: service.metadata.name.unwrap_or_default(),
            outside,
            selector: spec.selector.unwrap_or_default(),
            ports: spec.ports.unwrap_or_default(),
            pods: Vec::new(),
        });
    }

    /// Returns whether a selector selects a namespace; each has its name as a label.
    fn selects_namespace(&self, selector: &LabelSelector, name: &str) -> bool {
        let labels = self.namespaces.get(name);
        selects(selector, |key| match key {
            "kubernetes.io/metadata.name" => Some(name),
            key => labels.and_then(|labels| labels.get(key)).map(String::as_str),
        })
    }
}

fn namespace_of(metadata: &ObjectMeta) -> String {
    metadata.namespace.clone().unwrap_or_else(|| "default".to_owned())
}
