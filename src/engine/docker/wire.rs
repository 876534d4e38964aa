//! The connection itself: dials an engine wherever it listens, carries bollard's requests, and those that bollard has
//! no method for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Address;
use super::{Docker, ssh, tls};
use crate::engine::{Cause, EngineError, Result};

/// A connection to an engine, whatever it runs over.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What carries the requests that bollard has no method for.
pub(super) type Wire = Client<Dialer, Body>;

/// The body of such a request.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Connects to the engine, whatever host a request names.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    address: Address,
    /// What to encrypt with, read once.
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl tower_service::Service<Uri> for Dialer {
    type Response = TokioIo<Box<dyn Duplex>>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { Ok(TokioIo::new(dialer.dial().await?)) })
    }
}

impl Connection for Box<dyn Duplex> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Dialer {
    /// Reads what the connection needs, such as certificates.
    pub(super) fn new(address: &Address) -> std::io::Result<Self> {
        let tls = match address {
            Address::Tls { material, .. } => Some(tls::config(material)?),
            _ => None,
        };
        Ok(Self { address: address.clone(), tls })
    }

    /// Opens a connection.
    pub(super) async fn dial(&self) -> std::io::Result<Box<dyn Duplex>> {
        match (&self.address, &self.tls) {
            #[cfg(unix)]
            (Address::Unix(path), _) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(windows)]
            (Address::Pipe(path), _) => {
                Ok(Box::new(tokio::net::windows::named_pipe::ClientOptions::new().open(path)?))
            }
            (Address::Tcp(host), _) => Ok(Box::new(tokio::net::TcpStream::connect(host.as_str()).await?)),
            (Address::Tls { host, .. }, Some(config)) => Ok(Box::new(tls::connect(host, config).await?)),
            (Address::Ssh(there), _) => Ok(Box::new(ssh::connect(there)?)),
            _ => Err(std::io::Error::other("this system has no such connections")),
        }
    }

    /// Returns an HTTP client for the engine.
    pub(super) fn client<B>(&self) -> Client<Self, B>
    where
        B: hyper::body::Body + Send,
        B::Data: Send,
    {
        let mut builder = Client::builder(TokioExecutor::new());
        // An idle connection to a socket of this machine saves next to nothing, so bollard keeps none. One that took a
        // handshake, or a program to start, is worth keeping.
        if !matches!(self.address, Address::Tls { .. } | Address::Ssh(_)) {
            builder.pool_max_idle_per_host(0);
        }
        builder.build(self.clone())
    }

    /// Returns a bollard client for the engine.
    pub(super) fn bollard(&self) -> std::result::Result<bollard::Docker, bollard::errors::Error> {
        let version = bollard::API_DEFAULT_VERSION;
        match &self.address {
            #[cfg(unix)]
            Address::Unix(path) => bollard::Docker::connect_with_unix(path, 120, version),
            #[cfg(windows)]
            Address::Pipe(path) => bollard::Docker::connect_with_named_pipe(path, 120, version),
            Address::Tcp(host) => bollard::Docker::connect_with_http(&format!("tcp://{host}"), 120, version),
            _ => {
                let client = self.client();
                let transport = move |request: bollard::BollardRequest| {
                    let answer = client.request(request);
                    async move { answer.await.map_err(bollard::errors::Error::from) }
                };
                bollard::Docker::connect_with_custom_transport(transport, Some("http://engine"), 120, version)
            }
        }
    }
}

/// Makes a body of bytes.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Makes a body of a stream.
pub(super) fn streamed(
    pieces: impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Body {
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
}

impl Docker {
    /// Sends a request that bollard has no method for. An answer that tells of a failure is an error.
    pub(super) async fn post(
        &self,
        doing: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Body,
    ) -> Result<Response<Incoming>> {
        let failed = |cause| EngineError::new(doing, cause);
        let (major, minor) = self.api;
        let mut request =
            Request::builder().method(Method::POST).uri(format!("http://engine/v{major}.{minor}{path}"));
        if headers.iter().all(|(name, _)| *name != "Content-Type") {
            request = request.header("Content-Type", "application/x-tar");
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(body).map_err(|error| failed(other(&error)))?;
        let response = self.wire.request(request).await.map_err(|error| failed(broken(&error)))?;
        let status = response.status();
        if status.is_success() || status == hyper::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let text = response.into_body().collect().await.map_err(|error| failed(broken(&error)))?.to_bytes();
        let message = serde_json::from_slice(&text)
            .map_or_else(|_| String::from_utf8_lossy(&text).into_owned(), |Refusal { message }| message);
        Err(failed(Cause::from_answer(status.as_u16(), &message)))
    }
}

/// What an engine answers when it does not do what it was asked for.
#[derive(serde::Deserialize)]
struct Refusal {
    message: String,
}

/// Reads the JSON objects of an answer as they come, one a line.
pub(super) fn lines<T: DeserializeOwned + Send + 'static>(
    doing: String,
    response: Response<Incoming>,
) -> BoxStream<'static, Result<T>> {
    struct Reading {
        doing: String,
        body: http_body_util::BodyDataStream<Incoming>,
        pending: bytes::BytesMut,
        ended: bool,
    }
    let reading = Reading {
        doing,
        body: response.into_body().into_data_stream(),
        pending: bytes::BytesMut::new(),
        ended: false,
    };
    stream::unfold(reading, |mut reading| async move {
        loop {
            let end = reading.pending.iter().position(|byte| *byte == b'\n');
            let line = match end {
                Some(end) => {
                    let line = reading.pending.split_to(end);
                    reading.pending.advance(1);
                    line
                }
                None if reading.ended => std::mem::take(&mut reading.pending),
                None => match reading.body.next().await {
                    Some(Ok(piece)) => {
                        reading.pending.extend_from_slice(&piece);
                        continue;
                    }
                    Some(Err(error)) => {
                        reading.ended = true;
                        reading.pending.clear();
                        return Some((Err(EngineError::new(&reading.doing, broken(&error))), reading));
                    }
                    None => {
                        reading.ended = true;
                        continue;
                    }
                },
            };
            if !line.trim_ascii().is_empty() {
                let parsed = serde_json::from_slice(&line);
                let parsed = parsed.map_err(|error| EngineError::new(&reading.doing, other(&error)));
                return Some((parsed, reading));
            }
            if reading.ended && reading.pending.is_empty() {
                return None;
            }
        }
    })
    .boxed()
}

/// The transport's own text is the last in the chain: the outer ones say "client error".
fn broken(error: &dyn std::error::Error) -> Cause {
    Cause::Disconnected { message: innermost(error) }
}

/// Returns what the innermost error of a chain says.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

fn other(error: &dyn std::error::Error) -> Cause {
    Cause::Other { status: None, message: error.to_string() }
}
