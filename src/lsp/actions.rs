//! What mends what there is to say: the changes that a rule knows, a name that was meant, a declaration that is missing, a
//! word in the file that lets a rule pass.

use std::ops::Range;

use lsp_types::{CodeAction, CodeActionKind, CodeActionOrCommand, TextEdit, WorkspaceEdit};

use super::asked::Asked;
use super::candidates;
use super::diagnostics::{Places, convert};
use super::names::{Kind, mention_at, mentions_in, steps_where_used};
use super::rename::changes;
use super::schema::Forms;
use super::variables::variable_at;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::lint::fix::fix;
use crate::source::Span;

/// Returns what can be done about what is said in a part of the file.
pub(super) fn actions(
    asked: &Asked<'_>,
    range: lsp_types::Range,
    only: Option<&[CodeActionKind]>,
) -> Vec<CodeActionOrCommand> {
    let wants = |kind: &CodeActionKind| {
        only.is_none_or(|only| only.iter().any(|one| kind.as_str().starts_with(one.as_str())))
    };
    let mut found = Vec::new();
    if wants(&CodeActionKind::QUICKFIX) {
        for diagnostic in &asked.analysis.diagnostics {
            let Some(place) = here(asked, diagnostic) else { continue };
            // Anywhere on its lines: a mistake may be marked by its key alone.
            let there = asked.range(&place);
            if there.start.line <= range.end.line && range.start.line <= there.end.line {
                found.extend(mend(asked, diagnostic, &place));
            }
        }
    }
    if wants(&CodeActionKind::SOURCE_FIX_ALL) {
        found.extend(fix_all(asked));
    }
    found.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

/// Returns the place of a diagnostic in the file at hand.
fn here(asked: &Asked<'_>, diagnostic: &Diagnostic) -> Option<Range<usize>> {
    let sources = &asked.analysis.loaded.sources;
    let span = sources.shown(diagnostic.labels.first()?.span);
    let file = sources.file(span).filter(|file| file.path == asked.path)?;
    Some(file.range(span))
}

fn mend(asked: &Asked<'_>, diagnostic: &Diagnostic, place: &Range<usize>) -> Vec<CodeAction> {
    let mut places = Places::new(&asked.analysis, asked.documents, asked.encoding);
    let shown = convert(diagnostic, asked.range(place), &mut places);
    let action = |title: String, edit: WorkspaceEdit, is_preferred: bool| CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![shown.clone()]),
        edit: Some(edit),
        is_preferred: is_preferred.then_some(true),
        ..CodeAction::default()
    };
    let in_file = |range: &Range<usize>, text: String| {
        let edit = TextEdit::new(asked.range(range), text);
        changes([(asked.document.uri.clone(), edit)])
    };
    let mut found = Vec::new();
    if !diagnostic.edits.is_empty() {
        let title = diagnostic.help.clone().unwrap_or_else(|| "mend it".to_owned());
        let edits = diagnostic.edits.iter().map(|edit| (edit.span, edit.text.clone()));
        found.extend(edits_of(&mut places, edits).map(|edit| action(title, edit, true)));
    }
    match diagnostic.code {
        Code::UnknownKey => {
            if let Some((range, meant)) = meant_attribute(asked, place.start) {
                found.push(action(format!("write `{meant}`"), in_file(&range, meant), true));
            }
        }
        Code::UnknownReference => found.extend(
            mend_reference(asked, place.start)
                .into_iter()
                .map(|(title, range, text, is_preferred)| action(title, in_file(&range, text), is_preferred)),
        ),
        Code::InvalidValue => {
            if let Some((range, meant)) = meant_word(asked, place.start) {
                found.push(action(format!("write `{meant}`"), in_file(&range, meant), true));
            }
        }
        Code::UnsetVariable => {
            if let Some((range, text)) = may_be_empty(asked, place) {
                found.push(action(format!("write `{text}`"), in_file(&range, text), false));
            }
        }
        Code::WrongType => {
            // A value of many lines is marked by its first one.
            let is_whole = asked.outline.at(place.start).is_some_and(|(entry, is_key)| {
                let own = &asked.outline.entries()[entry];
                *place == if is_key && !own.key.is_empty() { own.key.clone() } else { own.value.clone() }
            });
            let help = diagnostic.help.as_deref().and_then(|help| help.split_once(": "));
            if let Some((title @ ("write it in quotes" | "put it in brackets"), text)) =
                help.filter(|_| is_whole)
            {
                found.push(action(title.to_owned(), in_file(place, text.to_owned()), true));
            }
        }
        Code::InvalidYaml if diagnostic.help.as_deref().is_some_and(|help| help.contains("no tabs")) => {
            found.push(action("indent with spaces".to_owned(), spaces_for_tabs(asked), true));
        }
        Code::ObsoleteAttribute if diagnostic.edits.is_empty() => {
            if let Some(range) = lines_of(asked, place.start) {
                found.push(action("remove it".to_owned(), in_file(&range, String::new()), true));
            }
        }
        Code::Rule(page) => {
            let line = asked.document.text[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
            let indent = asked.document.text[line..].chars().take_while(|one| *one == ' ').count();
            let comment = format!(
                "{}# topo: allow({}) REASON{}",
                " ".repeat(indent),
                page.name,
                asked.document.line_break()
            );
            found.push(action(format!("allow `{}` here", page.name), in_file(&(line..line), comment), false));
        }
        _ => {}
    }
    found
}

