//! What `up` and `export k8s` make of each attribute is what its row says: each attribute of the model is tried.
//!
//! `tests/cases/compatibility` has every attribute at least once. Each is taken out again, and what changes in the
//! plan and in the manifests, and what is said of it, must be what the row claims.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;
use topo::diagnostic::{Code, Diagnostics};
use topo::k8s::{self, export};
use topo::load::{MemWorld, Request, World as _, load};
use topo::model::registry::{self, Kubernetes, Row, Up, row_of};
use topo::plan::desired::Desired;
use topo::plan::labels::CONFIG_HASH;
use topo::project::{Selection, read_contents, resolve};
use topo::source::Span;
use topo::topology::Topology;

use crate::config::world_of;

mod document;

/// An engine that has all that attributes ask of one, and one that is old.
const NEW: (u32, u32) = (1, 99);
const OLD: (u32, u32) = (1, 40);

/// An attribute of the model, by its path, and the schema of what it takes.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// Every attribute of the model but `x-` of the user's own, which may stand everywhere.
pub(crate) static ATTRIBUTES: LazyLock<Attributes> = LazyLock::new(|| {
    let schema = topo::model::schema::schema();
    let mut attributes = Attributes::new();
    descend(&schema, &schema, "", &mut attributes);
    attributes
});

fn descend(root: &Value, at: &Value, path: &str, attributes: &mut Attributes) {
    if let Some(reference) = at["$ref"].as_str() {
        return descend(root, root.pointer(reference.trim_start_matches('#')).unwrap(), path, attributes);
    }
    for form in ["anyOf", "allOf"].into_iter().filter_map(|key| at[key].as_array()).flatten() {
        descend(root, form, path, attributes);
    }
    for (key, schema) in at["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        attributes.insert(path.clone(), schema.clone());
        descend(root, schema, &path, attributes);
    }
    let patterns = at["patternProperties"].as_object().into_iter().flatten();
    let named = patterns.filter(|(pattern, _)| *pattern != "^x-").map(|(_, schema)| schema);
    for schema in named.chain([&at["additionalProperties"]]).filter(|schema| schema.is_object()) {
        descend(root, schema, &format!("{path}.*"), attributes);
    }
    if at["items"].is_object() {
        descend(root, &at["items"], path, attributes);
    }
}

#[test]
fn the_list_of_attributes_is_current() {
    crate::generated::check("docs/compatibility.md", &document::compatibility());
}

#[test]
fn every_attribute_has_a_row_and_every_row_an_attribute() {
    let without: Vec<&String> = ATTRIBUTES.keys().filter(|path| row_of(path).is_none()).collect();
    assert!(without.is_empty(), "no row of `model::registry` speaks for {without:#?}");
    let mut known = BTreeSet::new();
    for row in registry::rows() {
        assert!(ATTRIBUTES.contains_key(row.path), "the row `{}` is of no attribute", row.path);
        assert!(known.insert(row.path), "`{}` has two rows", row.path);
    }
}

/// What comes of a file.
struct Outcome {
    /// What the engine would be asked for, without the hashes, which all attributes are in.
    desired: Desired,
    objects: String,
    refused: BTreeSet<Span>,
    told_of_old: BTreeSet<Span>,
    warned: BTreeMap<Span, BTreeSet<Code>>,
    written: topo::yaml::Node,
}

/// Returns what comes of a file, or its mistakes.
fn outcome(world: &MemWorld, file: &str, text: &str) -> Result<Outcome, Diagnostics> {
    let mut world = world.clone();
    world.files.insert(Path::new("/project").join(file), text.into());
    let request = Request { files: vec![file.to_owned()], ..Request::default() };
    let mut loaded = load(&world, &request);
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    if loaded.diagnostics.has_errors() {
        return Err(loaded.diagnostics);
    }
    let refusals = |api| {
        let mut said = Diagnostics::default();
        let desired = Desired::new(&project, &topology, &contents, api, true, &mut said);
        (desired, said.sorted().iter().map(|one| one.labels[0].span).collect())
    };
    let (mut desired, refused) = refusals(NEW);
    let (_, told_of_old) = refusals(OLD);
    desired.networks.iter_mut().for_each(|network| {
        network.hash.clear();
        network.request.labels.as_mut().unwrap().remove(CONFIG_HASH);
    });
    desired.volumes.iter_mut().for_each(|volume| {
        volume.hash.clear();
        volume.request.labels.as_mut().unwrap().remove(CONFIG_HASH);
    });
    for container in desired.services.iter_mut().flat_map(|service| &mut service.containers) {
        container.create.hash_input.clear();
        container.create.body.labels.as_mut().unwrap().remove(CONFIG_HASH);
    }
    let options = k8s::Options {
        secrets: k8s::Secrets::Manifest,
        mesh: Some(k8s::MeshKind::Istio),
        ..k8s::Options::default()
    };
    let export = export(&project, &contents, &options);
    let mut warned: BTreeMap<Span, BTreeSet<Code>> = BTreeMap::new();
    for one in export.diagnostics.sorted() {
        warned.entry(one.labels[0].span).or_default().insert(one.code);
    }
    Ok(Outcome {
        desired,
        objects: export.to_stream().unwrap(),
        refused,
        told_of_old,
        warned,
        written: project.written,
    })
}

