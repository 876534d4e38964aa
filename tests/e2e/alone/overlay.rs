//! Overlay networks, which need a Swarm: an engine-wide state, left as it was found.

use serde_json::Value;

use crate::harness::{Engine, Project, answer, eventually, free_port, is_running};

#[test]
fn overlay_must_ask_for_a_swarm_and_work_in_one() {
    let Some(mut project) = Project::alone("overlay", "modes/overlay") else { return };
    let port = free_port();
    project.set("PORT", port.to_string());

    let swarm = if project.engine.is_in_swarm() {
        None
    } else {
        let refused = project.topo(&["up", "-d"]).ends_with(1);
        project.is_nowhere();
        refused.says(&["error[swarm-needed]", "compose.yaml:", "asked for here", "docker swarm init"]);
        Some(Swarm::new())
    };

    project.up();
    assert!(is_running(&project.container("frontend-1")));
    let through = eventually("an answer through the overlay", || {
        let through: Value = serde_json::from_str(&answer(port, "/")).unwrap();
        (through["upstream"]["name"] == "backend").then_some(through)
    });
    assert_eq!(through["name"], "frontend");
    let network = project.engine.network(&format!("{}_mesh", project.name));
    assert_eq!((network.driver.as_deref(), network.attachable), (Some("overlay"), Some(true)));
    project.up_does_nothing();
    project.topo(&["down"]).succeeds();
    // A Swarm removes its networks in its own time.
    eventually("the network is gone", || project.engine.networks(&project.name).is_empty().then_some(()));
    project.is_nowhere();
    drop(swarm);
}

/// The engine as a Swarm of one, for as long as this lives.
struct Swarm {
    engine: Engine,
    had_gateway: bool,
}

impl Swarm {
    const GATEWAY: &str = "docker_gwbridge";

    fn new() -> Self {
        let engine = Engine::connect();
        let had_gateway = engine.has_network(Self::GATEWAY);
        engine.init_swarm();
        Self { engine, had_gateway }
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        self.engine.leave_swarm();
        if !self.had_gateway && self.engine.has_network(Self::GATEWAY) {
            self.engine.remove_network(Self::GATEWAY);
        }
    }
}
