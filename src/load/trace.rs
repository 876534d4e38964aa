//! Where values came from: what they took the place of, and the variables in them. Kept only where it is asked for.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Environment, Origin, World, interpolate};
use crate::model::attribute::{Kind, Shape};
use crate::source::Span;
use crate::yaml::{Node, Tag, Value};

/// Where the values of a project came from.
#[derive(Debug, Default)]
pub struct Trace {
    /// The place of a value, and that of the one that it took the place of.
    overridden: HashMap<Span, Span>,
    /// The values with variables.
    templates: Vec<(Span, Vec<Variable>)>,
    /// What `!reset` took away.
    resets: Vec<Reset>,
}

/// A variable in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value and where that is set; `None` if it is set nowhere.
    pub value: Option<(String, Origin)>,
    /// What stands for it where it has no value: `${NAME:-this}`.
    pub default: String,
}

/// A value that `!reset` took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// Where `!reset` is written.
    pub at: Span,
    /// Where the value was written.
    pub earlier: Span,
}

impl Trace {
    /// Returns the places of the values that the one at `span` took the place of, the latest first.
    pub fn overridden(&self, span: Span) -> Vec<Span> {
        let mut seen = HashSet::from([span]);
        let mut last = span;
        std::iter::from_fn(|| {
            last = *self.overridden.get(&last)?;
            seen.insert(last).then_some(last)
        })
        .collect()
    }

    /// Returns the variables in the value at `span`, or in the short form that it is a part of.
    pub fn variables(&self, span: Span) -> &[Variable] {
        let found = self.templates.iter().find(|(template, _)| template.holds(span) || span.holds(*template));
        found.map_or(&[], |(_, variables)| variables)
    }

    /// Returns what `!reset` took away at `path`, or around it.
    pub fn reset(&self, path: &[&str]) -> Option<&Reset> {
        self.resets
            .iter()
            .rev()
            .find(|reset| path.len() >= reset.path.len() && reset.path.iter().eq(&path[..reset.path.len()]))
    }

    /// Notes the variables of a document, before they are replaced.
    pub(super) fn note_variables(&mut self, node: &Node, environment: &Environment, world: &dyn World) {
        match &node.value {
            Value::Text(text) if text.contains('$') => {
                let mut found = BTreeMap::new();
                interpolate::references(node, &mut found);
                let variable = |(name, reference): (String, interpolate::Reference)| {
                    let value = environment.find(&name, world);
                    Variable { name, value, default: reference.default }
                };
                let variables: Vec<Variable> = found.into_iter().map(variable).collect();
                if !variables.is_empty() {
                    self.templates.push((node.span, variables));
                }
            }
            Value::List(list) => list.iter().for_each(|item| self.note_variables(item, environment, world)),
            Value::Map(map) => {
                map.values().for_each(|entry| self.note_variables(&entry.node, environment, world));
            }
            _ => {}
        }
    }

    /// Notes what a later document will take the place of, before it is merged. `path` leads to both nodes.
    pub(super) fn note_merge(&mut self, earlier: &Node, later: &Node, shape: &Shape, path: &mut Vec<String>) {
        match (&earlier.value, &later.value, shape.kind) {
            _ if later.tag == Tag::Reset => {
                self.resets.push(Reset { path: path.clone(), at: later.span, earlier: earlier.span });
            }
            _ if later.tag == Tag::Override => self.note(earlier, later),
            (_, Value::Null, kind) if !matches!(kind, Kind::ReplaceAlways) => {}
            (Value::Map(map), Value::Map(later), kind)
                if !matches!(kind, Kind::Replace | Kind::ReplaceAlways) =>
            {
                for (key, entry) in later {
                    let Some(earlier) = map.get(key) else { continue };
                    let shape = match kind {
                        Kind::Record(of) | Kind::Variant(_, of) => of(key),
                        Kind::Map(item) => Some(item),
                        _ => None,
                    };
                    path.push(key.clone());
                    self.note_merge(&earlier.node, &entry.node, shape.unwrap_or(Shape::FREE), path);
                    path.pop();
                }
            }
            (Value::List(list), Value::List(later), Kind::List(item, Some(identity))) => {
                let known: HashMap<String, &Node> =
                    list.iter().filter_map(|node| Some(((identity.of)(node)?, node))).collect();
                for node in later {
                    let Some(earlier) = (identity.of)(node).and_then(|key| known.get(&key)) else { continue };
                    if identity.replace {
                        self.note(earlier, node);
                    } else {
                        self.note_merge(earlier, node, item, path);
                    }
                }
            }
            (Value::List(_), Value::List(_), Kind::List(_, None) | Kind::Free) => {}
            _ => self.note(earlier, later),
        }
    }

    fn note(&mut self, earlier: &Node, later: &Node) {
        self.overridden.insert(later.span, earlier.span);
    }
}
