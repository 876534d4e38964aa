//! How a line may go on: attributes, their words, the names of the project, variables, files, images.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, InsertTextMode, MarkupContent,
    MarkupKind, Position, TextEdit,
};

use super::asked::Asked;
use super::names::{Kind, kind_at, steps_where_used};
use super::outline::{Cursor, Entry, cursor};
use super::schema::{Attribute, Forms, Word};
use super::variables::{name_end, typed_before, variables};
use super::{candidates, outline::Outline};
use crate::load::World as _;

/// Returns how the line may go on.
pub(super) fn complete(
    asked: &Asked<'_>,
    position: Position,
    images: &dyn Fn() -> Vec<String>,
) -> Vec<CompletionItem> {
    let text = &asked.document.text;
    let offset = asked.offset(position);
    if let Some(written) = typed_before(text, offset) {
        let range = asked.range(&(written.start..name_end(text, offset)));
        let item = |(name, detail): (String, String)| CompletionItem {
            label: name.clone(),
            kind: Some(CompletionItemKind::VARIABLE),
            detail: Some(detail),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, name))),
            ..CompletionItem::default()
        };
        return known_variables(asked).into_iter().map(item).collect();
    }
    let Some(cursor) = cursor(text, offset) else { return Vec::new() };
    let steps = steps_where_used(&asked.outline, &cursor.steps);
    let mut writer = Writer { asked, cursor: &cursor, steps, items: Vec::new() };
    let written = &text[cursor.written.clone()];
    if written.starts_with('*') {
        let anchors = asked.outline.anchors().iter().map(|anchor| &asked.outline.text()[anchor.name.clone()]);
        for label in anchors.map(|name| format!("*{name}")) {
            writer.item(&label, &label, CompletionItemKind::REFERENCE, None, 0);
        }
        return writer.items;
    }
    let forms = Forms::at(&writer.steps);
    if cursor.is_key {
        writer.keys(&forms);
    } else {
        writer.values(&forms, images);
    }
    writer.items
}

/// Returns the variables that are set in env files or used in the project, and where they come from.
fn known_variables(asked: &Asked<'_>) -> Vec<(String, String)> {
    let (loaded, view) = (&asked.analysis.loaded, asked.view());
    let mut names: BTreeSet<String> = loaded.environment.all(&view).into_keys().collect();
    for sheet in asked.analysis.sheets() {
        names.extend(variables(&sheet.outline).into_iter().map(|variable| variable.name));
    }
    let detail = |name: String| {
        let from = match loaded.environment.find(&name, &view).map(|(_, origin)| origin) {
            None => "set nowhere".to_owned(),
            Some(origin) => match origin.span() {
                Some(span) => super::describe::place(&loaded.sources, span),
                None if name == "COMPOSE_PROJECT_NAME" => "the project's name".to_owned(),
                None => "the shell".to_owned(),
            },
        };
        (name, from)
    };
    names.into_iter().map(detail).collect()
}

struct Writer<'a> {
    asked: &'a Asked<'a>,
    cursor: &'a Cursor,
    /// The steps of the cursor, as if what is there was written where it is used.
    steps: Vec<String>,
    items: Vec<CompletionItem>,
}

impl<'a> Writer<'a> {
    /// The steps as names; items of lists are `-`.
    fn path(&self) -> Vec<&str> {
        let is_item = |at: usize, step: &String| at > 1 && step.bytes().all(|byte| byte.is_ascii_digit());
        let steps = self.steps.iter().enumerate();
        steps.map(|(at, step)| if is_item(at, step) { "-" } else { step.as_str() }).collect()
    }

    /// Keys of the mapping that the steps lead to.
    fn keys(&mut self, forms: &Forms) {
        let outline: &Outline = &self.asked.outline;
        let there = match self.cursor.steps.is_empty() {
            true => Some(None),
            false => outline.find(&self.cursor.steps).map(Some),
        };
        let cursor = self.cursor.written.clone();
        let is_other = |entry: &usize| {
            let key = &outline.entries()[*entry].key;
            key.end < cursor.start || cursor.end < key.start
        };
        let written: BTreeSet<String> = there
            .into_iter()
            .flat_map(|parent| outline.children(parent).filter(is_other))
            .map(|entry| outline.name(entry).to_owned())
            .collect();
        let attributes: Vec<Attribute> = forms.attributes().collect();
        for attribute in attributes {
            if !written.contains(attribute.name) {
                self.attribute(attribute);
            }
        }
        let path = self.path();
        let names = match path.as_slice() {
            // Names that other files define, or that are used and defined nowhere.
            [section] => {
                let kind = Kind::SECTIONS.iter().find(|(_, one)| one == section).map(|(kind, _)| *kind);
                kind.map(|kind| candidates::mentioned(&self.asked.analysis, kind))
            }
            path if matches!(path.last(), Some(&("depends_on" | "networks" | "models"))) => {
                kind_at(path).map(|(kind, _)| candidates::names(self.asked, kind, &self.steps))
            }
            _ => None,
        };
        for name in names.into_iter().flatten().filter(|name| !written.contains(name)) {
            self.key(&name, Some(CompletionItemKind::REFERENCE), None, &Forms::at(&self.below(&name)), 0);
        }
        if forms.is_mapping() && !outline.anchors().is_empty() && !written.contains("<<") {
            let after = if self.has_colon() { "" } else { ": *" };
            self.item("<<", &format!("<<{after}"), CompletionItemKind::REFERENCE, None, 2);
        }
    }

