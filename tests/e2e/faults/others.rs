//! Others are in the way: a port or a volume is theirs, or a container that is waited for dies.

use crate::harness::{Engine, Project, Running, free_port, is_running};

#[test]
fn a_port_of_another_container_must_be_named_and_mended_by_the_next_up() {
    let compose = r#"services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    stop_signal: SIGKILL
    ports: ["${PORT}:80"]
  beside: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
"#;
    let Some(mut first) = Project::with("port-first", compose) else { return };
    let mut second = Project::with("port-second", compose).unwrap();
    let port = free_port().to_string();
    first.set("PORT", &port);
    second.set("PORT", &port);
    first.up();
    let run = second.topo(&["up", "-d"]).ends_with(1);
    run.says(&["error: ", &format!(":{port} is in use"), "help: ", "publish another port"]);
    assert!(is_running(&first.container("web-1")), "who was first keeps it");
    assert!(is_running(&second.container("beside-1")), "what can run does");

    first.topo(&["stop"]).succeeds();
    second.up();
    assert!(is_running(&second.container("web-1")));
    second.up_does_nothing();
    // And the other way round: a stopped container finds its port taken.
    first.topo(&["start"]).ends_with(1).says(&[&format!(":{port} is in use")]);
}

#[test]
fn a_container_that_dies_while_it_is_awaited_must_be_told_with_its_last_words() {
    let compose = r#"services:
  store:
    image: busybox
    command: sh -c "echo cannot open the database; sleep 0.7; exit 3"
    healthcheck: {test: ["CMD", "false"], interval: 100ms, retries: 1000}
  task:
    image: busybox
    command: sh -c "echo no such table >&2; sleep 0.7; exit 4"
  sick:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD-SHELL", "echo it aches; exit 1"], interval: 100ms, retries: 3}
  needs-healthy: {image: busybox, command: sleep 1000, depends_on: {store: {condition: service_healthy}}}
  needs-task: {image: busybox, command: sleep 1000, depends_on: {task: {condition: service_completed_successfully}}}
  needs-sick: {image: busybox, command: sleep 1000, depends_on: {sick: {condition: service_healthy}}}
"#;
    let Some(project) = Project::with("dies", compose) else { return };
    for (service, said) in [
        ("needs-healthy", ["store-1 to be healthy", "it exited with code 3", "cannot open the database"]),
        ("needs-task", ["task-1 to be completed", "it exited with code 4", "no such table"]),
        ("needs-sick", ["sick-1 to be healthy", "its health check failed", "it aches"]),
    ] {
        let run = project.topo(&["up", "-d", service]).ends_with(1);
        run.says(&said).says(&[&format!("not finished: container {}", project.full_name(service))]);
        assert!(!is_running(&project.container(&format!("{service}-1"))));
    }
}

#[test]
fn a_container_that_is_killed_while_it_is_awaited_must_end_the_wait() {
    let compose = r#"services:
  store:
    image: busybox
    command: sh -c "echo up and well; sleep 1000"
    healthcheck: {test: ["CMD", "false"], interval: 100ms, retries: 1000}
  web: {image: busybox, command: sleep 1000, depends_on: {store: {condition: service_healthy}}}
"#;
    let Some(project) = Project::with("is-killed", compose) else { return };
    let mut up = super::up_until(&project, "\"waiting\"");
    project.engine.kill(&project.full_name("store-1"));
    assert_eq!(up.finish().code(), Some(1));
    let said = up.stderr.join("\n");
    assert!(said.contains("exited with code 137") && said.contains("up and well"), "{said}");

    // Removed behind topo's back: it is not there to be waited for any more.
    let mut up = super::up_until(&project, "\"waiting\"");
    project.engine.remove_container(&project.full_name("store-1"));
    assert_eq!(up.finish().code(), Some(1));
    assert!(up.stderr.iter().any(|line| line.contains("failed to wait for container")), "{:?}", up.stderr);
}

#[test]
fn a_volume_that_others_use_must_stay_and_be_named() {
    let compose = "services:
  app: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, volumes: ['data:/data', 'more:/more']}
volumes: {data: {}, more: {}}
";
    let Some(project) = Project::with("busy", compose) else { return };
    project.up();
    let volume = format!("{}_data", project.name);
    let user = Project::with(
        "busy-user",
        &format!(
            "services:
  app: {{image: busybox, command: sleep 1000, stop_signal: SIGKILL, volumes: ['data:/data']}}
volumes: {{data: {{external: true, name: {volume}}}}}
"
        ),
    )
    .unwrap();
    user.up();
    let run = project.topo(&["down", "-v"]);
    assert_eq!(project.engine.volumes(&project.name), std::slice::from_ref(&volume), "{run:?}");
    assert!(run.stderr.contains(&volume) && run.stderr.contains("in use"), "{run:?}");
    assert!(is_running(&user.container("app-1")));
    user.topo(&["down", "-v"]).succeeds();
    assert_eq!(project.engine.volumes(&project.name), [volume], "an external volume is never removed");
    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
}

#[test]
fn two_ups_at_once_must_make_one_project() {
    let compose = r"
x-sleeps: &sleeps {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
services:
  store: {<<: *sleeps, networks: [one, two], volumes: ['data:/data']}
  api: {<<: *sleeps, networks: [one], scale: 2, depends_on: [store]}
  web: {<<: *sleeps, networks: [two, three], depends_on: [api]}
networks: {one: {}, two: {}, three: {}}
volumes: {data: {}}
";
    let Some(project) = Project::with("at-once", compose) else { return };
    for round in 0..4 {
        let start = || Running::start(project.command(&["up", "-d"]));
        let mut ups: Vec<_> = (0..3).map(|_| start()).collect();
        for up in &mut ups {
            let code = up.finish().code();
            let said = up.stderr.join("\n");
            // Who comes second may find a name taken, and says so with what to do.
            assert!(code == Some(0) || code == Some(1), "{said}");
            let reason = ["already in use", "already exists", "is ambiguous", "No such"];
            assert!(code == Some(0) || reason.iter().any(|words| said.contains(words)), "{said}");
            assert!(code == Some(0) || said.contains("run the command again"), "{said}");
        }
        crate::harness::note(&format!("round {round}"));
        project.up();
        assert_eq!(project.container_names(), ["api-1", "api-2", "store-1", "web-1"]);
        for name in project.container_names() {
            assert!(is_running(&project.container(&name)), "{name}");
        }
        let of = |name: &str| format!("{}_{name}", project.name);
        // Of each name one: engines before 25 allow several.
        assert_eq!(project.engine.networks(&project.name), [of("one"), of("three"), of("two")]);
        assert_eq!(Engine::connect().volumes(&project.name), [of("data")]);
        project.up_does_nothing();
        project.topo(&["down", "-t", "0"]).succeeds();
        assert_eq!(project.engine.networks(&project.name), [""; 0]);
    }
}
