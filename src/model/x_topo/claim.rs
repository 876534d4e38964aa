//! What a volume asks of a cluster.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::attribute::{Attribute, Decoder, Place, Shape, record};
use super::super::schema::or_variable;
use super::super::values::{scalar, words};
use crate::yaml::{Node, Value};

record! {
    /// What `export k8s` makes of a volume.
    #[derive(Default)]
    pub struct Claim {
        /// How much it holds, such as `10Gi`. Default: what `--volume-size` says.
        pub size: Option<Quantity>,
        /// The storage class. Default: that of the cluster.
        #[example = "fast"]
        pub storage_class: Option<String>,
        /// How many nodes may have it at a time. Default: `ReadWriteOnce` for one pod, `ReadWriteMany` for more.
        #[example = ["ReadWriteOnce"]]
        pub access_modes: Vec<AccessMode>,
        /// Each pod has one of its own, as databases need it, in place of one that all share.
        pub per_replica: bool,
    }
}

words! {
    /// How many nodes may have a volume at a time.
    pub enum AccessMode {
        /// One node, to read and write.
        ReadWriteOnce = "ReadWriteOnce",
        /// Many nodes, to read.
        ReadOnlyMany = "ReadOnlyMany",
        /// Many nodes, to read and write.
        ReadWriteMany = "ReadWriteMany",
        /// One pod, to read and write.
        ReadWriteOncePod = "ReadWriteOncePod",
    }
}

/// A quantity of Kubernetes, such as `10Gi` or `500m`.
///
/// See <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Quantity(pub String);

impl Quantity {
    /// Returns whether a text is a quantity.
    pub fn is_one(text: &str) -> bool {
        const SUFFIXES: [&str; 14] =
            ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let digits = text.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(digits);
        number.parse::<f64>().is_ok() && SUFFIXES.contains(&suffix)
    }
}

scalar!(
    Quantity,
    "a quantity such as 10Gi",
    {
        "type": ["string", "integer"],
        "pattern": or_variable(r"(\d+\.?\d*|\.\d+)(m|[kMGTPE]|[KMGTPE]i)?"),
        "examples": ["10Gi"],
    },
    |node| match (&node.value, node.scalar_text()) {
        (Value::Int(_) | Value::Text(_), Some(text)) if Self::is_one(&text) => Ok(Some(Self(text))),
        (Value::Int(_) | Value::Text(_), Some(text)) => Err(format!("`{text}` is no quantity")),
        _ => Ok(None),
    }
);
