//! Where obligations are held: an engine, a project of its own, containers that do what a test says.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, NetworkCreateRequest, NetworkingConfig,
};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use topo::engine::docker::{Connection, Docker};
use topo::engine::fake::{Behaviour, FakeEngine, Program};
use topo::engine::inside::Inside;
use topo::engine::{Action, Cause, Engine, EngineError, LogLine, LogQuery, Query, Scope, Since};
use topo::observed::{Container, Health, Observed};
use topo::plan::{Build, File, labels};

/// The image that the obligations run, on both engines.
pub(crate) const IMAGE: &str = "topo-contract";

/// An engine that a test can play on.
pub(crate) trait Stage: Inside {
    /// Says what a container will do. A real one does what its command says.
    fn script(&self, container: &str, behaviour: &Behaviour);
    /// Says what a command in a container will do. On a real one it does so.
    fn command(&self, words: &[&str], program: Program);
    /// Lets the next probe of a container's health pass.
    async fn heal(&self, container: &str);
}

impl Stage for FakeEngine {
    fn script(&self, container: &str, behaviour: &Behaviour) {
        self.on_start(container, behaviour.clone());
    }

    fn command(&self, words: &[&str], program: Program) {
        self.on_exec(words, program);
    }

    async fn heal(&self, container: &str) {
        self.set_health(container, Health::Healthy, "");
    }
}

impl Stage for Docker {
    fn script(&self, _container: &str, _behaviour: &Behaviour) {}

    fn command(&self, _words: &[&str], _program: Program) {}

    async fn heal(&self, container: &str) {
        let file = File { path: "/healthy".into(), content: vec![], mode: 0o644, uid: 0, gid: 0 };
        self.copy_files(container, &[file]).await.unwrap();
    }
}

/// An engine and a project of its own on it.
pub(crate) struct Bed<E> {
    pub(crate) engine: E,
    pub(crate) project: String,
}

impl<E: Stage> Bed<E> {
    pub(crate) fn new(engine: E) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { engine, project: format!("topo-contract-{}-{number}", std::process::id()) }
    }

    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.project)
    }

    pub(crate) fn labels(&self, service: &str, number: &str) -> HashMap<String, String> {
        let labels = [
            (labels::PROJECT, self.project.as_str()),
            (labels::SERVICE, service),
            (labels::CONTAINER_NUMBER, number),
            (labels::ONEOFF, "False"),
        ];
        labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    pub(crate) fn network(&self, key: &str) -> NetworkCreateRequest {
        let labels = Some(self.labels("", "0"));
        NetworkCreateRequest { name: self.name(key), labels, ..NetworkCreateRequest::default() }
    }

    pub(crate) fn body(&self, service: &str, behaviour: &Behaviour) -> ContainerCreateBody {
        self.engine.script(&self.name(service), behaviour);
        let command = match behaviour {
            Behaviour::Runs | Behaviour::Starts => vec!["/probe".to_owned(), "serve".to_owned()],
            Behaviour::Exits(code, lines) => {
                let start = ["/probe".to_owned(), "exit".to_owned(), code.to_string()];
                start.into_iter().chain(lines.clone()).collect()
            }
        };
        let check = HealthConfig {
            test: Some(vec!["CMD".into(), "/probe".into(), "check".into()]),
            interval: Some(200_000_000),
            retries: Some(1000),
            ..HealthConfig::default()
        };
        ContainerCreateBody {
            image: Some(IMAGE.into()),
            cmd: Some(command),
            labels: Some(self.labels(service, "1")),
            healthcheck: (*behaviour == Behaviour::Starts).then_some(check),
            host_config: Some(HostConfig::default()),
            ..ContainerCreateBody::default()
        }
    }

    pub(crate) async fn create(&self, service: &str, body: ContainerCreateBody) -> String {
        self.engine.create_container(&self.name(service), None, &body).await.unwrap()
    }

    pub(crate) async fn observe(&self) -> Observed {
        let query = Query { project: self.project.clone(), ..Query::default() };
        self.engine.observe(&query).await.unwrap()
    }

    pub(crate) async fn container(&self, service: &str) -> Container {
        let name = self.name(service);
        let observed = self.observe().await;
        observed.containers.into_iter().find(|container| container.name == name).unwrap()
    }

    pub(crate) fn follow(&self, _container: &str) -> BoxStream<'static, Action> {
        let scope = Scope::Project(self.project.clone());
        self.engine.happenings(&scope, Since::Earliest).map(|one| one.unwrap().action).boxed()
    }

    pub(crate) async fn until(
        &self,
        actions: &mut BoxStream<'static, Action>,
        wanted: impl Fn(&Action) -> bool,
    ) {
        while !wanted(&bounded(actions.next()).await.unwrap()) {}
    }

    /// Starts a container, waits for its end, and returns what it wrote.
    pub(crate) async fn run(&self, container: &str) -> Vec<String> {
        let mut follow = self.follow(container);
        self.engine.start(container).await.unwrap();
        let query = LogQuery { follow: true, ..LogQuery::default() };
        let lines = self.engine.logs(container, &query).map(Result::unwrap);
        let lines: Vec<_> = bounded(lines.collect()).await;
        self.until(&mut follow, |action| matches!(action, Action::Die(_))).await;
        lines.iter().map(text).collect()
    }
}

