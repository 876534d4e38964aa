//! The objects of Istio that an export has, as far as it fills them in.
//!
//! Hand-written, since there are two of them, and k8s-openapi has the objects of Kubernetes itself alone.
//! See <https://istio.io/latest/docs/reference/config/networking/>.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

const API_VERSION: &str = "networking.istio.io/v1";

/// Where requests to a host go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualService {
    api_version: &'static str,
    kind: &'static str,
    pub(super) metadata: ObjectMeta,
    spec: VirtualServiceSpec,
}

impl VirtualService {
    pub(super) fn new(metadata: ObjectMeta, spec: VirtualServiceSpec) -> Self {
        Self { api_version: API_VERSION, kind: "VirtualService", metadata, spec }
    }

    pub(super) fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct VirtualServiceSpec {
    pub(super) hosts: Vec<String>,
    pub(super) http: Vec<HttpRoute>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct HttpRoute {
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub(super) matches: Vec<HttpMatch>,
    pub(super) route: Vec<WeightedDestination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retries: Option<HttpRetry>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct HttpMatch {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, ExactMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri: Option<PrefixMatch>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ExactMatch {
    pub(super) exact: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PrefixMatch {
    pub(super) prefix: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct WeightedDestination {
    pub(super) destination: Destination,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Destination {
    pub(super) host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subset: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRetry {
    pub(super) attempts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) per_try_timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_on: Option<String>,
}

/// How requests to a host are spread over its pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationRule {
    api_version: &'static str,
    kind: &'static str,
    pub(super) metadata: ObjectMeta,
    spec: DestinationRuleSpec,
}

impl DestinationRule {
    pub(super) fn new(metadata: ObjectMeta, spec: DestinationRuleSpec) -> Self {
        Self { api_version: API_VERSION, kind: "DestinationRule", metadata, spec }
    }

    pub(super) fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DestinationRuleSpec {
    pub(super) host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) traffic_policy: Option<TrafficPolicy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subsets: Vec<Subset>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrafficPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load_balancer: Option<LoadBalancer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection_pool: Option<ConnectionPool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outlier_detection: Option<OutlierDetection>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LoadBalancer {
    pub(super) simple: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ConnectionPool {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tcp: Option<TcpPool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<HttpPool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TcpPool {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_connections: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connect_timeout: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of Istio")]
pub(super) struct HttpPool {
    #[serde(rename = "http1MaxPendingRequests", skip_serializing_if = "Option::is_none")]
    pub(super) max_pending_requests: Option<u64>,
    #[serde(rename = "http2MaxRequests", skip_serializing_if = "Option::is_none")]
    pub(super) max_requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_requests_per_connection: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutlierDetection {
    #[serde(rename = "consecutive5xxErrors", skip_serializing_if = "Option::is_none")]
    pub(super) consecutive_5xx_errors: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_ejection_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_ejection_percent: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Subset {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}
