//! `run` and `exec`: what the engine is asked for. The bodies are those that docker compose 2.40.3 was seen to send for
//! the same file and options.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use topo::diagnostic::Diagnostics;
use topo::engine::fake::{Behaviour, FakeEngine};
use topo::engine::{Engine as _, Query};
use topo::load::{Environment, MemWorld, Request, load, read_arguments, read_variables};
use topo::model::ports::Ports;
use topo::plan::desired::{Desired, DesiredService};
use topo::plan::inside::{ExecOptions, exec};
use topo::plan::run::{RunOptions, apply, run, take};
use topo::plan::up::UpOptions;
use topo::project::{Selection, read_contents, resolve};
use topo::source::SourceMap;
use topo::topology::Topology;

const FILE: &str = r#"
name: rec
services:
  db: {image: db, healthcheck: {test: [CMD, "true"]}}
  web:
    image: app
    command: [httpd, -f]
    entrypoint: [sh, -c]
    ports: ["8080:80"]
    expose: ["9000"]
    restart: always
    scale: 3
    depends_on: {db: {condition: service_healthy}}
    environment: {A: "1", B: "2"}
    labels: {x: y}
    cap_add: [NET_ADMIN]
    cap_drop: [MKNOD]
    networks: {front: {aliases: [w], priority: 3}, back: }
    volumes: ["data:/data"]
    deploy: {restart_policy: {condition: any}}
networks: {front: , back: }
volumes: {data: }
"#;

const SLUG: &str = "67836947beafa09f5d5555bd99467950bcd8bb67e895ac6b63b94faa54086ce7";

