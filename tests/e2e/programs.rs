//! Programs outside the engine that take part in a project.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Project, host};

#[test]
fn a_provider_must_be_asked_and_its_variables_given_to_dependents() {
    let compose = r"services:
  db:
    provider: { type: topo-e2e-provider, options: { size: small } }
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: [db]
";
    let Some(mut project) = Project::with("provider", compose) else {
        return;
    };
    let script = "#!/bin/sh\n[ \"$2\" = metadata ] && exit 1\necho \"$@\" >> \"$(dirname \"$0\")/asked\"\necho '{\"type\":\"info\",\"message\":\"half way\"}'\necho '{\"type\":\"setenv\",\"message\":\"URL=db://here\"}'\n";
    project.write("topo-e2e-provider", script);
    let program = project.path("topo-e2e-provider");

    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = host::variable("PATH").unwrap_or_default();
    project.set("PATH", format!("{}:{path}", project.path("").display()));
    project.up().says(&["service db: half way", "service db provided"]);
    let env = project.container("web-1").config.unwrap().env.unwrap();
    assert!(env.contains(&"DB_URL=db://here".to_owned()), "{env:?}");
    project.up_does_nothing();
    project.topo(&["down"]).succeeds();
    let asked = std::fs::read_to_string(project.path("asked")).unwrap();
    let lines: Vec<_> = asked.lines().collect();
    let name = &project.name;
    assert_eq!(lines[0], format!("compose --project-name={name} up --size=small db"));
    assert_eq!(lines[2], format!("compose --project-name={name} down --size=small db"));
}
