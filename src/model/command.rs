//! Commands: a list of words, or one string that is split into words.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Place, Shape};
use crate::yaml::{Node, Value};

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
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" } },
                { "type": "null" },
            ]
        })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }
}

/// Splits text into words as Go's `shellwords` does, which docker compose uses: quotes and backslashes, no expansion.
pub fn split_words(text: &str) -> Result<Vec<String>, String> {
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
            (None, '\'' | '"') => {
                quote = Some(one);
                word.get_or_insert_default();
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        assert_eq!(
            split_words("a 'b c' \"d \\\" e\" f\\ g ''"),
            Ok(vec!["a".into(), "b c".into(), "d \" e".into(), "f g".into(), String::new()])
        );
        assert!(split_words("a 'b").is_err());
    }
}
