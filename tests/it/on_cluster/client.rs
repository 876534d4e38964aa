//! A cluster as the test sees it: namespaces of its own, objects applied by the server, and questions asked in pods.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{Api, AttachParams, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ObjectMeta;
use kube::discovery::{Discovery, Scope};
use kube::{Client, Config};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

/// How long pods may take to run, in seconds. Their image may have to be pulled.
const PATIENCE: u32 = 240;

pub(super) struct Cluster {
    client: Client,
    kinds: Discovery,
}

/// A pod that runs.
#[derive(Debug)]
pub(super) struct RunningPod {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) containers: Vec<String>,
}

/// Whether a pod gets through to a port.
pub(super) struct Question {
    pub(super) asks: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// What should be.
    pub(super) is_open: bool,
}

impl Cluster {
    pub(super) async fn connect(kubeconfig: &Path) -> Self {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let kinds = Discovery::new(client.clone()).run().await.unwrap();
        Self { client, kinds }
    }

    pub(super) async fn make_namespace(&self, what: &str) -> String {
        let name = format!("topo-{what}-{}", std::process::id());
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        Api::all(self.client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
        name
    }

    pub(super) async fn delete_namespace(&self, name: &str) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(name, &DeleteParams::background()).await.unwrap();
    }

    /// Applies an object by the server, strictly; as a dry run, nothing is kept. Returns whether the cluster knows its
    /// kind, or what the server has against the object.
    pub(super) async fn apply(&self, object: &Value, is_dry_run: bool) -> Result<bool, String> {
        let parsed: DynamicObject =
            serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
        let Some((resource, abilities)) = self.kinds.resolve_object(&parsed) else { return Ok(false) };
        let namespace = parsed.metadata.namespace.as_deref().unwrap_or("default");
        let api: Api<DynamicObject> = match abilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(self.client.clone(), namespace, &resource),
        };
        let params = PatchParams::apply("topo").force().validation_strict();
        let params = if is_dry_run { params.dry_run() } else { params };
        let name = parsed.metadata.name.as_deref().unwrap_or_default();
        api.patch(name, &params, &Patch::Apply(object)).await.map_err(|error| error.to_string())?;
        Ok(true)
    }

    pub(super) async fn has_nodes(&self) -> bool {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let nodes = nodes.list(&ListParams::default()).await.unwrap();
        nodes.into_iter().any(|node| {
            let conditions = node.status.and_then(|status| status.conditions).into_iter().flatten();
            conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
        })
    }

    /// Waits until so many pods run, and returns them.
    pub(super) async fn running_pods(&self, namespace: &str, count: usize) -> Vec<RunningPod> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        for _ in 0..PATIENCE {
            let pods = api.list(&ListParams::default()).await.unwrap();
            let running: Vec<RunningPod> = pods.into_iter().filter_map(running).collect();
            if running.len() == count {
                return running;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let pods = api.list(&ListParams::default()).await.unwrap();
        let states: Vec<_> = pods.into_iter().map(|pod| (pod.metadata.name, pod.status)).collect();
        panic!("{namespace}: {count} pods should run: {states:#?}");
    }

    async fn run_in(&self, namespace: &str, pod: &str, script: &str) -> String {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let params = AttachParams::default().stderr(false);
        let mut process = api.exec(pod, ["sh", "-c", script], &params).await.unwrap();
        let mut text = String::new();
        process.stdout().unwrap().read_to_string(&mut text).await.unwrap();
        process.join().await.unwrap();
        text
    }

    pub(super) async fn resolves(&self, namespace: &str, pod: &str, name: &str) -> bool {
        // DNS may be let through a moment after the pod runs.
        let script = format!(
            "for i in 1 2 3 4 5; do nslookup {name} >/dev/null 2>&1 && echo yes && break; sleep 1; done"
        );
        self.run_in(namespace, pod, &script).await.trim() == "yes"
    }

    /// Asks until all is as it should be, since policies take hold a moment after pods run. Returns what stays wrong.
    pub(super) async fn ask(&self, namespace: &str, questions: &[Question]) -> Vec<String> {
        let mut wrong = Vec::new();
        for _ in 0..5 {
            wrong = self.ask_once(namespace, questions).await;
            if wrong.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        wrong
    }

    async fn ask_once(&self, namespace: &str, questions: &[Question]) -> Vec<String> {
        let mut pods: Vec<&str> = questions.iter().map(|question| question.asks.as_str()).collect();
        pods.sort_unstable();
        pods.dedup();
        let answers = pods.into_iter().map(|pod| async move {
            let asked: Vec<&Question> = questions.iter().filter(|question| question.asks == pod).collect();
            let tries = asked.iter().enumerate().map(|(at, Question { host, port, .. })| {
                format!("(nc -w 3 {host} {port} </dev/null >/dev/null 2>&1 && echo {at}) &\n")
            });
            let script = format!("{}wait", tries.collect::<String>());
            let said = self.run_in(namespace, pod, &script).await;
            let open: Vec<usize> = said.lines().map(|line| line.trim().parse().unwrap()).collect();
            let wrong = asked.into_iter().enumerate().filter(|(at, one)| open.contains(at) != one.is_open);
            let text = |(_, Question { host, port, is_open, .. }): (usize, &Question)| {
                let is = if *is_open { "shut, not open" } else { "open, not shut" };
                format!("{pod} to {host}:{port} is {is}")
            };
            wrong.map(text).collect::<Vec<_>>()
        });
        join_all(answers).await.concat()
    }
}

fn running(pod: Pod) -> Option<RunningPod> {
    let status = pod.status?;
    let is_ready = status.conditions?.into_iter().any(|one| one.type_ == "Ready" && one.status == "True");
    if !is_ready || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let containers = pod.spec?.containers.into_iter().map(|container| container.name).collect();
    Some(RunningPod { name: pod.metadata.name?, address: status.pod_ip?, containers })
}
