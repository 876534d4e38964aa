//! Mends files: changes at places, which keep comments and layout.

use std::ops::Range;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Edit};
use crate::source::{SourceMap, Span};
use crate::yaml::{Entry, Node, Value};

use super::{Finding, Input};

/// Files that are mended, and what could not be.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The files that change, with their new texts.
    pub files: Vec<(PathBuf, String)>,
    /// How many diagnostics are mended.
    pub mended: usize,
    /// How many are not, because their changes meet those of others.
    pub skipped: usize,
}

/// Mends what can be mended in the files that were loaded. The changes of a diagnostic are all made, or none is.
pub fn fix(diagnostics: &[&Diagnostic], sources: &SourceMap) -> Fixed {
    let mut fixed = Fixed::default();
    // By the file, as its place among all.
    let mut taken: Vec<(usize, Range<usize>, &str)> = Vec::new();
    let place = |edit: &Edit| {
        let file = sources.file(edit.span)?;
        let at = sources.files().iter().position(|one| std::ptr::eq(one, file))?;
        file.is_text.then(|| (at, file.range(edit.span)))
    };
    for diagnostic in diagnostics.iter().filter(|one| !one.edits.is_empty()) {
        let before = taken.len();
        let fits = diagnostic.edits.iter().all(|edit| {
            let Some((file, range)) = place(edit) else { return false };
            // Those of one diagnostic may touch each other.
            let is_free = taken.iter().enumerate().all(|(at, (other, there, _))| {
                let apart = range.start > there.end || there.start > range.end;
                let beside = range != *there && (range.start >= there.end || there.start >= range.end);
                file != *other || apart || (at >= before && beside)
            });
            taken.push((file, range, edit.text.as_str()));
            is_free
        });
        if fits {
            fixed.mended += 1;
        } else {
            taken.truncate(before);
            fixed.skipped += 1;
        }
    }
    taken.sort_by_key(|(file, range, _)| (*file, std::cmp::Reverse(range.start)));
    for (at, file) in sources.files().iter().enumerate() {
        let mut text = file.text.clone();
        for (_, range, new) in taken.iter().filter(|(other, ..)| *other == at) {
            text.replace_range(range.clone(), new);
        }
        if text != file.text {
            fixed.files.push((file.path.clone(), text));
        }
    }
    fixed
}

/// Takes the changes from findings where they would change another service, too, that has no such finding: what an
/// anchor, a merge key or `extends` brings in is written in one place.
pub(super) fn spare_others(findings: &mut [Finding], input: &Input<'_>) {
    if findings.iter().all(|finding| finding.edits.is_empty()) {
        return;
    }
    let mut places = Vec::new();
    for (name, entry) in input.node(&["services"]).and_then(Node::as_map).into_iter().flatten() {
        gather(&entry.node, &mut |span| places.push((name.as_str(), span)));
    }
    let has = |service: &str, edit: &Edit| {
        let mut its = findings.iter().filter(|finding| finding.service.as_deref() == Some(service));
        its.any(|finding| finding.edits.contains(edit))
    };
    let meets_others = |finding: &Finding| {
        let Some(own) = finding.service.as_deref() else { return false };
        let mut edits = finding.edits.iter();
        edits.any(|edit| {
            let meets = |span: Span| span.holds(edit.span) || edit.span.holds(span);
            let mut others = places.iter().filter(|(service, span)| *service != own && meets(*span));
            others.any(|(service, _)| !has(service, edit))
        })
    };
    let meeting: Vec<bool> = findings.iter().map(meets_others).collect();
    for (finding, meets) in findings.iter_mut().zip(meeting) {
        if meets {
            finding.edits.clear();
        }
    }
}

/// Tells the places of all keys and of all values that hold no others.
fn gather(node: &Node, tell: &mut impl FnMut(Span)) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries.values() {
                tell(entry.key);
                gather(&entry.node, tell);
            }
        }
        Value::List(items) => items.iter().for_each(|item| gather(item, tell)),
        _ => tell(node.span),
    }
}

impl Input<'_> {
    /// Returns what inserts a text before `span`.
    pub(super) fn insert(span: Span, text: impl Into<String>) -> Edit {
        Edit { span: span.slice(0, 0), text: text.into() }
    }

    /// Returns what removes an entry of a mapping together with its lines. `None` where it shares them with others, where
    /// an anchor is on it, and where nothing would be left of the mapping.
    pub(super) fn remove(&self, entry: &Entry) -> Option<Edit> {
        let file = self.sources.file(entry.key)?;
        let key = file.range(entry.key);
        // The value may be written elsewhere: an alias.
        let value = file.range(entry.node.span);
        let is_here = self.sources.file(entry.node.span).is_some_and(|other| std::ptr::eq(other, file));
        if !is_here || value.start < key.start {
            return None;
        }
        let start = file.text[..key.start].rfind('\n').map_or(0, |at| at + 1);
        let last = value.end.max(key.end);
        let end = file.text[last..].find('\n').map_or(file.text.len(), |at| last + at + 1);
        let rest = file.text[last..end].trim().trim_start_matches(':').trim_start();
        let is_alone =
            file.text[start..key.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'));
        let is_needed = file.text[start..end].contains(" &");
        let column = key.start - start;
        let has_sibling =
            sibling(file.text[..start].lines().rev(), column) || sibling(file.text[end..].lines(), column);
        let edit = Edit { span: file.span(start..end), text: String::new() };
        (is_alone && !is_needed && has_sibling).then_some(edit)
    }
}

/// Returns whether one of the lines that follow is an entry of the same mapping: it begins at the same column, and none
/// before it further left.
fn sibling<'a>(lines: impl Iterator<Item = &'a str>, column: usize) -> bool {
    let indents = lines.filter_map(|line| {
        let inside = line.trim_start();
        let is_nothing = inside.is_empty() || inside.starts_with('#');
        (!is_nothing).then_some((line.len() - inside.len(), inside))
    });
    let mut nearest = indents.skip_while(|(indent, _)| *indent > column);
    nearest.next().is_some_and(|(indent, inside)| {
        indent == column
            && !inside.starts_with("---")
            && !inside.starts_with("...")
            && !inside.starts_with("- ")
    })
}
