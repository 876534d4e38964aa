//! `run`: one command of a service in a container of its own.

use crate::harness::{Project, Run, Running, is_running};

const SERVICES: &str = r#"
services:
  db:
    image: busybox
    command: sh -c "sleep 0.5; touch /ready; exec sleep 1000"
    init: true
    healthcheck: {test: [CMD, test, -e, /ready], interval: 200ms, retries: 100}
  web:
    image: busybox
    command: sh -c "test -n \"$$WORD\" && echo own; exit 5"
    init: true
    restart: always
    ports: ["${PORT}:80"]
    environment: {WORD: here}
    depends_on:
      db: {condition: service_healthy}
  plain:
    image: busybox
"#;

fn project(name: &str) -> Option<Project> {
    let mut project = Project::with(name, SERVICES)?;
    project.set("PORT", crate::harness::free_port().to_string());
    Some(project)
}

#[test]
fn run_must_wait_for_dependencies_and_end_with_the_code() {
    let Some(project) = project("run") else { return };
    let run = project.topo(&["run", "--rm", "web"]).ends_with(5);
    assert_eq!(run.stdout, "own\n", "only what the command wrote is data");
    assert_eq!(project.container_names(), ["db-1"], "--rm must leave nothing");
    let run =
        project.topo(&["run", "--rm", "web", "sh", "-c", "echo out; echo err >&2; exit 42"]).ends_with(42);
    assert_eq!(run.stdout, "out\n");
    run.says(&["err\n"]);
    project.write("input", "typed\n");
    let mut command = project.command(&["run", "--rm", "web", "cat"]);
    command.stdin(std::fs::File::open(project.path("input")).unwrap());
    assert_eq!(Run::of(command).succeeds().stdout, "typed\n");
    // It cannot be started, or its init cannot find it.
    project.topo(&["run", "--rm", "plain", "none"]).ends_with(1).says(&["failed to start container", "none"]);
    project.topo(&["run", "--rm", "web", "none"]).ends_with(127);
    assert_eq!(project.container_names(), ["db-1"]);
    project.topo(&["down"]).succeeds();
    project.is_nowhere();
}

#[test]
fn run_must_leave_what_docker_compose_knows() {
    let Some(project) = project("run-labels") else { return };
    let name = project.full_name("mine");
    let id = project.topo(&["run", "-d", "--no-deps", "--name", &name, "web", "sleep", "1000"]).succeeds();
    let container = project.container("mine");
    assert_eq!(id.stdout.trim_end(), container.id.as_deref().unwrap());
    let host = container.host_config.as_ref().unwrap();
    let policy = host.restart_policy.as_ref().and_then(|policy| policy.name).unwrap();
    assert!(matches!(policy.to_string().as_str(), "no" | ""), "{policy}");
    assert!(host.port_bindings.as_ref().is_none_or(std::collections::HashMap::is_empty));
    assert_eq!(project.container_names(), ["mine"], "--no-deps must start nothing else");
    for listed in [project.topo(&["ps", "-aq"]), project.peer(&["ps", "-aq"])] {
        assert!(!listed.stdout.trim().is_empty(), "{listed:?}");
    }
    // `up` leaves it alone, and `exec` reaches it as long as the service itself does not run.
    assert_eq!(project.topo(&["exec", "web", "echo", "reached"]).succeeds().stdout, "reached\n");
    project.topo(&["up", "-d", "db"]).succeeds();
    assert!(is_running(&project.container("mine")));
    // `down` leaves it alone as well, as in docker compose, unless it is told otherwise.
    project.topo(&["down", "-t", "0"]).succeeds();
    assert_eq!(project.container_names(), ["mine"]);
    project.topo(&["down", "-t", "0", "--remove-orphans"]).succeeds();
    project.is_nowhere();
}

#[test]
fn an_interrupt_must_reach_the_command() {
    let Some(project) = project("run-int") else { return };
    // By a signal to topo, which is passed on.
    let script = "echo ready; exec sleep 1000";
    let mut run = Running::start(project.command(&["run", "--rm", "web", "sh", "-c", script]));
    assert!(run.reaches(|line| line == "ready"));
    run.signal("INT");
    assert_eq!(run.finish().code(), Some(130));
    // By the key, which the terminal in the container turns into a signal.
    let mut run = Running::on_terminal(&project.command(&["run", "--rm", "web", "sh", "-c", script]));
    // The progress before it fills its line to the edge.
    assert!(run.reaches(|line| line.trim().ends_with("ready")));
    run.types("\u{3}");
    assert_eq!(run.finish().code(), Some(130));
    assert_eq!(project.container_names(), ["db-1"]);
}

#[test]
fn an_interrupt_while_dependencies_come_up_must_create_nothing() {
    let compose = r#"services:
  slow:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    healthcheck: {test: [CMD, "false"], interval: 1s, retries: 100}
  app:
    image: busybox
    depends_on: {slow: {condition: service_healthy}}
"#;
    let Some(project) = Project::with("run-early", compose) else { return };
    let mut run = Running::start(project.command(&["run", "--rm", "app", "echo", "no"]));
    assert!(run.reaches(|line| line.contains("waiting until healthy")));
    run.signal("INT");
    assert_eq!(run.finish().code(), Some(130));
    assert_eq!(project.container_names(), ["slow-1"]);
}

#[test]
fn run_on_a_terminal_must_have_one_and_be_left_with_keys() {
    let Some(project) = project("run-tty") else { return };
    let name = project.full_name("mine");
    let words = ["run", "--no-deps", "--name", &name, "web", "sh"];
    let mut run = Running::on_terminal(&project.command(&words));
    // It takes a moment until a new terminal has its size.
    run.types("tty; until test \"$(stty size)\" = '20 90'; do sleep 0.1; done; echo it is $((20+90))\r");
    assert!(run.reaches(|line| line.starts_with("/dev/")));
    assert!(run.reaches(|line| line.trim() == "it is 110"), "{:?}", run.stdout);
    run.types("\u{10}\u{11}");
    assert_eq!(run.finish().code(), Some(0));
    assert!(is_running(&project.container("mine")));
    project.topo(&["run", "-T=false", "--no-deps", "web"]).ends_with(1).says(&["not a terminal"]);
}

#[test]
fn mistakes_on_the_command_line_must_be_shown_where_they_are() {
    let Some(project) = project("run-wrong") else { return };
    for (option, value, place) in [("-p", "none", "--publish:1:1"), ("-v", ":::", "--volume:1:1")] {
        project.topo(&["run", option, value, "web"]).ends_with(1).says(&[place, value]);
    }
    project.topo(&["run", "wbe"]).ends_with(1).says(&["did you mean `web`?"]);
    project.topo(&["run", "--env-from-file", "none.env", "web"]).ends_with(1).says(&["none.env"]);
    project.is_nowhere();
}
