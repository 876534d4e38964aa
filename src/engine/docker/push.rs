//! Pushes images.

use futures_util::StreamExt;
use serde::Deserialize;

use super::Docker;
use super::credentials::encoded;
use super::pull::Layers;
use super::wire;
use crate::engine::reference::Reference;
use crate::engine::{Cause, EngineError, Progress, Result};

/// A line of the engine's answer. bollard's own type leaves out the layer that it is about.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) id: Option<String>,
    pub(super) status: Option<String>,
    #[serde(rename = "progressDetail")]
    pub(super) detail: Detail,
    error: Option<String>,
}

/// How far a layer is.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    pub(super) current: Option<i64>,
    pub(super) total: Option<i64>,
}

impl Docker {
    pub(super) async fn push_image(&self, image: &str, report: &dyn Fn(Progress)) -> Result<()> {
        let doing = format!("push image {image}");
        let reference = Reference::parse(image);
        let path = format!(
            "/images/{}/push?tag={}",
            reference.name(),
            reference.tag.as_deref().or(reference.digest.as_deref()).unwrap_or_default()
        );
        // Without the header the engine says that it is bad, not that it is missing.
        let login = self.credentials.of(&reference.registry).await;
        let headers = [("X-Registry-Auth", encoded(&login.credentials.unwrap_or_default()))];
        let refused =
            |error: EngineError| EngineError::new(&doing, push_cause(error.cause, login.trouble.as_deref()));
        let answer = self.post(&doing, &path, &headers, wire::full("")).await.map_err(refused)?;
        let mut lines = wire::lines::<Line>(doing.clone(), answer);
        let mut layers = Layers::default();
        while let Some(line) = lines.next().await {
            let line = line?;
            if let Some(message) = line.error {
                return Err(refused(EngineError::new(&doing, Cause::Other { status: None, message })));
            }
            if let Some(progress) = layers.add(line.id, line.status, line.detail) {
                report(progress);
            }
        }
        Ok(())
    }
}

/// What a registry refuses arrives under many statuses; all of them mean that the push failed. Why there was no login
/// may be the reason.
fn push_cause(cause: Cause, trouble: Option<&str>) -> Cause {
    let message = match cause {
        Cause::Disconnected { .. } | Cause::TimedOut => return cause,
        Cause::ImageMissing { image } => format!("there is no image `{image}`"),
        cause => cause.to_string(),
    };
    Cause::PushFailed { message: trouble.map_or(message.clone(), |trouble| format!("{message} ({trouble})")) }
}
