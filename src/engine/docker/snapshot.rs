//! Turns the engine's lists into [`Observed`](crate::observed::Observed)'s plain data. Pure.

use std::collections::BTreeMap;

use bollard::models;

use crate::engine::reference::Reference;
use crate::observed::{Container, Health, Network, PublishedPort, State, Swarm, Volume, VolumeMount};
use crate::plan::labels;

pub(super) fn container(summary: models::ContainerSummary) -> Container {
    let labels: BTreeMap<String, String> = summary.labels.unwrap_or_default().into_iter().collect();
    let label = |name: &str| labels.get(name).cloned();
    let status = summary.status.unwrap_or_default();
    let listed = summary.health.and_then(|health| health.status);
    let oneoff = label(labels::ONEOFF).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let networks = summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let mut networks: Vec<_> = networks
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
        .collect();
    networks.sort();
    let mut ports: Vec<_> = summary.ports.unwrap_or_default().into_iter().map(port).collect();
    ports.sort();
    ports.dedup();
    let mut mounts: Vec<_> = summary.mounts.unwrap_or_default().into_iter().filter_map(mount).collect();
    mounts.sort_by(|one, other| one.target.cmp(&other.target));
    Container {
        id: summary.id.unwrap_or_default(),
        name: own_name(&summary.names.unwrap_or_default()),
        service: label(labels::SERVICE).unwrap_or_default(),
        number: label(labels::CONTAINER_NUMBER).and_then(|text| text.parse().ok()).unwrap_or(0),
        oneoff,
        config_hash: label(labels::CONFIG_HASH),
        image: summary.image_id.unwrap_or_default(),
        state: state(summary.state, &status),
        health: listed.map_or_else(|| health_in(&status), listed_health),
        status,
        ports,
        networks,
        mounts,
        labels,
        command: summary.command.unwrap_or_default(),
        image_name: summary.image.unwrap_or_default(),
        created: summary.created.unwrap_or_default(),
    }
}

