//! What the engine in memory has, and what its calls do to it.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{ContainerCreateBody, MountType, NetworkCreateRequest, VolumeCreateRequest};
use tokio::sync::mpsc::UnboundedSender;

use super::Behaviour;
use crate::engine::docker::checks;
use crate::engine::reference::Reference;
use crate::engine::{Action, Cause, Happening, Inspection, Kind, Query};
use crate::observed::{
    self, Health, ImageId, Network, Observed, PublishedPort, State, Swarm, Volume, VolumeMount,
};
use crate::plan::{File, labels};

type Result<T> = std::result::Result<T, Cause>;

/// The engine's state.
#[derive(Default)]
pub(super) struct World {
    pub(super) containers: Vec<Container>,
    pub(super) networks: Vec<Network>,
    pub(super) volumes: Vec<Volume>,
    /// Image IDs by complete name and tag.
    pub(super) images: BTreeMap<String, ImageId>,
    /// By reference as written; an image has no age otherwise.
    pub(super) image_ages: BTreeMap<String, std::time::Duration>,
    /// Project and service of images that were built for one, by image ID.
    pub(super) built: BTreeMap<ImageId, (String, String)>,
    /// The names of images that can be pulled.
    pub(super) registry: BTreeSet<String>,
    pub(super) swarm: Swarm,
    pub(super) behaviours: BTreeMap<String, Behaviour>,
    pub(super) history: Vec<Happening>,
    pub(super) listeners: Vec<UnboundedSender<Happening>>,
    /// Rises with everything that gets an ID or a time.
    clock: i64,
}

/// A container.
pub(super) struct Container {
    pub(super) seen: observed::Container,
    pub(super) body: ContainerCreateBody,
    pub(super) files: Vec<File>,
    /// Lines by their time.
    pub(super) log: Vec<(i64, String)>,
    pub(super) followers: Vec<UnboundedSender<(i64, String)>>,
    probe: Option<String>,
    failing_streak: u64,
}

/// Writes a time as the engine does in logs.
pub(super) fn timestamp(time: i64) -> String {
    format!("1970-01-01T00:00:00.{time:09}Z")
}

impl World {
    pub(super) fn add_builtin_networks(&mut self) {
        for (name, driver) in [("bridge", "bridge"), ("host", "host"), ("none", "null")] {
            let (id, scope) = (self.new_id(), "local".to_owned());
            let (name, driver) = (name.to_owned(), driver.to_owned());
            let (labels, request) = (BTreeMap::new(), NetworkCreateRequest::default());
            self.networks.push(Network { id, name, driver, scope, labels, request });
        }
    }

    pub(super) fn new_id(&mut self) -> String {
        self.clock += 1;
        format!("{:064x}", self.clock)
    }

    pub(super) fn add_image(&mut self, reference: &str) -> ImageId {
        let id = format!("sha256:{}", self.new_id());
        self.tag(reference, &id);
        id
    }

    pub(super) fn tag(&mut self, reference: &str, id: &str) {
        self.images.insert(complete(reference), id.to_owned());
    }

    pub(super) fn image(&self, reference: &str) -> Option<&ImageId> {
        self.images.get(&complete(reference)).or_else(|| self.images.values().find(|id| *id == reference))
    }

    pub(super) fn pull(&mut self, image: &str) -> Result<ImageId> {
        self.digest(image)?;
        self.image_ages.insert(image.to_owned(), std::time::Duration::ZERO);
        Ok(self.image(image).cloned().unwrap_or_else(|| self.add_image(image)))
    }

    /// Returns what stands for the digest of an image that can be pulled.
    pub(super) fn digest(&self, image: &str) -> Result<String> {
        let reference = Reference::parse(image);
        if !self.registry.contains(&reference.name()) {
            let message = format!("pull access denied for {image}, repository does not exist");
            return Err(Cause::PullFailed { message });
        }
        Ok(format!("sha256:{}", crate::project::hash::digest(reference.to_string())))
    }

    pub(super) fn push(&mut self, image: &str) -> Result<()> {
        let reference = Reference::parse(image);
        if self.image(image).is_none() {
            let message = format!("An image does not exist locally with the tag: {}", reference.name());
            return Err(Cause::PushFailed { message });
        }
        self.registry.insert(reference.name());
        Ok(())
    }

    pub(super) fn add_volume(&mut self, volume: Volume) {
        if self.volumes.iter().all(|other| other.name != volume.name) {
            self.volumes.push(volume);
        }
    }

