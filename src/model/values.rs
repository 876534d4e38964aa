//! Values that many attributes share: scalars, lists and maps with more than one way to write them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Identity, Kind, Place, Shape, unset_when_empty};
use super::schema::{or_variable, tidy};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Tag, Value};

pub use super::command::CommandLine;
pub use super::units::{ByteSize, Duration};

/// How true and false are written as text.
const BOOL: &str = "[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[yY]([eE][sS])?|[nN][oO]?|[oO][nN]|[oO][fF][fF]";
/// How a whole number is written as text.
pub(crate) const WHOLE: &str = r"[+-]?\d+";

/// Implements [`Attribute`] for a scalar: what it expects in words, how it reads a node, its schema.
macro_rules! scalar {
    ($type:ty, $expected:literal, $schema:tt, |$node:ident| $read:expr $(, unset $unset:expr, $is_unset:expr)?) => {
        impl Attribute for $type {
            const SHAPE: &'static Shape = Shape::REPLACE;

            fn decode($node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
                let read: Result<Option<Self>, String> = $read;
                match read {
                    Ok(Some(value)) => Some(value),
                    Ok(None) => decoder.wrong_type($node, place, $expected),
                    Err(why) => decoder.invalid($node.span, place, why, concat!("write ", $expected)),
                }
            }

            fn schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                // Editors say this, not which regular expression does not match.
                schema.insert("errorMessage".to_owned(), concat!("write ", $expected).into());
                schema
            }

            $(
                fn unset() -> Option<Self> {
                    Some($unset)
                }

                fn is_unset(&self) -> bool {
                    let is_unset: fn(&Self) -> bool = $is_unset;
                    is_unset(self)
                }
            )?
        }
    };
}
pub(crate) use scalar;

impl Attribute for String {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        match node.as_text() {
            Some(text) => Some(text.to_owned()),
            None => decoder.wrong_type(node, place, "a string"),
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }

    const MAY_BE_EMPTY: bool = true;
}

scalar!(
    bool,
    "true or false",
    { "type": ["boolean", "string"], "pattern": or_variable(BOOL), "default": false },
    |node| match &node.value {
        Value::Bool(value) => Ok(Some(*value)),
        Value::Text(text) => parse_bool(text).map(Some).ok_or_else(|| "this is neither true nor false".to_owned()),
        _ => Ok(None),
    },
    unset false, |value| !value
);

scalar!(
    i64,
    "a whole number",
    { "type": ["integer", "string"], "pattern": or_variable(WHOLE) },
    |node| match &node.value {
        Value::Int(value) => Ok(i64::try_from(*value).ok()),
        Value::Float(value) => Ok(whole(*value)),
        Value::Text(text) => whole_number(text).map(Some),
        _ => Ok(None),
    },
    unset 0, |value| *value == 0
);

scalar!(
    u64,
    "a whole number, 0 or more",
    { "type": ["integer", "string"], "minimum": 0, "pattern": or_variable(r"[+]?\d+|-0+") },
    |node| match &node.value {
        Value::Int(value) => Ok(u64::try_from(*value).ok()),
        Value::Float(value) => Ok(whole(*value).and_then(|value| u64::try_from(value).ok())),
        Value::Text(text) => whole_number(text).and_then(|value| {
            u64::try_from(value).map(Some).map_err(|_| "this is below 0".to_owned())
        }),
        _ => Ok(None),
    },
    unset 0, |value| *value == 0
);

scalar!(
    f32,
    "a number",
    { "type": ["number", "string"], "pattern": or_variable(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?") },
    |node| match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "as docker compose reads it")]
        Value::Int(value) => Ok(Some(*value as f32)),
        #[expect(clippy::cast_possible_truncation, reason = "as docker compose reads it")]
        Value::Float(value) => finite(*value as f32),
        Value::Text(text) => text.parse().map_err(|_| "this is not a number".to_owned()).and_then(finite),
        _ => Ok(None),
    },
    unset 0.0, |value| *value == 0.0
);

