//! What every type of the model can do: say how it looks and merges in a tree, be decoded from one, say when it
//! is unset, and describe itself in the schema.
//!
//! Hand-written rather than serde's `Deserialize`, because serde stops at the first error, loses the place of
//! nested values, and knows nothing of short forms and merging. With `record!` one documented declaration of
//! an attribute gives its parsing, its checks, its merge rule, its schema and its hover text.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use schemars::{Schema, SchemaGenerator, json_schema};
use smol_str::SmolStr;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::source::{SourceMap, Span};
use crate::yaml::{Entry, Node, Value};

pub(crate) use super::record::{
    is_nothing, key_of, optional, record, record_expand, record_kind, record_schema, unset_when_empty,
};

/// A type of the model.
pub trait Attribute: Sized {
    /// How nodes of this type are brought into their long form and merged.
    const SHAPE: &'static Shape;

    /// Reads a node in its long form. What is wrong with it goes to `decoder`; where something is left of it
    /// all the same, that is returned, so that one run finds the mistakes of later stages too.
    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self>;

    /// Describes both its short and its long forms.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// The value where the attribute is not written; `None` where it is required.
    fn unset() -> Option<Self> {
        None
    }

    /// Whether the attribute is left out when the model is written.
    fn is_unset(&self) -> bool {
        false
    }

    /// Whether an optional attribute of this type counts as not written where it is the empty string.
    const MAY_BE_EMPTY: bool = false;

    /// Whether an optional attribute of this type may be written without a value.
    const MAY_BE_NOTHING: bool = false;
}

/// How nodes of a type are brought into their long form and merged.
#[derive(Clone, Copy)]
pub struct Shape {
    /// What the long form looks like.
    pub kind: Kind,
    /// Turns any short form into the long form. It leaves alone what it does not understand: decoding reports it.
    pub expand: Option<fn(Node, &mut Diagnostics) -> Node>,
}

