//! What files looked like before, so that after an edit only the entry that it was made in is read: a service, in a
//! file of hundreds.
//!
//! Hand-written because YAML parsers read whole files, which is the longest part of what an editor waits for.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use super::parse::{Anchor, Part, Reading, read};
use super::{Node, Room, Value};
use crate::diagnostic::Diagnostics;
use crate::source::{SourceFile, Span};

/// More files than this are not kept in mind.
const FILE_LIMIT: usize = 256;

/// What was read before of files without mistakes.
#[derive(Debug, Default)]
pub struct Memory {
    files: HashMap<PathBuf, Known>,
}

impl Memory {
    /// Reads all documents of a file as [`parse`](super::parse) does, with the same result.
    pub fn parse(&mut self, file: &SourceFile, room: &mut Room, diagnostics: &mut Diagnostics) -> Vec<Node> {
        if let Some(known) = self.files.get_mut(&file.path)
            && known.follow(file).is_some()
            && known.taken <= room.left
        {
            room.left -= known.taken;
            return vec![known.document.clone()];
        }
        let (mut found, before) = (Diagnostics::default(), room.left);
        let whole = Part { range: 0..file.text.len(), depth: 0, anchors: None };
        let Reading { documents, anchors } = read(file, &whole, room, &mut found);
        if let [document] = &documents[..]
            && !found.has_errors()
        {
            if self.files.len() == FILE_LIMIT {
                self.files.clear();
            }
            let known = Known {
                text: file.text.clone(),
                whole: file.span(0..file.text.len()),
                document: document.clone(),
                anchors,
                taken: before - room.left,
            };
            self.files.insert(file.path.clone(), known);
        }
        diagnostics.push_all(found.sorted().into_iter().cloned());
        documents
    }
}

/// A file of one document without mistakes.
#[derive(Debug)]
struct Known {
    text: String,
    /// Where it stands.
    whole: Span,
    document: Node,
    anchors: Vec<Anchor>,
    /// How much room reading it takes.
    taken: usize,
}

/// An entry of a section of the document, such as a service.
struct Block {
    /// Which section it is in, and which entry of that it is.
    section: usize,
    entry: usize,
    /// Whether nothing of the section comes behind it, and nothing of the document.
    ends_section: bool,
    ends_document: bool,
    lines: Lines,
}

/// The lines from a key to the next one.
struct Lines {
    range: Range<usize>,
    /// How far the key is indented.
    indent: usize,
}

impl Known {
    /// Becomes what the file is now. `None` where the whole file has to be read for that.
    fn follow(&mut self, file: &SourceFile) -> Option<()> {
        let (from, to) = (self.whole, file.span(0..0));
        // Where another file before it became longer, or shorter.
        if from.slice(0, 0) != to {
            self.whole = from.moved(from, to);
            self.each_span(|span| *span = span.moved(from, to));
        }
        if self.text == file.text {
            return Some(());
        }
        let (old, new) = (self.text.as_bytes(), file.text.as_bytes());
        let prefix = old.iter().zip(new).take_while(|(one, other)| one == other).count();
        let suffix = old[prefix..].iter().rev().zip(new[prefix..].iter().rev());
        let suffix = suffix.take_while(|(one, other)| one == other).count();
        let block = self.block_around(&(prefix..old.len() - suffix))?;
        self.replace(&block, file)
    }

    /// Returns the block that an edit lies in. Nothing in it is referred to from elsewhere.
    fn block_around(&self, edit: &Range<usize>) -> Option<Block> {
        let whole = 0..self.text.len();
        let (section, Lines { range, .. }) = self.entry_around(&self.document, &whole, edit)?;
        let node = &self.document.as_map()?[section].node;
        let (entry, lines) = self.entry_around(node, &range, edit)?;
        let ends_section = lines.range.end == range.end;
        let ends_document = ends_section && range.end == whole.end;
        let block = Block { section, entry, ends_section, ends_document, lines };
        let is_elsewhere = |anchor: &Anchor| {
            let node = self.range(anchor.node.span);
            node.end < block.lines.range.start || block.lines.range.end < node.start
        };
        (block.lines.indent > 0 && self.anchors.iter().all(is_elsewhere)).then_some(block)
    }

