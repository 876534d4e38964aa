//! What a project wants of the engine: networks, volumes and containers with their hashes, in start order.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, VolumeCreateRequest};

use super::container::{self, container_name, containers, networks};
use super::hooks::Hooks;
use super::members::Members;
use super::mounts::reference_target;
use super::update::{Update, update};
use super::{Build, Create, File, Op, Plan, container_id_of, labels, refuse};
use crate::diagnostic::Diagnostics;
use crate::model::attribute::Extensions;
use crate::model::lifecycle::Condition;
use crate::model::network::{Ipam as ModelIpam, Network};
use crate::model::service::{ModelReferences, Provider, PullPolicy, Service};
use crate::model::storage::{FileReference, Mount, MountType, Volume};
use crate::project::hash::{digest, network_hash_input, service_hash_input, volume_hash_input};
use crate::project::{Contents, Project, profile_file};
use crate::topology::Topology;

/// What a project wants of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The project's name.
    pub project: String,
    /// The networks, by name.
    pub networks: Vec<DesiredNetwork>,
    /// The volumes, by name.
    pub volumes: Vec<DesiredVolume>,
    /// The services, each after those it depends on.
    pub services: Vec<DesiredService>,
    /// The services that a program outside the engine provides.
    pub provided: BTreeMap<String, Provider>,
    /// The models that services use, by service: a model runner gives them their variables.
    pub models: BTreeMap<String, ModelReferences>,
    /// The compose files, absolute.
    pub files: Vec<String>,
    /// Services of the file that do not run; their containers are no orphans.
    pub disabled: Vec<String>,
}

/// A network that the project uses.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredNetwork {
    /// Its key in the file.
    pub key: String,
    /// Its name in the engine.
    pub name: String,
    /// Whether it is managed elsewhere.
    pub external: bool,
    /// The request that creates it.
    pub request: NetworkCreateRequest,
    /// Its config hash.
    pub hash: String,
}

/// A volume that the project uses.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredVolume {
    /// Its key in the file.
    pub key: String,
    /// Its name in the engine.
    pub name: String,
    /// Whether it is managed elsewhere.
    pub external: bool,
    /// The request that creates it.
    pub request: VolumeCreateRequest,
    /// Its config hash.
    pub hash: String,
}

/// A service that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredService {
    /// Its name.
    pub name: String,
    /// The image it runs.
    pub image: String,
    /// How to build the image, if it is built.
    pub build: Option<Build>,
    /// Whether the file names the image, so that a registry may have it.
    pub is_image_named: bool,
    /// When to pull the image.
    pub pull_policy: Option<PullPolicy>,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// Its containers, by number.
    pub containers: Vec<DesiredContainer>,
    /// What it waits for.
    pub dependencies: Vec<Waiting>,
    /// Services whose namespaces or volumes it shares: their first containers must exist before its own do.
    pub shares: Vec<String>,
    /// The networks it joins, by their names in the engine.
    pub networks: Vec<String>,
    /// The volumes it mounts, by their names in the engine.
    pub volumes: Vec<String>,
    /// Whether someone waits for it to end: it is a task, and done once it has succeeded.
    pub is_task: bool,
    /// Whether it has a health check of its own.
    pub has_healthcheck: bool,
    /// The commands that run in its containers at turns of their life.
    pub hooks: Hooks,
    /// How its containers are replaced; all at once if `None`.
    pub update: Option<Update>,
    /// How a failed update is undone.
    pub rollback: Option<Update>,
    /// Whether an attached `up` shows its log.
    pub attach: bool,
}

/// A container that the project wants.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredContainer {
    /// Its number, from 1.
    pub number: u32,
    /// The request that creates it, and what it is hashed from.
    pub create: Create,
    /// The networks that must be joined by calls of their own.
    pub later: Vec<container::Endpoint>,
    /// Files that are copied in before it starts.
    pub files: Vec<File>,
}

/// What a service waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The other service.
    pub service: String,
    /// How far it must be.
    pub condition: super::Condition,
    /// Whether the service is restarted when the other one is replaced.
    pub restart: bool,
    /// Whether it must not start otherwise.
    pub required: bool,
}