/// What a long form looks like, which is how it merges.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A later value replaces an earlier one.
    Replace,
    /// A later value replaces an earlier one, even with nothing.
    ReplaceAlways,
    /// Data of the user's own: mappings are merged, lists joined, anything else is replaced.
    Free,
    /// Merged attribute by attribute.
    Record(fn(&str) -> Option<&'static Shape>),
    /// Merged entry by entry.
    Map(&'static Shape),
    /// Later items are added. Items with the same identity are one: the later one merges into the earlier.
    List(&'static Shape, Option<Identity>),
    /// Merged attribute by attribute if the same text stands under this key in both, else replaced.
    Variant(&'static str, fn(&str) -> Option<&'static Shape>),
}

/// How items of a list are told apart when files are merged.
#[derive(Clone, Copy)]
pub struct Identity {
    /// What it is by, in words.
    pub by: &'static str,
    /// Gives an item its identity; items without one are all kept.
    pub of: fn(&Node) -> Option<String>,
    /// Whether the later item takes the earlier one's place whole, rather than being merged into it.
    pub replace: bool,
}

impl Shape {
    /// Scalars, and whatever else is replaced whole.
    pub const REPLACE: &'static Self = &Self { kind: Kind::Replace, expand: None };
    /// Values that are replaced whole, even with nothing.
    pub const REPLACE_ALWAYS: &'static Self = &Self { kind: Kind::ReplaceAlways, expand: None };
    /// `x-` attributes.
    pub const FREE: &'static Self = &Self { kind: Kind::Free, expand: None };
}

/// The way from the top of the file to a value, for messages: `services.web.ports[0]`.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The top of the file.
    pub const TOP: Place<'static> = Place { parent: None, step: Step::Key("") };

    /// The place under a key.
    pub fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    /// The place of a list item.
    pub fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(formatter)?;
        match self.step {
            Step::Key(key) if parent.parent.is_some() => write!(formatter, ".{key}"),
            Step::Key(key) => formatter.write_str(key),
            Step::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

/// What decoding needs besides the node.
pub struct Decoder<'a> {
    /// Says which directory a relative path starts from.
    pub sources: &'a SourceMap,
    /// What `~` stands for in paths.
    pub home: Option<&'a Path>,
    /// Leave relative paths as they are written.
    pub keep_paths: bool,
    /// More files will be merged: what is missing may still come, and what contradicts go.
    pub partial: bool,
    /// Where mistakes go.
    pub diagnostics: &'a mut Diagnostics,
}

impl Decoder<'_> {
    /// Returns a path of the host as an absolute one: see [`super::values::HostPath`].
    pub fn absolute(&self, path: &str, span: Span) -> String {
        if self.keep_paths {
            return path.to_owned();
        }
        absolute_path(path, self.sources.base(span), self.home)
    }

    /// Reports a value of the wrong kind.
    pub fn wrong_type<T>(&mut self, node: &Node, place: &Place<'_>, expected: &str) -> Option<T> {
        let mut diagnostic = Diagnostic::error(Code::WrongType, format!("`{place}` takes {expected}"))
            .label(node.span, format!("this is {}", node.kind()));
        if expected.starts_with("a string")
            && let Some(written) = node.scalar_text()
        {
            let source = self.sources.text(node.span);
            let written = if source.is_empty() { &written } else { source };
            diagnostic = diagnostic.help(format!("write it in quotes: \"{written}\""));
        }
        if matches!(node.value, Value::Null) {
            diagnostic = diagnostic.help("give it a value, or remove the attribute");
        }
        if expected.starts_with("a list")
            && let (Some(_), Some(written)) =
                (node.scalar_text(), self.sources.text(node.span).lines().next())
        {
            diagnostic = diagnostic.help(format!("put it in brackets: [{written}]"));
        }
        if diagnostic.help.is_none() {
            diagnostic = diagnostic.help(format!("write {expected}"));
        }
        self.diagnostics.push(diagnostic);
        None
    }

    /// Reports a value of the right kind that means nothing here.
    pub fn invalid<T>(
        &mut self,
        span: Span,
        place: &Place<'_>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.diagnostics.push(
            Diagnostic::error(Code::InvalidValue, format!("`{place}` has a value that means nothing"))
                .label(span, why)
                .help(help),
        );
        None
    }

    /// Reports a value that the engine will not take. docker compose passes it on, so it is only a warning.
    pub fn doubtful(
        &mut self,
        span: Span,
        place: &Place<'_>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.diagnostics.push(
            Diagnostic::warning(
                Code::InvalidValue,
                format!("`{place}` has a value that the engine will refuse"),
            )
            .label(span, why)
            .help(help),
        );
    }

    /// Reports two attributes that must not both be written.
    pub fn exclusive(&mut self, node: &Node, place: &Place<'_>, one: &str, other: &str) {
        let (Some(first), Some(second)) = (node.get(one), node.get(other)) else { return };
        self.diagnostics.push(
            Diagnostic::error(Code::Conflict, format!("`{place}` has both `{one}` and `{other}`"))
                .label(second.key, "this excludes the other")
                .label(first.key, "the other is here")
                .help("remove one of the two"),
        );
    }

    /// Reports a required attribute that is not there.
    pub fn missing(&mut self, span: Span, place: &Place<'_>, key: &str) {
        if self.partial {
            return;
        }
        self.diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("`{place}` lacks `{key}`"))
                .label(span, format!("`{key}` is required here"))
                .help(format!("add `{key}: ...`")),
        );
    }

    /// Reports an attribute that does not exist here.
    pub fn unknown_key<'k>(
        &mut self,
        key: &str,
        span: Span,
        place: &Place<'_>,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        let holder = if place.parent.is_some() { format!("`{place}`") } else { "a compose file".to_owned() };
        let help = did_you_mean(key, known.clone()).unwrap_or_else(|| {
            let known: Vec<_> = known.into_iter().collect();
            if known.len() <= 16 {
                format!("it takes {}; `x-{key}` is for data of your own", known.join(", "))
            } else {
                format!("remove it, or write `x-{key}` for data of your own")
            }
        });
        self.diagnostics.push(
            Diagnostic::error(Code::UnknownKey, format!("{holder} has no attribute `{key}`"))
                .label(span, "unknown attribute")
                .help(help),
        );
    }
}

