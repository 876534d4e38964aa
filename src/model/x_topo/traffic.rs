//! How a service is found in a cluster, and what leads to it from outside.

use super::super::attribute::{Decoder, Place, record};
use super::super::ports::PortNumber;
use super::super::values::{Duration, KeyValues, StringList, words};
use super::{check_host, under};
use crate::diagnostic::Diagnostics;
use crate::yaml::{Node, Value};

record! {
    /// How a service is found in the cluster, and reached from outside.
    #[derive(Default)]
    pub struct ServiceSettings {
        /// What leads to it. Published ports of a headless one are reached as `--published` says.
        #[default = "headless"]
        pub kind as "type": Option<ServiceType>,
        /// The port of the nodes for a published port, by the number in the container; from 30000 to 32767.
        #[example = { "80": 30080 }]
        pub node_ports: std::collections::BTreeMap<String, PortNumber>,
        /// Whether connections from outside may be led to other nodes: `cluster`, or `local`, which keeps the
        /// client's address.
        #[default = "cluster"]
        pub external_traffic_policy: Option<ExternalTrafficPolicy>,
        /// A host outside of the cluster that stands for the service there: nothing is run for it.
        #[example = "db.example.com"]
        pub external_name: Option<String>,
        /// Annotations of its Services.
        #[example = { "example.com/team": "shop" }]
        pub annotations: KeyValues,
    }
    check service_settings;
}

fn service_settings(
    settings: &mut ServiceSettings,
    node: &Node,
    place: &Place<'_>,
    decoder: &mut Decoder<'_>,
) {
    if let Some(name) = &settings.external_name {
        check_host(name, node, "external_name", place, decoder);
        decoder.exclusive(node, place, "external_name", "type");
    }
    let ports = node.get("node_ports").and_then(|entry| entry.node.as_map());
    for (target, entry) in ports.into_iter().flatten() {
        let place = place.key("node_ports");
        if target.parse::<u16>().is_err() {
            let help = "write the number of the port in the container";
            decoder.invalid::<()>(entry.key, &place, format!("`{target}` is no port"), help);
        }
        let port = settings.node_ports.get(target.as_str());
        if port.is_some_and(|port| !(30000..=32767).contains(&port.0)) {
            let why = "node ports go from 30000 to 32767";
            decoder.invalid::<()>(entry.node.span, &place.key(target), why, "choose one of these");
        }
    }
}

words! {
    /// How a service is found in the cluster, and reached from outside.
    pub enum ServiceType {
        /// Its name leads to its pods, as in Docker; nothing leads to it from outside.
        Headless = "headless",
        /// Its name leads to one address, which the cluster balances; nothing leads to it from outside.
        ClusterIp = "clusterip",
        /// Its published ports are those of each node.
        NodePort = "nodeport",
        /// Its published ports are those of a load balancer.
        LoadBalancer = "loadbalancer",
    }
}

words! {
    /// Whether connections from outside may be led to other nodes.
    pub enum ExternalTrafficPolicy {
        /// To any node.
        Cluster = "cluster",
        /// To the pods of the node alone that they came to.
        Local = "local",
    }
}

record! {
    /// What the cluster's ingress leads to the service. All that services say of one host makes one Ingress.
    #[derive(Default)]
    pub struct Ingress {
        /// The ingress class. Default: that of the cluster.
        #[example = "nginx"]
        pub class: Option<String>,
        /// The secret of the cluster with the certificate for its hosts. Default: no TLS.
        #[example = "shop-tls"]
        pub tls_secret: Option<String>,
        /// What is led to the service: `host/path`, or the details.
        #[example = ["shop.example.com/api"]]
        pub rules: Vec<IngressRule>,
        /// Annotations, which each ingress controller has its own of.
        #[example = { "nginx.ingress.kubernetes.io/proxy-body-size": "8m" }]
        pub annotations: KeyValues,
    }
}

record! {
    /// A host and a path that lead to the service.
    #[derive(Default)]
    pub struct IngressRule {
        /// The host. Default: any.
        #[example = "shop.example.com"]
        #[example = "*.example.com"]
        pub host: Option<String>,
        /// The path.
        #[default = "/"]
        #[example = "/api"]
        pub path: Option<String>,
        /// How a path is compared.
        #[default = "prefix"]
        pub path_type: Option<PathType>,
        /// The port of the container. Default: the first that the service is known to use.
        #[example = 8080]
        pub port: Option<PortNumber>,
    }
    short form rule_of_address, { "type": "string" };
    check rule_has_a_host;
}

