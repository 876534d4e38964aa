//! What there is to know of the word at a place: what the attribute is for, what a value comes to and where it comes from,
//! what a name stands for.

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position};

use super::asked::Asked;
use super::describe;
use super::names::{mention_at, steps_where_used};
use super::navigate::{Target, target};
use super::schema::Forms;
use super::variables::variable_at;
use crate::load::interpolate::{Used, substitute};
use crate::load::{Origin, Variable};
use crate::source::Span;

/// How many ports of a range are shown.
const PORT_LIMIT: usize = 10;

/// Returns what there is to know of the word at a place.
pub(super) fn hover(asked: &Asked<'_>, position: Position) -> Option<Hover> {
    let offset = asked.offset(position);
    let outline = &asked.outline;
    let (entry, is_key) = outline.at(offset)?;
    let own = &outline.entries()[entry];
    let steps = steps_where_used(outline, &outline.steps(entry));
    let file = asked.analysis.file(asked.path).filter(|file| !is_key && file.text == asked.document.text);
    let span = file.map(|file| file.span(own.value.clone()));
    let mut range = if is_key { own.key.clone() } else { own.value.clone() };
    let mut parts: Vec<String> = Vec::new();
    let variable = variable_at(outline, offset);
    if let Some(variable) = &variable {
        range = variable.range.clone();
        let known = span.map_or(&[][..], |span| variables(asked, span));
        let known = known.iter().find(|known| known.name == variable.name);
        parts.extend(known.map(|known| variable_text(asked, known)));
    }
    if let Some(Target::Anchor(name)) = target(asked, offset).map(|(target, _)| target) {
        parts.push(format!("anchor **{name}**"));
    }
    let mention = mention_at(outline, offset);
    if let Some(mention) = &mention {
        range = mention.range.clone();
        let project = &asked.good.project;
        parts.extend(describe::target(project, mention.kind, &mention.name));
        if let ["services", from, ..] = outline.path(entry).as_slice()
            && !mention.is_definition
            && mention.kind == super::names::Kind::Service
            && project.services.contains_key(*from)
            && project.services.contains_key(&mention.name)
            && *from != mention.name
        {
            parts.push(describe::way(project, from, &mention.name));
        }
    }
    if let Some(span) = span {
        parts.extend(value_text(
            asked,
            entry,
            span,
            variable.as_ref().map(|variable| variable.name.as_str()),
        ));
    }
    if mention.is_none_or(|mention| !mention.is_definition) {
        let forms = Forms::at(&steps);
        let word = outline.scalar(entry).filter(|_| !is_key);
        let meant = forms.words().into_iter().find(|one| Some(one.text.as_str()) == word);
        parts.extend(meant.and_then(|word| Some(format!("**{}**: {}", word.text, word.documentation?))));
        let documentation = forms.documentation().map(str::to_owned);
        let title =
            steps.iter().rev().find(|step| *step != "-" && !step.bytes().all(|byte| byte.is_ascii_digit()));
        if let (Some(documentation), Some(title)) = (documentation, title) {
            parts.push(format!("**{title}**: {documentation}"));
            parts.extend(describe::support(&steps));
        }
    }
    (!parts.is_empty()).then(|| Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: parts.join("\n\n---\n\n"),
        }),
        range: Some(asked.range(&range)),
    })
}

fn variables<'a>(asked: &'a Asked<'_>, span: Span) -> &'a [Variable] {
    asked.analysis.loaded.trace.as_ref().map_or(&[], |trace| trace.variables(span))
}

fn variable_text(asked: &Asked<'_>, variable: &Variable) -> String {
    let Variable { name, value, default } = variable;
    let sources = &asked.analysis.loaded.sources;
    match value {
        Some((value, origin)) => {
            let from = match origin {
                Origin::Shell => "the shell".to_owned(),
                Origin::Project => "the project's name".to_owned(),
                Origin::EnvFile(span) => describe::place(sources, *span),
            };
            format!("`{name}` is `{value}`, from {from}")
        }
        None if default.is_empty() => format!("`{name}` is set nowhere"),
        None => format!("`{name}` is set nowhere, so `{default}` stands for it"),
    }
}

/// Says what a value comes to, what it takes the place of, and what takes its place. Of one variable, it has been said
/// already.
fn value_text(asked: &Asked<'_>, entry: usize, span: Span, said: Option<&str>) -> Vec<String> {
    let analysis = &asked.analysis;
    let sources = &analysis.loaded.sources;
    let mut lines = Vec::new();
    let variables = variables(asked, span);
    if let Some(written) = asked.outline.scalar(entry).filter(|_| !variables.is_empty()) {
        let lookup = |name: &str| {
            let known = variables.iter().find(|variable| variable.name == name)?;
            Some(known.value.as_ref()?.0.clone())
        };
        if let Ok(value) = substitute(written, &lookup, &mut Used::default()) {
            lines.push(format!("comes to `{value}`"));
        }
        let others = variables.iter().filter(|variable| said != Some(variable.name.as_str()));
        lines.extend(others.map(|variable| variable_text(asked, variable)));
    }
    let steps = asked.outline.steps(entry);
    if let ["services", service, "ports", ..] =
        steps.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
        && let Some(settings) = analysis.project.services.get(*service)
    {
        let written = |at: usize| {
            let node = analysis.project.written.at(&["services", service, "ports", &at.to_string()]);
            node.is_some_and(|node| node.span.holds(span) || span.holds(node.span))
        };
        let mut ports = settings.ports.0.iter().enumerate().filter(|(at, _)| written(*at));
        lines.extend(ports.by_ref().take(PORT_LIMIT).map(|(_, port)| describe::port(port)));
        let more = ports.count();
        lines.extend((more > 0).then(|| format!("and {more} more")));
    }
    let overridden = analysis.loaded.trace.as_ref().map_or_else(Vec::new, |trace| trace.overridden(span));
    lines.extend(overridden.iter().map(|earlier| {
        format!("in place of `{}` at {}", sources.text(*earlier), describe::place(sources, *earlier))
    }));
    let is_in_list =
        asked.outline.way(entry).iter().any(|entry| asked.outline.entries()[*entry].item.is_some());
    let keys: Vec<&str> = steps.iter().map(String::as_str).collect();
    if let Some(node) = analysis.project.written.at(&keys).filter(|node| !is_in_list && node.span != span)
        && node.scalar_text().is_some()
    {
        let (text, place) = (sources.text(node.span), describe::place(sources, node.span));
        lines.push(format!("`{text}` at {place} takes its place"));
    }
    if lines.is_empty() { Vec::new() } else { vec![lines.join("\n\n")] }
}
