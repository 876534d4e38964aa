//! How a kubelet finds out about a container: over HTTP, TCP or gRPC, or by a command.

use super::super::attribute::{Decoder, Place, record};
use super::super::ports::PortNumber;
use super::super::values::{Duration, KeyValues, words};
use super::under;
use crate::diagnostic::Diagnostics;
use crate::yaml::Node;

record! {
    /// How the kubelet finds out whether a container started, may get requests, and is to be started again.
    #[derive(Default)]
    pub struct Probes {
        /// A container that fails it gets no requests. Default: the health check.
        pub readiness: Option<Probe>,
        /// A container that fails it is started again. Default: none, since Docker does not do that.
        pub liveness: Option<Probe>,
        /// The others wait until it passes. Default: the health check, where it has a `start_period`.
        pub startup: Option<Probe>,
    }
}

record! {
    /// One way to find out about a container. Without `http`, `tcp`, `grpc` and `exec` it is the command of the health
    /// check. What else is not given is that of the health check, and at last Docker's default.
    #[derive(Default)]
    pub struct Probe {
        /// A request that must be answered with 200 to 399: a path, or the details.
        #[example = "/healthz"]
        #[example = { "path": "/healthz", "port": 8080 }]
        pub http: Option<HttpProbe>,
        /// A port that must take connections.
        #[example = 5432]
        pub tcp: Option<PortNumber>,
        /// A port that must answer the health protocol of gRPC.
        pub grpc: Option<GrpcProbe>,
        /// A command that must end with 0, as a list.
        #[example = ["pg_isready"]]
        pub exec: Vec<String>,
        /// The time between two tries, in whole seconds.
        pub interval: Option<Duration>,
        /// How long one try may take, in whole seconds.
        pub timeout: Option<Duration>,
        /// How many failures in a row count.
        #[example = 3]
        pub retries: Option<u64>,
        /// The time before the first try.
        #[default = "0s"]
        pub initial_delay: Option<Duration>,
    }
    check one_way;
}

fn one_way(_: &mut Probe, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    let mut ways = ["http", "tcp", "grpc", "exec"].into_iter().filter_map(|key| node.get(key).map(|_| key));
    if let (Some(one), Some(other)) = (ways.next(), ways.next()) {
        decoder.exclusive(node, place, one, other);
    }
}

record! {
    /// A request that must be answered with 200 to 399.
    #[derive(Default)]
    pub struct HttpProbe {
        /// The path.
        #[default = "/"]
        #[example = "/healthz"]
        pub path: Option<String>,
        /// The port of the container. Default: the first that the service is known to use.
        #[example = 8080]
        pub port: Option<PortNumber>,
        /// `http` or `https`, whose certificate is not checked.
        #[default = "http"]
        pub scheme: Option<Scheme>,
        /// Headers of the request.
        #[example = { "Host": "shop.example.com" }]
        pub headers: KeyValues,
    }
    short form http_of_path, { "type": "string" };
    check path_is_absolute;
}

fn http_of_path(node: Node, _: &mut Diagnostics) -> Node {
    under("path", node)
}

fn path_is_absolute(probe: &mut HttpProbe, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if let Some(path) = probe.path.as_ref().filter(|path| !path.starts_with('/')) {
        let span = node.get("path").map_or(node.span, |entry| entry.node.span);
        let why = format!("`{path}` is no path");
        decoder.invalid::<()>(span, &place.key("path"), why, "begin it with `/`");
    }
}

words! {
    /// How a probe asks.
    pub enum Scheme {
        /// In plain text.
        Http = "http",
        /// By TLS.
        Https = "https",
    }
}

record! {
    /// A port that must answer the health protocol of gRPC.
    pub struct GrpcProbe {
        /// The port of the container.
        #[example = 9000]
        pub port: PortNumber,
        /// The service that is asked for. Default: the server as a whole.
        #[example = "shop.v1.Cart"]
        pub service: Option<String>,
    }
}
