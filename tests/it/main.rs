//! Tests of topo as a library, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod cli;
mod config;
mod contract;
mod corpus;
mod diagnostics;
mod docs;
mod examples;
mod generated;
mod k8s;
mod layers;
mod plan;
mod properties;
mod run;
mod schema;
mod target;
