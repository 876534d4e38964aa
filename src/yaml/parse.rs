//! Text to [`Node`]: anchors and aliases, merge keys, merge tags, duplicate keys, limits.
//!
//! The only file that names the event parser.

use std::collections::HashMap;
use std::ops::Range;

use serde_yaml::granit_parser::{
    Event, Options, Parser, ScalarStyle, Span as ParserSpan, Tag as ParserTag, options,
};
use smol_str::SmolStr;

use super::scalar::resolve;
use super::{Entry, Mapping, Node, Room, Tag, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{SourceFile, Span};

/// Deeper nesting than this means something went wrong; it also bounds every recursion over a tree.
const DEPTH_LIMIT: usize = 100;

/// Reads all documents of a file. What is wrong goes to `diagnostics`; the documents before a syntax error are
/// returned all the same. Documents without content are left out. What is read is taken from `room`.
pub fn parse(file: &SourceFile, room: &mut Room, diagnostics: &mut Diagnostics) -> Vec<Node> {
    read(file, &Part { range: 0..file.text.len(), depth: 0, anchors: None }, room, diagnostics).documents
}

/// What is to be read of a file.
pub(super) struct Part<'a> {
    /// Which bytes.
    pub(super) range: Range<usize>,
    /// How deep it is nested.
    pub(super) depth: usize,
    /// The anchors before it; `None` for a whole file.
    pub(super) anchors: Option<&'a [Anchor]>,
}

/// A node that aliases may refer to.
#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) name: SmolStr,
    pub(super) node: Node,
    /// What a copy takes.
    size: usize,
}

/// What was read.
pub(super) struct Reading {
    pub(super) documents: Vec<Node>,
    /// Those of the last document, in order.
    pub(super) anchors: Vec<Anchor>,
}

pub(super) fn read(
    file: &SourceFile,
    part: &Part<'_>,
    room: &mut Room,
    diagnostics: &mut Diagnostics,
) -> Reading {
    let options: Options = options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: part.anchors.is_some(),
    };
    let mut reader = Reader {
        file,
        start: part.range.start,
        events: Parser::new_from_str_with_options(&file.text[part.range.clone()], options),
        earlier: part.anchors.unwrap_or_default(),
        anchors: HashMap::new(),
        names: Vec::new(),
        before: part.range.start,
        at: part.range.start,
        room,
        has_aliases: false,
        depth: part.depth,
        diagnostics,
    };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next() {
        match event {
            Event::DocumentStart(..) => {
                reader.anchors.clear();
                reader.names.clear();
            }
            Event::StreamStart | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event => match reader.node(event, span) {
                Ok(node) => documents.push(node),
                Err(Stop) => break,
            },
        }
    }
    let Reader { names, mut anchors, .. } = reader;
    let anchor = |(id, name)| anchors.remove(&id).map(|(node, size)| Anchor { name, node, size });
    Reading { documents, anchors: names.into_iter().filter_map(anchor).collect() }
}

/// The rest of the file cannot be read; why has been said.
struct Stop;

