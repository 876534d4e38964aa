//! What a container may use of the host: block devices, limits of processes, devices.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Identity, Kind, Place, Shape, record, unset_when_empty};
use super::schema::or_variable;
use super::values::{ByteSize, WHOLE};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::yaml::{Node, Value};

record! {
    /// Limits on block devices.
    #[derive(Default)]
    pub struct Blkio {
        /// Weight against other containers, from 10 to 1000.
        #[default = 500]
        #[example = 300]
        pub weight: i64,
        /// Weight on single devices.
        #[example = [{"path": "/dev/sda", "weight": 400}]]
        pub weight_device: Vec<DeviceWeight>,
        /// Bytes read per second.
        #[example = [{"path": "/dev/sda", "rate": "12mb"}]]
        pub device_read_bps: Vec<DeviceRate>,
        /// Reads per second.
        #[example = [{"path": "/dev/sda", "rate": 120}]]
        pub device_read_iops: Vec<DeviceRate>,
        /// Bytes written per second.
        #[example = [{"path": "/dev/sda", "rate": "1024k"}]]
        pub device_write_bps: Vec<DeviceRate>,
        /// Writes per second.
        #[example = [{"path": "/dev/sda", "rate": 30}]]
        pub device_write_iops: Vec<DeviceRate>,
    }
}

record! {
    /// Weight on one device.
    pub struct DeviceWeight {
        /// The device of the host.
        #[example = "/dev/sda"]
        #[serde(rename = "Path")]
        pub path: String,
        /// The weight, from 10 to 1000.
        #[example = 400]
        #[serde(rename = "Weight")]
        pub weight: i64,
    }
}

record! {
    /// The limit on one device.
    pub struct DeviceRate {
        /// The device of the host.
        #[example = "/dev/sda"]
        #[serde(rename = "Path")]
        pub path: String,
        /// Bytes or operations per second.
        #[example = "12mb"]
        #[example = 120]
        #[serde(rename = "Rate")]
        pub rate: ByteSize,
    }
}

/// Limits of processes, by name such as `nofile`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Ulimits(pub BTreeMap<String, Ulimit>);

/// A limit: one number for both, or a soft and a hard one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ulimit {
    /// The same for both.
    Single(i64),
    /// What processes start with, and what they may raise it to.
    Pair {
        /// What processes start with.
        soft: i64,
        /// What they may raise it to.
        hard: i64,
    },
}

impl Ulimit {
    /// Returns the soft and the hard limit.
    pub fn soft_hard(self) -> (i64, i64) {
        match self {
            Self::Single(limit) => (limit, limit),
            Self::Pair { soft, hard } => (soft, hard),
        }
    }
}

impl Serialize for Ulimit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Single(limit) => serializer.serialize_i64(*limit),
            Self::Pair { soft, hard } => serializer.collect_map([("soft", soft), ("hard", hard)]),
        }
    }
}

impl Attribute for Ulimit {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if let Value::Int(_) | Value::Text(_) = node.value {
            return i64::decode(node, place, decoder).map(Self::Single);
        }
        let Some(map) = node.as_map() else {
            return decoder.wrong_type(node, place, "a whole number, or a mapping with `soft` and `hard`");
        };
        for (key, entry) in map {
            if key != "soft" && key != "hard" && !key.starts_with("x-") {
                decoder.unknown_key(key, entry.key, place, ["soft", "hard"]);
            }
        }
        let mut part = |key: &str| match node.get(key) {
            Some(entry) => i64::decode(&entry.node, &place.key(key), decoder),
            None => {
                decoder.missing(node.span, place, key);
                None
            }
        };
        let (soft, hard) = (part("soft"), part("hard"));
        Some(Self::Pair { soft: soft?, hard: hard? })
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let mut part = |description: &str| {
            let mut part = i64::schema(generator);
            part.insert("description".to_owned(), description.into());
            part.insert("examples".to_owned(), vec![20_000].into());
            part
        };
        json_schema!({
            "anyOf": [
                { "type": "integer" },
                { "type": "string", "pattern": or_variable(WHOLE), "errorMessage": "write a whole number" },
                {
                    "type": "object",
                    "properties": {
                        "soft": part("What processes start with."),
                        "hard": part("What they may raise it to."),
                    },
                    "required": ["soft", "hard"],
                    "additionalProperties": false,
                    "patternProperties": { "^x-": {} },
                },
            ]
        })
    }
}

impl Attribute for Ulimits {
    const SHAPE: &'static Shape = &Shape { kind: Kind::Map(Ulimit::SHAPE), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        for (key, entry) in node.as_map().into_iter().flatten() {
            if !key.chars().all(|one| one.is_ascii_lowercase()) {
                let help = "write a name of lower-case letters, such as nofile";
                decoder.doubtful(entry.key, place, format!("`{key}` is no name of a limit"), help);
            }
        }
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, Ulimit>::schema(generator)
    }

    unset_when_empty!();
}

/// Devices of the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Devices(pub Vec<Device>);

record! {
    /// A device of the host.
    pub struct Device {
        /// The device on the host, or a CDI name.
        #[example = "/dev/ttyUSB0"]
        #[example = "vendor.com/class=name"]
        pub source: String,
        /// The device in the container. Default: as on the host.
        #[example = "/dev/ttyS0"]
        pub target: Option<String>,
        /// `r`, `w` and `m`(knod).
        #[default = "rwm"]
        #[example = "rw"]
        pub permissions: Option<String>,
    }
    short form expand_device, {
        "type": "string",
        "pattern": or_variable("[^:]*(:[^:]*){0,2}"),
        "errorMessage": "write host[:container[:permissions]], such as /dev/ttyUSB0:/dev/ttyUSB0:rw",
        "examples": ["/dev/ttyUSB0", "/dev/ttyUSB0:/dev/ttyS0:rw"],
    };
}

fn expand_device(node: Node, diagnostics: &mut Diagnostics) -> Node {
    let Value::Text(text) = &node.value else { return node };
    let parts: Vec<&str> = text.split(':').collect();
    let is_permissions = |part: &str| !part.is_empty() && part.chars().all(|one| "rwm".contains(one));
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, permissions] if is_permissions(permissions) => (source, source, permissions),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ => {
            diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("`{text}` does not say which device"))
                    .label(node.span, "there are too many colons")
                    .help("write host[:container[:permissions]], such as /dev/ttyUSB0:/dev/ttyUSB0:rw"),
            );
            (text.as_str(), text.as_str(), "rwm")
        }
    };
    let part = |text: &str| Value::Text(text.into());
    Node::map(
        [("source", part(source)), ("target", part(target)), ("permissions", part(permissions))],
        node.span,
    )
}

impl Attribute for Devices {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(
            Device::SHAPE,
            Some(Identity {
                by: "`target`",
                of: |node| node.get("target")?.node.scalar_text(),
                replace: true,
            }),
        ),
        expand: None,
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Device>::schema(generator)
    }

    unset_when_empty!();
}
