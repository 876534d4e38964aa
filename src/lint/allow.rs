//! What the user lets pass, and why: `x-topo` of the project and of services, and comments such as
//! `# topo: allow(host-network) it measures the host`, on the line or above it.

use std::collections::{BTreeMap, BTreeSet};

use super::levels::{named, unknown};
use super::{Finding, Input, Rule};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{SourceFile, SourceMap, Span};

const MARK: &str = "# topo: allow(";

/// What the user lets pass.
#[derive(Debug, Default)]
pub(super) struct Allowances {
    project: BTreeSet<&'static str>,
    services: BTreeMap<String, BTreeSet<&'static str>>,
    /// By file and line.
    lines: BTreeMap<(String, usize), BTreeSet<&'static str>>,
}

impl Allowances {
    /// Reads all of them, and says which mean nothing.
    pub(super) fn read(input: &Input<'_>, diagnostics: &mut Diagnostics) -> Self {
        let mut allowances = Self::default();
        let lint = input.project.x_topo.as_ref().and_then(|x_topo| x_topo.lint.as_ref());
        for (name, reason) in lint.iter().flat_map(|lint| &lint.allow.0) {
            let span = input.span(&["x-topo", "lint", "allow", name]);
            allowances.project.extend(known(name, reason, span, diagnostics));
        }
        for (service, settings) in &input.project.services {
            let lint = settings.x_topo.as_ref().and_then(|x_topo| x_topo.lint.as_ref());
            for (name, reason) in lint.iter().flat_map(|lint| &lint.allow.0) {
                let span = input.span(&["services", service, "x-topo", "lint", "allow", name]);
                let allowed = known(name, reason, span, diagnostics);
                allowances.services.entry(service.clone()).or_default().extend(allowed);
            }
        }
        for file in input.sources.files() {
            allowances.read_comments(file, diagnostics);
        }
        allowances
    }

    /// A comment counts for its line; one that has a line of its own counts for the next line that is no comment.
    fn read_comments(&mut self, file: &SourceFile, diagnostics: &mut Diagnostics) {
        let mut waiting: BTreeSet<&'static str> = BTreeSet::new();
        let mut start = 0;
        for (number, line) in file.text.split_inclusive('\n').enumerate() {
            let comment = line.find(MARK).filter(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
            if let Some(at) = comment {
                let inside = at + MARK.len();
                let (names, reason) = line[inside..].split_once(')').unwrap_or((&line[inside..], ""));
                let span = file.span(start + at..start + line.trim_end().len());
                for name in names.split(',') {
                    waiting.extend(known(name.trim(), reason, span, diagnostics));
                }
            }
            start += line.len();
            let is_code = !matches!(line.trim_start().chars().next(), None | Some('#'));
            if is_code && !waiting.is_empty() {
                self.lines.insert((file.name.clone(), number + 1), std::mem::take(&mut waiting));
            }
        }
    }

    /// Returns whether a finding is allowed.
    pub(super) fn hold(&self, rule: &Rule, finding: &Finding, sources: &SourceMap) -> bool {
        let name = rule.name();
        let of_service = finding.service.as_ref().and_then(|service| self.services.get(service));
        let is_on_line = |span: Span| {
            let place = sources.locate(span).map(|at| (at.file.to_owned(), at.line));
            place.and_then(|place| self.lines.get(&place)).is_some_and(|names| names.contains(name))
        };
        self.project.contains(name)
            || of_service.is_some_and(|names| names.contains(name))
            || finding.places().any(is_on_line)
    }
}

/// Returns the rules of that name. One that is unknown, or allowed for no reason, is told.
fn known(
    name: &str,
    reason: &str,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> impl Iterator<Item = &'static str> {
    let rules = named(name).unwrap_or_else(|help| {
        diagnostics.push(unknown(name, help).label(span, "this is none"));
        Vec::new()
    });
    if !rules.is_empty() && reason.trim().is_empty() {
        diagnostics.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is allowed for no reason"))
                .label(span, "allowed here")
                .help(format!("say why: `{name}: REASON`, or `{MARK}{name}) REASON`")),
        );
    }
    rules.into_iter().map(Rule::name)
}
