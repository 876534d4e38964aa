//! Looks at the network of a container, at the engine's machine, and brings images to it that topo makes itself.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models;
use bollard::query_parameters as query;
use futures_util::StreamExt;

use super::classic::Line;
use super::inside::encoded;
use super::{Docker, context, failed, inspection, wire};
use crate::engine::{Cause, EngineError, Result};
use crate::observed::PublishedPort;
use crate::observed::live::{Attachment, Live, Machine};
use crate::plan::File;

pub(super) async fn container(client: &bollard::Docker, container: &str) -> Result<Live> {
    let options = None::<query::InspectContainerOptions>;
    let inspected = client.inspect_container(container, options).await;
    inspected.map(live).map_err(failed(format!("look at container {container}")))
}

pub(super) async fn machine(client: &bollard::Docker) -> Result<Machine> {
    let info = client.info().await.map_err(failed("look at the engine"))?;
    // `uname` names processors, images name platforms.
    let architecture = match info.architecture.as_deref().unwrap_or_default() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Ok(Machine {
        os: info.os_type.unwrap_or_default(),
        architecture: architecture.to_owned(),
        forwards: info.ipv4_forwarding.unwrap_or(true),
    })
}

impl Docker {
    pub(super) async fn import(&self, name: &str, files: &[File]) -> Result<()> {
        let doing = format!("make image {name}");
        let archive = context::pack(files).map_err(|error| {
            EngineError::new(&doing, Cause::Other { status: None, message: error.to_string() })
        })?;
        // The tag stands in the name: Podman passes over one by itself.
        let path = format!("/images/create?fromSrc=-&repo={}", encoded(name));
        let answer = self.post(&doing, &path, &[], wire::full(archive)).await?;
        let mut lines = wire::lines::<Line>(doing.clone(), answer);
        while let Some(line) = lines.next().await {
            if let Some(message) = line?.error {
                return Err(EngineError::new(doing, Cause::Other { status: None, message }));
            }
        }
        Ok(())
    }
}

fn live(inspected: models::ContainerInspectResponse) -> Live {
    let host = inspected.host_config.clone().unwrap_or_default();
    let config = inspected.config.clone().unwrap_or_default();
    let network = inspected.network_settings.clone().unwrap_or_default();
    let restarts = inspected.restart_count.unwrap_or_default();
    let closely = inspection(inspected);
    let mut attachments: Vec<Attachment> = network
        .networks
        .unwrap_or_default()
        .into_iter()
        .map(|(name, endpoint)| attachment(name, &endpoint))
        .collect();
    attachments.sort_by(|one, other| one.network.cmp(&other.network));
    let variable = |line: &String| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    Live {
        id: closely.id,
        name: closely.name,
        state: closely.state,
        reason: closely.reason,
        restarts,
        health: closely.health,
        health_output: closely.health_output.unwrap_or_default(),
        network_mode: host.network_mode.unwrap_or_default(),
        attachments,
        wanted_ports: ports(host.port_bindings),
        ports: ports(network.ports),
        dns: host.dns.unwrap_or_default(),
        environment: config.env.iter().flatten().map(variable).collect(),
        log: Vec::new(),
    }
}

fn attachment(network: String, endpoint: &models::EndpointSettings) -> Attachment {
    let parsed = |texts: [&Option<String>; 2]| -> Vec<IpAddr> {
        texts.into_iter().flatten().filter_map(|text| text.parse().ok()).collect()
    };
    Attachment {
        network,
        id: endpoint.network_id.clone().unwrap_or_default(),
        addresses: parsed([&endpoint.ip_address, &endpoint.global_ipv6_address]),
        gateways: parsed([&endpoint.gateway, &endpoint.ipv6_gateway]),
        mac: endpoint.mac_address.clone().unwrap_or_default(),
        aliases: endpoint.aliases.clone().unwrap_or_default(),
    }
}

/// Reads `80/tcp` and where it is at the host.
fn ports(map: Option<HashMap<String, Option<Vec<models::PortBinding>>>>) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for (inside, bindings) in map.unwrap_or_default() {
        let (number, protocol) = inside.split_once('/').unwrap_or((&inside, "tcp"));
        let Ok(container) = number.parse() else { continue };
        for binding in bindings.into_iter().flatten() {
            // Without a number, the engine was to choose one.
            let port = binding.host_port.as_deref().and_then(|port| port.parse().ok()).unwrap_or(0);
            let host = Some((binding.host_ip.unwrap_or_default(), port));
            ports.push(PublishedPort { container, protocol: protocol.to_owned(), host });
        }
    }
    ports.sort();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::State;

    #[test]
    fn what_the_engine_says_of_a_container_is_understood() {
        let inspected: models::ContainerInspectResponse = serde_json::from_value(serde_json::json!({
            "Id": "3f", "Name": "/app-web-1", "RestartCount": 2,
            "State": {"Status": "running", "ExitCode": 0},
            "Config": {"Env": ["A=b=c", "EMPTY"]},
            "HostConfig": {"NetworkMode": "app_front", "Dns": ["10.0.0.1"],
                           "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
            "NetworkSettings": {
                "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": null},
                "Networks": {"app_front": {"NetworkID": "9c", "IPAddress": "172.20.0.2", "Gateway": "172.20.0.1",
                    "GlobalIPv6Address": "", "MacAddress": "02:42:ac:14:00:02", "Aliases": ["web", "3f"]}},
            },
        }))
        .unwrap();
        let live = live(inspected);
        assert_eq!((live.name.as_str(), live.state, live.restarts), ("app-web-1", State::Running, 2));
        let host = |address: &str| Some((address.to_owned(), 8080));
        assert_eq!((&live.ports[0].host, live.ports.len()), (&host("0.0.0.0"), 1));
        assert_eq!(live.wanted_ports[0].host, host(""));
        assert_eq!(live.environment[0], ("A".to_owned(), "b=c".to_owned()));
        let attachment = &live.attachments[0];
        assert_eq!(attachment.addresses, ["172.20.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!((attachment.mac.as_str(), attachment.aliases.len()), ("02:42:ac:14:00:02", 2));
    }
}