/// Neither JSON nor the engine has a way to say the others.
fn finite(number: f32) -> Result<Option<f32>, String> {
    if number.is_finite() { Ok(Some(number)) } else { Err("this is no finite number".to_owned()) }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Returns a number such as `2.0` or `1e9` as the whole number that it is; `None` for a fraction.
pub(crate) fn whole(number: f64) -> Option<i64> {
    // Beyond this not every whole number is one of these.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn whole_number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "this is not a whole number".to_owned())
}

/// Text that may be written as a string or a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StringOrNumber(pub String);

scalar!(
    StringOrNumber,
    "a string or a number",
    { "type": ["string", "number"] },
    |node| Ok(match &node.value {
        Value::Text(_) | Value::Int(_) | Value::Float(_) => node.scalar_text().map(Self),
        _ => None,
    })
);

impl fmt::Display for StringOrNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One string, or a list of them. Items of several files are added; the same one twice counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StringList(pub Vec<String>);

impl Attribute for StringList {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(
            Shape::REPLACE,
            Some(Identity { by: "value", of: Node::scalar_text, replace: true }),
        ),
        expand: Some(list_of_one),
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if node.as_list().is_none() {
            return decoder.wrong_type(node, place, "a string or a list of strings");
        }
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, UniqueList::<String>::schema(generator)] })
    }

    unset_when_empty!();
}

fn list_of_one(node: Node, _: &mut Diagnostics) -> Node {
    let Value::Text(_) = node.value else { return node };
    Node { span: node.span, tag: node.tag, value: Value::List(vec![Node { tag: Tag::None, ..node }]) }
}

/// A list in which the same scalar counts once; with `STRICT`, one that must not have the same scalar twice, as
/// docker compose has it for some attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UniqueList<T, const STRICT: bool = false>(pub Vec<T>);

impl<T, const STRICT: bool> Default for UniqueList<T, STRICT> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Attribute, const STRICT: bool> Attribute for UniqueList<T, STRICT> {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(
            T::SHAPE,
            if STRICT { None } else { Some(Identity { by: "value", of: Node::scalar_text, replace: true }) },
        ),
        expand: None,
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if STRICT {
            let mut known = std::collections::HashMap::new();
            for item in node.as_list().into_iter().flatten() {
                let Some(text) = item.scalar_text() else { continue };
                if let Some(first) = known.insert(text.clone(), item.span) {
                    decoder.diagnostics.push(repeated(&text, item.span, first));
                }
            }
        }
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Vec::<T>::schema(generator);
        if STRICT {
            schema.insert("uniqueItems".to_owned(), true.into());
        }
        schema
    }

    unset_when_empty!();
}

/// Variables: a mapping, or a list of `KEY=value`. A key without a value takes it from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, Option<String>>);

/// Labels and the like: a mapping, or a list of `key=value`. A key without a value has the empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeyValues(pub BTreeMap<String, String>);

const LIST_OR_MAP: &Shape =
    &Shape { kind: Kind::Map(Shape::REPLACE_ALWAYS), expand: Some(map_of_assignments) };

/// Turns a list of `KEY=value` into a mapping; a later one wins. Anything else is left for decoding to report.
pub(crate) fn map_of_assignments(node: Node, _: &mut Diagnostics) -> Node {
    let Value::List(list) = &node.value else { return node };
    let mut map = Mapping::with_capacity(list.len());
    for item in list {
        let Some(text) = item.as_text() else { return node };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Value::Text(value.into())),
            None => (text, Value::Null),
        };
        map.insert(key.into(), Entry { key: item.span, node: Node::new(value, item.span) });
    }
    Node { span: node.span, tag: node.tag, value: Value::Map(map) }
}

fn list_or_map_schema() -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } },
            { "type": "array", "items": { "type": "string" } },
        ]
    })
}

fn assignments(
    node: &Node,
    place: &Place<'_>,
    decoder: &mut Decoder<'_>,
) -> Option<BTreeMap<String, Option<String>>> {
    let Some(map) = node.as_map() else {
        return decoder.wrong_type(node, place, "a mapping, or a list of strings `KEY=value`");
    };
    let entries = map
        .iter()
        .filter_map(|(key, entry)| match (&entry.node.value, entry.node.scalar_text()) {
            (Value::Null, _) => Some((key.to_string(), None)),
            (Value::Date(_), _) | (_, None) => {
                decoder.wrong_type(&entry.node, &place.key(key), "a string, a number, true, false or nothing")
            }
            (_, Some(text)) => Some((key.to_string(), Some(text))),
        })
        .collect();
    Some(entries)
}

impl Attribute for Variables {
    const SHAPE: &'static Shape = LIST_OR_MAP;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let variables = assignments(node, place, decoder)?;
        for (key, entry) in node.as_map().into_iter().flatten() {
            if key.ends_with(char::is_whitespace) {
                let help = format!("write `{}=...`, without space around the equals sign", key.trim_end());
                decoder.invalid::<()>(entry.key, place, "the name ends with white space", help);
            }
        }
        Some(Self(variables))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        list_or_map_schema()
    }

    unset_when_empty!();
}

