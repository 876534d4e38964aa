//! A service mesh: where requests go, how often they are tried, and when a pod gets none for a while.

use k8s_openapi::api::core::v1::Namespace;

use crate::model::x_topo::mesh::{self as model, LoadBalancing, Mesh, MeshRoute, RequestMatch};

use super::gateway::duration;
use super::istio::{
    ConnectionPool, Destination, DestinationRule, DestinationRuleSpec, ExactMatch, HttpMatch, HttpPool,
    HttpRetry, HttpRoute, LoadBalancer, OutlierDetection, PrefixMatch, Subset, TcpPool, TrafficPolicy,
    VirtualService, VirtualServiceSpec, WeightedDestination,
};
use super::names::dns_label;
use super::network::Mode;
use super::{NAME, Object, Scope};

/// A service mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshKind {
    /// Istio, with a sidecar in each pod.
    Istio,
}

/// Returns whether the mesh does something with requests to a service.
pub(super) fn is_meshed(scope: &Scope<'_>, name: &str) -> bool {
    scope.options.mesh.is_some() && scope.settings(name).mesh.is_some()
}

/// Returns whether the mesh has to understand requests to a service.
pub(super) fn routes_http(scope: &Scope<'_>, name: &str) -> bool {
    is_meshed(scope, name) && scope.settings(name).mesh.as_ref().is_some_and(|mesh| !mesh.routes.is_empty())
}

/// Has the mesh put its proxy into the pods of the namespace.
pub(super) fn inject(scope: &mut Scope<'_>, namespace: &mut Namespace) {
    if scope.options.mesh.is_none() {
        return;
    }
    let labels = namespace.metadata.labels.get_or_insert_default();
    labels.insert("istio-injection".to_owned(), "enabled".to_owned());
    // The init container that leads traffic to the proxy needs NET_ADMIN.
    labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "privileged".to_owned());
    scope.report.note(
        "the namespace is `privileged`, since Istio's init container sets up the network of each pod; with Istio's CNI plugin `baseline` will do",
    );
}

/// Returns the objects of the mesh.
pub(super) fn objects(scope: &mut Scope<'_>) -> Vec<Object> {
    let project = scope.project;
    let mut objects = Vec::new();
    for (name, service) in &project.services {
        let Some(mesh) = scope.settings(name).mesh.clone() else { continue };
        let path = ["services", name, "x-topo", "kubernetes", "mesh"];
        if scope.options.mesh.is_none() {
            let message = format!("what a mesh does with requests to service `{name}` is left out");
            scope.report.lost(&path, message, "export with `--mesh istio`");
            continue;
        }
        if !matches!(Mode::of(project, service), Mode::Networks | Mode::Named(_)) {
            let message = format!("a mesh does not see service `{name}`: it has no name in the cluster");
            scope.report.lost(&path, message, "give it networks of its own");
            continue;
        }
        let Mesh { subsets, routes, load_balancing, connection_pool, outlier_detection, extensions: _ } =
            mesh;
        let host = scope.names.services[name].clone();
        let mut http = Vec::new();
        for (at, route) in routes.into_iter().enumerate() {
            http.push(http_route(scope, name, &host, at, route));
        }
        if !http.is_empty() {
            let spec = VirtualServiceSpec { hosts: vec![host.clone()], http };
            objects.push(VirtualService::new(scope.metadata(&host, Some(name)), spec).into());
        }
        let mut parts = Vec::new();
        for (subset, of_subset) in subsets {
            parts.extend(part(scope, name, &subset, of_subset));
        }
        let policy = TrafficPolicy {
            load_balancer: load_balancing.map(|one| LoadBalancer {
                simple: match one {
                    LoadBalancing::RoundRobin => "ROUND_ROBIN",
                    LoadBalancing::LeastRequest => "LEAST_REQUEST",
                    LoadBalancing::Random => "RANDOM",
                    LoadBalancing::Passthrough => "PASSTHROUGH",
                },
            }),
            connection_pool: connection_pool.as_ref().map(pool),
            outlier_detection: outlier_detection.as_ref().map(outliers),
        };
        let policy = (policy != TrafficPolicy::default()).then_some(policy);
        if policy.is_some() || !parts.is_empty() {
            let spec = DestinationRuleSpec { host: host.clone(), traffic_policy: policy, subsets: parts };
            objects.push(DestinationRule::new(scope.metadata(&host, Some(name)), spec).into());
        }
    }
    objects
}

