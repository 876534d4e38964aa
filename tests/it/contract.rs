//! The obligations of an engine. The one in memory is held to them always, a real one with `TOPO_E2E=1`, so that the
//! one in memory cannot lie.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, Mount, MountType, NetworkCreateRequest,
    NetworkingConfig, PortBinding, VolumeCreateRequest,
};
use futures_util::{FutureExt, StreamExt};
use topo::engine::docker::{Connection, Docker};
use topo::engine::fake::{Behaviour, FakeEngine};
use topo::engine::{Action, Cause, Engine, EngineError, LogLine, LogQuery, LogSource, Query, Scope, Since};
use topo::observed::{Container, Health, Observed, State};
use topo::plan::{Build, File, labels};

macro_rules! obligations {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                let bed = super::Bed::new(super::in_memory());
                super::$name(&bed).await;
            })*
        }
        mod docker {
            $(#[tokio::test]
            async fn $name() {
                let Some(docker) = super::docker().await else { return };
                let bed = super::Bed::new(docker);
                super::held(&bed, super::$name(&bed)).await;
            })*
        }
    };
}

obligations! {
    networks_have_names_of_their_own
    a_network_in_use_stays
    containers_join_and_leave_networks
    volumes_outlive_containers
    a_container_goes_through_its_life
    a_snapshot_shows_the_project_and_nothing_else
    what_is_missing_is_named
    a_taken_port_is_named
    a_log_has_all_lines
    following_a_log_ends_with_the_container
    health_is_reached_and_told
    happenings_are_told_in_order
    happenings_of_others_are_not_told
    overlay_networks_need_a_swarm
    an_image_nobody_has_is_refused
}

// ---- The obligations ----

async fn networks_have_names_of_their_own(bed: &Bed<impl Stage>) {
    let name = bed.name("front");
    let request = bed.network("front");
    let id = bed.engine.create_network(&request).await.unwrap();
    assert!(matches!(cause(bed.engine.create_network(&request).await), Cause::NameTaken { .. }));
    let observed = bed.observe().await;
    let network = observed.network(&name).unwrap();
    assert_eq!((&network.id, network.driver.as_str(), network.scope.as_str()), (&id, "bridge", "local"));
    assert_eq!(network.labels[labels::PROJECT], bed.project);
    bed.engine.remove_network(&id).await.unwrap();
    assert!(bed.engine.remove_network(&id).await.unwrap_err().is_not_found());
    assert!(bed.observe().await.network(&name).is_none());
}

async fn a_network_in_use_stays(bed: &Bed<impl Stage>) {
    let id = bed.engine.create_network(&bed.network("front")).await.unwrap();
    let mut body = bed.body("web", &Behaviour::Runs);
    join(&mut body, &bed.name("front"));
    let web = bed.create("web", body).await;
    bed.engine.start(&web).await.unwrap();
    assert!(matches!(cause(bed.engine.remove_network(&id).await), Cause::InUse { .. }));
    bed.engine.remove_container(&web, true).await.unwrap();
    bed.engine.remove_network(&id).await.unwrap();
}

async fn containers_join_and_leave_networks(bed: &Bed<impl Stage>) {
    let front = bed.engine.create_network(&bed.network("front")).await.unwrap();
    let back = bed.engine.create_network(&bed.network("back")).await.unwrap();
    let mut body = bed.body("web", &Behaviour::Runs);
    join(&mut body, &bed.name("front"));
    let web = bed.create("web", body).await;
    let endpoint = EndpointSettings { aliases: Some(vec!["other".into()]), ..EndpointSettings::default() };
    bed.engine.connect_network(&back, &web, &endpoint).await.unwrap();
    bed.engine.start(&web).await.unwrap();
    let both = vec![(bed.name("back"), back.clone()), (bed.name("front"), front.clone())];
    assert_eq!(bed.container("web").await.networks, both);
    bed.engine.disconnect_network(&back, &web).await.unwrap();
    assert_eq!(bed.container("web").await.networks, both[1..]);
    let unknown = bed.engine.connect_network(&bed.name("none"), &web, &endpoint).await;
    assert!(unknown.unwrap_err().is_not_found());
}

