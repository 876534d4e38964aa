//! Creates containers. bollard's request has no room for all that engines of every version take, so what is missing is
//! put into its JSON.

use bollard::models::ContainerCreateBody;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::inside::encoded;
use super::{Docker, wire};
use crate::engine::{Cause, EngineError, Result};

/// From this version on, a MAC address belongs to the attachment to a network.
const MAC_OF_ATTACHMENT: (u32, u32) = (1, 44);

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

impl Docker {
    pub(super) async fn create(
        &self,
        name: &str,
        platform: Option<&str>,
        body: &ContainerCreateBody,
    ) -> Result<String> {
        let doing = format!("create container {name}");
        let broken = |message: String| EngineError::new(&doing, Cause::Other { status: None, message });
        let json = serde_json::to_value(body)
            .map(|value| completed(value, self.api).to_string())
            .map_err(|error| broken(error.to_string()))?;
        let platform =
            platform.map(|platform| format!("&platform={}", encoded(platform))).unwrap_or_default();
        let path = format!("/containers/create?name={}{platform}", encoded(name));
        let headers = [("Content-Type", "application/json".to_owned())];
        let answer = self.post(&doing, &path, &headers, wire::full(json)).await?;
        let answer =
            answer.into_body().collect().await.map_err(|error| {
                EngineError::new(&doing, Cause::Disconnected { message: error.to_string() })
            })?;
        let created: Created =
            serde_json::from_slice(&answer.to_bytes()).map_err(|error| broken(error.to_string()))?;
        Ok(created.id)
    }
}

/// Adds to a request what bollard leaves out.
fn completed(mut body: Value, api: (u32, u32)) -> Value {
    // docker writes what is not said of devices as null.
    let devices = body.pointer_mut("/HostConfig/DeviceRequests").and_then(Value::as_array_mut);
    for device in devices.into_iter().flatten().filter_map(Value::as_object_mut) {
        for key in ["DeviceIDs", "Options"] {
            device.entry(key).or_insert(Value::Null);
        }
    }
    let Some(body_map) = body.as_object_mut().filter(|_| api < MAC_OF_ATTACHMENT) else { return body };
    let attached = body_map.get_mut("NetworkingConfig").and_then(|config| config.get_mut("EndpointsConfig"));
    let mut endpoints = attached.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    let address = endpoints.find_map(|one| one.as_object_mut()?.remove("MacAddress"));
    if let Some(address) = address {
        body_map.insert("MacAddress".to_owned(), address);
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mac_address_stands_where_the_engine_looks_for_it() {
        let attached = json!({ "NetworkingConfig": { "EndpointsConfig": { "n": { "MacAddress": "02:42:ac:11:65:43" } } } });
        assert_eq!(completed(attached.clone(), (1, 44)), attached);
        let older = json!({
            "NetworkingConfig": { "EndpointsConfig": { "n": {} } },
            "MacAddress": "02:42:ac:11:65:43",
        });
        assert_eq!(completed(attached, (1, 43)), older);
    }

    #[test]
    fn what_is_not_said_of_devices_is_null() {
        let devices = json!({ "HostConfig": { "DeviceRequests": [{ "Count": -1 }] } });
        let expected = json!({ "Count": -1, "DeviceIDs": null, "Options": null });
        assert_eq!(completed(devices, (1, 48))["HostConfig"]["DeviceRequests"][0], expected);
    }
}
