//! Services that stand between an internal network and the world.

use super::{Finding, Input};

rule! {
    /// A service is on an internal network, and on one that is not. Whoever takes it over gets from the world to what the
    /// internal network keeps to itself: it is the door, and there should be as few as can be.
    "bridged-internal" in Network at Note, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let on = |internal: bool| {
            let is_such = |key: &&String| {
                input.project.networks.get(*key).is_some_and(|network| network.internal == internal)
            };
            service.networks.0.keys().find(is_such)
        };
        if let (Some(inside), Some(outside)) = (on(true), on(false)) {
            let path = ["services", name, "networks", inside];
            let message = format!("service `{name}` stands between `{outside}` and internal network `{inside}`");
            found.push(
                Finding::at(input, &path, message, "no way out of this one")
                    .label(input.span(&["services", name, "networks", outside]), "but out of this one")
                    .help("if it is meant to be the door, allow it and say so"),
            );
        }
    }
    found
}
