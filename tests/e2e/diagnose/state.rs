//! Containers that are not there, do not run, do not fare well, or are not what the file says.

use super::{Case, as_it_is, check, found, project, rewrite};

#[test]
fn containers_that_do_not_fare_well_must_be_named() {
    check(&[
        Case {
            name: "exited",
            compose: "services:
  web: {<<: *web, command: [sh, -c, 'echo no database >&2; exit 3']}",
            breaks: as_it_is,
            cause: "exited",
            service: "web",
        },
        Case {
            name: "no-command",
            compose: "services:
  web: {<<: *web, command: [no-such-program]}",
            breaks: as_it_is,
            cause: "not-started",
            service: "web",
        },
        Case {
            name: "restarting",
            compose: "services:
  web: {<<: *web, restart: always, command: [sh, -c, 'echo again; exit 1']}",
            breaks: as_it_is,
            cause: "restarting",
            service: "web",
        },
        Case {
            name: "unhealthy",
            compose: "services:
  web: {<<: *web, depends_on: [db]}
  db:
    <<: *idle
    healthcheck: {test: [CMD-SHELL, 'echo no answer; exit 1'], interval: 200ms, retries: 1}",
            breaks: as_it_is,
            cause: "unhealthy",
            service: "db",
        },
        Case {
            name: "paused",
            compose: "services:
  web: {<<: *web}",
            breaks: |project| {
                project.topo(&["pause"]).succeeds();
            },
            cause: "paused",
            service: "web",
        },
        Case {
            name: "stopped",
            compose: "services:
  web: {<<: *web, environment: {DB: 'http://db'}}
  db: {<<: *web}",
            breaks: |project| {
                project.topo(&["stop", "db"]).succeeds();
            },
            cause: "exited",
            service: "db",
        },
        Case {
            name: "removed",
            compose: "services:
  web: {<<: *web}
  db: {<<: *web}",
            breaks: |project| project.engine.remove_container(&project.full_name("db-1")),
            cause: "not-created",
            service: "db",
        },
        Case {
            name: "only-created",
            compose: "services:
  web: {<<: *web}",
            breaks: |project| {
                project.topo(&["up", "--no-start", "--force-recreate"]);
            },
            cause: "not-started",
            service: "web",
        },
    ]);
}

#[test]
fn containers_of_an_older_file_must_be_named() {
    check(&[
        Case {
            name: "new-variable",
            compose: "services:
  web: {<<: *web, environment: {LEVEL: info}}",
            breaks: |project| {
                rewrite(project, "services:\n  web: {<<: *web, environment: {LEVEL: debug}}");
            },
            cause: "stale-container",
            service: "web",
        },
        Case {
            name: "new-port",
            compose: "services:
  web: {<<: *web}",
            breaks: |project| rewrite(project, "services:\n  web: {<<: *web, ports: ['$PORT:80']}"),
            cause: "stale-container",
            service: "web",
        },
        Case {
            name: "new-image",
            compose: "services:
  web: {<<: *web}",
            breaks: |project| rewrite(project, "services:\n  web: {<<: *web, image: 'alpine:latest'}"),
            cause: "stale-container",
            service: "web",
        },
    ]);
}

#[test]
fn a_network_whose_addresses_another_one_has_must_be_named() {
    let of_network = |name: &str| {
        format!(
            "services:\n  web: {{<<: *web, networks: [{name}]}}\nnetworks: {{{name}: {{ipam: {{config: [{{subnet: 10.94.1.0/24}}]}}}}}}"
        )
    };
    let case = Case {
        name: "contested",
        compose: "services: {web: {<<: *web}}",
        breaks: as_it_is,
        cause: "subnet-overlap",
        service: "",
    };
    let Some(project) = project(&case) else { return };
    rewrite(&project, &of_network("first"));
    project.up();
    assert_eq!(found(&project), []);
    rewrite(&project, &of_network("second"));
    project.topo(&["up", "-d"]);
    let found = found(&project);
    assert!(found.iter().any(|(cause, service, _)| cause == case.cause && service.is_empty()), "{found:#?}");
}
