//! What a file leaves unsaid, shown where it could be said: defaults.

use lsp_types::{InlayHint, InlayHintKind, InlayHintLabel, Range};

use super::asked::Asked;
use super::names::Kind;
use super::schema::{Attribute, Forms};
use crate::project::Project;

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
                let has = |key: &str| own.parent.is_some_and(|port| outline.child(Some(port), key).is_some());
                found.extend(unsaid(has("protocol"), has("published")).map(|hint| (after, hint)));
            }
            (["services", name], _) if own.item.is_none() => {
                found.extend(restart(project, name).map(|hint| (own.key.end + 1, hint)));
            }
            (["services", name, "healthcheck" | "build"], None) => {
                let hint = if outline.name(entry) == "build" {
                    dockerfile(project, name)
                } else {
                    checks(project, name)
                };
                found.extend(hint.map(|hint| (own.key.end + 1, hint)));
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
    unsaid(protocol.is_some(), ports.contains(':'))
}

fn unsaid(has_protocol: bool, is_published: bool) -> Option<String> {
    let protocol = if has_protocol { "" } else { "/tcp" };
    let place = if is_published { "" } else { " on a free port of the host" };
    Some(format!("{protocol}{place}").trim_start().to_owned()).filter(|hint| !hint.is_empty())
}

/// Returns when a container is started again of a service that does not say it, in any file.
fn restart(project: &Project, service: &str) -> Option<String> {
    let service = project.services.get(service)?;
    let is_said = service.restart.is_some()
        || service.deploy.as_ref().is_some_and(|deploy| deploy.restart_policy.is_some());
    (!is_said).then(|| format!("restart {}", default(&["services", "*", "restart"])))
}

/// Returns how often the health of a service is looked at, as far as no file says it.
fn checks(project: &Project, service: &str) -> Option<String> {
    let check = project.services.get(service)?.healthcheck.as_ref().filter(|check| !check.disable)?;
    let is_said = [
        ("interval", check.interval.is_some()),
        ("timeout", check.timeout.is_some()),
        ("retries", check.retries.is_some()),
    ];
    let hint = |(key, _): &(&str, bool)| format!("{key} {}", default(&["services", "*", "healthcheck", key]));
    let hints: Vec<String> = is_said.iter().filter(|(_, is_said)| !is_said).map(hint).collect();
    (!hints.is_empty()).then(|| hints.join(", "))
}

/// Returns the Dockerfile of a build that does not name one in any file.
fn dockerfile(project: &Project, service: &str) -> Option<String> {
    let build = project.written.at(&["services", service, "build"])?;
    let is_said = build.get("dockerfile").is_some() || build.get("dockerfile_inline").is_some();
    (!is_said).then(|| default(&["services", "*", "build", "dockerfile"]))
}

/// Returns what counts where an attribute is not written, as the schema has it.
fn default(path: &[&str]) -> String {
    let (name, above) = path.split_last().unwrap_or((&"", &[]));
    let steps: Vec<String> = above.iter().map(|step| (*step).to_owned()).collect();
    let forms = Forms::at(&steps);
    let found = forms.attributes().find(|attribute| attribute.name == *name);
    found.and_then(Attribute::default).unwrap_or_default()
}

fn is_untagged(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    !last.contains([':', '@', '$']) && !image.contains('$')
}
