//! Commands, conversations and files in the containers of the engine in memory.

use std::collections::BTreeMap;
use std::io;

use bollard::models::ExecConfig;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::{AsyncReadExt, duplex};
use tokio::sync::watch;

use super::{CallKind, FakeEngine};
use crate::engine::inside::{Archive, Attach, Commit, FileInfo, FileKind, Inside, Size, Streams, Terminal};
use crate::engine::{Cause, EngineError, LogSource, Result};
use crate::observed::{ImageId, State};
use crate::plan::File;

/// What a command in a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// It writes what it reads, until that ends, and ends with code 0.
    Echoes,
    /// It writes to both outputs and ends with this code.
    Writes {
        /// What it writes to standard output.
        stdout: String,
        /// What it writes to standard error.
        stderr: String,
        /// How it ends.
        code: i64,
    },
}

/// The commands of all containers.
#[derive(Default)]
pub(super) struct Commands {
    /// What commands do, by their words. Others are not found.
    programs: BTreeMap<Vec<String>, Program>,
    /// The commands that were prepared, and their exit codes once they have ended.
    prepared: Vec<(ExecConfig, watch::Sender<Option<i64>>)>,
    /// The sizes of terminals.
    sizes: Vec<(Terminal, Size)>,
}

impl FakeEngine {
    /// Sets what a command does in any container. Commands that are not set are not found.
    pub fn on_exec(&self, command: &[&str], program: Program) {
        let words = command.iter().map(|word| (*word).to_owned()).collect();
        self.commands.borrow_mut().programs.insert(words, program);
    }

    /// Returns the sizes that terminals were given, in that order.
    pub fn sizes(&self) -> Vec<(Terminal, Size)> {
        self.commands.borrow().sizes.clone()
    }

    fn exec(&self, exec: &str) -> std::result::Result<(ExecConfig, watch::Sender<Option<i64>>), Cause> {
        let commands = self.commands.borrow();
        let found = exec.parse::<usize>().ok().and_then(|at| commands.prepared.get(at));
        found.cloned().ok_or_else(|| Cause::NotFound { message: format!("No such exec instance: {exec}") })
    }

    /// Runs a command. What it reads and writes is buffered without bound.
    fn launch(&self, exec: &str) -> std::result::Result<Streams, Cause> {
        let (request, ended) = self.exec(exec)?;
        let command = request.cmd.unwrap_or_default();
        let program = self.commands.borrow().programs.get(&command).cloned();
        let program = program.unwrap_or_else(|| Program::Writes {
            stdout: format!("exec: {:?}: not found", command.first().cloned().unwrap_or_default()),
            stderr: String::new(),
            code: 127,
        });
        let (input, mut typed) = duplex(1 << 20);
        let output = match program {
            Program::Writes { stdout, stderr, code } => {
                ended.send_replace(Some(code));
                let pieces = [(LogSource::Stdout, stdout), (LogSource::Stderr, stderr)];
                let pieces = pieces.into_iter().filter(|(_, text)| !text.is_empty());
                let pieces: Vec<_> = pieces.map(|(source, text)| Ok((source, Bytes::from(text)))).collect();
                stream::iter(pieces).boxed()
            }
            Program::Echoes => stream::once(async move {
                let mut text = Vec::new();
                typed.read_to_end(&mut text).await?;
                ended.send_replace(Some(0));
                Ok((LogSource::Stdout, Bytes::from(text)))
            })
            .boxed(),
        };
        Ok(Streams { input: Box::pin(input), output })
    }
}

impl Inside for FakeEngine {
    async fn create_exec(&self, container: &str, request: &ExecConfig) -> Result<String> {
        let doing = format!("run a command in container {container}");
        self.call(CallKind::CreateExec, container, doing, |world| {
            let one = world.get(container)?;
            if one.seen.state != State::Running {
                let message = format!("Container {} is not running", one.seen.id);
                return Err(Cause::Other { status: Some(409), message });
            }
            Ok(())
        })
        .await?;
        let prepared = &mut self.commands.borrow_mut().prepared;
        prepared.push((request.clone(), watch::Sender::new(None)));
        Ok((prepared.len() - 1).to_string())
    }

    async fn start_exec(&self, exec: &str, _tty: bool) -> Result<()> {
        self.call(CallKind::StartExec, exec, "start a command".to_owned(), |_| self.launch(exec)).await?;
        Ok(())
    }

    async fn attach_exec(&self, exec: &str, _tty: bool) -> Result<Streams> {
        self.call(CallKind::StartExec, exec, "start a command".to_owned(), |_| self.launch(exec)).await
    }

    async fn exec_code(&self, exec: &str) -> Result<Option<i64>> {
        let doing = "look at a command".to_owned();
        self.call(CallKind::Inspect, exec, doing, |_| Ok(*self.exec(exec)?.1.borrow())).await
    }

