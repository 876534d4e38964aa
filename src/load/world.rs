//! The door to files and environment variables. The loader sees the world through it alone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// More than this is no file that a person or a program writes for compose.
const SIZE_LIMIT: u64 = 64 << 20;

/// What the loader may ask of the world.
pub trait World {
    /// Reads a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Returns whether a file, not a directory, is there.
    fn is_file(&self, path: &Path) -> bool;
    /// Returns whether a file can be run. Where permissions do not say it, the first line does.
    fn is_executable(&self, path: &Path) -> bool {
        self.read(path).is_ok_and(|content| content.starts_with(b"#!"))
    }
    /// Returns the files that are in a directory, not those below it.
    fn files_in(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    /// Reads standard input to its end.
    fn read_stdin(&self) -> io::Result<Vec<u8>>;
    /// Returns an environment variable.
    fn var(&self, name: &str) -> Option<String>;
    /// Returns all environment variables whose names and values are text, by name.
    fn vars(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
    /// Returns the working directory.
    fn cwd(&self) -> PathBuf;
    /// Returns the user's home directory.
    fn home(&self) -> Option<PathBuf> {
        self.var("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
    }
}

/// Returns whether a path may name what the program was started with, such as standard input, and no file of its own.
pub fn is_handed_over(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path.starts_with("/proc") || path == Path::new("/dev/stdin")
}

/// The real world.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsWorld;

/// The program that runs.
pub struct OwnProgram {
    /// What its file holds.
    pub content: Vec<u8>,
    /// When that was changed, in seconds since 1970.
    pub changed: u64,
    /// What is mapped into its memory, as Linux shows it; empty elsewhere.
    pub mapped: Vec<u8>,
    /// The operating system that it is for, as images name it.
    pub os: &'static str,
    /// The processor that it is for, as images name it.
    pub architecture: &'static str,
}

impl OsWorld {
    /// Reads the program that runs, of whatever size.
    pub fn program(self) -> io::Result<OwnProgram> {
        let path = std::env::current_exe()?;
        let changed = std::fs::metadata(&path)?.modified()?;
        let changed = changed.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mapped = self.read(Path::new("/proc/self/maps")).unwrap_or_default();
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let (content, os) = (self.read_whole(&path)?, std::env::consts::OS);
        Ok(OwnProgram { content, changed, mapped, os, architecture })
    }

    /// Makes a file, or empties the one that is there.
    pub fn create(self, path: &Path) -> io::Result<std::fs::File> {
        std::fs::File::create(path)
    }

    /// Reads a file of whatever size.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn read_whole(self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    /// Returns the words of the command line, the program's name first.
    pub fn arguments(self) -> Vec<std::ffi::OsString> {
        std::env::args_os().collect()
    }

    /// Writes a file, and makes its directory if it is not there.
    pub fn write(self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(path, text)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
impl World for OsWorld {
    /// A pipe would be waited for without end, so only those that the shell opened for this run are read:
    /// `-f <(generate)`. Devices such as `/dev/zero` may have no end.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let kind = std::fs::metadata(path)?.file_type();
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !kind.is_file() && !is_handed_over(path) && path != Path::new("/dev/null") {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut text = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(std::fs::File::open(path)?, SIZE_LIMIT + 1), &mut text)?;
        if text.len() as u64 > SIZE_LIMIT {
            return Err(io::Error::other("it has more than 64 MiB"));
        }
        Ok(text)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    #[cfg(unix)]
    fn is_executable(&self, path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
    }

    fn files_in(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(io::stdin().lock(), SIZE_LIMIT), &mut text)?;
        Ok(text)
    }

    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn vars(&self) -> BTreeMap<String, String> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The shell's idea of where it is, if that is true: docker compose keeps symbolic links in paths.
    fn cwd(&self) -> PathBuf {
        let real = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let same =
            |shell: &PathBuf| shell.is_absolute() && shell.canonicalize().is_ok_and(|path| path == real);
        self.var("PWD").map(PathBuf::from).filter(same).unwrap_or(real)
    }
}

/// A world in memory, for tests: files by absolute path, variables, the working directory.
#[derive(Clone, Debug, Default)]
pub struct MemWorld {
    /// Files by absolute path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// The working directory; empty means `/`.
    pub cwd: PathBuf,
    /// Standard input.
    pub stdin: Vec<u8>,
}

impl MemWorld {
    /// Makes a world whose working directory is `/project`, with these files in it.
    pub fn project<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let cwd = PathBuf::from("/project");
        let files = files.into_iter().map(|(name, text)| (cwd.join(name), text.into())).collect();
        Self { files, cwd, ..Self::default() }
    }
}

impl World for MemWorld {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let is_directory = || self.files.keys().any(|file| file.starts_with(path));
        self.files.get(path).cloned().ok_or_else(|| {
            if is_directory() { io::ErrorKind::IsADirectory.into() } else { io::ErrorKind::NotFound.into() }
        })
    }

    fn is_file(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn files_in(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let files: Vec<PathBuf> =
            self.files.keys().filter(|file| file.parent() == Some(directory)).cloned().collect();
        if files.is_empty() { Err(io::ErrorKind::NotADirectory.into()) } else { Ok(files) }
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(self.stdin.clone())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn vars(&self) -> BTreeMap<String, String> {
        self.vars.clone()
    }

    fn cwd(&self) -> PathBuf {
        if self.cwd.as_os_str().is_empty() { PathBuf::from("/") } else { self.cwd.clone() }
    }
}
