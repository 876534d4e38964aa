//! What goes with `down` and `rm`, and what stays.

use crate::harness::{Project, is_running};

const PROJECT: &str = "
x-sleeps: &sleeps {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
services:
  web: {<<: *sleeps, networks: [lan, theirs], volumes: ['data:/data', 'kept:/kept', /anonymous], depends_on: [db]}
  db: {<<: *sleeps, networks: [lan, apart]}
networks:
  lan: {}
  apart: {}
  theirs: {external: true, name: '${NETWORK}'}
volumes:
  data: {}
  kept: {external: true, name: '${VOLUME}'}
";

/// The project, and another one that has the network and the volume that it uses.
fn running(name: &str) -> Option<(Project, Project)> {
    let others = format!("{name}-owner");
    let owner = "services: {o: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [n], volumes: ['vol:/vol']}}\nnetworks: {n: {}}\nvolumes: {vol: {}}\n";
    let owner = Project::with(&others, owner)?;
    owner.up();
    let mut project = Project::with(name, PROJECT)?;
    project.set("NETWORK", format!("{}_n", owner.name));
    project.set("VOLUME", format!("{}_vol", owner.name));
    project.up();
    Some((project, owner))
}

#[test]
fn down_must_take_what_the_file_has_and_leave_what_is_external() {
    let Some((project, owner)) = running("down") else { return };
    let before = owner.lives();
    project.topo(&["down"]).succeeds();
    assert_eq!(project.container_names(), [""; 0]);
    assert_eq!(project.engine.networks(&project.name), [""; 0]);
    assert_eq!(project.engine.volumes(&project.name), [format!("{}_data", project.name)], "data stays");
    project.up();
    let mounts = project.container("web-1").mounts.unwrap();
    let anonymous = mounts.iter().find(|mount| mount.destination.as_deref() == Some("/anonymous")).unwrap();
    let anonymous = anonymous.name.clone().unwrap();
    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
    assert!(!project.engine.has_volume(&anonymous));
    assert_eq!(owner.lives(), before);
    assert!(owner.engine.has_network(&format!("{}_n", owner.name)));
    assert!(owner.engine.has_volume(&format!("{}_vol", owner.name)));
    project.topo(&["down"]).succeeds().says(&["nothing to remove"]);
}

#[test]
fn down_of_a_service_must_leave_the_others_and_what_they_use() {
    let Some((project, _owner)) = running("down-one") else { return };
    let before = project.lives();
    project.topo(&["down", "web"]).succeeds();
    assert_eq!(project.lives()["db-1"], before["db-1"]);
    assert_eq!(project.container_names(), ["db-1"]);
    assert!(project.engine.has_network(&format!("{}_lan", project.name)));
    project.topo(&["down", "nobody"]).ends_with(1).says(&["nobody"]);
    assert!(is_running(&project.container("db-1")));
}

#[test]
fn down_must_work_when_what_the_file_needs_is_gone() {
    let file = "services: {web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, env_file: web.env, label_file: web.labels, secrets: [word]}}\nsecrets: {word: {file: word.txt}}\n";
    let Some(project) = Project::with("files-gone", file) else { return };
    for name in ["web.env", "web.labels", "word.txt"] {
        project.write(name, "A=1\n");
    }
    project.up();
    for name in ["web.env", "web.labels", "word.txt"] {
        std::fs::remove_file(project.path(name)).unwrap();
    }
    for arguments in
        [&["ps"][..], &["logs"], &["stop"], &["kill"], &["config", "--services"], &["images"], &["down"]]
    {
        project.topo(arguments).succeeds();
    }
    project.is_nowhere();
    project.topo(&["up", "-d"]).ends_with(1).says(&["web.env", "web.labels"]);
}

#[test]
fn rm_must_take_only_what_it_may() {
    let Some((project, _owner)) = running("rm-some") else { return };
    project.topo(&["rm", "-f"]).succeeds().says(&["no stopped containers"]);
    project.topo(&["kill", "web"]).succeeds();
    project.topo(&["rm", "-f", "db"]).succeeds();
    assert_eq!(project.container_names(), ["db-1", "web-1"]);
    project.topo(&["rm", "-f"]).succeeds();
    assert_eq!(project.container_names(), ["db-1"], "one that runs stays");
    project.topo(&["rm", "-fsv", "db"]).succeeds();
    assert_eq!(project.container_names(), [""; 0]);
    assert_eq!(project.engine.networks(&project.name).len(), 2, "the rest is for `down`");
}

#[test]
fn orphans_must_go_with_each_command_that_is_asked_to() {
    let file = |service: &str| {
        format!("services: {{web: {{image: busybox, command: sleep 1000, stop_signal: SIGKILL}}{service}}}")
    };
    let old = file(", old: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}");
    let Some(mut project) = Project::with("orphan-flags", &old) else { return };
    for (arguments, left) in [
        (&["create", "--remove-orphans"][..], &["web-1"][..]),
        (&["kill", "--remove-orphans"], &["web-1"]),
        (&["run", "--rm", "--remove-orphans", "web", "true"], &["web-1"]),
        (&["down", "--remove-orphans"], &[]),
    ] {
        project.write("compose.yaml", &old);
        project.up();
        project.write("compose.yaml", &file(""));
        project.topo(arguments).succeeds();
        if arguments[0] != "kill" {
            assert_eq!(project.container_names(), left, "{arguments:?}");
        }
    }
    project.write("compose.yaml", &old);
    project.up();
    project.write("compose.yaml", &file(""));
    project.set("COMPOSE_IGNORE_ORPHANS", "1");
    let run = project.up();
    assert!(!run.stderr.contains("old-1"), "{run:?}");
    project.topo(&["up", "-d", "--remove-orphans"]).ends_with(1).says(&["COMPOSE_IGNORE_ORPHANS"]);
    project.set("COMPOSE_IGNORE_ORPHANS", "");
    project.set("COMPOSE_REMOVE_ORPHANS", "true");
    project.up();
    assert_eq!(project.container_names(), ["web-1"]);
}
