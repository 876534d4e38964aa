//! Variables, env files and options that stand around a file do what they do with docker compose.

use crate::harness::{Project, Run};

const WEB: &str = "
services:
  web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, environment: {WORD: '${WORD:-none}'}}
";

/// Runs topo in the project's directory without `-p` and `-f`: what is not said is found.
fn bare(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topo"));
    for inherited in ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"] {
        command.env_remove(inherited);
    }
    command.current_dir(project.path("")).env("DOCKER_HOST", crate::harness::address());
    command.args(arguments).envs(variables.iter().copied()).stdin(std::process::Stdio::null());
    Run::of(command)
}

fn variables_of(project: &Project, container: &str) -> Vec<String> {
    project.container(container).config.unwrap().env.unwrap_or_default()
}

#[test]
fn files_and_name_must_be_found_by_variables_and_env_files() {
    let Some(project) = Project::with("found", WEB) else { return };
    project
        .write("more.yaml", "services: {more: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}}");
    project.write(".env", &format!("COMPOSE_PROJECT_NAME={}\nWORD=of-env\n", project.name));
    bare(&project, &["up", "-d"], &[]).succeeds();
    assert_eq!(project.container_names(), ["web-1"]);
    assert!(variables_of(&project, "web-1").contains(&"WORD=of-env".to_owned()));
    // The shell wins over the file, and an option over both.
    bare(&project, &["up", "-d"], &[("WORD", "of-shell"), ("COMPOSE_FILE", "compose.yaml:more.yaml")])
        .succeeds();
    assert_eq!(project.container_names(), ["more-1", "web-1"]);
    assert!(variables_of(&project, "web-1").contains(&"WORD=of-shell".to_owned()));
    project.write("other.env", &format!("COMPOSE_PROJECT_NAME={}\nWORD=of-other\n", project.name));
    bare(&project, &["--env-file", "other.env", "up", "-d", "web"], &[]).succeeds();
    assert!(variables_of(&project, "web-1").contains(&"WORD=of-other".to_owned()));
    let label = "com.docker.compose.project.environment_file";
    let labels = project.container("web-1").config.unwrap().labels.unwrap();
    assert_eq!(labels[label], project.path("other.env").display().to_string());
    // From below the project's directory, too.
    std::fs::create_dir(project.path("below")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topo"));
    command.current_dir(project.path("below")).env("DOCKER_HOST", crate::harness::address());
    command.args(["ps", "--services"]).env_remove("COMPOSE_FILE").env_remove("COMPOSE_PROJECT_NAME");
    assert_eq!(Run::of(command).succeeds().stdout, "more\nweb\n");
    bare(&project, &["-f", "compose.yaml", "-f", "more.yaml", "down"], &[]).succeeds();
    project.is_nowhere();
}

#[test]
fn an_override_file_must_be_merged_and_left_out_when_files_are_named() {
    let Some(project) = Project::with("override", WEB) else { return };
    project
        .write("compose.override.yaml", "services: {web: {environment: {MORE: yes-please}, labels: {a: b}}}");
    bare(&project, &["-p", &project.name, "up", "-d"], &[]).succeeds();
    assert!(variables_of(&project, "web-1").contains(&"MORE=yes-please".to_owned()));
    let before = project.ids();
    project.up();
    assert_ne!(project.ids(), before);
    assert!(!variables_of(&project, "web-1").contains(&"MORE=yes-please".to_owned()));
    // Paths start at the directory that is named.
    std::fs::create_dir(project.path("deep")).unwrap();
    project.write("deep/deep.yaml", "services: {web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, volumes: ['./compose.yaml:/here:ro']}}");
    let directory = project.path("").display().to_string();
    bare(
        &project,
        &["-p", &project.name, "--project-directory", &directory, "-f", "deep/deep.yaml", "up", "-d"],
        &[],
    )
    .succeeds();
    assert_eq!(project.exec("web-1", &["cat", "/here"]), (0, WEB.to_owned()));
}

#[test]
fn a_default_platform_must_count_as_with_docker_compose() {
    let file = "services:
  web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
  built: {build: {dockerfile_inline: 'FROM busybox'}, command: sleep 1000, stop_signal: SIGKILL}
";
    let Some(mut project) = Project::with("platform", file) else { return };
    project.set("DOCKER_DEFAULT_PLATFORM", "linux/amd64");
    project.up();
    let before = project.lives();
    project.peer(&["up", "-d"]).succeeds();
    assert_eq!(project.lives(), before, "docker compose finds its own hash");
    // For a platform that the image is not for, both refuse, and nothing is lost.
    project.set("DOCKER_DEFAULT_PLATFORM", "linux/s390x");
    let recreate = ["up", "-d", "--force-recreate", "web"];
    project.topo(&recreate).ends_with(1).says(&["linux/s390x"]);
    project.peer(&recreate).ends_with(1).says(&["linux/s390x"]);
    assert_eq!(project.lives(), before);
}

#[test]
fn proxies_of_dockers_configuration_must_reach_containers_and_builds_as_with_docker_compose() {
    let file = "services:
  web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, environment: {NO_PROXY: own}}
  built:
    build: {dockerfile_inline: \"FROM busybox\\nRUN env | grep -i proxy | sort > /built\\n\"}
    command: cat /built
";
    let Some(mut project) = Project::with("proxies", file) else { return };
    std::fs::create_dir(project.path("docker")).unwrap();
    project.write(
        "docker/config.json",
        r#"{"proxies": {"default": {"httpProxy": "http://proxy.test:3128", "noProxy": "*.test"}}}"#,
    );
    project.set("DOCKER_CONFIG", project.path("docker").display().to_string());
    let of_proxies = |lines: Vec<String>| {
        let mut lines: Vec<_> =
            lines.into_iter().filter(|line| line.to_lowercase().contains("_proxy")).collect();
        lines.sort();
        lines
    };
    project.topo(&["up", "-d", "web"]).succeeds();
    let ours = of_proxies(variables_of(&project, "web-1"));
    let before = project.lives();
    project.peer(&["up", "-d", "web"]).succeeds();
    assert_eq!(project.lives(), before, "they are no part of the hash");
    project.peer(&["up", "-d", "--force-recreate", "web"]).succeeds();
    assert_eq!(ours, of_proxies(variables_of(&project, "web-1")));
    assert_eq!(ours.len(), 4, "{ours:?}");
    // What one command and a build see.
    let env = project.topo(&["run", "--rm", "web", "env"]).succeeds().stdout;
    assert_eq!(of_proxies(env.lines().map(str::to_owned).collect()), ours);
    for buildkit in ["0", "1"] {
        project.set("DOCKER_BUILDKIT", buildkit);
        project.topo(&["build", "--no-cache", "-q"]).succeeds();
        let seen = project.topo(&["run", "--rm", "built"]).succeeds().stdout;
        assert!(
            seen.contains("HTTP_PROXY=http://proxy.test:3128") && seen.contains("NO_PROXY=*.test"),
            "{seen}"
        );
    }
}

#[test]
fn profiles_must_decide_what_comes_up_and_goes() {
    let file = "
x-sleeps: &sleeps {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
services:
  web: {<<: *sleeps}
  debug: {<<: *sleeps, profiles: [debug], depends_on: [web]}
  tool: {<<: *sleeps, profiles: [tools, debug]}
";
    let Some(mut project) = Project::with("profiles", file) else { return };
    project.up();
    assert_eq!(project.container_names(), ["web-1"]);
    project.topo(&["--profile", "tools", "up", "-d"]).succeeds();
    assert_eq!(project.container_names(), ["tool-1", "web-1"]);
    // One that is named runs whatever its profiles, with what it depends on.
    project.topo(&["up", "-d", "debug"]).succeeds();
    assert_eq!(project.container_names(), ["debug-1", "tool-1", "web-1"]);
    // They are no orphans, and both tools agree on what goes without a profile.
    let run = project.up();
    assert!(!run.stderr.contains("orphan") && !run.stderr.contains("tool-1"), "{run:?}");
    project.topo(&["down", "-t", "0"]).succeeds();
    let ours = project.container_names();
    project.topo(&["--profile", "*", "up", "-d"]).succeeds();
    project.peer(&["down", "-t", "0"]).succeeds();
    assert_eq!(ours, project.container_names());
    project.set("COMPOSE_PROFILES", "tools,debug");
    project.topo(&["down", "-t", "0"]).succeeds();
    project.is_nowhere();
    project.topo(&["up", "-d"]).succeeds();
    assert_eq!(project.container_names(), ["debug-1", "tool-1", "web-1"]);
}

#[test]
fn two_projects_of_one_file_must_not_touch_each_other() {
    let (Some(one), Some(other)) = (Project::with("twin-one", WEB), Project::with("twin-other", WEB)) else {
        return;
    };
    one.up();
    let before = one.lives();
    other.up();
    other.topo(&["scale", "web=2"]).succeeds();
    other.topo(&["restart", "-t", "0"]).succeeds();
    other.topo(&["down", "-v", "--remove-orphans"]).succeeds();
    assert_eq!(one.lives(), before);
    one.up_does_nothing();
    // Names that are no names are refused before anything is made.
    bare(&one, &["-p", "Not Good", "up", "-d"], &[]).ends_with(1).says(&["Not Good"]);
    bare(&one, &["up", "-d"], &[("COMPOSE_PROJECT_NAME", "_bad")]).ends_with(1).says(&["_bad"]);
}

#[test]
fn progress_must_be_plain_quiet_or_json_and_go_where_it_is_told() {
    let Some(mut project) = Project::with("progress", WEB) else { return };
    let run = project.topo(&["--progress", "plain", "up", "-d"]).succeeds();
    assert!(run.stdout.is_empty() && run.stderr.contains("web-1"), "{run:?}");
    let run = project.topo(&["--progress", "quiet", "up", "-d", "--force-recreate"]).succeeds();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = project.topo(&["--progress", "json", "up", "-d", "--force-recreate"]).succeeds();
    let json = run.stderr.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert!(json.count() >= 4, "{run:?}");
    let run = project.topo(&["--ansi", "always", "ps"]).succeeds();
    assert!(!run.stdout.is_empty(), "{run:?}");
    let run = project.topo(&["--ansi", "never", "up", "-d", "--force-recreate"]).succeeds();
    assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
    project.set("COMPOSE_STATUS_STDOUT", "1");
    let run = project.topo(&["up", "-d", "--force-recreate"]).succeeds();
    assert!(run.stdout.contains("web-1") && !run.stderr.contains("web-1"), "{run:?}");
    project.set("COMPOSE_STATUS_STDOUT", "");
    project.set("COMPOSE_PARALLEL_LIMIT", "1");
    project.topo(&["up", "-d", "--scale", "web=3"]).succeeds();
    assert_eq!(project.container_names(), ["web-1", "web-2", "web-3"]);
}
