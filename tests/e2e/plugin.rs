//! topo is a plugin of the docker client: `docker topo up`.

use std::process::Command;

use crate::harness::{Project, Run, address, note};

#[test]
fn the_docker_client_must_run_topo_as_a_plugin() {
    let Some(project) = Project::with("plugin", "services: {a: {image: busybox, command: sleep 1000}}")
    else {
        return;
    };
    if Command::new("docker").arg("--version").output().is_err() {
        note("skipped, because there is no docker client");
        return;
    }
    let plugins = project.path("config/cli-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_topo"), plugins.join("docker-topo")).unwrap();
    let docker = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.current_dir(project.path(".")).env("DOCKER_CONFIG", project.path("config"));
        command.env("DOCKER_HOST", address()).args(arguments);
        Run::of(command)
    };
    assert!(docker(&["--help"]).succeeds().stdout.contains("topo*"), "the client lists it");
    assert!(docker(&["topo", "version"]).succeeds().stdout.contains("topo version"));
    docker(&["topo", "-p", &project.name, "-f", "compose.yaml", "up", "-d"]).succeeds();
    assert_eq!(project.container_names(), ["a-1"]);
    // The client's own options are handed on.
    let host = format!("--host={}", address());
    docker(&[&host, "topo", "-p", &project.name, "stop", "-t", "0"]).succeeds();
    docker(&["topo", "-p", &project.name, "down"]).succeeds();
    project.is_nowhere();
    docker(&["topo", "nonsense"]).ends_with(2);
}
