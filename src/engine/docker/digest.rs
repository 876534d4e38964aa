//! Asks registries what tags stand for. The engine asks on topo's behalf, so that its proxies and mirrors count.

use super::{Docker, cause};
use crate::engine::reference::Reference;
use crate::engine::{EngineError, Result};

impl Docker {
    pub(super) async fn digest_in_registry(&self, image: &str) -> Result<String> {
        let reference = Reference::parse(image);
        let credentials = self.credentials.of(&reference.registry);
        let answer = self.client.inspect_registry_image(&reference.to_string(), credentials).await;
        let doing = format!("find the digest of image {image}");
        let answer = answer.map_err(|error| EngineError::new(&doing, super::pull::refusal(cause(&error))))?;
        Ok(answer.descriptor.digest.unwrap_or_default())
    }
}