/// A key of a file that is an attribute: its path, and the way to it.
struct Spot {
    path: String,
    way: Vec<String>,
}

/// Collects the attributes of a file, the outer ones first.
fn spots(value: &Value, path: &str, way: &mut Vec<String>, found: &mut Vec<Spot>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                way.push(key.clone());
                let named = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let is_attribute = ATTRIBUTES.contains_key(&named);
                let path = if is_attribute { named } else { format!("{path}.*") };
                if is_attribute {
                    found.push(Spot { path: path.clone(), way: way.clone() });
                }
                spots(value, &path, way, found);
                way.pop();
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                way.push(at.to_string());
                spots(value, path, way, found);
                way.pop();
            }
        }
        _ => {}
    }
}

/// Takes out what is at the end of a way.
fn take_out(file: &mut Value, way: &[String]) {
    let (last, before) = way.split_last().unwrap();
    let around = before.iter().fold(file, |value, step| match value {
        Value::Array(list) => &mut list[step.parse::<usize>().unwrap()],
        value => &mut value[step],
    });
    match around {
        Value::Array(list) => drop(list.remove(last.parse().unwrap())),
        value => drop(value.as_object_mut().unwrap().remove(last)),
    }
}

/// What was seen of one path, over all the places where the samples have it.
#[derive(Default)]
struct Seen {
    /// The file does not load without it.
    is_needed: bool,
    changes_plan: bool,
    changes_objects: bool,
    always_refused: bool,
    refused: bool,
    told_of_old: bool,
    warned: bool,
    warned_there: bool,
    always_lost: bool,
}

fn look_at(world: &MemWorld, file: &str, seen: &mut BTreeMap<String, Seen>) {
    let text = world.read(&Path::new("/project").join(file)).unwrap();
    let whole: Value = serde_yaml::from_slice(&text).unwrap();
    let original = outcome(world, file, &whole.to_string()).unwrap_or_else(|said| panic!("{file}: {said:?}"));
    let mut found = Vec::new();
    spots(&whole, "", &mut Vec::new(), &mut found);
    for Spot { path, way } in found {
        // Without a required attribute a file does not load; then what is around it goes too.
        let without = |way: &[String]| {
            let mut file_without = whole.clone();
            take_out(&mut file_without, way);
            outcome(world, file, &file_without.to_string()).ok()
        };
        let mut shorter = (1..=way.len()).rev();
        let changed = shorter.find_map(|length| Some((length, without(&way[..length])?)));
        let steps: Vec<&str> = way.iter().map(String::as_str).collect();
        let key = original.written.span_of(&steps);
        let value = original.written.at(&steps).map_or(key, |node| node.span);
        let is_at = |span: &Span| *span == key || value.to(*span) == value;
        let is_new = !seen.contains_key(&path);
        let seen = seen.entry(path).or_default();
        let lost = original.warned.get(&key).is_some_and(|codes| codes.contains(&Code::ExportLost));
        let refused = original.refused.contains(&key);
        seen.is_needed |= changed.as_ref().is_none_or(|(length, _)| *length < way.len());
        if let Some((_, changed)) = changed {
            seen.changes_plan |= changed.desired != original.desired;
            seen.changes_objects |= changed.objects != original.objects;
        }
        seen.always_refused = refused && (is_new || seen.always_refused);
        seen.refused |= refused;
        seen.told_of_old |= original.told_of_old.contains(&key);
        seen.warned_there |= original.warned.contains_key(&key);
        seen.warned |= original.warned.keys().any(is_at);
        seen.always_lost = lost && (is_new || seen.always_lost);
    }
}

/// Says what is wrong with a claim about an attribute, by what was seen. `is_own`: the row is that of the attribute,
/// not of one around it.
fn faults(row: &Row, is_own: bool, seen: &Seen) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, otherwise: &'static str| {
        if !holds {
            faults.push(otherwise);
        }
    };
    match row.up {
        Up::Honoured => {
            must(seen.changes_plan || seen.is_needed, "is said to be honoured, and changes nothing");
            must(!seen.refused, "is said to be honoured, and refused");
        }
        Up::Partly(_) => must(!is_own || seen.changes_plan || seen.refused, "is said to be honoured in part"),
        Up::Since(..) => {
            must(seen.changes_plan, "is said to be honoured by new engines, and changes nothing");
            must(!seen.refused, "is refused for a new engine");
            must(!is_own || seen.told_of_old, "is not refused for an old engine");
        }
        Up::Optional(..) => {
            must(seen.changes_plan, "is said to be honoured by new engines, and changes nothing");
            must(!seen.refused, "is refused for a new engine");
            must(!is_own || seen.told_of_old, "is passed over by an old engine without a word");
        }
        Up::Idle(_) => must(!seen.changes_plan && !seen.refused, "is said to change nothing in `up`"),
        Up::Refused(..) => must(!is_own || seen.always_refused, "is not refused"),
    }
    match row.kubernetes {
        Kubernetes::Kept(_) => {
            must(seen.changes_objects || seen.is_needed, "is said to be kept, and changes no object");
            must(!is_own || !seen.warned_there, "is said to be kept, with a warning");
        }
        Kubernetes::Partly(_) => {
            must(!is_own || seen.warned, "is said to be kept in part, without a warning");
        }
        Kubernetes::Idle(_) => {
            must(!seen.changes_objects && !seen.warned, "is said to be of no matter for a cluster");
        }
        Kubernetes::Lost(_) => {
            must(!seen.changes_objects, "is said to be lost, and changes an object");
            must(!is_own || seen.always_lost, "is lost without a warning");
        }
    }
    faults
}

