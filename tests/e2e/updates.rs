//! `deploy.update_config` on real servers: who asks for an answer gets one all the time, and what fails goes back.

use crate::harness::{Project, is_running};

/// A server, and who asks it many times a second: whichever of its addresses answers first, as clients that try again
/// do. (A container that has ended keeps its name for a moment.)
const COMPOSE: &str = r#"
services:
  asks:
    image: busybox
    command:
      - sh
      - -c
      - |
        asks() {
          for address in $$(nslookup web | sed 1,2d | grep -o "[0-9]*[.][0-9]*[.][0-9]*[.][0-9]*"); do
            nc -w 1 $$address 80 -e true && return
          done
          return 1
        }
        while true; do asks && echo yes >>/log || echo no >>/log; sleep 0.05; done
    stop_signal: SIGKILL
  web:
    image: busybox
    command: sh -c 'test $$VERSION != bad || { echo this one is broken; exit 7; }; exec httpd -f -p 80 -h /etc'
    stop_signal: SIGKILL
    environment: {VERSION: "${VERSION}"}
    deploy:
      replicas: ${REPLICAS:-1}
      update_config: {order: "${ORDER:-start-first}", failure_action: "${ACTION:-pause}", monitor: 1s}
"#;

fn versions(project: &Project) -> Vec<String> {
    let version = |name: &String| {
        let container = project.container(name);
        assert!(is_running(&container), "{name}");
        let variables = container.config.unwrap().env.unwrap();
        variables.iter().find_map(|one| one.strip_prefix("VERSION=")).unwrap().to_owned()
    };
    project.container_names().iter().filter(|name| name.starts_with("web")).map(version).collect()
}

/// Updates to a version, and returns what was answered meanwhile.
fn answers_while(project: &mut Project, version: &str, order: &str) -> Vec<bool> {
    assert_eq!(project.exec("asks-1", &["sh", "-c", ": >/log"]).0, 0);
    project.set("VERSION", version);
    project.set("ORDER", order);
    project.up();
    let (_, log) = project.exec("asks-1", &["cat", "/log"]);
    log.lines().map(|line| line == "yes").collect()
}

#[test]
fn start_first_must_leave_nobody_without_an_answer() {
    let Some(mut project) = Project::with("start-first", COMPOSE) else { return };
    project.set("VERSION", "1");
    project.topo(&["up", "-d", "--wait"]).succeeds();
    let was_down = |answers: &[bool]| answers.windows(2).any(|two| two == [false; 2]);

    for version in ["2", "3"] {
        let answers = answers_while(&mut project, version, "start-first");
        assert!(answers.len() > 3, "{answers:?}");
        // One that was asked just as it ended may have failed to answer.
        assert!(!was_down(&answers), "{answers:?}");
        assert_eq!(versions(&project), [version]);
    }
    // That there is a gap otherwise shows that it would have been seen.
    let answers = answers_while(&mut project, "4", "stop-first");
    assert!(was_down(&answers), "{answers:?}");
    assert_eq!(versions(&project), ["4"]);
    project.up_does_nothing();
}

#[test]
fn an_update_that_fails_must_do_what_the_file_says() {
    let Some(mut project) = Project::with("update-fails", COMPOSE) else { return };
    project.set("VERSION", "1");
    project.set("REPLICAS", "2");
    project.topo(&["up", "-d", "--wait"]).succeeds();
    let before = project.lives();

    project.set("VERSION", "bad");
    project.set("ACTION", "rollback");
    let run = project.topo(&["up", "-d"]).ends_with(1);
    run.says(&["exited with code 7", "this one is broken", "rolling back: web"]);
    assert_eq!(versions(&project), ["1", "1"]);
    assert_eq!(project.lives(), before, "those that ran before go on as they were");

    // Changing the action alone changes no container, and after a pause those not yet replaced go on.
    project.set("ACTION", "pause");
    project.topo(&["up", "-d"]).ends_with(1).says(&["exited with code 7", "run the command again"]);
    assert!(["web-1", "web-2"].iter().any(|name| is_running(&project.container(name))));

    project.set("VERSION", "2");
    project.up();
    assert_eq!(versions(&project), ["2", "2"]);
    project.up_does_nothing();
}

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
