//! Tests of topo as a library, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_server;
mod apply;
mod around;
mod cli;
mod compatibility;
mod config;
mod connect;
mod contract;
mod corpus;
mod diagnose;
mod diagnose_k8s;
mod diagnostic_examples;
mod diagnostics;
mod docs;
mod examples;
mod explain;
mod forms;
mod generate;
mod generated;
mod graph;
mod images;
mod k8s;
mod k8s_golden;
mod k8s_shapes;
mod kube_version;
mod layers;
mod lifecycle;
mod limits;
mod lint;
mod lsp;
mod manifests;
mod odd;
mod on_cluster;
mod plan;
mod properties;
mod properties_loading;
mod reach;
mod run;
mod schema;
mod schema_corpus;
mod target;
mod verify;
mod watch;
mod x_topo;
