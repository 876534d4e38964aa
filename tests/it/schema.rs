//! The JSON schema for editors: it is current, valid, takes what the loader takes, and explains every attribute, with
//! examples that hold.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};
use topo::diagnostic::{Code, Severity};
use topo::load::{MemWorld, Request, load};

use crate::generated::{check, read};

pub(crate) fn schema() -> Value {
    topo::model::schema::schema()
}

pub(crate) fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).expect("a valid schema")
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Returns what the schema finds wrong with a file, as `/path: message`.
fn faults(validator: &Validator, text: &str) -> Vec<String> {
    let instance = yaml(text);
    validator.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn loads(text: &str) -> bool {
    errors(text, "").is_empty()
}

/// Returns what the loader finds wrong with a file, where the variable `V` has this value. What it doubts counts too:
/// an editor may well underline that.
fn errors(text: &str, variable: &str) -> Vec<(Code, String)> {
    let mut world = MemWorld::project([("compose.yaml", text)]);
    world.vars.insert("V".to_owned(), variable.to_owned());
    let loaded = load(&world, &Request::default());
    let wrong = loaded.diagnostics.sorted().into_iter();
    let wrong = wrong.filter(|one| one.severity == Severity::Error || one.code == Code::InvalidValue);
    wrong.map(|one| (one.code, one.message.clone())).collect()
}

#[test]
fn the_file_is_current() {
    check("schema/topo.schema.json", &format!("{:#}\n", schema()));
}

#[test]
fn it_is_valid_draft_7() {
    for schema in [schema(), topo::model::schema::strict()] {
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert!(jsonschema::draft7::meta::is_valid(&schema));
    }
}

#[test]
fn the_strict_one_lacks_what_is_obsolete() {
    let strict = jsonschema::draft7::new(&topo::model::schema::strict()).expect("a valid schema");
    for text in [
        "version: '3'",
        "services: {web: {image: a, pull_refresh_after: 1h}}",
        "volumes: {data: {external: {name: a}}}",
    ] {
        assert!(validator().is_valid(&yaml(text)), "{text} is refused");
        assert!(!strict.is_valid(&yaml(text)), "{text} is taken");
    }
    for file in crate::examples::compose_files() {
        assert_eq!(faults(&strict, &read(&file)), [""; 0], "{file}");
    }
}

#[test]
fn it_takes_the_examples() {
    let validator = validator();
    for file in crate::examples::compose_files() {
        assert_eq!(faults(&validator, &read(&file)), [""; 0], "{file}");
    }
}

/// One file for each thing that an editor should underline.
const WRONG: &[(&str, &str)] = &[
    ("unknown key at the top", "service: {}"),
    ("unknown key of a service", "services: {web: {image: a, port: ['80']}}"),
    ("a service that is no mapping", "services: {web: nginx}"),
    ("a list where a mapping must be", "services: [web]"),
    ("ports that are no list", "services: {web: {image: a, ports: '80:80'}}"),
    (
        "a condition that does not exist",
        "services: {web: {image: a, depends_on: {db: {condition: healthy}}}}",
    ),
    ("a word that does not exist", "services: {web: {image: a, cgroup: hosts}}"),
    ("a list as image", "services: {web: {image: [a]}}"),
    ("a number as image", "services: {web: {image: 5}}"),
    ("unknown key of a network", "networks: {front: {drivers: bridge}}"),
    ("unknown key of a health check", "services: {web: {image: a, healthcheck: {tests: [CMD, a]}}}"),
    ("a long mount without type", "services: {web: {image: a, volumes: [{target: /data}]}}"),
    ("a name with a space", "services: {'my web': {image: a}}"),
    ("a boolean that is none", "services: {web: {image: a, init: maybe}}"),
    ("a number that is none", "services: {web: {image: a, scale: some}}"),
    ("a number that is too small", "services: {web: {image: a, scale: -1}}"),
    ("a number that is too great", "services: {web: {image: a, oom_score_adj: 2000}}"),
    ("a duration without a unit", "services: {web: {image: a, stop_grace_period: '5'}}"),
    ("a size of an unknown unit", "services: {web: {image: a, mem_limit: 5x}}"),
    ("a port that is none", "services: {web: {image: a, ports: ['http:80']}}"),
    ("a mount with too many colons", "services: {web: {image: a, volumes: ['data:/b:ro:x']}}"),
    ("a bind mount without source", "services: {web: {image: a, volumes: [{type: bind, target: /a}]}}"),
    ("a health check of an unknown kind", "services: {web: {image: a, healthcheck: {test: [curl, a]}}}"),
    ("a hook without command", "services: {web: {image: a, post_start: [{user: root}]}}"),
    ("two ways to the network", "services: {web: {image: a, network_mode: host, networks: [a]}}"),
    ("two Dockerfiles", "services: {web: {build: {dockerfile: a, dockerfile_inline: FROM a}}}"),
];

#[test]
fn it_refuses_what_is_wrong() {
    let validator = validator();
    for (what, text) in WRONG {
        assert!(!faults(&validator, text).is_empty(), "{what} is taken: {text}");
        assert!(!loads(text), "the loader takes {what}: {text}");
    }
}

/// The schemas of the attributes of all structs, with their paths.
fn attributes(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let roots = schema["definitions"].as_object().expect("definitions");
    let records = roots.iter().map(|(name, record)| (name.as_str(), record)).chain([("", schema)]);
    for (record, schema) in records {
        let properties = schema["properties"].as_object();
        for (key, property) in properties.into_iter().flatten() {
            found.push((format!("{record}.{key}"), property));
        }
    }
    found
}

#[test]
fn every_attribute_is_explained() {
    let schema = schema();
    let attributes = attributes(&schema);
    assert!(attributes.len() > 200, "only {} attributes were found", attributes.len());
    for (path, property) in attributes {
        let description = property["description"].as_str().unwrap_or_default();
        assert!(
            description.ends_with('.'),
            "{path} needs a doc comment that ends with a full stop: {description:?}"
        );
    }
    for (name, record) in schema["definitions"].as_object().unwrap() {
        assert!(!record["description"].as_str().unwrap_or_default().is_empty(), "{name} needs a doc comment");
    }
}

#[test]
fn what_counts_where_nothing_is_written_is_said() {
    let schema = schema();
    let attributes = attributes(&schema);
    for (path, default) in [
        ("Service.pull_policy", json!("missing")),
        ("Service.restart", json!("no")),
        ("Service.shm_size", json!("64m")),
        ("Service.stop_grace_period", json!("10s")),
        ("Healthcheck.interval", json!("30s")),
        ("Build.dockerfile", json!("Dockerfile")),
        ("Blkio.weight", json!(500)),
        ("DeviceRequest.count", json!("all")),
        ("Gpu.count", json!("all")),
        ("RestartPolicy.window", json!("0s")),
        ("BindOptions.propagation", json!("rprivate")),
        ("TmpfsOptions.mode", json!(1023)),
        ("FileReference.uid", json!("0")),
        ("FileReference.gid", json!("0")),
    ] {
        let (_, property) = attributes.iter().find(|(one, _)| one == path).unwrap();
        assert_eq!(property["default"], default, "{path}");
        let written = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let description = property["description"].as_str().unwrap();
        assert!(description.contains(&format!("Default: `{written}`.")), "{path}: {description}");
    }
    // Those are no words that could be written.
    for path in ["Service.container_name", "RestartPolicy.max_attempts"] {
        let (_, property) = attributes.iter().find(|(one, _)| one == path).unwrap();
        assert!(property["description"].as_str().unwrap().contains("Default: "), "{path}");
    }
}

/// Whether editors can offer all that an attribute takes: true and false, a few words, or a mapping whose own
/// attributes have examples.
fn is_offered_whole(property: &Value) -> bool {
    let is_boolean = property["type"].as_array().is_some_and(|types| types.contains(&json!("boolean")));
    let first = &property["anyOf"][0];
    let rest = property["anyOf"].as_array().into_iter().flatten().skip(1);
    let is_record = first["$ref"].is_string() && rest.clone().all(|form| form["type"] == "null");
    is_boolean || first["enum"].is_array() || is_record || property["allOf"].is_array()
}

#[test]
fn every_attribute_has_an_example() {
    let schema = schema();
    let without = attributes(&schema).into_iter().filter(|(_, property)| {
        !is_offered_whole(property) && property["examples"].as_array().is_none_or(Vec::is_empty)
    });
    let without: Vec<String> = without.map(|(path, _)| path).collect();
    assert!(without.is_empty(), "these need an `#[example = ...]`: {without:?}");
}

#[test]
fn every_word_and_every_form_is_explained() {
    fn descend(at: &Value) {
        for form in
            at.as_array().into_iter().flatten().chain(at.as_object().into_iter().flat_map(|at| at.values()))
        {
            descend(form);
        }
        if let Some(words) =
            at["enum"].as_array().filter(|_| at["enumDescriptions"].is_array() || at["type"].is_string())
        {
            let explained = at["enumDescriptions"].as_array().map_or(0, Vec::len);
            assert_eq!(explained, words.len(), "not every word has a meaning: {at}");
        }
        // Without a message of its own, an editor shows the regular expression.
        if at["pattern"].is_string() && at["type"].is_array() {
            assert!(at["errorMessage"].is_string(), "{at} says nothing to whom it refuses");
        }
    }
    descend(&schema());
}

#[test]
fn examples_and_defaults_hold() {
    let (schema, validator) = (schema(), validator());
    let mut spots = Vec::new();
    descend(&schema, &schema, &Spot::default(), &mut spots);
    let mut wrong = BTreeSet::new();
    let mut tried = 0;
    for (spot, written) in spots {
        let examples = written["examples"].as_array().into_iter().flatten();
        for value in examples.chain(written.get("default")) {
            tried += 1;
            let file = spot.file(value.clone());
            let errors = errors(&file.to_string(), "");
            // What is said of a place around it is that something else is missing.
            let place = format!("`{}", spot.place());
            if let Some((_, why)) = errors.iter().find(|(_, message)| message.starts_with(&place)) {
                wrong.insert(format!("{file}: {why}"));
            } else if !validator.is_valid(&file) {
                wrong.insert(format!("{file}: refused by the schema"));
            }
        }
    }
    assert!(tried > 500, "only {tried} were tried");
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Follows `$ref` and single-element `allOf`, as an editor does.
fn followed<'a>(schema: &'a Value, mut at: &'a Value) -> &'a Value {
    loop {
        at = match (at["$ref"].as_str(), &at["allOf"][0]) {
            (Some(reference), _) => schema.pointer(reference.trim_start_matches('#')).expect("a definition"),
            (None, Value::Null) => return at,
            (None, only) => only,
        };
    }
}

#[test]
fn editors_find_what_they_complete_and_hover() {
    let schema = schema();
    let services = followed(&schema, &schema["properties"]["services"]);
    let patterns = services["patternProperties"].as_object().expect("names of services");
    let service = followed(&schema, patterns.values().next().unwrap());
    for key in ["image", "ports", "depends_on", "healthcheck", "networks"] {
        assert!(service["properties"][key].is_object(), "services.*.{key} cannot be completed");
    }
    assert!(service["properties"]["depends_on"]["description"].as_str().unwrap().ends_with('.'));
    // The words of an enumeration, through the alternatives of `depends_on`.
    let alternatives = service["properties"]["depends_on"]["anyOf"].as_array().expect("two forms");
    let long = alternatives.iter().find(|form| form["type"] == "object").expect("the long form");
    let dependency = followed(&schema, &long["additionalProperties"]);
    let condition = followed(&schema, &dependency["properties"]["condition"]);
    let text = condition.to_string();
    for word in ["service_started", "service_healthy", "service_completed_successfully"] {
        assert!(text.contains(word), "`condition` does not complete {word}: {text}");
    }
}

/// A place of a compose file: the keys that lead to it, and what must stand beside them.
#[derive(Clone, Default)]
struct Spot(Vec<(Step, Vec<(String, Value)>)>);

#[derive(Clone)]
enum Step {
    Key(String),
    Item,
}

impl Spot {
    fn below(&self, step: Step, beside: Vec<(String, Value)>) -> Self {
        let mut steps = self.0.clone();
        steps.push((step, beside));
        Self(steps)
    }

    /// Returns the way there, as messages have it.
    fn place(&self) -> String {
        let steps = self.0.iter().map(|(step, _)| match step {
            Step::Item => "[0]".to_owned(),
            Step::Key(key) => format!(".{key}"),
        });
        steps.collect::<String>().trim_start_matches('.').to_owned()
    }

    /// Builds the smallest file that has the value there.
    fn file(&self, value: Value) -> Value {
        self.0.iter().rev().fold(value, |value, (step, beside)| match step {
            Step::Item => json!([value]),
            Step::Key(key) => beside.iter().cloned().chain([(key.clone(), value)]).collect(),
        })
    }
}

/// Collects all places below a schema, each with the schema of what may stand there.
fn descend(root: &Value, at: &Value, spot: &Spot, found: &mut Vec<(Spot, Value)>) {
    found.push((spot.clone(), at.clone()));
    let at = followed(root, at);
    assert!(spot.0.len() < 12, "the schema is recursive");
    for form in at["anyOf"].as_array().into_iter().flatten() {
        descend(root, form, spot, found);
    }
    let mut required: Vec<(String, Value)> = at["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|key| (key.to_owned(), smallest(root, &at["properties"][key])))
        .collect();
    if at["properties"]["healthcheck"].is_object() {
        // A service needs it, if it is not built.
        required.push(("image".to_owned(), json!("a")));
    }
    if at["properties"]["consistency"].is_object() {
        // So does a mount, of most types.
        required.extend([("source".to_owned(), json!("./a")), ("target".to_owned(), json!("/a"))]);
    }
    for (key, property) in at["properties"].as_object().into_iter().flatten() {
        descend(root, property, &spot.below(Step::Key(key.clone()), required.clone()), found);
    }
    let patterns = at["patternProperties"].as_object().into_iter().flatten().filter(|(key, _)| *key != "^x-");
    let free = patterns
        .map(|(_, value)| value)
        .chain([&at["additionalProperties"]])
        .filter(|value| value.is_object());
    for property in free {
        descend(root, property, &spot.below(Step::Key("some".into()), required.clone()), found);
    }
    if at["items"].is_object() {
        descend(root, &at["items"], &spot.below(Step::Item, Vec::new()), found);
    }
}

/// Returns a value that a required attribute takes.
fn smallest(root: &Value, schema: &Value) -> Value {
    let schema = followed(root, schema);
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    if let Some(form) = schema["anyOf"].get(0) {
        return smallest(root, form);
    }
    match schema["type"].as_str() {
        Some("object") => json!({}),
        Some("array") => json!([]),
        _ => json!("80"),
    }
}

/// What is written at each place, to see what the loader makes of it.
fn candidates() -> Vec<Value> {
    let words = "a a:b a=b 5 true 0.5 10s 64m 80:80 80-81 ./a:/b:ro /a 10.0.0.0/24".split(' ').chain([""]);
    let numbers = [json!(true), json!(5), json!(-1), json!(0.5)];
    let scalars: Vec<Value> = words.map(|word| json!(word)).chain(numbers).chain([json!(null)]).collect();
    let lists = scalars.iter().map(|scalar| json!([scalar]));
    let maps = scalars.iter().map(|scalar| json!({"a": scalar}));
    let empty = [json!([]), json!({}), json!({"x-own": []})];
    scalars.iter().cloned().chain(lists).chain(maps).chain(empty).collect()
}

/// The schema takes whatever the loader takes, and refuses what is of the wrong kind. It does not look into texts:
/// that `5 apples` is no duration is for the loader to say.
#[test]
fn it_agrees_with_the_loader() {
    let (schema, validator) = (schema(), validator());
    let mut spots = Vec::new();
    descend(&schema, &schema, &Spot::default(), &mut spots);
    let candidates = candidates();
    let mut wrong = BTreeSet::new();
    let (mut tried, mut taken) = (BTreeSet::new(), 0);
    for (spot, written) in spots {
        let words = &followed(&schema, &written)["enum"];
        if !tried.insert(format!("{}{words}", spot.file(json!("here")))) {
            continue;
        }
        let candidates = candidates.iter().chain(words.as_array().into_iter().flatten());
        for value in candidates.clone() {
            let file = spot.file(value.clone());
            let loads = loads(&file.to_string());
            taken += usize::from(loads);
            match (loads, validator.is_valid(&file)) {
                (true, false) => {
                    wrong.insert(format!("refused: {file}"));
                }
                (false, true) => {
                    let errors = errors(&file.to_string(), "");
                    if errors.iter().any(|(code, _)| matches!(code, Code::WrongType | Code::UnknownKey)) {
                        wrong.insert(format!("taken: {file}, though {}", errors[0].1));
                    }
                }
                _ => {}
            }
        }
        // The same from a variable: the editor sees the reference, the loader what it stands for.
        let file = spot.file(json!("${V}"));
        if !validator.is_valid(&file) {
            let text =
                candidates.filter_map(Value::as_str).find(|text| errors(&file.to_string(), text).is_empty());
            wrong.extend(text.map(|text| format!("refused: {file} with V={text}")));
        }
    }
    // Nobody writes these, and an editor may say so.
    wrong.retain(|one| {
        !one.contains(r#"{"include":null}"#) && !one.contains(r#""extends":{"service":"base","file":""}"#)
    });
    assert!(tried.len() > 300 && taken > 4000, "only {} places and {taken} files were tried", tried.len());
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
}