    async fn attach(&self, container: &str, _how: Attach) -> Result<Streams> {
        let doing = format!("attach to container {container}");
        if let Some(streams) = self.prober(container) {
            return Ok(streams);
        }
        let receiver = self
            .call(CallKind::Attach, container, doing, |world| {
                let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
                world.get_mut(container)?.followers.push(sender);
                Ok(receiver)
            })
            .await?;
        let (input, _) = duplex(1 << 20);
        let line = |(_, text): (i64, String)| Ok((LogSource::Stdout, Bytes::from(format!("{text}\n"))));
        Ok(Streams { input: Box::pin(input), output: super::received(receiver).map(line).boxed() })
    }

    async fn resize(&self, terminal: &Terminal, size: Size) -> Result<()> {
        let (Terminal::Container(subject) | Terminal::Exec(subject)) = terminal;
        self.call(CallKind::Resize, subject, "resize a terminal".to_owned(), |world| match terminal {
            Terminal::Container(container) => world.get(container).map(|_| ()),
            Terminal::Exec(exec) => self.exec(exec).map(|_| ()),
        })
        .await?;
        self.commands.borrow_mut().sizes.push((terminal.clone(), size));
        Ok(())
    }

    async fn look_at(&self, container: &str, path: &str) -> Result<FileInfo> {
        let doing = format!("look at {path} in container {container}");
        self.call(CallKind::LookAt, container, doing, |world| info(&world.get(container)?.files, path)).await
    }

    async fn pack(&self, container: &str, path: &str) -> Result<(FileInfo, Archive)> {
        let doing = format!("copy {path} from container {container}");
        self.call(CallKind::Pack, container, doing, |world| {
            let files = &world.get(container)?.files;
            let info = info(files, path)?;
            let parent = path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
            let own = files.iter().filter(|file| is_in(file, path));
            Ok((info, archive(own, parent)?))
        })
        .await
    }

    async fn unpack(&self, container: &str, directory: &str, archive: Archive, _to_user: bool) -> Result<()> {
        let doing = format!("copy to {directory} in container {container}");
        let pieces: Vec<io::Result<Bytes>> = archive.collect().await;
        let whole: io::Result<Vec<Bytes>> = pieces.into_iter().collect();
        let files = whole.and_then(|pieces| files(&pieces.concat(), directory));
        let files = files.map_err(|error| EngineError::new(&doing, other(&error)))?;
        self.call(CallKind::Unpack, container, doing, |world| {
            let there = &mut world.get_mut(container)?.files;
            if directory != "/" {
                info(there, directory)?;
            }
            there.retain(|old| files.iter().all(|new| new.path != old.path));
            there.extend(files);
            Ok(())
        })
        .await
    }

    async fn export(&self, container: &str) -> Result<Archive> {
        let doing = format!("export container {container}");
        self.call(CallKind::Export, container, doing, |world| archive(world.get(container)?.files.iter(), ""))
            .await
    }

    async fn commit(&self, container: &str, commit: &Commit) -> Result<ImageId> {
        let doing = format!("make an image of container {container}");
        self.call(CallKind::Commit, container, doing, |world| {
            world.get(container)?;
            Ok(match commit.reference.as_str() {
                "" => format!("sha256:{}", world.new_id()),
                reference => world.add_image(reference),
            })
        })
        .await
    }
}

fn is_in(file: &File, path: &str) -> bool {
    let rest = file.path.strip_prefix(path.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Only files are kept; directories are where they are.
fn info(files: &[File], path: &str) -> std::result::Result<FileInfo, Cause> {
    let trimmed = path.trim_end_matches('/');
    let name = trimmed.rsplit('/').next().unwrap_or_default().to_owned();
    let kind = if files.iter().any(|file| file.path == trimmed) {
        FileKind::File
    } else if files.iter().any(|file| is_in(file, path)) {
        FileKind::Directory
    } else {
        let message = format!("Could not find the file {path} in container");
        return Err(Cause::NotFound { message });
    };
    Ok(FileInfo { name, kind, link_target: String::new() })
}

fn other(error: &io::Error) -> Cause {
    Cause::Other { status: None, message: error.to_string() }
}

fn archive<'a>(files: impl Iterator<Item = &'a File>, parent: &str) -> std::result::Result<Archive, Cause> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        let path = file.path.strip_prefix(parent).unwrap_or(&file.path).trim_start_matches('/');
        archive.append_data(&mut header, path, file.content.as_slice()).map_err(|error| other(&error))?;
    }
    let bytes = archive.into_inner().map_err(|error| other(&error))?;
    Ok(stream::iter([Ok(Bytes::from(bytes))]).boxed())
}

fn files(archive: &[u8], directory: &str) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = format!("{}/{}", directory.trim_end_matches('/'), entry.path()?.display());
        let mode = entry.header().mode()?;
        let (uid, gid) = (entry.header().uid()?, entry.header().gid()?);
        let mut content = Vec::new();
        io::Read::read_to_end(&mut entry, &mut content)?;
        files.push(File { path, content, mode, uid, gid });
    }
    Ok(files)
}
