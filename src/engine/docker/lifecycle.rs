//! Calls of a real engine on running containers, and on images that were built for a project.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ImageSummary;
use bollard::query_parameters as query;
use futures_util::StreamExt as _;

use super::{Docker, NO_BOUND, PATIENCE, failed};
use crate::engine::{Cause, EngineError, Result};
use crate::observed::ImageId;
use crate::plan::images::BuiltImage;
use crate::plan::labels;

impl Docker {
    pub(super) async fn restart_container(&self, container: &str, timeout: Option<i32>) -> Result<()> {
        let options =
            query::RestartContainerOptions { t: timeout, ..query::RestartContainerOptions::default() };
        // The answer comes when the container has ended and started, as with a stop.
        let grace = timeout.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let client = self.client.clone().with_timeout(grace.map_or(NO_BOUND, |grace| grace + PATIENCE));
        let restarted = client.restart_container(container, Some(options)).await;
        restarted.map_err(failed(format!("restart container {container}")))
    }

    pub(super) async fn kill_container(&self, container: &str, signal: &str) -> Result<()> {
        let options = query::KillContainerOptions { signal: signal.to_owned() };
        let killed = self.client.kill_container(container, Some(options)).await;
        killed.map_err(failed(format!("kill container {container}")))
    }

    /// Waits for what the engine calls a condition, and returns the exit code.
    pub(super) async fn wait_for(&self, container: &str, condition: &str) -> Result<i64> {
        let doing = format!("wait for container {container} to end");
        let until = query::WaitContainerOptions { condition: condition.to_owned() };
        match self.patient().wait_container(container, Some(until)).next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // bollard takes a code other than 0 for an error.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { error, code }))
                if error.is_empty() =>
            {
                Ok(code)
            }
            Some(Err(error)) => Err(failed(doing)(error)),
            None => {
                let message = "the engine ended the wait without an answer".to_owned();
                Err(EngineError::new(doing, Cause::Disconnected { message }))
            }
        }
    }

    pub(super) async fn images_of_project(&self, project: &str) -> Result<Vec<BuiltImage>> {
        let listed = self.list_images(project, false).await?;
        let built = listed.into_iter().filter_map(|image| {
            let service = image.labels.get(labels::SERVICE).cloned().unwrap_or_default();
            Some(BuiltImage { name: image.repo_tags.into_iter().next()?, service })
        });
        Ok(built.collect())
    }

    pub(super) async fn nameless_images_of_project(&self, project: &str) -> Result<Vec<ImageId>> {
        let listed = self.list_images(project, true).await?;
        Ok(listed.into_iter().map(|image| image.id).collect())
    }

    /// Returns the names of all images that the engine has, in order.
    pub async fn image_names(&self) -> Result<Vec<String>> {
        let listed =
            self.client.list_images(None::<query::ListImagesOptions>).await.map_err(failed("list images"))?;
        let mut names: Vec<String> = listed.into_iter().flat_map(|image| image.repo_tags).collect();
        names.retain(|name| !name.contains("<none>"));
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn list_images(&self, project: &str, is_dangling: bool) -> Result<Vec<ImageSummary>> {
        let filters = HashMap::from([
            ("label".to_owned(), vec![format!("{}={project}", labels::PROJECT)]),
            ("dangling".to_owned(), vec![is_dangling.to_string()]),
        ]);
        let options =
            query::ListImagesOptions { filters: Some(filters), ..query::ListImagesOptions::default() };
        let listed = self.client.list_images(Some(options)).await;
        listed.map_err(failed(format!("list images of project {project}")))
    }

    pub(super) async fn untag_image(&self, image: &str) -> Result<()> {
        let options = query::RemoveImageOptions::default();
        let removed = self.client.remove_image(image, Some(options), None).await;
        removed.map(drop).map_err(failed(format!("remove image {image}"))).map_err(|error| {
            match error.cause {
                // Elsewhere it is something that another call needs; here it is what the call is about.
                Cause::ImageMissing { image } => EngineError::new(
                    error.doing,
                    Cause::NotFound { message: format!("No such image: {image}") },
                ),
                _ => error,
            }
        })
    }
}
