//! Data is never lost unasked: no volume goes but those that a command says it removes.

use std::collections::BTreeSet;

use crate::harness::{PrivateEngine, Project};

/// An anonymous volume, a named one, one with a driver's options, and one made beforehand.
const COMPOSE: &str = r#"
services:
  store:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    volumes: ["/anonymous", "${NAMED:-named}:/named", "external:/external"]
    labels: {version: "${VERSION:-1}"}
  old: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, volumes: [/anonymous, "old:/old"]}
volumes:
  named: {labels: {version: "${VOLUME_VERSION:-1}"}}
  other:
  old:
  external: {external: true, name: before}
"#;

#[test]
fn no_volume_must_be_removed_unasked() {
    let Some(engine) = PrivateEngine::start("volumes", &["busybox"]) else { return };
    let mut project = Project::on(&engine, "volumes", COMPOSE);
    project.engine.create_volume("before");
    project.up();
    for directory in ["anonymous", "named", "external"] {
        let command = format!("echo {directory} >/{directory}/word");
        assert_eq!(project.exec("store-1", &["sh", "-c", &command]).0, 0);
    }
    let mut volumes = project.engine.all_volumes();
    assert_eq!(volumes.len(), 5, "{volumes:?}");

    let set = |variable: &'static str, value: &'static str| (variable, value);
    let without_old =
        COMPOSE.lines().filter(|line| !line.starts_with("  old")).collect::<Vec<_>>().join("\n");
    let nothing = set("VERSION", "1");
    for ((variable, value), arguments) in [
        (nothing, &["up", "-d", "--force-recreate"][..]),
        (set("VERSION", "2"), &["up", "-d"]),
        (set("NAMED", "other"), &["up", "-d"]),
        (set("NAMED", "named"), &["up", "-d"]),
        // The volume's own configuration changed: nobody said yes to making it anew.
        (set("VOLUME_VERSION", "2"), &["up", "-d"]),
        (set("VOLUME_VERSION", "1"), &["up", "-d"]),
        (nothing, &["run", "--rm", "store", "true"]),
        (nothing, &["run", "--rm", "-v", "named:/more", "old", "true"]),
        (nothing, &["stop"]),
        (nothing, &["rm", "-f"]),
        (nothing, &["up", "-d"]),
        (nothing, &["restart", "-t", "0"]),
        (nothing, &["kill"]),
        (nothing, &["rm", "-f", "-s"]),
        (nothing, &["up", "-d", "--scale", "store=2"]),
        (nothing, &["up", "-d", "--scale", "store=1"]),
        (nothing, &["up", "-d", "-V"]),
        (nothing, &["down", "--remove-orphans"]),
        (nothing, &["up", "-d"]),
        (nothing, &["down", "store"]),
        (nothing, &["down", "--rmi", "local"]),
    ] {
        project.set(variable, value);
        project.topo(arguments).succeeds();
        none_is_lost(&project, &mut volumes, arguments);
    }

    project.up();
    project.write("compose.yaml", &without_old);
    for arguments in [&["up", "-d"][..], &["up", "-d", "--remove-orphans"], &["down", "--remove-orphans"]] {
        project.topo(arguments).succeeds();
        none_is_lost(&project, &mut volumes, arguments);
    }
    project.write("compose.yaml", COMPOSE);
    project.up();
    for directory in ["named", "external"] {
        let expected = (0, format!("{directory}\n"));
        assert_eq!(project.exec("store-1", &["cat", &format!("/{directory}/word")]), expected);
    }

    // Asked for, those go that services of the file use, as with docker compose. Those of others stay.
    project.topo(&["down", "-v"]).succeeds();
    assert_eq!(project.engine.volumes(&project.name), [format!("{}_other", project.name)]);
    assert!(project.engine.all_volumes().contains("before"));
}

/// `run --rm` and `up -V` make anonymous volumes of their own, and may remove those again, but no others.
fn none_is_lost(project: &Project, volumes: &mut BTreeSet<String>, arguments: &[&str]) {
    let now = project.engine.all_volumes();
    let lost: Vec<_> = volumes.difference(&now).collect();
    assert!(lost.is_empty(), "{arguments:?} removed {lost:?}");
    *volumes = now;
}
