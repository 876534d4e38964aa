//! Dependencies that do not wait for the health check that is there.

use super::{Finding, Input};
use crate::diagnostic::Edit;
use crate::model::lifecycle::Condition;
use crate::project::Project;
use crate::yaml::Entry;

rule! {
    /// A service starts as soon as another one was started, though that one has a `healthcheck` that says when it is
    /// ready. `condition: service_healthy` waits for it.
    "weak-dependency" in Reliability at Warn, has_fix: true, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let written = |other: &String| input.node(&["services", name, "depends_on", other]).is_some();
        let is_weak = |other: &String| {
            let how = service.depends_on.0.get(other).map(|dependency| dependency.condition);
            how == Some(Condition::Started) && has_check(input.project, other)
        };
        let weak: Vec<&String> =
            service.depends_on.0.keys().filter(|other| written(other) && is_weak(other)).collect();
        let Some((first, rest)) = weak.split_first() else { continue };
        let path = ["services", name, "depends_on", first];
        let message = format!("service `{name}` does not wait until `{first}` is healthy");
        let mut finding = Finding::at(input, &path, message, "only until it is started")
            .label(input.span(&["services", first, "healthcheck"]), "this says when it is ready")
            .help("write `condition: service_healthy`")
            .fix(wait_for_health(input, name, &weak).unwrap_or_default());
        for other in rest {
            finding = finding.label(input.span(&["services", name, "depends_on", other]), "nor for this one");
        }
        found.push(finding);
    }
    found
}

fn has_check(project: &Project, name: &str) -> bool {
    let check = project.services.get(name).and_then(|service| service.healthcheck.as_ref());
    check.is_some_and(|check| {
        let is_none = check.test.as_ref().is_some_and(|test| test.0.first().is_some_and(|word| word == "NONE"));
        !check.disable && !is_none
    })
}

/// Returns the changes that make conditions of the names; a list becomes a mapping item by item, so that comments stay.
fn wait_for_health(input: &Input<'_>, name: &str, weak: &[&String]) -> Option<Vec<Edit>> {
    let Entry { key, node } = input.node(&["services", name])?.get("depends_on")?;
    let file = input.sources.file(node.span)?;
    let key = file.range(*key).start;
    let range = file.range(node.span);
    let text = file.text_at(node.span);
    let healthy = |other: &str| match weak.iter().any(|weak| *weak == other) {
        true => "service_healthy",
        false => "service_started",
    };
    // An item of a list has no place but that of its name.
    let is_list = node.as_map()?.values().any(|entry| entry.node.span == entry.key);
    if !is_list {
        let conditions =
            weak.iter().map(|other| input.node(&["services", name, "depends_on", other, "condition"]));
        let edit = |node: &crate::yaml::Node| Edit { span: node.span, text: "service_healthy".to_owned() };
        return conditions.map(|node| node.map(edit)).collect();
    }
    let mut edits = Vec::new();
    for (other, entry) in node.as_map()? {
        let item = file.range(entry.key);
        // What another file, an anchor or a variable brings in is not written here.
        if item.start < range.start || item.end > range.end || file.text_at(entry.key).contains('$') {
            return None;
        }
        if text.starts_with('[') {
            let text = format!("{other}: {{condition: {}}}", healthy(other));
            edits.push(Edit { span: entry.key, text });
            continue;
        }
        let dash = file.text[..item.start].rfind('-')?;
        let column = |at: usize| at - file.text[..at].rfind('\n').map_or(0, |at| at + 1);
        // A list may stand at the column of its key, a mapping may not.
        let inset = if column(dash) > column(key) { 0 } else { 2 };
        let indent = column(dash) + inset;
        let text = format!(
            "{}{other}:\n{}condition: {}",
            " ".repeat(inset),
            " ".repeat(indent + 2),
            healthy(other)
        );
        edits.push(Edit { span: file.span(dash..item.end), text });
    }
    if text.starts_with('[') {
        edits.push(Edit { span: node.span.slice(0, 1), text: "{".to_owned() });
        edits.push(Edit { span: node.span.slice(text.len() - 1, text.len()), text: "}".to_owned() });
    }
    Some(edits)
}
