//! Pulls images, and adds up the progress of their layers.

use std::collections::BTreeMap;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

use super::{Docker, cause, failed};
use crate::engine::reference::Reference;
use crate::engine::{Cause, EngineError, Progress, Result};
use crate::observed::ImageId;

impl Docker {
    pub(super) async fn pull_image(
        &self,
        image: &str,
        platform: Option<&str>,
        report: &dyn Fn(Progress),
    ) -> Result<ImageId> {
        let doing = format!("pull image {image}");
        let reference = Reference::parse(image);
        let options = CreateImageOptions {
            // A name alone would pull every tag of it, and a name with a digest must not have a tag.
            from_image: Some(match &reference.digest {
                Some(digest) => format!("{}@{digest}", reference.name()),
                None => reference.name(),
            }),
            tag: reference.tag.filter(|_| reference.digest.is_none()),
            platform: platform.unwrap_or_default().to_owned(),
            ..CreateImageOptions::default()
        };
        let client = self.patient();
        let credentials = self.credentials.of(&reference.registry);
        let mut answers = client.create_image(Some(options), None, credentials);
        let mut layers = Layers::default();
        while let Some(answer) = answers.next().await {
            let refused = |error| EngineError::new(&doing, refusal(cause(&error)));
            if let Some(progress) = layers.add(answer.map_err(refused)?) {
                report(progress);
            }
        }
        self.image_id(image).await
    }

    /// Returns the ID of an image that is there.
    pub(super) async fn image_id(&self, image: &str) -> Result<ImageId> {
        let inspected = self.client.inspect_image(image).await;
        let inspected = inspected.map_err(failed(format!("look at image {image}")))?;
        Ok(inspected.id.unwrap_or_default())
    }
}

/// What a registry refuses arrives under many statuses; all of them mean that the pull failed.
pub(super) fn refusal(cause: Cause) -> Cause {
    match cause {
        Cause::NotFound { message }
        | Cause::Other { message, .. }
        | Cause::NameTaken { message }
        | Cause::InUse { message } => Cause::PullFailed { message },
        Cause::ImageMissing { image } => {
            Cause::PullFailed { message: format!("there is no image `{image}`") }
        }
        other => other,
    }
}

/// How far each layer of an image is, in bytes.
#[derive(Default)]
struct Layers {
    by_id: BTreeMap<String, (u64, u64)>,
}

impl Layers {
    /// Takes in a line of the engine's answer. Returns the sums if they changed.
    fn add(&mut self, info: CreateImageInfo) -> Option<Progress> {
        let status = info.status?;
        let detail = info.progress_detail.unwrap_or_default();
        let counted = (detail.current.unwrap_or(0), detail.total.unwrap_or(0));
        let (current, total) = (u64::try_from(counted.0).unwrap_or(0), u64::try_from(counted.1).unwrap_or(0));
        if let Some(id) = info.id {
            match status.as_str() {
                "Downloading" if total > 0 => {
                    self.by_id.insert(id, (current, total));
                }
                "Download complete" | "Pull complete" => {
                    if let Some((current, total)) = self.by_id.get_mut(&id) {
                        *current = *total;
                    }
                }
                _ => {}
            }
        }
        let sum = |part: fn(&(u64, u64)) -> u64| {
            (!self.by_id.is_empty()).then(|| self.by_id.values().map(part).sum())
        };
        Some(Progress { current: sum(|layer| layer.0), total: sum(|layer| layer.1), text: status })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::engine::Engine as _;
    use crate::engine::docker::Connection;

    /// Answers each connection with the next text, and returns what was asked.
    async fn serve(listener: TcpListener, answers: [&str; 2]) -> Vec<String> {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            asked.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    }

    /// bollard sends paths without a version, and credentials in an encoding that engines do not read.
    #[tokio::test]
    async fn requests_have_the_version_and_readable_credentials() {
        let config = tempfile::tempdir().unwrap();
        // The password makes both characters that the two encodings differ in.
        let text =
            r#"{"auths": {"https://index.docker.io/v1/": {"username": "me", "password": "~~~???>>>"}}}"#;
        std::fs::write(config.path().join("config.json"), text).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection {
            host: Some(format!("tcp://{}", listener.local_addr().unwrap())),
            config: Some(config.path().to_owned()),
            ..Connection::default()
        };
        let ping = "HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\n\r\nOK";
        let refusal = "HTTP/1.1 500 Oops\r\nContent-Length: 23\r\n\r\n{\"message\":\"no, sorry\"}";
        let pulled = async {
            let docker = Docker::connect(&connection).await.unwrap();
            assert_eq!(docker.api(), (1, 51));
            docker.pull("nginx:alpine", None, &|_| ()).await
        };
        let (pulled, asked) = tokio::join!(pulled, serve(listener, [ping, refusal]));
        assert_eq!(pulled.unwrap_err().to_string(), "pull image nginx:alpine: no, sorry");
        let path = "/v1.51/images/create?fromImage=docker.io%2Flibrary%2Fnginx&tag=alpine&platform=";
        assert!(asked[1].starts_with(&format!("POST {path} HTTP/1.1")), "{}", asked[1]);
        let auth = asked[1].lines().find_map(|line| line.strip_prefix("x-registry-auth: ")).unwrap();
        assert!(!auth.contains(['+', '/']) && auth.contains(['-', '_']), "{auth}");
    }

    #[test]
    fn layers_add_up() {
        let line = |id: &str, status: &str, current: i64, total: i64| -> CreateImageInfo {
            serde_json::from_value(serde_json::json!({
                "id": id, "status": status, "progressDetail": {"current": current, "total": total},
            }))
            .unwrap()
        };
        let mut layers = Layers::default();
        layers.add(line("a", "Downloading", 10, 100));
        layers.add(line("b", "Downloading", 5, 50));
        let progress = layers.add(line("a", "Download complete", 0, 0)).unwrap();
        assert_eq!((progress.current, progress.total), (Some(105), Some(150)));
        assert_eq!(progress.text, "Download complete");
    }
}
