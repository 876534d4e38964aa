//! What fails says why, and what stands is mended by the next `up`.

use std::net::TcpListener;

use crate::harness::{Project, answer, free_port, is_running};

#[test]
fn a_port_already_taken_must_be_named_and_mended_by_the_next_up() {
    let compose = r#"services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    stop_signal: SIGKILL
    ports: ["${PORT}:80"]
"#;
    let Some(mut project) = Project::with("port", compose) else { return };
    let port = free_port();
    project.set("PORT", port.to_string());
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    let run = project.topo(&["up", "-d"]).ends_with(1);
    assert!(!is_running(&project.container("web-1")));
    run.says(&["error: ", &format!(":{port} is in use"), "help: ", "publish another port"]);

    drop(listener);
    project.up();
    assert!(answer(port, "/hostname").trim().len() == 12);
    project.up_does_nothing();
}

#[test]
fn what_others_stopped_or_removed_must_be_there_again() {
    let compose = r"services:
  one:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
  two:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
  three:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
";
    let Some(project) = Project::with("repaired", compose) else { return };
    project.up();
    let before = project.lives();
    project.engine.kill(&project.full_name("one-1"));
    project.engine.remove_container(&project.full_name("two-1"));
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(2).stdout;
    assert!(plan.contains("1 to create") && plan.contains("1 to start"), "{plan}");
    project.up();
    let after = project.lives();
    assert_eq!(after["one-1"].0, before["one-1"].0, "it is only started");
    assert!(is_running(&project.container("one-1")) && is_running(&project.container("two-1")));
    assert_eq!(after["three-1"], before["three-1"]);
    project.up_does_nothing();
}

#[test]
fn networks_and_volumes_that_others_removed_must_be_there_again() {
    let compose = "
services:
  web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [lan]}
  other: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [apart], volumes: ['data:/data']}
networks: {lan: {}, apart: {}}
volumes: {data: {}}
";
    let Some(project) = Project::with("removed", compose) else { return };
    project.up();
    let before = project.lives();
    project.engine.remove_container(&project.full_name("web-1"));
    project.engine.remove_network(&format!("{}_lan", project.name));
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(2).stdout;
    assert!(plan.contains("_lan") && !plan.contains("_apart"), "{plan}");
    project.up();
    assert!(is_running(&project.container("web-1")));
    assert_eq!(project.lives()["other-1"], before["other-1"]);
    project.up_does_nothing();
    // The network goes while its container is stopped, which then has none to start with.
    project.topo(&["stop", "-t", "0", "web"]).succeeds();
    project.engine.remove_network(&format!("{}_lan", project.name));
    project.up();
    assert!(is_running(&project.container("web-1")));
    project.up_does_nothing();
}

#[test]
fn a_container_of_a_network_that_was_made_anew_since_must_come_up_on_it() {
    let compose = r"services:
  web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [one, two]}
  other: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [one]}
networks: {one: {}, two: {}}
";
    let Some(project) = Project::with("remade", compose) else { return };
    project.topo(&["up", "-d", "web"]).succeeds();
    project.engine.kill(&project.full_name("web-1"));
    project.engine.remove_network(&format!("{}_one", project.name));
    project.topo(&["up", "-d", "other"]).succeeds();
    let plan = project.topo(&["plan"]).succeeds();
    let reason = format!("it is not attached to network {}_one", project.name);
    assert!(plan.stdout.contains(&reason), "{plan:?}");
    project.up();
    assert!(is_running(&project.container("web-1")));
    project.up_does_nothing();
}
