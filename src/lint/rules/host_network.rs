//! `network_mode: host`.

use super::{Finding, Input};

rule! {
    /// A service uses the host's network. All that it listens on is open to whoever reaches the host, it reaches what
    /// listens on the host's own loopback, and two of it cannot run at a time.
    "host-network" in Network at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let services = input.project.services.iter();
    let on_it = services.filter(|(_, service)| service.network_mode.as_deref() == Some("host"));
    on_it
        .map(|(name, _)| {
            let message = format!("service `{name}` uses the host's network");
            Finding::at(input, &["services", name, "network_mode"], message, "not isolated")
                .help("remove it, and publish the ports that are to be reached with `ports`")
        })
        .collect()
}
