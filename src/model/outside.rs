//! What a service has from outside of the project: images by pulling, providers, models, credentials, logging drivers.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Kind, Place, Shape, record, unset_when_empty};
use super::values::{Nullable, Options, map_of_names, words_or};
use crate::yaml::Node;

/// When an image is pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PullPolicy(pub String);

/// The words for it, and what they mean.
const PULL_POLICIES: &[(&str, &str)] = &[
    ("always", "Each time."),
    ("never", "Never: it must be there."),
    ("missing", "Where it is not there."),
    ("if_not_present", "As `missing`."),
    ("build", "Never: it is built instead."),
    ("refresh", "As `always`."),
    ("daily", "Where the last pull is a day ago."),
    ("weekly", "Where the last pull is a week ago."),
];

super::values::scalar!(
    PullPolicy,
    "a pull policy: always, never, missing, if_not_present, build, refresh, daily, weekly or every_<duration>",
    { "anyOf": words_or(PULL_POLICIES, r"^every_(\d+[wdhms])+$|\$").get("anyOf") },
    |node| node.as_text().map(|text| {
        let known = PULL_POLICIES.iter().any(|(word, _)| *word == text);
        if known || text.strip_prefix("every_").is_some_and(|every| interval(every).is_some()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is no pull policy"))
        }
    }).transpose()
);

impl PullPolicy {
    /// Returns how old an image may be before it is pulled anew, if it is to be.
    pub fn refreshed_after(&self) -> Option<std::time::Duration> {
        match self.0.as_str() {
            "daily" => interval("1d"),
            "weekly" => interval("1w"),
            text => interval(text.strip_prefix("every_")?),
        }
    }
}

/// Parses `1d12h`: whole numbers with units `w`, `d`, `h`, `m` and `s`.
fn interval(text: &str) -> Option<std::time::Duration> {
    let mut seconds: u64 = 0;
    for part in text.split_inclusive(|one: char| !one.is_ascii_digit()) {
        let (number, unit) = part.split_at(part.len().checked_sub(1)?);
        let unit = match unit {
            "w" => 604_800,
            "d" => 86_400,
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
    }
    (!text.is_empty()).then(|| std::time::Duration::from_secs(seconds))
}

record! {
    /// Credentials of a managed Windows service account.
    #[derive(Default)]
    pub struct CredentialSpec {
        /// The config that holds them.
        #[example = "gmsa"]
        pub config: Option<String>,
        /// The file that holds them.
        #[example = "gmsa.json"]
        pub file: Option<String>,
        /// The registry value that holds them.
        #[example = "gmsa"]
        pub registry: Option<String>,
    }
}

record! {
    /// Where the container's output goes.
    pub struct Logging {
        /// The logging driver. Default: that of the engine.
        #[example = "json-file"]
        #[example = "local"]
        #[example = "syslog"]
        #[example = "journald"]
        #[example = "none"]
        pub driver: Option<String>,
        /// Options of the driver.
        #[example = { "max-size": "10m", "max-file": "3" }]
        pub options: Options,
    }
    merged "driver";
}

record! {
    /// A program outside the engine that provides what the service stands for.
    pub struct Provider {
        /// The program: `docker-<type>` or `<type>` on the path.
        #[example = "awesomecloud"]
        pub kind as "type": String,
        /// Options that it gets on its command line.
        #[example = { "size": "small", "regions": ["eu", "us"] }]
        pub options: ProviderOptions,
    }
}

/// Options of a provider: scalars or lists of scalars, all as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ProviderOptions(pub BTreeMap<String, Vec<String>>);

impl Attribute for ProviderOptions {
    const SHAPE: &'static Shape = &Shape { kind: Kind::Map(Shape::REPLACE), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else { return decoder.wrong_type(node, place, "a mapping") };
        let expected = "a string, a number, true or false, or a list of them";
        let entries = map
            .iter()
            .filter_map(|(key, entry)| {
                let values = match entry.node.as_list() {
                    Some(list) => list.iter().map(Node::scalar_text).collect(),
                    None => entry.node.scalar_text().map(|text| vec![text]),
                };
                let values: Option<Vec<_>> = values;
                if values.is_none() {
                    return decoder.wrong_type(&entry.node, &place.key(key), expected);
                }
                Some((key.to_string(), values?))
            })
            .collect();
        Some(Self(entries))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let scalar = json_schema!({ "type": ["string", "number", "boolean"] });
        let value = json_schema!({ "anyOf": [scalar, { "type": "array", "items": scalar }] });
        json_schema!({ "type": "object", "additionalProperties": value })
    }

    unset_when_empty!();
}

/// The models that a service uses, by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ModelReferences(pub BTreeMap<String, Nullable<ModelReference>>);

record! {
    /// How a service finds a model.
    #[derive(Default)]
    pub struct ModelReference {
        /// The variable that gets the model's URL.
        #[example = "LLM_URL"]
        pub endpoint_var: Option<String>,
        /// The variable that gets the model's name.
        #[example = "LLM_MODEL"]
        pub model_var: Option<String>,
    }
}

impl Attribute for ModelReferences {
    const SHAPE: &'static Shape =
        &Shape { kind: Kind::Map(ModelReference::SHAPE), expand: Some(map_of_names) };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
                { "type": "object", "additionalProperties": <Nullable<ModelReference>>::schema(generator) },
            ]
        })
    }

    unset_when_empty!();
}
