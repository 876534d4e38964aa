//! What `up` and `export k8s` make of each attribute: one row an attribute, which the planner, the exporter and
//! `docs/compatibility.md` read.
//!
//! How an attribute is loaded is no part of its row: its type says that. A row speaks for all beneath it that has no
//! row of its own. `tests/it/compatibility.rs` holds every row to what the planner and the exporter really do.

mod image;
mod service;
mod shared;
mod swarm;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Compose;
use super::attribute::{Attribute, Kind, Place, Shape};
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// What is made of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The way from the top of the file, such as `services.*.ports.target`: `*` is any name, items of lists are
    /// passed over.
    pub path: &'static str,
    /// What `up` makes of it.
    pub up: Up,
    /// What `export k8s` makes of it.
    pub kubernetes: Kubernetes,
}

/// What `up` makes of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// It is honoured.
    Honoured,
    /// It is honoured within limits: which. What is beyond them is refused at its line, or said here.
    Partly(&'static str),
    /// It is honoured by engines from an API version on, which the version of the engine brings; refused before.
    Since((u32, u32), &'static str),
    /// The same, but earlier engines pass it over, which a warning says: the project works without it.
    Optional((u32, u32), &'static str),
    /// It changes nothing: why.
    Idle(&'static str),
    /// It is refused at its line: why, and what to do instead.
    Refused(&'static str, &'static str),
}

/// What `export k8s` makes of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kubernetes {
    /// It is kept: as what.
    Kept(&'static str),
    /// It is kept nearly, or for some values only: how. There is a warning about the rest.
    Partly(&'static str),
    /// It is of no matter for a cluster, and left out without a word: why.
    Idle(&'static str),
    /// It has no equivalent, which a warning says: what to do instead.
    Lost(&'static str),
}

/// Why an attribute is refused that will not stay so.
const NOT_YET: &str = "is not supported yet";

/// Declares rows below one place: `"path" => what up makes of it, what export makes of it;`.
macro_rules! table {
    ($name:ident below $place:literal { $($path:literal => $up:expr, $kubernetes:expr;)* }) => {
        pub(super) const $name: &[$crate::model::registry::Row] = &[$(
            $crate::model::registry::Row {
                path: concat!($place, $path),
                up: $up,
                kubernetes: $kubernetes,
            },
        )*];
    };
}
use table;

/// Returns all rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let tables =
        [shared::FILE, service::SERVICE, service::ATTACHED, image::IMAGE, swarm::DEPLOY, shared::SHARED];
    tables.into_iter().flatten()
}

static BY_PATH: LazyLock<HashMap<&str, &Row>> = LazyLock::new(|| rows().map(|row| (row.path, row)).collect());

/// Returns the row that speaks for an attribute: its own, or that of the nearest one around it.
pub fn row_of(path: &str) -> Option<&'static Row> {
    let mut path = path;
    loop {
        if let Some(row) = BY_PATH.get(path) {
            return Some(row);
        }
        path = path.rsplit_once('.')?.0;
    }
}

/// An attribute of a file that has a value and a row of its own.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Its row.
    pub row: &'static Row,
    /// The way to it, for messages.
    pub place: &'a Place<'a>,
    /// The keys that lead to it, without the indices of lists.
    pub keys: &'a [&'a str],
    /// Where its key was written.
    pub span: Span,
    /// Its value.
    pub node: &'a Node,
}

/// Calls `visit` for each attribute of a merged file that has a value and a row of its own.
pub fn each_given(file: &Node, visit: &mut dyn FnMut(Given<'_>)) {
    Walk { keys: Vec::new(), path: String::new(), visit }.below(file, Compose::SHAPE, &Place::TOP);
}

struct Walk<'a, 'v> {
    keys: Vec<&'a str>,
    path: String,
    visit: &'v mut dyn FnMut(Given<'_>),
}

impl<'a> Walk<'a, '_> {
    fn visit(&mut self, entry: &Entry, place: &Place<'_>) {
        if let Some(row) = BY_PATH.get(self.path.as_str()) {
            (self.visit)(Given { row, place, keys: &self.keys, span: entry.key, node: &entry.node });
        }
    }

    fn below(&mut self, node: &'a Node, shape: &'static Shape, place: &Place<'_>) {
        let length = self.path.len();
        match (&node.value, shape.kind) {
            (Value::Map(map), Kind::Record(field) | Kind::Variant(_, field)) => {
                for (key, entry) in map.iter().filter(|(_, entry)| !is_hollow(&entry.node)) {
                    let Some(shape) = field(key) else { continue };
                    self.path.push_str(if length > 0 { "." } else { "" });
                    self.path.push_str(key);
                    self.keys.push(key);
                    let place = place.key(key);
                    self.visit(entry, &place);
                    self.below(&entry.node, shape, &place);
                    self.keys.pop();
                    self.path.truncate(length);
                }
            }
            (Value::Map(map), Kind::Map(item)) => {
                self.path.push_str(".*");
                for (key, entry) in map {
                    self.keys.push(key);
                    self.below(&entry.node, item, &place.key(key));
                    self.keys.pop();
                }
                self.path.truncate(length);
            }
            (Value::List(list), Kind::List(item, _)) => {
                for (at, node) in list.iter().enumerate() {
                    self.below(node, item, &place.index(at));
                }
            }
            _ => {}
        }
    }
}

/// Returns whether a value is that of an attribute that is not written.
fn is_hollow(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Text(text) => matches!(text.as_str(), "" | "false"),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(true) | Value::Int(_) | Value::Float(_) | Value::Date(_) => false,
    }
}