    /// Returns which entry of a mapping that stands in the lines `within` an edit lies in, behind its key.
    fn entry_around(
        &self,
        mapping: &Node,
        within: &Range<usize>,
        edit: &Range<usize>,
    ) -> Option<(usize, Lines)> {
        let entries = mapping.as_map()?;
        let keys: Vec<usize> = entries.values().map(|entry| self.range(entry.key).start).collect();
        // What `<<` brought in stands elsewhere.
        let is_whole = keys.is_sorted() && within.contains(keys.first()?) && within.contains(keys.last()?);
        if !is_whole || self.text[self.range(mapping.span)].starts_with('{') {
            return None;
        }
        let line_of = |key: usize| self.text[..key].rfind('\n').map_or(0, |end| end + 1);
        let at = keys.partition_point(|key| *key < edit.start).checked_sub(1)?;
        let start = line_of(keys[at]);
        let end = keys.get(at + 1).map_or(within.end, |next| line_of(*next));
        let is_inside = self.range(entries[at].key).end <= edit.start && edit.end <= end;
        let is_first_in_line = self.text[start..keys[at]].bytes().all(|byte| byte == b' ');
        let lines = Lines { range: start..end, indent: keys[at] - start };
        (is_inside && is_first_in_line).then_some((at, lines))
    }

    /// Reads a block anew. Nothing has changed where that is not possible by itself.
    fn replace(&mut self, block: &Block, file: &SourceFile) -> Option<()> {
        let lines = &block.lines;
        let range = lines.range.start..(lines.range.end + file.text.len()).checked_sub(self.text.len())?;
        let stays_inside = |line: &str| {
            let inner = line.trim_start_matches(' ');
            inner.trim_end().is_empty() || inner.starts_with('#') || line.len() - inner.len() >= lines.indent
        };
        let text = &file.text[range.clone()];
        // The next key must still start a line.
        let ends_line = text.ends_with('\n') || block.ends_document;
        if !ends_line || !text.lines().all(stays_inside) {
            return None;
        }
        let is_earlier = |anchor: &Anchor| self.range(anchor.node.span).start < lines.range.start;
        let earlier = &self.anchors[..self.anchors.partition_point(is_earlier)];
        let part = Part { range, depth: 1, anchors: Some(earlier) };
        let (mut room, mut found) = (Room::default(), Diagnostics::default());
        let Reading { mut documents, anchors } = read(file, &part, &mut room, &mut found);
        let node = documents.pop().filter(|_| documents.is_empty() && anchors.is_empty())?;
        let Value::Map(mut map) = node.value else { return None };
        let (key, new) = map.pop().filter(|_| map.is_empty() && !found.has_errors())?;
        let section = &self.document.as_map()?[block.section].node;
        let (old_key, old) = section.as_map()?.get_index(block.entry)?;
        if key != *old_key || new.key != old.key {
            return None;
        }

        let taken = Room::default().left - room.left;
        self.taken = (self.taken + taken).saturating_sub(old.node.weight());
        let moved = |at: usize| at + file.text.len() - self.text.len();
        let resized = |span: Span, ends_with_block: bool| {
            let Range { start, end } = self.range(span);
            file.span(start..if ends_with_block { file.range(node.span).end } else { moved(end) })
        };
        let section = resized(section.span, block.ends_section);
        let document = resized(self.document.span, block.ends_document);
        let to = moved(lines.range.end);
        let (from, to) = (self.whole.slice(lines.range.end, lines.range.end), file.span(to..to));
        self.each_span(|span| {
            if *span >= from {
                *span = span.moved(from, to);
            }
        });
        self.document.span = document;
        let Value::Map(sections) = &mut self.document.value else { return None };
        sections[block.section].node.span = section;
        let Value::Map(entries) = &mut sections[block.section].node.value else { return None };
        entries[block.entry] = new;
        self.text.clone_from(&file.text);
        self.whole = file.span(0..file.text.len());
        Some(())
    }

    fn each_span(&mut self, mut change: impl FnMut(&mut Span)) {
        each_span(&mut self.document, &mut change);
        self.anchors.iter_mut().for_each(|anchor| each_span(&mut anchor.node, &mut change));
    }

    fn range(&self, span: Span) -> Range<usize> {
        span.range_in(self.whole)
    }
}

