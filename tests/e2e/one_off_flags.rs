//! `run` by its flags: what a container of one command is given, compared with docker compose's.

use bollard::models::ContainerInspectResponse;

use crate::harness::{Project, free_port, is_running};

const SERVICES: &str = "
services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    ports: ['${PORT}:80']
    environment: {OWN: '1', BOTH: service}
    labels: {own: label}
    cap_drop: [NET_RAW]
    working_dir: /tmp
    volumes: ['data:/data']
    networks: {lan: {aliases: [door]}}
    post_start: [{command: touch /hooked}]
    pre_stop: [{command: touch /data/stopped}]
  look: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [lan]}
networks: {lan: {}}
volumes: {data: {}}
";

fn project(name: &str) -> Option<Project> {
    let mut project = Project::with(name, SERVICES)?;
    project.set("PORT", free_port().to_string());
    project.write("more.env", "FROM_FILE=yes\nBOTH=file\n");
    Some(project)
}

/// What the flags may change of a container.
fn given(container: &ContainerInspectResponse) -> serde_json::Value {
    let config = container.config.clone().unwrap();
    let host = container.host_config.clone().unwrap();
    let mut env = config.env.unwrap_or_default();
    env.sort();
    let labels = config.labels.unwrap_or_default();
    let mut labels: Vec<_> = labels
        .into_iter()
        .filter(|(key, _)| !key.starts_with("com.docker.compose.") || key.ends_with(".oneoff"))
        .collect();
    labels.sort();
    let mut mounts: Vec<_> =
        container.mounts.iter().flatten().filter_map(|mount| mount.destination.clone()).collect();
    mounts.sort();
    serde_json::json!([
        env,
        labels,
        mounts,
        config.user,
        config.working_dir,
        config.cmd,
        config.entrypoint,
        config.tty,
        config.open_stdin,
        host.cap_add,
        host.cap_drop,
        host.port_bindings,
        host.auto_remove,
        host.restart_policy.and_then(|policy| policy.name),
    ])
}

#[test]
fn a_container_of_one_command_must_be_given_what_docker_compose_gives_it() {
    let Some(project) = project("run-flags") else { return };
    let port = free_port().to_string();
    let published = format!("{port}:81");
    for arguments in [
        &[][..],
        &["-e", "BOTH=flag", "-e", "NEW=1"],
        &["--env-from-file", "more.env"],
        &["-l", "more=label", "--label", "own=flag"],
        &["-u", "1000:1000", "-w", "/usr"],
        &["-v", "./more.env:/more.env:ro", "-v", "/fresh"],
        &["--entrypoint", "sleep 999"],
        &["--cap-add", "NET_RAW", "--cap-drop", "CHOWN"],
        &["-p", &published],
        &["-P"],
        &["--rm"],
        &["-i=false"],
    ] {
        let made = |is_topo: bool| {
            let name = project.full_name("one");
            let mut all = vec!["run", "-d", "--no-deps", "--name", &name];
            all.extend(arguments);
            all.extend(["web", "sleep", "900"]);
            if is_topo { project.topo(&all) } else { project.peer(&all) }.succeeds();
            let given = given(&project.container("one"));
            project.engine.remove_container(&name);
            given
        };
        assert_eq!(made(true), made(false), "{arguments:?}");
    }
}

#[test]
fn a_container_of_one_command_must_be_found_by_the_services_names_only_if_asked() {
    let Some(project) = project("run-aliases") else { return };
    project.topo(&["up", "-d", "look"]).succeeds();
    let found = |name: &str| project.exec("look-1", &["ping", "-c", "1", "-W", "1", name]).0 == 0;
    let name = project.full_name("one");
    project.topo(&["run", "-d", "--name", &name, "web", "sleep", "900"]).succeeds();
    assert!(found(&name) && !found("web") && !found("door"));
    project.engine.remove_container(&name);
    project.topo(&["run", "-d", "--use-aliases", "--name", &name, "web", "sleep", "900"]).succeeds();
    assert!(found("web") && found("door"));
}

#[test]
fn one_command_must_run_without_the_hooks_of_its_service_as_in_docker_compose() {
    let Some(project) = project("run-hooks") else { return };
    let look = ["run", "--rm", "-T", "web", "sh", "-c", "sleep 1; ls /hooked /data"];
    let topo = project.topo(&look);
    let peer = project.peer(&look);
    assert_eq!((topo.code, &topo.stdout), (peer.code, &peer.stdout), "{topo:?} {peer:?}");
    assert!(!topo.stdout.contains("hooked") && !topo.stdout.contains("stopped"), "{topo:?}");
    topo.says(&["without the hooks"]);
}

#[test]
fn a_quiet_run_must_write_what_the_command_writes_and_no_more() {
    let Some(project) = project("run-quiet") else { return };
    let run = project.topo(&["run", "--rm", "-q", "look", "echo", "said"]).succeeds();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("said\n", ""));
    // A dry run makes nothing.
    project.topo(&["--dry-run", "run", "--rm", "look", "true"]);
    assert_eq!(project.container_names(), [""; 0]);
}

#[test]
fn containers_of_one_command_must_be_told_apart_from_the_services() {
    let Some(project) = project("run-apart") else { return };
    project.topo(&["up", "-d", "look"]).succeeds();
    let name = project.full_name("one");
    project.topo(&["run", "-d", "--name", &name, "look", "sleep", "900"]).succeeds();
    let before = project.lives();
    // `up`, `restart`, `stop` and `ps` are about the service.
    project.topo(&["up", "-d", "look"]).succeeds();
    assert_eq!(project.lives(), before);
    for arguments in [&["ps", "-q"][..], &["ps", "-aq"], &["ps", "-a", "--services"]] {
        let (topo, peer) = (project.topo(arguments), project.peer(arguments));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(lines(&topo.stdout), lines(&peer.stdout), "{arguments:?}");
    }
    project.topo(&["restart", "-t", "0", "look"]).succeeds();
    project.topo(&["scale", "look=2"]).succeeds();
    project.topo(&["stop", "-t", "0", "look"]).succeeds();
    assert_eq!(project.lives()["one"], before["one"]);
    assert!(is_running(&project.container("one")));
    assert_eq!(project.container_names(), ["look-1", "look-2", "one"]);
}
