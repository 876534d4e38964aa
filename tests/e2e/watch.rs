//! `watch` and `up --watch`: what changes here changes in the containers.

use std::fs;
use std::thread::park_timeout;
use std::time::Duration;

use crate::harness::{Project, Running, eventually, is_running, started_at};

/// The bed of a service that runs until it is told to stop.
const SERVICE: &str = "    image: busybox
    command: sh -c \"trap 'exit 0' TERM; while true; do sleep 0.1; done\"
";

/// A project of one service with these rules.
fn project(name: &str, more: &str, rules: &str) -> Option<Project> {
    let rules: String = rules.lines().map(|rule| format!("        - {rule}\n")).collect();
    let project = Project::new(name)?;
    let text = format!("services:\n  web:\n{SERVICE}{more}    develop:\n      watch:\n{rules}");
    project.write("compose.yaml", &text);
    fs::create_dir(project.path("src")).unwrap();
    Some(project)
}

/// Starts watching and waits until it does.
fn watching(project: &Project, arguments: &[&str]) -> Running {
    let mut watch = Running::start(project.command(arguments));
    assert!(watch.reaches(|line| line.ends_with("Watch enabled")), "{:?}", watch.stderr);
    watch
}

/// What is in a file of a container; nothing if it is not there.
fn content(project: &Project, container: &str, path: &str) -> Option<String> {
    let (code, text) = project.exec(container, &["cat", path]);
    (code == 0).then(|| text.trim().to_owned())
}

/// Waits until a file of a container has this content.
fn has(project: &Project, container: &str, path: &str, expected: Option<&str>) {
    eventually(&format!("{path} in {container} is {expected:?}"), || {
        (content(project, container, path).as_deref() == expected).then_some(())
    });
}

#[test]
fn what_changes_must_change_in_all_containers() {
    let rules = "{path: ./src, action: sync, target: /app, ignore: ['*.log', closed/]}";
    let Some(project) = project("watch-sync", "    scale: 2\n", rules) else { return };
    project.write("src/old", "1");
    let mut watch = watching(&project, &["watch"]);
    fs::create_dir_all(project.path("src/d/e")).unwrap();
    fs::create_dir_all(project.path("src/closed")).unwrap();
    for (path, text) in [("src/d/e/f", "1"), ("src/new", "1"), ("src/a.log", "1"), ("src/closed/x", "1")] {
        project.write(path, text);
    }
    project.write("src/old", "2");
    assert!(watch.reaches(|line| line.starts_with("Syncing service \"web\" after 5 changes were detected")));
    for container in ["web-1", "web-2"] {
        has(&project, container, "/app/d/e/f", Some("1"));
        has(&project, container, "/app/new", Some("1"));
        has(&project, container, "/app/old", Some("2"));
        assert_eq!(content(&project, container, "/app/a.log"), None);
        assert_eq!(content(&project, container, "/app/closed/x"), None);
    }
    fs::remove_dir_all(project.path("src/d")).unwrap();
    fs::rename(project.path("src/new"), project.path("src/renamed")).unwrap();
    for container in ["web-1", "web-2"] {
        has(&project, container, "/app/renamed", Some("1"));
        has(&project, container, "/app/new", None);
        has(&project, container, "/app/d/e/f", None);
    }
    watch.signal("INT");
    assert_eq!(watch.finish().code(), Some(130));
    assert!(is_running(&project.container("web-1")), "what was watched goes on");
    assert_eq!(watch.stdout.last().map(String::as_str), Some("Watch disabled"));
}

#[test]
fn files_of_others_must_be_deleted_and_synced_ones_belong_to_the_user() {
    let rules = "{path: ./src, action: sync, target: /app, initial_sync: true}";
    let Some(project) = project("watch-user", "    user: '1000'\n", rules) else { return };
    project.write("src/a", "1");
    let mut watch = watching(&project, &["watch"]);
    has(&project, "web-1", "/app/a", Some("1"));
    assert_eq!(project.exec("web-1", &["stat", "-c", "%u", "/app/a"]).1.trim(), "1000");
    // The directory belongs to root.
    fs::remove_file(project.path("src/a")).unwrap();
    has(&project, "web-1", "/app/a", None);
    watch.signal("INT");
    watch.finish();
}

