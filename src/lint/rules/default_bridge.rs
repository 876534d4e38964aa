//! `network_mode: bridge`, which `default` is, too.

use super::{Finding, Input};

rule! {
    /// A service is on Docker's default bridge. Containers there find each other by address only, not by name, and those
    /// of all projects share it.
    "default-bridge" in Network at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let services = input.project.services.iter();
    let on_it = services.filter(|(_, service)| matches!(service.network_mode.as_deref(), Some("bridge" | "default")));
    on_it
        .map(|(name, _)| {
            let message = format!("service `{name}` is on the default bridge");
            Finding::at(input, &["services", name, "network_mode"], message, "no names, and shared by all")
                .help("remove it: the project then has a network of its own, with names")
        })
        .collect()
}
