//! Room 3: the Compose Specification as types: one documented field for each attribute.
//!
//! A doc comment on a field is what people read in their editor. See [`attribute`] for what a type must do.

pub mod attribute;
pub mod build;
pub mod command;
pub mod deploy;
pub mod lifecycle;
pub mod limits;
pub mod network;
pub mod outside;
pub mod ports;
mod record;
pub mod registry;
pub mod schema;
pub mod service;
pub mod storage;
pub mod units;
pub mod values;
pub mod x_topo;

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use attribute::{Attribute, Decoder, Kind, Place, Shape, record, unset_when_empty};
use network::Network;
use service::Service;
use storage::{Config, Secret, Volume};
use values::Nullable;
use x_topo::XTopoProject;

use crate::yaml::Node;

const NO_TAG: crate::yaml::Tag = crate::yaml::Tag::None;

record! {
    /// A compose file: the services of a project and what they share.
    ///
    /// See <https://github.com/compose-spec/compose-spec/blob/main/spec.md>.
    #[derive(Default)]
    pub struct Compose {
        /// The version of the format, which nothing reads.
        #[example = "3.8"]
        #[obsolete = "remove it; the current specification is always followed"]
        #[serde(skip)]
        pub version: Option<String>,
        /// The project's name. Default: that of the directory.
        #[example = "shop"]
        pub name: Option<String>,
        /// Other compose files that this one builds on.
        #[example = ["./db/compose.yaml"]]
        #[example = [{"path": "./db/compose.yaml", "env_file": "./db/.env"}]]
        pub include: Vec<Include>,
        /// The services, by name.
        #[example = { "web": {"image": "nginx:1.27", "ports": ["8080:80"]} }]
        pub services: Named<Box<Service>>,
        /// The AI models, by key.
        #[example = { "llm": {"model": "ai/smollm2"} }]
        pub models: Named<Model>,
        /// The networks, by key.
        #[example = { "front": null, "back": {"internal": true} }]
        pub networks: Named<Nullable<Network>>,
        /// The volumes, by key.
        #[example = { "data": null }]
        pub volumes: Named<Nullable<Volume>>,
        /// The secrets, by key.
        #[example = { "db_password": {"file": "./db_password.txt"} }]
        pub secrets: Named<Nullable<Secret>>,
        /// The configs, by key.
        #[example = { "site": {"file": "./site.conf"} }]
        pub configs: Named<Nullable<Config>>,
        /// What topo's own commands know of the project.
        #[serde(skip)]
        pub x_topo as "x-topo": Option<XTopoProject>,
    }
    check keep_written;
}

/// What is an extension for docker compose is printed as one.
fn keep_written(compose: &mut Compose, node: &Node, _: &attribute::Place<'_>, _: &mut Decoder<'_>) {
    compose.extensions.extend(x_topo::as_extension(node));
}

/// Things by name; names match `[a-zA-Z0-9._-]+`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Named<T>(pub BTreeMap<String, T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Attribute> Attribute for Named<T> {
    const SHAPE: &'static Shape = &Shape { kind: Kind::Map(T::SHAPE), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else { return decoder.wrong_type(node, place, "a mapping") };
        let mut named = BTreeMap::new();
        for (name, entry) in map {
            let holds = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
            if name.is_empty() || !name.chars().all(holds) {
                let why = format!("`{name}` is no name");
                decoder.invalid::<()>(entry.key, place, why, "use only a-z, A-Z, 0-9, `.`, `_` and `-`");
            }
            if let Some(decoded) = T::decode(&entry.node, &place.key(name), decoder) {
                named.insert(name.to_string(), decoded);
            }
        }
        Some(Self(named))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "patternProperties": { "^[a-zA-Z0-9._-]+$": T::schema(generator) },
            "additionalProperties": false,
        })
    }

    unset_when_empty!();
}

record! {
    /// Other compose files that this one builds on.
    pub struct Include {
        /// The file, or several that override each other.
        #[example = "./db/compose.yaml"]
        #[example = ["./db/compose.yaml", "./db/compose.prod.yaml"]]
        pub path: values::StringList,
        /// Files with variables for it. Default: `.env` beside it.
        #[example = "./db/.env"]
        pub env_file: values::StringList,
        /// Where its relative paths start from. Default: its own directory.
        #[example = "./db"]
        pub project_directory: Option<String>,
    }
    short form include_of_path, { "type": "string" };
    as a schema { "required": ["path"] };
}

fn include_of_path(node: Node, _: &mut crate::diagnostic::Diagnostics) -> Node {
    match &node.value {
        crate::yaml::Value::Text(path) => {
            Node::map([("path", crate::yaml::Value::Text(path.clone()))], node.span)
        }
        _ => node,
    }
}

record! {
    /// An AI model that services use.
    pub struct Model {
        /// Its name for the model runner. Default: what `model` says.
        #[example = "smollm"]
        pub name: Option<String>,
        /// The model, as an OCI reference.
        #[example = "ai/smollm2"]
        pub model: String,
        /// The most tokens of context.
        #[example = 4096]
        pub context_size: i64,
        /// Flags for the model's runtime.
        #[example = ["--temp", "0.1"]]
        pub runtime_flags: Vec<String>,
    }
}
