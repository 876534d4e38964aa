//! What a file leaves unsaid, shown where it could be said: defaults.

use lsp_types::{InlayHint, InlayHintKind, InlayHintLabel, Range};

use super::asked::Asked;
use super::names::Kind;

/// Returns what is left unsaid in a part of the file.
pub(super) fn hints(asked: &Asked<'_>, range: Range) -> Vec<InlayHint> {
    let outline = &asked.outline;
    let project = &asked.analysis.project;
    let (from, until) = (asked.offset(range.start), asked.offset(range.end));
    let mut found: Vec<(usize, String)> = Vec::new();
    for (entry, own) in outline.entries().iter().enumerate() {
        if own.key.start < from || until < own.key.start {
            continue;
        }
        let path = outline.path(entry);
        let after = own.value.end.max(own.key.end);
        let value = outline.scalar(entry);
        match (path.as_slice(), value) {
            (["services"], _) if own.item.is_none() && outline.child(None, "name").is_none() => {
                found.push((own.key.end + 1, format!("project {}", project.name)));
            }
            (["services", _, "ports", "-"], Some(value)) => {
                found.extend(port(value).map(|hint| (after, hint)));
            }
            (["services", _, "ports", "-", "target"], Some(_)) => {
                let has_protocol =
                    own.parent.is_some_and(|port| outline.child(Some(port), "protocol").is_some());
                found.extend((!has_protocol).then(|| (after, "/tcp".to_owned())));
            }
            (["services", _, "depends_on", "-"], Some(_)) => {
                found.push((after, "service_started".to_owned()));
            }
            (["services", _, "image"], Some(value)) if !value.is_empty() && is_untagged(value) => {
                found.push((after, ":latest".to_owned()));
            }
            ([section @ ("networks" | "volumes"), name], _) if own.item.is_none() => {
                let given = outline.child(Some(entry), "name").is_some();
                let kind = if *section == "networks" { Kind::Network } else { Kind::Volume };
                let full = match kind {
                    Kind::Network => project.networks.get(*name).and_then(|network| network.name.clone()),
                    _ => project.volumes.get(*name).and_then(|volume| volume.name.clone()),
                };
                let full = full.filter(|full| !given && full != name);
                found.extend(full.map(|full| (own.key.end + 1, full)));
            }
            _ => {}
        }
    }
    let hint = |(offset, label): (usize, String)| InlayHint {
        position: asked.document.lines.position(&asked.document.text, offset),
        label: InlayHintLabel::String(label),
        kind: Some(InlayHintKind::TYPE),
        text_edits: None,
        tooltip: None,
        padding_left: Some(true),
        padding_right: None,
        data: None,
    };
    found.into_iter().map(hint).collect()
}

/// Returns what a port leaves unsaid: the port of the host, and the protocol.
fn port(value: &str) -> Option<String> {
    if value.is_empty() || value.contains('$') {
        return None;
    }
    let (ports, protocol) =
        value.split_once('/').map_or((value, None), |(ports, protocol)| (ports, Some(protocol)));
    let protocol = if protocol.is_none() { "/tcp" } else { "" };
    match ports.contains(':') {
        true if protocol.is_empty() => None,
        true => Some(protocol.to_owned()),
        false => Some(format!("{protocol} on a free port of the host").trim_start().to_owned()),
    }
}

fn is_untagged(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    !last.contains([':', '@', '$']) && !image.contains('$')
}
