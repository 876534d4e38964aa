//! Containers that exist are started, restarted, stopped, paused, killed, scaled, awaited and removed as docker compose
//! does it, also those that it made.

use std::io::Write as _;
use std::process::Stdio;

use crate::harness::{Project, Run, finished_at, health, is_running, started_at, time};

const THREE: &str = "
services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy, restart: true}}
    volumes: [/scratch]
  db:
    image: busybox
    command: sh -c 'sleep 1; touch /up; exec sleep 1000'
    stop_signal: SIGKILL
    healthcheck: {test: [CMD, test, -e, /up], interval: 200ms, retries: 100}
    volumes: ['data:/data']
  other:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: [web]
volumes: {data: {}}
";

/// The state of each container, by the name after the project's.
fn states(project: &Project) -> Vec<String> {
    let state = |name: String| {
        let status = project.container(&name).state.unwrap().status.unwrap();
        format!("{name} {status}")
    };
    project.container_names().into_iter().map(state).collect()
}

#[test]
fn a_project_must_change_hands_between_all_commands() {
    let Some(project) = Project::with("hands", THREE) else { return };
    // What one tool does, the other takes back.
    for (first, second) in [(true, false), (false, true)] {
        let by = |is_topo: bool, arguments: &[&str]| {
            let run = if is_topo { project.topo(arguments) } else { project.peer(arguments) };
            run.succeeds()
        };
        by(first, &["up", "-d"]);
        let ids = || project.lives().into_iter().map(|(name, (id, _))| (name, id)).collect::<Vec<_>>();
        let before = ids();
        by(second, &["stop"]);
        assert_eq!(states(&project), ["db-1 exited", "other-1 exited", "web-1 exited"]);
        by(first, &["start"]);
        assert_eq!(states(&project), ["db-1 running", "other-1 running", "web-1 running"]);
        by(second, &["pause", "web", "db"]);
        assert_eq!(states(&project), ["db-1 paused", "other-1 running", "web-1 paused"]);
        by(first, &["unpause", "web", "db"]);
        by(second, &["kill", "other"]);
        assert_eq!(states(&project), ["db-1 running", "other-1 exited", "web-1 running"]);
        by(first, &["restart"]);
        assert_eq!(states(&project), ["db-1 running", "other-1 running", "web-1 running"]);
        assert_eq!(ids(), before, "nothing was recreated");
        by(second, &["scale", "other=3"]);
        by(first, &["scale", "other=1"]);
        assert_eq!(ids(), before);
        by(second, &["stop", "other"]);
        by(first, &["rm", "-f", "other"]);
        assert_eq!(project.container_names(), ["db-1", "web-1"]);
        by(second, &["down", "web"]);
        assert_eq!(project.container_names(), ["db-1"]);
        by(first, &["down", "-v"]);
        project.is_nowhere();
    }
}

#[test]
fn a_start_must_wait_for_health_as_an_up_does() {
    let Some(project) = Project::with("start", THREE) else { return };
    project.topo(&["start"]).ends_with(1).says(&["no container to start"]);
    project.topo(&["create"]).succeeds();
    project.topo(&["start", "web"]).succeeds();
    let (web, db) = (project.container("web-1"), project.container("db-1"));
    assert_eq!(health(&db), "healthy");
    assert!(is_running(&web) && started_at(&web) > started_at(&db));
    assert!(!is_running(&project.container("other-1")), "nobody asked for it");
    let before = project.lives();
    project.topo(&["start", "web"]).succeeds().says(&["nothing to start"]);
    assert_eq!(project.lives(), before);
    // Without the file, the labels say the same.
    project.topo(&["stop", "-t", "0"]).succeeds();
    project.topo_without_file(&["start", "--wait", "other"]).succeeds();
    assert_eq!(states(&project), ["db-1 running", "other-1 running", "web-1 running"]);
    assert!(started_at(&project.container("web-1")) > started_at(&project.container("db-1")));
    assert_eq!(health(&project.container("db-1")), "healthy");
    project.topo_without_file(&["start", "nobody"]).ends_with(1).says(&["nobody"]);
}

#[test]
fn a_start_must_give_up_after_its_time() {
    let never = THREE.replace("touch /up", "true");
    let Some(project) = Project::with("late", &never) else { return };
    project.topo(&["create"]).succeeds();
    let run = project.topo(&["start", "--wait", "--wait-timeout", "1"]).ends_with(1);
    assert!(run.stderr.contains("not ready after 1 seconds"), "{run:?}");
    assert!(!is_running(&project.container("web-1")));
}

