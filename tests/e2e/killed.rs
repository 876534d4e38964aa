//! topo may be killed at any moment. The next `up` makes good what was left half done.

use std::process::Command;

use crate::harness::{Project, Running, health, is_running, note};

/// A row of services with a health check, a scale, files and an anonymous volume; all depend on a version.
const COMPOSE: &str = r#"
x-sleeps: &sleeps
  image: busybox
  command: sleep 1000
  stop_signal: SIGKILL
  environment: {VERSION: "${VERSION}"}
services:
  store:
    <<: *sleeps
    command: sh -c "touch /ready; exec sleep 1000"
    volumes: [/kept]
    healthcheck: {test: [CMD, test, -e, /ready], interval: 500ms, retries: 20}
    networks: [front, back]
  api:
    <<: *sleeps
    scale: 2
    networks: [back]
    configs: [word]
    depends_on:
      store: {condition: service_healthy}
  web:
    <<: *sleeps
    networks: [front]
    depends_on: [api]
networks:
  front:
  back:
volumes:
  named:
configs:
  word:
    content: hello
"#;

/// Starts `up`, and kills it as soon as it has told of so many happenings. Returns false if it ended before.
fn up_killed_after(project: &Project, happenings: usize) -> bool {
    let mut command: Command = project.command(&["--progress", "json"]);
    command.args(["up", "-d"]);
    let mut up = Running::start(command);
    let mut seen = 0;
    let reached = up.reaches(|_| {
        seen += 1;
        seen >= happenings
    });
    up.kill();
    note(&format!("killed after {happenings}: {reached}"));
    reached
}

/// The moments of this run: spread over all of it, and others each time.
fn moments(all: usize, count: usize) -> impl Iterator<Item = usize> {
    let seed = std::process::id() as usize;
    (0..count).map(move |number| 1 + (number * all + seed % all) / count)
}

fn all_must_be_right(project: &Project, version: &str) {
    assert_eq!(project.container_names(), ["api-1", "api-2", "store-1", "web-1"]);
    for name in project.container_names() {
        let container = project.container(&name);
        assert!(is_running(&container), "{name}");
        let variables = container.config.unwrap().env.unwrap();
        assert!(variables.contains(&format!("VERSION={version}")), "{name}: {variables:?}");
    }
    assert_eq!(health(&project.container("store-1")), "healthy");
    assert_eq!(project.exec("api-2", &["cat", "/word"]), (0, "hello".to_owned()));
    let name = |network: &str| format!("{}_{network}", project.name);
    assert_eq!(project.engine.networks(&project.name), [name("back"), name("front")]);
    let networks = project.container("store-1").network_settings.unwrap().networks.unwrap();
    assert!(networks.contains_key(&name("back")) && networks.contains_key(&name("front")));
}

#[test]
fn up_after_a_kill_must_end_in_the_right_state() {
    let Some(mut project) = Project::with("killed", COMPOSE) else { return };
    project.set("VERSION", "1");
    let mut command = project.command(&["--progress", "json"]);
    command.args(["up", "-d"]);
    let mut whole = Running::start(command);
    assert!(whole.finish().success());
    let happenings = whole.stderr.len();
    all_must_be_right(&project, "1");

    for moment in moments(happenings - 1, 6) {
        project.topo(&["down", "-v"]).succeeds();
        assert!(up_killed_after(&project, moment));
        project.up();
        all_must_be_right(&project, "1");
        project.up_does_nothing();
    }
}

#[test]
fn up_after_a_kill_while_replacing_must_end_in_the_right_state_and_lose_nothing() {
    let Some(mut project) = Project::with("killed-replacing", COMPOSE) else { return };
    project.set("VERSION", "1");
    project.up();
    let (code, said) = project.exec("store-1", &["sh", "-c", "echo precious > /kept/word"]);
    assert_eq!(code, 0, "{said}");

    // How many happenings there are in replacing all of them.
    project.set("VERSION", "2");
    let mut command = project.command(&["--progress", "json"]);
    command.args(["up", "-d"]);
    let mut whole = Running::start(command);
    assert!(whole.finish().success());
    let happenings = whole.stderr.len();
    all_must_be_right(&project, "2");

    for (number, moment) in moments(happenings - 1, 8).enumerate() {
        let version = (number + 3).to_string();
        project.set("VERSION", &version);
        assert!(up_killed_after(&project, moment));
        project.up();
        all_must_be_right(&project, &version);
        assert_eq!(project.exec("store-1", &["cat", "/kept/word"]), (0, "precious\n".to_owned()));
        project.up_does_nothing();
    }
}
