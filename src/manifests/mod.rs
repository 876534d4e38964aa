//! Room 7: Kubernetes manifests of any origin: what is wrong with them, who their policies let
//! talk, and whether that is what a project means.
//!
//! It knows the API's documentation and nothing of how topo exports, so that each can find the other's mistakes.

pub mod cluster;
pub mod live;
pub mod read;
pub mod validate;
pub mod verify;
