//! The names under which services find each other in the engine's DNS.

use crate::project::Project;

use super::seat::root_of;

/// Returns the names that a service has on a network by what the file says: its own, that of its container, its host
/// name and its aliases. None on the engine's own network, which has no DNS.
pub fn on_network(project: &Project, service: &str, network: &str) -> Vec<String> {
    let Some(settings) = project.services.get(service) else { return Vec::new() };
    if network == "bridge" && settings.networks.0.is_empty() {
        return Vec::new();
    }
    let own = [
        Some(service),
        settings.container_name.as_ref().map(|name| name.0.as_str()),
        settings.hostname.as_deref().filter(|name| !name.is_empty()),
    ];
    let attachment = settings.networks.0.get(network).and_then(|attachment| attachment.0.as_deref());
    let aliases =
        attachment.into_iter().flat_map(|attachment| attachment.aliases.0.iter().map(String::as_str));
    let mut names: Vec<String> = Vec::new();
    for name in own.into_iter().flatten().chain(aliases) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Returns the names that `from` finds `to` under on a network: those of all, the engine's names of its containers,
/// and the links of `from`.
pub(super) fn between(project: &Project, from: &str, to: &str, network: &str) -> Vec<String> {
    // Whoever shares interfaces has no names of its own.
    if root_of(project, to) != to {
        return Vec::new();
    }
    let mut names = on_network(project, to, network);
    let links = project.services.get(from).map(|service| service.links.0.as_slice()).unwrap_or_default();
    let linked = links.iter().filter_map(|link| {
        let (target, alias) = link.split_once(':').unwrap_or((link, link));
        (target == to).then(|| alias.to_owned())
    });
    names.extend(linked.filter(|name| !names.contains(name)).collect::<Vec<_>>());
    names
}