/// Returns a path of the host as an absolute one. One that is absolute already stays as it is written, `~` is
/// the user's home, and any other starts from `base`.
pub fn absolute_path(path: &str, base: &Path, home: Option<&Path>) -> String {
    if let (Some(home), Some(rest)) = (home, path.strip_prefix('~'))
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return clean(&home.join(rest.trim_start_matches('/')));
    }
    if path.starts_with('/') || is_windows_path(path) {
        return path.to_owned();
    }
    clean(&base.join(path))
}

/// Takes `.` and `..` out of a path without asking the disk, as docker compose does.
pub fn clean(path: &Path) -> String {
    let mut cleaned = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned.to_string_lossy().into_owned()
}

/// Returns whether a path has a drive letter, `C:\\data`, or names a share, `\\\\server\\share`.
pub(crate) fn is_windows_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    path.starts_with("\\\\")
        || bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.next() == Some(b':')
            && matches!(bytes.next(), Some(b'\\' | b'/'))
}

/// `x-` attributes, kept as they are.
pub type Extensions = BTreeMap<String, serde_json::Value>;

impl<T: Attribute> Attribute for Option<T> {
    const SHAPE: &'static Shape = T::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if T::MAY_BE_NOTHING && matches!(node.value, Value::Null) {
            return Some(None);
        }
        if T::MAY_BE_EMPTY && node.as_text() == Some("") {
            return Some(None);
        }
        T::decode(node, place, decoder).map(Some)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::schema(generator);
        // What is not written is not the same as what is written as false.
        schema.remove("default");
        if T::MAY_BE_NOTHING {
            return json_schema!({ "anyOf": [schema, { "type": "null" }] });
        }
        schema
    }

    fn unset() -> Option<Self> {
        Some(None)
    }

    fn is_unset(&self) -> bool {
        self.is_none()
    }
}

impl<T: Attribute> Attribute for Box<T> {
    const SHAPE: &'static Shape = T::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        T::decode(node, place, decoder).map(Self::new)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }

    fn unset() -> Option<Self> {
        T::unset().map(Self::new)
    }

    fn is_unset(&self) -> bool {
        T::is_unset(self)
    }

    const MAY_BE_NOTHING: bool = T::MAY_BE_NOTHING;
}

impl<T: Attribute> Attribute for Vec<T> {
    const SHAPE: &'static Shape = &Shape { kind: Kind::List(T::SHAPE, None), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(list) = node.as_list() else { return decoder.wrong_type(node, place, "a list") };
        // Room for all of them and no more: most lists have one item.
        let mut decoded = Self::with_capacity(list.len());
        decoded.extend(
            list.iter().enumerate().filter_map(|(at, item)| T::decode(item, &place.index(at), decoder)),
        );
        Some(decoded)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": T::schema(generator) })
    }

    fn unset() -> Option<Self> {
        Some(Self::new())
    }

    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// Maps with free keys, in the order they were written.
impl<T: Attribute> Attribute for IndexMap<String, T> {
    const SHAPE: &'static Shape = &Shape { kind: Kind::Map(T::SHAPE), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else { return decoder.wrong_type(node, place, "a mapping") };
        let decode = |(key, entry): (&SmolStr, &Entry)| {
            Some((key.to_string(), T::decode(&entry.node, &place.key(key), decoder)?))
        };
        Some(map.iter().filter_map(decode).collect())
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": T::schema(generator) })
    }

    fn unset() -> Option<Self> {
        Some(Self::new())
    }

    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// Maps with free keys, written sorted, as docker compose does.
impl<T: Attribute> Attribute for BTreeMap<String, T> {
    const SHAPE: &'static Shape = IndexMap::<String, T>::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        IndexMap::decode(node, place, decoder).map(|map| map.into_iter().collect())
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        IndexMap::<String, T>::schema(generator)
    }

    fn unset() -> Option<Self> {
        Some(Self::new())
    }

    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_read_as_people_write_them() {
        let services = Place::TOP.key("services");
        let ports = services.key("web");
        let ports = ports.key("ports");
        assert_eq!(ports.index(2).to_string(), "services.web.ports[2]");
        assert_eq!(Place::TOP.key("name").to_string(), "name");
    }
}
