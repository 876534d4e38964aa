//! Tests of topo as a library, in one binary.

mod apply;
mod config;
mod contract;
mod corpus;
mod diagnostics;
mod k8s;
mod plan;
