//! Judgements on single containers that `up` builds its plan from.

use super::Create;
use super::desired::DesiredContainer;
use crate::observed::{Container, State};

/// Whether it was made to replace another one and has not got its final name: `<id of the old one, 12>_<name>`.
pub(super) fn is_replacement(container: &Container) -> bool {
    let prefix = container.name.split_once('_').map_or("", |(prefix, _)| prefix);
    let is_id = prefix.len() == 12 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id && container.labels.contains_key(super::labels::REPLACE)
}

pub(super) fn runs(container: &Container) -> bool {
    matches!(container.state, State::Running | State::Restarting | State::Paused)
}

pub(super) fn not_running(container: &Container) -> String {
    match container.state {
        State::Exited(Some(code)) => format!("it ended with code {code}"),
        State::Exited(None) => "it has ended".to_owned(),
        _ => "it was not started yet".to_owned(),
    }
}

/// What docker compose writes into the label of a replacement.
pub(super) fn replaced(service: &str, wanted: &DesiredContainer, old: &Container) -> String {
    match wanted.create.name == old.name && !old.name.ends_with(&format!("-{service}-{}", wanted.number)) {
        true => old.name.clone(),
        false => format!("{service}-{}", wanted.number),
    }
}

/// Mounts the anonymous volumes of the old container at the same places: they may hold data.
pub(super) fn inherit_anonymous_volumes(create: &mut Create, old: &Container) {
    let is_anonymous = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let host = create.body.host_config.get_or_insert_default();
    for mount in old.mounts.iter().filter(|mount| is_anonymous(&mount.volume)) {
        let mounts = host.mounts.get_or_insert_default();
        if let Some(own) = mounts.iter_mut().find(|own| own.target.as_deref() == Some(&mount.target)) {
            if own.source.is_none() && own.typ == Some(bollard::models::MountType::VOLUME) {
                own.source = Some(mount.volume.clone());
            }
            continue;
        }
        let bound = |bind: &String| bind.split(':').nth(1) == Some(&mount.target);
        if host.binds.iter().flatten().any(bound) {
            continue;
        }
        mounts.push(bollard::models::Mount {
            typ: Some(bollard::models::MountType::VOLUME),
            source: Some(mount.volume.clone()),
            target: Some(mount.target.clone()),
            ..Default::default()
        });
    }
}