    fn below(&self, key: &str) -> Vec<String> {
        self.steps.iter().cloned().chain([key.to_owned()]).collect()
    }

    fn attribute(&mut self, attribute: Attribute) {
        let documentation = Some(attribute.documentation());
        self.key(attribute.name, None, documentation, &attribute.forms(), 1);
    }

    /// A key and what belongs behind it.
    fn key(
        &mut self,
        name: &str,
        kind: Option<CompletionItemKind>,
        documentation: Option<&str>,
        forms: &Forms,
        rank: u8,
    ) {
        let text = &self.asked.document.text;
        let start = self.cursor.written.start;
        let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let column = start - line + usize::from(self.cursor.needs_space);
        let deeper = format!("{}{}", self.asked.document.line_break(), " ".repeat(column + 2));
        let is_scalar = forms.is_scalar() || !(forms.is_list() || forms.is_mapping());
        let after = match (self.cursor.is_flow || is_scalar, forms.is_mapping()) {
            _ if self.is_quoted() || self.has_colon() => String::new(),
            (true, _) => ": ".to_owned(),
            (false, true) => format!(":{deeper}"),
            (false, false) => format!(":{deeper}- "),
        };
        self.item(
            name,
            &format!("{name}{after}"),
            kind.unwrap_or(CompletionItemKind::PROPERTY),
            documentation,
            rank,
        );
    }

    /// The value that the steps lead to.
    fn values(&mut self, forms: &Forms, images: &dyn Fn() -> Vec<String>) {
        let path: Vec<String> = self.path().into_iter().map(str::to_owned).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let starts_item = self.cursor.column.is_some() && path.last() == Some(&"-");
        let is_own_line = self.cursor.column.is_some() && !starts_item;
        if is_own_line && forms.is_mapping() && self.has_colon() {
            return self.keys(forms);
        }
        // A list below its key: its items.
        let item_steps = self.below("0");
        let mut item_path = path.clone();
        item_path.push("-");
        let is_list_below = forms.is_list() && is_own_line && !self.cursor.is_flow;
        let (item_path, item_forms) =
            if is_list_below { (item_path, Forms::at(&item_steps)) } else { (path.clone(), forms.clone()) };
        let mark = if is_list_below || starts_item { "- " } else { "" };
        let needs_value = is_list_below || !is_own_line || forms.is_scalar();
        if needs_value {
            let names = kind_at(&item_path).filter(|(kind, _)| !self.is_path_of_mount(*kind, &item_path));
            if let Some((kind, prefix)) = names {
                let is_short_mount = kind == Kind::Volume && item_path.ends_with(&["volumes", "-"]);
                let after = if is_short_mount && !self.has_colon() { ":" } else { "" };
                let written = self.beside();
                for name in candidates::names(self.asked, kind, &self.steps) {
                    let label = format!("{prefix}{name}");
                    if !written.contains(label.as_str()) {
                        let text = format!("{mark}{label}{after}");
                        self.item(&label, &text, CompletionItemKind::REFERENCE, None, 0);
                    }
                }
            }
            let others = match item_path.as_slice() {
                ["services", _, "image"] => candidates::images(self.asked, images()),
                ["services", service, "ports", "-"] => self.ports(service),
                ["services", service, "expose", "-"] => candidates::exposed(self.asked, service),
                ["services", _, "network_mode"] => ["bridge", "host", "none"].map(str::to_owned).to_vec(),
                ["include", ..] | ["services", _, "extends", "file"] => self.files(&["yaml", "yml"]),
                ["services", _, "env_file" | "label_file", ..] => self.files(&["env"]),
                ["configs" | "secrets", _, "file"] => self.files(&[]),
                _ => Vec::new(),
            };
            // Examples would hide what the project itself has.
            if names.is_none() && others.is_empty() {
                for Word { text, documentation } in item_forms.words() {
                    let kind = CompletionItemKind::ENUM_MEMBER;
                    self.item(&text, &format!("{mark}{text}"), kind, documentation, 1);
                }
            }
            for text in others {
                self.item(&text, &format!("{mark}{text}"), CompletionItemKind::VALUE, None, 0);
            }
        }
        // An item, or a value below its key, may be a mapping.
        let may_be_mapping =
            !self.cursor.is_flow && !self.is_quoted() && (is_own_line || path.last() == Some(&"-"));
        if may_be_mapping && forms.is_mapping() {
            self.keys(forms);
        }
    }

