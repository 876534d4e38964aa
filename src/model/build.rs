//! How an image is built.

use super::attribute::{Attribute, Decoder, Place, Shape, record, unset_when_empty};
use super::network::ExtraHosts;
use super::service::Ulimits;
use super::storage::FileReferences;
use super::values::{ByteSize, KeyValues, UniqueList, Variables};
use crate::diagnostic::Diagnostics;
use crate::yaml::{Node, Value};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

record! {
    /// How an image is built.
    #[derive(Default)]
    pub struct Build {
        /// The directory that is sent to the builder, or a Git URL. Default: the project directory.
        #[example = "."]
        #[example = "https://github.com/docker/getting-started.git"]
        pub context: Option<BuildContext>,
        /// The Dockerfile, within the context.
        #[default = "Dockerfile"]
        #[example = "Dockerfile.dev"]
        pub dockerfile: Option<String>,
        /// The Dockerfile's text; excludes `dockerfile`.
        #[example = "FROM alpine\nRUN apk add curl\n"]
        pub dockerfile_inline: Option<String>,
        /// Extra privileges for the build, `network.host` or `security.insecure`.
        #[example = ["network.host"]]
        pub entitlements: Vec<String>,
        /// Values for the Dockerfile's `ARG`s.
        #[example = { "GO_VERSION": "1.24" }]
        #[example = ["GO_VERSION=1.24"]]
        pub args: Variables,
        /// Provenance attestation: true, false, or options such as `mode=max`.
        #[example = "mode=max"]
        #[example = true]
        pub provenance: Option<BoolOrText>,
        /// Bill of materials attestation: true, false, or options.
        #[example = true]
        #[example = "generator=docker/scout-sbom-indexer:latest"]
        pub sbom: Option<BoolOrText>,
        /// SSH agent sockets or keys for the build, `default` or `id=path`.
        #[example = ["default"]]
        #[example = { "id": "~/.ssh/id_ed25519" }]
        pub ssh: Ssh,
        /// Labels of the image.
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// Images or caches to take layers from.
        #[example = ["type=registry,ref=example.com/shop:cache"]]
        pub cache_from: Vec<String>,
        /// Where to export the build cache to.
        #[example = ["type=inline"]]
        pub cache_to: Vec<String>,
        /// Build every layer anew.
        pub no_cache: bool,
        /// More named contexts: a directory, `docker-image://...`, a URL or `service:name`.
        #[example = { "assets": "../assets" }]
        #[example = ["base=docker-image://alpine"]]
        pub additional_contexts: AdditionalContexts,
        /// Always ask the registry for newer base images.
        pub pull: bool,
        /// Lines for `/etc/hosts` while building.
        #[example = ["mirror=10.0.0.9"]]
        pub extra_hosts: ExtraHosts,
        /// Isolation technology of Windows containers.
        #[example = "process"]
        #[example = "hyperv"]
        pub isolation: Option<String>,
        /// The network for `RUN`: `host`, `none` or a network's name.
        #[example = "host"]
        #[example = "none"]
        pub network: Option<String>,
        /// The stage to build.
        #[example = "dev"]
        pub target: Option<String>,
        /// Secrets that `RUN --mount=type=secret` may read.
        #[example = ["npm_token"]]
        pub secrets: FileReferences,
        /// Size of `/dev/shm` while building.
        #[default = "64m"]
        pub shm_size: ByteSize,
        /// More names for the image.
        #[example = ["example.com/shop:latest"]]
        pub tags: UniqueList<String>,
        /// Limits while building.
        #[example = { "nofile": 20000 }]
        pub ulimits: Ulimits,
        /// The platforms to build for, `os/arch[/variant]`.
        #[example = ["linux/amd64", "linux/arm64"]]
        pub platforms: UniqueList<String, true>,
        /// Build with all privileges.
        pub privileged: bool,
    }
    short form build_of_context, { "type": "string" };
    check one_dockerfile;
    as a schema {
        "dependencies": { "dockerfile": { "properties": { "dockerfile_inline": false } } }
    };
}

fn build_of_context(node: Node, _: &mut Diagnostics) -> Node {
    match &node.value {
        Value::Text(context) => {
            let long = Node::map([("context", Value::Text(context.clone()))], node.span);
            Node { tag: node.tag, ..long }
        }
        _ => node,
    }
}

fn one_dockerfile(_: &mut Build, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    decoder.exclusive(node, place, "dockerfile", "dockerfile_inline");
}

/// A build context: an absolute directory, or a URL that the builder fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BuildContext(pub String);

impl Attribute for BuildContext {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(text) = node.as_text() else { return decoder.wrong_type(node, place, "a string") };
        Some(Self(if is_remote(text) { text.to_owned() } else { decoder.absolute(text, node.span) }))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// Returns whether a build context is fetched by the builder rather than read from a directory.
pub fn is_remote(context: &str) -> bool {
    context.contains("://")
        || ["git@", "github.com/", "service:", "docker-image:", "target:"]
            .iter()
            .any(|start| context.starts_with(start))
}

/// Named build contexts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AdditionalContexts(pub std::collections::BTreeMap<String, BuildContext>);

impl Attribute for AdditionalContexts {
    const SHAPE: &'static Shape = KeyValues::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "object", "additionalProperties": { "type": "string" } },
                {
                    "type": "array",
                    "items": { "type": "string", "pattern": r"=|\$", "errorMessage": "write name=context" },
                },
            ]
        })
    }

    unset_when_empty!();
}

/// SSH keys by ID; written as `id` or `id=path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ssh(pub std::collections::BTreeMap<String, String>);

impl Serialize for Ssh {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(id, path)| match path.as_str() {
            "" => id.clone(),
            path => format!("{id}={path}"),
        }))
    }
}

impl Attribute for Ssh {
    const SHAPE: &'static Shape = KeyValues::SHAPE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        KeyValues::decode(node, place, decoder).map(|pairs| Self(pairs.0))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        KeyValues::schema(generator)
    }

    unset_when_empty!();
}

/// True, false, or options as text; kept as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BoolOrText(pub String);

super::values::scalar!(
    BoolOrText,
    "a string, true or false",
    { "type": ["string", "boolean"] },
    |node| Ok(match &node.value {
        Value::Text(_) | Value::Bool(_) => node.scalar_text().map(Self),
        _ => None,
    })
);
