//! The engine's API in a container.

use super::{Finding, Input};

rule! {
    /// A service reaches the engine's API. Whoever takes it over can start a privileged container, and so has the host; a
    /// mount that is read-only changes nothing, since the API is written to all the same.
    "engine-socket" in Security at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let message = format!("service `{name}` can make the engine do anything");
        let help = "put a proxy between them that lets through what is needed, or allow it and say why";
        if service.use_api_socket {
            let path = ["services", name, "use_api_socket"];
            found.push(Finding::at(input, &path, message.clone(), "the engine's API").help(help));
        }
        for (at, mount) in service.volumes.0.iter().enumerate() {
            let source = mount.source.as_deref().unwrap_or("");
            if matches!(source, "/var/run/docker.sock" | "/run/docker.sock" | "/var/run" | "/run" | "/") {
                let path = ["services", name, "volumes", &at.to_string()];
                found.push(Finding::at(input, &path, message.clone(), "the engine's socket").help(help));
            }
        }
    }
    found
}
