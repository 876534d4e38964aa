//! Values that many attributes share: scalars, units, lists and maps with more than one way to write them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration as StdDuration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::attribute::{Attribute, Decoder, Identity, Kind, Place, Shape};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Tag, Value};

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
                json_schema!($schema)
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

    fn is_hollow(&self) -> bool {
        self.is_empty()
    }
}

scalar!(
    bool,
    "true or false",
    { "type": ["boolean", "string"] },
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
    { "type": ["integer", "string"] },
    |node| match &node.value {
        Value::Int(value) => Ok(i64::try_from(*value).ok()),
        Value::Text(text) => whole_number(text).map(Some),
        _ => Ok(None),
    },
    unset 0, |value| *value == 0
);

scalar!(
    u64,
    "a whole number, 0 or more",
    { "type": ["integer", "string"], "minimum": 0 },
    |node| match &node.value {
        Value::Int(value) => Ok(u64::try_from(*value).ok()),
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
    { "type": ["number", "string"] },
    |node| match &node.value {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as docker compose reads it")]
        Value::Int(value) => Ok(Some(*value as f32)),
        #[expect(clippy::cast_possible_truncation, reason = "as docker compose reads it")]
        Value::Float(value) => Ok(Some(*value as f32)),
        Value::Text(text) => text.trim().parse().map(Some).map_err(|_| "this is not a number".to_owned()),
        _ => Ok(None),
    },
    unset 0.0, |value| *value == 0.0
);

fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" | "1" | "t" => Some(true),
        "false" | "n" | "no" | "off" | "0" | "f" => Some(false),
        _ => None,
    }
}

fn whole_number(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| "this is not a whole number".to_owned())
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

/// A number of bytes. Units are `b`, `k` or `kb`, `m` or `mb`, `g` or `gb`, `t`, `p`, all powers of 1024.
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-byte-values>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub i64);

scalar!(
    ByteSize,
    "a number of bytes such as 512m or 1gb",
    { "type": ["string", "integer"], "examples": ["64m", "1gb"] },
    |node| match &node.value {
        Value::Int(value) => Ok(i64::try_from(*value).ok().map(Self)),
        Value::Text(text) => parse_bytes(text).map(|bytes| Some(Self(bytes))),
        _ => Ok(None),
    },
    unset Self(0), |value| value.0 == 0
);

/// docker compose writes byte values as decimal strings.
impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn parse_bytes(text: &str) -> Result<i64, String> {
    let trimmed = text.trim();
    let split = trimmed.rfind(|one: char| one.is_ascii_digit() || one == '.').map_or(0, |at| at + 1);
    let (number, unit) = trimmed.split_at(split);
    let number: f64 = number.parse().map_err(|_| format!("`{trimmed}` does not start with a number"))?;
    if number < 0.0 && number != -1.0 {
        return Err("this is below 0".to_owned());
    }
    let unit = unit.trim_start().to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(format!("`{unit}` is no unit of bytes")),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a size beyond i64 saturates")]
    Ok((number * 1024_f64.powi(power)) as i64)
}

/// A span of time such as `1m30s`. Units are `us`, `ms`, `s`, `m`, `h`, `d` and `w`; a bare number is refused.
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-durations>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub StdDuration);

scalar!(
    Duration,
    "a duration such as 1m30s",
    { "type": "string", "examples": ["10s", "1m30s", "500ms"] },
    |node| node.as_text().map(|text| parse_duration(text).map(Self)).transpose()
);

impl Duration {
    /// Returns whole nanoseconds, as Docker Engine takes durations.
    pub fn nanoseconds(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

fn parse_duration(text: &str) -> Result<StdDuration, String> {
    if text == "0" {
        return Ok(StdDuration::ZERO);
    }
    let mut rest = text;
    let mut nanoseconds = 0_f64;
    if rest.is_empty() {
        return Err("this is empty".to_owned());
    }
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|one: char| one.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let number: f64 = number.parse().map_err(|_| format!("`{rest}` does not start with a number"))?;
        nanoseconds += number
            * match unit {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                "d" => 24.0 * 3600e9,
                "w" => 7.0 * 24.0 * 3600e9,
                "" => return Err(format!("`{number}` lacks a unit")),
                other => return Err(format!("`{other}` is no unit of time")),
            };
        rest = tail;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
    Ok(StdDuration::from_nanos(nanoseconds.round() as u64))
}

/// Go's form, which docker compose prints: `1m30s`, `500ms`, `1.5s`.
impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_nanos();
        if total == 0 {
            return formatter.write_str("0s");
        }
        for (size, unit) in [(1_000, "ns"), (1_000_000, "µs"), (1_000_000_000, "ms")] {
            if total < size {
                return write!(formatter, "{}{unit}", fraction(total, size / 1_000));
            }
        }
        let seconds = total / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(formatter, "{hours}h")?;
        }
        if seconds >= 60 {
            write!(formatter, "{minutes}m")?;
        }
        write!(formatter, "{}s", fraction(total % 60_000_000_000, 1_000_000_000))
    }
}

