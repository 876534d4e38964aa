//! Networks, volumes, secrets and configs that no service uses.

use std::collections::{BTreeMap, BTreeSet};

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
    let used: BTreeSet<(&str, &str)> = services().flat_map(|service| uses(service)).collect();
    for (section, kind) in SECTIONS {
        let top = input.project.written.get(section);
        let Some(map) = top.and_then(|entry| entry.node.as_map()) else { continue };
        let is_unused =
            |key: &str| !key.starts_with("x-") && !is_default(section, key) && !used.contains(&(*section, key));
        let file = |entry: &Entry| input.sources.file(entry.key).map(|file| &file.path);
        // What is left of the section in a file must not be nothing: where all go, they go one at a time, and the last
        // one takes the section along.
        let mut firsts: BTreeMap<_, &str> = BTreeMap::new();
        let mut used_files = BTreeSet::new();
        for (key, entry) in map {
            firsts.entry(file(entry)).or_insert(key.as_str());
            if !is_unused(key) {
                used_files.insert(file(entry));
            }
        }
        for (key, entry) in map.iter().filter(|(key, _)| is_unused(key)) {
            let own = file(entry);
            let goes = used_files.contains(&own) || firsts.get(&own) == Some(&key.as_str());
            let holds_only_it =
                |top: &&Entry| file(top) == own && entry.key.to(entry.node.span).holds(top.node.span);
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

/// Returns what a service uses: the section, and the key there.
fn uses(service: &Service) -> impl Iterator<Item = (&'static str, &str)> {
    let networks = service.networks.0.keys().map(|key| ("networks", key.as_str()));
    let volumes = service.volumes.0.iter().filter(|mount| mount.kind == MountType::Volume);
    let volumes = volumes.filter_map(|mount| Some(("volumes", mount.source.as_deref()?)));
    let configs = service.configs.0.iter().map(|config| ("configs", config.source.as_str()));
    let built = service.build.iter().flat_map(|build| &build.secrets.0);
    let secrets = service.secrets.0.iter().chain(built).map(|secret| ("secrets", secret.source.as_str()));
    networks.chain(volumes).chain(configs).chain(secrets)
}
