//! The networks of a running project: what is drawn and told of them, and changes to them while containers run.

use serde_json::Value;

use crate::harness::{Project, eventually};

const COMPOSE: &str = "services:
  web: {image: busybox, command: [httpd, -f, -p, '80'], stop_signal: SIGKILL, networks: [front]}
  db:
    image: busybox
    command: [sleep, '1000']
    stop_signal: SIGKILL
    networks: {back: {ipv4_address: $NET.9}}
    healthcheck: {test: [CMD, 'true'], interval: 1s}
  job: {image: busybox, command: [sh, -c, 'exit 3'], networks: [front], profiles: [jobs]}
  twins: {image: busybox, command: [sleep, '1000'], stop_signal: SIGKILL, scale: 2, networks: [front]}
networks:
  front: {}
  back: {internal: true, ipam: {config: [{subnet: $NET.0/24, gateway: $NET.1}]}}
";

/// Returns the project, on addresses that no other test has.
fn project(name: &str, third: u8) -> Option<Project> {
    let mut project = Project::with(name, COMPOSE)?;
    project.set("NET", format!("10.91.{third}"));
    Some(project)
}

#[test]
fn a_live_graph_must_show_what_runs() {
    let Some(mut project) = project("live", 7) else { return };
    project.set("COMPOSE_PROFILES", "jobs");
    let json = || -> Value {
        serde_json::from_str(&project.topo(&["graph", "--live", "--format", "json"]).succeeds().stdout)
            .unwrap()
    };
    let states = |graph: &Value| -> Vec<String> {
        let services = graph["services"].as_array().unwrap();
        services.iter().map(|service| service["live"]["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&json()), ["no container", "no container", "2 absent", "no container"]);
    project.up();
    eventually("db is healthy and job has ended", || {
        let seen = states(&json());
        (seen == ["healthy", "exited (3)", "2 running", "running"]).then_some(())
    });
    project.topo(&["stop", "web"]).succeeds();
    let picture = project.topo(&["graph", "--live", "--format", "svg"]).succeeds().stdout;
    for (class, name) in [("is-healthy", "db"), ("is-failed", "job"), ("is-stopped", "web")] {
        let card = picture.lines().find(|line| line.contains(&format!("data-name=\"{name}\"")));
        assert!(card.is_some_and(|card| card.contains(class)), "{name}: {card:?}");
    }
    let tree = project.topo(&["graph", "--live"]).succeeds().stdout;
    assert!(tree.contains("db [healthy]  busybox") && tree.contains("twins ×2 [2 running]"), "{tree}");
}

#[test]
fn what_is_told_of_networks_must_be_what_the_engine_says() {
    let Some(project) = project("inspected", 8) else { return };
    let before = project.topo(&["inspect"]).succeeds().stdout;
    assert!(before.contains("the engine does not have it"), "{before}");
    project.up();
    let told: Value =
        serde_json::from_str(&project.topo(&["inspect", "--format", "json"]).succeeds().stdout).unwrap();
    let told = told.as_array().unwrap();
    assert_eq!(told.iter().map(|one| one["key"].as_str().unwrap()).collect::<Vec<_>>(), ["back", "front"]);
    for one in told {
        let network = project.engine.network(one["name"].as_str().unwrap());
        assert_eq!(one["id"].as_str(), network.id.as_deref());
        assert_eq!(one["internal"].as_bool(), network.internal);
        let containers = network.containers.unwrap();
        let members = one["members"].as_array().unwrap();
        assert_eq!(members.len(), containers.len());
        for member in members {
            let endpoint = &containers[member["id"].as_str().unwrap()];
            assert_eq!(member["container"].as_str(), endpoint.name.as_deref());
            assert_eq!(member["ipv4"].as_str(), endpoint.ipv4_address.as_deref());
            assert_eq!(member["mac"].as_str(), endpoint.mac_address.as_deref());
            let service = member["service"].as_str().unwrap();
            assert!(endpoint.name.as_ref().unwrap().contains(&format!("-{service}-")), "{member}");
        }
    }
    let table = project.topo(&["inspect", "back"]).succeeds().stdout;
    assert!(table.contains("bridge, internal, 10.91.8.0/24 by 10.91.8.1"), "{table}");
    assert!(table.contains("10.91.8.9") && !table.contains("front"), "{table}");
    project.topo(&["inspect", "bcak"]).ends_with(1).says(&["did you mean `back`?"]);
}

#[test]
fn services_must_join_and_leave_networks_while_they_run() {
    let Some(project) = project("joining", 9) else { return };
    project.up();
    let lives = project.lives();
    let reaches = |name: &str| {
        let command = format!("nc -w 2 {name} 80 </dev/null");
        project.exec("db-1", &["sh", "-c", &command]).0 == 0
    };
    assert!(!reaches("web"));
    let connect = ["connect", "web", "back", "--alias", "store-front", "--ip", "10.91.9.77"];
    let planned = project.topo(&[&["--dry-run"], &connect[..]].concat()).succeeds();
    assert!(planned.stdout.contains("web-1"), "{planned:?}");
    assert!(!reaches("web"), "a dry run does nothing");

    let network = format!("{}_back", project.name);
    let step =
        format!("connect container {} to network {network}, it was asked for", project.full_name("web-1"));
    project.topo(&connect).succeeds().says(&[&step, "the file does not have web on back"]);
    eventually("web is found by both names", || (reaches("web") && reaches("store-front")).then_some(()));
    let address = project.container("web-1").network_settings.unwrap().networks.unwrap()[&network].clone();
    assert_eq!(address.ip_address.as_deref(), Some("10.91.9.77"));
    project.topo(&connect).succeeds().says(&["is on network", "nothing to connect"]);
    project.up_does_nothing();

    project.topo(&["disconnect", "web", "back"]).succeeds();
    assert!(!reaches("web"));
    assert_eq!(project.lives(), lives, "nothing was restarted");
    project
        .topo(&["disconnect", "db", "back"])
        .succeeds()
        .says(&["has no other network", "the next `topo up` replaces its containers"]);
    project.up();
    assert_ne!(project.lives()["db-1"], lives["db-1"], "as was said");

    project.topo(&["connect", "web", "nowhere"]).ends_with(1).says(&["the engine has no network nowhere"]);
    project.topo(&["connect", "wbe", "back"]).ends_with(1).says(&["did you mean `web`?"]);
    // Without the file, too.
    project.topo_without_file(&["connect", "web", "back"]).succeeds();
    eventually("web is there again", || reaches("web").then_some(()));
    project.topo(&["down"]).succeeds();
    project.is_nowhere();
}