#[test]
fn a_restart_must_take_along_who_depends_on_it_with_restart() {
    let Some(project) = Project::with("restart", THREE) else { return };
    project.up();
    let before = project.lives();
    project.topo(&["restart", "-t", "0", "db"]).succeeds();
    let after = project.lives();
    assert!(after["db-1"].1 > before["db-1"].1 && after["web-1"].1 > after["db-1"].1);
    assert_eq!(after["other-1"], before["other-1"], "it did not ask for that");
    assert_eq!(after["web-1"].0, before["web-1"].0, "restarted, not recreated");
    project.topo(&["restart", "--no-deps", "db"]).succeeds();
    assert_eq!(project.lives()["web-1"], after["web-1"]);
    project.topo(&["restart", "nobody"]).ends_with(1).says(&["nobody"]);
}

#[test]
fn a_stop_must_go_in_reverse_order() {
    let Some(project) = Project::with("stop", THREE) else { return };
    project.up();
    project.topo(&["stop"]).succeeds();
    let ended = |suffix: &str| finished_at(&project.container(suffix));
    assert!(ended("other-1") < ended("web-1") && ended("web-1") < ended("db-1"));
    project.topo(&["stop"]).succeeds().says(&["nothing to stop"]);
    project.topo(&["stop", "nobody"]).ends_with(1);
}

#[test]
fn removing_must_be_agreed_to() {
    let Some(project) = Project::with("rm", THREE) else { return };
    project.up();
    project.topo(&["rm"]).succeeds().says(&["no stopped containers"]);
    project.topo(&["stop"]).succeeds();
    let answer = |text: &str| {
        let mut command = project.command(&["rm", "-v", "web"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut asked = command.spawn().unwrap();
        asked.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = asked.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&project.full_name("web-1")), "{output:?}");
    };
    for no in ["", "n\n", "no\n", "\n"] {
        answer(no);
        assert_eq!(project.container_names().len(), 3, "{no:?} is no yes");
    }
    let scratch = project.container("web-1").mounts.unwrap()[0].name.clone().unwrap();
    answer("y\n");
    assert_eq!(project.container_names(), ["db-1", "other-1"]);
    assert!(!project.engine.has_volume(&scratch), "its anonymous volume went with it");
    project.topo(&["start", "db"]).succeeds();
    project.topo(&["rm", "-f", "-s"]).succeeds();
    assert_eq!(project.container_names(), [""; 0]);
    assert_eq!(project.engine.volumes(&project.name).len(), 1, "named ones stay");
}

#[test]
fn a_wait_must_end_with_the_code_of_the_container() {
    let text = "
services:
  job: {image: busybox, command: sh -c 'sleep 2; exit 7'}
  web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
";
    let Some(project) = Project::with("wait", text) else { return };
    project.topo(&["wait", "job"]).ends_with(1);
    project.up();
    let id = project.container("job-1").id.unwrap();
    let told = format!("container \"{id}\" exited with status code 7\n");
    assert_eq!(project.topo(&["wait", "job"]).ends_with(7).stdout, told);
    project.peer(&["start"]).succeeds();
    assert_eq!(project.peer(&["wait", "job"]).ends_with(7).stdout, told, "as docker compose says it");
    project.topo(&["start"]).succeeds();
    project.topo(&["wait", "--down-project", "job"]).ends_with(7);
    project.is_nowhere();
}

