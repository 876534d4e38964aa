//! `up` without -d: logs while it runs, and an orderly end.

use std::time::{Duration, Instant};

use crate::harness::{Project, Running, finished_at, is_running};

/// Three in a row that write lines, and end when they are told to.
const CHATTY: &str = r#"
x-chatty: &chatty
  image: busybox
  command: sh -c "trap 'exit 0' TERM; n=0; while true; do n=$$((n+1)); echo tick $$n; sleep 0.1; done"
services:
  store: *chatty
  api:
    <<: *chatty
    depends_on: [store]
  web:
    <<: *chatty
    depends_on: [api]
"#;

#[test]
fn logs_must_interleave_and_an_interrupt_must_stop_in_reverse_order() {
    let Some(project) = Project::with("attached", CHATTY) else { return };
    let mut up = Running::start(project.command(&["up"]));
    // The first to start is heard again after the last one.
    assert!(up.reaches(|line| line.starts_with("web-1")));
    assert!(up.reaches(|line| line.starts_with("store-1")));
    assert!(up.reaches(|line| line.starts_with("web-1")));
    up.signal("INT");
    let status = up.finish();
    for container in ["store-1", "api-1", "web-1"] {
        assert!(!is_running(&project.container(container)), "{container}");
    }
    let ended = |container: &str| finished_at(&project.container(container));
    assert!(ended("web-1") <= ended("api-1"));
    assert!(ended("api-1") <= ended("store-1"));
    assert_eq!(status.code(), Some(130));

    // Only what containers wrote is data, behind their names, from the first line on.
    let ticks = |line: &&String| line.contains("| tick ") || line.contains("exited with code");
    assert!(up.stdout.iter().all(|line| ticks(&line)), "{:#?}", up.stdout);
    for service in ["store-1", "api-1", "web-1"] {
        let first = up.stdout.iter().find(|line| line.starts_with(service)).unwrap();
        assert!(first.ends_with("| tick 1"), "{first}");
    }
    assert!(!up.stderr.iter().any(|line| line.contains("tick")), "{:#?}", up.stderr);
}

#[test]
fn the_end_of_a_container_must_stop_the_others_where_that_is_asked_for() {
    let compose = r"services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
  test:
    image: busybox
    command: sh -c 'echo tested; exit 3'
    depends_on: [web]
";
    let Some(project) = Project::with("abort", compose) else { return };
    for arguments in [
        &["up", "--abort-on-container-exit"][..],
        &["up", "--abort-on-container-failure", "--no-attach", "test"],
        &["up", "--exit-code-from", "test", "--no-log-prefix"],
        // An older container that is replaced is no end.
        &["up", "--exit-code-from", "test", "--force-recreate"],
    ] {
        let run = project.topo(arguments).ends_with(3);
        assert_eq!(run.stdout.contains("tested"), !arguments.contains(&"--no-attach"), "{run:?}");
        assert!(!is_running(&project.container("web-1")), "{arguments:?}");
    }
    // What was stopped has ended by a signal.
    project.topo(&["up", "--exit-code-from", "web"]).ends_with(137);
    assert!(project.topo(&["up", "--exit-code-from", "tset"]).ends_with(1).stderr.contains("`test`?"));
}

#[test]
fn only_the_named_services_must_be_heard_and_stopped() {
    let Some(project) = Project::with("named", CHATTY) else { return };
    let mut up = Running::start(project.command(&["up", "api"]));
    assert!(up.reaches(|line| line.starts_with("api-1")));
    up.signal("INT");
    assert_eq!(up.finish().code(), Some(130));
    assert!(up.stdout.iter().all(|line| line.starts_with("api-1")), "{:#?}", up.stdout);
    assert!(is_running(&project.container("store-1")));
    assert!(!is_running(&project.container("api-1")));
}

#[test]
fn a_second_interrupt_must_kill() {
    let compose = r#"services:
  stubborn:
    image: busybox
    command: sh -c "trap 'echo no' TERM; echo here; while true; do sleep 0.1; done"
    stop_grace_period: 1m
"#;
    let Some(project) = Project::with("stubborn", compose) else { return };
    let mut up = Running::start(project.command(&["up"]));
    assert!(up.reaches(|line| line.ends_with("| here")));
    up.signal("INT");
    assert!(up.reaches(|line| line.ends_with("| no")), "it was asked to stop first");
    let asked = Instant::now();
    up.signal("INT");
    let status = up.finish();
    assert!(!is_running(&project.container("stubborn-1")));
    assert_eq!(status.code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(30), "it must not wait for the grace period");
}

#[test]
fn up_must_end_when_all_containers_have_ended() {
    let compose = r#"services:
  one:
    image: busybox
    command: echo first
  two:
    image: busybox
    command: sh -c "echo second; exit 5"
"#;
    let Some(project) = Project::with("ends", compose) else { return };
    let run = project.topo(&["up"]).succeeds();
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    lines.sort_unstable();
    let expected =
        ["one-1 | exited with code 0", "one-1 | first", "two-1 | exited with code 5", "two-1 | second"];
    assert_eq!(lines, expected);
}

#[test]
fn an_interrupt_while_coming_up_must_leave_nothing_running() {
    let compose = r#"services:
  slow:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    healthcheck: {test: [CMD, "false"], interval: 1s, retries: 100}
  app:
    image: busybox
    command: sleep 1000
    depends_on:
      slow: {condition: service_healthy}
"#;
    let Some(project) = Project::with("interrupted", compose) else { return };
    for arguments in [&["up"][..], &["up", "-d"]] {
        let mut up = Running::start(project.command(arguments));
        assert!(up.reaches(|line| line.contains("waiting until healthy")));
        up.signal("INT");
        assert_eq!(up.finish().code(), Some(130));
        assert!(!is_running(&project.container("app-1")));
        // Detached, what was started stays, as the user is told.
        assert_eq!(is_running(&project.container("slow-1")), arguments.len() == 2);
        assert!(up.stderr.iter().any(|line| line.contains("app-1")), "{:?}", up.stderr);
    }
}

#[test]
fn up_must_follow_a_container_through_its_restarts() {
    let compose = r#"services:
  flaky:
    image: busybox
    command: sh -c "test -e /tried && echo better now && exit 0; touch /tried; echo bad luck; exit 1"
    restart: on-failure
"#;
    let Some(project) = Project::with("flaky", compose) else { return };
    let run = project.topo(&["up"]).succeeds();
    let expected = [
        "flaky-1 | bad luck",
        "flaky-1 | exited with code 1",
        "flaky-1 | better now",
        "flaky-1 | exited with code 0",
    ];
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), expected);
}
