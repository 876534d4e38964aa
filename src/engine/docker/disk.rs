//! Tells which files of this machine change: a batch at a time, as soon as nothing has changed for a moment.
//!
//! What is told is where a change was, and what is there by now. Whether it is meant is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::plan::copy::There;
use crate::plan::watch::Change;

/// How long nothing must have changed before a batch is told, as in docker compose.
const QUIET: Duration = Duration::from_millis(500);

/// How long a batch may be, where something never stops changing.
const LONGEST: Duration = Duration::from_secs(5);

/// Watches files and directories, also such as are not there yet.
pub struct Disk {
    watcher: RecommendedWatcher,
    events: mpsc::UnboundedReceiver<notify::Result<Event>>,
    roots: Vec<Root>,
}

/// A path that is watched.
struct Root {
    /// The path, without links.
    path: PathBuf,
    /// What was there when the system was asked to watch it.
    there: There,
}

/// What is known of a path that something happened to.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Whether it was not there before.
    is_new: bool,
    /// Whether all that is in it may have changed with it.
    is_whole: bool,
}

impl Disk {
    /// Begins to watch paths as [`find`] returns them: events tell where things really are.
    pub fn new(paths: &BTreeSet<PathBuf>) -> io::Result<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let tell = move |event| {
            // Whoever listened has gone.
            let _ = sender.send(event);
        };
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(tell, config).map_err(|error| readable(&error))?;
        let roots = paths.iter().map(|path| Root { there: look(path), path: path.clone() }).collect();
        let mut disk = Self { watcher, events, roots };
        for at in 0..disk.roots.len() {
            disk.arm(at)?;
        }
        Ok(disk)
    }

    /// Asks the system to watch a path: a directory with all in it; a file by its directory, because it may be
    /// replaced; what is not there by the nearest directory that is.
    fn arm(&mut self, at: usize) -> io::Result<()> {
        let Root { path, there } = &self.roots[at];
        let there = *there;
        if there == There::Directory {
            self.watcher.watch(path, RecursiveMode::Recursive).map_err(|error| readable(&error))?;
        }
        let around = path.ancestors().skip(1).find(|path| path.is_dir());
        // The second one would undo the first.
        let is_inside = |path: &Path| {
            let mut roots = self.roots.iter().filter(|root| root.there == There::Directory);
            roots.any(|root| path.starts_with(&root.path))
        };
        let Some(around) = around.filter(|path| !is_inside(path)) else { return Ok(()) };
        match self.watcher.watch(around, RecursiveMode::NonRecursive) {
            // It only tells whether a directory comes back that was removed.
            Err(_) if there == There::Directory => Ok(()),
            watched => watched.map_err(|error| readable(&error)),
        }
    }

    /// Returns the next changes, each path once. Directories that are new are told with all that is in them, as far as
    /// `enters` says that it matters.
    pub async fn next(&mut self, enters: &dyn Fn(&Path) -> bool) -> io::Result<Vec<Change>> {
        loop {
            let mut seen = BTreeMap::new();
            let mut last_call: Option<Instant> = None;
            loop {
                let event = match last_call {
                    None => self.events.recv().await,
                    Some(last_call) => {
                        let until = last_call.min(Instant::now() + QUIET);
                        let Ok(event) = timeout_at(until, self.events.recv()).await else { break };
                        event
                    }
                };
                let event = event.ok_or(io::ErrorKind::BrokenPipe)?.map_err(|error| readable(&error))?;
                self.take(&event, &mut seen);
                if !seen.is_empty() {
                    last_call.get_or_insert_with(|| Instant::now() + LONGEST);
                }
            }
            self.find_again(&mut seen)?;
            let changes = changes(&seen, enters);
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    /// Notes what an event is about.
    fn take(&self, event: &Event, seen: &mut BTreeMap<PathBuf, Seen>) {
        let (is_new, is_whole) = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => (false, false),
            EventKind::Access(_) => return,
            // On macOS what happened lately is told again and again.
            EventKind::Create(_) => (!cfg!(target_os = "macos"), true),
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Any | EventKind::Other => (false, true),
            // That something in a directory changed is told of that as well.
            EventKind::Modify(_) if event.paths.iter().all(|path| path.is_dir()) => return,
            EventKind::Modify(_) | EventKind::Remove(_) => (false, false),
        };
        let mut note = |path: PathBuf| {
            let noted = seen.entry(path).or_insert(Seen { is_new, is_whole });
            noted.is_whole |= is_whole;
        };
        if event.need_rescan() {
            self.roots.iter().for_each(|root| note(root.path.clone()));
        }
        for path in &event.paths {
            if self.roots.iter().any(|root| path.starts_with(&root.path)) {
                note(path.clone());
            }
            // Something around it came, went or was renamed.
            let inside = self.roots.iter().filter(|root| root.path != *path && root.path.starts_with(path));
            inside.for_each(|root| note(root.path.clone()));
        }
    }

    /// Watches what was not there before, or was replaced by something else of the same name.
    fn find_again(&mut self, seen: &mut BTreeMap<PathBuf, Seen>) -> io::Result<()> {
        for at in 0..self.roots.len() {
            let root = &mut self.roots[at];
            let Some(noted) = seen.get_mut(&root.path) else { continue };
            let before = std::mem::replace(&mut root.there, look(&root.path));
            if before == There::Nothing && root.there == before {
                seen.remove(&root.path);
            } else if root.there == There::Directory {
                *noted = Seen { is_new: false, is_whole: true };
            }
            let root = &self.roots[at];
            // A file is still watched by its directory.
            if root.there == There::Directory || root.there != before {
                self.arm(at)?;
            }
        }
        Ok(())
    }
}

