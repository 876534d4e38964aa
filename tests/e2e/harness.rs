//! What every scenario has: a project of its own, a way to run topo on it, and eyes on the engine that do not go
//! through topo. All that a project made is removed when it is dropped, also after a failed check.

mod engine;
pub(crate) mod host;
mod network;
pub(crate) mod private;
pub(crate) mod registry;
mod running;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use bollard::models::ContainerInspectResponse;
use tempfile::TempDir;

pub(crate) use engine::{Engine, address};
pub(crate) use host::{answer, free_port, note, repository};
pub(crate) use network::{Card, Outside};
pub(crate) use private::PrivateEngine;
pub(crate) use registry::Registry;
pub(crate) use running::Running;

/// A project of its own: a directory, a name, and all that the engine has under that name.
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) engine: Engine,
    directory: TempDir,
    file: PathBuf,
    variables: Vec<(String, String)>,
    /// Given back only after all has been removed.
    _share: Share,
}

/// Most tests share the engine. One that changes it as a whole has it alone.
static ENGINE: RwLock<()> = RwLock::new(());

#[expect(dead_code, reason = "it is held, not looked at")]
enum Share {
    None,
    Some(RwLockReadGuard<'static, ()>),
    All(RwLockWriteGuard<'static, ()>),
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    /// Makes an empty project, or nothing if there is no engine to be tested.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Self::sharing(name, || Share::Some(ENGINE.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Makes a project of a file in `examples/` that has the engine to itself.
    pub(crate) fn alone(name: &str, path: &str) -> Option<Self> {
        let all = || Share::All(ENGINE.write().unwrap_or_else(PoisonError::into_inner));
        Some(Self::sharing(name, all)?.at_example(path))
    }

    fn sharing(name: &str, share: impl FnOnce() -> Share) -> Option<Self> {
        host::runs_on_an_engine(name).then(|| Self::at(&address(), name, share()))
    }

    fn at(engine: &str, name: &str, share: Share) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            name: format!("e2e-{name}-{}", std::process::id()),
            engine: Engine::at(engine),
            file: directory.path().join("compose.yaml"),
            directory,
            variables: Vec::new(),
            _share: share,
        }
    }

    /// Makes a project of this compose file on an engine of the test's own.
    pub(crate) fn on(engine: &PrivateEngine, name: &str, compose: &str) -> Self {
        let project = Self::at(&engine.address(), name, Share::None);
        project.write("compose.yaml", compose);
        project
    }

    /// Makes a project of this compose file.
    pub(crate) fn with(name: &str, compose: &str) -> Option<Self> {
        let project = Self::new(name)?;
        project.write("compose.yaml", compose);
        Some(project)
    }

    /// Makes a project of a file in `examples/`, read where it is.
    pub(crate) fn of_example(name: &str, path: &str) -> Option<Self> {
        Some(Self::new(name)?.at_example(path))
    }

    fn at_example(mut self, path: &str) -> Self {
        self.file = repository().join("examples").join(path).join("compose.yaml");
        self
    }

    /// Sets a variable for all that runs from now on.
    pub(crate) fn set(&mut self, variable: &str, value: impl Into<String>) {
        self.variables.retain(|(name, _)| name != variable);
        self.variables.push((variable.to_owned(), value.into()));
    }

    /// Returns a path in the project's directory.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// Writes a file into the project's directory.
    pub(crate) fn write(&self, relative: &str, text: &str) {
        std::fs::write(self.path(relative), text).unwrap();
    }

    /// Reads a file of the project's directory.
    #[expect(clippy::disallowed_methods, reason = "tests may read")]
    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Returns a command that runs topo on the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.prepared(env!("CARGO_BIN_EXE_topo").as_ref());
        command.arg("-p").arg(&self.name).arg("-f").arg(&self.file).args(arguments);
        command
    }

    /// Returns a command that runs in the project's directory with its variables, and none that compose files
    /// would take from here.
    fn prepared(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        for inherited in ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "NO_COLOR"] {
            command.env_remove(inherited);
        }
        command
            .env("DOCKER_HOST", &self.engine.address)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs topo on the project.
    pub(crate) fn topo(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments))
    }

    /// Runs topo on the project by its name alone, without its file.
    pub(crate) fn topo_without_file(&self, arguments: &[&str]) -> Run {
        let elsewhere = tempfile::tempdir().unwrap();
        let mut command = self.prepared(env!("CARGO_BIN_EXE_topo").as_ref());
        command.current_dir(elsewhere.path()).arg("-p").arg(&self.name).args(arguments);
        Run::of(command)
    }

    /// Runs docker compose on the project.
    pub(crate) fn peer(&self, arguments: &[&str]) -> Run {
        Run::of(self.peer_command(arguments))
    }

    /// Returns a command that runs docker compose on the project.
    pub(crate) fn peer_command(&self, arguments: &[&str]) -> Command {
        let peer = host::variable("TOPO_PEER_COMPOSE")
            .expect("TOPO_PEER_COMPOSE names docker compose 2.40, which scripts/test.sh fetches");
        let mut command = self.prepared(peer.as_ref());
        command.arg("-p").arg(&self.name).arg("-f").arg(&self.file).args(arguments);
        command
    }

    /// Returns the ID of each of the project's containers, by the name after the project's.
    pub(crate) fn ids(&self) -> BTreeMap<String, String> {
        self.lives().into_iter().map(|(name, (id, _))| (name, id)).collect()
    }

    /// Brings the project up, which must succeed.
    pub(crate) fn up(&self) -> Run {
        self.topo(&["up", "-d"]).succeeds()
    }

    /// Brings the project up again, which must succeed and leave all as it is.
    pub(crate) fn up_does_nothing(&self) {
        let before = self.lives();
        let run = self.up();
        assert_eq!(self.lives(), before, "the second `up` touched containers");
        assert!(run.stderr.contains("nothing to do"), "{run:?}");
    }

    /// Returns the full name of a container: `web-1` is `<project>-web-1`.
    pub(crate) fn full_name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }

    /// Returns what the engine says about one of the project's containers.
    pub(crate) fn container(&self, suffix: &str) -> ContainerInspectResponse {
        self.engine.inspect(&self.full_name(suffix))
    }

    /// Runs a command in one of the project's containers.
    pub(crate) fn exec(&self, suffix: &str, command: &[&str]) -> (i64, String) {
        self.engine.exec(&self.full_name(suffix), command)
    }

    /// Returns ID and start time of each of the project's containers, by the name after the project's.
    pub(crate) fn lives(&self) -> BTreeMap<String, (String, Duration)> {
        let prefix = format!("{}-", self.name);
        let life = |container: &ContainerInspectResponse| {
            let name = container.name.clone().unwrap();
            let name = name.trim_start_matches('/');
            let name = name.strip_prefix(&prefix).unwrap_or(name).to_owned();
            (name, (container.id.clone().unwrap(), started_at(container)))
        };
        self.engine.containers(&self.name).iter().map(life).collect()
    }

    /// Returns the names of the project's containers, without the project's own.
    pub(crate) fn container_names(&self) -> Vec<String> {
        self.lives().into_keys().collect()
    }

    /// Checks that the engine has nothing of this project.
    pub(crate) fn is_nowhere(&self) {
        assert_eq!(self.container_names(), [""; 0]);
        assert_eq!(self.engine.networks(&self.name), [""; 0]);
        assert_eq!(self.engine.volumes(&self.name), [""; 0]);
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What was there when a check failed; libtest shows it with the failure.
            host::note(&format!("{}:\n{}", self.name, self.engine.describe(&self.name)));
        }
        self.engine.remove_all(&self.name);
    }
}

