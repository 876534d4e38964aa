//! Brings short forms into their long form, and merges a later file into an earlier one.
//!
//! The rules stand with the types ([`Shape`]), not here.
//! See <https://github.com/compose-spec/compose-spec/blob/main/13-merge.md>.

use smol_str::SmolStr;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::attribute::{Identity, Kind, Shape};
use crate::yaml::{Entry, Mapping, Node, Tag, Value};

/// Brings a tree into its long form, and makes list items that are the same one.
pub fn expand(node: Node, shape: &Shape, diagnostics: &mut Diagnostics) -> Node {
    if node.tag == Tag::Reset {
        return node;
    }
    let mut node = match shape.expand {
        Some(expand) => expand(node, diagnostics),
        None => node,
    };
    match (&mut node.value, shape.kind) {
        (Value::Map(map), Kind::Record(field) | Kind::Variant(_, field)) => {
            expand_entries(map, field, diagnostics);
        }
        (Value::Map(map), Kind::Map(item)) => expand_entries(map, |_| Some(item), diagnostics),
        (Value::List(list), Kind::List(item, identity)) => {
            let items: Vec<Node> =
                std::mem::take(list).into_iter().map(|node| expand(node, item, diagnostics)).collect();
            *list = match identity {
                Some(identity) if items.len() > 1 => {
                    add_items(Vec::new(), items, item, identity, diagnostics)
                }
                _ => items,
            };
        }
        _ => {}
    }
    node
}

fn expand_entries(
    map: &mut Mapping,
    shape_of: impl Fn(&str) -> Option<&'static Shape>,
    diagnostics: &mut Diagnostics,
) {
    for (key, entry) in map.iter_mut() {
        let Some(shape) = shape_of(key) else { continue };
        let hollow = Node::new(Value::Null, entry.node.span);
        entry.node = expand(std::mem::replace(&mut entry.node, hollow), shape, diagnostics);
    }
}

/// Merges `over` into `base`; both are in their long form.
pub fn merge(base: Node, over: Node, shape: &Shape, diagnostics: &mut Diagnostics) -> Node {
    if over.tag == Tag::Override {
        return over;
    }
    match (base.value, over.value, shape.kind) {
        (_, value, Kind::ReplaceAlways) => Node::new(value, over.span),
        (Value::Map(map), Value::Map(later), Kind::Free) => {
            Node::new(Value::Map(merge_entries(map, later, |_| Some(Shape::FREE), diagnostics)), over.span)
        }
        (Value::List(list), Value::List(later), Kind::Free) => {
            Node::new(Value::List(list.into_iter().chain(later).collect()), over.span)
        }
        // An attribute without a value says nothing.
        (value, Value::Null, _) => Node { span: base.span, tag: base.tag, value },
        (Value::Map(map), Value::Map(later), Kind::Record(field)) => {
            Node::new(Value::Map(merge_entries(map, later, field, diagnostics)), over.span)
        }
        (Value::Map(map), Value::Map(later), Kind::Map(item)) => {
            Node::new(Value::Map(merge_entries(map, later, |_| Some(item), diagnostics)), over.span)
        }
        (Value::Map(map), Value::Map(later), Kind::Variant(key, field)) => {
            let variant = |map: &Mapping| map.get(key).and_then(|entry| entry.node.scalar_text());
            let differ = variant(&map).is_some_and(|one| variant(&later).is_some_and(|other| one != other));
            let merged = if differ { later } else { merge_entries(map, later, field, diagnostics) };
            Node::new(Value::Map(merged), over.span)
        }
        (Value::List(list), Value::List(later), Kind::List(item, identity)) => {
            let merged = match identity {
                Some(identity) => add_items(list, later, item, identity, diagnostics),
                None => list.into_iter().chain(later).collect(),
            };
            Node::new(Value::List(merged), over.span)
        }
        (one, other, Kind::Record(_) | Kind::Map(_) | Kind::Variant(..) | Kind::List(..))
            if !matches!(one, Value::Null)
                && std::mem::discriminant(&one) != std::mem::discriminant(&other) =>
        {
            let (earlier, later) = (Node::new(one, base.span), Node::new(other, over.span));
            diagnostics.push(
                Diagnostic::error(Code::Conflict, "two files disagree on the kind of a value")
                    .label(later.span, format!("{} here", later.kind()))
                    .label(earlier.span, format!("{} here", earlier.kind()))
                    .help("write both the same way, or put `!override` before the later one"),
            );
            later
        }
        (_, value, _) => Node { span: over.span, tag: over.tag, value },
    }
}