/// Says what has become of all that something happened to.
fn changes(seen: &BTreeMap<PathBuf, Seen>, enters: &dyn Fn(&Path) -> bool) -> Vec<Change> {
    let mut changes = BTreeSet::new();
    // In order, so that a directory comes before what is in it.
    let mut walked: Option<&Path> = None;
    let mut gone: Option<&Path> = None;
    for (path, Seen { is_new, is_whole }) in seen {
        let is_in = |told: Option<&Path>| told.is_some_and(|told| path.starts_with(told));
        match look(path) {
            There::Nothing if *is_new || is_in(gone) => {}
            There::Nothing => {
                changes.insert(Change { path: path.clone(), there: There::Nothing });
                gone = Some(path);
            }
            _ if is_in(walked) => {}
            There::Directory if *is_whole => {
                changes.insert(Change { path: path.clone(), there: There::Directory });
                changes.extend(below(path, enters));
                walked = Some(path);
            }
            there => {
                changes.insert(Change { path: path.clone(), there });
            }
        }
    }
    changes.into_iter().collect()
}

/// Returns all that is in a directory, as far as `enters` says that it matters; a file is all that is in it. What
/// cannot be read is left out.
pub fn below(path: &Path, enters: &dyn Fn(&Path) -> bool) -> Vec<Change> {
    if look(path) == There::File {
        return vec![Change { path: path.to_owned(), there: There::File }];
    }
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        if !enters(&directory) {
            continue;
        }
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let there = look(&path);
            if there == There::Directory {
                open.push(path.clone());
            }
            found.push(Change { path, there });
        }
    }
    found
}

/// Says what is at a path; a link is a file.
fn look(path: &Path) -> There {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => There::Directory,
        Ok(_) => There::File,
        Err(_) => There::Nothing,
    }
}

/// Returns a path without links, as far as it is there, and what is there.
pub fn find(path: &Path) -> (PathBuf, There) {
    let mut ancestors = path.ancestors();
    let found = ancestors.find_map(|there| Some((there, there.canonicalize().ok()?)));
    let real = match found {
        Some((there, real)) if there == path => real,
        Some((there, real)) => real.join(path.strip_prefix(there).unwrap_or(path)),
        None => path.to_owned(),
    };
    let there = look(&real);
    (real, there)
}

