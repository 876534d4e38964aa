//! An engine of the test's own, which may be stopped, killed and filled up: `scripts/private-engine.sh`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use super::{Engine, eventually, host};

/// An engine in namespaces of its own, until it is dropped.
pub(crate) struct PrivateEngine {
    directory: TempDir,
    script: Child,
    /// Its end ends the engine.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// A process in its namespaces.
    pub(crate) process: String,
}

/// How an engine is to be.
#[derive(Default)]
pub(crate) struct Wish<'a> {
    /// The folder of its binaries, instead of those that are installed.
    pub(crate) binaries: Option<String>,
    /// The size of its disk, `64m`, instead of what this machine has.
    pub(crate) disk: Option<&'a str>,
    /// More options of dockerd.
    pub(crate) options: &'a [&'a str],
}

impl PrivateEngine {
    /// Starts the engine that is installed, with these images of the engine that tests share. Returns nothing where
    /// that cannot be.
    pub(crate) fn start(name: &str, images: &[&str]) -> Option<Self> {
        Self::with(name, images, &Wish::default())
    }

    /// Starts the newest engine that Debian has, or nothing where it could not be fetched.
    pub(crate) fn newest(name: &str, images: &[&str]) -> Option<Self> {
        if !host::runs_on_an_engine(name) {
            return None;
        }
        let Some(binaries) = host::variable("TOPO_NEWEST_ENGINE") else {
            host::note(&format!("{name}: skipped, because TOPO_NEWEST_ENGINE names no newer engine"));
            return None;
        };
        Self::with(name, images, &Wish { binaries: Some(binaries), ..Wish::default() })
    }

    pub(crate) fn with(name: &str, images: &[&str], wish: &Wish<'_>) -> Option<Self> {
        if !host::runs_on_an_engine(name) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(host::repository().join("scripts/private-engine.sh"));
        command.arg(directory.path()).args(wish.options);
        command.envs(wish.binaries.iter().map(|folder| ("TOPO_ENGINE_BINARIES", folder)));
        command.envs(wish.disk.map(|size| ("TOPO_ENGINE_DISK", size)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = command.spawn().unwrap();
        let commands = script.stdin.take();
        let answers = BufReader::new(script.stdout.take().unwrap());
        let mut engine = Self { directory, script, commands, answers, process: String::new() };
        engine.process = engine.line();
        if let Some(reason) = engine.process.strip_prefix("cannot: ") {
            host::note(&format!("{name}: skipped, because no engine of its own can be started: {reason}"));
            return None;
        }
        engine.begin();
        let (shared, own) = (Engine::connect(), Engine::at(&engine.address()));
        for image in images {
            shared.give_image(image, &own);
        }
        Some(engine)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.directory.path().join("engine.sock").display())
    }

    /// Starts it again after its end, and waits until it answers.
    pub(crate) fn begin(&mut self) {
        self.tell("start");
        let socket = self.directory.path().join("engine.sock");
        eventually(&format!("an answer of the engine: {}", self.log()), || {
            let mut stream = std::os::unix::net::UnixStream::connect(&socket).ok()?;
            stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").ok()?;
            BufReader::new(stream).lines().next()?.ok()?.contains("200").then_some(())
        });
    }

    /// Ends it by a signal, such as `TERM`, and waits until it has ended. Its containers go on after `KILL`.
    pub(crate) fn end(&mut self, signal: &str) {
        self.tell(&format!("kill {signal}"));
    }

    /// Returns a command that runs where the engine publishes its ports: on its machine, as it were.
    pub(crate) fn beside(&self, command: &Command) -> Command {
        let mut beside = Command::new("nsenter");
        beside.arg(format!("--net=/proc/{}/ns/net", self.process));
        beside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => beside.env(name, value),
                None => beside.env_remove(name),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            beside.current_dir(directory);
        }
        beside
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        assert_eq!(self.line(), "done", "{command}: {}", self.log());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What the engine wrote last.
    #[expect(clippy::disallowed_methods, reason = "tests may read")]
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("engine.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(10).collect();
        lines.into_iter().rev().flat_map(|line| [line, "\n"]).collect()
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            host::note(&self.log());
        }
        self.commands = None;
        let _ = self.script.wait();
    }
}
