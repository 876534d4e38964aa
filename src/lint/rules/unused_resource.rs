//! Networks, volumes, secrets and configs that no service uses.

use super::{Finding, Input};
use crate::model::service::Service;
use crate::model::storage::MountType;
use crate::yaml::Entry;

rule! {
    /// A network, volume, secret or config is defined, and no service uses it, whatever its profiles: it is never made.
    "unused-resource" in Style at Warn, has_fix: true, check: check
}

const SECTIONS: &[(&str, &str)] =
    &[("networks", "network"), ("volumes", "volume"), ("secrets", "secret"), ("configs", "config")];

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let services = || input.project.services.values().chain(input.project.disabled.values());
    // A project without services is there for its resources.
    if services().next().is_none() {
        return found;
    }
    for (section, kind) in SECTIONS {
        let top = input.project.written.get(section);
        let Some(map) = top.and_then(|entry| entry.node.as_map()) else { continue };
        let unused: Vec<_> = map
            .iter()
            .filter(|(key, _)| !key.starts_with("x-") && !is_default(section, key))
            .filter(|(key, _)| !services().any(|service| uses(service, section, key)))
            .collect();
        let is_unused = |key: &str| unused.iter().any(|(other, _)| other.as_str() == key);
        for (key, entry) in &unused {
            // What is left of the section in this file must not be nothing: where all go, they go one at a time, and the
            // last one takes the section along.
            let file = input.sources.file(entry.key).map(|file| &file.path);
            let is_here = |other: &Entry| input.sources.file(other.key).map(|file| &file.path) == file;
            let mut here = map.iter().filter(|(_, other)| is_here(other));
            let first = here.clone().next().map(|(key, _)| key);
            let goes = here.any(|(other, _)| !is_unused(other)) || first == Some(key);
            let holds_only_it =
                |top: &&Entry| is_here(top) && entry.key.to(entry.node.span).holds(top.node.span);
            let gone = input.remove(entry).or_else(|| input.remove(top.filter(holds_only_it)?));
            let message = format!("no service uses {kind} `{key}`");
            found.push(
                Finding::at(input, &[section, key], message, "never made").help("remove it").fix(gone.filter(|_| goes)),
            );
        }
    }
    found
}

/// What services use that say nothing.
fn is_default(section: &str, key: &str) -> bool {
    section == "networks" && key == "default"
}

fn uses(service: &Service, section: &str, key: &str) -> bool {
    match section {
        "networks" => service.networks.0.contains_key(key),
        "volumes" => service.volumes.0.iter().any(|mount| {
            mount.kind == MountType::Volume && mount.source.as_deref() == Some(key)
        }),
        "configs" => service.configs.0.iter().any(|config| config.source == key),
        _ => {
            let built = service.build.iter().flat_map(|build| &build.secrets.0);
            service.secrets.0.iter().chain(built).any(|secret| secret.source == key)
        }
    }
}
