//! Room 2: YAML as a tree that knows where each key and value was written, and YAML as text again.

mod mapping;
mod memory;
mod parse;
mod scalar;

use smol_str::SmolStr;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

pub use mapping::Mapping;
pub use memory::Memory;
pub use parse::parse;

/// Returns whether a scalar without quotes is text, and no number, date, truth or nothing.
pub fn is_text(plain: &str) -> bool {
    matches!(scalar::resolve(plain, true, None), Value::Text(_))
}

/// How many values a project may hold. More can only come from files that multiply: aliases that refer to nodes
/// full of aliases, or services that extend a large one many times.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    left: usize,
}

impl Room {
    const VALUES: usize = 2_000_000;

    /// Takes the room of a copy of `node`, which is wanted at `span`.
    pub fn take(&mut self, node: &Node, span: Span) -> Result<(), Diagnostic> {
        self.take_values(node.weight(), span)
    }

    /// Takes the room of some values that are wanted at `span`.
    pub fn take_values(&mut self, count: usize, span: Span) -> Result<(), Diagnostic> {
        self.left = self.left.checked_sub(count).ok_or_else(|| Self::passed(span))?;
        Ok(())
    }

    fn passed(span: Span) -> Diagnostic {
        let message = format!("the project expands to more than {} values", Self::VALUES);
        Diagnostic::error(Code::ExcessiveExpansion, message).label(span, "the limit is passed here")
    }
}

impl Default for Room {
    fn default() -> Self {
        Self { left: Self::VALUES }
    }
}

/// A value of a YAML document and where it was written.
///
/// The span survives interpolation, short-form expansion and merging, so a message about a value always points
/// into the file that the value came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it was written.
    pub span: Span,
    /// What it holds.
    pub value: Value,
    /// How it wants to be merged into an earlier file.
    pub tag: Tag,
}

/// What a [`Node`] holds. Plain scalars are resolved as docker compose's parser does: YAML 1.2 words, and
/// YAML 1.1 octal numbers (`0440`).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A plain scalar that YAML 1.1 takes for a date; no attribute takes one.
    Date(SmolStr),
    /// Text.
    Text(SmolStr),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(Mapping),
}

/// The merge tags of the Compose Specification.
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/13-merge.md#reset-value>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// None of them.
    #[default]
    None,
    /// `!reset`: the attribute goes back to its default.
    Reset,
    /// `!override`: the attribute replaces the earlier one.
    Override,
}

/// A value in a [`Mapping`] and where its key was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key was written.
    pub key: Span,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Makes a node without a merge tag.
    pub fn new(value: Value, span: Span) -> Self {
        Self { span, value, tag: Tag::None }
    }

    /// Makes a text node.
    pub fn text(text: impl Into<SmolStr>, span: Span) -> Self {
        Self::new(Value::Text(text.into()), span)
    }

    /// Makes a mapping; keys and values are all said to be written at `span`.
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>, span: Span) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into(), Entry { key: span, node: Self::new(value, span) }))
            .collect();
        Self::new(Value::Map(entries), span)
    }

    /// Returns the text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the mapping, if it is one.
    pub fn as_map(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the list, if it is one.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns a scalar as the text that a user would expect it to be; `None` for null, lists and mappings.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Date(text) => Some(text.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(float_text(*value)),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.get(key)
    }

    /// Returns the node at the end of `path`, one mapping key or list index a step.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match &node.value {
            Value::Map(map) => map.get(*step).map(|entry| &entry.node),
            Value::List(list) => list.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Returns where the last key of `path` was written, or the nearest enclosing place that is known.
    pub fn span_of(&self, path: &[&str]) -> Span {
        let mut span = self.span;
        let mut node = self;
        for step in path {
            match &node.value {
                Value::Map(map) => {
                    let Some(entry) = map.get(*step) else { break };
                    (span, node) = (entry.key, &entry.node);
                }
                Value::List(list) => {
                    let Some(item) = step.parse::<usize>().ok().and_then(|at| list.get(at)) else { break };
                    (span, node) = (item.span, item);
                }
                _ => break,
            }
        }
        span
    }

    /// Returns how much memory it takes, in values of usual size.
    fn weight(&self) -> usize {
        /// A longer text counts more than once.
        const USUAL: usize = 128;
        1 + match &self.value {
            Value::Text(text) | Value::Date(text) => text.len() / USUAL,
            Value::List(list) => list.iter().map(Self::weight).sum(),
            Value::Map(map) => {
                map.iter().map(|(key, entry)| 1 + key.len() / USUAL + entry.node.weight()).sum()
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        }
    }

    /// Returns what kind of value it is, with an article, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Date(_) => "a date",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Returns the value as JSON, for `x-` attributes and other free-form places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => i64::try_from(*value).map_or_else(
                |_| u64::try_from(*value).map_or_else(|_| Json::from(value.to_string()), Json::from),
                Json::from,
            ),
            Value::Float(value) => Json::from(*value),
            Value::Date(text) | Value::Text(text) => Json::String(text.to_string()),
            Value::List(list) => Json::Array(list.iter().map(Self::to_json).collect()),
            Value::Map(map) => {
                Json::Object(map.iter().map(|(key, entry)| (key.to_string(), entry.node.to_json())).collect())
            }
        }
    }
}

/// Writes a number as Go's `%v` does, which is how docker compose turns one into text: `1.1`, `1e+06`.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "an exponent is small")]
    let exponent = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if (-4..21).contains(&exponent) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

/// Why a value cannot be written as YAML.
pub type WriteError = serde_yaml::ser::Error;

/// Writes a value as YAML that readers of YAML 1.1 and 1.2 both take as meant.
pub fn to_string(value: &impl serde::Serialize) -> Result<String, WriteError> {
    serde_yaml::to_string(value)
}

/// Writes a value as [`to_string`] does, with lists indented below their key and long lines whole, as docker compose
/// has it.
pub fn to_string_indented(value: &impl serde::Serialize) -> Result<String, WriteError> {
    let options = serde_yaml::ser_options! { compact_list_indent: false, folded_wrap_chars: usize::MAX };
    serde_yaml::to_string_with_options(value, options)
}

#[cfg(test)]
mod tests {
    use super::float_text;

    #[test]
    fn numbers_become_text_as_in_go() {
        let cases =
            [(1.1, "1.1"), (1e6, "1000000"), (1e21, "1e+21"), (0.00001, "1e-05"), (0.0, "0"), (-2.5, "-2.5")];
        for (number, text) in cases {
            assert_eq!(float_text(number), text);
        }
    }
}
