//! What BuildKit asks of its client while it builds: logins, secrets, an SSH agent. The roles are reversed here: the
//! connection is topo's, and the engine is the one that calls over it, by gRPC.
//!
//! Six methods with messages of one or two fields are not worth a framework: see the sizes in `buildkit`.
//! See <https://github.com/moby/buildkit/blob/master/docs/dev/request-lifecycle.md> and, for the messages,
//! `session/{auth,secrets,sshforward}` there.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioExecutor;

use super::Docker;
use super::credentials::Credentials;
use super::trace::{Field, fields};
use super::wire::{self, Body};
use crate::engine::{Cause, EngineError, Result};
use crate::plan::Build;
use crate::plan::build::Secret;

/// The methods that are offered.
const METHODS: [&str; 5] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

/// What a build may ask for.
struct Offer {
    credentials: Credentials,
    secrets: BTreeMap<String, Secret>,
    /// Sockets of agents, by ID.
    agents: BTreeMap<String, String>,
}

/// A refusal, by its number in gRPC.
enum Status {
    NotFound(String),
    Unimplemented,
    Unavailable(String),
}

impl Docker {
    /// Opens a session and serves it for as long as the returned future is polled.
    pub(super) async fn session(
        &self,
        id: &str,
        build: &Build,
        doing: &str,
    ) -> Result<impl Future<Output = ()> + use<>> {
        let offer = Offer {
            credentials: self.credentials.clone(),
            secrets: build.secrets.clone(),
            agents: self.agents(build, doing)?,
        };
        let mut headers = vec![
            ("Connection", "Upgrade".to_owned()),
            ("Upgrade", "h2c".to_owned()),
            ("X-Docker-Expose-Session-Uuid", id.to_owned()),
            ("X-Docker-Expose-Session-Name", "topo".to_owned()),
            ("X-Docker-Expose-Session-Sharedkey", String::new()),
        ];
        let methods =
            METHODS.iter().map(|method| ("X-Docker-Expose-Session-Grpc-Method", (*method).to_owned()));
        headers.extend(methods);
        let answer = self.post(doing, "/session", &headers, wire::full("")).await?;
        let upgraded = hyper::upgrade::on(answer).await.map_err(|error| {
            EngineError::new(doing, Cause::Disconnected { message: wire::innermost(&error) })
        })?;
        let offer = Arc::new(offer);
        let service = hyper::service::service_fn(move |request| {
            let offer = Arc::clone(&offer);
            async move { Ok::<_, Infallible>(answer_call(&offer, request).await) }
        });
        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(upgraded, service);
        // It ends with the build; if it breaks before, the build says what it misses.
        Ok(async move { drop(serving.await) })
    }

    /// Returns the sockets of the agents that a build may use.
    fn agents(&self, build: &Build, doing: &str) -> Result<BTreeMap<String, String>> {
        let failed = |message: String| EngineError::new(doing, Cause::BuildContext { message });
        let mut agents = BTreeMap::new();
        for (id, path) in &build.ssh {
            let own = || {
                self.ssh_agent.clone().ok_or_else(|| {
                    failed(format!("`ssh: {id}` is your own agent, and SSH_AUTH_SOCK names none"))
                })
            };
            let path = if path.is_empty() { own()? } else { path.clone() };
            if !is_socket(&path) {
                let message = format!(
                    "`ssh` names {path}, which is no socket of an agent; keys in files need docker buildx"
                );
                return Err(failed(message));
            }
            agents.insert(id.clone(), path);
        }
        Ok(agents)
    }
}

/// Returns whether the path is that of a socket; keys are another matter.
pub(super) fn is_socket(path: &str) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

async fn answer_call(offer: &Offer, request: Request<Incoming>) -> Response<Body> {
    let method = request.uri().path().to_owned();
    let answered = match method.as_str() {
        // SERVING.
        "/grpc.health.v1.Health/Check" => Ok(vec![0x08, 1]),
        "/moby.filesync.v1.Auth/Credentials" => {
            let registry = text(&one_message(request).await, 1);
            Ok(login(offer, &registry).await)
        }
        "/moby.buildkit.secrets.v1.Secrets/GetSecret" => {
            let id = text(&one_message(request).await, 1);
            let secret = offer.secrets.get(&id);
            let missing = || Status::NotFound(format!("secret {id} is not among those of the build"));
            secret.map(|Secret(content)| field(1, content)).ok_or_else(missing)
        }
        "/moby.sshforward.v1.SSH/CheckAgent" => {
            agent(offer, &text(&one_message(request).await, 1)).map(|_| Vec::new())
        }
        "/moby.sshforward.v1.SSH/ForwardAgent" => {
            let id = request.headers().get("buildkit.ssh.id").and_then(|id| id.to_str().ok());
            match agent(offer, id.unwrap_or("default")) {
                Ok(socket) => match forward(socket, request.into_body()).await {
                    Ok(body) => return response(body),
                    Err(error) => Err(Status::Unavailable(format!("{socket}: {error}"))),
                },
                Err(status) => Err(status),
            }
        }
        _ => Err(Status::Unimplemented),
    };
    match answered {
        Ok(message) => response(
            StreamBody::new(stream::iter([
                Ok(Frame::data(framed(&message))),
                Ok(Frame::trailers(success())),
            ]))
            .boxed_unsync(),
        ),
        Err(status) => refused(&status),
    }
}