    pub(super) fn remove_volume(&mut self, name: &str) -> Result<()> {
        if self.volumes.iter().all(|volume| volume.name != name) {
            return Err(Cause::NotFound { message: format!("get {name}: no such volume") });
        }
        let uses = |one: &Container| one.seen.mounts.iter().any(|mount| mount.volume == name);
        if self.containers.iter().any(uses) {
            return Err(Cause::InUse { message: format!("remove {name}: volume is in use") });
        }
        self.volumes.retain(|volume| volume.name != name);
        Ok(())
    }

    pub(super) fn network(&self, network: &str) -> Result<&Network> {
        let found = self.networks.iter().find(|one| one.name == network || one.id == network);
        found.ok_or_else(|| Cause::NotFound { message: format!("network {network} not found") })
    }

    pub(super) fn find(&self, container: &str) -> Option<&Container> {
        self.containers.iter().find(|one| one.is(container))
    }

    pub(super) fn get(&self, container: &str) -> Result<&Container> {
        self.find(container).ok_or_else(|| no_container(container))
    }

    pub(super) fn get_mut(&mut self, container: &str) -> Result<&mut Container> {
        self.containers.iter_mut().find(|one| one.is(container)).ok_or_else(|| no_container(container))
    }

    pub(super) fn check_name_is_free(&self, name: &str) -> Result<()> {
        let Some(other) = self.containers.iter().find(|one| one.seen.name == name) else { return Ok(()) };
        let id = &other.seen.id;
        let message =
            format!("Conflict. The container name \"/{name}\" is already in use by container \"{id}\"");
        Err(Cause::NameTaken { message })
    }

    pub(super) fn create(&mut self, name: &str, body: &ContainerCreateBody) -> Result<String> {
        self.check_name_is_free(name)?;
        let image_name = body.image.clone().unwrap_or_default();
        let image = self.image(&image_name).cloned();
        let image = image.ok_or_else(|| Cause::ImageMissing { image: image_name.clone() })?;
        let labels: BTreeMap<String, String> = body.labels.clone().unwrap_or_default().into_iter().collect();
        let label = |name: &str| labels.get(name).cloned();
        let id = self.new_id();
        let mut mounts = Vec::new();
        for (volume, target) in volumes(body) {
            // Without a name it is an anonymous volume.
            let volume = if volume.is_empty() { self.new_id() } else { volume };
            let (name, driver) = (volume.clone(), "local".to_owned());
            let request = VolumeCreateRequest::default();
            self.add_volume(Volume { name, driver, labels: BTreeMap::new(), request });
            mounts.push(VolumeMount { volume, target });
        }
        let mut networks: Vec<_> = networks(body)
            .into_iter()
            .map(|name| match self.network(&name) {
                Ok(network) => (network.name.clone(), network.id.clone()),
                // A network that is missing is noticed at the start only, as in the engine.
                Err(_) => (name, String::new()),
            })
            .collect();
        networks.sort();
        let seen = observed::Container {
            id: id.clone(),
            name: name.to_owned(),
            service: label(labels::SERVICE).unwrap_or_default(),
            number: label(labels::CONTAINER_NUMBER).and_then(|text| text.parse().ok()).unwrap_or(0),
            oneoff: label(labels::ONEOFF).as_deref() == Some("True"),
            config_hash: label(labels::CONFIG_HASH),
            image,
            state: State::Created,
            health: None,
            status: "Created".to_owned(),
            ports: Vec::new(),
            networks,
            mounts,
            labels,
            command: body.cmd.clone().unwrap_or_default().join(" "),
            image_name,
            created: self.clock,
        };
        let (files, log, followers) = (Vec::new(), Vec::new(), Vec::new());
        let body = body.clone();
        self.containers.push(Container { seen, body, files, log, followers, probe: None, failing_streak: 0 });
        self.happen(&id, Action::Create);
        Ok(id)
    }

