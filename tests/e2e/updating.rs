//! `deploy.update_config`: a service is replaced without a gap, and goes back when the new one fails.

use crate::harness::{Project, eventually, is_running};

fn versioned(version: &str, command: &str, order: &str) -> String {
    format!(
        "
services:
  web:
    image: busybox
    command: {command}
    stop_signal: SIGKILL
    environment: {{VERSION: '{version}'}}
    scale: 2
    deploy:
      update_config: {{parallelism: 1, order: {order}, monitor: 1s, failure_action: rollback}}
      rollback_config: {{parallelism: 0}}
"
    )
}

fn versions(project: &Project) -> Vec<String> {
    let version = |name: &String| {
        let env = project.container(name).config.unwrap().env.unwrap();
        env.into_iter().find(|line| line.starts_with("VERSION=")).unwrap()
    };
    project.container_names().iter().map(version).collect()
}

#[test]
fn a_new_container_must_run_before_the_old_one_ends_where_that_is_asked_for() {
    let Some(project) = Project::with("start-first", &versioned("1", "sleep 1000", "start-first")) else {
        return;
    };
    project.up();
    let old: Vec<String> = project.ids().into_values().collect();
    project.write("compose.yaml", &versioned("2", "sleep 1000", "start-first"));
    project.up();
    assert_eq!(project.container_names(), ["web-1", "web-2"]);
    assert_eq!(versions(&project), ["VERSION=2", "VERSION=2"]);
    // By the engine's own record: at no moment were there fewer than two.
    let events = project.topo(&["events", "--json", "--since", "10m", "--until", "0s"]).succeeds().stdout;
    let mut running = 0;
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        match event["action"].as_str().unwrap() {
            "start" => running += 1,
            "die" => {
                running -= 1;
                assert!(running >= 2, "{events}");
                assert!(old.iter().any(|id| Some(id.as_str()) == event["id"].as_str()), "{line}");
            }
            _ => {}
        }
    }
    assert_eq!(running, 2, "{events}");
    project.up_does_nothing();
}

#[test]
fn an_update_that_fails_must_go_back_to_what_ran() {
    let Some(project) = Project::with("rollback", &versioned("1", "sleep 1000", "stop-first")) else {
        return;
    };
    project.up();
    project.write("compose.yaml", &versioned("2", "sh -c 'echo broken; exit 3'", "stop-first"));
    project.topo(&["up", "-d"]).ends_with(1).says(&["rolling back", "web"]);
    assert_eq!(versions(&project), ["VERSION=1", "VERSION=1"]);
    eventually("both run", || {
        project.container_names().iter().all(|name| is_running(&project.container(name))).then_some(())
    });
    // Mended, it goes through.
    project.write("compose.yaml", &versioned("3", "sleep 1000", "stop-first"));
    project.up();
    assert_eq!(versions(&project), ["VERSION=3", "VERSION=3"]);
}