/// Says an error so that it helps.
fn readable(error: &notify::Error) -> io::Error {
    let of = error.paths.first().map_or(String::new(), |path| format!("{}: ", path.display()));
    io::Error::other(match &error.kind {
        ErrorKind::MaxFilesWatch => {
            format!("{of}there are more directories than may be watched: raise fs.inotify.max_user_watches")
        }
        ErrorKind::Io(error) => format!("{of}{error}"),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A directory that is watched at some paths in it.
    struct Bed {
        root: PathBuf,
        disk: Disk,
        _directory: TempDir,
    }

    impl Bed {
        fn new(files: &[&str], watched: &[&str]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let (root, _) = find(directory.path());
            let paths = watched.iter().map(|path| root.join(path)).collect();
            let write = |path: &&str| write(&root.join(path), "first");
            files.iter().for_each(write);
            Self { disk: Disk::new(&paths).unwrap(), root, _directory: directory }
        }

        fn write(&self, path: &str) {
            write(&self.root.join(path), "next");
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.root.join(from), self.root.join(to)).unwrap();
        }

        fn remove(&self, path: &str) {
            let path = self.root.join(path);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }

        /// Returns the next changes: `+file`, `/directory`, `-gone`. Directories called `closed` are not entered.
        async fn told(&mut self) -> Vec<String> {
            let next = self.disk.next(&|path| !path.ends_with("closed"));
            let changes = tokio::time::timeout(Duration::from_secs(20), next).await.unwrap().unwrap();
            let written = |Change { path, there }: &Change| {
                let mark = match there {
                    There::Nothing => '-',
                    There::File => '+',
                    There::Directory => '/',
                };
                format!("{mark}{}", path.strip_prefix(&self.root).unwrap().display())
            };
            changes.iter().map(written).collect()
        }
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[tokio::test]
    async fn a_batch_has_each_change_once() {
        let mut bed = Bed::new(&["src/a", "src/b", "other"], &["src"]);
        bed.write("src/a");
        bed.write("src/a");
        bed.write("src/new/d/c");
        bed.write("src/closed/c");
        bed.remove("src/b");
        bed.write("other");
        assert_eq!(
            bed.told().await,
            ["+src/a", "-src/b", "/src/closed", "/src/new", "/src/new/d", "+src/new/d/c"]
        );
        // What is new is watched as well.
        bed.write("src/new/d/e");
        assert_eq!(bed.told().await, ["+src/new/d/e"]);
        bed.rename("src/new", "moved");
        assert_eq!(bed.told().await, ["-src/new"]);
    }

    #[tokio::test]
    async fn what_editors_make_and_remove_meanwhile_is_not_told() {
        let mut bed = Bed::new(&["src/a", "file"], &["src", "file"]);
        for path in ["src/a", "file"] {
            bed.write(&format!("{path}.tmp"));
            bed.rename(&format!("{path}.tmp"), path);
        }
        assert_eq!(bed.told().await, ["+file", "+src/a"]);
        // Replaced or not, a file is still watched.
        bed.write("file");
        assert_eq!(bed.told().await, ["+file"]);
        bed.remove("file");
        assert_eq!(bed.told().await, ["-file"]);
        bed.write("file");
        assert_eq!(bed.told().await, ["+file"]);
    }

    #[tokio::test]
    async fn what_is_not_there_is_waited_for() {
        let mut bed = Bed::new(&["far/a"], &["far/away/src", "far/file"]);
        bed.write("far/b");
        bed.write("far/away/src/d/a");
        assert_eq!(bed.told().await, ["/far/away/src", "/far/away/src/d", "+far/away/src/d/a"]);
        bed.write("far/away/src/b");
        bed.write("far/file");
        assert_eq!(bed.told().await, ["+far/away/src/b", "+far/file"]);
    }

    #[tokio::test]
    async fn a_directory_that_is_replaced_is_watched_again() {
        let mut bed = Bed::new(&["src/a", "next/b"], &["src"]);
        bed.remove("src");
        bed.rename("next", "src");
        let told = bed.told().await;
        assert!(told.contains(&"+src/b".to_owned()) && told.contains(&"-src/a".to_owned()), "{told:?}");
        bed.write("src/c");
        assert_eq!(bed.told().await, ["+src/c"]);
        bed.remove("src");
        assert!(bed.told().await.contains(&"-src".to_owned()));
        bed.write("src/d");
        assert_eq!(bed.told().await, ["/src", "+src/d"]);
    }
}
