//! What the engine in memory shows to commands that only look.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::state::{Container, World};
use super::{CallKind, FakeEngine, labels};
use crate::engine::look::{
    ContainerQuery, HistoryQuery, ImageDetails, Listed, Mounted, NetworkDetails, NetworkMember, Occurrence,
    Processes, Subnet, Usage, VolumeDetails,
};
use crate::engine::{Action, Cause, EngineError, Result};
use crate::observed::{Health, State};

impl World {
    pub(super) fn listed(&self, query: &ContainerQuery) -> Vec<Listed> {
        let wanted = |one: &&Container| {
            let project = one.seen.labels.get(labels::PROJECT);
            let runs = one.seen.state.is_alive();
            project.is_some_and(|project| query.project.as_ref().is_none_or(|wanted| project == wanted))
                && (query.all || runs)
        };
        let listed = |one: &Container| Listed {
            names: vec![one.seen.name.clone()],
            mounts: one
                .seen
                .mounts
                .iter()
                .map(|mount| Mounted { name: mount.volume.clone(), driver: "local".to_owned() })
                .collect(),
            ports: one.seen.ports.clone(),
            container: one.seen.clone(),
        };
        let mut all: Vec<_> = self.containers.iter().filter(wanted).map(listed).collect();
        all.sort_by(|one, other| one.container.name.cmp(&other.container.name));
        all
    }

    pub(super) fn image_details(&self, image: &str) -> std::result::Result<ImageDetails, Cause> {
        let id = self.image(image).cloned();
        let id = id.ok_or_else(|| Cause::ImageMissing { image: image.to_owned() })?;
        Ok(ImageDetails {
            id,
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: String::new(),
            size: 1_000_000,
            path: None,
            tagged: None,
        })
    }

    pub(super) fn volume_details(&self, project: &str) -> Vec<VolumeDetails> {
        let of_project = self
            .volumes
            .iter()
            .filter(|volume| volume.labels.get(labels::PROJECT).is_some_and(|of| of == project));
        let details = of_project.map(|volume| VolumeDetails {
            volume: volume.clone(),
            scope: "local".to_owned(),
            mountpoint: format!("/volumes/{}", volume.name),
        });
        let mut volumes: Vec<_> = details.collect();
        volumes.sort_by(|one, other| one.volume.name.cmp(&other.volume.name));
        volumes
    }

    /// Addresses here are those of the order in which containers came.
    pub(super) fn network_details(&self, network: &str) -> std::result::Result<NetworkDetails, Cause> {
        let network = self.network(network)?;
        let is_on = |one: &&Container| one.seen.networks.iter().any(|(_, id)| *id == network.id);
        let running = self.containers.iter().filter(|one| one.seen.state == State::Running).filter(is_on);
        let member = |(at, one): (usize, &Container)| NetworkMember {
            id: one.seen.id.clone(),
            name: one.seen.name.clone(),
            ipv4: format!("172.30.0.{}/16", at + 2),
            ipv6: String::new(),
            mac: format!("02:42:ac:1e:00:{:02x}", at + 2),
        };
        let mut members: Vec<_> = running.enumerate().map(member).collect();
        members.sort_by(|one, other| one.name.cmp(&other.name));
        let subnet = Subnet { subnet: "172.30.0.0/16".to_owned(), gateway: "172.30.0.1".to_owned() };
        Ok(NetworkDetails {
            internal: network.request.internal == Some(true),
            subnets: vec![subnet],
            members,
            network: network.clone(),
        })
    }

    pub(super) fn processes(&self, container: &str) -> std::result::Result<Processes, Cause> {
        let one = self.get(container)?;
        if one.seen.state != State::Running {
            let message = format!("Container {} is not running", one.seen.id);
            return Err(Cause::Other { status: Some(409), message });
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok(Processes {
            titles: words(&["UID", "PID", "CMD"]),
            rows: vec![words(&["root", "1", &one.seen.command])],
        })
    }
}

impl FakeEngine {
    /// One moment, then the end: what runs here uses nothing, and nothing changes.
    pub(super) fn look_at_usage(&self, container: &str, _follow: bool) -> BoxStream<'static, Result<Usage>> {
        let doing = format!("see what container {container} uses");
        let call = self.note(CallKind::Usage, container);
        let seen = self.fault(&call, &doing).and_then(|()| {
            let world = self.world.borrow();
            let one = world.get(container).map_err(|cause| EngineError::new(&doing, cause))?;
            let processes = u64::from(one.seen.state == State::Running);
            Ok(Usage { processes, ..Usage::default() })
        });
        stream::iter([seen]).boxed()
    }

    /// What happened so far. With an end it is all; without, the stream stays open and silent.
    pub(super) fn look_at_history(&self, query: &HistoryQuery) -> BoxStream<'static, Result<Occurrence>> {
        let call = self.note(CallKind::History, &query.project);
        if let Err(error) = self.fault(&call, "follow the engine's events") {
            return stream::iter([Err(error)]).boxed();
        }
        let world = self.world.borrow();
        let since = query.since.as_deref().map_or(i64::MAX, nanoseconds);
        let until = query.until.as_deref().map_or(i64::MAX, nanoseconds);
        let of_project = world.history.iter().filter(|one| {
            one.attributes.get(labels::PROJECT) == Some(&query.project) && (since..=until).contains(&one.time)
        });
        let past: Vec<_> = of_project
            .map(|one| {
                let mut attributes = one.attributes.clone();
                attributes.insert("name".to_owned(), one.name.clone());
                if let Action::Die(code) = one.action {
                    attributes.insert("exitCode".to_owned(), code.to_string());
                }
                Ok(Occurrence { time: one.time, action: words(&one.action), id: one.id.clone(), attributes })
            })
            .collect();
        let past = stream::iter(past);
        if query.until.is_some() { past.boxed() } else { past.chain(stream::pending()).boxed() }
    }
}

/// Reads a point in time, seconds with nine decimals.
fn nanoseconds(point: &str) -> i64 {
    let (seconds, decimals) = point.split_once('.').unwrap_or((point, "0"));
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    number(seconds) * 1_000_000_000 + number(decimals)
}

fn words(action: &Action) -> String {
    match action {
        Action::Create => "create".to_owned(),
        Action::Start => "start".to_owned(),
        Action::Die(_) => "die".to_owned(),
        Action::Health(Health::Starting) => "health_status: starting".to_owned(),
        Action::Health(Health::Healthy) => "health_status: healthy".to_owned(),
        Action::Health(Health::Unhealthy) => "health_status: unhealthy".to_owned(),
        Action::Probe => "exec_die".to_owned(),
        Action::Destroy => "destroy".to_owned(),
        Action::Other(words) => words.clone(),
    }
}
