//! Diagnostics for programs: JSON, SARIF for code scanning, and the lines that GitHub turns into annotations.

use serde_json::{Value, json};
use topo::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use topo::lint::RULES;
use topo::source::{SourceMap, Span};

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A place with its end; lines and columns count from 1, and the end is the first column behind it.
fn place(span: Span, sources: &SourceMap) -> Option<(&str, [usize; 4])> {
    let (start, end) = (sources.locate(span)?, sources.locate(span.end())?);
    Some((start.file, [start.line, start.column, end.line, end.column]))
}

/// One object with all diagnostics and their number.
pub(crate) fn json(diagnostics: &Diagnostics, sources: &SourceMap) -> Value {
    let part = |span: Span, text: &str| {
        let (file, [line, column, end_line, end_column]) = place(span, sources)?;
        Some(json!({
            "file": file,
            "line": line,
            "column": column,
            "endLine": end_line,
            "endColumn": end_column,
            "text": text,
        }))
    };
    let one = |diagnostic: &Diagnostic| {
        let labels: Vec<Value> =
            diagnostic.labels.iter().filter_map(|label| part(label.span, &label.text)).collect();
        let edits: Vec<Value> =
            diagnostic.edits.iter().filter_map(|edit| part(edit.span, &edit.text)).collect();
        json!({
            "code": diagnostic.code.name(),
            "severity": level(diagnostic.severity),
            "message": diagnostic.message,
            "labels": labels,
            "help": diagnostic.help,
            "edits": edits,
        })
    };
    let (errors, warnings) = diagnostics.count();
    let found: Vec<Value> = diagnostics.sorted().into_iter().map(one).collect();
    json!({ "diagnostics": found, "errors": errors, "warnings": warnings })
}

/// A log in the [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html) format.
pub(crate) fn sarif(diagnostics: &Diagnostics, sources: &SourceMap) -> Value {
    let location = |span: Span, text: &str| {
        let (file, [line, column, end_line, end_column]) = place(span, sources)?;
        Some(json!({
            "physicalLocation": {
                "artifactLocation": { "uri": file },
                "region": {
                    "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
                },
            },
            "message": { "text": text },
        }))
    };
    let one = |diagnostic: &Diagnostic| {
        let mut labels = diagnostic.labels.iter().map(|label| location(label.span, &label.text));
        let primary: Vec<Value> = labels.next().flatten().into_iter().collect();
        let related: Vec<Value> = labels.flatten().collect();
        let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
        json!({
            "ruleId": diagnostic.code.name(),
            "level": level(diagnostic.severity),
            "message": { "text": format!("{}{help}", diagnostic.message) },
            "locations": primary,
            "relatedLocations": related,
        })
    };
    let codes = Code::ALL.iter().copied().chain(RULES.iter().map(|rule| rule.code()));
    let rules: Vec<Value> = codes
        .map(|code| json!({ "id": code.name(), "shortDescription": { "text": code.documentation().trim() } }))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "topo", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": diagnostics.sorted().into_iter().map(one).collect::<Vec<_>>(),
        }],
    })
}

/// [Workflow commands](https://docs.github.com/actions/reference/workflow-commands-for-github-actions), one a line.
pub(crate) fn github(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let one = |diagnostic: &Diagnostic| {
        let label = diagnostic.labels.first().and_then(|label| place(label.span, sources));
        let at = label.map_or(String::new(), |(file, [line, column, end_line, _])| {
            format!("file={},line={line},endLine={end_line},col={column},", property(file))
        });
        let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
        let title = property(diagnostic.code.name());
        let message = data(&format!("{}{help}", diagnostic.message));
        let word = if diagnostic.severity == Severity::Note { "notice" } else { level(diagnostic.severity) };
        format!("::{word} {at}title={title}::{message}\n")
    };
    diagnostics.sorted().into_iter().map(one).collect()
}
