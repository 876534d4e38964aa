//! Files of this machine that go into containers, and those that come out of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::context::packed;
use crate::engine::inside::Archive;
use crate::plan::copy::There;

/// Says what is at a path; links are followed.
pub fn look(path: &Path) -> There {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => There::Directory,
        Ok(_) => There::File,
        Err(_) => There::Nothing,
    }
}

/// Returns a path without links: all of them with `last`, else those before its last name.
pub fn resolve(path: &Path, last: bool) -> io::Result<PathBuf> {
    if last {
        return path.canonicalize();
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let path = parent.canonicalize()?.join(name);
            fs::symlink_metadata(&path).map(|_| path)
        }
        _ => path.canonicalize(),
    }
}

/// Returns whether a path is a directory; links are not followed.
pub fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Packs a file, link or directory under a name: piece by piece, on a thread of its own.
pub fn pack(path: PathBuf, name: String) -> Archive {
    packed(move |output| {
        let mut archive = tar::Builder::new(output);
        archive.follow_symlinks(false);
        if is_directory(&path) {
            archive.append_dir_all(&name, &path)?;
        } else {
            archive.append_path_with_name(&path, &name)?;
        }
        archive.into_inner().map(|_| ())
    })
    .boxed()
}

/// Packs files, links and directories, without what is in these, each under its path in a container. What is gone by
/// now is left out.
pub fn pack_each(files: BTreeMap<String, PathBuf>) -> Archive {
    packed(move |output| {
        let mut archive = tar::Builder::new(output);
        for (place, path) in &files {
            match append(&mut archive, place.trim_start_matches('/'), path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                }
                Ok(()) => {}
            }
        }
        archive.into_inner().map(|_| ())
    })
    .boxed()
}

fn append(archive: &mut tar::Builder<impl io::Write>, place: &str, path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    if metadata.is_symlink() {
        archive.append_link(&mut header, place, fs::read_link(path)?)
    } else if metadata.is_dir() {
        // The root of a container is there already.
        if place.is_empty() { Ok(()) } else { archive.append_data(&mut header, place, io::empty()) }
    } else if metadata.is_file() {
        // A file that becomes shorter meanwhile must not spoil the rest: it changes, so it is packed again.
        let content = fs::File::open(path)?.chain(io::repeat(0)).take(metadata.len());
        archive.append_data(&mut header, place, content)
    } else {
        Ok(())
    }
}

/// Unpacks into a directory. With `names`, what is called by the first name there gets the second one, and takes the
/// place of a file of that name. The files belong to the user; nothing is written outside of the directory.
pub async fn unpack(archive: Archive, directory: &Path, names: Option<(&str, &str)>) -> io::Result<()> {
    let Some((name, new_name)) = names else { return unpack_into(archive, directory.to_owned()).await };
    let room = directory.join(format!(".{new_name}.{}", std::process::id()));
    fs::create_dir(&room)?;
    let unpacked = unpack_into(archive, room.clone()).await.and_then(|()| {
        let source = if matches!(name, "." | "/") { room.clone() } else { room.join(name) };
        fs::rename(source, directory.join(new_name))
    });
    // It is gone already if it was the thing itself.
    let _ = fs::remove_dir_all(&room);
    unpacked
}

async fn unpack_into(mut archive: Archive, directory: PathBuf) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel(4);
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Archive::new(Pieces { receiver, piece: Bytes::new() });
        archive.set_preserve_permissions(true);
        archive.unpack(directory)
    });
    while let Some(piece) = archive.next().await {
        // Whoever unpacks has failed if it takes no more, and says why.
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    unpacking.await.map_err(io::Error::other)?
}

/// Writes an archive to a file, which is there only when all of it is.
pub async fn save(mut archive: Archive, path: &Path) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = async {
        let mut file = tokio::fs::File::create(&partial).await?;
        while let Some(piece) = archive.next().await {
            file.write_all(&piece?).await?;
        }
        file.flush().await?;
        tokio::fs::rename(&partial, path).await
    }
    .await;
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Reads what arrives in pieces, on a thread that may wait for it.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let taken = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_packed_under_their_places_and_what_is_gone_is_left_out() {
        let from = tempfile::tempdir().unwrap();
        fs::create_dir(from.path().join("d")).unwrap();
        fs::write(from.path().join("d/1"), "one").unwrap();
        fs::write(from.path().join("2"), "two").unwrap();
        let at = |path: &str| from.path().join(path);
        let files = [("/app/d", at("d")), ("/app/x", at("d/1")), ("/2", at("2")), ("/3", at("gone"))];
        let files = files.map(|(place, path)| (place.to_owned(), path)).into();
        let to = tempfile::tempdir().unwrap();
        unpack(pack_each(files), to.path(), None).await.unwrap();
        let read = |path: &str| io::read_to_string(fs::File::open(to.path().join(path)).unwrap()).unwrap();
        assert_eq!((read("app/x"), read("2")), ("one".to_owned(), "two".to_owned()));
        assert!(to.path().join("app/d").is_dir() && !to.path().join("app/d/1").exists());
        assert!(!to.path().join("3").exists());
    }

    #[tokio::test]
    async fn what_is_packed_comes_out_under_its_new_name() {
        let from = tempfile::tempdir().unwrap();
        fs::create_dir_all(from.path().join("d/e")).unwrap();
        fs::write(from.path().join("d/e/1"), "one").unwrap();
        let to = tempfile::tempdir().unwrap();
        let read = |path: &str| io::read_to_string(fs::File::open(to.path().join(path)).unwrap()).unwrap();
        for (name, names, expected) in [
            ("d", None, "d/e/1"),
            ("d", Some(("d", "new")), "new/e/1"),
            (".", None, "e/1"),
            (".", Some((".", "contents")), "contents/e/1"),
        ] {
            let archive = pack(from.path().join("d"), name.to_owned());
            unpack(archive, to.path(), names).await.unwrap();
            assert_eq!(read(expected), "one", "{name} {names:?}");
        }
        let archive = pack(from.path().join("d/e/1"), "x".to_owned());
        unpack(archive, to.path(), Some(("x", "e.txt"))).await.unwrap();
        assert_eq!(read("e.txt"), "one");
        let left: Vec<_> = fs::read_dir(to.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 5, "nothing else is left: {left:?}");
    }
}
