//! What `up` and `create` make, keep and replace, by their flags.

use crate::harness::{Project, Run, health, is_running, started_at};

const THREE: &str = "
x-sleeps: &sleeps {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
services:
  db: {<<: *sleeps, volumes: [/kept]}
  web: {<<: *sleeps, depends_on: [db], environment: {LEVEL: '${LEVEL:-1}'}}
  other: {<<: *sleeps}
";

fn running(name: &str) -> Option<Project> {
    let project = Project::with(name, THREE)?;
    project.up();
    Some(project)
}

/// Which containers are others than before.
fn replaced(project: &Project, arguments: &[&str]) -> Vec<String> {
    let before = project.ids();
    project.topo(arguments).succeeds();
    let after = project.ids();
    before.into_iter().filter(|(name, id)| after.get(name) != Some(id)).map(|(name, _)| name).collect()
}

#[test]
fn create_must_make_all_and_start_nothing() {
    let Some(project) = Project::with("create", THREE) else { return };
    for arguments in [&["create"][..], &["up", "--no-start"]] {
        project.topo(arguments).succeeds();
        assert_eq!(project.container_names(), ["db-1", "other-1", "web-1"]);
        for name in project.container_names() {
            assert_eq!(project.container(&name).state.unwrap().status.unwrap().to_string(), "created");
        }
        assert_eq!(project.engine.networks(&project.name).len(), 1);
        project.topo(&["down", "-v"]).succeeds();
    }
    project.topo(&["create", "--scale", "other=2", "other"]).succeeds();
    assert_eq!(project.container_names(), ["other-1", "other-2"]);
    // What was only created is started, not made anew.
    let ids = project.ids();
    project.topo(&["up", "-d", "--scale", "other=2", "other"]).succeeds();
    assert_eq!(project.ids(), ids);
    assert!(is_running(&project.container("other-2")));
}

#[test]
fn flags_to_replace_must_replace_what_they_name_and_nothing_else() {
    let Some(mut project) = running("replacing") else { return };
    assert_eq!(replaced(&project, &["up", "-d", "--force-recreate", "web"]), ["web-1"]);
    assert_eq!(replaced(&project, &["up", "-d", "--always-recreate-deps", "web"]), ["db-1"]);
    assert_eq!(replaced(&project, &["create", "--force-recreate"]), ["db-1", "other-1", "web-1"]);
    project.up();
    project.set("LEVEL", "2");
    assert_eq!(replaced(&project, &["up", "-d", "--no-recreate"]), [""; 0]);
    assert_eq!(replaced(&project, &["up", "-d", "other"]), [""; 0]);
    assert_eq!(replaced(&project, &["up", "-d", "--no-deps", "web"]), ["web-1"]);
    // An anonymous volume is handed on, unless that is not wanted.
    project.exec("db-1", &["touch", "/kept/word"]);
    assert_eq!(replaced(&project, &["up", "-d", "--force-recreate", "db"]), ["db-1"]);
    assert_eq!(project.exec("db-1", &["ls", "/kept"]).1, "word\n");
    assert_eq!(replaced(&project, &["up", "-d", "-V", "db"]), ["db-1"]);
    assert_eq!(project.exec("db-1", &["ls", "/kept"]).1, "");
}

#[test]
fn a_service_must_come_up_without_its_dependencies_only_if_asked() {
    let Some(project) = Project::with("no-deps", THREE) else { return };
    project.topo(&["up", "-d", "--no-deps", "web"]).succeeds();
    assert_eq!(project.container_names(), ["web-1"]);
    project.topo(&["up", "-d", "web"]).succeeds();
    assert_eq!(project.container_names(), ["db-1", "web-1"]);
    project.topo(&["scale", "--no-deps", "other=2"]).succeeds();
    assert_eq!(project.container_names(), ["db-1", "other-1", "other-2", "web-1"]);
}

#[test]
fn waiting_must_end_with_health_and_fail_when_it_cannot_come() {
    let file = |probe: &str| {
        format!(
            "services:
  slow:
    image: busybox
    command: sh -c 'sleep 1; touch /ready; exec sleep 1000'
    init: true
    healthcheck: {{test: [CMD, test, -e, {probe}], interval: 300ms, retries: 20}}
  plain: {{image: busybox, command: sleep 1000, init: true}}
  done: {{image: busybox, command: 'true'}}
"
        )
    };
    let Some(project) = Project::with("waiting", &file("/ready")) else { return };
    let run = project.topo(&["up", "--wait"]).succeeds();
    assert_eq!((health(&project.container("slow-1")), run.stdout.as_str()), ("healthy".to_owned(), ""));
    project.write("compose.yaml", &file("/never"));
    project.topo(&["up", "--wait", "--wait-timeout", "1"]).ends_with(1).says(&["slow-1", "not within 1 s"]);
    assert!(is_running(&project.container("slow-1")), "it is left for whoever looks into it");
    // One that ends with a failure will never be ready.
    project
        .write("compose.yaml", "services: {broken: {image: busybox, command: sh -c 'echo sorry; exit 4'}}");
    project.topo(&["up", "--wait", "--remove-orphans", "-t", "0"]).ends_with(1).says(&["broken-1", "code 4"]);
}

#[test]
fn an_image_that_is_missing_must_be_told_and_leave_the_old_container_running() {
    let Some(project) = running("missing") else { return };
    let before = project.lives();
    project.write(
        "compose.yaml",
        &THREE.replace(
            "other: {<<: *sleeps}",
            "other: {<<: *sleeps, image: 'topo-e2e-none:1', pull_policy: never}",
        ),
    );
    project.topo(&["up", "-d"]).ends_with(1).says(&["topo-e2e-none:1"]);
    assert_eq!(project.lives(), before);
    project.topo(&["up", "-d", "--pull", "never", "web"]).succeeds();
    project.topo(&["run", "--rm", "--pull", "never", "other"]).ends_with(1).says(&["topo-e2e-none:1"]);
    assert_eq!(project.lives(), before);
}

#[test]
fn a_container_name_must_be_used_and_refused_where_it_is_taken() {
    let Some(mut project) = Project::with(
        "own-name",
        "services: {a: {image: busybox, command: sleep 1000, init: true, container_name: '${NAME}'}}",
    ) else {
        return;
    };
    let name = project.full_name("mine");
    project.set("NAME", &name);
    project.up();
    assert_eq!(project.container_names(), ["mine"]);
    assert_eq!(project.topo(&["exec", "a", "true"]).code, Some(0));
    let Some(mut other) = Project::with("own-name-too", &project.read("compose.yaml")) else { return };
    other.set("NAME", &name);
    other.topo(&["up", "-d"]).ends_with(1).says(&[&name, "container_name"]);
    assert_eq!(project.container_names(), ["mine"]);
}

#[test]
fn a_file_may_come_from_standard_input() {
    let Some(project) = Project::new("piped") else { return };
    project.write("input.yaml", THREE);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topo"));
    command.args(["-p", &project.name, "-f", "-", "up", "-d", "other"]).current_dir(project.path(""));
    command.stdin(std::fs::File::open(project.path("input.yaml")).unwrap());
    Run::of(command).succeeds();
    assert_eq!(project.container_names(), ["other-1"]);
}

#[test]
fn a_restarted_engine_policy_must_bring_a_container_back_and_a_stop_must_keep_it_down() {
    let Some(project) = Project::with(
        "policy-always",
        "services:
  a:
    image: busybox
    command: [sh, -c, 'until rm /end 2>/dev/null; do sleep 0.1; done']
    restart: always
    stop_signal: SIGKILL",
    ) else {
        return;
    };
    project.up();
    let first = started_at(&project.container("a-1"));
    project.exec("a-1", &["touch", "/end"]);
    crate::harness::eventually("it is back", || {
        let one = project.container("a-1");
        (is_running(&one) && started_at(&one) > first).then_some(())
    });
    project.topo(&["stop"]).succeeds();
    assert!(!is_running(&project.container("a-1")));
    project.topo(&["start"]).succeeds();
    assert!(is_running(&project.container("a-1")));
}
