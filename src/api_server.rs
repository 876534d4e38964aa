//! Room 8: the door to a cluster. It reads what its API server says of a namespace, and changes nothing, but for a pod
//! that answers questions and is always removed.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, LogParams, PostParams,
    WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

use crate::manifests::live::SYSTEM_NAMESPACE;

/// Group, version, kind and plural of what a namespace holds that matters to who reaches whom.
const OF_NAMESPACE: &[[&str; 4]] = &[
    ["", "v1", "Pod", "pods"],
    ["", "v1", "Service", "services"],
    ["", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"],
    ["", "v1", "Event", "events"],
    ["apps", "v1", "Deployment", "deployments"],
    ["apps", "v1", "StatefulSet", "statefulsets"],
    ["apps", "v1", "DaemonSet", "daemonsets"],
    ["batch", "v1", "Job", "jobs"],
    ["discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"],
    ["networking.k8s.io", "v1", "Ingress", "ingresses"],
    ["networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"],
];
/// The same of what the whole cluster has.
const OF_CLUSTER: &[[&str; 4]] = &[
    ["", "v1", "Namespace", "namespaces"],
    ["", "v1", "Node", "nodes"],
    ["networking.k8s.io", "v1", "IngressClass", "ingressclasses"],
];
/// How many objects are asked for at a time.
const PAGE: u32 = 500;
/// How long connecting and a single request may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a pod that answers may take, its image's pull included.
const PROBE_PATIENCE: Duration = Duration::from_secs(90);

/// Why a cluster does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub help: &'static str,
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// What was seen of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The objects, each with its kind.
    pub objects: Vec<Value>,
    /// The names of its Secrets; nothing if they may not be listed.
    pub secrets: Option<Vec<String>>,
    /// What the user may not list, by its plural.
    pub hidden: Vec<&'static str>,
}

/// A cluster's API server.
pub struct ApiServer {
    client: Client,
    /// The namespace that the kubeconfig's context names, else `default`.
    pub namespace: String,
}