#[test]
fn restarts_and_commands_must_follow_a_sync() {
    let rules = "{path: ./src, action: sync+restart, target: /app}
{path: ./make, action: sync+exec, target: /make, exec: {command: sh -c 'cat /make/*; id -u; pwd; echo $$WORD; exit 3', user: '7', working_dir: /tmp, environment: {WORD: said}}}
{path: ./conf, action: restart}";
    let Some(project) = project("watch-then", "", rules) else { return };
    for directory in ["make", "conf"] {
        fs::create_dir(project.path(directory)).unwrap();
    }
    let mut watch = watching(&project, &["watch"]);
    let first = started_at(&project.container("web-1"));
    project.write("src/a", "1");
    assert!(watch.reaches(|line| line == "service(s) [\"web\"] restarted"), "{:?}", watch.stderr);
    let second = started_at(&project.container("web-1"));
    assert!(second > first);
    assert_eq!(content(&project, "web-1", "/app/a").as_deref(), Some("1"));

    project.write("make/a", "it is there\n");
    assert!(watch.reaches(|line| line == "said"), "{:?}", watch.stdout);
    let said = &watch.stdout[watch.stdout.len() - 4..];
    assert_eq!(said, ["it is there", "7", "/tmp", "said"]);
    // It is told on the other output, and may have come first.
    let is_told = |line: &str| line.contains("ended with code 3");
    assert!(watch.stderr.iter().any(|line| is_told(line)) || watch.reaches(is_told));
    assert_eq!(started_at(&project.container("web-1")), second, "a command restarts nothing");

    project.write("conf/a", "1");
    assert!(watch.reaches(|line| line == "service(s) [\"web\"] restarted"));
    assert!(started_at(&project.container("web-1")) > second);
    watch.signal("INT");
    assert_eq!(watch.finish().code(), Some(130));
}

/// A service that is built, with one that restarts with it and one that does not.
const BUILT: &str = "
services:
  web:
    build: .
    command: sleep 1000
    init: true
    depends_on: [db]
    develop:
      watch:
        - {path: ./Dockerfile, action: rebuild}
        - {path: ./src, action: sync, target: /app, initial_sync: true}
  db: {image: busybox, command: sleep 1000, init: true}
  with: {image: busybox, command: sleep 1000, init: true, depends_on: {web: {condition: service_started, restart: true}}}
  after: {image: busybox, command: sleep 1000, init: true, depends_on: [web]}
";

#[test]
fn a_rebuild_must_replace_only_what_was_built() {
    let Some(project) = Project::with("watch-build", BUILT) else { return };
    let dockerfile = |version: &str| {
        project.write("Dockerfile", &format!("FROM busybox\nRUN echo {version} > /version\nCMD sleep 1\n"));
    };
    dockerfile("1");
    fs::create_dir(project.path("src")).unwrap();
    project.write("src/a", "1");
    let mut watch = watching(&project, &["watch"]);
    assert_eq!(content(&project, "web-1", "/version").as_deref(), Some("1"));
    assert_eq!(content(&project, "web-1", "/app/a").as_deref(), Some("1"));
    let before = project.lives();
    let old_image = project.container("web-1").image.unwrap();
    dockerfile("2");
    assert!(watch.reaches(|line| line == "Rebuilding service(s) [\"web\"] after changes were detected..."));
    assert!(watch.reaches(|line| line == "service(s) [\"web\"] successfully built"), "{:?}", watch.stderr);
    // The old image goes last.
    let image = format!("image {} removed", &old_image.trim_start_matches("sha256:")[..12]);
    assert!(watch.reaches(|line| line.contains(&image)), "{:?}", watch.stderr);
    has(&project, "web-1", "/version", Some("2"));
    // A new container has nothing of what was synced before.
    has(&project, "web-1", "/app/a", Some("1"));
    let after = project.lives();
    assert_ne!(before["web-1"].0, after["web-1"].0);
    assert_eq!((&before["db-1"], &before["after-1"]), (&after["db-1"], &after["after-1"]));
    assert_eq!(before["with-1"].0, after["with-1"].0);
    assert!(before["with-1"].1 < after["with-1"].1, "it restarts with what it depends on");

    // What cannot be built leaves all as it is, and the watching goes on.
    project.write("Dockerfile", "FROM busybox\nRUN false\n");
    assert!(watch.reaches(|line| line.starts_with("Build failed. Error: ")));
    assert_eq!(project.lives(), after);
    project.write("src/a", "2");
    has(&project, "web-1", "/app/a", Some("2"));
    watch.signal("INT");
    watch.finish();
    dockerfile("2");
    project.up_does_nothing();
}