async fn volumes_outlive_containers(bed: &Bed<impl Stage>) {
    let name = bed.name("data");
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(bed.labels("", "0")),
        ..VolumeCreateRequest::default()
    };
    bed.engine.create_volume(&request).await.unwrap();
    bed.engine.create_volume(&request).await.unwrap();
    let mut body = bed.body("db", &Behaviour::Runs);
    let mount = |source: Option<String>, target: &str| Mount {
        typ: Some(MountType::VOLUME),
        source,
        target: Some(target.into()),
        ..Mount::default()
    };
    let mounts = vec![mount(Some(name.clone()), "/data"), mount(None, "/cache")];
    body.host_config.get_or_insert_default().mounts = Some(mounts);
    let db = bed.create("db", body).await;
    let mounts = bed.container("db").await.mounts;
    let anonymous = mounts.iter().find(|mount| mount.target == "/cache").unwrap().volume.clone();
    assert_eq!(anonymous.len(), 64);
    assert!(mounts.iter().any(|mount| mount.volume == name && mount.target == "/data"));
    assert!(matches!(cause(bed.engine.remove_volume(&name).await), Cause::InUse { .. }));
    bed.engine.remove_container(&db, true).await.unwrap();
    let observed = bed.observe().await;
    assert_eq!(observed.volume(&name).unwrap().labels[labels::PROJECT], bed.project);
    assert!(observed.volume(&anonymous).is_none(), "an anonymous volume goes with its container");
    bed.engine.remove_volume(&name).await.unwrap();
    assert!(bed.engine.remove_volume(&name).await.unwrap_err().is_not_found());
}

async fn a_container_goes_through_its_life(bed: &Bed<impl Stage>) {
    let engine = &bed.engine;
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    assert_eq!(bed.container("web").await.state, State::Created);
    let again = engine.create_container(&bed.name("web"), None, &bed.body("web", &Behaviour::Runs)).await;
    assert!(matches!(cause(again), Cause::NameTaken { .. }));
    engine.start(&web).await.unwrap();
    engine.start(&web).await.unwrap();
    assert_eq!(engine.inspect(&web).await.unwrap().state, State::Running);
    let other = bed.name("other");
    engine.rename(&web, &other).await.unwrap();
    assert_eq!(engine.inspect(&other).await.unwrap().id, web);
    engine.stop(&other, Some(1)).await.unwrap();
    engine.stop(&other, Some(1)).await.unwrap();
    assert!(matches!(engine.inspect(&web).await.unwrap().state, State::Exited(Some(_))));
    engine.start(&web).await.unwrap();
    engine.remove_container(&other, false).await.unwrap();
    assert!(engine.inspect(&web).await.unwrap_err().is_not_found());
    assert!(engine.start(&web).await.unwrap_err().is_not_found());
    assert!(engine.stop(&web, None).await.unwrap_err().is_not_found());
    assert!(engine.remove_container(&web, false).await.unwrap_err().is_not_found());
}

async fn a_snapshot_shows_the_project_and_nothing_else(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Exits(3, vec![]))).await;
    let mut stranger = bed.body("stranger", &Behaviour::Runs);
    stranger.labels = Some(HashMap::new());
    let stranger = bed.create("stranger", stranger).await;
    let mut follow = bed.follow(&web);
    bed.engine.start(&web).await.unwrap();
    bed.until(&mut follow, |action| matches!(action, Action::Die(_))).await;
    let long = format!("docker.io/library/{IMAGE}:latest");
    let query = Query {
        project: bed.project.clone(),
        images: vec![IMAGE.into(), long.clone(), "none-such".into()],
        swarm: true,
    };
    // Lists lag a moment behind events.
    let exited = |observed: &Observed| matches!(observed.containers[0].state, State::Exited(_));
    let observed = bounded(async {
        loop {
            let observed = bed.engine.observe(&query).await.unwrap();
            if exited(&observed) {
                return observed;
            }
        }
    })
    .await;
    bed.engine.remove_container(&stranger, true).await.unwrap();
    let [container] = observed.containers.as_slice() else { panic!("{:?}", observed.containers) };
    assert_eq!((container.name.as_str(), container.service.as_str()), (bed.name("web").as_str(), "web"));
    assert_eq!((container.number, container.oneoff), (1, false));
    assert_eq!(container.state, State::Exited(Some(3)));
    assert_eq!(container.image_name, IMAGE);
    assert_eq!(container.image, observed.images[IMAGE]);
    assert_eq!(observed.images.keys().collect::<Vec<_>>(), [&long, IMAGE]);
    assert_eq!(observed.api, bed.engine.api());
    assert!(observed.network("bridge").is_some());
}