/// Changes the places of a node and of all in it.
fn each_span(node: &mut Node, change: &mut impl FnMut(&mut Span)) {
    change(&mut node.span);
    match &mut node.value {
        Value::List(list) => list.iter_mut().for_each(|item| each_span(item, change)),
        Value::Map(map) => {
            for entry in map.values_mut() {
                change(&mut entry.key);
                each_span(&mut entry.node, change);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::source::SourceMap;
    use crate::yaml::parse;

    const TEXT: &str = r#"name: shop
x-common: &common {restart: always, labels: {a: b}}
x-more:
  env: &env
    A: 1
services:
  # the front
  web:
    <<: *common
    image: "nginx"   # pinned?
    ports: [80, "443:443"]
    environment:
      <<: *env
      B: |
        two
          lines
    command: >-
      echo 'it''s'
      "on"
  api:
    build: &build
      context: .
    depends_on: [web,
      db]
    tty:

  db: {image: postgres, build: *build}
  last:
    image: x
networks:
  front:
  back: !override {internal: true}
volumes: {data: , more: }
"#;

    /// What is typed, pasted or deleted.
    const PIECES: [&str; 25] = [
        "",
        "x",
        " ",
        "  ",
        "\n",
        "\n\n",
        ":",
        ": ",
        "- ",
        "#",
        " # y",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*env",
        "*common",
        "\n    more: 1",
        "\n  new:\n    image: y",
        "|",
        "|+\n\n",
        "\r\n",
    ];

    /// Reads a text behind another file, so that its place is not the first.
    fn check(memory: &mut Memory, before: usize, text: &str) {
        let mut sources = SourceMap::default();
        sources.add("e".into(), "/e".into(), "/".into(), "#".repeat(before)).expect("small");
        sources.add("f.yaml".into(), "/f.yaml".into(), "/".into(), text.to_owned()).expect("small");
        let file = &sources.files()[1];
        let said = |found: &Diagnostics| found.sorted().into_iter().cloned().collect::<Vec<Diagnostic>>();
        let (mut found, mut again) = (Diagnostics::default(), Diagnostics::default());
        let whole = parse(file, &mut Room::default(), &mut found);
        assert_eq!(memory.parse(file, &mut Room::default(), &mut again), whole, "{text}");
        assert_eq!(said(&again), said(&found), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_read_after_edits_is_what_is_written(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, 0..PIECES.len(), any::<bool>()), 1..40)
        ) {
            let (mut memory, mut text) = (Memory::default(), TEXT.to_owned());
            check(&mut memory, 0, &text);
            for (at, removed, piece, is_taken_back) in edits {
                let start = at.index(text.len() + 1);
                let end = (start + removed).min(text.len());
                let earlier = text.clone();
                text.replace_range(start..end, PIECES[piece]);
                check(&mut memory, removed, &text);
                if is_taken_back {
                    text = earlier;
                    check(&mut memory, removed, &text);
                }
            }
        }
    }

    #[test]
    fn only_the_entry_that_was_edited_is_read() {
        let mut memory = Memory::default();
        check(&mut memory, 0, TEXT);
        let known = |memory: &Memory| memory.files[&PathBuf::from("/f.yaml")].text.clone();
        let follows = |from: &str, to: &str| {
            let (mut memory, text) = (Memory::default(), TEXT.replacen(from, to, 1));
            check(&mut memory, 0, TEXT);
            let mut sources = SourceMap::default();
            let file = sources.add("f".into(), "/f.yaml".into(), "/".into(), text.clone()).expect("small");
            let follows = memory.files.get_mut(&file.path).expect("read").follow(file).is_some();
            assert_eq!(known(&memory), if follows { text } else { TEXT.to_owned() });
            follows
        };
        assert!(follows("nginx", "nginx:1"));
        assert!(follows("    image: x\n", "    image: x\n    tty: true\n"));
        assert!(follows("back: !override {internal", "back: {internal"));
        // What others refer to, a key, what is not YAML, and what belongs to the document.
        for (from, to) in [
            ("context: .", "context: x"),
            ("web:", "wob:"),
            ("[80", "[[80"),
            ("shop", "ship"),
            ("*env", "*none"),
        ] {
            assert!(!follows(from, to), "{from}");
        }
    }
}
