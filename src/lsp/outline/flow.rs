//! Reads what is in brackets: `[a, b]` and `{a: b}`, over several lines if they are further right than their key.

use std::ops::Range;

use super::Content;
use super::block::{Reader, quoted};

/// Deeper nesting than this is no compose file; it bounds the recursion.
const DEPTH_LIMIT: usize = 100;

/// Brackets that are not closed at the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brackets {
    /// The entry whose value they are; `None` at the top.
    pub(super) owner: Option<usize>,
    /// Whether they are `{`.
    pub(super) is_map: bool,
}

impl Reader<'_> {
    /// Reads what is in brackets, and returns where it ends: behind the last bracket, or where lines begin that do not
    /// belong to it, since they begin left of column `least`.
    pub(super) fn brackets(&mut self, owner: Option<usize>, at: usize, least: usize) -> usize {
        self.open.brackets.clear();
        let (end, is_closed) = self.collection(owner, at, least, 0);
        if is_closed || end < self.text.len() {
            self.open.brackets.clear();
        } else {
            self.open.brackets.reverse();
        }
        self.reach(owner, end);
        end
    }

    /// Notes how far the value of an entry goes.
    fn reach(&mut self, owner: Option<usize>, end: usize) {
        if let Some(owner) = owner {
            self.entries[owner].end = self.entries[owner].end.max(end);
        }
    }

    fn collection(&mut self, owner: Option<usize>, at: usize, least: usize, depth: usize) -> (usize, bool) {
        let is_map = self.text[at..].starts_with('{');
        let mut at = at + 1;
        let mut items = 0;
        loop {
            let (next, goes_on) = self.space(at, least);
            at = next;
            if !goes_on || depth == DEPTH_LIMIT {
                self.open.brackets.push(Brackets { owner, is_map });
                return (at, false);
            }
            match self.text.as_bytes()[at] {
                b',' => at += 1,
                b']' | b'}' => {
                    self.reach(owner, at + 1);
                    return (at + 1, true);
                }
                _ => {
                    let item = (!is_map).then_some(items);
                    items += 1;
                    let (next, goes_on) = self.member(owner, item, at, least, depth);
                    // Whatever it is, go on behind it.
                    at = if next > at {
                        next
                    } else {
                        at + self.text[at..].chars().next().map_or(1, char::len_utf8)
                    };
                    if !goes_on {
                        self.open.brackets.push(Brackets { owner, is_map });
                        return (at, false);
                    }
                }
            }
        }
    }

    /// Reads a key and its value, or an item. Returns where it ends, and whether anything can follow.
    fn member(
        &mut self,
        owner: Option<usize>,
        item: Option<usize>,
        at: usize,
        least: usize,
        depth: usize,
    ) -> (usize, bool) {
        let mut parent = owner;
        if let Some(item) = item {
            let entry = self.push(owner, Some(item), at..at);
            let start = self.properties(entry, at);
            let is_nested = self.text[start..].starts_with(['[', '{']);
            let word = self.word(start);
            let (after, _) = self.space(word.end, least);
            if is_nested || !self.text[after..].starts_with(':') || word.is_empty() {
                return self.inside(entry, start, least, depth);
            }
            // `[a: b]` is a list of one mapping.
            parent = Some(entry);
        }
        let key = self.word(at);
        let entry = self.push(parent, None, key.clone());
        self.entries[entry].content = Content::Word;
        let (after, goes_on) = self.space(key.end, least);
        if !goes_on || !self.text[after..].starts_with(':') {
            return (key.end, true);
        }
        self.entries[entry].content = Content::Nested;
        self.entries[entry].value = after + 1..after + 1;
        let (start, goes_on) = self.space(after + 1, least);
        if !goes_on {
            return (start, false);
        }
        if self.text[start..].starts_with([',', '}', ']']) {
            return (start, true);
        }
        let start = self.properties(entry, start);
        self.inside(entry, start, least, depth)
    }

    /// Reads the value of an entry in brackets.
    fn inside(&mut self, entry: usize, at: usize, least: usize, depth: usize) -> (usize, bool) {
        self.entries[entry].value = at..at;
        match self.text[at..].chars().next() {
            Some('[' | '{') => self.collection(Some(entry), at, least, depth + 1),
            Some('"' | '\'') => (self.quotes(entry, at, least), true),
            Some('*') => {
                let word = self.word(at);
                (self.scalar(entry, Content::Alias, word), true)
            }
            Some(one) if !matches!(one, ',' | ']' | '}') && !one.is_whitespace() => {
                let word = self.word(at);
                (self.scalar(entry, Content::Plain, word), true)
            }
            _ => (at, true),
        }
    }

    /// Returns the scalar at a place, up to what ends it in brackets.
    fn word(&self, at: usize) -> Range<usize> {
        let line = &self.text[at..self.line_end(at)];
        if line.starts_with(['"', '\'']) {
            return at..at + quoted(line).unwrap_or(line.trim_end().len());
        }
        let mut end = line.len();
        for (place, one) in line.char_indices() {
            let next = line[place + one.len_utf8()..].chars().next();
            let ends = match one {
                ',' | '[' | ']' | '{' | '}' => true,
                ':' => next
                    .is_none_or(|next| next.is_whitespace() || matches!(next, ',' | ']' | '}' | '[' | '{')),
                ' ' => next == Some('#'),
                _ => false,
            };
            if ends {
                end = place;
                break;
            }
        }
        at..at + line[..end].trim_end().len()
    }

    /// Passes over space, line breaks and comments. Returns whether what follows still belongs to the brackets.
    fn space(&mut self, mut at: usize, least: usize) -> (usize, bool) {
        loop {
            let line = &self.text[at..self.line_end(at)];
            let rest = line.trim_start();
            let is_comment = rest.starts_with('#');
            if !rest.is_empty() && !is_comment {
                return (at + line.len() - rest.len(), true);
            }
            self.open.is_comment = is_comment && self.line_end(at) == self.text.len();
            at = self.line_end(at);
            if at == self.text.len() {
                return (at, false);
            }
            let next = &self.text[at + 1..self.line_end(at + 1)];
            let content = next.trim();
            let indent = next.len() - next.trim_start_matches(' ').len();
            if !content.is_empty() && indent < least && !content.starts_with([']', '}', '#']) {
                return (at, false);
            }
            at += 1;
        }
    }
}