/// Writes `value / size` without trailing zeros.
fn fraction(value: u128, size: u128) -> String {
    let (whole, rest) = (value / size, value % size);
    if rest == 0 {
        return whole.to_string();
    }
    let width = size.ilog10() as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One string, or a list of them. Items of several files are added; the same one twice counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StringList(pub Vec<String>);

impl Attribute for StringList {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(Shape::REPLACE, Some(Identity { of: Node::scalar_text, replace: true })),
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

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
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
            if STRICT { None } else { Some(Identity { of: Node::scalar_text, replace: true }) },
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
        json_schema!({ "type": "array", "items": T::schema(generator), "uniqueItems": true })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
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
            Some((key, value)) => (key, Value::Text(value.to_owned())),
            None => (text, Value::Null),
        };
        map.insert(key.to_owned(), Entry { key: item.span, node: Node::new(value, item.span) });
    }
    Node { span: node.span, tag: node.tag, value: Value::Map(map) }
}

fn list_or_map_schema() -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } },
            { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
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
            (Value::Null, _) => Some((key.clone(), None)),
            (Value::Date(_), _) | (_, None) => {
                decoder.wrong_type(&entry.node, &place.key(key), "a string, a number, true, false or nothing")
            }
            (_, Some(text)) => Some((key.clone(), Some(text))),
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

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
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

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
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
                Some((key.clone(), text?))
            })
            .collect();
        Some(Self(entries))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "null"] } })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
}

/// A command: a list of words, or one string that is split into words as a shell would. Unset (`None`) leaves
/// the image's own; an empty list clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CommandLine(pub Option<Vec<String>>);

impl Attribute for CommandLine {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        match &node.value {
            Value::Null => Some(Self(None)),
            Value::Text(text) => match split_words(text) {
                Ok(words) => Some(Self(Some(words))),
                Err(why) => {
                    decoder.invalid(node.span, place, why, "close the quote, or write a list of words")
                }
            },
            Value::List(_) => Vec::decode(node, place, decoder).map(|words| Self(Some(words))),
            _ => decoder.wrong_type(node, place, "a string or a list of strings"),
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": ["string", "null"] }, { "type": "array", "items": { "type": "string" } }]
        })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }
}

/// Splits as Go's `shellwords` does, which docker compose uses: quotes and backslashes, no expansion.
fn split_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(one) = characters.next() {
        match (quote, one) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), other) => word.get_or_insert_default().push(other),
            (_, '\\') => match characters.next() {
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err("this ends with a backslash".to_owned()),
            },
            (Some(_), other) => word.get_or_insert_default().push(other),
            (None, '\'' | '"') => {
                quote = Some(one);
                word.get_or_insert_default();
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (None, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
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
        json_schema!({ "anyOf": [{ "type": "null" }, T::schema(generator)] })
    }
}

/// Turns a list of names into a mapping from them to nothing. Anything else is left for decoding to report.
pub(crate) fn map_of_names(node: Node, diagnostics: &mut Diagnostics) -> Node {
    let Value::List(list) = &node.value else { return node };
    let mut map = Mapping::with_capacity(list.len());
    for item in list {
        let Some(name) = item.as_text() else { return node };
        let entry = Entry { key: item.span, node: Node::new(Value::Null, item.span) };
        if let Some(first) = map.insert(name.to_owned(), entry) {
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

/// Describes one of a few words, or a variable that stands for one: editors complete the words.
pub(crate) fn words_schema(words: &[&str]) -> Schema {
    json_schema!({ "anyOf": [{ "type": "string", "enum": words }, { "type": "string", "pattern": r"\$" }] })
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
                $crate::model::values::words_schema(Self::WORDS)
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_in_go() {
        for (written, printed) in [
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("500ms", "500ms"),
            ("10us", "10µs"),
            ("1d", "24h0m0s"),
            ("0s", "0s"),
        ] {
            assert_eq!(
                parse_duration(written).map(|time| Duration(time).to_string()).as_deref(),
                Ok(printed)
            );
        }
        for bad in ["5 apples", "5", "", "s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_are_powers_of_1024() {
        for (written, bytes) in [
            ("64m", 64 << 20),
            ("1gb", 1 << 30),
            ("2 kB", 2048),
            ("1.5k", 1536),
            ("12", 12),
            ("1GiB", 1 << 30),
            ("-1", -1),
        ] {
            assert_eq!(parse_bytes(written), Ok(bytes), "{written}");
        }
        assert!(parse_bytes("12x").is_err());
        assert!(parse_bytes("m").is_err());
    }

    #[test]
    fn words_are_split_as_a_shell_would() {
        assert_eq!(
            split_words("a 'b c' \"d \\\" e\" f\\ g ''"),
            Ok(vec!["a".into(), "b c".into(), "d \" e".into(), "f g".into(), String::new()])
        );
        assert!(split_words("a 'b").is_err());
    }
}