async fn what_is_missing_is_named(bed: &Bed<impl Stage>) {
    let mut body = bed.body("web", &Behaviour::Runs);
    body.image = Some("none-such:1".into());
    let created = bed.engine.create_container(&bed.name("web"), None, &body).await;
    assert_eq!(
        created.unwrap_err().to_string(),
        format!("create container {}: there is no image `none-such:1`", bed.name("web"))
    );
    let mut body = bed.body("web", &Behaviour::Runs);
    join(&mut body, &bed.name("nowhere"));
    let web = bed.create("web", body).await;
    assert!(bed.engine.start(&web).await.unwrap_err().is_not_found());
}

async fn a_taken_port_is_named(bed: &Bed<impl Stage>) {
    let publish = |service: &str| {
        let binding = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some("47391".into()) };
        let mut body = bed.body(service, &Behaviour::Runs);
        let bindings = HashMap::from([("80/tcp".to_owned(), Some(vec![binding]))]);
        body.host_config.get_or_insert_default().port_bindings = Some(bindings);
        // Without it, engines publish nothing.
        body.exposed_ports = Some(vec!["80/tcp".into()]);
        body
    };
    let one = bed.create("one", publish("one")).await;
    let two = bed.create("two", publish("two")).await;
    bed.engine.start(&one).await.unwrap();
    let port = &bed.container("one").await.ports[0];
    assert_eq!((port.container, port.host.clone()), (80, Some(("127.0.0.1".to_owned(), 47391))));
    let taken = cause(bed.engine.start(&two).await);
    assert_eq!(taken, Cause::PortTaken { address: "127.0.0.1:47391".into() });
    assert_eq!(bed.container("two").await.state, State::Created);
}

async fn a_log_has_all_lines(bed: &Bed<impl Stage>) {
    let lines = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(0, lines))).await;
    let mut follow = bed.follow(&job);
    bed.engine.start(&job).await.unwrap();
    bed.until(&mut follow, |action| matches!(action, Action::Die(_))).await;
    let read = async |query: LogQuery| {
        let lines = bed.engine.logs(&job, &query).map(Result::unwrap).collect::<Vec<_>>().await;
        let lines = lines.into_iter();
        lines.map(|line| (text(&line), line.timestamp)).unzip::<_, _, Vec<_>, Vec<_>>()
    };
    assert_eq!(read(LogQuery::default()).await.0, ["one", "two", "three"]);
    assert_eq!(read(LogQuery { tail: Some(2), ..LogQuery::default() }).await.0, ["two", "three"]);
    let (texts, stamps) = read(LogQuery { timestamps: true, ..LogQuery::default() }).await;
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(stamps.iter().all(Option::is_some) && stamps.is_sorted());
    let missing = bed.engine.logs(&bed.name("none"), &LogQuery::default()).next().await.unwrap();
    assert!(missing.unwrap_err().is_not_found());
}

async fn following_a_log_ends_with_the_container(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    bed.engine.start(&web).await.unwrap();
    let query = LogQuery { follow: true, ..LogQuery::default() };
    let mut lines = bed.engine.logs(&web, &query);
    bed.engine.stop(&web, Some(1)).await.unwrap();
    while let Some(line) = lines.next().await {
        line.unwrap();
    }
}

async fn health_is_reached_and_told(bed: &Bed<impl Stage>) {
    let db = bed.create("db", bed.body("db", &Behaviour::Starts)).await;
    assert!(bed.engine.inspect(&db).await.unwrap().has_healthcheck);
    let mut follow = bed.follow(&db);
    bed.engine.start(&db).await.unwrap();
    let inspected = bed.engine.inspect(&db).await.unwrap();
    assert_eq!((inspected.state, inspected.health), (State::Running, Some(Health::Starting)));
    assert_eq!(bed.container("db").await.health, Some(Health::Starting));
    bed.engine.heal(&bed.name("db")).await;
    bed.until(&mut follow, |action| *action == Action::Health(Health::Healthy)).await;
    assert_eq!(bed.engine.inspect(&db).await.unwrap().health, Some(Health::Healthy));
    assert_eq!(bed.container("db").await.health, Some(Health::Healthy));
}

