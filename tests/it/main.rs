//! Tests of topo as a library, in one binary.

mod apply;
mod contract;
mod k8s;
mod plan;
