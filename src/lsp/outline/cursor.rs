//! What may be written at a place: a key of a mapping, or a value, and what is there of it already.

use std::ops::Range;

use super::block::{Level, read};
use super::{Content, Outline};

/// What may be written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The names and indices that lead to what the cursor is in.
    pub steps: Vec<String>,
    /// Whether only a key can be written; otherwise it is the value that the steps lead to.
    pub is_key: bool,
    /// What is written of it already.
    pub written: Range<usize>,
    /// The column of what is written, if it stands on a line of its own; `None` behind a key, a dash or a bracket.
    pub column: Option<usize>,
    /// Whether it is in brackets.
    pub is_flow: bool,
    /// Whether a space is missing before it: `key:|`.
    pub needs_space: bool,
}

/// Returns what may be written at `offset`; `None` in comments, in block scalars, and behind values that are complete.
pub fn cursor(text: &str, offset: usize) -> Option<Cursor> {
    let before = text.get(..offset)?;
    let (outline, open) = read(before);
    if open.is_comment {
        return None;
    }
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = before.len();
    let at = |owner: Option<usize>, is_key: bool, written: Range<usize>| Cursor {
        steps: owner.map_or_else(Vec::new, |owner| outline.steps(owner)),
        is_key,
        written,
        column: None,
        is_flow: !open.brackets.is_empty(),
        needs_space: false,
    };
    let last = outline.entries.last();
    let is_new = last
        .is_some_and(|entry| entry.key.start >= line || entry.value.start >= line && !entry.value.is_empty());
    if let Some(brackets) = open.brackets.last() {
        let own = outline.entries.len().checked_sub(1);
        let start = brackets.owner.map_or(0, |owner| outline.entries[owner].value.start);
        let inside = own.filter(|own| outline.entries[*own].key.start > start);
        let entry = inside.map(|own| &outline.entries[own]);
        return Some(match entry {
            Some(entry) if entry.content == Content::Word && entry.key.end == end => {
                at(entry.parent, true, entry.key.clone())
            }
            Some(entry)
                if matches!(entry.content, Content::Plain | Content::Quoted | Content::Alias)
                    && entry.value.end == end =>
            {
                at(inside, false, entry.value.clone())
            }
            Some(entry)
                if entry.content == Content::Nested
                    && entry.item.is_none()
                    && before[entry.key.end..].trim() == ":" =>
            {
                Cursor { needs_space: before.ends_with(':'), ..at(inside, false, end..end) }
            }
            _ if brackets.is_map => at(brackets.owner, true, end..end),
            _ => {
                let items = outline.children(brackets.owner).count().to_string();
                let mut cursor = at(brackets.owner, false, end..end);
                cursor.steps.push(items);
                cursor
            }
        });
    }
    if before[line..].trim().is_empty() {
        if last.is_some_and(|entry| entry.content == Content::Lines && entry.end >= line) {
            return None;
        }
        return blank(&outline, open.levels, end - line, end);
    }
    let (own, entry) = (outline.entries.len().checked_sub(1)?, last?);
    let column = Some(entry.value.start.max(line) - line);
    match entry.content {
        _ if !is_new => None,
        Content::Word if entry.key.end == end => {
            let column = Some(entry.key.start - line);
            Some(Cursor { column, ..at(entry.parent, true, entry.key.clone()) })
        }
        Content::Plain | Content::Quoted | Content::Alias if entry.value.end == end => {
            // Below its key, or behind it.
            let column = column.filter(|_| entry.key.start < line);
            Some(Cursor { column, ..at(Some(own), false, entry.value.clone()) })
        }
        Content::Nested => {
            let needs_space = before.ends_with(':') || before.ends_with('-');
            Some(Cursor { needs_space, ..at(Some(own), false, end..end) })
        }
        _ => None,
    }
}

/// Returns what may be written on a line without anything, at a column.
fn blank(outline: &Outline, mut levels: Vec<Level>, column: usize, end: usize) -> Option<Cursor> {
    let cursor = |owner: Option<usize>, is_key: bool| Cursor {
        steps: owner.map_or_else(Vec::new, |owner| outline.steps(owner)),
        is_key,
        written: end..end,
        column: Some(column),
        is_flow: false,
        needs_space: false,
    };
    while levels.last().is_some_and(|level| level.column > column) {
        levels.pop();
    }
    let Some(level) = levels.pop() else { return (column == 0).then(|| cursor(None, true)) };
    if level.column == column {
        let Some(items) = level.items else { return Some(cursor(level.owner, true)) };
        // A list in the column of its key, or one that another item may be added to.
        return Some(match levels.last() {
            Some(outer) if outer.column == column => cursor(outer.owner, true),
            _ => {
                let mut cursor = cursor(level.owner, false);
                cursor.steps.push(items.to_string());
                cursor
            }
        });
    }
    let last = level.last?;
    (outline.entries[last].content == Content::Nested).then(|| cursor(Some(last), false))
}
