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

/// A server, and who asks it many times a second: whichever of its addresses answers first, as clients that try again
/// do. (A container that has ended keeps its name for a moment.)
const ASKED: &str = r#"
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
    command:
      - sh
      - -c
      - |
        case $$VERSION in
        bad) echo this one is broken; exit 7 ;;
        slow) sleep 4 ;;
        esac
        exec httpd -f -p 80 -h /etc
    stop_signal: SIGKILL
    environment: {VERSION: "${VERSION}"}
    deploy:
      replicas: ${REPLICAS:-1}
      update_config: {order: "${ORDER:-start-first}", failure_action: "${ACTION:-pause}", monitor: 1s}
"#;

fn running_versions(project: &Project) -> Vec<String> {
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
    let Some(mut project) = Project::with("answers", ASKED) else { return };
    project.set("VERSION", "1");
    project.topo(&["up", "-d", "--wait"]).succeeds();
    let was_down = |answers: &[bool]| answers.windows(2).any(|two| two == [false; 2]);

    for version in ["2", "3"] {
        let answers = answers_while(&mut project, version, "start-first");
        assert!(answers.len() > 3, "{answers:?}");
        // One that was asked just as it ended may have failed to answer.
        assert!(!was_down(&answers), "{answers:?}");
        assert_eq!(running_versions(&project), [version]);
    }
    // That there is a gap otherwise shows that it would have been seen. Asking may take a second, so the gap is made longer.
    let answers = answers_while(&mut project, "slow", "stop-first");
    assert!(was_down(&answers), "{answers:?}");
    assert_eq!(running_versions(&project), ["slow"]);
    project.up_does_nothing();
}

#[test]
fn an_update_that_fails_must_undo_or_stop_as_the_file_says() {
    let Some(mut project) = Project::with("pauses", ASKED) else { return };
    project.set("VERSION", "1");
    project.set("REPLICAS", "2");
    project.topo(&["up", "-d", "--wait"]).succeeds();
    let before = project.lives();

    project.set("VERSION", "bad");
    project.set("ACTION", "rollback");
    let run = project.topo(&["up", "-d"]).ends_with(1);
    run.says(&["exited with code 7", "this one is broken", "rolling back: web"]);
    assert_eq!(running_versions(&project), ["1", "1"]);
    assert_eq!(project.lives(), before, "those that ran before go on as they were");

    // Changing the action alone changes no container, and after a pause those not yet replaced go on.
    project.set("ACTION", "pause");
    project.topo(&["up", "-d"]).ends_with(1).says(&["exited with code 7", "run the command again"]);
    assert!(["web-1", "web-2"].iter().any(|name| is_running(&project.container(name))));

    project.set("VERSION", "2");
    project.up();
    assert_eq!(running_versions(&project), ["2", "2"]);
    project.up_does_nothing();
}