    pub(super) fn start(&mut self, container: &str) -> Result<()> {
        let one = self.get(container)?;
        if one.seen.state == State::Running {
            return Ok(());
        }
        for (name, _) in &one.seen.networks {
            self.network(name)?;
        }
        let ports = ports(&one.body);
        let taken = |other: &Container| other.seen.ports.iter().find(|port| ports.contains(port)).cloned();
        let running = |other: &&Container| other.seen.state == State::Running;
        if let Some(port) = self.containers.iter().filter(running).find_map(taken) {
            let (address, port) = port.host.unwrap_or_default();
            return Err(Cause::PortTaken { address: format!("{address}:{port}") });
        }
        let behaviour = self.behaviours.get(&one.seen.name).cloned().unwrap_or_default();
        let checked = one.has_healthcheck();
        let one = self.get_mut(container)?;
        one.seen.state = State::Running;
        one.seen.ports = ports;
        one.seen.health = checked.then_some(Health::Starting);
        one.failing_streak = 0;
        one.describe();
        let id = one.seen.id.clone();
        self.happen(&id, Action::Start);
        match behaviour {
            Behaviour::Runs if checked => self.set_health(&id, Health::Healthy, ""),
            Behaviour::Runs | Behaviour::Starts => {}
            Behaviour::Exits(code, lines) => {
                for line in &lines {
                    self.write(&id, line);
                }
                self.end(&id, code);
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, container: &str, code: i64) {
        let Ok(one) = self.get_mut(container) else { return };
        if !matches!(one.seen.state, State::Running | State::Paused) {
            return;
        }
        one.seen.state = State::Exited(Some(code));
        one.seen.health = None;
        one.seen.ports.clear();
        one.followers.clear();
        one.describe();
        let id = one.seen.id.clone();
        self.happen(&id, Action::Die(code));
    }

    pub(super) fn set_health(&mut self, container: &str, health: Health, output: &str) {
        let Ok(one) = self.get_mut(container) else { return };
        one.failing_streak = if health == Health::Healthy { 0 } else { one.failing_streak + 1 };
        one.probe = Some(output.to_owned());
        let changed = one.seen.health.replace(health) != Some(health);
        one.describe();
        let id = one.seen.id.clone();
        self.happen(&id, Action::Probe);
        if changed {
            self.happen(&id, Action::Health(health));
        }
    }

    pub(super) fn write(&mut self, container: &str, line: &str) {
        self.clock += 1;
        let line = (self.clock, line.to_owned());
        let Ok(one) = self.get_mut(container) else { return };
        one.followers.retain(|follower| follower.send(line.clone()).is_ok());
        one.log.push(line);
    }

    pub(super) fn remove(&mut self, container: &str, volumes: bool) -> Result<()> {
        let one = self.get(container)?;
        let id = one.seen.id.clone();
        let anonymous =
            |volume: &str| volume.len() == 64 && volume.chars().all(|digit| digit.is_ascii_hexdigit());
        let mounted: Vec<_> = one.seen.mounts.iter().map(|mount| mount.volume.clone()).collect();
        self.end(&id, 137);
        self.happen(&id, Action::Destroy);
        self.containers.retain(|one| one.seen.id != id);
        for volume in mounted.iter().filter(|volume| volumes && anonymous(volume)) {
            // Another container may have inherited it.
            let _ = self.remove_volume(volume);
        }
        Ok(())
    }

    pub(super) fn happen(&mut self, id: &str, action: Action) {
        self.clock += 1;
        let time = self.clock;
        let Ok(one) = self.get(id) else { return };
        let (id, name, attributes) = (one.seen.id.clone(), one.seen.name.clone(), one.seen.labels.clone());
        let happening = Happening { kind: Kind::Container, id, name, action, attributes, time };
        self.listeners.retain(|listener| listener.send(happening.clone()).is_ok());
        self.history.push(happening);
    }

    pub(super) fn observe(&self, query: &Query, api: (u32, u32)) -> Observed {
        let of_project = |one: &&Container| one.seen.labels.get(labels::PROJECT) == Some(&query.project);
        let mut containers: Vec<_> =
            self.containers.iter().filter(of_project).map(|one| one.seen.clone()).collect();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        let mut networks = self.networks.clone();
        networks.sort_by(|one, other| one.name.cmp(&other.name));
        let mut volumes = self.volumes.clone();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        let there = |name: &String| Some((name.clone(), self.image(name)?.clone()));
        Observed {
            api,
            swarm: if query.swarm { self.swarm } else { Swarm::Off },
            containers,
            networks,
            volumes,
            images: query.images.iter().filter_map(there).collect(),
            image_ages: query
                .aging_images
                .iter()
                .filter_map(|name| Some((name.clone(), *self.image_ages.get(name)?)))
                .collect(),
        }
    }
}

impl Container {
    fn is(&self, container: &str) -> bool {
        self.seen.name == container || self.seen.id == container
    }

    fn has_healthcheck(&self) -> bool {
        self.body.healthcheck.as_ref().is_some_and(checks)
    }

    /// Says the state in the engine's words.
    pub(super) fn describe(&mut self) {
        self.seen.status = match (self.seen.state, self.seen.health) {
            (State::Paused, _) => "Up 1 second (Paused)".to_owned(),
            (State::Exited(code), _) => format!("Exited ({}) 1 second ago", code.unwrap_or_default()),
            (_, Some(Health::Starting)) => "Up 1 second (health: starting)".to_owned(),
            (_, Some(Health::Healthy)) => "Up 1 second (healthy)".to_owned(),
            (_, Some(Health::Unhealthy)) => "Up 1 second (unhealthy)".to_owned(),
            (_, None) => "Up 1 second".to_owned(),
        };
    }

    pub(super) fn inspection(&self) -> Inspection {
        Inspection {
            id: self.seen.id.clone(),
            name: self.seen.name.clone(),
            state: self.seen.state,
            reason: String::new(),
            has_healthcheck: self.has_healthcheck(),
            health: self.seen.health,
            failing_streak: self.failing_streak,
            health_output: self.probe.clone(),
            tty: self.body.tty.unwrap_or(false),
            open_stdin: self.body.open_stdin.unwrap_or(false),
        }
    }
}

pub(super) fn no_container(container: &str) -> Cause {
    Cause::NotFound { message: format!("No such container: {container}") }
}

pub(super) fn complete(reference: &str) -> String {
    let parsed = Reference::parse(reference);
    let suffix = parsed.digest.as_ref().or(parsed.tag.as_ref()).cloned().unwrap_or_default();
    format!("{}:{suffix}", parsed.name())
}

/// Returns the networks that a container joins as it is created.
fn networks(body: &ContainerCreateBody) -> Vec<String> {
    let configured = body.networking_config.as_ref().and_then(|config| config.endpoints_config.as_ref());
    let mut names: Vec<_> = configured.into_iter().flat_map(|endpoints| endpoints.keys().cloned()).collect();
    let mode = body.host_config.as_ref().and_then(|host| host.network_mode.as_deref()).unwrap_or("bridge");
    if names.is_empty() && !mode.starts_with("container:") {
        names.push(if mode == "default" { "bridge" } else { mode }.to_owned());
    }
    names
}

/// Returns the volumes of a container: name (empty for an anonymous one) and target.
fn volumes(body: &ContainerCreateBody) -> Vec<(String, String)> {
    let host = body.host_config.as_ref();
    let mounts = host.and_then(|host| host.mounts.as_ref()).into_iter().flatten();
    let mounts = mounts.filter(|mount| mount.typ == Some(MountType::VOLUME));
    let mounts = mounts
        .map(|mount| (mount.source.clone().unwrap_or_default(), mount.target.clone().unwrap_or_default()));
    let binds = host.and_then(|host| host.binds.as_ref()).into_iter().flatten();
    let binds = binds.filter_map(|bind| {
        let (source, rest) = bind.split_once(':')?;
        let target = rest.split(':').next().unwrap_or(rest);
        // A source with a slash is a directory of the host.
        (!source.contains('/')).then(|| (source.to_owned(), target.to_owned()))
    });
    let anonymous = body.volumes.iter().flatten().map(|target| (String::new(), target.clone()));
    mounts.chain(binds).chain(anonymous).collect()
}

/// Returns the ports that a container publishes at the host, those without a fixed host port left out. As on a real
/// engine, a port must also be exposed.
fn ports(body: &ContainerCreateBody) -> Vec<PublishedPort> {
    let bindings = body.host_config.as_ref().and_then(|host| host.port_bindings.as_ref());
    let mut ports = Vec::new();
    for (inside, outside) in bindings.into_iter().flatten() {
        if !body.exposed_ports.as_ref().is_some_and(|exposed| exposed.contains(inside)) {
            continue;
        }
        let (port, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
        for binding in outside.iter().flatten() {
            let Ok(container) = port.parse() else { continue };
            let Some(host_port) = binding.host_port.as_ref().and_then(|text| text.parse().ok()) else {
                continue;
            };
            let address = binding.host_ip.clone().filter(|ip| !ip.is_empty());
            let host = Some((address.unwrap_or_else(|| "0.0.0.0".to_owned()), host_port));
            ports.push(PublishedPort { container, protocol: protocol.to_owned(), host });
        }
    }
    ports.sort();
    ports
}
