//! What configs and secrets hold, as a label: docker compose's hash is taken over where they come from, and so does not
//! change when a file or a variable does.

use super::{Create, labels};
use crate::model::service::Service;
use crate::observed::Container;
use crate::project::hash::digest;
use crate::project::{Contents, Project};

/// Returns the label's value: `configs.site=<12 digits>,secrets.token=<12 digits>`. The digits depend on the project
/// and the name, too, so that equal secrets do not look equal.
pub(super) fn label(project: &Project, contents: &Contents, service: &Service) -> Option<String> {
    let one = |kind: &str, key: &str, content: Option<&Vec<u8>>| {
        let mut input = format!("{}\0{kind}.{key}\0", project.name).into_bytes();
        input.extend_from_slice(content?);
        let digest = digest(input);
        Some(format!("{kind}.{key}={}", digest.get(..12).unwrap_or(&digest)))
    };
    let configs = service.configs.0.iter().map(|one| ("configs", &one.source, &contents.configs));
    let secrets = service.secrets.0.iter().map(|one| ("secrets", &one.source, &contents.secrets));
    let mut all: Vec<String> =
        configs.chain(secrets).filter_map(|(kind, key, held)| one(kind, key, held.get(key))).collect();
    all.sort();
    all.dedup();
    (!all.is_empty()).then(|| all.join(","))
}

/// Returns which config or secret has other content than when the container was made. One that docker compose made
/// does not tell.
pub(super) fn changed(wanted: &Create, container: &Container) -> Option<String> {
    let now = wanted.body.labels.as_ref()?.get(labels::CONTENTS)?;
    let then = container.labels.get(labels::CONTENTS)?;
    let is_new = |entry: &&str| then.split(',').all(|before| before != *entry);
    let entry = now.split(',').find(is_new)?;
    let name = entry.split_once('=').map_or(entry, |(name, _)| name);
    Some(format!("`{name}` has new content"))
}
