//! The outline sees what the parser sees, in every file that the parser reads.

use std::path::{Path, PathBuf};

use topo::diagnostic::Diagnostics;
use topo::load::{OsWorld, World as _};
use topo::lsp::outline::{Content, Outline, cursor};
use topo::source::{SourceFile, SourceMap};
use topo::yaml::{Node, Room, Value, parse};

use crate::corpus::corpus;
use crate::generated::repository;

/// Says where an outline differs from what the parser makes of the same text. Nothing, where the parser refuses it.
fn difference(text: &str) -> Option<String> {
    let mut sources = SourceMap::default();
    sources.add("f.yaml".into(), "/f.yaml".into(), "/".into(), text.into())?;
    let file = &sources.files()[0];
    let mut diagnostics = Diagnostics::default();
    let documents = parse(file, &mut Room::default(), &mut diagnostics);
    let [document] = documents.as_slice() else { return None };
    // Nobody writes a compose file with `? key`.
    let is_odd = text.lines().any(|line| line.trim_start().starts_with("? "));
    if is_odd || !diagnostics.sorted().is_empty() {
        return None;
    }
    let outline = Outline::read(text);
    below(&outline, None, document, file)
}

fn below(outline: &Outline, parent: Option<usize>, node: &Node, file: &SourceFile) -> Option<String> {
    if parent.is_some_and(|parent| outline.entries()[parent].content == Content::Alias) {
        return None;
    }
    match &node.value {
        Value::Map(map) => {
            let merges = outline.child(parent, "<<").is_some();
            map.iter().find_map(|(key, entry)| {
                let range = file.range(entry.key);
                let is_it = |child: &usize| outline.entries()[*child].key == range;
                let Some(child) = outline.children(parent).find(is_it) else {
                    // What `<<` brings in is written elsewhere.
                    return (!merges).then(|| format!("no key `{key}` at {range:?}"));
                };
                below(outline, Some(child), &entry.node, file)
            })
        }
        Value::List(list) => {
            let items: Vec<usize> = outline.children(parent).collect();
            if items.len() != list.len() {
                let place = file.range(node.span);
                return Some(format!("{} items in place of {} at {place:?}", items.len(), list.len()));
            }
            items.iter().zip(list).find_map(|(item, node)| below(outline, Some(*item), node, file))
        }
        _ => {
            let own = &outline.entries()[parent?];
            let range = file.range(node.span);
            let is_scalar = matches!(own.content, Content::Plain | Content::Quoted);
            (is_scalar && own.value != range)
                .then(|| format!("a scalar at {:?} in place of {range:?}", own.value))
        }
    }
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_looks_to_the_outline_as_to_the_parser() {
    let mut files = Vec::new();
    yaml_files(&repository("examples"), &mut files);
    yaml_files(&repository("tests/cases"), &mut files);
    corpus().iter().for_each(|corpus| yaml_files(corpus, &mut files));
    let mut wrong = Vec::new();
    for path in &files {
        let Ok(text) = String::from_utf8(OsWorld.read(path).unwrap_or_default()) else { continue };
        wrong.extend(difference(&text).map(|why| format!("{}: {why}", path.display())));
    }
    assert!(files.len() > 30, "the files were not found");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn odd_layouts_look_to_the_outline_as_to_the_parser() {
    for text in [
        "a:\n- x\n- y\nb: 1\n",
        "a:\n  - b: 1\n    c: 2\n  -\n    d: 3\n  - - e\n    - f\n",
        "a: {b: [c, {d: e}], \"f\": 'g h',\n  i: j}\nk: l\n",
        "a: [\n  b, c,\n]\nd: e # f: g\n",
        "a: |\n  b: c\n\n  d\ne: >-\n  f\ng: h\n",
        "a: one\n  two\n  three\nb: \"four\n  five\"\nc: d\n",
        "\"a b\": c\n'd': e\nf: 'it''s: here'\n",
        "a: &x\n  b: c\nd: *x\ne: !!str f\ng: &y h\n",
        "a:\r\n  b: c\r\n  d:\r\n  - e\r\n",
        "a: http://b:80/c\nd: e:f\ng: '#h'\n",
        "a:\n\n  # comment\n  b: c\n# another\n  d: e\n",
        "a: [b: c, d]\ne: {f, g: }\n",
        "---\na: b\n",
        "{\"a\": {\"b\": [\n{\"c\": 1}, 2]\n}, \"d\": null}\n",
    ] {
        assert_eq!(difference(text), None, "{text}");
    }
}

#[test]
fn the_cursor_is_where_a_reader_would_say() {
    let cases = [
        ("<>", "key of "),
        ("services:\n  <>", "value of services"),
        ("services:\n  web:\n    <>", "value of services.web"),
        ("services:\n  web:\n    image: x\n    <>", "key of services.web"),
        ("services:\n  web:\n    image: x\n  <>", "key of services"),
        ("services:\n  web:\n    image: x\n<>", "key of "),
        ("services:\n  web:\n    im<>", "value of services.web: im"),
        ("services:\n  web:\n    image: x\n    re<>", "key of services.web: re"),
        ("services:\n  web:\n    image: <>", "value of services.web.image"),
        ("services:\n  web:\n    image: ng<>", "value of services.web.image: ng"),
        ("services:\n  web:\n    ports:\n      - <>", "value of services.web.ports.0"),
        ("services:\n  web:\n    ports:\n      - a\n      <>", "value of services.web.ports.1"),
        ("services:\n  web:\n    ports:\n      - target: 80\n        p<>", "key of services.web.ports.0: p"),
        ("services:\n  web:\n    networks: [a, <>", "value of services.web.networks.1"),
        ("services:\n  web:\n    networks: [a, b<>", "value of services.web.networks.1: b"),
        ("services:\n  web: {<>", "key of services.web"),
        ("services:\n  web: {im<>", "key of services.web: im"),
        ("services:\n  web: {image: <>", "value of services.web.image"),
        ("services:\n  web: {image: x, re<>", "key of services.web: re"),
        ("services:\n  web: {image: x} <>", "nothing"),
        ("services:\n  web:\n    image: x <>", "nothing"),
        ("services: # a<>", "nothing"),
    ];
    for (text, wanted) in cases {
        let at = text.find("<>").unwrap();
        let found = cursor(&text.replace("<>", ""), at).map_or("nothing".to_owned(), |cursor| {
            let what = if cursor.is_key { "key" } else { "value" };
            let written = &text[cursor.written];
            let written = if written.is_empty() { String::new() } else { format!(": {written}") };
            format!("{what} of {}{written}", cursor.steps.join("."))
        });
        assert_eq!(found, wanted, "{text}");
    }
}
