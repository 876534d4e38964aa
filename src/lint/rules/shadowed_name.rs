//! Aliases and names of containers that are names of other services.

use super::{Finding, Input};

rule! {
    /// An alias of one service, or the name of its container, is the name of another one on the same network. The name then
    /// means either, by turns.
    "shadowed-name" in Network at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let container = service.container_name.as_ref().map(|own| &own.0).filter(|own| *own != name);
        let other = container.and_then(|container| input.project.services.get_key_value(container));
        if let Some((container, other)) = other
            && let Some(network) = service.networks.0.keys().find(|key| other.networks.0.contains_key(*key))
        {
            let path = ["services", name, "container_name"];
            let message = format!("on network `{network}`, `{container}` means service `{name}` too");
            found.push(
                Finding::at(input, &path, message, "also the name of a service")
                    .label(input.span(&["services", container]), "the service of this name")
                    .help("choose another name, or none"),
            );
        }
        for (network, attachment) in &service.networks.0 {
            let aliases = attachment.0.iter().flat_map(|attachment| &attachment.aliases.0);
            for (at, alias) in aliases.enumerate() {
                let other = input.project.services.get(alias).filter(|_| alias != name);
                if other.is_some_and(|other| other.networks.0.contains_key(network)) {
                    let path = ["services", name, "networks", network, "aliases", &at.to_string()];
                    let message = format!("on network `{network}`, `{alias}` means service `{name}` too");
                    found.push(
                        Finding::at(input, &path, message, "also the name of a service")
                            .label(input.span(&["services", alias]), "the service of this name")
                            .help("choose another alias"),
                    );
                }
            }
        }
    }
    found
}
