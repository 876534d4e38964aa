//! What may stand at a place of a compose file, by the schema that is made of the model.

use std::sync::LazyLock;

use serde_json::Value;

/// The schema. It is made once, and never changes.
static SCHEMA: LazyLock<Value> = LazyLock::new(crate::model::schema::schema);

/// What may stand at a place: schemas that each describe one form of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Forms {
    forms: Vec<&'static Value>,
    /// What is said of the attribute itself.
    documentation: Option<&'static str>,
}

/// An attribute that a mapping may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    /// Its name.
    pub(super) name: &'static str,
    schema: &'static Value,
}

/// A word that a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The word.
    pub(super) text: String,
    /// What it means.
    pub(super) documentation: Option<&'static str>,
}

impl Attribute {
    /// Returns what may stand there.
    pub(super) fn forms(self) -> Forms {
        Forms::of(self.schema)
    }

    /// Returns what counts where it is not written, if that is one word.
    pub(super) fn default(self) -> Option<String> {
        match self.schema.get("default")? {
            Value::String(word) => Some(word.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Returns what is said of it.
    pub(super) fn documentation(self) -> &'static str {
        self.schema.get("description").and_then(Value::as_str).unwrap_or("")
    }
}

impl Forms {
    fn of(schema: &'static Value) -> Self {
        let mut forms = Vec::new();
        flatten(schema, &mut forms);
        Self { forms, documentation: schema.get("description").and_then(Value::as_str) }
    }

    /// Returns what may stand at the end of a way of keys and indices.
    pub(super) fn at(steps: &[String]) -> Self {
        steps.iter().fold(Self::of(&SCHEMA), |forms, step| forms.step(step))
    }

    /// Returns what may stand under a key, or in an item of a list: `-`, or its index.
    fn step(&self, step: &str) -> Self {
        let mut below = Self::default();
        let is_index = step == "-" || step.bytes().all(|byte| byte.is_ascii_digit());
        if is_index && self.is_list() {
            for schema in self.forms.iter().filter_map(|form| form.get("items")) {
                below.add(schema);
            }
            return below;
        }
        for form in &self.forms {
            let key = form.get("properties").and_then(|properties| properties.get(step));
            let pattern = || {
                let patterns = form.get("patternProperties")?.as_object()?.iter();
                // The schema has two: names of the user's own, and extensions.
                let fits = |pattern: &str| pattern != "^x-" || step.starts_with("x-");
                patterns.filter(|(pattern, _)| fits(pattern)).map(|(_, schema)| schema).next()
            };
            let more = || form.get("additionalProperties").filter(|more| more.is_object());
            key.or_else(pattern).or_else(more).into_iter().for_each(|schema| below.add(schema));
        }
        below
    }

    fn add(&mut self, schema: &'static Value) {
        flatten(schema, &mut self.forms);
        let description = || schema.get("description").and_then(Value::as_str);
        self.documentation = self.documentation.or_else(description);
    }

    /// Returns what is said of the attribute.
    pub(super) fn documentation(&self) -> Option<&'static str> {
        self.documentation
    }

    /// Returns the attributes that a mapping may have there.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute> + '_ {
        let properties = self.forms.iter().filter_map(|form| form.get("properties")?.as_object());
        properties.flatten().map(|(name, schema)| Attribute { name, schema })
    }

    /// Returns the words that may stand there: all that are allowed, and examples of others.
    pub(super) fn words(&self) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        let mut add = |text: String, documentation: Option<&'static str>| {
            if !words.iter().any(|word| word.text == text) {
                words.push(Word { text, documentation });
            }
        };
        for form in &self.forms {
            let list = |key: &str| form.get(key).and_then(Value::as_array).into_iter().flatten();
            let mut meanings = list("enumDescriptions").map(Value::as_str);
            for (is_example, word) in
                list("enum").map(|word| (false, word)).chain(list("examples").map(|word| (true, word)))
            {
                let documentation = if is_example { None } else { meanings.next().flatten() };
                match word {
                    Value::String(word) => add(word.clone(), documentation),
                    Value::Number(number) => add(number.to_string(), documentation),
                    _ => {}
                }
            }
        }
        // Where anything may stand, so may these, but nobody means them.
        if self.is_type("boolean") && !self.is_type("null") {
            ["true", "false"].iter().for_each(|word| add((*word).to_owned(), None));
        }
        words
    }

    /// Returns whether a mapping may stand there.
    pub(super) fn is_mapping(&self) -> bool {
        self.is_type("object")
    }

    /// Returns whether a list may stand there.
    pub(super) fn is_list(&self) -> bool {
        self.is_type("array")
    }

    /// Returns whether a scalar may stand there.
    pub(super) fn is_scalar(&self) -> bool {
        ["string", "integer", "number", "boolean"].iter().any(|one| self.is_type(one))
    }

    fn is_type(&self, wanted: &str) -> bool {
        self.forms.iter().any(|form| form.get("type").is_some_and(|types| takes(types, wanted)))
    }
}

/// Returns whether the `type` of a schema takes a type.
fn takes(types: &Value, wanted: &str) -> bool {
    match types {
        Value::String(one) => one == wanted,
        Value::Array(several) => several.iter().any(|one| one == wanted),
        _ => false,
    }
}

/// Follows references and choices to the forms that describe something themselves.
fn flatten(schema: &'static Value, forms: &mut Vec<&'static Value>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| SCHEMA.pointer(pointer));
        return target.into_iter().for_each(|target| flatten(target, forms));
    }
    let choices = ["allOf", "anyOf", "oneOf"].iter().filter_map(|choice| schema.get(choice)?.as_array());
    let choices: Vec<&'static Value> = choices.flatten().collect();
    forms.push(schema);
    choices.into_iter().for_each(|choice| flatten(choice, forms));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Forms {
        Forms::at(&path.split('.').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_schema_says_what_may_stand_where() {
        let names: Vec<&str> = at("services.web.healthcheck").attributes().map(|one| one.name).collect();
        assert!(names.contains(&"interval") && names.contains(&"test"), "{names:?}");
        let words = |path: &str| at(path).words().into_iter().map(|word| word.text).collect::<Vec<_>>();
        assert!(words("services.web.restart").contains(&"unless-stopped".to_owned()));
        assert!(words("services.web.depends_on.db.condition").contains(&"service_healthy".to_owned()));
        assert!(words("services.web.tty").contains(&"true".to_owned()));
        assert_eq!(words("services.web.environment.A"), Vec::<String>::new());
        assert!(at("services.web.depends_on.0").attributes().next().is_none());
        assert!(at("services.web.ports.0").attributes().any(|one| one.name == "published"));
        assert!(at("services.web.depends_on").is_list() && at("services.web.depends_on").is_mapping());
        assert!(at("services.web.nothing.below").attributes().next().is_none());
        assert!(at("services.web.image").documentation().is_some_and(|text| !text.is_empty()));
    }
}