impl Desired {
    /// Says what the project wants of an engine that speaks `api`. What cannot be honoured is reported; `start` says
    /// whether the containers are to run.
    pub fn new(
        project: &Project,
        topology: &Topology,
        contents: &Contents,
        api: (u32, u32),
        start: bool,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        refuse::report(project, api, diagnostics);
        let service = |name: &String| {
            // What a program provides has no container.
            let service = project.services.get(name).filter(|service| service.provider.is_none())?;
            let service = as_hashed(project, service);
            let mut wanted = desired_service(project, topology, contents, api, name, &service);
            // What a container reads is settled when it starts; one that is only created has not read anything.
            if let Some(read) = super::contents::label(project, contents, &service).filter(|_| start) {
                for container in &mut wanted.containers {
                    let labels = container.create.body.labels.get_or_insert_default();
                    labels.insert(labels::CONTENTS.to_owned(), read.clone());
                }
            }
            Some(wanted)
        };
        Self {
            project: project.name.clone(),
            networks: project
                .networks
                .iter()
                .map(|(key, network)| desired_network(project, key, network))
                .collect(),
            volumes: project
                .volumes
                .iter()
                .map(|(key, volume)| desired_volume(project, key, volume))
                .collect(),
            services: topology.start_order().iter().filter_map(service).collect(),
            provided: project
                .services
                .iter()
                .filter_map(|(name, service)| Some((name.clone(), service.provider.clone()?)))
                .collect(),
            models: project
                .services
                .iter()
                .filter(|(_, service)| !service.models.0.is_empty())
                .map(|(name, service)| (name.clone(), service.models.clone()))
                .collect(),
            files: project.files.iter().map(|file| file.to_string_lossy().into_owned()).collect(),
            disabled: project.disabled.keys().cloned().collect(),
        }
    }

    /// Returns the image references that matter, each once.
    pub fn images(&self) -> Vec<String> {
        let of_hooks = self.services.iter().flat_map(|service| &service.hooks.before_start);
        let of_hooks = of_hooks.filter_map(|before| before.image.clone());
        let mut images: Vec<String> =
            self.services.iter().map(|service| service.image.clone()).chain(of_hooks).collect();
        images.sort();
        images.dedup();
        images
    }

    /// Returns what the plans surely build, with the service that it is built for. What may be pulled instead is not
    /// sure.
    pub fn builds_in<'a>(&'a self, plans: &[&'a Plan]) -> Vec<(&'a str, &'a Build)> {
        let steps = || plans.iter().flat_map(|plan| &plan.steps);
        let may_be_pulled = |image: &str| {
            steps().any(|step| matches!(&step.op, Op::PullImage { image: pulled, .. } if pulled == image))
        };
        let builds = steps().filter_map(|step| match &step.op {
            Op::BuildImage(build) if !may_be_pulled(&build.image) => Some(&**build),
            _ => None,
        });
        let of_service = |build: &'a Build| {
            let service = self.services.iter().find(|one| one.build.as_ref() == Some(build))?;
            Some((service.name.as_str(), build))
        };
        builds.filter_map(of_service).collect()
    }

    /// Returns the images whose age matters: they are pulled anew when they are old.
    pub fn aging_images(&self) -> Vec<String> {
        let ages = |service: &&DesiredService| {
            service.pull_policy.as_ref().is_some_and(|policy| policy.refreshed_after().is_some())
        };
        let mut images: Vec<String> =
            self.services.iter().filter(ages).map(|service| service.image.clone()).collect();
        images.sort();
        images.dedup();
        images
    }

    /// Returns the names of networks that must be there already.
    pub fn external_networks(&self) -> Vec<String> {
        self.networks.iter().filter(|network| network.external).map(|network| network.name.clone()).collect()
    }

    /// Returns the names of volumes that must be there already.
    pub fn external_volumes(&self) -> Vec<String> {
        self.volumes.iter().filter(|volume| volume.external).map(|volume| volume.name.clone()).collect()
    }

    /// Returns whether a network needs a Swarm.
    pub fn needs_swarm(&self) -> bool {
        let is_overlay = |network: &DesiredNetwork| network.request.driver.as_deref() == Some("overlay");
        self.networks.iter().any(|network| !network.external && is_overlay(network))
    }

    /// Returns the hooks of the services, by name.
    pub fn hooks(&self) -> BTreeMap<String, Hooks> {
        self.services.iter().map(|service| (service.name.clone(), service.hooks.clone())).collect()
    }

    /// Returns the same of these services alone, and with `dependents` also of those that are to be restarted with
    /// them. What is left of the others is not touched.
    pub fn only(&self, services: &[String], dependents: bool) -> Self {
        let mut desired = self.clone();
        let members = Members::of_desired(self);
        let kept = if dependents { members.with_restarted(services) } else { members.only(services) };
        let (kept, others) =
            desired.services.into_iter().partition(|service| kept.get(&service.name).is_some());
        desired.services = kept;
        let others: Vec<DesiredService> = others;
        desired.disabled.extend(others.into_iter().map(|service| service.name));
        desired
    }

    /// Returns a service.
    pub fn service(&self, name: &str) -> Option<&DesiredService> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// Where `use_api_socket` finds the engine's socket.
