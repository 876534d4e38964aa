//! Diagnostics on the terminal, and a line that counts them.

use topo::diagnostic::Diagnostics;
use topo::diagnostic::text::{Look, render};
use topo::source::SourceMap;

use super::Ui;

/// Prints all diagnostics, the errors last among those of one place, and a line that counts them.
pub(crate) fn report(ui: Ui, diagnostics: &Diagnostics, sources: &SourceMap) {
    for diagnostic in diagnostics.sorted() {
        let look = Look { color: ui.color_stderr, width: None };
        ui.line(&format!("{}\n", render(diagnostic, sources, look)));
    }
    let (errors, warnings) = diagnostics.count();
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    let counts: Vec<_> = [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    if errors > 0 {
        ui.line(&counts.join(", "));
    }
}
