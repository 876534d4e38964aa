//! What a file looks like to the eye: keys, items and values by their indentation, also where it is no YAML just now.
//!
//! Hand-written because the parser gives up at the first syntax error, and a file that is being written has one most of
//! the time. `tests/it/lsp.rs` holds it to the parser on every file of the repository that has none.

mod block;
mod cursor;
mod flow;

use std::ops::Range;

pub use cursor::{Cursor, cursor};

/// A key or an item of a file, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry whose value this one is in; `None` at the top.
    pub parent: Option<usize>,
    /// Which item of a list it is; `None` for a key of a mapping.
    pub item: Option<usize>,
    /// Where the key is written, with its quotes; of an item, the dash, or nothing in brackets.
    pub key: Range<usize>,
    /// What kind of value it has, apart from the entries in it.
    pub content: Content,
    /// Where the value is written, with its quotes, if it is a scalar or an alias; else an empty range.
    pub value: Range<usize>,
    /// Where all that belongs to it ends.
    pub end: usize,
}

/// What stands behind a key or in an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A word without a colon, which may become a key.
    Word,
    /// Nothing, or entries of its own.
    Nested,
    /// A plain scalar.
    Plain,
    /// A scalar in quotes.
    Quoted,
    /// The lines of `|` or `>`.
    Lines,
    /// `*name`.
    Alias,
}

/// An anchor: `&name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Where its name is written, without the `&`.
    pub name: Range<usize>,
    /// The entry whose value it is on.
    pub entry: usize,
}

/// The entries of a file, in the order they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    text: String,
    entries: Vec<Entry>,
    anchors: Vec<Anchor>,
}

impl Outline {
    /// Reads a text. There is no text that it cannot make something of.
    pub fn read(text: &str) -> Self {
        block::read(text).0
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns all entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns all anchors.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Returns the name of a key, without its quotes; of an item, `-`.
    pub fn name(&self, entry: usize) -> &str {
        let Entry { item, key, .. } = &self.entries[entry];
        if item.is_some() { "-" } else { self.text.get(self.inner(key)).unwrap_or("") }
    }

    /// Returns a scalar without its quotes, as it is written; `None` for anything else.
    pub fn scalar(&self, entry: usize) -> Option<&str> {
        let Entry { content, value, .. } = &self.entries[entry];
        match content {
            Content::Plain | Content::Quoted => self.text.get(self.inner(value)),
            Content::Word | Content::Nested | Content::Lines | Content::Alias => None,
        }
    }

    /// Returns a range without the quotes in it.
    pub fn inner(&self, range: &Range<usize>) -> Range<usize> {
        let text = self.text.get(range.clone()).unwrap_or("");
        let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            return range.clone();
        };
        let is_closed = text.len() > 1 && text.ends_with(quote);
        range.start + 1..range.end - usize::from(is_closed)
    }

    /// Returns the entries in the value of `parent`, or those at the top.
    pub fn children(&self, parent: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        let from = parent.map_or(0, |parent| parent + 1);
        let until = parent.map_or(usize::MAX, |parent| self.entries[parent].end);
        self.entries[from..]
            .iter()
            .take_while(move |entry| entry.key.start <= until)
            .enumerate()
            .filter(move |(_, entry)| entry.parent == parent)
            .map(move |(at, _)| from + at)
    }

    /// Returns a key in the value of `parent`.
    pub fn child(&self, parent: Option<usize>, name: &str) -> Option<usize> {
        self.children(parent).find(|child| self.entries[*child].item.is_none() && self.name(*child) == name)
    }

    /// Returns the entries that lead to one, itself as the last.
    pub fn way(&self, entry: usize) -> Vec<usize> {
        let parents = std::iter::successors(Some(entry), |entry| self.entries[*entry].parent);
        let mut way: Vec<usize> = parents.collect();
        way.reverse();
        way
    }

    /// Returns the names that lead to an entry; items are `-`.
    pub fn path(&self, entry: usize) -> Vec<&str> {
        self.way(entry).into_iter().map(|entry| self.name(entry)).collect()
    }

    /// Returns the names and the indices that lead to an entry, as `Node::at` takes them.
    pub fn steps(&self, entry: usize) -> Vec<String> {
        let step = |entry: usize| match self.entries[entry].item {
            Some(item) => item.to_string(),
            None => self.name(entry).to_owned(),
        };
        self.way(entry).into_iter().map(step).collect()
    }

    /// Returns the entry that leads to the same place as these names and indices.
    pub fn find(&self, steps: &[String]) -> Option<usize> {
        let mut found = None;
        for step in steps {
            let is_it = |child: &usize| match self.entries[*child].item {
                Some(item) => item.to_string() == *step,
                None => self.name(*child) == step,
            };
            found = Some(self.children(found).find(is_it)?);
        }
        found
    }

    /// Returns the entry whose key or scalar is at `offset`, and whether it is the key.
    pub fn at(&self, offset: usize) -> Option<(usize, bool)> {
        let entry = self.entries.partition_point(|entry| entry.key.start <= offset).checked_sub(1)?;
        let Entry { key, value, .. } = &self.entries[entry];
        if offset <= key.end {
            return Some((entry, true));
        }
        (value.start <= offset && offset <= value.end && !value.is_empty()).then_some((entry, false))
    }

    /// Returns the entry that a place belongs to, the innermost one.
    pub fn around(&self, offset: usize) -> Option<usize> {
        let last = self.entries.partition_point(|entry| entry.key.start <= offset).checked_sub(1)?;
        std::iter::successors(Some(last), |entry| self.entries[*entry].parent)
            .find(|entry| offset <= self.entries[*entry].end)
    }

    /// Returns the aliases: the entry, and where the name is written.
    pub fn aliases(&self) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        let aliases = self.entries.iter().enumerate();
        let aliases = aliases.filter(|(_, entry)| entry.content == Content::Alias);
        aliases.map(|(at, entry)| (at, entry.value.start + 1..entry.value.end))
    }
}
