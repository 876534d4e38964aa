//! What scripts read and test for: standard output and exit codes are docker compose's.

use crate::harness::{Project, Run, eventually, free_port, is_running};

const SERVICES: &str = "
services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    scale: 2
    ports: ['80', '81/udp']
    volumes: ['data:/data', /anonymous]
    networks: [front, back]
  store:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    ports: ['127.0.0.1:${PORT}:6379']
    networks: [back]
  tool:
    image: busybox:latest
    profiles: [debug, extra]
  task: {image: busybox, command: 'false'}
networks: {front: {}, back: {}}
volumes: {data: {}}
";

fn running(name: &str) -> Option<Project> {
    let mut project = Project::with(name, SERVICES)?;
    project.set("PORT", free_port().to_string());
    project.up();
    eventually("the task has ended", || (!is_running(&project.container("task-1"))).then_some(()));
    Some(project)
}

#[test]
fn what_scripts_read_must_be_what_docker_compose_prints() {
    let Some(project) = running("scripts") else { return };
    let filter = format!("name=^{}$", project.name);
    for arguments in [
        &["ps", "-q"][..],
        &["ps", "-aq"],
        &["ps", "-q", "store"],
        &["ps", "--services"],
        &["ps", "--services", "--status", "exited", "-a"],
        &["ps", "--status", "running", "--status", "exited", "-q"],
        &["ps", "--format", "{{.Name}} {{.State}} {{.ExitCode}}", "-a"],
        &["ps", "-q", "--orphans=false"],
        &["port", "store", "6379"],
        &["port", "--index", "2", "web", "80"],
        &["port", "--protocol", "udp", "web", "81"],
        &["ls", "-q", "--filter", &filter],
        &["images", "-q"],
        &["volumes", "-q"],
        &["logs", "--no-log-prefix", "task"],
        &["top", "nobody"],
        &["kill", "nobody"],
        &["exec", "-T", "store", "cat", "/etc/hostname"],
        &["exec", "-T", "--index", "2", "web", "hostname"],
        &["events", "--json", "--until", "1s", "nobody"],
    ] {
        let (topo, peer) = (project.topo(arguments), project.peer(arguments));
        // docker compose ends with 1 when the time of `events` is over, which is no failure.
        if arguments[0] != "events" {
            assert_eq!(topo.code, peer.code, "{arguments:?}: {topo:?} {peer:?}");
        }
        assert_eq!(sorted(&topo), sorted(&peer), "{arguments:?}: {topo:?} {peer:?}");
    }
}

/// The lines, in an order of their own: docker compose leaves that of some lists to chance.
fn sorted(run: &Run) -> Vec<&str> {
    let mut lines: Vec<&str> = run.stdout.lines().map(str::trim_end).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_scripts_ask_of_a_file_must_be_answered_as_by_docker_compose() {
    let Some(mut project) = Project::with("asked-file", SERVICES) else { return };
    project.set("PORT", "6379");
    project
        .write("other.yaml", "services: {web: {scale: 3}, more: {image: 'busybox:1', env_file: none.env}}");
    project.write("broken.yaml", "services: {web: {imag: busybox}}");
    for arguments in [
        &["config", "--services"][..],
        &["--profile", "debug", "config", "--services"],
        &["--profile", "*", "config", "--images"],
        &["config", "--profiles"],
        &["config", "--volumes"],
        &["config", "--networks"],
        &["config", "--images", "store"],
        &["config", "--hash", "*"],
        &["config", "--hash", "web,store"],
        &["config", "--hash", "nobody"],
        &["config", "-q"],
        &["config", "--no-interpolate", "-q"],
        &["-f", "other.yaml", "config", "--services"],
        &["-f", "other.yaml", "config", "--images"],
        &["-f", "other.yaml", "config", "-q"],
        &["-f", "broken.yaml", "config", "-q"],
        &["-f", "none.yaml", "config", "-q"],
        &["config", "nobody"],
    ] {
        let (topo, peer) = (project.topo(arguments), project.peer(arguments));
        assert_eq!(topo.code, peer.code, "{arguments:?}: {topo:?} {peer:?}");
        assert_eq!(sorted(&topo), sorted(&peer), "{arguments:?}: {topo:?} {peer:?}");
    }
    // To a file, and to standard output: the same.
    let printed = project.topo(&["config", "--format", "json"]).succeeds().stdout;
    project.topo(&["config", "--format", "json", "-o", "made.json"]).succeeds();
    assert_eq!(project.read("made.json"), printed);
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(&printed), parsed(&project.peer(&["config", "--format", "json"]).stdout));
}

