//! Pulls images, and adds up the progress of their layers.

use std::collections::BTreeMap;

use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

use super::push::Detail;
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
        let login = self.credentials.of(&reference.registry).await;
        let mut answers = client.create_image(Some(options), None, login.credentials);
        let mut layers = Layers::default();
        while let Some(answer) = answers.next().await {
            let refused = |error| {
                EngineError::new(&doing, login_trouble(refusal(cause(&error)), login.trouble.as_deref()))
            };
            let line = answer.map_err(refused)?;
            let detail = line.progress_detail.unwrap_or_default();
            let detail = Detail { current: detail.current, total: detail.total };
            if let Some(progress) = layers.add(line.id, line.status, detail) {
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

/// Adds to a refusal why there was no login, which may be its reason.
fn login_trouble(cause: Cause, trouble: Option<&str>) -> Cause {
    match (cause, trouble) {
        (Cause::PullFailed { message }, Some(trouble)) => {
            Cause::PullFailed { message: format!("{message} ({trouble})") }
        }
        (cause, _) => cause,
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
pub(super) struct Layers {
    by_id: BTreeMap<String, (u64, u64)>,
}

impl Layers {
    /// Takes in a line of the engine's answer. Returns the sums if they changed.
    pub(super) fn add(
        &mut self,
        id: Option<String>,
        status: Option<String>,
        detail: Detail,
    ) -> Option<Progress> {
        let status = status?;
        let count = |number: Option<i64>| u64::try_from(number.unwrap_or(0)).unwrap_or(0);
        let (current, total) = (count(detail.current), count(detail.total));
        if let Some(id) = id {
            match status.as_str() {
                "Downloading" | "Pushing" if total > 0 => {
                    // A layer that is pushed is packed on the way, and may come out larger than it is.
                    self.by_id.insert(id, (current.min(total), total));
                }
                "Download complete" | "Pull complete" | "Pushed" => {
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
        let mut layers = Layers::default();
        let mut line = |id: &str, status: &str, current: i64, total: i64| {
            let detail = Detail { current: Some(current), total: Some(total) };
            layers.add(Some(id.to_owned()), Some(status.to_owned()), detail).unwrap()
        };
        line("a", "Downloading", 10, 100);
        line("b", "Downloading", 5, 50);
        let progress = line("a", "Download complete", 0, 0);
        assert_eq!((progress.current, progress.total), (Some(105), Some(150)));
        assert_eq!(progress.text, "Download complete");
    }
}
