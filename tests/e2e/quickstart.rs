//! The quickstart, from its first `up` to its last `down`, as its reader goes through it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Project, answer, free_port, health};

#[test]
fn the_quickstart_must_come_up_change_and_go() {
    let Some(mut project) = Project::of_example("quickstart", "quickstart") else { return };
    let port = free_port();
    project.set("WEB_PORT", port.to_string());

    // It comes up, and a request goes through all three.
    let up = project.up();
    assert_eq!(project.container_names(), ["api-1", "store-1", "web-1"]);
    let through: Value = serde_json::from_str(&answer(port, "/")).unwrap();
    assert_eq!(through["name"], "web");
    assert_eq!(through["upstream"]["name"], "api");
    assert_eq!(through["upstream"]["upstream"]["name"], "store");
    let visits = through["upstream"]["upstream"]["visits"].as_u64().unwrap();
    assert_eq!(health(&project.container("api-1")), "healthy");
    assert!(up.stderr.contains(&format!("localhost:{port} -> 8080/tcp")), "{up:?}");
    assert_eq!(up.stdout, "", "progress is no data");

    // web shares no network with store.
    let (code, said) = project.exec("web-1", &["/demo", "resolve", "store"]);
    assert_eq!(code, 1, "{said}");

    listings_must_show_it(&project);

    // Nothing changed, so nothing is done.
    project.up_does_nothing();
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(0);
    assert!(plan.stdout.contains("nothing to do"), "{plan:?}");

    a_change_must_touch_one_service_alone(&mut project);

    // Down leaves the volume, and what is in it.
    let volume = format!("{}_visits", project.name);
    project.topo(&["down"]).succeeds();
    assert_eq!(project.container_names(), [""; 0]);
    assert_eq!(project.engine.networks(&project.name), [""; 0]);
    assert_eq!(project.engine.volumes(&project.name), [volume]);
    project.up();
    let through: Value = serde_json::from_str(&answer(project_port(&project), "/")).unwrap();
    let now = through["upstream"]["upstream"]["visits"].as_u64().unwrap();
    assert!(now > visits, "the volume must keep the count: {visits}, then {now}");

    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
    let again = project.topo(&["down", "-v"]).succeeds();
    assert!(again.stderr.contains("nothing to remove"), "{again:?}");
}

fn listings_must_show_it(project: &Project) {
    let table = project.topo(&["ps"]).succeeds().stdout;
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table
            .lines()
            .all(|line| line.starts_with("NAME") || line.contains("(healthy)") || line.contains("web"))
    );

    let json = project.topo(&["ps", "--format", "json"]).succeeds().stdout;
    let listed: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let services: Vec<_> = listed.iter().map(|one| one["Service"].as_str().unwrap()).collect();
    assert_eq!(services, ["api", "store", "web"]);
    let ids: Vec<_> = listed.iter().map(|one| one["ID"].as_str().unwrap()).collect();
    let lives = project.lives();
    assert!(lives.values().zip(&ids).all(|((id, _), listed)| id.starts_with(listed)), "{ids:?}");
    assert!(listed.iter().all(|one| one["State"] == "running"), "{json}");
    let published = project_port(project);
    assert_eq!(listed[2]["Publishers"][0]["PublishedPort"], published);

    let logs = project.topo(&["logs"]).succeeds().stdout;
    let writers: BTreeSet<&str> = logs.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(writers.into_iter().collect::<Vec<_>>(), ["api-1", "store-1", "web-1"], "{logs}");
    let one = project.topo(&["logs", "--tail", "1", "--no-log-prefix", "api"]).succeeds().stdout;
    assert_eq!(one.lines().count(), 1, "{one}");
}

/// The port of the host at which web answers, as the engine has it.
fn project_port(project: &Project) -> u16 {
    let ports = project.container("web-1").network_settings.unwrap().ports.unwrap();
    let bindings = ports["8080/tcp"].clone().unwrap();
    bindings[0].host_port.as_deref().unwrap().parse().unwrap()
}

fn a_change_must_touch_one_service_alone(project: &mut Project) {
    let before = project.lives();
    let port = free_port();
    project.set("WEB_PORT", port.to_string());
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(2);
    let web = format!("container {}", project.full_name("web-1"));
    assert!(plan.stdout.lines().any(|line| line.starts_with('~') && line.contains(&web)), "{plan:?}");
    assert!(plan.stdout.contains("`ports.8080/tcp` changed from"), "{plan:?}");
    assert_eq!(project.lives(), before, "`plan` must not act");

    project.up();
    let after = project.lives();
    assert_eq!(before["api-1"], after["api-1"]);
    assert_eq!(before["store-1"], after["store-1"]);
    assert_ne!(before["web-1"].0, after["web-1"].0);
    assert_eq!(after.len(), 3);
    answer(port, "/");
    project.topo(&["plan", "--exit-code"]).ends_with(0);
}
