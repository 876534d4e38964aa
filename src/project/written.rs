//! The project as it is written: files merged, variables left alone. It is not decoded, since `${PORT}:80` is no
//! port yet.

use serde_json::{Map, Value, json};

use crate::load::Loaded;
use crate::model::attribute::{absolute_path, is_windows_path};
use crate::model::build::is_remote;
use crate::yaml::{self, Entry, Node};

/// Returns the merged tree with the names of resources and the default network added, keys sorted. Unless
/// `keep_paths`, relative paths are made absolute.
pub fn as_written(loaded: &Loaded, keep_paths: bool) -> Value {
    let mut top = match loaded.written.to_json() {
        Value::Object(top) => top,
        _ => Map::new(),
    };
    top.insert("name".to_owned(), loaded.name.clone().into());
    let mut uses_default = false;
    for (name, service) in objects(&mut top, "services") {
        uses_default |= !service.contains_key("networks") && !service.contains_key("network_mode");
        complete(service);
        let Some(node) = loaded.written.at(&["services", name]) else { continue };
        for path in PAIRS {
            list_pairs(service, path, node, loaded);
        }
        if !keep_paths {
            resolve_paths(service, node, loaded);
        }
    }
    if uses_default {
        let networks = top.entry("networks").or_insert_with(|| json!({}));
        if let Some(networks) = networks.as_object_mut() {
            networks.entry("default").or_insert(Value::Null);
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        for (key, value) in top.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten() {
            if value.is_null() {
                *value = json!({});
            }
            let Some(resource) = value.as_object_mut() else { continue };
            let is_external =
                resource.get("external").is_some_and(|external| external != &Value::Bool(false));
            let name = if is_external { key.clone() } else { format!("{}_{key}", loaded.name) };
            resource.entry("name").or_insert(Value::String(name));
            let Some(node) = loaded.written.at(&[section, key]) else { continue };
            list_pairs(resource, &["labels"], node, loaded);
            if !keep_paths && let Some(file) = node.at(&["file"]) {
                resource.insert("file".to_owned(), absolute(file, loaded));
            }
        }
    }
    sorted(Value::Object(top))
}

/// Attributes of a service that may be written as a list of `KEY=value`.
const PAIRS: [&[&str]; 9] = [
    &["annotations"],
    &["build", "args"],
    &["build", "extra_hosts"],
    &["build", "labels"],
    &["deploy", "labels"],
    &["environment"],
    &["extra_hosts"],
    &["labels"],
    &["sysctls"],
];

/// Makes a list of `KEY=value` of what was written as one, which loading made a mapping; and, as docker compose does, of
/// what several files had a part in.
fn list_pairs(owner: &mut Map<String, Value>, path: &[&str], node: &Node, loaded: &Loaded) {
    let Some((key, parents)) = path.split_last() else { return };
    let owner = parents.iter().try_fold(owner, |owner, parent| owner.get_mut(*parent)?.as_object_mut());
    let (Some(owner), Some(pairs)) = (owner, node.at(path).and_then(Node::as_map)) else { return };
    let file = |entry: &Entry| loaded.sources.file(entry.key).map(|file| &file.path);
    let first = pairs.values().next().map(file);
    let was_listed = |entry: &Entry| match &entry.node.value {
        // What an item of a list became has the place of the whole item.
        yaml::Value::List(addresses) => addresses.iter().any(|address| address.span == entry.key),
        _ => entry.node.span == entry.key,
    };
    if !pairs.values().any(|entry| was_listed(entry) || Some(file(entry)) != first) {
        return;
    }
    let items = pairs.iter().flat_map(|(key, entry)| match &entry.node.value {
        yaml::Value::List(addresses) => addresses.iter().map(|address| pair(key, address)).collect(),
        _ => vec![pair(key, &entry.node)],
    });
    owner.insert((*key).to_owned(), items.collect());
}

fn pair(key: &str, node: &Node) -> String {
    node.scalar_text().map_or_else(|| key.to_owned(), |value| format!("{key}={value}"))
}

fn complete(service: &mut Map<String, Value>) {
    if !service.contains_key("networks") && !service.contains_key("network_mode") {
        service.insert("networks".to_owned(), json!({ "default": null }));
    }
    if let Some(build) = service.get_mut("build").and_then(Value::as_object_mut)
        && !build.contains_key("dockerfile_inline")
    {
        build.entry("dockerfile").or_insert("Dockerfile".into());
    }
    for secret in service.get_mut("secrets").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(secret) = secret.as_object_mut()
            && let Some(source) = secret.get("source").and_then(Value::as_str)
        {
            let target = format!("/run/secrets/{source}");
            secret.entry("target").or_insert(target.into());
        }
    }
    for dependency in
        service.get_mut("depends_on").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        if let Some(dependency) = dependency.as_object_mut() {
            dependency.entry("required").or_insert(Value::Bool(true));
        }
    }
    for file in service.get_mut("env_file").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(file) = file.as_object_mut() {
            file.entry("required").or_insert(Value::Bool(true));
        }
    }
}

/// Makes the paths of a service absolute.
fn resolve_paths(service: &mut Map<String, Value>, node: &Node, loaded: &Loaded) {
    if let Some(context) = node.at(&["build", "context"])
        && !context.as_text().is_some_and(is_remote)
        && let Some(build) = service.get_mut("build").and_then(Value::as_object_mut)
    {
        build.insert("context".to_owned(), absolute(context, loaded));
    }
    let contexts = node.at(&["build", "additional_contexts"]).and_then(Node::as_map);
    for (key, entry) in contexts.into_iter().flatten() {
        if !entry.node.as_text().is_some_and(is_remote)
            && let Some(written) =
                service.get_mut("build").and_then(|build| build.get_mut("additional_contexts"))
        {
            written[key.as_str()] = absolute(&entry.node, loaded);
        }
    }
    if let Some(files) = node.at(&["label_file"]).and_then(Node::as_list) {
        let files = files.iter().map(|file| absolute(file, loaded)).collect();
        service.insert("label_file".to_owned(), files);
    }
    for (list, key) in [("env_file", "path"), ("volumes", "source")] {
        let items = service.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for (at, item) in items.enumerate() {
            let at = at.to_string();
            let is_path = list == "env_file" || item.get("type").is_some_and(|kind| kind == "bind");
            if let (true, Some(node), Some(item)) =
                (is_path, node.at(&[list, &at, key]), item.as_object_mut())
            {
                item.insert(key.to_owned(), absolute(node, loaded));
            }
        }
    }
}

fn absolute(node: &Node, loaded: &Loaded) -> Value {
    match node.as_text() {
        // A variable may hold an absolute path.
        Some(path) if path.starts_with(['$', '~']) || is_windows_path(path) => path.into(),
        Some(path) => absolute_path(path, loaded.sources.base(node.span), None).into(),
        None => node.to_json(),
    }
}

fn objects<'a>(
    top: &'a mut Map<String, Value>,
    section: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Map<String, Value>)> {
    let entries = top.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key, value.as_object_mut()?)))
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        value => value,
    }
}