/// `shop.example.com/api` is a host and a path.
fn rule_of_address(node: Node, _: &mut Diagnostics) -> Node {
    let Value::Text(text) = &node.value else { return node };
    match text.find('/') {
        None => under("host", node),
        Some(0) => under("path", node),
        Some(at) => {
            let (host, path) = text.split_at(at);
            Node::map([("host", Value::Text(host.into())), ("path", Value::Text(path.into()))], node.span)
        }
    }
}

fn rule_has_a_host(rule: &mut IngressRule, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if let Some(host) = &rule.host {
        check_host(host, node, "host", place, decoder);
    }
    check_path(rule.path.as_deref(), node, place, decoder);
}

fn check_path(path: Option<&str>, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if let Some(path) = path.filter(|path| !path.starts_with('/')) {
        let span = node.get("path").map_or(node.span, |entry| entry.node.span);
        decoder.invalid::<()>(span, &place.key("path"), format!("`{path}` is no path"), "start it with `/`");
    }
}

words! {
    /// How a path is compared.
    pub enum PathType {
        /// It is the same, or that of a folder around it.
        Prefix = "prefix",
        /// It is the same.
        Exact = "exact",
        /// As the ingress controller has it.
        ImplementationSpecific = "implementation-specific",
    }
}

record! {
    /// What gateways lead to the service.
    ///
    /// See <https://gateway-api.sigs.k8s.io/api-types/httproute/>.
    pub struct HttpRoute {
        /// The gateways: `name`, `namespace/name`, or the details.
        #[example = ["gateways/public"]]
        pub parents: Vec<ParentGateway>,
        /// The hosts. Default: all of the gateways'.
        #[example = "shop.example.com"]
        pub hostnames: StringList,
        /// What is led to the service: a path, or the details. Default: everything.
        #[example = ["/api"]]
        pub rules: Vec<RouteRule>,
    }
    check route_has_a_parent;
}

fn route_has_a_parent(route: &mut HttpRoute, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if route.parents.is_empty() {
        decoder.missing(node.span, place, "parents");
    }
    for host in &route.hostnames.0 {
        check_host(host, node, "hostnames", place, decoder);
    }
}

record! {
    /// A gateway that a route belongs to.
    pub struct ParentGateway {
        /// Its name.
        #[example = "public"]
        pub name: String,
        /// Its namespace. Default: that of the project.
        #[example = "gateways"]
        pub namespace: Option<String>,
        /// Its listener. Default: all.
        #[example = "https"]
        pub section: Option<String>,
    }
    short form gateway_of_name, { "type": "string" };
}

fn gateway_of_name(node: Node, _: &mut Diagnostics) -> Node {
    let Value::Text(text) = &node.value else { return node };
    match text.split_once('/') {
        None => under("name", node),
        Some((namespace, name)) => Node::map(
            [("namespace", Value::Text(namespace.into())), ("name", Value::Text(name.into()))],
            node.span,
        ),
    }
}

record! {
    /// Requests that a gateway leads to the service.
    #[derive(Default)]
    pub struct RouteRule {
        /// The path.
        #[default = "/"]
        #[example = "/api"]
        pub path: Option<String>,
        /// How the path is compared.
        #[default = "prefix"]
        pub path_type: Option<RoutePathType>,
        /// Headers that requests must have.
        #[example = { "x-beta": "true" }]
        pub headers: KeyValues,
        /// The port of the container. Default: the first that the service is known to use.
        #[example = 8080]
        pub port: Option<PortNumber>,
        /// How long a request may take.
        pub timeout: Option<Duration>,
    }
    short form rule_of_path, { "type": "string" };
    check rule_has_a_path;
}

fn rule_of_path(node: Node, _: &mut Diagnostics) -> Node {
    under("path", node)
}

fn rule_has_a_path(rule: &mut RouteRule, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    check_path(rule.path.as_deref(), node, place, decoder);
}

words! {
    /// How a gateway compares a path.
    pub enum RoutePathType {
        /// It is the same, or that of a folder around it.
        Prefix = "prefix",
        /// It is the same.
        Exact = "exact",
        /// It matches a regular expression, where the gateway has them.
        RegularExpression = "regular-expression",
    }
}
