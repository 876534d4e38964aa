//! topo reads a compose file, resolves it into a graph of services, networks, ports and volumes, brings it up
//! through Docker Engine, and exports it to Kubernetes.
//!
//! The rooms are listed lowest first; a room imports only rooms above it. See `docs/architecture.md`.

pub mod source;

pub mod diagnostic;

pub mod yaml;

pub mod model;

pub mod load;

pub mod project;

pub mod observed;
pub mod probe;
pub mod topology;

pub mod diagnose;
pub mod k8s;
pub mod lint;
pub mod manifests;
pub mod plan;
pub mod prober;

pub mod api_server;
pub mod engine;

pub mod listing;

pub mod lsp;
