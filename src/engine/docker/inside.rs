//! Commands, conversations and files in the containers of a real engine.

use base64::Engine as _;
use bollard::models::{ContainerConfig, ExecConfig};
use bollard::query_parameters as query;
use hyper::{HeaderMap, Method};
use serde::Deserialize;

use super::hijack::{Body, pieces};
use super::{Docker, failed};
use crate::engine::inside::{Archive, Attach, Commit, FileInfo, FileKind, Inside, Size, Streams, Terminal};
use crate::engine::{Cause, EngineError, Result};
use crate::observed::ImageId;

impl Inside for Docker {
    async fn create_exec(&self, container: &str, request: &ExecConfig) -> Result<String> {
        let created = self.client.create_exec(container, request.clone()).await;
        created.map(|created| created.id).map_err(failed(format!("run a command in container {container}")))
    }

    async fn start_exec(&self, exec: &str, tty: bool) -> Result<()> {
        let options = bollard::exec::StartExecOptions { detach: true, tty, output_capacity: None };
        let started = self.client.start_exec(exec, Some(options)).await;
        started.map(|_| ()).map_err(failed("start a command"))
    }

    async fn attach_exec(&self, exec: &str, tty: bool) -> Result<Streams> {
        let body = serde_json::json!({ "Detach": false, "Tty": tty }).to_string();
        self.converse(&format!("/exec/{exec}/start"), Body::Json(body.into()), tty, "start a command").await
    }

    async fn exec_code(&self, exec: &str) -> Result<Option<i64>> {
        let looked = self.client.inspect_exec(exec).await.map_err(failed("look at a command"))?;
        Ok(looked.exit_code.filter(|_| looked.running != Some(true)))
    }

    async fn attach(&self, container: &str, how: Attach) -> Result<Streams> {
        let Attach { tty, stdin, detach_keys } = how;
        let keys = detach_keys.map(|keys| format!("&detachKeys={}", encoded(&keys))).unwrap_or_default();
        let stdin = if stdin { "&stdin=1" } else { "" };
        let path = format!("/containers/{container}/attach?stream=1{stdin}&stdout=1&stderr=1{keys}");
        self.converse(&path, Body::Empty, tty, &format!("attach to container {container}")).await
    }

    async fn resize(&self, terminal: &Terminal, size: Size) -> Result<()> {
        let (height, width) = (i32::from(size.rows), i32::from(size.columns));
        let resized = match terminal {
            Terminal::Container(container) => {
                let options = query::ResizeContainerTTYOptions { h: height, w: width };
                self.client.resize_container_tty(container, options).await
            }
            Terminal::Exec(exec) => {
                let options = query::ResizeExecOptions { h: height, w: width };
                self.client.resize_exec(exec, options).await
            }
        };
        resized.map_err(failed("resize a terminal"))
    }

    async fn look_at(&self, container: &str, path: &str) -> Result<FileInfo> {
        let doing = format!("look at {path} in container {container}");
        let path = format!("/containers/{container}/archive?path={}", encoded(path));
        let answer = self.request(Method::HEAD, &path, Body::Empty, false, &doing).await?;
        file_info(answer.headers(), &doing)
    }

    async fn pack(&self, container: &str, path: &str) -> Result<(FileInfo, Archive)> {
        let doing = format!("copy {path} from container {container}");
        let path = format!("/containers/{container}/archive?path={}", encoded(path));
        let answer = self.request(Method::GET, &path, Body::Empty, false, &doing).await?;
        Ok((file_info(answer.headers(), &doing)?, pieces(answer)))
    }

    async fn unpack(&self, container: &str, directory: &str, archive: Archive, to_user: bool) -> Result<()> {
        let doing = format!("copy to {directory} in container {container}");
        let owners = if to_user { "&copyUIDGID=true" } else { "" };
        let path = format!(
            "/containers/{container}/archive?noOverwriteDirNonDir=true&path={}{owners}",
            encoded(directory)
        );
        self.request(Method::PUT, &path, Body::Archive(archive), false, &doing).await.map(|_| ())
    }

    async fn export(&self, container: &str) -> Result<Archive> {
        let doing = format!("export container {container}");
        let path = format!("/containers/{container}/export");
        Ok(pieces(self.request(Method::GET, &path, Body::Empty, false, &doing).await?))
    }

    async fn commit(&self, container: &str, commit: &Commit) -> Result<ImageId> {
        let Commit { reference, author, message, changes, pause } = commit;
        let (repository, tag) = repository_and_tag(reference);
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let options = query::CommitContainerOptions {
            container: Some(container.to_owned()),
            repo: text(repository),
            tag: text(tag),
            comment: text(message),
            author: text(author),
            pause: *pause,
            changes: text(&changes.join("\n")),
        };
        let made = self.patient().commit_container(options, ContainerConfig::default()).await;
        made.map(|image| image.id).map_err(failed(format!("make an image of container {container}")))
    }
}

/// Splits `registry:5000/name:tag`. A name without a tag gets `latest` from the engine.
fn repository_and_tag(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, ""),
    }
}

/// Writes a value of a query so that it arrives as it is.
pub(super) fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// Reads what an engine says of a path: JSON in base64, with Go's bits for the kind of file.
fn file_info(headers: &HeaderMap, doing: &str) -> Result<FileInfo> {
    const DIRECTORY: u32 = 1 << 31;
    const LINK: u32 = 1 << 27;
    /// Devices, pipes, sockets, and what Go does not know.
    const OTHER: u32 = (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19);
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Stat {
        name: String,
        mode: u32,
        #[serde(default)]
        link_target: String,
    }
    let read = || {
        let header = headers.get("X-Docker-Container-Path-Stat")?;
        let text = base64::engine::general_purpose::STANDARD.decode(header.as_bytes()).ok()?;
        serde_json::from_slice::<Stat>(&text).ok()
    };
    let Some(Stat { name, mode, link_target }) = read() else {
        let message = "the engine does not say what is there".to_owned();
        return Err(EngineError::new(doing, Cause::Other { status: None, message }));
    };
    let kind = match mode {
        mode if mode & DIRECTORY != 0 => FileKind::Directory,
        mode if mode & LINK != 0 => FileKind::Link,
        mode if mode & OTHER != 0 => FileKind::Other,
        _ => FileKind::File,
    };
    Ok(FileInfo { name, kind, link_target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        assert_eq!(repository_and_tag("registry:5000/app"), ("registry:5000/app", ""));
        assert_eq!(repository_and_tag("registry:5000/app:2"), ("registry:5000/app", "2"));
        assert_eq!(repository_and_tag("app"), ("app", ""));
    }

    #[test]
    fn values_of_a_query_arrive_as_they_are() {
        assert_eq!(encoded("/a b/ü&c=d+e"), "/a%20b/%C3%BC%26c%3Dd%2Be");
    }
}
