//! Requests whose connection becomes a conversation, and requests whose answer is wanted with its headers.
//!
//! Spoken with hyper, which bollard speaks with as well: bollard takes the output of a terminal apart as if it were
//! two outputs in frames whenever a piece of it happens to begin with a byte below 3, and keeps headers to itself.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Docker;
use super::wire::Dialer;
use crate::engine::inside::{Archive, Streams};
use crate::engine::{Cause, EngineError, LogSource, Result};

/// How much is read at a time.
const PIECE: usize = 32 * 1024;

/// What a request carries.
pub(super) enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Vec<u8>),
    /// A tar archive.
    Archive(Archive),
}

impl Docker {
    /// Makes a request, and returns the answer as soon as its headers are there. An answer that is an error is one.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Body,
        is_upgrade: bool,
        doing: &str,
    ) -> Result<Response<Incoming>> {
        let broken = |error: &dyn std::error::Error| {
            EngineError::new(doing, Cause::Disconnected { message: error.to_string() })
        };
        let dialer = Dialer::new(&self.address).map_err(|error| broken(&error))?;
        let transport = dialer.dial().await.map_err(|error| broken(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(transport))
            .await
            .map_err(|error| broken(&error))?;
        // Whatever breaks it is told by the answer, too.
        tokio::spawn(connection.with_upgrades());
        let (major, minor) = self.api;
        let mut request =
            Request::builder().method(method).uri(format!("/v{major}.{minor}{path}")).header(HOST, "docker");
        if is_upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        let whole =
            |bytes: Vec<u8>| Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync();
        let body: UnsyncBoxBody<Bytes, io::Error> = match body {
            Body::Empty => whole(Vec::new()),
            Body::Json(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                whole(json)
            }
            Body::Archive(archive) => {
                request = request.header(CONTENT_TYPE, "application/x-tar");
                BodyExt::boxed_unsync(StreamBody::new(archive.map_ok(Frame::data)))
            }
        };
        let request = request.body(body).map_err(|error| {
            EngineError::new(doing, Cause::Other { status: None, message: error.to_string() })
        })?;
        let answer = sender.send_request(request).await.map_err(|error| broken(&innermost(&error)))?;
        let status = answer.status();
        if status.is_success()
            || status == StatusCode::SWITCHING_PROTOCOLS
            || status == StatusCode::NOT_MODIFIED
        {
            return Ok(answer);
        }
        let text =
            answer.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let message = serde_json::from_slice::<serde_json::Value>(&text).ok();
        let message = message.and_then(|answer| Some(answer.get("message")?.as_str()?.to_owned()));
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(&text).into_owned());
        Err(EngineError::new(doing, Cause::from_answer(status.as_u16(), &message)))
    }

    /// Makes a request that turns into a conversation. With a terminal there is one output, else there are two.
    pub(super) async fn converse(&self, path: &str, body: Body, tty: bool, doing: &str) -> Result<Streams> {
        let answer = self.request(Method::POST, path, body, true, doing).await?;
        let upgraded = hyper::upgrade::on(answer)
            .await
            .map_err(|error| EngineError::new(doing, Cause::Disconnected { message: error.to_string() }))?;
        let (read, write) = tokio::io::split(TokioIo::new(upgraded));
        Ok(Streams { input: Box::pin(write), output: if tty { raw(read) } else { framed(read) } })
    }
}

/// The text of the cause that no other one is behind.
fn innermost(error: &hyper::Error) -> io::Error {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        message = inner.to_string();
        source = inner.source();
    }
    io::Error::other(message)
}

/// What arrives in the body of an answer.
pub(super) fn pieces(answer: Response<Incoming>) -> Archive {
    answer.into_body().into_data_stream().map_err(|error| innermost(&error)).boxed()
}

type Output = BoxStream<'static, io::Result<(LogSource, Bytes)>>;

fn raw(reader: impl AsyncRead + Send + Unpin + 'static) -> Output {
    stream::try_unfold(reader, async |mut reader| {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = reader.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| ((LogSource::Stdout, piece.freeze()), reader)))
    })
    .boxed()
}

fn framed(reader: impl AsyncRead + Send + Unpin + 'static) -> Output {
    stream::try_unfold((reader, Frames::default()), async |(mut reader, mut frames)| {
        loop {
            if let Some(piece) = frames.next() {
                return Ok(Some((piece, (reader, frames))));
            }
            frames.buffer.reserve(PIECE);
            if reader.read_buf(&mut frames.buffer).await? == 0 {
                return Ok(None);
            }
        }
    })
    .boxed()
}

/// Takes two outputs apart that come in [frames]: eight bytes that say which it is and how much follows, then that.
///
/// [frames]: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerAttach
#[derive(Default)]
struct Frames {
    /// What has arrived and was not taken yet.
    buffer: BytesMut,
    /// Whether the present frame is of standard error.
    is_error: bool,
    /// How much of the present frame is still to come.
    left: usize,
}

impl Frames {
    /// Takes what has arrived of a frame, without waiting for the rest of it.
    fn next(&mut self) -> Option<(LogSource, Bytes)> {
        while self.left == 0 {
            let header = self.buffer.get(..8)?;
            // Standard input is not echoed; 3 says what went wrong at the engine.
            self.is_error = header[0] >= 2;
            self.left = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
            let _ = self.buffer.split_to(8);
        }
        let taken = self.left.min(self.buffer.len());
        self.left -= taken;
        let source = if self.is_error { LogSource::Stderr } else { LogSource::Stdout };
        (taken > 0).then(|| (source, self.buffer.split_to(taken).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(output: Output) -> Vec<(LogSource, Vec<u8>)> {
        output.map_ok(|(source, piece)| (source, piece.to_vec())).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn frames_are_taken_apart_wherever_they_are_cut() {
        let frames = b"\x01\0\0\0\0\0\0\x02hi\x02\0\0\0\0\0\0\x00\x02\0\0\0\0\0\0\x03no!";
        let mut whole = Vec::new();
        for cut in 0..frames.len() {
            let reader = AsyncReadExt::chain(&frames[..cut], &frames[cut..]);
            let pieces = read(framed(reader)).await;
            let of = |wanted: LogSource| {
                let own = pieces.iter().filter(|(source, _)| *source == wanted);
                own.flat_map(|(_, piece)| piece.clone()).collect::<Vec<_>>()
            };
            whole.push((of(LogSource::Stdout), of(LogSource::Stderr)));
        }
        assert!(whole.iter().all(|both| *both == (b"hi".to_vec(), b"no!".to_vec())), "{whole:?}");
    }

    #[tokio::test]
    async fn a_terminal_may_write_any_byte() {
        let pieces = read(raw(&b"\x00\x01\x02\xff"[..])).await;
        assert_eq!(pieces, [(LogSource::Stdout, b"\x00\x01\x02\xff".to_vec())]);
    }
}
