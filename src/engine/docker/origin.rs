//! What a container was created from, put together from what the engine says of it and of its image.

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ImageInspect};

use crate::plan::changes::Origin;

/// Puts an origin together. The three types have the same names for the same things, so they are read from each
/// other's JSON.
pub(super) fn origin(container: &ContainerInspectResponse, image: Option<&ImageInspect>) -> Origin {
    let as_body = |config: serde_json::Result<serde_json::Value>| -> ContainerCreateBody {
        config.and_then(serde_json::from_value).unwrap_or_default()
    };
    let body = ContainerCreateBody {
        host_config: container.host_config.clone(),
        ..as_body(serde_json::to_value(container.config.clone().unwrap_or_default()))
    };
    let config = image.and_then(|image| image.config.clone()).unwrap_or_default();
    Origin { body, image: as_body(serde_json::to_value(config)) }
}