impl Attribute for KeyValues {
    const SHAPE: &'static Shape = LIST_OR_MAP;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let pairs = assignments(node, place, decoder)?;
        Some(Self(pairs.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        list_or_map_schema()
    }

    unset_when_empty!();
}

/// Options of a driver: numbers are taken as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, String>);

impl Attribute for Options {
    const SHAPE: &'static Shape = &Shape { kind: Kind::Map(Shape::REPLACE), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else { return decoder.wrong_type(node, place, "a mapping") };
        let entries = map
            .iter()
            .filter_map(|(key, entry)| {
                let text = match entry.node.value {
                    Value::Null => Some(String::new()),
                    Value::Text(_) | Value::Int(_) | Value::Float(_) => entry.node.scalar_text(),
                    _ => decoder.wrong_type(&entry.node, &place.key(key), "a string or a number"),
                };
                Some((key.to_string(), text?))
            })
            .collect();
        Some(Self(entries))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "null"] } })
    }

    unset_when_empty!();
}

/// A value that may be nothing: `networks: {default: }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Attribute> Attribute for Nullable<T> {
    const SHAPE: &'static Shape = T::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if matches!(node.value, Value::Null) {
            return Some(Self(None));
        }
        T::decode(node, place, decoder).map(|value| Self(Some(value)))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [T::schema(generator), { "type": "null" }] })
    }
}

/// Turns a list of names into a mapping from them to nothing. Anything else is left for decoding to report.
pub(crate) fn map_of_names(node: Node, diagnostics: &mut Diagnostics) -> Node {
    let Value::List(list) = &node.value else { return node };
    let mut map = Mapping::with_capacity(list.len());
    for item in list {
        let Some(name) = item.as_text() else { return node };
        let entry = Entry { key: item.span, node: Node::new(Value::Null, item.span) };
        if let Some(first) = map.insert(name.into(), entry) {
            diagnostics.push(repeated(name, item.span, first.key));
        }
    }
    Node { span: node.span, tag: node.tag, value: Value::Map(map) }
}

/// Says that a list has the same item twice.
pub(crate) fn repeated(item: &str, again: Span, first: Span) -> Diagnostic {
    Diagnostic::error(Code::DuplicateKey, format!("`{item}` is listed twice"))
        .label(again, "again here")
        .label(first, "first here")
        .help("remove one")
}

/// A path on the host. A relative one starts from the directory of the file it is written in; `~` is the
/// user's home.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HostPath(pub String);

impl Attribute for HostPath {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(text) = node.as_text() else { return decoder.wrong_type(node, place, "a string") };
        Some(Self(decoder.absolute(text, node.span)))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// Describes one of a few words, each with what it means, or text of another form: editors complete the words.
pub(crate) fn words_or(words: &[(&str, &str)], form: &str) -> Schema {
    let (words, meanings): (Vec<_>, Vec<_>) =
        words.iter().map(|(word, meaning)| (*word, tidy(meaning))).unzip();
    let mut one_of = json_schema!({ "type": "string", "enum": words, "enumDescriptions": meanings });
    if meanings.iter().any(|meaning| meaning.contains('`')) {
        one_of.insert("markdownEnumDescriptions".to_owned(), meanings.into());
    }
    json_schema!({ "anyOf": [one_of, { "type": "string", "pattern": form }] })
}

/// Describes one of a few words, each with what it means, or a variable that stands for one.
pub(crate) fn words_schema(words: &[(&str, &str)]) -> Schema {
    words_or(words, r"\$")
}

/// Declares an attribute that takes one of a few words.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum $name {
            $($(#[doc = $variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The words, as they are written.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The word, as it is written.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.word())
            }
        }

        impl $crate::model::attribute::Attribute for $name {
            const SHAPE: &'static $crate::model::attribute::Shape = $crate::model::attribute::Shape::REPLACE;

            fn decode(
                node: &$crate::yaml::Node,
                place: &$crate::model::attribute::Place<'_>,
                decoder: &mut $crate::model::attribute::Decoder<'_>,
            ) -> Option<Self> {
                let Some(text) = node.as_text() else { return decoder.wrong_type(node, place, "a string") };
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => {
                        let known = Self::WORDS;
                        let help = $crate::diagnostic::did_you_mean(text, known.iter().copied())
                            .unwrap_or_else(|| format!("write one of {}", known.join(", ")));
                        decoder.invalid(node.span, place, format!("`{text}` is none of {}", known.join(", ")), help)
                    }
                }
            }

            fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::model::values::words_schema(&[$(($word, concat!($($variant_doc, "\n",)*)),)+])
            }
        }
    };
}
pub(crate) use words;
