//! What YAML of a project says in other words than JSON does.

use serde_json::Value;

/// Takes a project as JSON has it, and returns what docker compose prints as YAML: without what is empty where it says
/// so in JSON only, and with the names of the file where Go's types have others.
pub fn as_yaml(mut value: Value) -> Value {
    let is_empty =
        |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    let drop = |value: Option<&mut Value>, keys: &[&str]| {
        if let Some(map) = value.and_then(Value::as_object_mut) {
            map.retain(|key, value| !keys.contains(&key.as_str()) || !is_empty(value));
        }
    };
    for service in
        value.get_mut("services").and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut())
    {
        for trigger in
            service.pointer_mut("/develop/watch").and_then(Value::as_array_mut).into_iter().flatten()
        {
            drop(trigger.get_mut("exec"), &["command"]);
            drop(Some(trigger), &["exec"]);
        }
        let devices = service.get_mut("blkio_config").and_then(Value::as_object_mut).into_iter();
        for device in devices.flatten().filter_map(|(_, list)| list.as_array_mut()).flatten() {
            if let Some(device) = device.as_object_mut() {
                *device = std::mem::take(device)
                    .into_iter()
                    .map(|(key, value)| (key.to_lowercase(), value))
                    .collect();
            }
        }
        drop(service.get_mut("deploy"), &["resources", "placement"]);
        drop(Some(service), &["command", "entrypoint"]);
    }
    for network in
        value.get_mut("networks").and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut())
    {
        drop(Some(network), &["ipam"]);
    }
    value
}