async fn happenings_are_told_in_order(bed: &Bed<impl Stage>) {
    let name = bed.name("job");
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(7, vec![]))).await;
    let mut follow = bed.follow(&job);
    bed.engine.start(&job).await.unwrap();
    bed.until(&mut follow, |action| *action == Action::Die(7)).await;
    bed.engine.remove_container(&job, true).await.unwrap();
    // Whoever subscribes late still hears of it, by name and by project.
    for scope in [Scope::Containers(vec![name.clone()]), Scope::Project(bed.project.clone())] {
        let told = bed.engine.happenings(&scope, Since::Earliest).map(Result::unwrap);
        let told = told.filter(|one| {
            let plain = !matches!(one.action, Action::Other(_) | Action::Probe);
            std::future::ready(one.id == job && plain)
        });
        let told: Vec<_> = bounded(told.take(4).collect()).await;
        let actions: Vec<_> = told.iter().map(|one| one.action.clone()).collect();
        assert_eq!(actions, [Action::Create, Action::Start, Action::Die(7), Action::Destroy]);
        assert!(told.iter().all(|one| one.name == name) && told.is_sorted_by_key(|one| one.time));
        let rest = bed.engine.happenings(&scope, Since::After(told[1].time)).map(Result::unwrap);
        let rest = bounded(rest.filter(|one| std::future::ready(one.id == job)).next()).await;
        assert_eq!(rest.unwrap().action, Action::Die(7));
    }
}

async fn happenings_of_others_are_not_told(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    // The same start of the name, another container.
    let longer = bed.create("web-2", bed.body("web-2", &Behaviour::Runs)).await;
    let mut follow = bed.engine.happenings(&Scope::Containers(vec![bed.name("web")]), Since::Earliest);
    bed.engine.start(&longer).await.unwrap();
    bed.engine.start(&web).await.unwrap();
    loop {
        let happening = bounded(follow.next()).await.unwrap().unwrap();
        assert_eq!(happening.id, web);
        if happening.action == Action::Start {
            break;
        }
    }
}

async fn overlay_networks_need_a_swarm(bed: &Bed<impl Stage>) {
    let query = Query { swarm: true, ..Query::default() };
    if bed.engine.observe(&query).await.unwrap().swarm == topo::observed::Swarm::Manager {
        return;
    }
    let request = NetworkCreateRequest { driver: Some("overlay".into()), ..bed.network("mesh") };
    assert_eq!(cause(bed.engine.create_network(&request).await), Cause::SwarmOff);
}

async fn an_image_nobody_has_is_refused(bed: &Bed<impl Stage>) {
    // A registry that refuses connections, so that no test needs the Internet.
    let refused = cause(bed.engine.pull("127.0.0.1:9/none-such", None, &|_| ()).await);
    assert!(matches!(refused, Cause::PullFailed { .. }), "{refused:?}");
}

// ---- What only a real engine can show ----

#[tokio::test]
async fn files_arrive_with_owner_and_mode() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    held(&bed, async {
        let mut body = bed.body("job", &Behaviour::Runs);
        body.cmd = Some(vec!["/probe".into(), "show".into(), "/run/secrets/deep/key".into()]);
        let job = bed.create("job", body).await;
        let file = File {
            path: "/run/secrets/deep/key".into(),
            content: b"hush".to_vec(),
            mode: 0o440,
            uid: 70,
            gid: 7,
        };
        bed.engine.copy_files(&job, &[file]).await.unwrap();
        assert_eq!(bed.run(&job).await, ["440 70:7 hush"]);
    })
    .await;
}