pub(crate) fn join(body: &mut ContainerCreateBody, network: &str) {
    body.host_config.get_or_insert_default().network_mode = Some(network.to_owned());
    let endpoints = HashMap::from([(network.to_owned(), EndpointSettings::default())]);
    body.networking_config = Some(NetworkingConfig { endpoints_config: Some(endpoints) });
}

pub(crate) fn text(line: &LogLine) -> String {
    String::from_utf8(line.text.clone()).unwrap()
}

pub(crate) fn cause<T: std::fmt::Debug>(result: Result<T, EngineError>) -> Cause {
    result.unwrap_err().cause
}

/// Waits, but not for ever.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it takes longer than 30 seconds")
}

/// Holds an engine to an obligation, and removes what that left behind, broken or not.
pub(crate) async fn held(bed: &Bed<Docker>, obligation: impl Future<Output = ()>) {
    let result = AssertUnwindSafe(obligation).catch_unwind().await;
    let observed = bed.observe().await;
    for container in &observed.containers {
        let _ = bed.engine.remove_container(&container.id, true).await;
    }
    let own = format!("{}_", bed.project);
    let _ = bed.engine.remove_container(&bed.name("stranger"), true).await;
    for network in observed.networks.iter().filter(|network| network.name.starts_with(&own)) {
        let _ = bed.engine.remove_network(&network.id).await;
    }
    for volume in observed.volumes.iter().filter(|volume| volume.name.starts_with(&own)) {
        let _ = bed.engine.remove_volume(&volume.name).await;
    }
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

pub(crate) fn in_memory() -> FakeEngine {
    let engine = FakeEngine::new();
    engine.add_image(IMAGE);
    engine
}

#[expect(clippy::disallowed_methods, reason = "a test of the real engine finds it as topo does")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the real engine with the test image on it, or nothing if it is not to be tested.
pub(crate) async fn docker() -> Option<Docker> {
    docker_with(|_| ()).await
}

/// The same, connected to in another way.
pub(crate) async fn docker_with(change: impl FnOnce(&mut Connection)) -> Option<Docker> {
    static IMAGE_MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    if variable("TOPO_E2E").as_deref() != Some("1") {
        return None;
    }
    let home = std::env::home_dir();
    let mut connection = Connection::from_variables(variable, home.as_deref());
    change(&mut connection);
    let docker = Docker::connect(&connection).await.unwrap();
    IMAGE_MADE.get_or_init(async || make_image(&docker).await).await;
    Some(docker)
}

/// Builds the test image out of one static program, so that no registry is needed.
async fn make_image(docker: &Docker) {
    let context = tempfile::tempdir().unwrap();
    let (source, program) = (context.path().join("probe.c"), context.path().join("probe"));
    std::fs::write(&source, PROBE).unwrap();
    let compiled =
        std::process::Command::new("cc").arg("-static").arg("-o").args([&program, &source]).status();
    assert!(compiled.expect("a C compiler is installed").success());
    std::fs::write(context.path().join("Dockerfile"), "FROM scratch\nCOPY probe /probe\n").unwrap();
    let build = Build {
        image: IMAGE.into(),
        context: context.path().display().to_string(),
        dockerfile: "Dockerfile".into(),
        ..Build::default()
    };
    docker.build(&build, &|_| ()).await.unwrap();
}

/// Serves until it is told to end, ends at once, checks health, asks an SSH agent, or shows a file or variable.
const PROBE: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void leave(int signal) { _exit(0); }

int main(int count, char **words) {
    setvbuf(stdout, 0, _IONBF, 0);
    if (!strcmp(words[1], "serve")) {
        signal(SIGTERM, leave);
        for (;;) pause();
    }
    if (!strcmp(words[1], "exit")) {
        for (int at = 3; at < count; at++) printf("%s\n", words[at]);
        return atoi(words[2]);
    }
    if (!strcmp(words[1], "echo")) {
        char piece[1000];
        for (int size; (size = read(0, piece, sizeof piece)) > 0;) write(1, piece, size);
        return 0;
    }
    if (!strcmp(words[1], "both")) {
        puts("out");
        fputs("error without an end", stderr);
        return count > 2 ? atoi(words[2]) : 0;
    }
    if (!strcmp(words[1], "check")) {
        puts("not yet");
        return access("/healthy", F_OK) != 0;
    }
    if (!strcmp(words[1], "ask-agent")) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char answer[100] = "";
        int agent = socket(AF_UNIX, SOCK_STREAM, 0);
        strcpy(address.sun_path, getenv("SSH_AUTH_SOCK"));
        if (connect(agent, (struct sockaddr *)&address, sizeof address)) return 1;
        write(agent, "who?", 4);
        answer[read(agent, answer, 99)] = 0;
        puts(answer);
        return 0;
    }
    if (!strcmp(words[1], "env")) {
        puts(getenv(words[2]));
        return 0;
    }
    struct stat about;
    char text[100] = "";
    FILE *file = fopen(words[2], "r");
    if (!file) { puts("nothing there"); return 0; }
    stat(words[2], &about);
    text[fread(text, 1, 99, file)] = 0;
    printf("%o %d:%d %s\n", about.st_mode & 07777, about.st_uid, about.st_gid, text);
    return 0;
}
"#;
