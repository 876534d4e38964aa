//! Holds a tree to a type of the API: fields that there are, and the kind of each value.
//!
//! It is a deserializer for the types of k8s-openapi that hands them nothing but empty values: each type says which
//! fields it has and what is in them, and what the tree has instead is reported at its place. All mistakes are found in
//! one run, and no table of the API's hundreds of types is kept here.

use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Findings;
use super::forms::QUANTITY;
use crate::diagnostic::{Code, did_you_mean};
use crate::yaml::{Node, Value};

/// A mapping of a tree and the type that it stands for.
#[derive(Clone, Debug)]
pub(super) struct Typed<'n> {
    /// The type, such as `Container`.
    pub(super) name: &'static str,
    /// The mapping.
    pub(super) node: &'n Node,
    /// The way to it, such as `spec.template.spec.containers[0]`.
    pub(super) path: String,
}

/// Holds a tree to a type. The mappings that were found go to `typed`, outer ones first.
pub(super) fn walk<'n, T: serde::de::DeserializeOwned>(
    node: &'n Node,
    typed: &mut Vec<Typed<'n>>,
    findings: &mut Findings<'_>,
) {
    let reader = Reader { node, path: String::new(), typed, findings };
    // What is wrong has been reported; the value has nothing in it.
    let _: Result<T, Error> = T::deserialize(reader);
}

struct Reader<'w, 'n, 'f> {
    node: &'n Node,
    path: String,
    typed: &'w mut Vec<Typed<'n>>,
    findings: &'w mut Findings<'f>,
}

impl Reader<'_, '_, '_> {
    fn wrong_type(&mut self, expected: &str) {
        let (path, kind) = (&self.path, self.node.kind());
        let message = format!("`{path}` must be {expected}");
        let help = match self.node.scalar_text() {
            Some(text) if expected == "a string" => format!("quote it: \"{text}\""),
            _ => format!("write {expected}"),
        };
        self.findings.error(Code::WrongType, self.node.span, &message, format!("this is {kind}"), help);
    }

    fn whole(&mut self, low: i64, high: i64) {
        match self.node.value {
            Value::Int(number) if (i128::from(low)..=i128::from(high)).contains(&number) => {}
            Value::Int(_) => self.wrong_type(&format!("a whole number from {low} to {high}")),
            _ => self.wrong_type("a whole number"),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $low:expr, $high:expr;)+) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
            self.whole($low, $high);
            visitor.$visit(0)
        })+
    };
}

impl<'de> Deserializer<'de> for Reader<'_, '_, '_> {
    type Error = Error;

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier }

    whole_numbers! {
        deserialize_i8 visit_i8 i8::MIN.into(), i8::MAX.into();
        deserialize_i16 visit_i16 i16::MIN.into(), i16::MAX.into();
        deserialize_i32 visit_i32 i32::MIN.into(), i32::MAX.into();
        deserialize_i64 visit_i64 i64::MIN, i64::MAX;
        deserialize_u8 visit_u8 0, u8::MAX.into();
        deserialize_u16 visit_u16 0, u16::MAX.into();
        deserialize_u32 visit_u32 0, u32::MAX.into();
        deserialize_u64 visit_u64 0, i64::MAX;
    }

    /// A number or a name: the one type of the API that may be either.
    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Int(_) => visitor.visit_i64(0),
            Value::Text(_) => visitor.visit_str(""),
            _ => {
                self.wrong_type("a whole number or a string");
                visitor.visit_i64(0)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::Bool(_)) {
            self.wrong_type("true or false");
        }
        visitor.visit_bool(false)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::Int(_) | Value::Float(_)) {
            self.wrong_type("a number");
        }
        visitor.visit_f64(0.0)
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::Text(_) | Value::Date(_)) {
            self.wrong_type("a string");
        }
        visitor.visit_str("")
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            "Quantity" => {
                match &self.node.value {
                    Value::Int(_) | Value::Float(_) => {}
                    Value::Text(text) => self.findings.form(&QUANTITY, text, self.node.span, &self.path),
                    _ => self.wrong_type("a quantity"),
                }
                visitor.visit_newtype_struct(BorrowedStrDeserializer::new("0"))
            }
            "Time" | "MicroTime" => {
                if !matches!(self.node.value, Value::Text(_) | Value::Date(_)) {
                    self.wrong_type("a point in time");
                }
                visitor.visit_newtype_struct(BorrowedStrDeserializer::new("1970-01-01T00:00:00Z"))
            }
            // Whatever it is, it is not looked into.
            _ => visitor.visit_newtype_struct(().into_deserializer()),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let items = self.node.as_list().unwrap_or_else(|| {
            self.wrong_type("a list");
            &[]
        });
        let Self { path, typed, findings, .. } = self;
        visitor.visit_seq(Items { left: items, at: 0, path, typed, findings })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let mut entries = Vec::new();
        match self.node.as_map() {
            Some(map) => entries.extend(map.iter().map(|(key, entry)| (key.as_str(), &entry.node))),
            None => self.wrong_type("a mapping"),
        }
        let Self { path, typed, findings, .. } = self;
        visitor.visit_map(Fields { entries: entries.into_iter(), value: None, path, typed, findings })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut entries = Vec::new();
        match self.node.as_map() {
            None => self.wrong_type("a mapping"),
            Some(map) => {
                self.typed.push(Typed { name, node: self.node, path: self.path.clone() });
                for (key, entry) in map {
                    if !fields.contains(&key.as_str()) {
                        let place = if self.path.is_empty() {
                            String::new()
                        } else {
                            format!("`{}` has ", self.path)
                        };
                        let message = if place.is_empty() {
                            format!("there is no field `{key}` here")
                        } else {
                            format!("{place}no field `{key}`")
                        };
                        let help = did_you_mean(key, fields.iter().copied());
                        let help =
                            help.unwrap_or_else(|| "remove it, or move it to where it belongs".to_owned());
                        self.findings.error(Code::UnknownKey, entry.key, &message, "unknown field", help);
                    // Who looks at the kind has looked at these two, and a type takes no others than its own.
                    } else if !matches!(key.as_str(), "apiVersion" | "kind") {
                        entries.push((key.as_str(), &entry.node));
                    }
                }
            }
        }
        let Self { path, typed, findings, .. } = self;
        visitor.visit_map(Fields { entries: entries.into_iter(), value: None, path, typed, findings })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

struct Items<'w, 'n, 'f> {
    left: &'n [Node],
    at: usize,
    path: String,
    typed: &'w mut Vec<Typed<'n>>,
    findings: &'w mut Findings<'f>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.left.get(self.at) else { return Ok(None) };
        let path = format!("{}[{}]", self.path, self.at);
        self.at += 1;
        seed.deserialize(Reader { node, path, typed: self.typed, findings: self.findings }).map(Some)
    }
}

struct Fields<'w, 'n, 'f> {
    entries: std::vec::IntoIter<(&'n str, &'n Node)>,
    value: Option<(&'n str, &'n Node)>,
    path: String,
    typed: &'w mut Vec<Typed<'n>>,
    findings: &'w mut Findings<'f>,
}

impl<'de> MapAccess<'de> for Fields<'_, '_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, node)) = self.value.take() else {
            return Err(serde::de::Error::custom("a value is asked for before its key"));
        };
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        seed.deserialize(Reader { node, path, typed: self.typed, findings: self.findings })
    }
}