    /// The files beside the one at hand that may be meant.
    fn files(&self, extensions: &[&str]) -> Vec<String> {
        let base = self.asked.analysis.file(self.asked.path).map(|file| file.base.clone());
        let Some(base) = base else { return Vec::new() };
        let files = self.asked.view().files_in(&base).unwrap_or_default();
        let fits = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            extensions.is_empty() || extensions.iter().any(|extension| name.ends_with(extension))
        };
        let named = files.iter().filter(|path| fits(path) && *path != self.asked.path);
        let mut names: Vec<String> =
            named.filter_map(|path| Some(format!("./{}", path.file_name()?.to_str()?))).collect();
        names.sort();
        names
    }

    /// Whether the source of a mount is asked for that is no volume.
    fn is_path_of_mount(&self, kind: Kind, path: &[&str]) -> bool {
        let outline = &self.asked.outline;
        let mount = self.cursor.steps.split_last().and_then(|(_, mount)| outline.find(mount));
        let written = mount.and_then(|mount| outline.scalar(outline.child(Some(mount), "type")?));
        kind == Kind::Volume && path.last() == Some(&"source") && written.is_some_and(|one| one != "volume")
    }

    /// What the other items of the list are, that the cursor is in an item of.
    fn beside(&self) -> BTreeSet<&'a str> {
        let outline: &'a Outline = &self.asked.outline;
        let list = self.cursor.steps.split_last().and_then(|(_, list)| outline.find(list));
        let items = list.into_iter().flat_map(|list| outline.children(Some(list)));
        let others = items.filter(|item| {
            let Entry { item, value, .. } = &outline.entries()[*item];
            item.is_some() && (value.end < self.cursor.written.start || self.cursor.written.end < value.start)
        });
        others.filter_map(|item| outline.scalar(item)).collect()
    }

    /// Ways to publish the ports of a container that are known, from what is written of one.
    fn ports(&self, service: &str) -> Vec<String> {
        let text = &self.asked.document.text;
        let written = &text[self.asked.outline.inner(&self.cursor.written)];
        let is_port = |text: &str| text.bytes().all(|one| one.is_ascii_digit() || one == b'-');
        let publish = |port: String| {
            let before = match written.rsplit_once(':').map(|(before, _)| before) {
                None => port.clone(),
                Some(host) if host.rsplit(':').next().is_some_and(is_port) => host.to_owned(),
                Some(address) => format!("{address}:{port}"),
            };
            if self.is_quoted() { format!("{before}:{port}") } else { format!("\"{before}:{port}\"") }
        };
        candidates::exposed(self.asked, service).into_iter().map(publish).collect()
    }

    /// Whether quotes are there, which stay.
    fn is_quoted(&self) -> bool {
        self.asked.document.text[self.cursor.written.start..].starts_with(['"', '\''])
    }

    /// Whether the word that the cursor is in has its colon.
    fn has_colon(&self) -> bool {
        let after = &self.asked.document.text[self.word().end..];
        after.trim_start_matches(['"', '\'']).trim_start_matches(' ').starts_with(':')
    }

    /// The word that the cursor is in, without its quotes, also behind the cursor. Of a key and of a short form with
    /// several parts, it ends at the colon.
    fn word(&self) -> Range<usize> {
        let text = &self.asked.document.text;
        let Range { start, end } = self.cursor.written;
        let quote = text[start..].chars().next().filter(|_| self.is_quoted() && start < end);
        let start = start + usize::from(quote.is_some());
        let end = self.asked.outline.inner(&self.cursor.written).end.max(start);
        let rest = &text[end..];
        // What begins here is no rest of a word.
        if start == end && rest.starts_with(['[', '{', '&', '*', '!', '|', '>', '#', '-', '"', '\'']) {
            return start..end;
        }
        let has_parts = self.cursor.is_key
            || matches!(self.path().as_slice(), ["services", _, "volumes" | "links" | "volumes_from", "-"]);
        let is_over = |at: usize, one: char| match (one, quote) {
            (one, _) if one.is_whitespace() => true,
            (':', _) if has_parts => true,
            (':', None) => rest[at + 1..].chars().next().is_none_or(char::is_whitespace),
            (',' | '[' | ']' | '{' | '}', None) => self.cursor.is_flow,
            (one, Some(quote)) => one == quote,
            _ => false,
        };
        let length =
            rest.char_indices().find(|(at, one)| is_over(*at, *one)).map_or(rest.len(), |(at, _)| at);
        start..end + length
    }

    fn item(
        &mut self,
        label: &str,
        text: &str,
        kind: CompletionItemKind,
        documentation: Option<&str>,
        rank: u8,
    ) {
        if self.items.iter().any(|item| item.label == label) {
            return;
        }
        let space = if self.cursor.needs_space { " " } else { "" };
        let range = self.asked.range(&self.word());
        self.items.push(CompletionItem {
            label: label.to_owned(),
            kind: Some(kind),
            documentation: documentation.map(|text| {
                Documentation::MarkupContent(MarkupContent {
                    kind: MarkupKind::Markdown,
                    value: text.to_owned(),
                })
            }),
            sort_text: Some(format!("{rank}{label}")),
            insert_text_mode: Some(InsertTextMode::AS_IS),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, format!("{space}{text}")))),
            ..CompletionItem::default()
        });
    }
}