impl ApiServer {
    /// Makes ready to ask, as kubectl would: by this kubeconfig, else by `KUBECONFIG`, else by `~/.kube/config`. Nothing is
    /// sent yet.
    pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self, ApiError> {
        let cannot = |error: &dyn fmt::Display| ApiError {
            message: format!("no cluster to ask: {error}"),
            help: "name a kubeconfig with --kubeconfig or KUBECONFIG, and a context of it with --context",
        };
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let config = match kubeconfig {
            Some(path) => match Kubeconfig::read_from(path) {
                Ok(read) => Config::from_custom_kubeconfig(read, &options).await,
                Err(error) => Err(error),
            },
            None => Config::from_kubeconfig(&options).await,
        };
        let mut config = config.map_err(|error| cannot(&error))?;
        config.connect_timeout = Some(PATIENCE);
        config.read_timeout = Some(PATIENCE);
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| cannot(&error))?;
        Ok(Self { client, namespace })
    }

    /// Lists what a namespace holds and what it depends on, all kinds at a time. What the user may not see is left out,
    /// and named.
    pub async fn look(&self, namespace: &str) -> Result<Seen, ApiError> {
        let all = ListParams::default();
        let own = OF_NAMESPACE.iter().map(|kind| self.list(kind, Some(namespace), all.clone()));
        let shared = OF_CLUSTER.iter().map(|kind| self.list(kind, None, all.clone()));
        let dns = all.clone().labels("k8s-app=kube-dns");
        let dns = OF_NAMESPACE[..2].iter().map(|kind| self.list(kind, Some(SYSTEM_NAMESPACE), dns.clone()));
        let system = namespace == SYSTEM_NAMESPACE;
        let (own, shared, dns, secrets) = tokio::join!(
            join_all(own),
            join_all(shared),
            join_all(dns.take(if system { 0 } else { 2 })),
            self.secrets(namespace)
        );
        let mut seen = Seen { secrets: secrets?, ..Seen::default() };
        if seen.secrets.is_none() {
            seen.hidden.push("secrets");
        }
        let plurals = OF_NAMESPACE.iter().chain(OF_CLUSTER).map(|[.., plural]| *plural);
        for (plural, listed) in plurals.zip(own.into_iter().chain(shared)) {
            match listed? {
                Some(objects) => seen.objects.extend(objects),
                None => seen.hidden.push(plural),
            }
        }
        for listed in dns {
            seen.objects.extend(listed?.into_iter().flatten());
        }
        Ok(seen)
    }

    async fn list(
        &self,
        [group, version, kind, plural]: &[&'static str; 4],
        namespace: Option<&str>,
        params: ListParams,
    ) -> Result<Option<Vec<Value>>, ApiError> {
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut objects = Vec::new();
        let mut page = params.limit(PAGE);
        loop {
            let Some(listed) = seen(api.list(&page).await)? else { return Ok(None) };
            for object in listed.items {
                let mut object = serde_json::to_value(object).map_err(|error| unreadable(&error))?;
                // Objects in a list do not repeat what they are.
                object["apiVersion"] = resource.api_version.as_str().into();
                object["kind"] = (*kind).into();
                objects.push(object);
            }
            match listed.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => return Ok(Some(objects)),
            }
        }
    }

    /// The names alone: what is in Secrets is nobody's business.
    async fn secrets(&self, namespace: &str) -> Result<Option<Vec<String>>, ApiError> {
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", "Secret"), "secrets");
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        let listed = seen(api.list_metadata(&ListParams::default()).await)?;
        Ok(listed.map(|listed| listed.items.into_iter().filter_map(|one| one.metadata.name).collect()))
    }

    /// Runs a pod to its end, and returns it as it was made and what it wrote. It is removed whatever happens, also if
    /// `stop` comes first.
    pub async fn run(
        &self,
        pod: &Value,
        stop: impl Future<Output = ()>,
    ) -> Result<(Value, String), ApiError> {
        let pod: Pod = serde_json::from_value(pod.clone()).map_err(|error| unreadable(&error))?;
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or("default");
        let name = metadata.name.clone().unwrap_or_default();
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let made = api.create(&PostParams::default(), &pod).await.map_err(|error| failed(&error))?;
        let ended = tokio::select! {
            ended = ended(&api, &name) => ended,
            () = tokio::time::sleep(PROBE_PATIENCE) => Err(ApiError {
                message: format!("pod `{name}` did not end within {} s", PROBE_PATIENCE.as_secs()),
                help: "see if its image can be pulled; name another one with --probe-image",
            }),
            () = stop => Err(ApiError { message: "interrupted".to_owned(), help: "" }),
        };
        let log = match ended {
            Ok(()) => api.logs(&name, &LogParams::default()).await.map_err(|error| failed(&error)),
            Err(error) => Err(error),
        };
        let removed = api.delete(&name, &DeleteParams::background().grace_period(0)).await;
        removed.map_err(|error| ApiError {
            message: format!("pod `{name}` could not be removed: {error}"),
            help: "remove it with kubectl delete pod",
        })?;
        let mut made = serde_json::to_value(made).map_err(|error| unreadable(&error))?;
        made["kind"] = "Pod".into();
        Ok((made, log?))
    }
}

/// Waits until a pod has ended.
async fn ended(api: &Api<Pod>, name: &str) -> Result<(), ApiError> {
    let params = WatchParams::default().fields(&format!("metadata.name={name}"));
    // "0" is whatever the server has at hand, and then what follows.
    let events = api.watch(&params, "0").await.map_err(|error| failed(&error))?;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.try_next().await.map_err(|error| failed(&error))? {
        let pod = match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => pod,
            WatchEvent::Deleted(_) => break,
            WatchEvent::Bookmark(_) | WatchEvent::Error(_) => continue,
        };
        let phase = pod.status.and_then(|status| status.phase);
        if matches!(phase.as_deref(), Some("Succeeded" | "Failed")) {
            return Ok(());
        }
    }
    Err(ApiError {
        message: format!("pod `{name}` went away before it had answered"),
        help: "run the command again",
    })
}

/// Turns a refusal to list something into nothing.
fn seen<T>(result: kube::Result<T>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(listed) => Ok(Some(listed)),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &kube::Error) -> ApiError {
    let (message, help) = match error {
        kube::Error::Api(status) if status.code == 401 => (
            "the cluster does not know who asks (401)".to_owned(),
            "log in again, or renew the credentials of the kubeconfig",
        ),
        kube::Error::Api(status) => (
            format!("the API server refuses: {}", status.message),
            "see what you may do with kubectl auth can-i --list",
        ),
        kube::Error::Auth(error) => (format!("no credentials for the cluster: {error}"), "log in again"),
        error => {
            // The outermost error says where, the innermost why.
            let mut why: &dyn std::error::Error = error;
            while let Some(source) = why.source() {
                why = source;
            }
            (
                format!("the cluster does not answer: {why}"),
                "see if kubectl cluster-info reaches it; --kubeconfig and --context choose another one",
            )
        }
    };
    ApiError { message, help }
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    ApiError { message: format!("the API server's answer cannot be read: {error}"), help: "report this" }
}
