//! A place that a rule does not hold at. How grave that is, the rule does not know.

use crate::diagnostic::{Code, Diagnostic, Edit, Label, Severity};
use crate::source::Span;
use crate::yaml::Entry;

use super::Input;

/// A place that a rule does not hold at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The service that it is about, whose allowances count.
    pub(super) service: Option<String>,
    message: String,
    labels: Vec<Label>,
    help: Option<String>,
    pub(super) edits: Vec<Edit>,
}

impl Finding {
    /// Makes one about the attribute at `path`.
    pub(super) fn at(
        input: &Input<'_>,
        path: &[&str],
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        let service = match path {
            ["services", name, ..] => Some((*name).to_owned()),
            _ => None,
        };
        let labels = vec![Label { span: input.span(path), text: label.into() }];
        Self { service, message: message.into(), labels, help: None, edits: Vec::new() }
    }

    /// Makes one of what another part of topo has to say.
    pub(super) fn of(input: &Input<'_>, said: &Diagnostic) -> Self {
        let Diagnostic { severity: _, code: _, message, labels, help, edits } = said.clone();
        let is_in = |span: Span, entry: &Entry| entry.key == span || entry.node.span.holds(span);
        let service = labels.first().and_then(|label| {
            let mut services = input.node(&["services"])?.as_map()?.iter();
            services.find(|(_, entry)| is_in(label.span, entry)).map(|(name, _)| name.to_string())
        });
        Self { service, message, labels, help, edits }
    }

    /// Tells the other half of the story.
    pub(super) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says how to mend it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says how a program mends it, if one can.
    pub(super) fn fix(mut self, edits: impl IntoIterator<Item = Edit>) -> Self {
        self.edits.extend(edits);
        self
    }

    /// Returns the places, the primary one first.
    pub(super) fn places(&self) -> impl Iterator<Item = Span> {
        self.labels.iter().map(|label| label.span)
    }

    /// Makes a diagnostic of it.
    pub(super) fn into_diagnostic(self, code: Code, severity: Severity) -> Diagnostic {
        let Self { service: _, message, labels, help, edits } = self;
        let mut diagnostic = Diagnostic { severity, ..Diagnostic::note(code, message) };
        for Label { span, text } in labels {
            diagnostic = diagnostic.label(span, text);
        }
        Diagnostic { edits, ..diagnostic.help_if(help) }
    }
}
