//! Where values come from, as text that people read and as JSON.

use owo_colors::OwoColorize as _;
use serde_json::{Value, json};
use topo::load::{Origin, Variable};
use topo::project::explain::{Explanation, Source, display};
use topo::source::{SourceMap, Span};

use super::Ui;

/// A paragraph for each value: what it is and where that is written, and below it what it was made from and what it
/// took the place of.
pub(crate) fn text(ui: Ui, found: &[Explanation], sources: &SourceMap) -> String {
    let head = |one: &Explanation| format!("{} = {}", display(&one.path), one.value);
    let width =
        found.iter().map(|one| head(one).chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    let mut text = String::new();
    for one in found {
        let place = match &one.source {
            Source::Written { at, .. } | Source::File(at) | Source::Variable { at, .. } => {
                place(*at, sources)
            }
            Source::Default => "not written: the default".to_owned(),
        };
        let place = ui.paint_stdout(&place, |place| place.cyan().to_string());
        text.push_str(&format!("{:width$}  {place}\n", head(one)));
        for line in details(one, sources) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn details(one: &Explanation, sources: &SourceMap) -> Vec<String> {
    let mut lines = Vec::new();
    match &one.source {
        Source::Written { at, variables } => {
            let written = sources.text(*at);
            if !variables.is_empty() {
                lines.push(format!("written as {}", shortened(written)));
            }
            lines.extend(variables.iter().map(|variable| match &variable.value {
                Some((value, origin)) => {
                    format!("{} is {value:?}, from {}", variable.name, from(*origin, sources))
                }
                None if variable.default.is_empty() => format!("{} is set nowhere", variable.name),
                None => format!("{} is set nowhere, so {:?} stands for it", variable.name, variable.default),
            }));
        }
        Source::Variable { origin, .. } => {
            lines.push(format!("its value is from {}", from(*origin, sources)));
        }
        Source::File(_) | Source::Default => {}
    }
    lines.extend(
        one.overridden.iter().map(|span| {
            format!("in place of {} at {}", shortened(sources.text(*span)), place(*span, sources))
        }),
    );
    lines
}

/// An array with an object for each value.
pub(crate) fn json(found: &[Explanation], sources: &SourceMap) -> Value {
    let at = |span: Span| {
        sources.locate(span).map(|location| {
            json!({
                "file": location.file,
                "line": location.line,
                "column": location.column,
                "text": sources.text(span),
            })
        })
    };
    let origin = |origin: Origin| match origin {
        Origin::Shell => json!({ "kind": "shell" }),
        Origin::Project => json!({ "kind": "project-name" }),
        Origin::EnvFile(span) => json!({ "kind": "env-file", "at": at(span) }),
    };
    let variable = |variable: &Variable| {
        let (value, from) = variable.value.clone().unzip();
        json!({
            "name": variable.name,
            "value": value,
            "from": from.map(origin),
            "default": variable.default,
        })
    };
    let source = |source: &Source| match source {
        Source::Written { at: span, variables } => {
            let variables: Vec<Value> = variables.iter().map(variable).collect();
            json!({ "kind": "written", "at": at(*span), "variables": variables })
        }
        Source::File(span) => json!({ "kind": "file", "at": at(*span) }),
        Source::Variable { at: span, origin: from } => {
            json!({ "kind": "variable", "at": at(*span), "from": origin(*from) })
        }
        Source::Default => json!({ "kind": "default" }),
    };
    let one = |one: &Explanation| {
        let overridden: Vec<_> = one.overridden.iter().map(|span| at(*span)).collect();
        json!({ "path": one.path, "value": one.value, "source": source(&one.source), "overridden": overridden })
    };
    Value::Array(found.iter().map(one).collect())
}

fn from(origin: Origin, sources: &SourceMap) -> String {
    match origin {
        Origin::Shell => "the shell".to_owned(),
        Origin::Project => "the project's name".to_owned(),
        Origin::EnvFile(span) => place(span, sources),
    }
}

fn place(span: Span, sources: &SourceMap) -> String {
    sources
        .locate(span)
        .map_or_else(String::new, |place| format!("{}:{}:{}", place.file, place.line, place.column))
}

/// The first line of what is written.
fn shortened(written: &str) -> String {
    let mut lines = written.lines();
    let first = lines.next().unwrap_or("").trim_end();
    format!("`{first}`{}", if lines.next().is_some() { " ..." } else { "" })
}
