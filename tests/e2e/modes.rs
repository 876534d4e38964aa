//! Every network mode but overlay, by the example that shows it.

use serde_json::Value;

use crate::harness::{Card, Project, answer, free_port, health};

fn network_mode(project: &Project, container: &str) -> String {
    project.container(container).host_config.unwrap().network_mode.unwrap()
}

#[test]
fn a_bridge_must_give_names_aliases_and_the_chosen_subnet() {
    let Some(mut project) = Project::of_example("bridge", "modes/bridge") else { return };
    let port = free_port();
    project.set("PORT", port.to_string());
    project.up();
    let through: Value = serde_json::from_str(&answer(port, "/")).unwrap();
    assert_eq!(through["upstream"]["name"], "backend");
    let (code, said) = project.exec("frontend-1", &["/demo", "resolve", "store.example"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("10.82.0."), "{said}");
    let network = project.engine.network(&format!("{}_lan", project.name));
    assert_eq!(network.ipam.unwrap().config.unwrap()[0].gateway.as_deref(), Some("10.82.0.1"));
    project.up_does_nothing();
    project.topo(&["down"]).succeeds();
    project.is_nowhere();
}

#[test]
fn the_default_bridge_must_have_no_names() {
    let Some(mut project) = Project::of_example("default-bridge", "modes/default-bridge") else { return };
    let port = free_port();
    project.set("PORT", port.to_string());
    project.up();
    assert!(answer(port, "/").contains("left"));
    assert_eq!(network_mode(&project, "right-1"), "bridge");
    assert_eq!(project.engine.networks(&project.name), [""; 0]);
    let (code, said) = project.exec("left-1", &["/demo", "resolve", "right"]);
    assert_eq!(code, 1, "{said}");
    let right = project.container("right-1").network_settings.unwrap().networks.unwrap();
    let target = format!("{}:8080", right["bridge"].ip_address.clone().unwrap());
    let (code, said) = project.exec("left-1", &["/demo", "probe", "tcp", &target]);
    assert_eq!(code, 0, "{said}");
    project.up_does_nothing();
}

#[test]
fn host_mode_must_use_the_network_of_the_host() {
    let Some(mut project) = Project::of_example("host", "modes/host") else { return };
    let port = free_port();
    project.set("PORT", port.to_string());
    project.topo(&["up", "--wait"]).succeeds();
    assert_eq!(network_mode(&project, "server-1"), "host");
    assert_eq!(health(&project.container("server-1")), "healthy");
    assert!(answer(port, "/").contains("host"));
    project.up_does_nothing();
}

#[test]
fn none_must_leave_only_the_loopback() {
    let Some(project) = Project::of_example("none", "modes/none") else { return };
    project.topo(&["up", "--wait"]).succeeds();
    assert_eq!(network_mode(&project, "server-1"), "none");
    let (code, said) = project.exec("server-1", &["/demo", "get", "http://127.0.0.1:8080"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = project.exec("server-1", &["/demo", "probe", "tcp", "192.0.2.1:80"]);
    assert_eq!(code, 1, "{said}");
    project.up_does_nothing();
}

#[test]
fn macvlan_must_put_containers_beside_the_host() {
    let Some(mut project) = Project::of_example("macvlan", "modes/macvlan") else { return };
    let card = Card::new();
    project.set("MACVLAN_PARENT", &card.name);
    project.up();
    let (code, said) = project.exec("first-1", &["/demo", "get", "http://10.86.0.12:8080"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = project.exec("first-1", &["/demo", "get", "http://second:8080"]);
    assert!(code == 0 && said.contains("\"second\""), "{said}");
    let network = project.engine.network(&format!("{}_lan", project.name));
    assert_eq!(network.driver.as_deref(), Some("macvlan"));
    assert_eq!(network.options.unwrap()["parent"], card.name);
    project.up_does_nothing();
    project.topo(&["down"]).succeeds();
    project.is_nowhere();
}
