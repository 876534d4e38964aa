//! What commands that only look ask a real engine for.

use std::collections::{BTreeMap, HashMap};

use bollard::models;
use bollard::query_parameters as query;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::{failed, snapshot};
use crate::engine::look::{
    ContainerQuery, HistoryQuery, ImageDetails, Listed, Mounted, NetworkDetails, NetworkMember, Occurrence,
    Processes, Subnet, Usage, VolumeDetails,
};
use crate::engine::{EngineError, Result};
use crate::observed::{Container, State};
use crate::plan::labels;

/// Returns a filter for what was made for a project, or for any.
fn of_project(project: Option<&str>) -> HashMap<String, Vec<String>> {
    let label = project
        .map_or_else(|| labels::PROJECT.to_owned(), |project| format!("{}={project}", labels::PROJECT));
    HashMap::from([("label".to_owned(), vec![label])])
}

pub(super) async fn containers(client: &bollard::Docker, query: &ContainerQuery) -> Result<Vec<Listed>> {
    let options = query::ListContainersOptions {
        all: query.all,
        filters: Some(of_project(query.project.as_deref())),
        ..query::ListContainersOptions::default()
    };
    let listed = client.list_containers(Some(options)).await.map_err(failed("list containers"))?;
    let mut listed: Vec<_> = listed.into_iter().map(container).collect();
    ask_codes_of_dead(client, listed.iter_mut().map(|one| &mut one.container)).await;
    listed.sort_by(|one, other| one.container.name.cmp(&other.container.name));
    Ok(listed)
}

/// Asks for the exit codes of dead containers, which are rare and which lists do not tell.
pub(super) async fn ask_codes_of_dead(
    client: &bollard::Docker,
    containers: impl Iterator<Item = &mut Container>,
) {
    for container in containers.filter(|container| matches!(container.state, State::Dead(_))) {
        let options = None::<query::InspectContainerOptions>;
        let Ok(inspected) = client.inspect_container(&container.id, options).await else { continue };
        container.state = State::Dead(inspected.state.and_then(|state| state.exit_code));
    }
}

fn container(summary: models::ContainerSummary) -> Listed {
    let names = summary.names.iter().flatten().map(|name| name.trim_start_matches('/').to_owned()).collect();
    let mount = |mount: &models::MountPoint| {
        let name = mount.name.clone().filter(|name| !name.is_empty()).or_else(|| mount.source.clone());
        Mounted { name: name.unwrap_or_default(), driver: mount.driver.clone().unwrap_or_default() }
    };
    Listed {
        names,
        mounts: summary.mounts.iter().flatten().map(mount).collect(),
        ports: summary.ports.iter().flatten().cloned().map(snapshot::port).collect(),
        container: snapshot::container(summary),
    }
}

pub(super) async fn image(client: &bollard::Docker, image: &str) -> Result<ImageDetails> {
    let found = client.inspect_image(image).await.map_err(failed(format!("look at image {image}")))?;
    // Newer engines do not know when an image that came as a file got its name, and write Go's year 1.
    let tagged = found.metadata.and_then(|metadata| metadata.last_tag_time);
    let tagged = tagged.filter(|time| !time.starts_with("0001-"));
    let variables = found.config.and_then(|config| config.env).unwrap_or_default();
    Ok(ImageDetails {
        id: found.id.unwrap_or_default(),
        os: found.os.unwrap_or_default(),
        architecture: found.architecture.unwrap_or_default(),
        variant: found.variant.unwrap_or_default(),
        size: found.size.unwrap_or_default(),
        path: variables.iter().find_map(|variable| variable.strip_prefix("PATH=")).map(str::to_owned),
        tagged: tagged.or(found.created),
    })
}

pub(super) async fn volumes(client: &bollard::Docker, project: &str) -> Result<Vec<VolumeDetails>> {
    let options = query::ListVolumesOptions { filters: Some(of_project(Some(project))) };
    let listed = client.list_volumes(Some(options)).await.map_err(failed("list volumes"))?;
    let details = |volume: models::Volume| VolumeDetails {
        scope: volume.scope.map(|scope| scope.to_string()).unwrap_or_default(),
        mountpoint: volume.mountpoint.clone(),
        volume: snapshot::volume(volume),
    };
    let mut volumes: Vec<_> = listed.volumes.unwrap_or_default().into_iter().map(details).collect();
    volumes.sort_by(|one, other| one.volume.name.cmp(&other.volume.name));
    Ok(volumes)
}

pub(super) async fn network(client: &bollard::Docker, network: &str) -> Result<NetworkDetails> {
    let options = None::<query::InspectNetworkOptions>;
    let found = client.inspect_network(network, options).await;
    let found = found.map_err(failed(format!("look at network {network}")))?;
    let pools = found.ipam.as_ref().and_then(|ipam| ipam.config.as_ref()).into_iter().flatten();
    let subnet = |pool: &models::IpamConfig| Subnet {
        subnet: pool.subnet.clone().unwrap_or_default(),
        gateway: pool.gateway.clone().unwrap_or_default(),
    };
    let member = |(id, endpoint): (&String, &models::EndpointResource)| NetworkMember {
        id: id.clone(),
        name: endpoint.name.clone().unwrap_or_default(),
        ipv4: endpoint.ipv4_address.clone().unwrap_or_default(),
        ipv6: endpoint.ipv6_address.clone().unwrap_or_default(),
        mac: endpoint.mac_address.clone().unwrap_or_default(),
    };
    let mut members: Vec<_> = found.containers.iter().flatten().map(member).collect();
    members.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(NetworkDetails {
        internal: found.internal == Some(true),
        subnets: pools.map(subnet).collect(),
        members,
        network: snapshot::inspected_network(found),
    })
}