#[test]
fn containers_that_go_and_come_must_not_end_the_watching() {
    let rules = "{path: ./src, action: sync, target: /app}";
    let Some(project) = project("watch-gone", "", rules) else { return };
    project.up();
    let mut watch = watching(&project, &["watch", "--no-up"]);
    project.topo(&["stop", "web"]).succeeds();
    project.write("src/a", "1");
    assert!(watch.reaches(|line| line.starts_with("Syncing service")));
    fs::remove_file(project.path("src/a")).unwrap();
    assert!(watch.reaches(|line| line.contains("does not run: what was deleted stays in it")));
    project.topo(&["down"]).succeeds();
    project.write("src/b", "1");
    assert!(watch.reaches(|line| line.contains("`web` has no container")));
    project.up();
    project.write("src/c", "1");
    has(&project, "web-1", "/app/c", Some("1"));
    watch.signal("TERM");
    assert_eq!(watch.finish().code(), Some(130));
}

#[test]
fn up_must_watch_beside_the_logs() {
    let rules = "{path: ./src, action: sync+restart, target: /app}";
    let Some(project) = project("watch-up", "", rules) else { return };
    project.write(
        "compose.yaml",
        &project.read("compose.yaml").replace("while true; do", "while true; do echo tick;"),
    );
    let mut up = watching(&project, &["up", "--watch"]);
    project.write("src/a", "1");
    assert!(up.reaches(|line| line.contains("⦿ Syncing service \"web\" after 1 changes were detected")));
    assert!(up.reaches(|line| line.contains("⦿ service(s) [\"web\"] restarted")));
    assert!(up.reaches(|line| line.ends_with("| tick")), "it is heard after it was restarted");
    assert_eq!(content(&project, "web-1", "/app/a").as_deref(), Some("1"));
    up.signal("INT");
    assert_eq!(up.finish().code(), Some(130));
    assert!(!is_running(&project.container("web-1")));
    // A restart that was asked for is not the end that is waited for.
    let mut up = watching(&project, &["up", "-w", "--abort-on-container-exit"]);
    project.write("src/a", "2");
    assert!(up.reaches(|line| line.contains("restarted") && line.contains('⦿')));
    park_timeout(Duration::from_secs(1));
    assert!(is_running(&project.container("web-1")));
    project.topo(&["kill", "web"]).succeeds();
    assert_eq!(up.finish().code(), Some(137));
}

#[test]
fn nothing_to_watch_must_be_said_as_docker_compose_says_it() {
    let Some(project) = Project::with("watch-none", &format!("services:\n  web:\n{SERVICE}")) else { return };
    let text = "none of the selected services is configured for watch";
    for arguments in [&["watch"][..], &["watch", "web"], &["up", "--watch"]] {
        let run = project.topo(arguments).ends_with(1).says(&[text]);
        assert_eq!(project.container_names(), [""; 0], "{run:?}");
        project.peer(arguments).ends_with(1).says(&[text]);
        project.topo(&["down"]).succeeds();
    }
}

#[test]
fn watching_must_look_like_docker_compose() {
    let rules = "{path: ./src, action: sync, target: /app}
{path: ./conf, action: sync+restart, target: /conf}";
    let Some(project) = project("watch-peer", "    init: true\n", rules) else { return };
    fs::create_dir(project.path("conf")).unwrap();
    let peer = |arguments: &[&str]| project.peer_command(arguments);
    let mut seen = Vec::new();
    for command in [project.command(&["watch", "--no-up"]), peer(&["watch", "--no-up"])] {
        project.up();
        let mut watch = Running::start(command);
        assert!(watch.reaches(|line| line == "Watch enabled"));
        project.write("src/a", "1");
        assert!(watch.reaches(|line| line.starts_with("Syncing")));
        has(&project, "web-1", "/app/a", Some("1"));
        project.write("conf/a", "1");
        assert!(watch.reaches(|line| line.contains("restarted")), "{:?}", watch.stderr);
        watch.signal("INT");
        let code = watch.finish().code();
        watch.stdout.retain(|line| line != "Watch disabled");
        seen.push((code, watch.stdout.clone()));
        project.topo(&["down"]).succeeds();
        for file in ["src/a", "conf/a"] {
            fs::remove_file(project.path(file)).unwrap();
        }
    }
    assert_eq!(seen[0], seen[1]);
}