/// The files that have every attribute at least once.
const SAMPLES: [&str; 6] =
    ["service.yaml", "parts.yaml", "deploy.yaml", "attached.yaml", "outside.yaml", "kubernetes.yaml"];

fn world_of_samples() -> MemWorld {
    let mut world = world_of(&crate::generated::repository("tests/cases/compatibility"));
    world.vars.insert("TOKEN".to_owned(), "hidden".to_owned());
    world
}

#[test]
fn each_attribute_does_what_its_row_says() {
    let world = world_of_samples();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for file in SAMPLES {
        look_at(&world, file, &mut seen);
    }
    let mut wrong = Vec::new();
    for path in ATTRIBUTES.keys() {
        let Some(seen) = seen.get(path) else {
            wrong.push(format!("`{path}` is in no file of tests/cases/compatibility"));
            continue;
        };
        let Some(row) = row_of(path) else { continue };
        let faults = faults(row, row.path == path, seen).into_iter();
        wrong.extend(faults.map(|fault| format!("`{path}` {fault} (row `{}`)", row.path)));
    }
    assert!(wrong.is_empty(), "{} claims do not hold:\n{}", wrong.len(), wrong.join("\n"));
}

/// Puts a service of a file into the pods of another one, without what excludes that.
fn beside(whole: &Value, service: &str) -> Value {
    let mut file = whole.clone();
    let services = file["services"].as_object_mut().unwrap();
    services.insert("root".to_owned(), serde_json::json!({ "image": "root:1" }));
    let service = services[service].as_object_mut().unwrap();
    for excluded in ["networks", "ports", "links", "external_links", "mac_address", "container_name"] {
        service.remove(excluded);
    }
    service.insert("network_mode".to_owned(), "service:root".into());
    file
}

/// Returns the attributes below `services.NAME` that an export does nothing with and says nothing of.
fn silent(world: &MemWorld, file: &str, whole: &Value, service: &str) -> Option<BTreeSet<String>> {
    let original = outcome(world, file, &whole.to_string()).ok()?;
    let mut found = Vec::new();
    spots(whole, "", &mut Vec::new(), &mut found);
    found.retain(|spot| spot.way.len() > 2 && spot.way[..2] == ["services".to_owned(), service.to_owned()]);
    let mut silent = BTreeSet::new();
    for Spot { path, way } in found {
        let mut without = whole.clone();
        take_out(&mut without, &way);
        let Ok(changed) = outcome(world, file, &without.to_string()) else { continue };
        let steps: Vec<&str> = way.iter().map(String::as_str).collect();
        // Something is said of it, of what is in it, or of what it is in.
        let is_around = (3..=steps.len())
            .any(|length| original.warned.contains_key(&original.written.span_of(&steps[..length])));
        let value = original.written.at(&steps).map(|node| node.span);
        let is_in = |span: &Span| value.is_some_and(|value| value.to(*span) == value);
        if changed.objects == original.objects && !is_around && !original.warned.keys().any(is_in) {
            silent.insert(path);
        }
    }
    Some(silent)
}

/// What matters for a service by itself matters in the pods of another one as well, or it is said what becomes of it.
#[test]
fn no_attribute_of_a_sidecar_is_dropped_in_silence() {
    let world = world_of_samples();
    let mut dropped = Vec::new();
    let mut tried = 0;
    for file in SAMPLES {
        let text = world.read(&Path::new("/project").join(file)).unwrap();
        let whole: Value = serde_yaml::from_slice(&text).unwrap();
        for name in whole["services"].as_object().unwrap().keys() {
            let service = &whole["services"][name];
            if service.get("network_mode").is_some() || service.get("profiles").is_some() {
                continue;
            }
            let mut alone = silent(&world, file, &whole, name).unwrap();
            let Some(beside) = silent(&world, file, &beside(&whole, name), name) else { continue };
            tried += 1;
            // A sidecar is always started again.
            alone.extend((service["restart"] == "always").then(|| "services.*.restart".to_owned()));
            dropped.extend(beside.difference(&alone).map(|path| format!("{file}: `{name}`: {path}")));
        }
    }
    assert!(tried > 15, "only {tried} services can be beside another");
    assert!(
        dropped.is_empty(),
        "{} attributes are dropped in silence:\n{}",
        dropped.len(),
        dropped.join("\n")
    );
}
