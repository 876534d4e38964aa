//! Lines above what is defined: who uses it, and who reaches it.

use std::path::PathBuf;

use lsp_types::{CodeLens, Command};
use serde_json::json;

use super::asked::Asked;
use super::describe;
use super::documents;
use super::names::{Kind, Mention};
use super::navigate::{Target, places};

/// Returns a line for each thing that the file defines, and one more for each service. What they say is found out when
/// they are shown.
pub(super) fn lenses(asked: &Asked<'_>) -> Vec<CodeLens> {
    let mentions = asked.analysis.sheet(asked.path).into_iter().flat_map(|sheet| &sheet.mentions);
    let lens = |mention: &Mention, about: &str| CodeLens {
        range: asked.range(&mention.range),
        command: None,
        data: Some(json!({
            "uri": asked.document.uri,
            "about": about,
            "section": mention.kind.section(),
            "name": mention.name,
        })),
    };
    let defined = mentions.filter(|mention| mention.is_definition);
    defined
        .flat_map(|mention| {
            let reach = (mention.kind == Kind::Service).then(|| lens(mention, "reach"));
            [Some(lens(mention, "references")), reach].into_iter().flatten()
        })
        .collect()
}

/// Returns the file that a line is in.
pub(super) fn path_of(lens: &CodeLens) -> Option<PathBuf> {
    let uri = lens.data.as_ref()?.get("uri")?.as_str()?.parse().ok()?;
    documents::path_of(&uri)
}

/// Says what a line has to say.
pub(super) fn resolve(asked: &Asked<'_>, mut lens: CodeLens) -> CodeLens {
    let text = |key: &str| lens.data.as_ref().and_then(|data| data.get(key)?.as_str()).unwrap_or("");
    let (about, section, name) = (text("about"), text("section"), text("name"));
    let title = if about == "reach" {
        let from = describe::reachable_from(&asked.good.project, name);
        match from.is_empty() {
            true => "reachable from nowhere".to_owned(),
            false => format!("reachable from {}", from.join(", ")),
        }
    } else {
        let kind =
            Kind::SECTIONS.iter().find(|(_, one)| *one == section).map_or(Kind::Service, |(kind, _)| *kind);
        let is_part = asked.analysis.sheet(asked.path).is_none_or(|sheet| sheet.is_part);
        let file = (!is_part).then(|| asked.path.to_path_buf());
        let target = Target::Name { kind, name: name.to_owned(), file };
        let used = places(&asked.analysis, &target, asked.path);
        match used.iter().filter(|place| !place.is_definition).count() {
            1 => "1 reference".to_owned(),
            count => format!("{count} references"),
        }
    };
    // It says something, and does nothing.
    lens.command = Some(Command { title, command: String::new(), arguments: None });
    lens
}
