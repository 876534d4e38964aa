//! Reads a text line by line: the column says what belongs to what.

use std::ops::Range;

use super::flow::Brackets;
use super::{Anchor, Content, Entry, Outline};

/// What is open at a place: the collections around it, the innermost last.
#[derive(Debug)]
pub(super) struct Level {
    /// The column of its keys or dashes.
    pub(super) column: usize,
    /// The entry whose value it is.
    pub(super) owner: Option<usize>,
    /// Its last entry so far.
    pub(super) last: Option<usize>,
    /// How many items it has; `None` for a mapping.
    pub(super) items: Option<usize>,
}

/// What is open at the end of a text.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) levels: Vec<Level>,
    /// The brackets that are not closed, the innermost last.
    pub(super) brackets: Vec<Brackets>,
    /// Whether the end is in a comment.
    pub(super) is_comment: bool,
}

pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) entries: Vec<Entry>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) open: Open,
}

/// Reads a text, and says what is open at its end.
pub(super) fn read(text: &str) -> (Outline, Open) {
    let mut reader = Reader { text, entries: Vec::new(), anchors: Vec::new(), open: Open::default() };
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while at < text.len() {
        at = reader.line(at);
    }
    let Reader { mut entries, anchors, open, .. } = reader;
    for at in (0..entries.len()).rev() {
        let Entry { parent, key, value, end, .. } = &mut entries[at];
        *end = (*end).max(key.end).max(value.end);
        if let (Some(parent), end) = (*parent, *end) {
            entries[parent].end = entries[parent].end.max(end);
        }
    }
    (Outline { text: text.to_owned(), entries, anchors }, open)
}

