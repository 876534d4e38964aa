//! Ports of the host that not everybody may listen on.

use super::{Finding, Input};

rule! {
    /// A port of the host below 1024 is published, other than 80 and 443. A rootless engine may not listen there, and
    /// the services of the host itself do.
    "privileged-port" in Security at Note, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let mut last = None;
        for (at, port) in service.ports.0.iter().enumerate() {
            let Some((first, _)) = port.published_range() else { continue };
            let place = input.span(&["services", name, "ports", &at.to_string()]);
            // A range is many ports, written once.
            let is_told = last.replace(place) == Some(place);
            if (1..1024).contains(&first) && !matches!(first, 80 | 443) && !is_told {
                let path = ["services", name, "ports", &at.to_string()];
                let message = format!("service `{name}` is published on port {first}");
                found.push(
                    Finding::at(input, &path, message, "not for a rootless engine")
                        .help("publish it on a port from 1024 on"),
                );
            }
        }
    }
    found
}