fn merge_entries(
    mut map: Mapping,
    later: Mapping,
    shape_of: impl Fn(&str) -> Option<&'static Shape>,
    diagnostics: &mut Diagnostics,
) -> Mapping {
    for (key, entry) in later {
        // A reset stays as a mark, for the files that come before those that are merged here: what extends
        // resets in its base, it resets in earlier files too.
        if entry.node.tag == Tag::Reset {
            map.insert(key, entry);
            continue;
        }
        let Some(earlier) = map.get_mut(&key).filter(|earlier| earlier.node.tag != Tag::Reset) else {
            map.insert(key, entry);
            continue;
        };
        let shape =
            shape_of(&key).unwrap_or(if key.starts_with("x-") { Shape::FREE } else { Shape::REPLACE });
        let hollow = Node::new(Value::Null, earlier.node.span);
        let base = std::mem::replace(&mut earlier.node, hollow);
        *earlier = Entry { key: entry.key, node: merge(base, entry.node, shape, diagnostics) };
    }
    map
}

fn add_items(
    mut list: Vec<Node>,
    later: Vec<Node>,
    shape: &Shape,
    identity: Identity,
    diagnostics: &mut Diagnostics,
) -> Vec<Node> {
    let mut places: std::collections::HashMap<String, usize> =
        list.iter().enumerate().filter_map(|(at, node)| Some(((identity.of)(node)?, at))).collect();
    for node in later {
        let Some(key) = (identity.of)(&node) else {
            list.push(node);
            continue;
        };
        match places.get(&key) {
            Some(at) if identity.replace => list[*at] = node,
            Some(at) => {
                let hollow = Node::new(Value::Null, node.span);
                let base = std::mem::replace(&mut list[*at], hollow);
                list[*at] = merge(base, node, shape, diagnostics);
            }
            None => {
                places.insert(key, list.len());
                list.push(node);
            }
        }
    }
    list
}

/// Takes out what is still marked `!reset`: there was nothing earlier to reset.
pub fn drop_resets(node: &mut Node) {
    // To look is much faster than to take out, and nearly always enough.
    if !has_resets(node) {
        return;
    }
    match &mut node.value {
        Value::Map(map) => {
            map.retain(|_, entry| entry.node.tag != Tag::Reset);
            map.values_mut().for_each(|entry| drop_resets(&mut entry.node));
        }
        Value::List(list) => {
            list.retain(|item| item.tag != Tag::Reset);
            list.iter_mut().for_each(drop_resets);
        }
        _ => {}
    }
}

fn has_resets(node: &Node) -> bool {
    node.tag == Tag::Reset
        || match &node.value {
            Value::Map(map) => map.values().any(|entry| has_resets(&entry.node)),
            Value::List(list) => list.iter().any(has_resets),
            _ => false,
        }
}

/// Returns the part of `earlier` that `later` may change: what both have of the first `levels` of keys.
pub fn overlap(earlier: &Node, later: &Node, levels: usize) -> Node {
    let (Value::Map(map), Value::Map(changes), Tag::None, 1..) =
        (&earlier.value, &later.value, later.tag, levels)
    else {
        return earlier.clone();
    };
    let entry = |(key, entry): (&SmolStr, &Entry)| {
        let node = overlap(&entry.node, &changes.get(key)?.node, levels - 1);
        Some((key.clone(), Entry { key: entry.key, node }))
    };
    Node::new(Value::Map(map.iter().filter_map(entry).collect()), earlier.span)
}
