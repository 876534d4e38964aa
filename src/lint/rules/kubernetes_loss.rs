//! What an export to Kubernetes does not keep.

use super::{Finding, Input};

rule! {
    /// Kubernetes expresses something only nearly, or not at all; `topo export k8s` says the same. Off by default, since
    /// not every project is to be exported.
    "kubernetes-loss" in Kubernetes at Off, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    (input.losses)().iter().map(|loss| Finding::of(input, loss)).collect()
}
