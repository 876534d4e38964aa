//! What containers wrote and write is shown as asked, and what they are is told while it changes.

use std::process::{Command, Stdio};

use crate::harness::{Project, Run, Running, eventually};

const WRITERS: &str = "
services:
  web:
    image: busybox
    command: sh -c 'echo out; echo err >&2; echo three; exec sleep 1000'
    stop_signal: SIGKILL
    scale: 2
  quiet:
    image: busybox
    command: sh -c 'echo hidden; exec sleep 1000'
    stop_signal: SIGKILL
    attach: false
    depends_on: [web]
";

fn running(name: &str) -> Option<Project> {
    let project = Project::with(name, WRITERS)?;
    project.up();
    eventually("all has been written", || {
        (project.topo(&["logs"]).stdout.lines().count() == 7).then_some(())
    });
    Some(project)
}

#[test]
fn logs_must_be_shown_as_asked() {
    let Some(project) = running("logs-asked") else { return };
    let logs = |arguments: &[&str]| project.topo(&[&["logs"], arguments].concat()).succeeds().stdout;
    let stamped = logs(&["-t", "--no-log-prefix", "--index", "1", "web"]);
    // The engine takes both outputs down as they come, in an order of its own.
    let mut words: Vec<&str> = Vec::new();
    for line in stamped.lines() {
        let (time, word) = line.split_once(' ').unwrap();
        assert!(time.len() > 20 && time.ends_with('Z') && time.contains('T'), "{line}");
        words.push(word);
    }
    words.sort_unstable();
    assert_eq!(words, ["err", "out", "three"]);
    assert_eq!(logs(&["--tail", "1", "web"]).lines().count(), 2, "of each container");
    assert_eq!(logs(&["--tail", "all", "web"]).lines().count(), 6);
    assert_eq!(logs(&["-n", "0"]), "");
    assert_eq!(logs(&["--no-color", "quiet"]), "quiet-1 | hidden\n");
    assert!(!project.topo(&["--ansi", "always", "logs", "--no-color"]).stdout.contains('\u{1b}'));
    assert!(project.topo(&["--ansi", "always", "logs"]).stdout.contains('\u{1b}'));
    for (topo, peer) in
        [&["logs", "--no-log-prefix", "quiet"][..], &["logs", "-n", "1", "--no-color", "quiet"]]
            .map(|arguments| (project.topo(arguments), project.peer(arguments)))
    {
        let words = |run: &Run| run.stdout.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&topo), words(&peer));
    }
}

#[test]
fn logs_that_are_followed_must_go_on_and_end_with_an_interrupt() {
    let Some(project) = running("logs-follow") else { return };
    let mut logs = Running::start(project.command(&["logs", "-f", "--tail", "0"]));
    // It takes a moment until it listens.
    std::thread::park_timeout(std::time::Duration::from_millis(500));
    project.topo(&["restart", "-t", "0", "quiet"]).succeeds();
    assert!(logs.reaches(|line| line.starts_with("quiet-1") && line.ends_with("hidden")));
    logs.signal("INT");
    assert_eq!(logs.finish().code(), Some(130));
    assert!(logs.stdout.iter().all(|line| !line.starts_with("web-")), "{:?}", logs.stdout);
}

#[test]
fn logs_that_are_followed_must_not_take_an_earlier_end_for_a_new_one() {
    let beat =
        "services:\n  web: {image: busybox, command: sh -c 'while true; do echo beat; sleep 0.2; done'}\n";
    let Some(project) = Project::with("logs-again", beat) else { return };
    project.up();
    project.topo(&["restart", "-t", "0"]).succeeds();
    let mut logs = Running::start(project.command(&["logs", "-f", "--tail", "0"]));
    // An end that is told of is waited out for two seconds.
    let mut beats = 0;
    assert!(logs.reaches(|line| {
        beats += usize::from(line.ends_with("beat"));
        beats == 20
    }));
    assert!(logs.stdout.iter().all(|line| !line.contains("exited")), "{:?}", logs.stdout);
    logs.signal("INT");
    assert_eq!(logs.finish().code(), Some(130));
}

#[test]
fn an_attached_up_must_show_those_it_is_asked_to_show() {
    let ending = "
services:
  db: {image: busybox, command: echo of-db}
  web: {image: busybox, command: echo of-web, depends_on: [db]}
  quiet: {image: busybox, command: echo of-quiet, attach: false}
";
    let Some(project) = Project::with("shown", ending) else { return };
    let words = ["of-db", "of-web", "of-quiet"];
    for (arguments, heard) in [
        (&[][..], &["of-db", "of-web"][..]),
        (&["web"], &["of-web"]),
        (&["--attach-dependencies", "web"], &["of-db", "of-web"]),
        (&["--attach", "db"], &["of-db"]),
        (&["--no-attach", "db"], &["of-web"]),
        (&["--attach", "quiet", "--attach", "web"], &["of-web", "of-quiet"]),
    ] {
        let all = [&["up", "--no-color", "--force-recreate"], arguments].concat();
        let run = project.topo(&all).succeeds();
        let found: Vec<_> = words.into_iter().filter(|word| run.stdout.contains(word)).collect();
        assert_eq!(found, heard, "{arguments:?}");
    }
    let run = project.topo(&["up", "--timestamps", "--no-log-prefix", "web"]).succeeds();
    assert!(run.stdout.lines().any(|line| line.ends_with("Z of-web")), "{run:?}");
}

