//! A diagnostic as text for people: the lines of the file, labels under them, help below.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::{Diagnostic, Severity, one_line};
use crate::source::SourceMap;

/// How text for people looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether it has colour.
    pub color: bool,
    /// How many columns it may have; `None` finds out how wide the terminal is.
    pub width: Option<usize>,
}

/// Writes a diagnostic with the lines that it is about.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, look: Look) -> String {
    let mut theme = if look.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    // The severity and the code stand before the message, as rustc has them.
    theme.characters.error = format!("error[{}]:", diagnostic.code);
    theme.characters.advice = format!("note[{}]:", diagnostic.code);
    theme.characters.warning = format!("warning[{}]:", diagnostic.code);
    let mut handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(1)
        .without_syntax_highlighting();
    if let Some(width) = look.width {
        handler = handler.with_width(width);
    }
    let mut text = String::new();
    if handler.render_report(&mut text, &Shown { diagnostic, sources }).is_err() {
        text = one_line(diagnostic, sources);
    }
    text.trim().to_owned()
}

/// A diagnostic as miette wants it.
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    sources: &'a SourceMap,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, formatter)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_deref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.diagnostic.labels.is_empty()).then_some(self.sources as _)
    }

    /// A value may have thousands of lines; the first says which it is.
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.diagnostic.labels.iter().enumerate().map(|(at, label)| {
            let text = Some(label.text.clone());
            let span = self.sources.shown(label.span);
            if at == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        });
        Some(Box::new(labels))
    }
}
