//! Signals reach whom they are meant for, and what does not end by itself is ended in its time.

use std::time::{Duration, Instant};

use crate::harness::{Project, Running, eventually, is_running};

/// One that says what it hears, and one that hears nothing.
const LISTENERS: &str = r#"
services:
  hears:
    image: busybox
    command: sh -c "trap 'echo hup' HUP; trap 'echo usr1' USR1; trap 'echo bye; exit 5' TERM; echo ready; while true; do sleep 0.1; done"
  deaf:
    image: busybox
    command: sh -c "trap '' TERM; while true; do sleep 0.1; done"
    stop_grace_period: ${GRACE:-1m}
  asked:
    image: busybox
    command: sh -c "trap 'exit 6' QUIT; while true; do sleep 0.1; done"
    stop_signal: SIGQUIT
"#;

fn running(name: &str) -> Option<Project> {
    let project = Project::with(name, LISTENERS)?;
    project.up();
    eventually("its traps are set", || {
        project.topo(&["logs", "hears"]).stdout.contains("ready").then_some(())
    });
    Some(project)
}

fn code(project: &Project, container: &str) -> i64 {
    project.container(container).state.unwrap().exit_code.unwrap()
}

#[test]
fn kill_must_send_the_signal_that_is_asked_for() {
    let Some(project) = running("kill") else { return };
    for (signal, said) in [("HUP", "hup"), ("SIGUSR1", "usr1")] {
        project.topo(&["kill", "-s", signal, "hears"]).succeeds();
        eventually(said, || {
            project.topo(&["logs", "--no-log-prefix", "hears"]).stdout.contains(said).then_some(())
        });
    }
    assert!(is_running(&project.container("hears-1")));
    // The same by number, as with docker compose; then the one that nobody can ignore.
    project.topo(&["kill", "-s", "15", "hears"]).succeeds();
    eventually("the end", || (!is_running(&project.container("hears-1"))).then_some(()));
    assert_eq!(code(&project, "hears-1"), 5);
    project.topo(&["kill", "deaf"]).succeeds();
    eventually("the end", || (!is_running(&project.container("deaf-1"))).then_some(()));
    assert_eq!(code(&project, "deaf-1"), 137);
    project.topo(&["kill", "deaf"]).succeeds();
}

#[test]
fn stop_must_ask_by_the_signal_of_the_file_and_kill_after_its_time() {
    let Some(project) = running("stopping") else { return };
    let began = Instant::now();
    project.topo(&["stop", "hears", "asked"]).succeeds();
    assert_eq!((code(&project, "hears-1"), code(&project, "asked-1")), (5, 6));
    project.topo(&["stop", "-t", "1", "deaf"]).succeeds();
    assert_eq!(code(&project, "deaf-1"), 137);
    assert!(began.elapsed() < Duration::from_secs(30), "the minute of the file does not count then");
}

#[test]
fn each_way_to_end_a_container_must_take_a_time() {
    let Some(mut project) = running("times") else { return };
    let began = Instant::now();
    let first = project.lives();
    project.topo(&["restart", "-t", "0", "deaf"]).succeeds();
    assert!(project.lives()["deaf-1"].1 > first["deaf-1"].1);
    project.topo(&["up", "-d", "-t", "0", "--force-recreate", "deaf"]).succeeds();
    assert_ne!(project.ids()["deaf-1"], first["deaf-1"].0);
    project.topo(&["down", "-t", "0", "deaf"]).succeeds();
    assert_eq!(project.container_names(), ["asked-1", "hears-1"]);
    // The time of the file.
    project.set("GRACE", "1s");
    project.topo(&["up", "-d", "deaf"]).succeeds();
    project.topo(&["down"]).succeeds();
    project.is_nowhere();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[test]
fn what_is_paused_must_stand_still_and_go_on() {
    let Some(project) = running("paused") else { return };
    project.topo(&["pause", "hears"]).succeeds();
    let listed = project.topo(&["ps", "--status", "paused", "--services"]).succeeds().stdout;
    assert_eq!(listed, "hears\n");
    project.topo(&["exec", "hears", "true"]).ends_with(1).says(&["paused"]);
    project.topo(&["pause", "hears"]).succeeds();
    project.topo(&["unpause"]).succeeds();
    assert_eq!(project.topo(&["exec", "hears", "true"]).code, Some(0));
    // One that is paused can be taken down all the same.
    project.topo(&["pause"]).succeeds();
    project.topo(&["down", "-t", "0"]).succeeds();
    project.is_nowhere();
}

#[test]
fn an_attached_up_must_stop_all_when_it_is_told_to_end() {
    let Some(project) = Project::with("term", LISTENERS) else { return };
    let mut up = Running::start(project.command(&["up", "--no-log-prefix", "hears", "asked"]));
    assert!(up.reaches(|line| line == "ready"));
    up.signal("TERM");
    assert_eq!(up.finish().code(), Some(130));
    assert_eq!((code(&project, "hears-1"), code(&project, "asked-1")), (5, 6));
    assert!(up.stdout.iter().any(|line| line == "bye"), "the last words are heard: {:?}", up.stdout);
}

#[test]
fn an_attached_container_must_get_the_signals_unless_that_is_off() {
    let Some(project) = running("proxied") else { return };
    let mut attach = Running::start(project.command(&["attach", "--no-stdin", "hears"]));
    // It takes a moment until it listens: then it hears what the container says.
    for _ in 0..5 {
        std::thread::park_timeout(Duration::from_millis(300));
        project.topo(&["kill", "-s", "HUP", "hears"]).succeeds();
    }
    assert!(attach.reaches(|line| line == "hup"));
    attach.signal("USR1");
    assert!(attach.reaches(|line| line == "usr1"));
    attach.signal("TERM");
    assert_eq!(attach.finish().code(), Some(5), "its code is the container's");
    eventually("the end", || (!is_running(&project.container("hears-1"))).then_some(()));
    project.topo(&["start", "hears"]).succeeds();
    let mut attach = Running::start(project.command(&["attach", "--no-stdin", "--sig-proxy=false", "hears"]));
    std::thread::park_timeout(Duration::from_millis(500));
    attach.signal("INT");
    attach.finish();
    assert!(is_running(&project.container("hears-1")));
}
