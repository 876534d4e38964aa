//! The objects of the Gateway API that an export has, as far as it fills them in.
//!
//! Hand-written, since k8s-openapi has the objects of Kubernetes itself alone.
//! See <https://gateway-api.sigs.k8s.io/reference/spec/>.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::model::values::Duration;

/// What gateways lead to a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HTTPRoute {
    api_version: &'static str,
    kind: &'static str,
    pub(super) metadata: ObjectMeta,
    spec: HttpRouteSpec,
}

impl HTTPRoute {
    pub(super) fn new(metadata: ObjectMeta, spec: HttpRouteSpec) -> Self {
        Self { api_version: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata, spec }
    }

    pub(super) fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRouteSpec {
    pub(super) parent_refs: Vec<ParentReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hostnames: Vec<String>,
    pub(super) rules: Vec<HttpRouteRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParentReference {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) section_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRouteRule {
    pub(super) matches: Vec<HttpRouteMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeouts: Option<HttpRouteTimeouts>,
    pub(super) backend_refs: Vec<BackendReference>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRouteMatch {
    pub(super) path: PathMatch,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<HeaderMatch>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PathMatch {
    #[serde(rename = "type")]
    pub(super) type_: &'static str,
    pub(super) value: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct HeaderMatch {
    #[serde(rename = "type")]
    pub(super) type_: &'static str,
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct HttpRouteTimeouts {
    pub(super) request: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct BackendReference {
    pub(super) name: String,
    pub(super) port: u16,
}

/// Writes a span of time as the Gateway API and Istio take it: `10s`, or `1500ms`.
pub(super) fn duration(duration: Duration) -> String {
    let milliseconds = duration.0.as_millis().max(1);
    if milliseconds.is_multiple_of(1000) {
        format!("{}s", milliseconds / 1000)
    } else {
        format!("{milliseconds}ms")
    }
}