#[test]
fn events_must_be_told_live_and_of_the_named_services() {
    let Some(project) = running("events-live") else { return };
    let mut events = Running::start(project.command(&["events", "--json", "quiet"]));
    std::thread::park_timeout(std::time::Duration::from_millis(500));
    project.topo(&["restart", "-t", "0"]).succeeds();
    project.topo(&["pause", "quiet"]).succeeds();
    project.topo(&["unpause", "quiet"]).succeeds();
    assert!(events.reaches(|line| line.contains("\"unpause\"")));
    events.signal("INT");
    assert_eq!(events.finish().code(), Some(130));
    let told = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let all: Vec<_> = events.stdout.iter().map(told).collect();
    assert!(all.iter().all(|event| event["service"] == "quiet"), "{all:?}");
    let actions: Vec<&str> = all.iter().filter_map(|event| event["action"].as_str()).collect();
    for action in ["die", "start", "pause", "unpause"] {
        assert!(actions.contains(&action), "{action} of {actions:?}");
    }
}

#[test]
fn processes_and_usage_must_be_those_of_the_named_services() {
    let Some(project) = running("processes") else { return };
    let top = project.topo(&["top", "quiet"]).succeeds().stdout;
    assert!(top.contains("sleep 1000") && !top.contains("web-1"), "{top}");
    assert_eq!(project.topo(&["top"]).succeeds().stdout.matches("sleep 1000").count(), 3);
    let names = project.topo(&["stats", "--no-stream", "--format", "{{.Name}}", "web"]).succeeds().stdout;
    assert_eq!(names.lines().count(), 2);
    project.topo(&["stop", "quiet"]).succeeds();
    let names = |all: &[&str]| {
        let arguments = [&["stats", "--no-stream", "--format", "{{.Name}}"], all].concat();
        project.topo(&arguments).succeeds().stdout.lines().count()
    };
    assert_eq!((names(&[]), names(&["-a"])), (2, 3));
    assert_eq!(project.topo(&["top", "quiet"]).code, project.peer(&["top", "quiet"]).code);
}

#[test]
fn files_must_be_copied_where_there_is_no_running_process_and_through_pipes() {
    let Some(project) = running("copied") else { return };
    project.write("page", "hello\n");
    project.topo(&["stop", "-t", "0", "quiet"]).succeeds();
    project.topo(&["cp", "page", "quiet:/page"]).succeeds();
    project.topo(&["cp", "quiet:/page", "back"]).succeeds();
    assert_eq!(project.read("back"), "hello\n");
    // To each container of a service, or to one of them.
    project.topo(&["cp", "--all", "page", "web:/page"]).succeeds();
    project.topo(&["cp", "--index", "2", "page", "web:/two"]).succeeds();
    for (container, path, is_there) in [
        ("web-1", "/page", true),
        ("web-2", "/page", true),
        ("web-1", "/two", false),
        ("web-2", "/two", true),
    ] {
        assert_eq!(project.exec(container, &["test", "-e", path]).0 == 0, is_there, "{container} {path}");
    }
    // Owner and mode come along if asked.
    let script = "chown 33:44 /page; chmod 640 /page";
    project.exec("web-1", &["sh", "-c", script]);
    project.topo(&["cp", "-a", "--index", "1", "web:/page", "kept"]).succeeds();
    let status =
        Command::new("stat").args(["-c", "%a", "kept"]).current_dir(project.path("")).output().unwrap();
    assert_eq!(status.stdout, b"640\n");
    // An archive of a whole container through a pipe.
    let mut export =
        project.command(&["export", "--index", "1", "web"]).stdout(Stdio::piped()).spawn().unwrap();
    let listed = Command::new("tar").arg("-t").stdin(export.stdout.take().unwrap()).output().unwrap();
    assert_eq!(export.wait().unwrap().code(), Some(0));
    assert!(String::from_utf8_lossy(&listed.stdout).lines().any(|name| name == "page"));
    project.topo(&["commit", "--pause=false", "web", &format!("{}-made:1", project.name)]).succeeds();
    assert!(project.engine.has_image(&format!("{}-made:1", project.name)));
    project.engine.remove_image(&format!("{}-made:1", project.name));
}
