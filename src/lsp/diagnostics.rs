//! What there is to say, as editors show it: at its place, with the other half of the story, and with what mends it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString, Range,
};

use super::analysis::Analysis;
use super::documents::{Documents, uri_of};
use super::position::{Encoding, Lines};
use crate::diagnostic::{Code, Diagnostic, Label, Severity};
use crate::source::Span;

/// Says where a span is, in all files of a project.
pub(super) struct Places<'a> {
    analysis: &'a Analysis,
    documents: &'a Documents,
    encoding: Encoding,
    /// The lines of files that were asked for, by path.
    lines: BTreeMap<PathBuf, Lines>,
}

impl<'a> Places<'a> {
    /// Makes one that has been asked for nothing.
    pub(super) fn new(analysis: &'a Analysis, documents: &'a Documents, encoding: Encoding) -> Self {
        Self { analysis, documents, encoding, lines: BTreeMap::new() }
    }

    /// Returns the file of a span, and the place in it.
    pub(super) fn find(&mut self, span: Span) -> Option<(PathBuf, Range)> {
        let file = self.analysis.loaded.sources.file(span)?;
        let encoding = self.encoding;
        let lines = self.lines.entry(file.path.clone()).or_insert_with(|| Lines::new(&file.text, encoding));
        Some((file.path.clone(), lines.range(&file.text, &file.range(span))))
    }

    /// The same as the protocol has it.
    pub(super) fn location(&mut self, span: Span) -> Option<Location> {
        let (path, range) = self.find(span)?;
        Some(Location { uri: uri_of(&path, self.documents)?, range })
    }
}

/// Returns what there is to say of a project, by file. What has no place is said at the top of its first file.
pub(super) fn by_file(
    analysis: &Analysis,
    documents: &Documents,
    encoding: Encoding,
) -> BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> {
    let mut places = Places::new(analysis, documents, encoding);
    let mut found: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
    for diagnostic in &analysis.diagnostics {
        let place = match diagnostic.labels.first() {
            // A value of many lines is shown by its first one.
            Some(label) => places.find(analysis.loaded.sources.shown(label.span)),
            None => analysis.loaded.files.first().map(|file| (file.clone(), Range::default())),
        };
        if let Some((path, range)) = place {
            found.entry(path).or_default().push(convert(diagnostic, range, &mut places));
        }
    }
    found
}

/// Writes one as the protocol has it.
pub(super) fn convert(
    diagnostic: &Diagnostic,
    range: Range,
    places: &mut Places<'_>,
) -> lsp_types::Diagnostic {
    let Diagnostic { severity, code, message, labels, help, edits: _ } = diagnostic;
    let mut text = message.clone();
    if let Some(label) = labels.first().filter(|label| !label.text.is_empty()) {
        text.push_str(&format!(": {}", label.text));
    }
    if let Some(help) = help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    let related = labels.iter().skip(1).filter_map(|Label { span, text }| {
        let location = places.location(*span)?;
        Some(DiagnosticRelatedInformation { location, message: text.clone() })
    });
    let related: Vec<DiagnosticRelatedInformation> = related.collect();
    let tag = match code {
        Code::ObsoleteAttribute => Some(DiagnosticTag::DEPRECATED),
        Code::Rule(page) if page.name == "obsolete" => Some(DiagnosticTag::DEPRECATED),
        Code::Rule(page) if page.name == "unused-resource" => Some(DiagnosticTag::UNNECESSARY),
        _ => None,
    };
    lsp_types::Diagnostic {
        range,
        severity: Some(match severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(code.name().to_owned())),
        source: Some("topo".to_owned()),
        message: text,
        related_information: (!related.is_empty()).then_some(related),
        tags: tag.map(|tag| vec![tag]),
        ..lsp_types::Diagnostic::default()
    }
}