fn edits_of(places: &mut Places<'_>, edits: impl Iterator<Item = (Span, String)>) -> Option<WorkspaceEdit> {
    let edit = |(span, text): (Span, String)| {
        let location = places.location(span)?;
        Some((location.uri, TextEdit::new(location.range, text)))
    };
    Some(changes(edits.map(edit).collect::<Option<Vec<_>>>()?))
}

/// Returns the attribute that was meant by the key at a place.
fn meant_attribute(asked: &Asked<'_>, offset: usize) -> Option<(Range<usize>, String)> {
    let (entry, _) = asked.outline.at(offset)?;
    let mut steps = asked.outline.steps(entry);
    let written = steps.pop()?;
    let forms = Forms::at(&steps_where_used(&asked.outline, &steps));
    let meant = nearest(&written, forms.attributes().map(|attribute| attribute.name))?;
    Some((asked.outline.entries()[entry].key.clone(), meant.to_owned()))
}

/// Returns the word that was meant by the value at a place.
fn meant_word(asked: &Asked<'_>, offset: usize) -> Option<(Range<usize>, String)> {
    let outline = &asked.outline;
    let (entry, _) = outline.at(offset)?;
    let words = Forms::at(&steps_where_used(outline, &outline.steps(entry))).words();
    let meant = nearest(outline.scalar(entry)?, words.iter().map(|word| word.text.as_str()))?;
    Some((outline.inner(&outline.entries()[entry].value), meant.to_owned()))
}

/// Returns what lets a variable be empty: `${NAME:-}`.
fn may_be_empty(asked: &Asked<'_>, place: &Range<usize>) -> Option<(Range<usize>, String)> {
    let variable = variable_at(&asked.outline, place.end)?;
    let text = &asked.document.text;
    let Range { start, end } = variable.range;
    let range = match (text[..start].ends_with("${"), text[end..].starts_with('}')) {
        (true, true) => start - 2..end + 1,
        (false, _) => start - 1..end,
        (true, false) => return None,
    };
    Some((range, format!("${{{}:-}}", variable.name)))
}

type Mend = (String, Range<usize>, String, bool);

/// Returns the name that was meant by the one at a place, and the declaration that it lacks.
fn mend_reference(asked: &Asked<'_>, offset: usize) -> Vec<Mend> {
    let outline = &asked.outline;
    // The place may be the quotes around the name, or the item that it is in.
    let inside = outline.at(offset).map(|(entry, _)| entry);
    let in_entry = |entry: usize| mentions_in(outline, entry).into_iter().next();
    let below = |entry: usize| outline.children(Some(entry)).find_map(in_entry);
    let mention = mention_at(outline, offset).or_else(|| in_entry(inside?)).or_else(|| below(inside?));
    let Some(mention) = mention else { return Vec::new() };
    let mut found: Vec<Mend> = Vec::new();
    let names =
        candidates::names(asked, mention.kind, &steps_where_used(outline, &outline.steps(mention.entry)));
    if let Some(meant) =
        nearest(&mention.name, names.iter().map(String::as_str).filter(|name| **name != *mention.name))
    {
        found.push((format!("write `{meant}`"), mention.range.clone(), meant.to_owned(), true));
    }
    let body = match mention.kind {
        Kind::Network | Kind::Volume => "",
        Kind::Secret | Kind::Config => "file: FILE",
        Kind::Model => "model: MODEL",
        Kind::Service | Kind::Profile => return found,
    };
    if let Some((range, text)) = declare(asked, mention.kind, &mention.name, body) {
        let is_only = found.is_empty();
        found.push((format!("declare {} `{}`", mention.kind.word(), mention.name), range, text, is_only));
    }
    found
}

