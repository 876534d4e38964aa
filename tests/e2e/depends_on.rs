//! What `depends_on` promises, by the engine's own times.

use crate::harness::{Project, finished_at, is_running, probes, started_at};

#[test]
fn each_condition_must_hold_before_the_dependent_starts() {
    let compose = r#"services:
  setup:
    image: busybox
    command: sh -c "sleep 0.5; echo set up"
  db:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    # It is never healthy if what asks only for its start waits for more.
    healthcheck: {test: [CMD, test, -e, /seen/early], interval: 1s, retries: 60}
    volumes: [seen:/seen]
  early:
    image: busybox
    command: sh -c "touch /seen/early; exec sleep 1000"
    stop_signal: SIGKILL
    volumes: [seen:/seen]
    depends_on: [db]
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on:
      setup: {condition: service_completed_successfully}
      db: {condition: service_healthy}
      early: {condition: service_started}
volumes: {seen: {}}
"#;
    let Some(project) = Project::with("conditions", compose) else { return };
    project.up();
    let db = project.container("db-1");
    let (setup, early, app) =
        (project.container("setup-1"), project.container("early-1"), project.container("app-1"));
    let healthy = probes(&db).iter().find(|(_, code)| *code == 0).unwrap().0;
    assert!(started_at(&early) > started_at(&db));
    assert!(started_at(&app) > finished_at(&setup));
    assert!(started_at(&app) > healthy);
    assert!(started_at(&app) > started_at(&early));

    // What was set up stays so: the one-shot is not run again.
    project.up_does_nothing();
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(0);
    assert!(plan.stdout.contains("nothing to do"), "{plan:?}");
}

#[test]
fn an_unhealthy_dependency_must_fail_up_with_what_its_probe_said() {
    let compose = r#"services:
  db:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    healthcheck:
      test: [CMD-SHELL, "echo the disk is full; exit 1"]
      interval: 300ms
      retries: 2
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on:
      db: {condition: service_healthy}
"#;
    let Some(project) = Project::with("unhealthy", compose) else { return };
    let run = project.topo(&["up", "-d"]).ends_with(1);
    assert!(is_running(&project.container("db-1")), "it is left for whoever looks into it");
    assert!(!is_running(&project.container("app-1")));
    run.says(&["error: failed to wait for", &project.full_name("db-1"), "healthy", "the disk is full"]);

    // Mended, it goes on from there.
    project.write("compose.yaml", &compose.replace("exit 1", "exit 0"));
    project.up();
    assert!(is_running(&project.container("app-1")));
}

#[test]
fn a_failed_one_shot_must_fail_up_with_its_last_lines() {
    let compose = r#"services:
  setup:
    image: busybox
    command: sh -c "for i in $$(seq 1 30); do echo line $$i; done; echo no such table; exit 3"
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on:
      setup: {condition: service_completed_successfully}
"#;
    let Some(project) = Project::with("failed-one-shot", compose) else { return };
    let run = project.topo(&["up", "-d"]).ends_with(1);
    assert!(!is_running(&project.container("app-1")));
    let run = run.says(&[&project.full_name("setup-1"), "code 3", "no such table", "line 30"]);
    assert!(!run.stderr.contains("line 5\n"), "the last lines will do: {run:?}");

    // It failed, so it is run again.
    let run = project.topo(&["up", "-d"]).ends_with(1);
    run.says(&["no such table"]);
    project.write("compose.yaml", &compose.replace("exit 3", "exit 0"));
    project.up();
    assert!(is_running(&project.container("app-1")));
}

#[test]
fn a_dependency_that_is_not_required_must_not_stop_the_rest() {
    let compose = r#"services:
  extra:
    image: busybox
    command: sh -c "echo nothing to be had; exit 1"
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on:
      extra: {condition: service_completed_successfully, required: false}
"#;
    let Some(project) = Project::with("not-required", compose) else { return };
    let run = project.up();
    assert!(is_running(&project.container("app-1")));
    run.says(&["warning: ", &project.full_name("extra-1"), "nothing to be had"]);
}

#[test]
fn a_replaced_dependency_must_restart_those_who_ask_for_it() {
    let compose = r#"services:
  db:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    environment: {VERSION: "1"}
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on:
      db: {condition: service_started, restart: true}
  other:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: [db]
"#;
    let Some(project) = Project::with("restarted", compose) else { return };
    project.up();
    let before = project.lives();
    project.write("compose.yaml", &compose.replace("\"1\"", "\"2\""));
    project.up();
    let after = project.lives();
    assert_ne!(before["db-1"].0, after["db-1"].0);
    assert_eq!(before["app-1"].0, after["app-1"].0);
    assert!(after["app-1"].1 > after["db-1"].1, "app is started again after the new db");
    assert_eq!(before["other-1"], after["other-1"]);
}