impl Run {
    /// Runs a command to its end. What it printed is shown if the test fails.
    pub(crate) fn of(command: Command) -> Self {
        let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        host::note(&format!("$ {}", arguments.join(" ")));
        let began = Instant::now();
        let mut running = Running::start(command);
        let code = running.finish().code();
        host::note(&format!("[{code:?}, {:.1}s]", began.elapsed().as_secs_f64()));
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        Self { code, stdout: text(&running.stdout), stderr: text(&running.stderr) }
    }

    /// Checks that it ended well.
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Checks that it ended with this code.
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Checks that standard error has all of these texts.
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in:\n{}", self.stderr);
        }
        self
    }
}

/// Returns when a container was last started, since 1970.
pub(crate) fn started_at(container: &ContainerInspectResponse) -> Duration {
    time(container.state.as_ref().unwrap().started_at.as_deref().unwrap())
}

/// Returns when a container last ended.
pub(crate) fn finished_at(container: &ContainerInspectResponse) -> Duration {
    time(container.state.as_ref().unwrap().finished_at.as_deref().unwrap())
}

/// Returns when the last probes of a container's health ended, oldest first, with their exit codes.
pub(crate) fn probes(container: &ContainerInspectResponse) -> Vec<(Duration, i64)> {
    let health = container.state.as_ref().unwrap().health.as_ref().unwrap();
    let probe = |probe: &bollard::models::HealthcheckResult| {
        (time(probe.end.as_deref().unwrap()), probe.exit_code.unwrap())
    };
    health.log.iter().flatten().map(probe).collect()
}

/// Returns a container's health: `healthy`, `starting`, `unhealthy`; empty if nothing checks it.
pub(crate) fn health(container: &ContainerInspectResponse) -> String {
    let health = container.state.as_ref().unwrap().health.as_ref();
    health.and_then(|health| health.status).map_or_else(String::new, |status| status.to_string())
}

pub(crate) fn is_running(container: &ContainerInspectResponse) -> bool {
    container.state.as_ref().unwrap().running == Some(true)
}

/// Reads `2026-01-31T23:59:59.5Z` and `2026-01-31T23:59:59.5+01:00`, both of which the engine writes.
pub(crate) fn time(text: &str) -> Duration {
    let (date, clock) = text.split_once('T').unwrap();
    let at = clock.find(['Z', '+', '-']).unwrap();
    let (clock, zone) = clock.split_at(at);
    let numbers =
        |text: &str, by: char| -> Vec<u64> { text.split(by).map(|number| number.parse().unwrap()).collect() };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let (date, clock) = (numbers(date, '-'), numbers(clock, ':'));
    // Years that begin in March end with the leap day. The engine's "never" is year 1.
    let (year, month) = if date[1] > 2 { (date[0], date[1] - 3) } else { (date[0] - 1, date[1] + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + date[2];
    let seconds = days.saturating_sub(719_469) * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2];
    let offset = match zone.trim_start_matches(['Z', '+', '-']) {
        "" => 0,
        zone => numbers(zone, ':').iter().zip([3600, 60]).map(|(number, unit)| number * unit).sum(),
    };
    let seconds = if zone.starts_with('-') { seconds + offset } else { seconds.saturating_sub(offset) };
    Duration::from_secs(seconds) + Duration::from_nanos(format!("{fraction:0<9}").parse().unwrap())
}

#[test]
fn times_of_all_zones_must_compare() {
    assert_eq!(time("1970-01-01T00:00:01.5Z"), Duration::from_millis(1500));
    assert_eq!(time("2026-03-01T01:00:00+01:00"), Duration::from_secs(1_772_323_200));
    assert_eq!(time("0001-01-01T00:00:00Z"), Duration::ZERO);
}

/// Waits until `check` gives something, looking again and again, but not for ever.
pub(crate) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within 30 seconds: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
