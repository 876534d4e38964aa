//! The JSON schema of the model: draft-07, as editors' YAML servers read it.

use schemars::generate::SchemaSettings;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value};

use super::Compose;

/// Returns the schema of a compose file, ready to be written.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<Compose>().to_value();
    if let Some(top) = schema.as_object_mut() {
        top.insert("title".into(), "Compose file, with topo's extensions".into());
    }
    schema
}

/// Builds the schema of one struct of the model.
pub(crate) struct Record {
    description: &'static str,
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Record {
    pub(crate) fn new(description: &'static str) -> Self {
        Self { description, properties: Map::new(), required: Vec::new() }
    }

    pub(crate) fn attribute(&mut self, key: &str, schema: Schema, documentation: &str, required: bool) {
        let documentation = tidy(documentation);
        let mut schema = schema.to_value();
        // Draft-07 readers ignore what stands beside `$ref`.
        if schema.get("$ref").is_some() {
            schema = Value::Object(Map::from_iter([("allOf".to_owned(), Value::Array(vec![schema]))]));
        }
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), documentation.into());
        }
        self.properties.insert(key.to_owned(), schema);
        if required {
            self.required.push(key.into());
        }
    }

    pub(crate) fn finish(self) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "description": tidy(self.description),
            "properties": self.properties,
            "patternProperties": { "^x-": {} },
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(self.required));
        }
        schema
    }
}

/// Takes the space that Rust keeps before each line of a doc comment, and joins lines of one paragraph.
fn tidy(documentation: &str) -> String {
    let paragraphs: Vec<String> = documentation
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n").trim().to_owned()
}
