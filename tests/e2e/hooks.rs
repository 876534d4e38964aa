//! Hooks of a service's life.

use crate::harness::{Project, is_running};

#[test]
fn pre_start_must_run_before_the_service_and_stop_it_if_it_fails() {
    let compose = r#"
services:
  web:
    image: busybox
    command: sh -c "cat /data/word; exec sleep 1000"
    stop_signal: SIGKILL
    volumes: ["data:/data"]
    pre_start:
      - {command: [sh, -c, "test -z '${FAILS:-}' || { echo no luck; exit 5; }; echo made >/data/word"]}
volumes: {data: {}}
"#;
    let Some(mut project) = Project::with("pre-start", compose) else { return };
    project.set("FAILS", "yes");
    project.topo(&["up", "-d"]).ends_with(1).says(&["no luck", "run the command again"]);
    assert!(project.container_names().iter().all(|name| !is_running(&project.container(name))));
    project.set("FAILS", "");
    project.up();
    assert_eq!(project.exec("web-1", &["cat", "/data/word"]), (0, "made\n".to_owned()));
    assert_eq!(project.container_names(), ["web-1"], "what ran before is gone");
    project.up_does_nothing();
    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
}