const API_SOCKET: &str = "/var/run/docker.sock";

/// Writes `use_api_socket` out, and the platform of what is built, as docker compose does before it hashes a service.
fn as_hashed<'a>(project: &Project, service: &'a Service) -> Cow<'a, Service> {
    let mut service = Cow::Borrowed(service);
    if service.build.is_some() && project.platform_of(&service) != service.platform {
        service.to_mut().platform = project.platform_of(&service);
    }
    if service.use_api_socket {
        mount_api_socket(service.to_mut());
    }
    service
}

fn mount_api_socket(service: &mut Service) {
    service.volumes.0.push(Mount {
        kind: MountType::Bind,
        source: Some(API_SOCKET.to_owned()),
        target: Some(API_SOCKET.to_owned()),
        read_only: false,
        consistency: None,
        bind: None,
        volume: None,
        tmpfs: None,
        image: None,
        extensions: Extensions::new(),
    });
    let directory = Some("/run/secrets/docker".to_owned());
    service.environment.0.entry("DOCKER_CONFIG".to_owned()).or_insert(directory);
}

fn resource_labels(
    own: &BTreeMap<String, String>,
    project: &Project,
    kind: &str,
    key: &str,
    hash: &str,
) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = own.clone().into_iter().collect();
    labels.insert(kind.to_owned(), key.to_owned());
    labels.insert(labels::PROJECT.to_owned(), project.name.clone());
    labels.insert(labels::VERSION.to_owned(), labels::COMPOSE_VERSION.to_owned());
    labels.insert(labels::CONFIG_HASH.to_owned(), hash.to_owned());
    labels
}

fn text_map(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}

fn desired_network(project: &Project, key: &str, network: &Network) -> DesiredNetwork {
    let Network {
        name,
        driver,
        driver_opts,
        ipam,
        external,
        internal,
        attachable,
        labels: own,
        enable_ipv4,
        enable_ipv6,
        extensions: _,
    } = network;
    let hash = digest(network_hash_input(network));
    let name = name.clone().unwrap_or_else(|| key.to_owned());
    let request = NetworkCreateRequest {
        name: name.clone(),
        driver: driver.clone(),
        internal: internal.then_some(true),
        attachable: attachable.then_some(true),
        ipam: ipam.as_ref().and_then(engine_ipam),
        enable_ipv4: *enable_ipv4,
        enable_ipv6: *enable_ipv6,
        options: text_map(&driver_opts.0),
        labels: Some(resource_labels(&own.0, project, labels::NETWORK, key, &hash)),
        ..NetworkCreateRequest::default()
    };
    DesiredNetwork { key: key.to_owned(), name, external: external.is, request, hash }
}

fn engine_ipam(ipam: &ModelIpam) -> Option<Ipam> {
    let ModelIpam { driver, config, options, extensions: _ } = ipam;
    let pools: Vec<IpamConfig> = config
        .0
        .iter()
        .map(|pool| IpamConfig {
            subnet: pool.subnet.clone(),
            ip_range: pool.ip_range.clone(),
            gateway: pool.gateway.clone(),
            auxiliary_addresses: text_map(&pool.aux_addresses),
        })
        .collect();
    let options = text_map(&options.0);
    if driver.is_none() && pools.is_empty() && options.is_none() {
        return None;
    }
    Some(Ipam { driver: driver.clone(), config: (!pools.is_empty()).then_some(pools), options })
}

fn desired_volume(project: &Project, key: &str, volume: &Volume) -> DesiredVolume {
    let Volume { name, driver, driver_opts, external, labels: own, x_topo: _, extensions: _ } = volume;
    let hash = digest(volume_hash_input(volume));
    let name = name.clone().unwrap_or_else(|| key.to_owned());
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        driver: driver.clone(),
        driver_opts: text_map(&driver_opts.0),
        labels: Some(resource_labels(&own.0, project, labels::VOLUME, key, &hash)),
        ..VolumeCreateRequest::default()
    };
    DesiredVolume { key: key.to_owned(), name, external: external.is, request, hash }
}