struct Reader<'a> {
    file: &'a SourceFile,
    /// Where in the file the parser started.
    start: usize,
    events: Parser<'a, serde_yaml::granit_parser::StrInput<'a>>,
    /// What aliases refer to that the parser does not know.
    earlier: &'a [Anchor],
    anchors: HashMap<usize, (Node, usize)>,
    names: Vec<(usize, SmolStr)>,
    /// Where the event before the last one ended, and where the last one did.
    before: usize,
    at: usize,
    room: &'a mut Room,
    has_aliases: bool,
    depth: usize,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        match self.events.next()? {
            Ok((Event::Anchor(id, name), _)) => {
                self.names.push((id, name.into()));
                self.next()
            }
            Ok((event, span)) => {
                let span = self.span(span);
                (self.before, self.at) = (self.at, self.file.range(span).end);
                Some((event, span))
            }
            Err(error) => {
                let at = error.marker().byte_offset().map(|at| self.start + at);
                let at = at.unwrap_or(self.file.text.len());
                let message = error.info();
                let help = syntax_help(&self.file.text, at);
                self.diagnostics.push(
                    Diagnostic::error(Code::InvalidYaml, "this is not valid YAML")
                        .label(self.file.span(at..at + 1), message)
                        .help_if(help),
                );
                None
            }
        }
    }

    fn span(&self, span: ParserSpan) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        let (start, end) = (self.start + range.start, self.start + range.end);
        let text = self.file.text.get(start..end).unwrap_or("");
        // The end mark of a block collection sits at the next token.
        self.file.span(start..start + text.trim_end().len())
    }

    /// Returns where the `|` or `>` of the last event is written.
    fn block_mark(&self) -> Span {
        let mark = self.file.text[self.before..].find(['|', '>']).map_or(self.before, |at| self.before + at);
        self.file.span(mark..mark + 1)
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Stop> {
        self.take(1, span)?;
        match event {
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id) else {
                    self.diagnostics.push(
                        Diagnostic::error(Code::InvalidYaml, "an alias refers to the node that contains it")
                            .label(span, "this would never end")
                            .help("write the value out here"),
                    );
                    return Ok(Node::new(Value::Null, span));
                };
                let (node, size) = (node.clone(), *size);
                self.has_aliases = true;
                self.take(size, span)?;
                Ok(node)
            }
            Event::UnresolvedAlias(name) => {
                let anchor = self.earlier.iter().rfind(|anchor| *anchor.name == *name).ok_or(Stop)?;
                self.has_aliases = true;
                self.take(anchor.size, span)?;
                Ok(anchor.node.clone())
            }
            Event::Scalar(text, style, anchor, tag) => {
                // The parser puts a block scalar without text at the next token.
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let span = if is_block && text.trim().is_empty() { self.block_mark() } else { span };
                let tag = tag.as_deref().map(|tag| (tag.handle().to_owned(), tag.suffix().to_owned()));
                let value = resolve(
                    &text,
                    style == ScalarStyle::Plain,
                    tag.as_ref().map(|(handle, suffix)| (&**handle, &**suffix)),
                );
                let node = Node { span, value, tag: merge_tag(tag.as_ref().map(|(_, suffix)| &**suffix)) };
                let weight = node.weight();
                self.take(weight - 1, span)?;
                self.remember(anchor, &node, weight)?;
                Ok(node)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = merge_tag(tag.as_deref().map(ParserTag::suffix));
                let before = self.room.left;
                let (list, end) = self.nested(span, Self::list)?;
                let node = Node { span: span.to(end), value: Value::List(list), tag };
                self.remember(anchor, &node, before - self.room.left + 1)?;
                Ok(node)
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = merge_tag(tag.as_deref().map(ParserTag::suffix));
                let before = self.room.left;
                let (map, end) = self.nested(span, Self::map)?;
                let node = Node { span: span.to(end), value: Value::Map(map), tag };
                self.remember(anchor, &node, before - self.room.left + 1)?;
                Ok(node)
            }
            // The parser reports misplaced events as errors; what else it may send has no content.
            _ => Ok(Node::new(Value::Null, span)),
        }
    }

    fn remember(&mut self, anchor: usize, node: &Node, size: usize) -> Result<(), Stop> {
        if anchor != 0 {
            // A copy is kept, and of what is nested in it further ones.
            self.take(size, node.span)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(())
    }

    fn take(&mut self, size: usize, span: Span) -> Result<(), Stop> {
        match self.room.left.checked_sub(size) {
            Some(left) => {
                self.room.left = left;
                Ok(())
            }
            None => Err(self.too_many(span)),
        }
    }

    fn too_many(&mut self, span: Span) -> Stop {
        let help = match self.has_aliases {
            true => "remove aliases that refer to nodes full of aliases",
            false => "keep data out of compose files: name a file instead",
        };
        self.diagnostics.push(Room::passed(span).help(help));
        Stop
    }

    fn nested<T>(
        &mut self,
        span: Span,
        read: impl FnOnce(&mut Self, Span) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if self.depth == DEPTH_LIMIT {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::InvalidYaml,
                    format!("values are nested more than {DEPTH_LIMIT} deep"),
                )
                .label(span, "too deep")
                .help("no compose attribute nests this deep: check the brackets or the indentation"),
            );
            return Err(Stop);
        }
        self.depth += 1;
        let result = read(self, span);
        self.depth -= 1;
        result
    }

    fn list(&mut self, start: Span) -> Result<(Vec<Node>, Span), Stop> {
        let mut list = Vec::new();
        let mut end = start;
        loop {
            match self.next().ok_or(Stop)? {
                (Event::SequenceEnd, span) => {
                    return Ok((list, if self.is_bracket(span) { span } else { end }));
                }
                (event, span) => {
                    let node = self.node(event, span)?;
                    end = span.to(if self.is_alias_of_elsewhere(span, node.span) { span } else { node.span });
                    list.push(node);
                }
            }
        }
    }

    fn map(&mut self, start: Span) -> Result<(Mapping, Span), Stop> {
        let mut map = Mapping::default();
        let mut merged: Vec<Node> = Vec::new();
        let mut end = start;
        loop {
            let (event, key_span) = self.next().ok_or(Stop)?;
            if matches!(event, Event::MappingEnd) {
                let end = if self.is_bracket(key_span) { key_span } else { end };
                merge_keys(&mut map, merged);
                return Ok((map, end));
            }
            let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, _, None));
            let key = self.node(event, key_span)?;
            let (event, value_span) = self.next().ok_or(Stop)?;
            let node = self.node(event, value_span)?;
            end = key_span.to(if self.is_alias_of_elsewhere(value_span, node.span) {
                value_span
            } else {
                node.span
            });
            match key.value {
                Value::Text(text) if text == "<<" && plain => self.collect_merge(node, key_span, &mut merged),
                Value::Text(text) => self.insert(&mut map, text, Entry { key: key_span, node }),
                _ => {
                    let help = match key.scalar_text() {
                        Some(_) => format!("write it in quotes: \"{}\"", self.source(key_span)),
                        None => "write a string before the `:`".to_owned(),
                    };
                    self.diagnostics.push(
                        Diagnostic::error(Code::WrongType, "a key must be a string")
                            .label(key_span, format!("this is {}", key.kind()))
                            .help(help),
                    );
                }
            }
        }
    }

    fn insert(&mut self, map: &mut Mapping, key: SmolStr, entry: Entry) {
        if let Some(first) = map.get(&key) {
            self.diagnostics.push(
                Diagnostic::error(Code::DuplicateKey, format!("key `{key}` is written twice"))
                    .label(entry.key, "again here")
                    .label(first.key, "first here")
                    .help("remove one, or join the two"),
            );
            return;
        }
        map.insert(key, entry);
    }

    /// Notes what `<<` brings in: a mapping, or a list of mappings.
    fn collect_merge(&mut self, node: Node, key: Span, merged: &mut Vec<Node>) {
        let parts = match node.value {
            Value::List(list) => list,
            _ => vec![node],
        };
        for part in parts {
            if part.as_map().is_some() {
                merged.push(part);
                continue;
            }
            self.diagnostics.push(
                Diagnostic::error(Code::WrongType, "a merge key takes a mapping or a list of mappings")
                    .label(key, format!("this brings in {}", part.kind()))
                    .help("refer to an anchor on a mapping: `<<: *name`"),
            );
        }
    }

    fn is_bracket(&self, span: Span) -> bool {
        matches!(self.source(span), "]" | "}")
    }

    /// An alias's node was written somewhere else: its own place must not stretch the collection around it.
    fn is_alias_of_elsewhere(&self, event: Span, node: Span) -> bool {
        self.source(event).starts_with('*') && event != node
    }

    fn source(&self, span: Span) -> &'a str {
        self.file.text_at(span)
    }
}