impl<'t> Reader<'t> {
    /// Returns where the line that `at` is on ends, before the line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |length| at + length)
    }

    fn rest(&self, at: usize) -> &'t str {
        self.text[at..self.line_end(at)].trim_end()
    }

    /// Reads what starts at a line, and returns where the next line starts.
    fn line(&mut self, start: usize) -> usize {
        let rest = self.rest(start);
        let content = rest.trim_start_matches([' ', '\t']);
        let space = &rest[..rest.len() - content.len()];
        // YAML takes no tabs here, but whoever types one means to indent.
        let column = space.chars().map(|one| if one == '\t' { 8 } else { 1 }).sum();
        self.open.is_comment = content.starts_with('#');
        if content.is_empty() || self.open.is_comment {
            return self.line_end(start) + 1;
        }
        let is_mark = |mark: &str| content == mark || content.starts_with(&format!("{mark} "));
        if column == 0 && (is_mark("---") || is_mark("...") || content.starts_with('%')) {
            self.open.levels.clear();
            return self.line_end(start) + 1;
        }
        self.content(start + space.len(), column)
    }

    /// Reads what is at a column of a line: dashes, then a key or a value.
    fn content(&mut self, mut at: usize, mut column: usize) -> usize {
        let mut item = None;
        while self.rest(at) == "-" || self.rest(at).starts_with("- ") {
            item = Some((self.item(column, at), column));
            let after = &self.rest(at)[1..];
            let space = after.len() - after.trim_start_matches(' ').len();
            at += 1 + space;
            column += 1 + space;
            if after.trim_start().starts_with('#') || after.trim_start().is_empty() {
                self.open.is_comment = after.trim_start().starts_with('#');
                return self.line_end(at) + 1;
            }
        }
        if let Some((key, after)) = self.key(at) {
            let entry = self.keyed(column, key);
            return self.value(entry, after, column);
        }
        match item {
            Some((item, dash)) => self.value(item, at, dash),
            None => self.loose(at, column),
        }
    }

    /// Returns the key that a line goes on with, and where its value may start.
    fn key(&self, at: usize) -> Option<(Range<usize>, usize)> {
        let rest = self.rest(at);
        let ends = |after: &str| after.is_empty() || after.starts_with([' ', '\t']);
        let first = rest.chars().next()?;
        if matches!(first, '"' | '\'') {
            let length = quoted(rest)?;
            let after = rest[length..].trim_start();
            let colon = at + rest.len() - after.len();
            return (after.starts_with(':') && ends(&after[1..])).then_some((at..at + length, colon + 1));
        }
        if matches!(first, '[' | '{' | ']' | '}' | ',' | '|' | '>' | '@' | '`' | '%' | '*' | '&' | '!') {
            return None;
        }
        for (colon, _) in rest.match_indices(':') {
            if rest[..colon].contains(" #") {
                return None;
            }
            if ends(&rest[colon + 1..]) {
                return Some((at..at + rest[..colon].trim_end().len(), at + colon + 1));
            }
        }
        None
    }

    /// Adds an item to the list at a column, which may begin with it.
    fn item(&mut self, column: usize, dash: usize) -> usize {
        self.leave(|level| level.column > column);
        let is_list = |level: &Level| level.column == column && level.items.is_some();
        if !self.open.levels.last().is_some_and(is_list) {
            let owner = self.open.levels.last().and_then(|level| level.last);
            self.open.levels.push(Level { column, owner, last: None, items: Some(0) });
        }
        self.add(dash..dash + 1)
    }

    /// Adds a key to the mapping at a column, which may begin with it.
    fn keyed(&mut self, column: usize, key: Range<usize>) -> usize {
        self.leave(|level| level.column > column || level.column == column && level.items.is_some());
        if self.open.levels.last().is_none_or(|level| level.column < column) {
            let owner = self.open.levels.last().and_then(|level| level.last);
            self.open.levels.push(Level { column, owner, last: None, items: None });
        }
        self.add(key)
    }

    fn leave(&mut self, is_over: impl Fn(&Level) -> bool) {
        while self.open.levels.last().is_some_and(&is_over) {
            self.open.levels.pop();
        }
    }

    /// Adds an entry to the innermost level.
    fn add(&mut self, key: Range<usize>) -> usize {
        let at = self.entries.len();
        let (mut parent, mut item) = (None, None);
        if let Some(level) = self.open.levels.last_mut() {
            (parent, item) = (level.owner, level.items);
            level.items = level.items.map(|items| items + 1);
            level.last = Some(at);
        }
        self.push(parent, item, key)
    }

    pub(super) fn push(&mut self, parent: Option<usize>, item: Option<usize>, key: Range<usize>) -> usize {
        let value = key.end..key.end;
        self.entries.push(Entry { parent, item, key, content: Content::Nested, value, end: 0 });
        self.entries.len() - 1
    }

    /// Reads what is neither a key nor an item: a value below its key, a further line of one, or a word that may become
    /// a key.
    fn loose(&mut self, at: usize, column: usize) -> usize {
        self.leave(|level| level.column > column || level.column == column && level.items.is_some());
        let next = self.line_end(at) + 1;
        let word = at..at + self.rest(at).len();
        let Some(level) = self.open.levels.last() else {
            if self.text[at..].starts_with(['{', '[']) {
                let end = self.brackets(None, at, 0);
                return self.line_end(end) + 1;
            }
            let word = self.keyed(column, word);
            self.entries[word].content = Content::Word;
            return next;
        };
        let Some(last) = level.last else { return next };
        if column == level.column {
            let word = self.add(word);
            self.entries[word].content = Content::Word;
            return next;
        }
        let column = level.column;
        match self.entries[last].content {
            Content::Nested if last + 1 == self.entries.len() => self.value(last, at, column),
            Content::Plain => {
                self.entries[last].value.end = word.end;
                next
            }
            _ => next,
        }
    }

    /// Reads the value of an entry, and returns where the line after it starts. `column` is that of the entry.
    fn value(&mut self, entry: usize, at: usize, column: usize) -> usize {
        let mut at = at + self.rest(at).len() - self.rest(at).trim_start().len();
        at = self.properties(entry, at);
        let rest = self.rest(at);
        self.entries[entry].value = at..at;
        let end = match rest.chars().next() {
            None => at,
            Some('#') => {
                self.open.is_comment = true;
                at
            }
            Some('|' | '>') => return self.lines(entry, at, column),
            Some('[' | '{') => self.brackets(Some(entry), at, column + 1),
            Some('"' | '\'') => self.quotes(entry, at, column + 1),
            Some('*') => {
                let length = rest.find([' ', '\t']).unwrap_or(rest.len());
                self.scalar(entry, Content::Alias, at..at + length)
            }
            Some(_) => {
                let length = rest.find(" #").map_or(rest.len(), |at| rest[..at].trim_end().len());
                self.scalar(entry, Content::Plain, at..at + length)
            }
        };
        self.open.is_comment |= self.rest(end).trim_start().starts_with('#');
        self.line_end(end) + 1
    }

    /// Passes over anchors and tags.
    pub(super) fn properties(&mut self, entry: usize, mut at: usize) -> usize {
        loop {
            let rest = self.rest(at);
            let ends = |one: char| one.is_whitespace() || matches!(one, ',' | ']' | '}');
            let length = rest.find(ends).unwrap_or(rest.len());
            if rest.starts_with('&') {
                self.anchors.push(Anchor { name: at + 1..at + length, entry });
            } else if !rest.starts_with('!') {
                return at;
            }
            let after = &rest[length..];
            at += length + after.len() - after.trim_start().len();
        }
    }

    pub(super) fn scalar(&mut self, entry: usize, content: Content, range: Range<usize>) -> usize {
        let end = range.end;
        self.entries[entry].content = content;
        self.entries[entry].value = range;
        end
    }

    /// Reads the lines of `|` or `>`: all that are further right than their key.
    fn lines(&mut self, entry: usize, at: usize, column: usize) -> usize {
        let mut next = self.line_end(at) + 1;
        let mut end = at + self.rest(at).len();
        while next < self.text.len() {
            let line = self.rest(next);
            let indent = line.len() - line.trim_start_matches(' ').len();
            if !line.trim().is_empty() {
                if indent <= column {
                    break;
                }
                end = next + line.len();
            }
            next = self.line_end(next) + 1;
        }
        self.scalar(entry, Content::Lines, at..end);
        next
    }

    /// Reads a scalar in quotes, over several lines if they begin at column `least` or right of it.
    pub(super) fn quotes(&mut self, entry: usize, at: usize, least: usize) -> usize {
        let length = quoted(&self.text[at..]).unwrap_or(usize::MAX);
        let mut end = self.line_end(at);
        while end - at < length {
            let next = self.rest((end + 1).min(self.text.len()));
            let indent = next.len() - next.trim_start_matches(' ').len();
            if end == self.text.len() || !next.is_empty() && indent < least {
                // It is not closed: the rest of the line belongs to it.
                let end = at + self.rest(at).len();
                return self.scalar(entry, Content::Quoted, at..end);
            }
            end = self.line_end(end + 1);
        }
        self.scalar(entry, Content::Quoted, at..at + length)
    }
}

/// Returns the length of the scalar in quotes that a text starts with; `None` if it is not closed.
pub(super) fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, one)) = characters.next() {
        match one {
            '\\' if quote == '"' => {
                characters.next();
            }
            one if one == quote => match characters.peek() {
                Some((_, next)) if quote == '\'' && *next == quote => {
                    characters.next();
                }
                _ => return Some(at + 1),
            },
            _ => {}
        }
    }
    None
}
