//! The project as `config` prints it, in JSON and in YAML.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::Project;
use crate::model::attribute::Extensions;
use crate::model::service::{LabelFiles, Service};

/// As in JSON, which says more than YAML.
impl Serialize for Project {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let services = Each { items: &self.services, print: printed };
        let networks = Each { items: &self.networks, print: |network| network };
        self.print(serializer, &services, &networks, false)
    }
}

/// A project as in YAML, where docker compose leaves out commands that are not set and empty parts, and has the names
/// of the file where Go's types have others.
///
/// One item at a time passes through JSON, so that there is never a second copy of a large project.
pub struct InYaml<'a>(pub &'a Project);

impl Serialize for InYaml<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let services = Each {
            items: &self.0.services,
            print: |service| Trimmed {
                item: printed(service),
                trim: trim_service,
                extensions: &service.extensions,
            },
        };
        let networks = Each {
            items: &self.0.networks,
            print: |network| Trimmed { item: network, trim: trim_network, extensions: &network.extensions },
        };
        self.0.print(serializer, &services, &networks, true)
    }
}

impl Project {
    fn print<S: Serializer>(
        &self,
        serializer: S,
        services: &impl Serialize,
        networks: &impl Serialize,
        in_yaml: bool,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("services", services)?;
        entry(&mut map, "models", &self.models, |_| None)?;
        if !self.networks.is_empty() {
            map.serialize_entry("networks", networks)?;
        }
        entry(&mut map, "volumes", &self.volumes, |volume| in_yaml.then_some(&volume.extensions))?;
        entry(&mut map, "secrets", &self.secrets, |secret| in_yaml.then_some(&secret.extensions))?;
        entry(&mut map, "configs", &self.configs, |config| in_yaml.then_some(&config.extensions))?;
        for (key, value) in &self.extensions {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &str,
    values: &BTreeMap<String, T>,
    extensions: impl Fn(&T) -> Option<&Extensions>,
) -> Result<(), M::Error> {
    if values.is_empty() {
        return Ok(());
    }
    let none = Extensions::new();
    let items: BTreeMap<&String, _> = values
        .iter()
        .map(|(name, item)| {
            (name, Trimmed { item, trim: |_| {}, extensions: extensions(item).unwrap_or(&none) })
        })
        .collect();
    map.serialize_entry(key, &items)
}

/// Returns a service without its label files: what these hold has been read into `labels`.
#[expect(clippy::borrowed_box, reason = "what a map of services lends")]
fn printed(service: &Box<Service>) -> Cow<'_, Service> {
    if service.label_file.0.is_empty() {
        return Cow::Borrowed(service);
    }
    Cow::Owned(Service { label_file: LabelFiles::default(), ..Service::clone(service) })
}

/// A map whose values are made ready one at a time.
struct Each<'a, T, P> {
    items: &'a BTreeMap<String, T>,
    print: fn(&'a T) -> P,
}

impl<T, P: Serialize> Serialize for Each<'_, T, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.items.iter().map(|(key, item)| (key, (self.print)(item))))
    }
}

struct Trimmed<'a, T> {
    item: T,
    trim: fn(&mut Value),
    /// `x-` attributes, which docker compose prints in YAML alone.
    extensions: &'a Extensions,
}

impl<T: Serialize> Serialize for Trimmed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // By way of text, which has the shortest form of each number.
        let json = serde_json::to_string(&self.item).and_then(|text| serde_json::from_str(&text));
        let mut value: Value = json.map_err(S::Error::custom)?;
        (self.trim)(&mut value);
        if let Some(map) = value.as_object_mut() {
            map.extend(self.extensions.clone());
        }
        value.serialize(serializer)
    }
}

/// Leaves out what YAML does not say of a project that is JSON already.
pub fn trim(project: &mut Value) {
    let mut each = |section: &str, trim: fn(&mut Value)| {
        let items = project.get_mut(section).and_then(Value::as_object_mut);
        items.into_iter().flat_map(Map::values_mut).for_each(trim);
    };
    each("services", trim_service);
    each("networks", trim_network);
}

fn trim_service(service: &mut Value) {
    let triggers = service.pointer_mut("/develop/watch").and_then(Value::as_array_mut);
    for trigger in triggers.into_iter().flatten() {
        drop_empty(trigger.get_mut("exec"), &["command"]);
        drop_empty(Some(trigger), &["exec"]);
    }
    // The keys are those of Go's types in JSON, and those of the file in YAML.
    let devices = service.get_mut("blkio_config").and_then(Value::as_object_mut).into_iter();
    for device in devices.flatten().filter_map(|(_, list)| list.as_array_mut()).flatten() {
        if let Some(device) = device.as_object_mut() {
            *device =
                std::mem::take(device).into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
        }
    }
    drop_empty(service.get_mut("deploy"), &["resources", "placement"]);
    drop_empty(Some(service), &["command", "entrypoint"]);
}

fn trim_network(network: &mut Value) {
    drop_empty(Some(network), &["ipam"]);
}

fn drop_empty(value: Option<&mut Value>, keys: &[&str]) {
    let is_empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if let Some(map) = value.and_then(Value::as_object_mut) {
        map.retain(|key, value| !keys.contains(&key.as_str()) || !is_empty(value));
    }
}