fn agent<'a>(offer: &'a Offer, id: &str) -> std::result::Result<&'a String, Status> {
    let id = if id.is_empty() { "default" } else { id };
    offer
        .agents
        .get(id)
        .ok_or_else(|| Status::NotFound(format!("ssh agent {id} is not among those of the build")))
}

async fn login(offer: &Offer, registry: &str) -> Vec<u8> {
    let registry = super::credentials::host(registry);
    let login = offer.credentials.of(registry).await.credentials.unwrap_or_default();
    // A token stands in place of the password, with nobody's name.
    match login.identitytoken.filter(|token| !token.is_empty()) {
        Some(token) => field(2, token.as_bytes()),
        None => [
            field(1, login.username.unwrap_or_default().as_bytes()),
            field(2, login.password.unwrap_or_default().as_bytes()),
        ]
        .concat(),
    }
}

/// Carries bytes between the build and an agent, until either ends.
#[cfg(unix)]
async fn forward(socket: &str, body: Incoming) -> std::io::Result<Body> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (from_agent, mut to_agent) = tokio::net::UnixStream::connect(socket).await?.into_split();
    tokio::spawn(async move {
        let mut pieces = body.into_data_stream();
        let mut pending = BytesMut::new();
        while let Some(Ok(piece)) = pieces.next().await {
            pending.extend_from_slice(&piece);
            while let Some(message) = take_message(&mut pending) {
                for field in fields(&message) {
                    if let Field::Bytes(1, data) = field
                        && to_agent.write_all(data).await.is_err()
                    {
                        return;
                    }
                }
            }
        }
    });
    let answers = stream::unfold(Some(from_agent), |from_agent| async {
        let mut from_agent = from_agent?;
        let mut buffer = vec![0; 16 * 1024];
        Some(match from_agent.read(&mut buffer).await {
            Ok(count) if count > 0 => {
                (Ok(Frame::data(framed(&field(1, &buffer[..count])))), Some(from_agent))
            }
            _ => (Ok(Frame::trailers(success())), None),
        })
    });
    Ok(StreamBody::new(answers).boxed_unsync())
}

#[cfg(not(unix))]
async fn forward(_socket: &str, _body: Incoming) -> std::io::Result<Body> {
    Err(std::io::Error::other("this system has no such agents"))
}

fn response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn success() -> HeaderMap {
    HeaderMap::from_iter([(
        hyper::header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )])
}

fn refused(status: &Status) -> Response<Body> {
    let (code, message) = match status {
        Status::NotFound(message) => ("5", message.as_str()),
        Status::Unimplemented => ("12", "topo does not offer this"),
        Status::Unavailable(message) => ("14", message.as_str()),
    };
    let mut response = response(wire::full(""));
    response.headers_mut().insert("grpc-status", HeaderValue::from_static(code));
    // A message that a header cannot hold is left out; the status says enough.
    if let Ok(message) = message.parse() {
        response.headers_mut().insert("grpc-message", message);
    }
    response
}

/// Reads the one message of a call.
async fn one_message(request: Request<Incoming>) -> Bytes {
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let mut body = BytesMut::from(&*body.unwrap_or_default());
    take_message(&mut body).unwrap_or_default()
}

/// Takes a message off the front: a flag for compression, which nobody asked for, and four bytes of length.
fn take_message(pending: &mut BytesMut) -> Option<Bytes> {
    let length = u32::from_be_bytes(pending.get(1..5)?.try_into().ok()?);
    let end = 5 + usize::try_from(length).ok()?;
    if pending.len() < end {
        return None;
    }
    Some(pending.split_to(end).freeze().slice(5..))
}

fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// Writes a field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut written = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        written.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
        length >>= 7;
    }
    written.push(u8::try_from(length).unwrap_or(0));
    written.extend_from_slice(content);
    written
}

fn text(message: &[u8], wanted: u64) -> String {
    let found = fields(message).find_map(|field| match field {
        Field::Bytes(number, bytes) if number == wanted => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_and_taken_apart() {
        let content = [7; 300];
        let message = field(1, &content);
        assert_eq!(fields(&message).next(), Some(Field::Bytes(1, &content)));
        let mut pending = BytesMut::from(&*framed(&message));
        let half = pending.split_off(100);
        assert_eq!(take_message(&mut pending), None);
        pending.unsplit(half);
        assert_eq!(take_message(&mut pending).unwrap(), message);
        assert!(pending.is_empty());
        assert_eq!(text(&[field(1, b"id"), field(2, b"other")].concat(), 2), "other");
    }
}