/// Returns the container's own name: links add names with two slashes.
fn own_name(names: &[String]) -> String {
    let own = names.iter().find(|name| name.matches('/').count() <= 1).or(names.first());
    own.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

fn state(listed: Option<models::ContainerSummaryStateEnum>, status: &str) -> State {
    use models::ContainerSummaryStateEnum as Listed;
    match listed {
        Some(Listed::CREATED) => State::Created,
        // One that is being stopped still runs.
        Some(Listed::RUNNING | Listed::STOPPING) => State::Running,
        Some(Listed::PAUSED) => State::Paused,
        Some(Listed::RESTARTING) => State::Restarting,
        Some(Listed::REMOVING) => State::Removing,
        // Lists do not say with which code; see `look::ask_codes_of_dead`.
        Some(Listed::DEAD) => State::Dead(None),
        Some(Listed::EXITED | Listed::EMPTY) | None => State::Exited(exit_code_in(status)),
    }
}

/// Returns the code of `Exited (137) 2 minutes ago`.
fn exit_code_in(status: &str) -> Option<i64> {
    let (code, _) = status.split_once('(')?.1.split_once(')')?;
    code.parse().ok()
}

/// Returns the health in `Up 3 seconds (healthy)`, which is all that older engines list.
fn health_in(status: &str) -> Option<Health> {
    match status.rsplit_once('(')?.1 {
        "healthy)" => Some(Health::Healthy),
        "unhealthy)" => Some(Health::Unhealthy),
        "health: starting)" => Some(Health::Starting),
        _ => None,
    }
}

fn listed_health(listed: models::ContainerSummaryHealthStatusEnum) -> Option<Health> {
    use models::ContainerSummaryHealthStatusEnum as Listed;
    match listed {
        Listed::STARTING => Some(Health::Starting),
        Listed::HEALTHY => Some(Health::Healthy),
        Listed::UNHEALTHY => Some(Health::Unhealthy),
        Listed::NONE | Listed::EMPTY => None,
    }
}

/// Puts the IDs of networks where an engine tells of a container's networks by name only, as Podman does.
pub(super) fn identify(containers: &mut [Container], networks: &[Network]) {
    for (name, id) in containers.iter_mut().flat_map(|container| &mut container.networks) {
        let network = networks.iter().find(|network| id == name && network.name == *name);
        if let Some(network) = network {
            id.clone_from(&network.id);
        }
    }
}

pub(super) fn port(summary: models::PortSummary) -> PublishedPort {
    // Podman leaves out the address of a port that is published to all.
    let address = summary.ip.filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".to_owned());
    let host = summary.public_port.map(|port| (address, port));
    let protocol = summary.typ.map_or_else(|| "tcp".to_owned(), |typ| typ.to_string());
    PublishedPort { container: summary.private_port, protocol, host }
}

fn mount(mount: models::MountPoint) -> Option<VolumeMount> {
    (mount.typ.as_deref() == Some("volume"))
        .then_some(VolumeMount { volume: mount.name?, target: mount.destination.unwrap_or_default() })
}

pub(super) fn network(network: models::Network) -> Network {
    let models::Network { id, name, driver, scope, labels, internal, attachable, enable_ipv6, .. } = network;
    let request = models::NetworkCreateRequest {
        name: name.unwrap_or_default(),
        driver,
        internal,
        attachable,
        enable_ipv6,
        ipam: network.ipam,
        options: network.options,
        labels,
        ..models::NetworkCreateRequest::default()
    };
    Network {
        id: id.unwrap_or_default(),
        name: request.name.clone(),
        driver: request.driver.clone().unwrap_or_default(),
        scope: scope.unwrap_or_default(),
        labels: request.labels.clone().unwrap_or_default().into_iter().collect(),
        request,
    }
}

/// One that is looked at alone is there for its name: nothing of it is compared.
pub(super) fn inspected_network(network: models::NetworkInspect) -> Network {
    Network {
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        driver: network.driver.unwrap_or_default(),
        scope: network.scope.unwrap_or_default(),
        labels: network.labels.unwrap_or_default().into_iter().collect(),
        request: models::NetworkCreateRequest::default(),
    }
}

pub(super) fn volume(volume: models::Volume) -> Volume {
    let request = models::VolumeCreateRequest {
        name: Some(volume.name.clone()),
        driver: Some(volume.driver.clone()),
        driver_opts: Some(volume.options),
        labels: Some(volume.labels.clone()),
        ..models::VolumeCreateRequest::default()
    };
    Volume { name: volume.name, driver: volume.driver, labels: volume.labels.into_iter().collect(), request }
}

/// A volume of which the engine says nothing that can be read.
pub(super) fn unknown_volume(name: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        driver: String::new(),
        labels: BTreeMap::new(),
        request: models::VolumeCreateRequest::default(),
    }
}

/// Returns the images that `wanted` names, by reference as written.
pub(super) fn images(wanted: &[String], listed: &[models::ImageSummary]) -> BTreeMap<String, String> {
    let named: Vec<_> = listed
        .iter()
        .flat_map(|image| {
            let names = image.repo_tags.iter().chain(&image.repo_digests);
            names.filter(|name| !name.contains("<none>")).map(|name| (Reference::parse(name), &image.id))
        })
        .collect();
    let find = |reference: &String| {
        let parsed = Reference::parse(reference);
        let by_name = named.iter().find(|(name, _)| parsed.is_met_by(name)).map(|(_, id)| (*id).clone());
        let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
        let is_id = digits.len() >= 4 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        let by_id = || listed.iter().find(|image| image.id.trim_start_matches("sha256:").starts_with(digits));
        let id = by_name.or_else(|| Some(by_id().filter(|_| is_id)?.id.clone()))?;
        Some((reference.clone(), id))
    };
    wanted.iter().filter_map(find).collect()
}