/// Own keys win, then earlier mappings.
fn merge_keys(map: &mut Mapping, merged: Vec<Node>) {
    for node in merged {
        let Value::Map(entries) = node.value else { continue };
        for (key, entry) in entries {
            map.entry(key).or_insert(entry);
        }
    }
}

fn merge_tag(suffix: Option<&str>) -> Tag {
    match suffix {
        Some("reset") => Tag::Reset,
        Some("override") => Tag::Override,
        _ => Tag::None,
    }
}

/// Says what usually leads to a syntax error at this place.
fn syntax_help(text: &str, at: usize) -> Option<String> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or("");
    let indentation: String = line.chars().take_while(|one| one.is_whitespace()).collect();
    if indentation.contains('\t') {
        return Some("indent with spaces: YAML takes no tabs".to_owned());
    }
    if line.matches('"').count() % 2 == 1 || line.matches('\'').count() % 2 == 1 {
        return Some("close the quote".to_owned());
    }
    Some(
        "check the indentation of this line and the one before, and that each key is followed by `: `"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::one_line;
    use crate::source::SourceMap;

    fn check(text: &str) -> (Vec<serde_json::Value>, Vec<String>) {
        let mut sources = SourceMap::default();
        sources.add("f.yaml".into(), "/f.yaml".into(), "/".into(), text.into()).expect("small");
        let mut diagnostics = Diagnostics::default();
        let documents = parse(&sources.files()[0], &mut Room::default(), &mut diagnostics);
        let said = diagnostics.sorted().into_iter().map(|one| one_line(one, &sources)).collect();
        (documents.iter().map(Node::to_json).collect(), said)
    }

    #[test]
    fn scalars_are_what_docker_compose_takes_them_for() {
        let (documents, said) =
            check("[~, yes, true, 0440, 0o17, 1_000, 1.10, 22:22, 2001-01-02, '1', !!str 1, 1e3, -.5]");
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(
            documents[0].to_string(),
            r#"[null,"yes",true,288,15,1000,1.1,"22:22","2001-01-02","1","1",1000.0,-0.5]"#
        );
    }

    #[test]
    fn merge_keys_give_way_to_own_keys_and_to_earlier_ones() {
        let (documents, said) = check("a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\n");
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(documents[0]["c"].to_string(), r#"{"y":3,"x":1,"z":2}"#);
    }

    #[test]
    fn mistakes_have_places() {
        let (_, said) = check("a: 1\nb: 2\na: 3\n7: x\n");
        assert_eq!(
            said,
            [
                "f.yaml:3:1: error[duplicate-key]: key `a` is written twice",
                "f.yaml:4:1: error[wrong-type]: a key must be a string"
            ]
        );
        let (_, said) = check("a:\n\tb: 1\n");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("error[invalid-yaml]"), "{said:?}");
    }

    #[test]
    fn alias_bombs_and_deep_nesting_end_at_once() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let earlier = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{earlier}]\n"));
        }
        assert!(check(&bomb).1[0].contains("error[excessive-expansion]"));
        assert!(check(&"[".repeat(100_000)).1[0].contains("error[invalid-yaml]"));
        assert!(check("a: &a\n  b: *a\n").1[0].contains("error[invalid-yaml]"));
    }

    #[test]
    fn every_node_knows_its_place() {
        let text = "services:\n  web:\n    ports: [80, 'x']\n    tail: end\n# comment\nother: 1\n";
        let mut sources = SourceMap::default();
        sources.add("f.yaml".into(), "/f.yaml".into(), "/".into(), text.into()).expect("small");
        let documents = parse(&sources.files()[0], &mut Room::default(), &mut Diagnostics::default());
        let at = |path: &[&str]| sources.text(documents[0].at(path).expect("there").span);
        assert_eq!(at(&["services", "web", "ports"]), "[80, 'x']");
        assert_eq!(at(&["services", "web", "ports", "1"]), "'x'");
        assert_eq!(at(&["services", "web"]), "ports: [80, 'x']\n    tail: end");
        assert_eq!(sources.text(documents[0].span_of(&["services", "web", "tail"])), "tail");
    }
}