fn options() -> RunOptions {
    let ports = Some(Ports::default());
    RunOptions { service: "web".into(), slug: SLUG.into(), stdin: true, ports, ..RunOptions::default() }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Reads a list of short forms from the command line, without mistakes.
fn given<A: topo::model::attribute::Attribute + Default>(values: &[&str]) -> A {
    let mut diagnostics = Diagnostics::default();
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    let world = MemWorld::project([]);
    let read = read_arguments("--option", &values, &world, &mut SourceMap::default(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.sorted());
    read
}

/// What is desired besides the container of the command, and its service.
fn desired(options: &RunOptions, alone: bool) -> (Desired, DesiredService) {
    let world = MemWorld::project([("compose.yaml", FILE)]);
    let mut loaded = load(&world, &Request::default());
    let selection = Selection { services: vec!["web".into()], alone, ..Selection::default() };
    let mut project = resolve(&mut loaded, &selection, &world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    apply(&mut project, options);
    let mut diagnostics = Diagnostics::default();
    let contents = read_contents(&project, &loaded.environment, &world, &mut diagnostics);
    let mut desired = Desired::new(&project, &topology, &contents, (1, 48), true, &mut diagnostics);
    assert!(!loaded.diagnostics.has_errors() && !diagnostics.has_errors());
    let service = take(&mut desired, options).unwrap();
    (desired, service)
}

/// A request without what says nothing.
fn said(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map = map.into_iter().map(|(key, value)| {
                let value = if key == "Cmd" { value } else { said(value) };
                (key, value)
            });
            let is_nothing = |value: &Value| matches!(value, Value::Null | Value::Bool(false));
            Value::Object(map.filter(|(_, value)| !is_nothing(value)).collect())
        }
        value => value,
    }
}

/// The request for the container, without the labels that say where and from what it was made.
fn body(options: &RunOptions, alone: bool) -> Value {
    let (_, service) = desired(options, alone);
    let [container] = service.containers.as_slice() else { panic!("a command has one container") };
    let mut body = said(serde_json::to_value(&container.create.body).unwrap());
    let labels = body["Labels"].as_object_mut().unwrap();
    labels.retain(|name, _| {
        !["config-hash", "image", "config_files", "working_dir", "version"]
            .iter()
            .any(|end| name.ends_with(end))
    });
    body
}

#[test]
fn a_command_has_a_container_of_its_own_and_no_ports() {
    let options = RunOptions { command: words("echo hi"), ..options() };
    let aliases = json!({ "Aliases": ["rec-web-run-67836947beaf"] });
    let expected = json!({
        "AttachStderr": true, "AttachStdin": true, "AttachStdout": true, "OpenStdin": true, "StdinOnce": true,
        "Cmd": ["echo", "hi"], "Entrypoint": ["sh", "-c"], "Env": ["A=1", "B=2"],
        "ExposedPorts": { "9000": {} },
        "HostConfig": {
            "Binds": ["rec_data:/data:rw"], "CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["CAP_MKNOD"],
            "NetworkMode": "rec_front", "PortBindings": {}
        },
        "Image": "app",
        "Labels": {
            "com.docker.compose.depends_on": "db:service_healthy:false",
            "com.docker.compose.oneoff": "True",
            "com.docker.compose.project": "rec",
            "com.docker.compose.service": "web",
            "com.docker.compose.slug": SLUG,
            "x": "y"
        },
        "NetworkingConfig": { "EndpointsConfig": { "rec_back": aliases, "rec_front": aliases } }
    });
    assert_eq!(body(&options, false), expected);
    let (_, service) = desired(&options, false);
    assert_eq!(service.containers[0].create.name, "rec-web-run-67836947beaf");
}

#[test]
fn every_option_arrives_as_docker_compose_sends_it() {
    let options = RunOptions {
        environment: [("C".to_owned(), "3".to_owned())].into(),
        cap_add: words("SYS_TIME mknod"),
        cap_drop: words("NET_ADMIN"),
        entrypoint: Some(words("ash -x")),
        labels: [("l".to_owned(), "1".to_owned()), ("x".to_owned(), "z".to_owned())].into(),
        name: Some("mine".into()),
        ports: Some(given(&["81:80", "9090"])),
        volumes: given(&["./rel:/rel", "data:/again", "/anon", "other:/o:ro"]),
        user: Some("5".into()),
        working_dir: Some("/w".into()),
        stdin: false,
        remove: true,
        use_aliases: true,
        ..options()
    };
    let expected = json!({
        "AttachStderr": true, "AttachStdout": true, "Cmd": [], "Entrypoint": ["ash", "-x"],
        "Env": ["A=1", "B=2", "C=3"],
        "ExposedPorts": { "80/tcp": {}, "9000": {}, "9090/tcp": {} },
        "HostConfig": {
            "AutoRemove": true,
            "Binds": ["rec_data:/data:rw", "/project/rel:/rel:rw", "rec_data:/again:rw"],
            "CapAdd": ["CAP_MKNOD", "CAP_SYS_TIME"], "CapDrop": ["CAP_MKNOD", "CAP_NET_ADMIN"],
            "Mounts": [
                { "Target": "/anon", "Type": "volume", "VolumeOptions": {} },
                { "ReadOnly": true, "Source": "other", "Target": "/o", "Type": "volume", "VolumeOptions": {} }
            ],
            "NetworkMode": "rec_front",
            "PortBindings": {
                "80/tcp": [{ "HostIp": "", "HostPort": "81" }], "9090/tcp": [{ "HostIp": "", "HostPort": "" }]
            }
        },
        "Image": "app",
        "Labels": {
            "com.docker.compose.depends_on": "",
            "com.docker.compose.oneoff": "True",
            "com.docker.compose.project": "rec",
            "com.docker.compose.service": "web",
            "com.docker.compose.slug": SLUG,
            "l": "1", "x": "z"
        },
        "NetworkingConfig": { "EndpointsConfig": {
            "rec_back": { "Aliases": ["mine", "web"] }, "rec_front": { "Aliases": ["mine", "web", "w"] }
        } },
        "User": "5", "WorkingDir": "/w"
    });
    assert_eq!(body(&options, true), expected);
}

#[test]
fn the_services_ports_are_published_on_request() {
    let with = RunOptions { ports: None, tty: true, ..options() };
    let body = body(&with, true);
    assert_eq!(
        body["HostConfig"]["PortBindings"],
        json!({ "80/tcp": [{ "HostIp": "", "HostPort": "8080" }] })
    );
    assert_eq!((&body["Tty"], &body["Cmd"]), (&json!(true), &json!(["httpd", "-f"])));
}

#[tokio::test]
async fn the_container_is_created_once_what_it_depends_on_is_ready_and_not_started() {
    let engine = FakeEngine::new();
    engine.add_image("app");
    engine.add_image("db");
    let (desired, service) = desired(&options(), false);
    let query = Query { project: "rec".into(), images: vec!["app".into(), "db".into()], ..Query::default() };
    let observed = engine.observe(&query).await.unwrap();
    let plan =
        run(&desired, &service, &observed, &UpOptions { start: true, ..UpOptions::default() }).unwrap();
    let expected = "\
#0 create volume rec_data, not there yet
#1 create network rec_back, not there yet
#2 create network rec_default, not there yet
#3 create network rec_front, not there yet
#4 create container rec-db-1, not there yet, after #2
#5 start container rec-db-1, not there yet, after #4
#6 wait for container rec-db-1 to be healthy, service web needs it, after #5
#7 create container rec-web-run-67836947beaf, it was asked for, after #0 #1 #3 #5 #6
";
    assert_eq!(plan.to_string(), expected);
}

#[tokio::test]
async fn the_containers_of_the_service_are_left_alone() {
    let engine = FakeEngine::new();
    engine.add_image("app");
    engine.on_start("rec-web-1", Behaviour::Runs);
    let (desired, service) = desired(&options(), true);
    for (network, request) in desired.networks.iter().map(|network| (&network.name, &network.request)) {
        assert!(engine.create_network(request).await.is_ok(), "{network}");
    }
    engine.create_volume(&desired.volumes[0].request).await.unwrap();
    let mut body = service.containers[0].create.body.clone();
    let labels = body.labels.as_mut().unwrap();
    labels.insert("com.docker.compose.oneoff".into(), "False".into());
    engine.create_container("rec-web-1", None, &body).await.unwrap();
    let query = Query { project: "rec".into(), images: vec!["app".into()], ..Query::default() };
    let observed = engine.observe(&query).await.unwrap();
    let plan =
        run(&desired, &service, &observed, &UpOptions { start: true, ..UpOptions::default() }).unwrap();
    assert_eq!(plan.to_string(), "#0 create container rec-web-run-67836947beaf, it was asked for\n");
}

#[test]
fn variables_of_the_command_line_win_over_those_of_files() {
    let mut world = MemWorld::project([("one.env", "A=one\nB=$A-b\nC='c'\n"), ("two.env", "C=two\nD=d\n")]);
    world.vars = [("SHELL_HAS".to_owned(), "it".to_owned())].into();
    let assigned = ["A=1", "SHELL_HAS", "NOBODY_HAS", "EMPTY="].map(str::to_owned);
    let files = ["one.env", "two.env"].map(str::to_owned);
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let environment = Environment::default();
    let variables = read_variables(&assigned, &files, &environment, &world, &mut sources, &mut diagnostics);
    let expected = [("A", "1"), ("B", "1-b"), ("C", "c"), ("D", "d"), ("EMPTY", ""), ("SHELL_HAS", "it")];
    let expected: BTreeMap<String, String> =
        expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(variables, expected);
    assert!(!diagnostics.has_errors());
}

#[test]
fn exec_asks_for_what_docker_compose_asks_for() {
    let plain = ExecOptions {
        command: words("ls -l"),
        env: words("A=1 HOME NOBODY"),
        detach: false,
        stdin: true,
        tty: false,
        privileged: false,
        user: Some("root".into()),
        workdir: Some("/w".into()),
        detach_keys: None,
        size: None,
    };
    let lookup = |name: &str| (name == "HOME").then(|| "/root".to_owned());
    let request = |options: &ExecOptions| said(serde_json::to_value(exec(options, lookup)).unwrap());
    let expected = json!({
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Cmd": ["ls", "-l"],
        "Env": ["A=1", "HOME=/root", "NOBODY"], "User": "root", "WorkingDir": "/w"
    });
    assert_eq!(request(&plain), expected);
    let detached = ExecOptions {
        env: vec![],
        detach: true,
        tty: true,
        privileged: true,
        user: None,
        workdir: None,
        detach_keys: Some("ctrl-x".into()),
        size: Some((24, 80)),
        ..plain
    };
    let expected = json!({
        "Cmd": ["ls", "-l"], "Tty": true, "Privileged": true, "DetachKeys": "ctrl-x", "ConsoleSize": [24, 80]
    });
    assert_eq!(request(&detached), expected);
}
