//! Ports of the host that something listens on.

use super::{Finding, Input};

rule! {
    /// Something on the host listens on a port that is to be published, as `--host` finds out; the engine then does not
    /// start the container. If that is the project itself, which runs, all is well.
    "taken-port" in Network at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let Some(host) = input.host else { return Vec::new() };
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        for (at, port) in service.ports.0.iter().enumerate() {
            // A range is a choice: the engine finds a free one.
            let published = port.published_range().filter(|(first, last)| first == last);
            let Some((number, _)) = published else { continue };
            let address = port.host_ip.as_deref().and_then(|address| address.parse().ok());
            if host.taken.iter().any(|taken| taken.bars(port.protocol(), address, number)) {
                let path = ["services", name, "ports", &at.to_string()];
                let message = format!("something on the host listens on port {number}/{}", port.protocol());
                found.push(
                    Finding::at(input, &path, message, "to be published")
                        .help("stop it, or publish the service on another port of the host"),
                );
            }
        }
    }
    found
}
