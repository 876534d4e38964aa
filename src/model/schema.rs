//! The JSON schema of the model: draft-07, as editors' YAML servers read it.
//!
//! Beside the standard's words it has those that editors know: `markdownDescription`, `enumDescriptions`,
//! `errorMessage` and `deprecationMessage`. Validators pass over them.

use schemars::generate::SchemaSettings;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value};

use super::Compose;

/// Returns the schema of a compose file, ready to be written.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<Compose>();
    // Editors would show it above the text of every attribute.
    schema.remove("title");
    schema.to_value()
}

/// Returns the schema without what is obsolete: editors underline it as they do what does not exist.
pub fn strict() -> Value {
    let mut schema = schema();
    without_obsolete(&mut schema);
    schema
}

fn without_obsolete(schema: &mut Value) {
    let is_current = |one: &Value| one["deprecated"] != true;
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                properties.retain(|_, property| is_current(property));
            }
            if let Some(Value::Array(forms)) = object.get_mut("anyOf") {
                forms.retain(is_current);
            }
            object.values_mut().for_each(without_obsolete);
        }
        Value::Array(list) => list.iter_mut().for_each(without_obsolete),
        _ => {}
    }
}

/// What the declaration of an attribute says of it, beside its type.
pub(crate) struct Declared {
    /// Its name in the file.
    pub(crate) key: &'static str,
    /// Its doc comment.
    pub(crate) documentation: &'static str,
    /// What counts where it is not written.
    pub(crate) default: Option<Value>,
    /// Values as they may be written; without any, those of the type.
    pub(crate) examples: Vec<Value>,
    /// The least number that it takes.
    pub(crate) minimum: Option<i64>,
    /// The greatest number that it takes.
    pub(crate) maximum: Option<i64>,
    /// What to do instead.
    pub(crate) obsolete: Option<&'static str>,
    /// Whether it must be written.
    pub(crate) required: bool,
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

    pub(crate) fn attribute(&mut self, schema: Schema, declared: Declared) {
        let Declared { key, documentation, default, examples, minimum, maximum, obsolete, required } =
            declared;
        let mut schema = schema.to_value();
        // Draft-07 readers ignore what stands beside `$ref`.
        if schema.get("$ref").is_some() {
            schema = Value::Object(Map::from_iter([("allOf".to_owned(), Value::Array(vec![schema]))]));
        }
        if let Some(object) = schema.as_object_mut() {
            let mut text = tidy(documentation);
            if let Some(default) = default {
                let written = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                text.push_str(&format!(" Default: `{written}`."));
                object.insert("default".to_owned(), default);
            }
            // What the type has to say, such as its units.
            if let Some(Value::String(note)) = object.remove("description") {
                text.push_str(&format!("\n\n{note}"));
            }
            for (word, bound) in [("minimum", minimum), ("maximum", maximum)] {
                object.extend(bound.map(|bound| (word.to_owned(), bound.into())));
            }
            if let Some(instead) = obsolete {
                text.push_str(&format!("\n\nObsolete: {instead}."));
                object.insert("deprecated".to_owned(), true.into());
                object.insert(
                    "deprecationMessage".to_owned(),
                    format!("`{key}` is obsolete: {instead}").into(),
                );
            }
            describe(object, text);
            if !examples.is_empty() {
                offer_in_items(object, &examples);
                object.insert("examples".to_owned(), examples.into());
            }
        }
        self.properties.insert(key.to_owned(), schema);
        if required {
            self.required.push(key.into());
        }
    }

    /// Returns the schema, with rules on what stands beside each other.
    pub(crate) fn finish(self, rules: Option<Value>) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "properties": self.properties,
            "patternProperties": { "^x-": {} },
            "additionalProperties": false,
        });
        let object = schema.ensure_object();
        describe(object, tidy(self.description));
        if !self.required.is_empty() {
            object.insert("required".to_owned(), Value::Array(self.required));
        }
        if let Some(Value::Object(rules)) = rules {
            object.extend(rules);
        }
        schema
    }
}

/// Sets the text that editors show. They take `description` as it is written, and escape what is Markdown in it.
fn describe(schema: &mut Map<String, Value>, text: String) {
    if text.contains(['`', '<']) {
        schema.insert("markdownDescription".to_owned(), text.clone().into());
    }
    schema.insert("description".to_owned(), text.into());
}

/// Gives the items of a list of scalars the examples that lists of them are made of: editors complete item by item.
fn offer_in_items(list: &mut Map<String, Value>, examples: &[Value]) {
    let Some(Value::Object(items)) = list.get_mut("items") else { return };
    if items.contains_key("type") && !items.contains_key("examples") {
        let items_of = |example: &Value| example.as_array().cloned().unwrap_or_default();
        let offered: Vec<Value> = examples.iter().flat_map(items_of).collect();
        items.insert("examples".to_owned(), offered.into());
    }
}

/// Describes what has short forms and a long one. Where neither fits, editors say what is wrong with the first, so that
/// is the long one, unless a short one has more to say than that it is text.
pub(crate) fn forms(short: &[Schema], long: Schema) -> Schema {
    let mut forms = short.to_vec();
    let at = if short.iter().any(|form| form.get("pattern").is_some()) { forms.len() } else { 0 };
    forms.insert(at, long);
    json_schema!({ "anyOf": forms })
}

/// Describes text of a form, or with a variable in it; `form` is a regular expression for all of it.
pub(crate) fn or_variable(form: &str) -> String {
    format!(r"^({form})$|\$")
}

/// Takes the space that Rust keeps before each line of a doc comment, and joins lines of one paragraph.
pub(crate) fn tidy(documentation: &str) -> String {
    let paragraphs: Vec<String> = documentation
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n").trim().to_owned()
}
