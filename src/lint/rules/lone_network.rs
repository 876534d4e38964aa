//! Networks that connect nobody.

use super::{Finding, Input};

rule! {
    /// A network has one member, which is on other networks too. It connects nobody; if it is there to be published on,
    /// the service may be published on any other network that is not internal.
    "lone-network" in Network at Note, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (key, network) in &input.project.networks {
        if network.external.is {
            continue;
        }
        let mut members =
            input.project.services.iter().filter(|(_, service)| service.networks.0.contains_key(key));
        let (Some((name, service)), None) = (members.next(), members.next()) else { continue };
        // The other networks must let it out where this one does.
        let lets_out = |other: &String| {
            other != key
                && input.project.networks.get(other).is_some_and(|other| !other.internal || network.internal)
        };
        if service.containers() == 1 && service.networks.0.keys().any(lets_out) {
            let message = format!("only service `{name}` is on network `{key}`");
            found.push(
                Finding::at(input, &["networks", key], message, "it connects nobody")
                    .label(input.span(&["services", name, "networks", key]), "its only member")
                    .help("remove it, or put the services on it that are to reach each other"),
            );
        }
    }
    found
}