/// Returns what declares a name: an entry of its section, or the section at the end of the file.
fn declare(asked: &Asked<'_>, kind: Kind, name: &str, body: &str) -> Option<(Range<usize>, String)> {
    let (outline, text) = (&asked.outline, &asked.document.text);
    let section = kind.section()?;
    let newline = asked.document.line_break();
    let entry = |indent: &str| match body {
        "" => format!("{indent}{name}:{newline}"),
        body => format!("{indent}{name}:{newline}{indent}  {body}{newline}"),
    };
    let Some(there) = outline.child(None, section) else {
        let break_before = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
        return Some((text.len()..text.len(), format!("{break_before}{section}:{newline}{}", entry("  "))));
    };
    let own = &outline.entries()[there];
    if !own.value.is_empty()
        || text[own.key.end..].trim_start_matches(':').trim_start().starts_with(['{', '['])
    {
        // In brackets, or no mapping.
        return None;
    }
    let first = outline.children(Some(there)).next();
    let column = first.map_or(2, |first| {
        let start = outline.entries()[first].key.start;
        start - text[..start].rfind('\n').map_or(0, |newline| newline + 1)
    });
    let line = text[own.key.end..].find('\n').map(|end| own.key.end + end + 1);
    let indent = " ".repeat(column);
    Some(match line {
        Some(line) => (line..line, entry(&indent)),
        None => (text.len()..text.len(), format!("{newline}{}", entry(&indent))),
    })
}

/// Returns the changes that indent all lines with spaces, two for each tab.
fn spaces_for_tabs(asked: &Asked<'_>) -> WorkspaceEdit {
    let text = &asked.document.text;
    let mut start = 0;
    let mut edits = Vec::new();
    for line in text.split_inclusive('\n') {
        let space = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if space.contains('\t') {
            let range = asked.range(&(start..start + space.len()));
            edits.push((asked.document.uri.clone(), TextEdit::new(range, space.replace('\t', "  "))));
        }
        start += line.len();
    }
    changes(edits)
}

/// Returns the lines of the entry whose key is at a place, if they have nothing else on them.
fn lines_of(asked: &Asked<'_>, offset: usize) -> Option<Range<usize>> {
    let (entry, _) = asked.outline.at(offset).filter(|(_, is_key)| *is_key)?;
    let (own, text) = (&asked.outline.entries()[entry], &asked.document.text);
    let start = text[..own.key.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[own.end..].find('\n').map_or(text.len(), |end| own.end + end + 1);
    text[start..own.key.start].trim().is_empty().then_some(start..end)
}

/// Returns all changes together that rules know for the file at hand.
fn fix_all(asked: &Asked<'_>) -> Option<CodeAction> {
    let is_here = |diagnostic: &&Diagnostic| {
        let sources = &asked.analysis.loaded.sources;
        let in_file = |span: Span| sources.file(span).is_some_and(|file| file.path == asked.path);
        !diagnostic.edits.is_empty() && diagnostic.edits.iter().all(|edit| in_file(edit.span))
    };
    let diagnostics: Vec<&Diagnostic> = asked.analysis.diagnostics.iter().filter(is_here).collect();
    let fixed = fix(&diagnostics, &asked.analysis.loaded.sources);
    let (_, text) = fixed.files.into_iter().find(|(path, _)| path == asked.path)?;
    let whole = asked.range(&(0..asked.document.text.len()));
    let edit = changes([(asked.document.uri.clone(), TextEdit::new(whole, text))]);
    Some(CodeAction {
        title: format!("mend what rules know to mend ({})", fixed.mended),
        kind: Some(CodeActionKind::SOURCE_FIX_ALL),
        edit: Some(edit),
        ..CodeAction::default()
    })
}