pub(super) fn swarm(info: models::SystemInfo) -> Swarm {
    let Some(swarm) = info.swarm else { return Swarm::Off };
    match (swarm.local_node_state, swarm.control_available) {
        (Some(models::LocalNodeState::ACTIVE), Some(true)) => Swarm::Manager,
        (Some(models::LocalNodeState::ACTIVE), _) => Swarm::Worker,
        _ => Swarm::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_from_the_engines_words() {
        assert_eq!(exit_code_in("Exited (137) 2 minutes ago"), Some(137));
        assert_eq!(exit_code_in("Exited"), None);
        assert_eq!(health_in("Up 3 seconds (healthy)"), Some(Health::Healthy));
        assert_eq!(health_in("Up 3 seconds (health: starting)"), Some(Health::Starting));
        assert_eq!(health_in("Up 3 seconds (Paused)"), None);
        assert_eq!(health_in("Up 3 seconds"), None);
    }

    #[test]
    fn a_container_of_an_old_engine_is_understood() {
        let summary: models::ContainerSummary = serde_json::from_value(serde_json::json!({
            "Id": "3f", "Names": ["/app-web-1/alias", "/app-web-1"], "Image": "nginx", "ImageID": "sha256:1",
            "Command": "nginx -g", "Created": 7, "State": "exited", "Status": "Exited (3) 1 second ago",
            "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
            "Labels": {"com.docker.compose.service": "web", "com.docker.compose.container-number": "2",
                       "com.docker.compose.oneoff": "False"},
            "Mounts": [{"Type": "bind", "Source": "/x", "Destination": "/b"},
                       {"Type": "volume", "Name": "data", "Destination": "/a"}],
            "NetworkSettings": {"Networks": {"app_default": {"NetworkID": "9c"}}},
        }))
        .unwrap();
        let container = container(summary);
        assert_eq!(container.name, "app-web-1");
        assert_eq!((container.service.as_str(), container.number, container.oneoff), ("web", 2, false));
        assert_eq!(container.state, State::Exited(Some(3)));
        assert_eq!(container.networks, [("app_default".to_owned(), "9c".to_owned())]);
        assert_eq!(container.mounts, [VolumeMount { volume: "data".into(), target: "/a".into() }]);
        assert_eq!(container.ports[0].host, Some(("0.0.0.0".to_owned(), 8080)));
    }

    #[test]
    fn a_container_of_podman_is_understood() {
        let summary: models::ContainerSummary = serde_json::from_value(serde_json::json!({
            "Id": "3f", "Names": ["/app-web-1"], "State": "running", "Status": "Up 1 second",
            "Ports": [{"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
            "NetworkSettings": {"Networks": {"app_back": {"NetworkID": "app_back"}, "else": {"NetworkID": "else"}}},
        }))
        .unwrap();
        let listed = models::Network {
            name: Some("app_back".into()),
            id: Some("9c".into()),
            ..models::Network::default()
        };
        let mut containers = [container(summary)];
        identify(&mut containers, &[network(listed)]);
        let joined = |name: &str, id: &str| (name.to_owned(), id.to_owned());
        assert_eq!(containers[0].networks, [joined("app_back", "9c"), joined("else", "else")]);
        assert_eq!(containers[0].ports[0].host, Some(("0.0.0.0".to_owned(), 8080)));
    }

    #[test]
    fn images_are_found_by_any_of_their_names() {
        let image = models::ImageSummary {
            id: "sha256:abcdef12".into(),
            repo_tags: vec!["nginx:latest".into(), "<none>:<none>".into()],
            repo_digests: vec!["nginx@sha256:77".into()],
            ..models::ImageSummary::default()
        };
        let names =
            ["nginx", "docker.io/library/nginx:latest", "nginx:1@sha256:77", "abcdef", "sha256:abcdef12"];
        let wanted: Vec<String> =
            names.iter().chain(&["nginx:alpine", "abc", "added"]).map(|name| (*name).to_owned()).collect();
        let found = images(&wanted, &[image]);
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