#[tokio::test]
async fn outputs_are_told_apart_unless_there_is_a_terminal() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    held(&bed, async {
        for (service, tty) in [("plain", false), ("terminal", true)] {
            let mut body = bed.body(service, &Behaviour::Runs);
            body.cmd = Some(vec!["/probe".into(), "both".into()]);
            body.tty = Some(tty);
            let job = bed.create(service, body).await;
            bed.run(&job).await;
            let lines = bed.engine.logs(&job, &LogQuery::default()).map(Result::unwrap);
            let mut lines: Vec<_> = lines.map(|line| (line.source, text(&line))).collect().await;
            // The order of two outputs is the engine's.
            lines.sort();
            let error_goes_to = if tty { LogSource::Stdout } else { LogSource::Stderr };
            let mut expected =
                [(LogSource::Stdout, "out".into()), (error_goes_to, "error without an end".into())];
            expected.sort();
            assert_eq!(lines, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn builds_take_what_the_file_says() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    held(&bed, async {
        let context = tempfile::tempdir().unwrap();
        std::fs::create_dir(context.path().join("sub")).unwrap();
        for (path, text) in [("kept", "kept"), ("left", "left"), ("sub/kept", "sub"), ("sub/left", "no")] {
            std::fs::write(context.path().join(path), text).unwrap();
        }
        std::fs::write(context.path().join(".dockerignore"), "*\n!kept\n!sub/kept\n").unwrap();
        let build = Build {
            image: "topo-contract-built".to_owned(),
            context: context.path().display().to_string(),
            dockerfile_inline: Some(format!(
                "FROM {IMAGE} AS base\nARG WORD\nENV WORD=$WORD\nCOPY . /context\nFROM base AS wrong\nENV WORD=wrong\n"
            )),
            args: [("WORD".to_owned(), Some("a+b/c d".to_owned())), ("NONE".to_owned(), None)].into(),
            target: Some("base".into()),
            labels: [("made".to_owned(), "here".to_owned())].into(),
            tags: vec!["topo-contract-tagged".to_owned()],
            ..Build::default()
        };
        let lines = std::cell::RefCell::new(Vec::new());
        let id = bed.engine.build(&build, &|progress| lines.borrow_mut().push(progress)).await.unwrap();
        let lines = lines.into_inner();
        assert!(lines.iter().any(|line| (line.current, line.total) == (Some(1), Some(5))), "{lines:?}");
        let query = Query {
            images: vec!["topo-contract-built".to_owned(), "topo-contract-tagged".to_owned(), id.clone()],
            ..Query::default()
        };
        let images = bed.engine.observe(&query).await.unwrap().images;
        assert_eq!(images.len(), 3);
        assert!(images.values().all(|found| *found == id));
        let show = async |service: &str, what: &[&str]| {
            let mut body = bed.body(service, &Behaviour::Runs);
            body.image = Some("topo-contract-built".to_owned());
            body.cmd = Some(what.iter().map(|word| (*word).to_owned()).collect());
            let job = bed.create(service, body).await;
            bed.run(&job).await
        };
        assert_eq!(show("env", &["/probe", "env", "WORD"]).await, ["a+b/c d"]);
        assert_eq!(show("kept", &["/probe", "show", "/context/sub/kept"]).await, ["644 0:0 sub"]);
        assert_eq!(show("left", &["/probe", "show", "/context/sub/left"]).await, ["nothing there"]);
    })
    .await;
}

#[tokio::test]
async fn a_failed_build_says_why() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    let context = tempfile::tempdir().unwrap();
    let mut build = Build {
        image: "topo-contract-built".to_owned(),
        context: context.path().display().to_string(),
        dockerfile: "Dockerfile".into(),
        ..Build::default()
    };
    let missing = cause(bed.engine.build(&build, &|_| ()).await);
    assert!(matches!(missing, Cause::BuildContext { .. }), "{missing:?}");
    build.dockerfile_inline =
        Some(format!("FROM {IMAGE}\nRUN [\"/probe\", \"exit\", \"4\", \"bad luck\"]\n"));
    let Cause::BuildFailed { message, output } = cause(bed.engine.build(&build, &|_| ()).await) else {
        panic!("a build that fails must say so")
    };
    assert!(message.contains("non-zero code: 4"), "{message}");
    assert!(output.contains(&"bad luck".to_owned()), "{output:?}");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let connection = Connection { host: Some("unix:///nowhere/docker.sock".into()), ..Connection::default() };
    assert_eq!(
        Docker::connect(&connection).await.unwrap_err().to_string(),
        "reach a container engine: none answers (unix:///nowhere/docker.sock: no such file or directory)"
    );
}

// ---- The test bed ----

/// The image that the obligations run, on both engines.
const IMAGE: &str = "topo-contract";

/// An engine that a test can play on.
trait Stage: Engine {
    /// Says what a container will do. A real one does what its command says.
    fn script(&self, container: &str, behaviour: &Behaviour);
    /// Lets the next probe of a container's health pass.
    async fn heal(&self, container: &str);
}

impl Stage for FakeEngine {
    fn script(&self, container: &str, behaviour: &Behaviour) {
        self.on_start(container, behaviour.clone());
    }

    async fn heal(&self, container: &str) {
        self.set_health(container, Health::Healthy, "");
    }
}

impl Stage for Docker {
    fn script(&self, _container: &str, _behaviour: &Behaviour) {}

    async fn heal(&self, container: &str) {
        let file = File { path: "/healthy".into(), content: vec![], mode: 0o644, uid: 0, gid: 0 };
        self.copy_files(container, &[file]).await.unwrap();
    }
}

/// An engine and a project of its own on it.
struct Bed<E> {
    engine: E,
    project: String,
}

impl<E: Stage> Bed<E> {
    fn new(engine: E) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { engine, project: format!("topo-contract-{}-{number}", std::process::id()) }
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.project)
    }

    fn labels(&self, service: &str, number: &str) -> HashMap<String, String> {
        let labels = [
            (labels::PROJECT, self.project.as_str()),
            (labels::SERVICE, service),
            (labels::CONTAINER_NUMBER, number),
            (labels::ONEOFF, "False"),
        ];
        labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn network(&self, key: &str) -> NetworkCreateRequest {
        let labels = Some(self.labels("", "0"));
        NetworkCreateRequest { name: self.name(key), labels, ..NetworkCreateRequest::default() }
    }

    fn body(&self, service: &str, behaviour: &Behaviour) -> ContainerCreateBody {
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

    async fn create(&self, service: &str, body: ContainerCreateBody) -> String {
        self.engine.create_container(&self.name(service), None, &body).await.unwrap()
    }

    async fn observe(&self) -> Observed {
        let query = Query { project: self.project.clone(), ..Query::default() };
        self.engine.observe(&query).await.unwrap()
    }

    async fn container(&self, service: &str) -> Container {
        let name = self.name(service);
        let observed = self.observe().await;
        observed.containers.into_iter().find(|container| container.name == name).unwrap()
    }

    fn follow(&self, _container: &str) -> futures_util::stream::BoxStream<'static, Action> {
        let scope = Scope::Project(self.project.clone());
        self.engine.happenings(&scope, Since::Earliest).map(|one| one.unwrap().action).boxed()
    }

    async fn until(
        &self,
        actions: &mut futures_util::stream::BoxStream<'static, Action>,
        wanted: impl Fn(&Action) -> bool,
    ) {
        while !wanted(&bounded(actions.next()).await.unwrap()) {}
    }

    /// Starts a container, waits for its end, and returns what it wrote.
    async fn run(&self, container: &str) -> Vec<String> {
        let mut follow = self.follow(container);
        self.engine.start(container).await.unwrap();
        let query = LogQuery { follow: true, ..LogQuery::default() };
        let lines = self.engine.logs(container, &query).map(Result::unwrap);
        let lines: Vec<_> = bounded(lines.collect()).await;
        self.until(&mut follow, |action| matches!(action, Action::Die(_))).await;
        lines.iter().map(text).collect()
    }
}

fn join(body: &mut ContainerCreateBody, network: &str) {
    body.host_config.get_or_insert_default().network_mode = Some(network.to_owned());
    let endpoints = HashMap::from([(network.to_owned(), EndpointSettings::default())]);
    body.networking_config = Some(NetworkingConfig { endpoints_config: Some(endpoints) });
}

fn text(line: &LogLine) -> String {
    String::from_utf8(line.text.clone()).unwrap()
}

fn cause<T: std::fmt::Debug>(result: Result<T, EngineError>) -> Cause {
    result.unwrap_err().cause
}

/// Waits, but not for ever.
async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it takes longer than 30 seconds")
}

/// Holds an engine to an obligation, and removes what that left behind, broken or not.
async fn held(bed: &Bed<Docker>, obligation: impl Future<Output = ()>) {
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

fn in_memory() -> FakeEngine {
    let engine = FakeEngine::new();
    engine.add_image(IMAGE);
    engine
}

/// Returns the real engine with the test image on it, or nothing if it is not to be tested.
async fn docker() -> Option<Docker> {
    static IMAGE_MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    if std::env::var_os("TOPO_E2E").is_none_or(|value| value != "1") {
        return None;
    }
    let home = std::env::home_dir();
    let connection = Connection::from_variables(|name| std::env::var(name).ok(), home.as_deref());
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

/// Serves until it is told to end, ends at once, checks health, or shows a file or variable.
const PROBE: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    if (!strcmp(words[1], "both")) {
        puts("out");
        fputs("error without an end", stderr);
        return 0;
    }
    if (!strcmp(words[1], "check")) {
        puts("not yet");
        return access("/healthy", F_OK) != 0;
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