#[test]
fn a_command_that_cannot_be_carried_out_must_fail_where_docker_compose_fails() {
    let Some(project) = running("failing") else { return };
    let before = project.lives();
    for arguments in [
        &["up", "-d", "nobody"][..],
        &["create", "nobody"],
        &["stop", "nobody"],
        &["restart", "nobody"],
        &["logs", "nobody"],
        &["run", "--rm", "nobody"],
        &["exec", "nobody", "true"],
        &["exec", "task", "true"],
        &["cp", "nobody:/x", "."],
        &["cp", "store:/none", "."],
        &["port", "store", "1"],
        &["port", "nobody", "80"],
        &["pull", "nobody"],
        &["build", "nobody"],
        &["scale", "nobody=2"],
        &["kill", "-s", "NONSENSE", "store"],
        &["up", "-d", "--scale", "nobody=2"],
        &["export", "--index", "7", "web"],
    ] {
        let (topo, peer) = (project.topo(arguments), project.peer(arguments));
        assert_ne!(peer.code, Some(0), "{arguments:?}: {peer:?}");
        assert!(topo.code == Some(1) || topo.code == Some(2), "{arguments:?}: {topo:?} {peer:?}");
        assert!(topo.stderr.contains("error"), "{arguments:?}: {topo:?}");
    }
    assert_eq!(project.lives(), before, "what fails leaves all as it is");
}

#[test]
fn codes_must_tell_failure_wrong_usage_and_changes_apart() {
    let Some(project) = running("codes") else { return };
    for (arguments, code) in [
        (&["ps"][..], 0),
        (&["plan", "--exit-code"], 2),
        (&["up", "--nonsense"], 2),
        (&["nonsense"], 2),
        (&["exec", "store", "sh", "-c", "exit 7"], 7),
        (&["exec", "store", "sh", "-c", "kill -9 $$"], 137),
        (&["run", "--rm", "store", "sh", "-c", "exit 8"], 8),
        (&["-f", "none.yaml", "ps"], 1),
    ] {
        project.topo(arguments).ends_with(code);
    }
}

#[test]
fn the_version_must_be_told_in_each_form() {
    let Some(project) = Project::with("version", SERVICES) else { return };
    let short = project.topo(&["version", "--short"]).succeeds().stdout;
    let number = short.trim_end();
    assert!(
        number.split('.').count() == 3 && number.starts_with(|one: char| one.is_ascii_digit()),
        "{short}"
    );
    let json = project.topo(&["version", "-f", "json"]).succeeds().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], number);
    for arguments in [&["version"][..], &["--version"], &["version", "--format", "pretty"]] {
        assert!(project.topo(arguments).succeeds().stdout.contains(number), "{arguments:?}");
    }
}

#[test]
fn a_shell_must_complete_services_after_it_has_read_the_script() {
    let Some(project) = Project::with("shell", SERVICES) else { return };
    let script = project.topo(&["completions", "bash"]).succeeds().stdout;
    project.write("completions.bash", &script);
    let ask = "source ./completions.bash
f=$(complete -p topo | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(topo stop s) COMP_CWORD=2 COMP_LINE='topo stop s' COMP_POINT=11 COMP_TYPE=9
\"$f\" topo s stop
printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_topo")).parent().unwrap();
    let path = std::env::join_paths([directory, "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    bash.args(["-c", ask]).current_dir(project.path("")).env("PATH", path).env_remove("COMPOSE_FILE");
    let run = Run::of(bash).succeeds();
    assert_eq!(run.stdout, "store\n", "{run:?}");
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(!project.topo(&["completions", shell]).succeeds().stdout.is_empty(), "{shell}");
    }
}