/// Returns a subset: the pods of a service that has the name too, or those with the labels.
fn part(scope: &mut Scope<'_>, name: &str, subset: &str, given: model::Subset) -> Option<Subset> {
    let model::Subset { service, labels, extensions: _ } = given;
    let mut labels = labels.0;
    if let Some(of) = service {
        let host = &scope.names.services[name];
        let has_name =
            scope.owners.get(host).is_some_and(|owners| owners.iter().any(|owner| owner.service == of));
        if !has_name {
            let path = ["services", name, "x-topo", "kubernetes", "mesh", "subsets", subset, "service"];
            let message = format!("service `{of}` is not found as `{name}`, so it is no subset of it");
            scope.report.lost(&path, message, format!("give `{of}` the alias `{name}` on a network of both"));
            return None;
        }
        labels.insert(NAME.to_owned(), scope.names.services[&of].clone());
    }
    Some(Subset { name: dns_label(subset, 63), labels })
}

fn http_route(scope: &mut Scope<'_>, name: &str, host: &str, at: usize, route: MeshRoute) -> HttpRoute {
    let MeshRoute { when, to, timeout, retries, extensions: _ } = route;
    let matches = when.map(|RequestMatch { headers, path, extensions: _ }| HttpMatch {
        headers: headers
            .0
            .into_iter()
            .map(|(key, exact)| (key.to_ascii_lowercase(), ExactMatch { exact }))
            .collect(),
        uri: path.map(|prefix| PrefixMatch { prefix }),
    });
    let whole = || WeightedDestination {
        destination: Destination { host: host.to_owned(), subset: None },
        weight: None,
    };
    let mut targets = Vec::new();
    for (index, target) in to.into_iter().enumerate() {
        let model::Destination { subset, service, weight, extensions: _ } = target;
        let made = service.as_ref().map(|other| scope.names.services.get(other).cloned());
        if made == Some(None) {
            let other = service.unwrap_or_default();
            let (at, index) = (at.to_string(), index.to_string());
            let path =
                ["services", name, "x-topo", "kubernetes", "mesh", "routes", &at, "to", &index, "service"];
            let message = format!("requests cannot go to `{other}`, which is no service of the project");
            scope.report.lost(&path, message, "name one of the services");
            continue;
        }
        let host = made.flatten().unwrap_or_else(|| host.to_owned());
        let subset = subset.map(|subset| dns_label(&subset, 63));
        targets.push(WeightedDestination { destination: Destination { host, subset }, weight });
    }
    if targets.is_empty() {
        targets.push(whole());
    }
    HttpRoute {
        matches: matches.into_iter().collect(),
        route: targets,
        timeout: timeout.map(duration),
        retries: retries.map(|model::Retries { attempts, per_try_timeout, retry_on, extensions: _ }| {
            HttpRetry { attempts, per_try_timeout: per_try_timeout.map(duration), retry_on }
        }),
    }
}

fn pool(pool: &model::ConnectionPool) -> ConnectionPool {
    let model::ConnectionPool {
        max_connections,
        connect_timeout,
        max_pending_requests,
        max_requests,
        max_requests_per_connection,
        extensions: _,
    } = pool;
    let tcp = TcpPool { max_connections: *max_connections, connect_timeout: connect_timeout.map(duration) };
    let http = HttpPool {
        max_pending_requests: *max_pending_requests,
        max_requests: *max_requests,
        max_requests_per_connection: *max_requests_per_connection,
    };
    ConnectionPool {
        tcp: (tcp != TcpPool::default()).then_some(tcp),
        http: (http != HttpPool::default()).then_some(http),
    }
}

fn outliers(given: &model::OutlierDetection) -> OutlierDetection {
    let model::OutlierDetection {
        consecutive_5xx_errors,
        interval,
        base_ejection_time,
        max_ejection_percent,
        extensions: _,
    } = given;
    OutlierDetection {
        consecutive_5xx_errors: *consecutive_5xx_errors,
        interval: interval.map(duration),
        base_ejection_time: base_ejection_time.map(duration),
        max_ejection_percent: *max_ejection_percent,
    }
}
