//! Looks into images for the programs that health checks run. The engine shows files of containers only, so one is made
//! of the image, never started, and removed.

use std::collections::BTreeSet;

use bollard::models::{ContainerCreateBody, HostConfig};

use super::inside::Inside;
use super::{Cause, EngineError, Result};

/// Where programs are in an image that does not say so; as in the engine.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns those of the programs that an image lacks; none where the engine does not have the image. The containers of
/// several calls are told apart by `number`.
pub async fn lacking(
    engine: &impl Inside,
    image: &str,
    programs: &BTreeSet<String>,
    number: usize,
) -> Result<BTreeSet<String>> {
    let details = match engine.image(image).await {
        Err(EngineError { cause: Cause::ImageMissing { .. } | Cause::NotFound { .. }, .. }) => {
            return Ok(BTreeSet::new());
        }
        found => found?,
    };
    let body = ContainerCreateBody {
        image: Some(details.id),
        // An image may have no command of its own.
        entrypoint: Some(vec!["/".to_owned()]),
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let name = format!("topo-lint-{}-{number}", std::process::id());
    let container = engine.create_container(&name, None, &body).await?;
    let path = details.path.as_deref().unwrap_or(PATH);
    let found = find(engine, &container, path, programs).await;
    // What was found counts more.
    let removed = engine.remove_container(&container, true).await;
    let found = found?;
    removed.map(|()| found)
}

async fn find(
    engine: &impl Inside,
    container: &str,
    path: &str,
    programs: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let mut lacking = BTreeSet::new();
    'programs: for program in programs {
        let folders = path.split(':').filter(|folder| !folder.is_empty());
        let places: Vec<String> = match program.starts_with('/') {
            true => vec![program.clone()],
            false => folders.map(|folder| format!("{}/{program}", folder.trim_end_matches('/'))).collect(),
        };
        for place in places {
            match engine.look_at(container, &place).await {
                Ok(_) => continue 'programs,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        lacking.insert(program.clone());
    }
    Ok(lacking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine as _;
    use crate::engine::fake::FakeEngine;

    #[tokio::test]
    async fn an_image_that_is_not_there_lacks_nothing_and_a_container_is_not_left() {
        let engine = FakeEngine::new();
        engine.add_image("app");
        let programs = BTreeSet::from(["/bin/sh".to_owned(), "curl".to_owned()]);
        assert_eq!(lacking(&engine, "other", &programs, 0).await.unwrap(), BTreeSet::new());
        // The images of this engine are empty.
        assert_eq!(lacking(&engine, "app", &programs, 0).await.unwrap(), programs);
        assert!(engine.inspect(&format!("topo-lint-{}-0", std::process::id())).await.is_err());
    }
}
