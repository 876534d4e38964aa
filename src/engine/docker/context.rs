//! Packs files into tar archives: build contexts as a stream, files for a container in memory.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::plan::File;
use crate::plan::dockerignore::Dockerignore;

/// How much of an archive is sent at a time. A few of these are in memory at once.
const PIECE: usize = 256 * 1024;

/// What is to be sent for a build.
#[derive(Debug)]
pub(super) struct Context {
    /// The directory.
    pub root: PathBuf,
    /// What stays behind.
    pub ignore: Dockerignore,
    /// A Dockerfile that is not in the directory, with the name it gets in the archive.
    pub dockerfile: Option<(String, Vec<u8>)>,
}

/// Packs files with absolute paths, with their owners and permissions.
pub(super) fn pack(files: &[File]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = header(file.content.len() as u64, file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        archive.append_data(&mut header, file.path.trim_start_matches('/'), file.content.as_slice())?;
    }
    archive.into_inner()
}

/// Packs on a thread of its own, piece by piece as they are taken.
pub(super) fn packed(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE) };
        if let Err(error) = write(&mut pieces).and_then(|()| pieces.flush()) {
            // Nobody listens any more if it was given up.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) })
}

fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header
}

impl Context {
    /// Packs the directory.
    pub(super) fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        packed(move |mut output| self.write(&mut output))
    }

    fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(output);
        archive.follow_symlinks(false);
        self.write_directory(&mut archive, Path::new(""))?;
        if let Some((name, text)) = &self.dockerfile {
            archive.append_data(&mut header(text.len() as u64, 0o644), name, text.as_slice())?;
        }
        archive.into_inner()?;
        Ok(())
    }

    fn write_directory(&self, archive: &mut tar::Builder<impl Write>, directory: &Path) -> io::Result<()> {
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.root.join(path).display()))
        };
        let listed: io::Result<Vec<_>> = fs::read_dir(self.root.join(directory)).and_then(Iterator::collect);
        let mut entries = listed.map_err(|error| named(directory, error))?;
        // The same context makes the same archive.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = directory.join(entry.file_name());
            let metadata = entry.metadata().map_err(|error| named(&path, error))?;
            let excluded = self.ignore.excludes(&path, metadata.is_dir());
            if metadata.is_dir() {
                if !excluded {
                    append(archive, &self.root, &path, &metadata).map_err(|error| named(&path, error))?;
                }
                if !excluded || self.ignore.may_keep_inside(&path) {
                    self.write_directory(archive, &path)?;
                }
            } else if !excluded && (metadata.is_file() || metadata.is_symlink()) {
                append(archive, &self.root, &path, &metadata).map_err(|error| named(&path, error))?;
            }
        }
        Ok(())
    }
}

/// Adds a file, link or directory. All belong to root, whoever builds, so that the engine's cache is hit.
fn append(
    archive: &mut tar::Builder<impl Write>,
    root: &Path,
    path: &Path,
    metadata: &fs::Metadata,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(metadata);
    header.set_uid(0);
    header.set_gid(0);
    // Windows has no permissions to send: what is built there must still run.
    if cfg!(windows) {
        header.set_mode(0o755);
    }
    if metadata.is_symlink() {
        return archive.append_link(&mut header, path, fs::read_link(root.join(path))?);
    }
    if metadata.is_dir() {
        return archive.append_data(&mut header, path, io::empty());
    }
    archive.append_data(&mut header, path, fs::File::open(root.join(path))?)
}

/// Collects what is written and sends it in pieces.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine stopped reading");
        if piece.is_empty() { Ok(()) } else { self.sender.blocking_send(Ok(piece.into())).map_err(gone) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_owner_and_mode() {
        let file =
            File { path: "/run/secrets/key".into(), content: b"hush".to_vec(), mode: 0o440, uid: 70, gid: 7 };
        let packed = pack(&[file]).unwrap();
        let mut archive = tar::Archive::new(packed.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("run/secrets/key"));
        let header = entry.header();
        assert_eq!((header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0o440, 70, 7));
    }

    #[test]
    fn a_context_leaves_out_what_is_ignored() {
        let root = tempfile::tempdir().unwrap();
        for path in ["Dockerfile", "src/main.rs", "target/big", "target/keep/me", "node_modules/x/y"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text").unwrap();
        }
        let ignore = Dockerignore::parse("target\nnode_modules\n!target/keep").unwrap();
        let dockerfile = Some((".dockerfile".to_owned(), b"FROM scratch".to_vec()));
        let mut packed = Vec::new();
        Context { root: root.path().to_owned(), ignore, dockerfile }.write(&mut packed).unwrap();
        let mut archive = tar::Archive::new(packed.as_slice());
        let entries = archive.entries().unwrap();
        let paths: Vec<_> =
            entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(
            paths,
            ["Dockerfile", "src", "src/main.rs", "target/keep", "target/keep/me", ".dockerfile"]
        );
    }
}
