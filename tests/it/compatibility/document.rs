//! Writes `docs/compatibility.md`: every attribute, how it merges, and what loading, `up` and `export k8s` make of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;
use topo::model::Compose;
use topo::model::attribute::{Attribute, Kind, Shape};
use topo::model::registry::{Kubernetes, Up, row_of};

use super::ATTRIBUTES;
use crate::generated::read;

/// The sections: the place whose attributes they have, their title, and where the specification describes them.
/// Attributes of a place that has no section of its own are in that of the nearest place around it.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("", "The file", "spec.md"),
    ("include", "`include`", "14-include.md"),
    ("services.*", "Services", "05-services.md"),
    ("services.*.build", "`build`", "build.md"),
    ("services.*.deploy", "`deploy`", "deploy.md"),
    ("services.*.develop", "`develop`", "develop.md"),
    ("services.*.networks", "`networks` of a service", "05-services.md#networks"),
    ("services.*.ports", "`ports`", "05-services.md#ports"),
    ("services.*.volumes", "`volumes` of a service", "05-services.md#volumes"),
    ("services.*.x-topo", "`x-topo` of a service", ""),
    ("networks", "Networks", "06-networks.md"),
    ("volumes", "Volumes", "07-volumes.md"),
    ("volumes.*.x-topo", "`x-topo` of a volume", ""),
    ("configs", "Configs", "08-configs.md"),
    ("secrets", "Secrets", "09-secrets.md"),
    ("models", "Models", "05-services.md#models"),
    ("x-topo", "`x-topo` of the file", ""),
];

const SPECIFICATION: &str = "https://github.com/compose-spec/compose-spec/blob/main/";

const BEGINNING: &str = "# Compatibility

<!-- Made from src/model/ and docs/differences.md by TOPO_BLESS=1 cargo test --test it. -->

Every attribute of the [Compose Specification](https://github.com/compose-spec/compose-spec), and what topo makes of it. A test takes each one out of
a file and puts it back, and compares what `up` would do, what `export k8s` writes, and what is said, with this list.

Every attribute is loaded, checked, merged and printed as docker compose does; `topo schema` has them all. Numbers and booleans may be
written as strings everywhere, so that variables can stand for them. `x-` attributes may stand in every mapping, and change nothing, but for
`x-topo` of services, of volumes and of the file.

In the tables, what stands below another attribute is written after it with a dot: `healthcheck.test`. `*` is a name of your own.

- **Takes**: the forms in which it may be written.
- **A later file**: what becomes of it when several files, or `extends`, have it. `!reset` and `!override` work everywhere.
  *replaces*: the later value stands. *merges*: attribute by attribute, or entry by entry. *adds*: items are added; with *by …*, those that are the same
  one are not there twice.
- **`up`**: *yes*: honoured. *API 1.44*: honoured by engines that speak this version of the API or a later one, and refused before anything is done on others.
  *no effect*: why. *refused*: at its line, before anything is done, with what to do instead.
- **`export k8s`**: what it becomes. *nearly*: kept in part; a warning says at its line what is not. *no matter*: a cluster has no use for it.
  *lost*: a warning at its line says so, and what to do.
";

/// Returns the whole file.
pub(super) fn compatibility() -> String {
    let mut text = BEGINNING.to_owned();
    let differences = read("docs/differences.md");
    let (_, differences) = differences.split_once('\n').expect("a title");
    for (place, title, page) in SECTIONS {
        let described = match *page {
            "" => "[Kubernetes](kubernetes.md)".to_owned(),
            page => format!("[Specification]({SPECIFICATION}{page})"),
        };
        writeln!(text, "\n## {title}\n\n{described}\n").unwrap();
        text += "| Attribute | Takes | A later file | `up` | `export k8s` |\n|---|---|---|---|---|\n";
        for (path, schema) in ATTRIBUTES.iter().filter(|(path, _)| section_of(path) == *place) {
            let inside =
                path.strip_prefix(place).unwrap_or(path).trim_start_matches('.').trim_start_matches("*.");
            let name = if inside.is_empty() { path } else { inside };
            let cells = [format!("`{name}`"), takes(schema), merging(path), up(path), kubernetes(path)];
            writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")).unwrap();
        }
    }
    text + "\n## Differences from docker compose\n" + differences
}

/// Returns the place of the section that an attribute is listed in. The attribute that a section is about is listed
/// where it stands.
fn section_of(path: &str) -> &'static str {
    let around = path.rsplit_once('.').map_or("", |(around, _)| around);
    let is_around = |place: &str| {
        place.is_empty()
            || around == place
            || around.strip_prefix(place).is_some_and(|rest| rest.starts_with('.'))
    };
    let places = SECTIONS.iter().map(|(place, _, _)| *place).filter(|place| is_around(place));
    places.max_by_key(|place| place.len()).expect("the file itself")
}

