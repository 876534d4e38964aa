//! Images are built when they are needed or asked for, as asked, and what fails says why.

use crate::harness::Project;

const BUILT: &str = "
services:
  web:
    build:
      dockerfile_inline: |
        FROM busybox AS first
        ARG WORD=none
        RUN echo $$WORD > /word
        COPY page /page
        FROM first AS last
        RUN echo last > /stage
      target: ${TARGET:-last}
    command: sleep 1000
    stop_signal: SIGKILL
  other:
    build: {dockerfile_inline: 'FROM busybox', labels: {made.by: file}}
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: [web]
  plain: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
";

fn project(name: &str) -> Option<Project> {
    let project = Project::with(name, BUILT)?;
    project.write("page", "one\n");
    Some(project)
}

fn image(project: &Project, service: &str) -> Option<String> {
    project.engine.image(&format!("{}-{service}:latest", project.name))
}

#[test]
fn up_must_build_what_is_missing_and_anew_only_if_asked() {
    let Some(project) = project("build-up") else { return };
    project.topo(&["up", "-d", "--no-build"]).ends_with(1);
    assert_eq!(project.container_names(), [""; 0]);
    project.up();
    let (first, ids) = (image(&project, "web"), project.ids());
    assert_eq!(project.exec("web-1", &["cat", "/page", "/stage"]), (0, "one\nlast\n".to_owned()));
    // What is built from has changed: it is there, so it stays.
    project.write("page", "two\n");
    project.up_does_nothing();
    project.topo(&["up", "-d", "--build"]).succeeds();
    assert_ne!(image(&project, "web"), first);
    assert_ne!(project.ids()["web-1"], ids["web-1"]);
    assert_eq!(project.ids()["other-1"], ids["other-1"], "nothing of it changed");
    assert_eq!(project.exec("web-1", &["cat", "/page"]).1, "two\n");
    project.topo(&["up", "-d", "--build"]).succeeds();
    let after = project.lives();
    project.peer(&["up", "-d", "--no-build"]).succeeds();
    assert_eq!(project.lives(), after, "docker compose takes over what was built");
    // One that was built and not brought up yet.
    project.write("page", "three\n");
    project.topo(&["build", "-q", "web"]).succeeds();
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(2);
    assert!(plan.stdout.contains("web-1") && plan.stdout.contains("image"), "{plan:?}");
}

#[test]
fn build_must_do_as_it_is_asked() {
    let Some(mut project) = project("build-flags") else { return };
    project.set("FROM_HERE", "shell");
    project.topo(&["build", "--build-arg", "WORD=given", "web"]).succeeds();
    assert!(image(&project, "web").is_some() && image(&project, "other").is_none(), "only what is named");
    let word =
        |project: &Project| project.topo(&["run", "--rm", "-T", "web", "cat", "/word"]).succeeds().stdout;
    assert_eq!(word(&project), "given\n");
    project.set("WORD", "of-shell");
    project.topo(&["build", "--build-arg", "WORD", "web"]).succeeds();
    assert_eq!(word(&project), "of-shell\n");
    project.topo(&["build", "--with-dependencies", "other"]).succeeds();
    let first = image(&project, "web");
    assert_eq!(word(&project), "none\n");
    project.topo(&["build", "web"]).succeeds();
    assert_eq!(image(&project, "web"), first, "all of it is in the cache");
    project.topo(&["build", "--no-cache", "web"]).succeeds();
    assert_ne!(image(&project, "web"), first);
    project.set("TARGET", "first");
    project.topo(&["build", "web"]).succeeds();
    project.topo(&["run", "--rm", "-T", "web", "cat", "/stage"]).ends_with(1);
    let run = project.topo(&["build", "-q"]).succeeds();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    project.topo(&["build", "plain"]).succeeds().says(&["nothing to build"]);
    project.topo(&["build", "--print"]).succeeds();
}

#[test]
fn a_build_that_fails_must_say_what_failed_and_touch_nothing() {
    let Some(mut project) = project("build-fails") else { return };
    project.topo(&["up", "-d", "plain"]).succeeds();
    let before = project.lives();
    let broken = BUILT.replace("RUN echo last > /stage", "RUN echo so long; exit 6");
    project.write("compose.yaml", &broken);
    for buildkit in ["1", "0"] {
        project.set("DOCKER_BUILDKIT", buildkit);
        for arguments in [&["build", "web"][..], &["up", "-d"], &["run", "--rm", "web", "true"]] {
            project.topo(arguments).ends_with(1).says(&["failed to build image", "so long", "6"]);
        }
    }
    assert_eq!(project.lives()["plain-1"], before["plain-1"]);
    std::fs::remove_file(project.path("page")).unwrap();
    project.topo(&["build", "web"]).ends_with(1).says(&["page"]);
    project.write("compose.yaml", "services: {web: {build: {context: ./nowhere}}}");
    project.topo(&["build"]).ends_with(1).says(&["nowhere"]);
}

#[test]
fn what_is_ignored_must_not_be_sent() {
    let Some(project) = Project::with("ignored", "services: {web: {build: ., command: ls /all}}") else {
        return;
    };
    project.write("Dockerfile", "FROM busybox\nCOPY . /all\n");
    project.write(".dockerignore", "secret*\n!secret.not\n");
    for name in ["secret.key", "secret.not", "page"] {
        project.write(name, "x");
    }
    let listed = project.topo(&["run", "--rm", "--build", "-T", "web"]).succeeds().stdout;
    assert!(listed.contains("page\n") && listed.contains("secret.not\n"), "{listed}");
    assert!(!listed.contains("secret.key"), "{listed}");
}

#[test]
fn pull_must_leave_alone_what_it_may() {
    let file = "services:
  web: {image: 'topo-e2e-none/web:1', build: {dockerfile_inline: 'FROM busybox'}}
  here: {image: 'busybox:latest', pull_policy: never}
  built: {build: {dockerfile_inline: 'FROM busybox'}}
";
    let Some(project) = Project::with("pulling", file) else { return };
    project.topo(&["pull", "--ignore-buildable"]).succeeds().says(&["nothing to pull"]);
    project.topo(&["pull", "here", "built"]).succeeds().says(&["nothing to pull"]);
    project.topo(&["pull", "--ignore-pull-failures", "web"]).succeeds();
    project.topo(&["pull", "web"]).ends_with(1).says(&["topo build web"]);
    project.topo(&["pull", "-q", "nobody"]).ends_with(1).says(&["nobody"]);
}