#[test]
fn images_must_go_with_a_project_if_asked() {
    let text = "
services:
  own: {build: {dockerfile_inline: \"FROM busybox\\nLABEL a=1\\n\"}, command: sleep 1000, stop_signal: SIGKILL}
  named: {image: '${NAMED}', build: {dockerfile_inline: \"FROM busybox\\nLABEL a=2\\n\"}, command: 'true'}
  taken: {image: '${TAKEN}', command: 'true'}
";
    // An image that only this test knows: others rely on theirs.
    let base =
        "services: {base: {image: '${TAKEN}', build: {dockerfile_inline: \"FROM busybox\\nLABEL a=3\\n\"}}}";
    let Some(mut project) = Project::with("rmi", text) else { return };
    let named = format!("{}-of-the-user", project.name);
    project.set("NAMED", named.clone());
    let taken = format!("{}-taken:1", project.name);
    project.set("TAKEN", taken.clone());
    project.write("base.yaml", base);
    project.topo(&["-f", "base.yaml", "build", "-q", "base"]).succeeds();
    project.up();
    let own = format!("{}-own", project.name);
    let is_there = || project.engine.has_image(&taken);
    assert!(project.engine.has_image(&own) && project.engine.has_image(&named));
    project.topo(&["down"]).succeeds();
    assert!(project.engine.has_image(&own), "nobody asked for that");
    project.topo(&["down", "--rmi", "local"]).succeeds();
    assert!(!project.engine.has_image(&own) && !project.engine.has_image(&named) && is_there());
    // What others use stays, and that is no failure.
    project.up();
    let using = "services: {a: {image: '${TAKEN}', command: sleep 1000, stop_signal: SIGKILL}}";
    let Some(mut other) = Project::with("rmi-other", using) else { return };
    other.set("TAKEN", taken.clone());
    other.up();
    let run = project.topo(&["down", "--rmi", "all"]).succeeds();
    assert!(run.stderr.contains(&format!("image {taken} is in use and stays")), "{run:?}");
    assert!(!project.engine.has_image(&own) && is_there());
}

#[test]
fn a_dry_run_must_change_nothing_and_show_the_plan() {
    let Some(project) = Project::with("dry", THREE) else { return };
    let shown = |run: Run| run.succeeds().stdout;
    assert!(shown(project.topo(&["up", "--dry-run"])).contains("+ container"));
    assert!(shown(project.topo(&["--dry-run", "create"])).contains("to create"));
    project.is_nowhere();
    project.up();
    let before = project.lives();
    for (arguments, sign) in [
        (&["--dry-run", "stop"][..], "stop: "),
        (&["restart", "--dry-run"], "restart: "),
        (&["--dry-run", "kill"], "kill: "),
        (&["pause", "--dry-run"], "pause: "),
        (&["rm", "--dry-run", "-s"], "- container"),
        (&["scale", "--dry-run", "other=2"], "+ container"),
        (&["up", "--dry-run", "--force-recreate"], "~ container"),
        (&["down", "--dry-run", "-v"], "- volume"),
    ] {
        let text = shown(project.topo(arguments));
        assert!(text.contains(sign) && text.contains("dry run: "), "{arguments:?}: {text}");
        assert_eq!(project.lives(), before, "{arguments:?}");
    }
    assert_eq!(states(&project), ["db-1 running", "other-1 running", "web-1 running"]);
}

#[test]
fn names_must_have_underscores_if_asked_as_with_docker_compose() {
    let Some(project) = Project::with("compat", "services: {a: {image: busybox, command: sleep 1000}}")
    else {
        return;
    };
    project.topo(&["--compatibility", "up", "-d"]).succeeds();
    let name = format!("{}_a_1", project.name);
    assert_eq!(project.container_names(), [name.as_str()]);
    let before = project.lives();
    project.peer(&["--compatibility", "up", "-d"]).succeeds();
    assert_eq!(project.lives(), before);
    project.topo(&["--compatibility", "up", "-d"]).succeeds().says(&["nothing to do"]);
    let logs = project.topo(&["--compatibility", "logs"]).succeeds();
    assert_eq!(logs.stdout, "");
}

#[test]
fn logs_that_are_followed_must_end_with_the_last_container() {
    let text = "
services:
  done: {image: busybox, command: echo done}
  soon: {image: busybox, command: sh -c 'echo begun; sleep 3; exit 4'}
";
    let Some(project) = Project::with("ended", text) else { return };
    project.up();
    let logs = project.topo(&["logs", "-f", "--no-color"]).succeeds().stdout;
    for line in ["done-1 | done", "soon-1 | begun", "soon-1 | exited with code 4"] {
        assert!(logs.contains(line), "{logs}");
    }
    assert_eq!(project.topo(&["logs", "-f", "--no-log-prefix", "done"]).succeeds().stdout, "done\n");
}

#[test]
fn logs_must_be_cut_as_asked() {
    let text = "
services:
  a:
    image: busybox
    command: sh -c 'echo early; sleep 3; echo late; exec sleep 1000'
    scale: 2
    stop_signal: SIGKILL
";
    let Some(project) = Project::with("logs", text) else { return };
    project.up();
    crate::harness::eventually("the second line", || {
        let logs = project.topo(&["logs"]).succeeds().stdout;
        (logs.matches("late").count() == 2).then_some(())
    });
    let logs = |arguments: &[&str]| project.topo(&[&["logs"], arguments].concat()).succeeds().stdout;
    let ours = logs(&["--index", "2", "--no-color", "a"]);
    assert_eq!(ours, "a-2 | early\na-2 | late\n");
    let theirs = project.peer(&["logs", "--index", "2", "--no-color", "a"]).succeeds().stdout;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&ours), words(&theirs));
    assert_eq!(logs(&["--no-log-prefix", "-n", "1", "--index", "1", "a"]), "late\n");
    let early = logs(&["--no-log-prefix", "-t", "--index", "1", "a"]);
    let point = (time(early.split(' ').next().unwrap()).as_secs() + 2).to_string();
    assert_eq!(logs(&["--no-log-prefix", "--index", "1", "--since", &point, "a"]), "late\n");
    assert_eq!(logs(&["--no-log-prefix", "--index", "1", "--until", &point, "a"]), "early\n");
    assert_eq!(logs(&["--until", "1h"]), "");
    assert_eq!(logs(&["--since", "1h"]).lines().count(), 4);
}