pub(super) async fn processes(client: &bollard::Docker, container: &str) -> Result<Processes> {
    let listed = client.top_processes(container, None::<query::TopOptions>).await;
    let listed = listed.map_err(failed(format!("list the processes of container {container}")))?;
    Ok(Processes { titles: listed.titles.unwrap_or_default(), rows: listed.processes.unwrap_or_default() })
}

pub(super) fn usage(
    client: &bollard::Docker,
    container: &str,
    follow: bool,
) -> BoxStream<'static, Result<Usage>> {
    let doing = format!("see what container {container} uses");
    let options = query::StatsOptions { stream: follow, one_shot: false };
    let moments = client.stats(container, Some(options));
    moments.map(move |moment| moment.map(|moment| used(&moment)).map_err(failed(&doing))).boxed()
}

/// Reckons as `docker stats` does.
fn used(moment: &models::ContainerStatsResponse) -> Usage {
    let total = |stats: &Option<models::ContainerCpuStats>| {
        let usage = stats.as_ref().and_then(|stats| stats.cpu_usage.as_ref());
        usage.and_then(|usage| usage.total_usage).unwrap_or(0)
    };
    let system = |stats: &Option<models::ContainerCpuStats>| {
        stats.as_ref().and_then(|stats| stats.system_cpu_usage).unwrap_or(0)
    };
    let processors = moment.cpu_stats.as_ref().map_or(0, |stats| {
        let each =
            || stats.cpu_usage.as_ref().and_then(|usage| usage.percpu_usage.as_ref()).map_or(0, Vec::len);
        stats.online_cpus.filter(|online| *online > 0).map_or_else(each, |online| online as usize)
    });
    let own = total(&moment.cpu_stats).saturating_sub(total(&moment.precpu_stats));
    let all = system(&moment.cpu_stats).saturating_sub(system(&moment.precpu_stats));
    #[expect(clippy::cast_precision_loss, reason = "a percentage needs few digits")]
    let cpu = if all == 0 { 0.0 } else { own as f64 / all as f64 * processors as f64 * 100.0 };
    let memory = moment.memory_stats.clone().unwrap_or_default();
    let in_use = memory.usage.unwrap_or(0);
    let stats = memory.stats.unwrap_or_default();
    // The first is that of control groups version 1, which have the second as well, without what is below.
    let inactive = ["total_inactive_file", "inactive_file"].iter().find_map(|key| stats.get(*key).copied());
    let inactive = inactive.filter(|inactive| *inactive < in_use).unwrap_or(0);
    let networks = moment.networks.iter().flat_map(HashMap::values);
    let disks = |letter: char| {
        let entries = moment.blkio_stats.as_ref().and_then(|stats| stats.io_service_bytes_recursive.as_ref());
        let of_kind = |entry: &&models::ContainerBlkioStatEntry| {
            entry.op.as_ref().is_some_and(|op| op.to_ascii_lowercase().starts_with(letter))
        };
        entries.into_iter().flatten().filter(of_kind).filter_map(|entry| entry.value).sum()
    };
    Usage {
        cpu,
        memory: in_use - inactive,
        limit: memory.limit.unwrap_or(0),
        received: networks.clone().filter_map(|network| network.rx_bytes).sum(),
        sent: networks.filter_map(|network| network.tx_bytes).sum(),
        read: disks('r'),
        written: disks('w'),
        processes: moment.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0),
    }
}

pub(super) fn history(
    client: &bollard::Docker,
    query: &HistoryQuery,
) -> BoxStream<'static, Result<Occurrence>> {
    let mut filters = of_project(Some(&query.project));
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    let options = query::EventsOptions {
        since: query.since.clone(),
        until: query.until.clone(),
        filters: Some(filters),
    };
    client
        .events(Some(options))
        .map(|message| {
            let message = message.map_err(failed("follow the engine's events"))?;
            Ok::<_, EngineError>(occurrence(message))
        })
        .boxed()
}

fn occurrence(message: models::EventMessage) -> Occurrence {
    let actor = message.actor.unwrap_or_default();
    let seconds = message.time.unwrap_or_default();
    Occurrence {
        time: message.time_nano.unwrap_or_else(|| seconds.saturating_mul(1_000_000_000)),
        action: message.action.unwrap_or_default(),
        id: actor.id.unwrap_or_default(),
        attributes: actor.attributes.unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_reckoned_as_docker_does() {
        let moment: models::ContainerStatsResponse = serde_json::from_value(serde_json::json!({
            "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 20_000, "online_cpus": 2},
            "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 10_000},
            "memory_stats": {"usage": 5_000, "limit": 10_000, "stats": {"inactive_file": 1_000}},
            "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 10, "tx_bytes": 20}},
            "blkio_stats": {"io_service_bytes_recursive": [
                {"op": "Read", "value": 7}, {"op": "write", "value": 8}, {"op": "Total", "value": 15},
            ]},
            "pids_stats": {"current": 4},
        }))
        .unwrap();
        let usage = used(&moment);
        assert!((usage.cpu - 40.0).abs() < 1e-9, "{}", usage.cpu);
        let rest = Usage { cpu: 0.0, ..usage };
        let expected = Usage {
            memory: 4_000,
            limit: 10_000,
            received: 11,
            sent: 22,
            read: 7,
            written: 8,
            processes: 4,
            cpu: 0.0,
        };
        assert_eq!(rest, expected);
        assert_eq!(used(&models::ContainerStatsResponse::default()), Usage::default());
    }
}
