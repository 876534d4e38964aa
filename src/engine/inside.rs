//! What is done with the inside of containers: commands, conversations, files. [`Inside`] is the second half of
//! [`Engine`], for the commands that need no plan.

use std::io;
use std::pin::{Pin, pin};

use bollard::models::ExecConfig;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::detach::DetachKeys;
use super::{Engine, LogSource, Result};
use crate::observed::ImageId;

/// An engine, as far as topo needs one to look into containers. One method is one call; none of them decides.
#[expect(async_fn_in_trait, reason = "single task")]
pub trait Inside: Engine {
    /// Prepares a command in a running container and returns its ID.
    async fn create_exec(&self, container: &str, request: &ExecConfig) -> Result<String>;

    /// Starts a prepared command and leaves it alone.
    async fn start_exec(&self, exec: &str, tty: bool) -> Result<()>;

    /// Starts a prepared command and connects to its input and outputs. `tty` says how it was prepared.
    async fn attach_exec(&self, exec: &str, tty: bool) -> Result<Streams>;

    /// Returns the exit code of a command, if it has ended.
    async fn exec_code(&self, exec: &str) -> Result<Option<i64>>;

    /// Connects to the input and outputs of a container, running or not yet started.
    async fn attach(&self, container: &str, how: Attach) -> Result<Streams>;

    /// Tells a terminal its size.
    async fn resize(&self, terminal: &Terminal, size: Size) -> Result<()>;

    /// Says what is at a path in a container, without following a link that is its last part.
    async fn look_at(&self, container: &str, path: &str) -> Result<FileInfo>;

    /// Packs a file or directory of a container into a tar archive, under its last name.
    async fn pack(&self, container: &str, path: &str) -> Result<(FileInfo, Archive)>;

    /// Unpacks a tar archive into a directory of a container. A directory is not replaced by a file, nor a file by a
    /// directory. The files belong to whom the archive says, or with `to_user` to the user of the container, if it
    /// has one.
    async fn unpack(&self, container: &str, directory: &str, archive: Archive, to_user: bool) -> Result<()>;

    /// Packs all that is in a container, without its volumes, into a tar archive.
    async fn export(&self, container: &str) -> Result<Archive>;

    /// Makes an image of a container and returns its ID.
    async fn commit(&self, container: &str, commit: &Commit) -> Result<ImageId>;
}

/// A tar archive, piece by piece.
pub type Archive = BoxStream<'static, io::Result<Bytes>>;

/// The ends of a conversation with a process.
pub struct Streams {
    /// What it reads. Shut down, it reads to its end; the outputs go on.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// What it writes, until it ends.
    pub output: BoxStream<'static, io::Result<(LogSource, Bytes)>>,
}

/// How to connect to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach {
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether to connect to its input.
    pub stdin: bool,
    /// The keys that the engine takes as the wish to leave, in docker's writing; its own if `None`.
    pub detach_keys: Option<String>,
}

/// A terminal at the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// That of a container.
    Container(String),
    /// That of a command in a container.
    Exec(String),
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its height.
    pub rows: u16,
    /// Its width.
    pub columns: u16,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its last name.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Where it leads, if it is a link.
    pub link_target: String,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Other,
}

/// An image to be made of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its name and tag; none if empty.
    pub reference: String,
    /// Who makes it.
    pub author: String,
    /// What is said of it.
    pub message: String,
    /// Instructions of a Dockerfile to apply to it.
    pub changes: Vec<String>,
    /// Whether the container stands still meanwhile.
    pub pause: bool,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other side ended it.
    Closed,
    /// The user typed the keys for it.
    Detached,
    /// Nobody reads the output any more.
    Unheard,
}

/// How much is read at a time.
const PIECE: usize = 32 * 1024;

/// Passes `input` on to a process, and what it writes to `out` and `err`, until one side ends it. Without `input` the
/// process reads nothing. With `keys`, these end it too.
pub async fn converse(
    streams: Streams,
    input: Option<impl AsyncRead + Unpin>,
    mut keys: Option<DetachKeys>,
    mut out: impl AsyncWrite + Unpin,
    mut err: impl AsyncWrite + Unpin,
) -> io::Result<Ending> {
    let Streams { input: mut sink, mut output } = streams;
    let mut typing = pin!(async {
        if let Some(mut input) = input {
            let mut piece = vec![0; PIECE];
            loop {
                let read = match input.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => &piece[..read],
                };
                let (passed, is_complete) = match &mut keys {
                    Some(keys) => keys.pass(read),
                    None => (read.to_vec(), false),
                };
                // The process has ended if this fails; its last words are still to come.
                if sink.write_all(&passed).await.is_err() || sink.flush().await.is_err() {
                    break;
                }
                if is_complete {
                    return;
                }
            }
        }
        // Whatever reads is told that no more comes.
        let _ = sink.shutdown().await;
        std::future::pending::<()>().await;
    });
    loop {
        let (source, piece) = tokio::select! {
            () = &mut typing => return Ok(Ending::Detached),
            piece = output.next() => match piece {
                Some(piece) => piece?,
                None => return Ok(Ending::Closed),
            },
        };
        let written = match source {
            LogSource::Stdout => write(&mut out, &piece).await,
            LogSource::Stderr => write(&mut err, &piece).await,
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Ending::Unheard),
            written => written?,
        }
    }
}

async fn write(output: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
    output.write_all(piece).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// Converses with a process that writes `output`, and returns how it ends, and what process and user saw.
    async fn talk(
        typed: &[u8],
        keys: Option<DetachKeys>,
        output: Vec<(LogSource, &'static str)>,
        stays: bool,
    ) -> (Ending, Vec<u8>, Vec<u8>, Vec<u8>) {
        let (sink, mut process): (DuplexStream, DuplexStream) = duplex(PIECE);
        let pieces = output.into_iter().map(|(source, text)| Ok((source, Bytes::from(text))));
        let pieces = stream::iter(pieces.collect::<Vec<_>>());
        let output = if stays { pieces.chain(stream::pending()).boxed() } else { pieces.boxed() };
        let streams = Streams { input: Box::pin(sink), output };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ending = converse(streams, Some(typed), keys, &mut out, &mut err).await.unwrap();
        let mut read = Vec::new();
        process.read_to_end(&mut read).await.unwrap();
        (ending, read, out, err)
    }

    #[tokio::test]
    async fn outputs_go_where_they_belong_until_the_process_ends() {
        let output =
            vec![(LogSource::Stdout, "one"), (LogSource::Stderr, "two"), (LogSource::Stdout, "three")];
        let (ending, _, out, err) = talk(b"", None, output, false).await;
        assert_eq!((ending, out.as_slice(), err.as_slice()), (Ending::Closed, &b"onethree"[..], &b"two"[..]));
    }

    #[tokio::test]
    async fn the_keys_end_it_and_are_not_passed_on() {
        let (ending, read, ..) = talk(b"ls\r\x10\x11x", Some(DetachKeys::default()), vec![], true).await;
        assert_eq!((ending, read.as_slice()), (Ending::Detached, &b"ls\r"[..]));
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_ends_it() {
        let (sink, _process) = duplex(PIECE);
        let pieces = stream::iter([Ok((LogSource::Stdout, Bytes::from("one")))]);
        let streams = Streams { input: Box::pin(sink), output: pieces.chain(stream::pending()).boxed() };
        let (out, reader) = duplex(PIECE);
        drop(reader);
        let ending = converse(streams, None::<&[u8]>, None, out, tokio::io::sink()).await.unwrap();
        assert_eq!(ending, Ending::Unheard);
    }
}
