//! Diagnostics on the terminal: the lines of the file, labels under them, help below.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use topo::diagnostic::{Diagnostic, Diagnostics, Severity};
use topo::source::SourceMap;

use super::Ui;

/// Prints all diagnostics, the errors last among those of one place, and a line that counts them.
pub(crate) fn report(ui: Ui, diagnostics: &Diagnostics, sources: &SourceMap) {
    for diagnostic in diagnostics.sorted() {
        let mut theme =
            if ui.color_stderr { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        // The severity and the code stand before the message, as rustc has them.
        theme.characters.error = format!("error[{}]:", diagnostic.code);
        theme.characters.warning = format!("warning[{}]:", diagnostic.code);
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_context_lines(1)
            .without_syntax_highlighting();
        let mut text = String::new();
        let shown = Shown { diagnostic, sources };
        if handler.render_report(&mut text, &shown).is_err() {
            text = topo::diagnostic::one_line(diagnostic, sources);
        }
        ui.say(&format!("{}\n", text.trim().trim_end_matches('\n')));
    }
    let (errors, warnings) = diagnostics.count();
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    let counts: Vec<_> = [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    if errors > 0 {
        ui.say(&counts.join(", "));
    }
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
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_deref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.diagnostic.labels.is_empty()).then_some(self.sources as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.diagnostic.labels.iter().enumerate().map(|(at, label)| {
            let text = Some(label.text.clone());
            if at == 0 {
                LabeledSpan::new_primary_with_span(text, label.span)
            } else {
                LabeledSpan::new_with_span(text, label.span)
            }
        });
        Some(Box::new(labels))
    }
}
