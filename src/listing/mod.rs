//! Room 9: what people and programs look at: rows of what the engine has, written in docker compose's forms.
//!
//! Each file makes the [`Row`]s or the text of one command out of observed data; [`Format`] writes rows as a table,
//! as JSON, or by a Go template. Nothing here asks the engine.

pub mod containers;
pub mod history;
pub mod images;
pub mod port;
pub mod processes;
pub mod projects;
pub mod usage;
pub mod volumes;

mod format;
mod ports;
mod template;
pub mod time;
mod units;

use std::collections::BTreeMap;

use serde_json::Value;

pub use format::{Format, Layout, align};

/// A field of a row and the header of its column.
pub type Column = (&'static str, &'static str);

/// One thing in a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its fields, by name.
    pub fields: BTreeMap<&'static str, Value>,
    /// Its labels, for `.Label "key"`.
    pub labels: BTreeMap<String, String>,
}

/// Returns labels as docker lists them.
fn joined(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
