//! An API server of Kubernetes for tests: it serves the objects that it is given, and takes what is applied.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Group and version, kind, plural, and whether it is in a namespace.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("v1", "Namespace", "namespaces", false),
    ("v1", "Node", "nodes", false),
    ("v1", "Pod", "pods", true),
    ("v1", "Service", "services", true),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("v1", "Event", "events", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("apps/v1", "ReplicaSet", "replicasets", true),
    ("batch/v1", "Job", "jobs", true),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", true),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    ("networking.k8s.io/v1", "IngressClass", "ingressclasses", false),
];

/// An API server that runs until it is dropped.
pub(crate) struct ApiServer {
    state: Arc<State>,
    folder: tempfile::TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

#[derive(Default)]
struct State {
    objects: Vec<Value>,
    /// What may not be listed, by its plural.
    hidden: Vec<String>,
    /// What each pod that is made writes before it ends; without it none ends.
    log: Option<String>,
    seen: Mutex<Vec<String>>,
}

impl ApiServer {
    /// Starts one on a thread of its own, so that it also answers a test that waits for a child.
    pub(crate) fn start(objects: Vec<Value>) -> Self {
        Self::start_as(State { objects, ..State::default() })
    }

    /// Starts one that lets nobody list some kinds, by their plurals.
    pub(crate) fn start_hiding(objects: Vec<Value>, hidden: &[&str]) -> Self {
        let hidden = hidden.iter().map(ToString::to_string).collect();
        Self::start_as(State { objects, hidden, ..State::default() })
    }

    /// Starts one whose pods end at once, having written this.
    pub(crate) fn start_probing(objects: Vec<Value>, log: &str) -> Self {
        Self::start_as(State { objects, log: Some(log.to_owned()), ..State::default() })
    }

    fn start_as(state: State) -> Self {
        let state = Arc::new(state);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = state.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config"), kubeconfig(&address.to_string())).unwrap();
        Self { state, folder, stop: Some(stop) }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// The requests so far, as `METHOD PATH?QUERY`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

/// The kubeconfig for an API server at an address.
pub(crate) fn kubeconfig(address: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "double",
        "clusters": [{"name": "double", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "double", "user": {}}],
        "contexts": [{"name": "double", "context": {"cluster": "double", "user": "double"}}],
    })
    .to_string()
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            // A client that goes away is nothing to fail by.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    state.seen.lock().unwrap().push(format!("{method} {path}?{query}"));
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if let Some(log) = state.log.as_ref().filter(|_| path.ends_with("/log")) {
        return Ok(Response::new(Full::from(log.clone())));
    }
    if state.log.is_none() && query.contains("watch=true") {
        std::future::pending::<()>().await;
    }
    if query.contains("watch=true") {
        let name = query.split("metadata.name%3D").nth(1).and_then(|rest| rest.split('&').next());
        let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}, "status": {"phase": "Succeeded"}});
        return Ok(Response::new(Full::from(format!("{}\n", json!({"type": "MODIFIED", "object": pod})))));
    }
    if state.hidden.iter().any(|plural| path.ends_with(&format!("/{plural}"))) {
        let refused = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden",
            "message": format!("{path} is forbidden"), "code": 403});
        let response =
            Response::builder().status(StatusCode::FORBIDDEN).body(Full::from(refused.to_string()));
        return Ok(response.unwrap());
    }
    let answer = match method {
        Method::GET => discovered(&path).or_else(|| state.listed(&path)),
        // It gives back what it is given, as the dry run of a real one does, with its defaults.
        Method::POST | Method::PATCH => serde_json::from_slice(&body).ok(),
        Method::DELETE => Some(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})),
        _ => None,
    };
    let (status, answer) = match answer {
        Some(answer) => (StatusCode::OK, answer),
        None => (
            StatusCode::NOT_FOUND,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                   "message": format!("there is no {path}"), "code": 404}),
        ),
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::from(answer.to_string())).unwrap())
}

/// What there is, for clients that ask for it first.
fn discovered(path: &str) -> Option<Value> {
    let mut groups: BTreeMap<&str, &str> = BTreeMap::new();
    for (api_version, ..) in KINDS {
        if let Some((group, version)) = api_version.split_once('/') {
            groups.insert(group, version);
        }
    }
    let version = |group: &str, version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["version"] => Some(
            json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}),
        ),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        ["apis"] => {
            let groups = groups.iter().map(|(group, served)| {
                json!({"name": group, "versions": [version(group, served)], "preferredVersion": version(group, served)})
            });
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()}))
        }
        ["api", "v1"] => Some(resources("v1")),
        ["apis", group, version] => Some(resources(&format!("{group}/{version}"))),
        _ => None,
    }
}

fn resources(api_version: &str) -> Value {
    let kinds = KINDS.iter().filter(|(of, ..)| *of == api_version);
    let resources = kinds.map(|(_, kind, plural, namespaced)| {
        json!({"name": plural, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind,
               "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]})
    });
    let resources: Vec<Value> = resources.collect();
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources})
}

impl State {
    /// The objects of a list's path, or the one that a path names.
    fn listed(&self, path: &str) -> Option<Value> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let (api_version, rest) = match &parts[..] {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, plural, name) = match rest {
            ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
            ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some(*name)),
            [plural] => (None, *plural, None),
            [plural, name] => (None, *plural, Some(*name)),
            _ => return None,
        };
        let (_, kind, ..) = KINDS.iter().find(|(of, _, other, _)| *of == api_version && *other == plural)?;
        let found = self.objects.iter().filter(|object| {
            object["kind"] == *kind
                && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
                && name.is_none_or(|name| object["metadata"]["name"] == name)
        });
        let mut found = found.cloned();
        if name.is_some() {
            return found.next();
        }
        let items: Vec<Value> = found.collect();
        Some(
            json!({"kind": format!("{kind}List"), "apiVersion": api_version, "metadata": {}, "items": items}),
        )
    }
}
