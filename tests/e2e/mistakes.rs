//! What cannot work is said before anything is done: where, why, and how to mend it.

use crate::harness::{Project, Run};

#[test]
fn five_mistakes_must_give_five_diagnostics_and_create_nothing() {
    let compose = r#"services:
  web:
    image: busybox
    prots: ["8099:80"]
    ports: ["8099:80"]
    networks: [missing]
    depends_on: [api]
  api:
    image: busybox
    privileged: [1, 2]
    ports: ["8099:81"]
    depends_on: [web]
"#;
    let Some(project) = Project::with("mistakes", compose) else { return };
    let run = project.topo(&["up", "-d"]).ends_with(1);
    project.is_nowhere();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("5 errors"), "{run:?}");

    let blocks = diagnostics(&run);
    assert_eq!(blocks.len(), 5, "{blocks:?}");
    // What each is about, and the line that it points at.
    for (code, line, words) in [
        ("unknown-key", 4, "prots"),
        ("wrong-type", 10, "privileged"),
        ("unknown-reference", 6, "missing"),
        ("dependency-cycle", 12, "`api` -> `web` -> `api`"),
        ("port-conflict", 11, "8099"),
    ] {
        let found = blocks.iter().find(|block| block.starts_with(&format!("error[{code}]")));
        let block = found.unwrap_or_else(|| panic!("no {code} in {blocks:#?}"));
        assert!(block.contains(words), "{block}");
        assert!(block.contains(&format!("compose.yaml:{line}:")), "{block}");
        assert!(block.contains("╰── "), "no label in {block}");
        assert!(block.contains("help: "), "no help in {block}");
    }
}

/// Takes the report apart: each diagnostic begins with its code.
fn diagnostics(run: &Run) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in run.stderr.lines() {
        if line.starts_with("error[") || line.starts_with("warning[") {
            blocks.push(String::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[test]
fn an_engine_that_is_not_there_must_be_named_with_help() {
    let compose = "services:\n  web:\n    image: busybox\n";
    let Some(mut project) = Project::with("no-engine", compose) else { return };
    project.set("DOCKER_HOST", "unix:///nonexistent");
    for arguments in [&["up", "-d"][..], &["plan"], &["ps"], &["logs"], &["down"]] {
        let run = project.topo(arguments).ends_with(1);
        run.says(&["error: ", "unix:///nonexistent", "help: ", "systemctl start docker", "DOCKER_HOST"]);
    }
    // What needs no engine works without one.
    project.topo(&["config", "-q"]).succeeds();
}

#[test]
fn a_missing_external_must_be_refused_before_anything_is_created() {
    let compose = "services:
  web:
    image: busybox
    networks: [there, default]
    volumes: [kept:/data]
networks:
  there:
    external: true
    name: e2e-surely-not-there
volumes:
  kept:
    external: true
    name: e2e-surely-not-there
";
    let Some(project) = Project::with("externals", compose) else { return };
    let run = project.topo(&["up", "-d"]).ends_with(1);
    project.is_nowhere();
    assert_eq!(diagnostics(&run).len(), 2, "{run:?}");
    run.says(&[
        "error[missing-external]",
        "docker network create",
        "docker volume create",
        "compose.yaml:7:",
    ]);
}