fn desired_service(
    project: &Project,
    topology: &Topology,
    contents: &Contents,
    api: (u32, u32),
    name: &str,
    service: &Service,
) -> DesiredService {
    let first_container = |other: &str| {
        let service = project.services.get(other).or_else(|| project.disabled.get(other));
        let name = service.map(|service| container_name(project, other, service, 1));
        container_id_of(&name.unwrap_or_else(|| other.to_owned()))
    };
    let hash_input = service_hash_input(service, Some(&first_container));
    let files = files(project, contents, service);
    let container = |number: u32| {
        let container::Container { mut body, later } =
            container::container(project, name, service, number, api);
        let options = body.host_config.iter_mut().flat_map(|host| host.security_opt.iter_mut().flatten());
        for option in options {
            let profile = profile_file(option).and_then(|file| contents.profiles.get(file));
            if let Some(profile) = profile {
                *option = format!("seccomp={profile}");
            }
        }
        if let Some(labels) = &mut body.labels {
            labels.insert(labels::CONFIG_HASH.to_owned(), digest(&hash_input));
        }
        let create = Create {
            name: container_name(project, name, service, number),
            body,
            platform: project.platform_of(service),
            hash_input: hash_input.clone(),
        };
        DesiredContainer { number, create, later, files: files.clone() }
    };
    let mut shares: Vec<String> = [&service.network_mode, &service.ipc, &service.pid]
        .into_iter()
        .flatten()
        .filter_map(|mode| mode.strip_prefix("service:"))
        .chain(service.volumes_from.0.iter().map(|from| from.split(':').next().unwrap_or(from)))
        .filter(|other| project.services.contains_key(*other))
        .map(str::to_owned)
        .collect();
    shares.sort();
    shares.dedup();
    let is_awaited_to_end = |dependent: &str| {
        let how = project.services.get(dependent).and_then(|service| service.depends_on.0.get(name));
        how.is_some_and(|how| how.condition == Condition::CompletedSuccessfully)
    };
    let deploy = service.deploy.as_ref();
    DesiredService {
        name: name.to_owned(),
        image: project.image_of(name, service),
        build: Build::of(project, contents, name, service),
        is_image_named: service.image.is_some(),
        pull_policy: service.pull_policy.clone(),
        platform: project.platform_of(service),
        containers: (1..=containers(service)).map(container).collect(),
        dependencies: service
            .depends_on
            .0
            .iter()
            .filter(|(other, _)| project.services.get(*other).is_some_and(|other| other.provider.is_none()))
            .map(|(other, how)| Waiting {
                service: other.clone(),
                condition: match how.condition {
                    Condition::Started => super::Condition::Started,
                    Condition::Healthy => super::Condition::Healthy,
                    Condition::CompletedSuccessfully => super::Condition::CompletedSuccessfully,
                },
                restart: how.restart,
                required: how.is_required(),
            })
            .collect(),
        shares,
        networks: networks(project, service).map(|(key, _)| project.network_name(key).to_owned()).collect(),
        volumes: service
            .volumes
            .0
            .iter()
            .filter(|mount| mount.kind == crate::model::storage::MountType::Volume)
            .filter_map(|mount| mount.source.as_deref())
            .map(|key| project.volume_name(key).to_owned())
            .collect(),
        is_task: topology.dependents(name).into_iter().any(is_awaited_to_end),
        has_healthcheck: service.healthcheck.as_ref().is_some_and(|check| {
            let is_none = |test: &crate::model::lifecycle::HealthTest| {
                test.0.first().is_some_and(|word| word == "NONE")
            };
            !check.disable && check.test.as_ref().is_none_or(|test| !is_none(test))
        }),
        hooks: super::hooks::of_service(service),
        update: deploy.and_then(|deploy| deploy.update_config.as_ref()).map(update),
        rollback: deploy.and_then(|deploy| deploy.rollback_config.as_ref()).map(update),
        attach: service.attach != Some(false),
    }
}

/// Configs and secrets whose content is text: files of the host are mounted instead.
fn files(project: &Project, contents: &Contents, service: &Service) -> Vec<File> {
    let mut files = Vec::new();
    let mut add = |reference: &FileReference, content: Option<&Vec<u8>>, root: &str| {
        let Some(content) = content else { return };
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok()).unwrap_or(0);
        files.push(File {
            path: reference_target(reference, root),
            content: content.clone(),
            mode: reference.mode.map_or(0o444, |mode| mode.0),
            uid: number(&reference.uid),
            gid: number(&reference.gid),
        });
    };
    for reference in &service.configs.0 {
        let is_file = project.configs.get(&reference.source).is_some_and(|config| config.file.is_some());
        let content = contents.configs.get(&reference.source).filter(|_| !is_file);
        add(reference, content, "/");
    }
    for reference in &service.secrets.0 {
        let is_file = project.secrets.get(&reference.source).is_some_and(|secret| secret.file.is_some());
        let content = contents.secrets.get(&reference.source).filter(|_| !is_file);
        add(reference, content, "/run/secrets/");
    }
    files
}
