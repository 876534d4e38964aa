//! The engine ends in the middle of a run, by its service manager or by a crash, and comes back.

use super::up_until;
use crate::harness::{PrivateEngine, Project, Running, health, is_running};

/// A chain that takes a moment to come up, with data that must not be lost.
const CHAIN: &str = r#"
x-sleeps: &sleeps
  image: busybox
  stop_signal: SIGKILL
  command: sleep 1000
services:
  store:
    <<: *sleeps
    command: sh -c "sleep 0.7; touch /ready; exec sleep 1000"
    restart: ${RESTART:-no}
    volumes: ["named:/kept", "/anonymous"]
    healthcheck: {test: [CMD, test, -e, /ready], interval: 200ms, retries: 30}
  api:
    <<: *sleeps
    scale: 2
    depends_on:
      store: {condition: service_healthy}
  web:
    <<: *sleeps
    depends_on: [api]
volumes:
  named:
"#;

fn all_must_be_right(project: &Project) {
    assert_eq!(project.container_names(), ["api-1", "api-2", "store-1", "web-1"]);
    for name in project.container_names() {
        assert!(is_running(&project.container(&name)), "{name}");
    }
    assert_eq!(health(&project.container("store-1")), "healthy");
    assert_eq!(project.exec("store-1", &["cat", "/kept/word"]), (0, "precious\n".to_owned()));
    assert_eq!(project.engine.networks(&project.name).len(), 1);
}

#[test]
fn an_engine_that_ends_during_up_must_be_told_and_made_good() {
    let Some(mut engine) = PrivateEngine::start("engine-ends", &["busybox"]) else { return };
    let project = Project::on(&engine, "engine-ends", CHAIN);
    project.up();
    assert_eq!(project.exec("store-1", &["sh", "-c", "echo precious >/kept/word"]).0, 0);
    let moments = ["\"create\"", "\"start\"", "\"waiting\"", "api-2", "web-1"];
    for (number, moment) in moments.into_iter().enumerate() {
        // Each moment meets either end in two runs of the suite; all of both would take too long.
        let signal = ["TERM", "KILL"][(number + std::process::id() as usize) % 2];
        project.topo(&["down", "-t", "0"]).succeeds();
        let volumes = project.engine.all_volumes();
        let mut up = up_until(&project, moment);
        engine.end(signal);
        let code = up.finish().code();
        let said = up.stderr.join("\n");
        // It may have been done with all that it does, but for the last line.
        assert!(code == Some(1) || said.contains("4 containers up"), "{signal} at {moment}: {code:?} {said}");
        assert!(code == Some(0) || said.contains("error: failed to"), "{said}");
        assert!(code == Some(0) || said.contains("help: run the command again"), "{said}");

        engine.begin();
        project.up();
        all_must_be_right(&project);
        project.up_does_nothing();
        assert!(project.engine.all_volumes().is_superset(&volumes), "a volume is lost");
    }
}

#[test]
fn a_wait_must_outlast_an_engine_that_comes_back() {
    let Some(mut engine) = PrivateEngine::start("engine-back", &["busybox"]) else { return };
    let mut project = Project::on(&engine, "engine-back", CHAIN);
    project.set("RESTART", "always");
    project.up();
    assert_eq!(project.exec("store-1", &["sh", "-c", "echo precious >/kept/word"]).0, 0);
    project.topo(&["down"]).succeeds();
    let mut up = up_until(&project, "\"waiting\"");
    // One that shuts down in good order ends its containers first, which ends the wait.
    engine.end("KILL");
    engine.begin();
    assert_eq!(up.finish().code(), Some(0), "the engine starts the container again, and topo waits for it");
    all_must_be_right(&project);
    project.up_does_nothing();
}

#[test]
fn an_engine_that_ends_during_down_must_be_told_and_made_good() {
    let Some(mut engine) = PrivateEngine::start("engine-down", &["busybox"]) else { return };
    let project = Project::on(&engine, "engine-down", CHAIN);
    for signal in ["TERM", "KILL"] {
        project.up();
        let volumes = project.engine.all_volumes();
        let mut command = project.command(&["--progress", "json"]);
        command.args(["down"]);
        let mut down = Running::start(command);
        assert!(down.reaches(|line| line.contains("\"remove\"")));
        engine.end(signal);
        assert_eq!(down.finish().code(), Some(1), "{:?}", down.stderr);
        engine.begin();
        project.topo(&["down"]).succeeds();
        assert_eq!(project.container_names(), [""; 0]);
        assert_eq!(project.engine.networks(&project.name), [""; 0]);
        assert!(project.engine.all_volumes().is_superset(&volumes), "a volume is lost");
    }
}

#[test]
fn who_follows_an_engine_that_ends_must_be_told() {
    let Some(mut engine) = PrivateEngine::start("engine-followed", &["busybox"]) else { return };
    let project = Project::on(&engine, "engine-followed", CHAIN);
    project.up();
    let all: [&[&str]; 6] = [
        &["up"],
        &["logs", "-f"],
        &["events"],
        &["stats"],
        &["wait", "store"],
        &["exec", "-T", "web", "sh", "-c", "echo here; exec sleep 1000"],
    ];
    let mut followers: Vec<_> =
        all.iter().map(|arguments| Running::start(project.command(arguments))).collect();
    assert!(followers[5].reaches(|line| line == "here"));
    engine.end("KILL");
    for (follower, arguments) in followers.iter_mut().zip(all) {
        let code = follower.finish().code();
        let said = follower.stderr.join("\n");
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        for words in ["the connection to the engine broke", "help: look at the engine's own log"] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
        if arguments[0] == "wait" {
            assert!(said.contains(&project.full_name("store-1")), "people know it by its name: {said}");
        }
    }
    engine.begin();
    project.up();
    project.up_does_nothing();
}