/// Says in which forms an attribute may be written.
fn takes(schema: &Value) -> String {
    let mut forms = Vec::new();
    collect_forms(&topo::model::schema::schema(), schema, &mut forms);
    let mut known = BTreeSet::new();
    forms.retain(|form| known.insert(form.clone()));
    forms.join(", ")
}

fn collect_forms(root: &Value, schema: &Value, forms: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return collect_forms(root, target, forms);
    }
    for key in ["anyOf", "allOf"] {
        for form in schema[key].as_array().into_iter().flatten() {
            collect_forms(root, form, forms);
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        forms.extend(words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")));
        return;
    }
    // Where a few words are taken, any text is taken too that a variable stands in.
    if schema["pattern"] == r"\$" {
        return;
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(only) => vec![only.as_str()],
        _ => Vec::new(),
    };
    for one in types {
        forms.push(match one {
            "integer" => "whole number".to_owned(),
            "null" => "nothing".to_owned(),
            "object" => "mapping".to_owned(),
            "array" => list_of(root, &schema["items"]),
            other => other.to_owned(),
        });
    }
}

/// Says what a list is of, unless it is of strings.
fn list_of(root: &Value, items: &Value) -> String {
    let mut forms = Vec::new();
    collect_forms(root, items, &mut forms);
    match &forms[..] {
        [] => "list".to_owned(),
        [only] if only == "string" => "list".to_owned(),
        forms => format!("list of {}", forms.join(" or ")),
    }
}

/// Says what becomes of an attribute that an earlier file has too.
fn merging(path: &str) -> String {
    let mut shape = Compose::SHAPE;
    for step in path.split('.') {
        // Items of lists are passed over in paths.
        while let Kind::List(item, identity) = shape.kind {
            if identity.is_none_or(|identity| identity.replace) {
                return "goes with its item".to_owned();
            }
            shape = item;
        }
        let below = match shape.kind {
            Kind::Record(field) | Kind::Variant(_, field) => field(step),
            Kind::Map(item) => Some(item),
            _ => None,
        };
        // What is one value for merging is described in parts all the same.
        let Some(below) = below else { return "goes with what it stands in".to_owned() };
        shape = below;
    }
    rule(shape)
}

fn rule(shape: &Shape) -> String {
    match shape.kind {
        Kind::Replace => "replaces".to_owned(),
        Kind::ReplaceAlways => "replaces, even with nothing".to_owned(),
        Kind::Free | Kind::Record(_) | Kind::Map(_) => "merges".to_owned(),
        Kind::Variant(key, _) => format!("merges if `{key}` is the same, else replaces"),
        Kind::List(_, None) => "adds".to_owned(),
        Kind::List(_, Some(identity)) => format!("adds by {}", identity.by),
    }
}

/// What a row says of the attribute: a row of its own speaks, else the one around it is named.
fn up(path: &str) -> String {
    let row = row_of(path).expect("a row");
    match row.up {
        Up::Honoured => "yes".to_owned(),
        Up::Since((major, minor), engine) => format!("API {major}.{minor} (Docker Engine {engine})"),
        Up::Optional((major, minor), engine) => {
            format!("API {major}.{minor} (Docker Engine {engine}); passed over by older ones")
        }
        Up::Partly(how) => format!("yes: {how}"),
        _ if row.path != path => format!("as `{}`", last(row.path)),
        Up::Idle(why) => format!("no effect: {why}"),
        Up::Refused(why, help) => format!("refused: {why}; {help}"),
    }
}

fn kubernetes(path: &str) -> String {
    let row = row_of(path).expect("a row");
    match row.kubernetes {
        _ if row.path != path => format!("as `{}`", last(row.path)),
        Kubernetes::Kept(what) => what.to_owned(),
        Kubernetes::Partly(how) => format!("nearly: {how}"),
        Kubernetes::Idle(why) => format!("no matter: {why}"),
        Kubernetes::Lost(help) => format!("lost: {help}"),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').find(|step| *step != "*").unwrap_or(path)
}
