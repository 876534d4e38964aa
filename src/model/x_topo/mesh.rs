//! What a service mesh does with requests to a service.

use super::super::attribute::{Decoder, Place, record};
use super::super::values::{Duration, KeyValues, words};
use crate::diagnostic::{Code, Diagnostic};
use crate::yaml::Node;

record! {
    /// What a service mesh does with requests to the service.
    ///
    /// See <https://istio.io/latest/docs/concepts/traffic-management/>.
    #[derive(Default)]
    pub struct Mesh {
        /// Parts of the pods that are found by the name, to lead requests to.
        #[example = { "v2": {"labels": {"version": "v2"}} }]
        pub subsets: std::collections::BTreeMap<String, Subset>,
        /// Where requests go; the first that matches counts. Default: to all pods alike.
        #[example = [{"match": {"path": "/api"}, "timeout": "5s"}]]
        pub routes: Vec<MeshRoute>,
        /// How the pod for a request is chosen. Default: that of the mesh.
        pub load_balancing: Option<LoadBalancing>,
        /// How many connections and requests there may be at a time.
        pub connection_pool: Option<ConnectionPool>,
        /// When a pod that fails gets no requests for a while.
        pub outlier_detection: Option<OutlierDetection>,
    }
    check subsets_exist;
}

fn subsets_exist(mesh: &mut Mesh, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    for (at, route) in mesh.routes.iter().enumerate() {
        for (index, target) in route.to.iter().enumerate() {
            let unknown = target.subset.as_ref().filter(|subset| !mesh.subsets.contains_key(*subset));
            let Some(subset) = unknown.filter(|_| target.service.is_none()) else { continue };
            let path = ["routes", &at.to_string(), "to", &index.to_string(), "subset"];
            let span = node.at(&path).map_or(node.span, |node| node.span);
            let known = mesh.subsets.keys().map(String::as_str);
            let help = crate::diagnostic::did_you_mean(subset, known)
                .unwrap_or_else(|| format!("add `{subset}` to `subsets`"));
            decoder.diagnostics.push(
                Diagnostic::error(Code::UnknownReference, format!("`{place}` has no subset `{subset}`"))
                    .label(span, "this is none of `subsets`")
                    .help(help),
            );
        }
    }
}

record! {
    /// Part of the pods that are found by the name of the service.
    #[derive(Default)]
    pub struct Subset {
        /// The service whose pods they are; it must have the name too, as an alias.
        #[example = "web-v2"]
        pub service: Option<String>,
        /// Labels that the pods have.
        #[example = { "version": "v2" }]
        pub labels: KeyValues,
    }
    check subset_is_told;
}

fn subset_is_told(subset: &mut Subset, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if subset.service.is_none() && subset.labels.0.is_empty() {
        decoder.missing(node.span, place, "service");
    }
}

record! {
    /// Requests, and where they go.
    #[derive(Default)]
    pub struct MeshRoute {
        /// Which requests. Default: all.
        pub when as "match": Option<RequestMatch>,
        /// Where they go; several share them by weight. Default: to all pods alike.
        #[example = [{"service": "web-v2"}]]
        pub to: Vec<Destination>,
        /// How long one may take in all.
        pub timeout: Option<Duration>,
        /// How often one that failed is tried again.
        pub retries: Option<Retries>,
    }
    check weights_are_whole;
}

fn weights_are_whole(route: &mut MeshRoute, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    let sum: u64 = route.to.iter().filter_map(|target| target.weight).fold(0, u64::saturating_add);
    if route.to.len() > 1 && sum != 100 {
        let span = node.get("to").map_or(node.span, |entry| entry.key);
        let help = "give each a weight, 100 in all";
        decoder.invalid::<()>(span, &place.key("to"), format!("the weights are {sum} in all"), help);
    }
}

record! {
    /// What requests must have, all of it.
    #[derive(Default)]
    pub struct RequestMatch {
        /// Headers with exactly these values.
        #[example = { "x-beta": "true" }]
        pub headers: KeyValues,
        /// The start of the path.
        #[example = "/api"]
        pub path: Option<String>,
    }
}

record! {
    /// Where requests go.
    #[derive(Default)]
    pub struct Destination {
        /// One of `subsets`. Default: all pods.
        #[example = "v2"]
        pub subset: Option<String>,
        /// Another service of the project. Default: this one.
        #[example = "web-v2"]
        pub service: Option<String>,
        /// The percentage of the requests.
        #[example = 90]
        pub weight: Option<u64>,
    }
}

record! {
    /// How often a request that failed is tried again.
    pub struct Retries {
        /// How often.
        #[example = 3]
        pub attempts: u64,
        /// How long each try may take. Default: the timeout of the route.
        pub per_try_timeout: Option<Duration>,
        /// What counts as a failure, such as `5xx,connect-failure`. Default: that of the mesh.
        #[example = "5xx,connect-failure"]
        pub retry_on: Option<String>,
    }
}

words! {
    /// How the pod for a request is chosen.
    pub enum LoadBalancing {
        /// One after the other.
        RoundRobin = "round-robin",
        /// The one with the fewest requests under way.
        LeastRequest = "least-request",
        /// Any.
        Random = "random",
        /// The one that the client asked for.
        Passthrough = "passthrough",
    }
}

record! {
    /// How many connections and requests there may be at a time.
    #[derive(Default)]
    pub struct ConnectionPool {
        /// The most connections.
        #[example = 100]
        pub max_connections: Option<u64>,
        /// How long connecting may take.
        pub connect_timeout: Option<Duration>,
        /// The most requests that wait for a connection.
        #[example = 100]
        pub max_pending_requests: Option<u64>,
        /// The most requests at a time, over HTTP/2.
        #[example = 1000]
        pub max_requests: Option<u64>,
        /// The most requests on one connection.
        #[example = 10]
        pub max_requests_per_connection: Option<u64>,
    }
}

record! {
    /// When a pod that fails gets no requests for a while.
    #[derive(Default)]
    pub struct OutlierDetection {
        /// How many answers of 500 to 599 in a row are too many.
        #[default = 5]
        #[example = 3]
        pub consecutive_5xx_errors: Option<u64>,
        /// The time between two looks.
        #[default = "10s"]
        pub interval: Option<Duration>,
        /// The least time without requests.
        #[default = "30s"]
        pub base_ejection_time: Option<Duration>,
        /// The percentage of the pods that may be left out at a time.
        #[default = 10]
        #[example = 50]
        pub max_ejection_percent: Option<u64>,
    }
}
