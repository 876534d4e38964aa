//! What `down` and a stop do: take the project's containers down in reverse order, then what is left of it.
//!
//! It needs no compose file: the labels say which service depends on which.

use std::collections::{BTreeMap, BTreeSet};

use super::{Op, Plan, StepId, Subject, labels};
use crate::observed::{Container, Observed};
use crate::project::Project;

/// How `down` is asked to go about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownOptions {
    /// Remove named and anonymous volumes too.
    pub volumes: bool,
    /// Remove containers of services that the file does not have, and those that `run` made.
    pub remove_orphans: bool,
    /// The services to take down; empty for all.
    pub services: Vec<String>,
    /// What the file has; `None` without a file, when all that bears the project's name counts.
    pub file: Option<InFile>,
    /// The images to remove, see [`super::images::removable`].
    pub images: Vec<String>,
    /// Seconds before a container that does not end is killed, in place of its own grace period.
    pub timeout: Option<i32>,
}

/// What a file has, by the names in the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFile {
    /// The services that run.
    pub services: BTreeSet<String>,
    /// The services that do not, because of their profiles.
    pub disabled: BTreeSet<String>,
    /// The networks that are managed elsewhere.
    pub external_networks: BTreeSet<String>,
    /// The project's own volumes.
    pub volumes: BTreeSet<String>,
}

impl InFile {
    /// Reads off a project what `down` needs to know of it.
    pub fn of(project: &Project) -> Self {
        let networks = project.networks.iter().filter(|(_, network)| network.external.is);
        let volumes = project.volumes.iter().filter(|(_, volume)| !volume.external.is);
        Self {
            services: project.services.keys().cloned().collect(),
            disabled: project.disabled.keys().cloned().collect(),
            external_networks: networks.map(|(key, _)| project.network_name(key).to_owned()).collect(),
            volumes: volumes.map(|(key, _)| project.volume_name(key).to_owned()).collect(),
        }
    }
}

/// Why a container is left alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Going,
    NotNamed,
    Inactive,
    OneOff,
    Orphan,
}

fn kind(container: &Container, options: &DownOptions) -> Kind {
    let is_named = options.services.contains(&container.service);
    let is_in = |services: fn(&InFile) -> &BTreeSet<String>| {
        options.file.as_ref().map(|file| services(file).contains(&container.service))
    };
    let (enabled, disabled) = (is_in(|file| &file.services), is_in(|file| &file.disabled));
    match (enabled, disabled) {
        (Some(false), Some(false)) => Kind::Orphan,
        _ if !options.services.is_empty() && !is_named => Kind::NotNamed,
        (_, Some(true)) if !is_named => Kind::Inactive,
        _ if container.oneoff => Kind::OneOff,
        _ => Kind::Going,
    }
}

/// Plans to stop and remove the project, or some of its services.
pub fn down(project: &str, observed: &Observed, options: &DownOptions) -> Plan {
    let mut plan = Plan::default();
    let goes = |kind: Kind| match kind {
        Kind::Going => true,
        Kind::OneOff | Kind::Orphan => options.remove_orphans,
        Kind::NotNamed | Kind::Inactive => false,
    };
    let (going, left): (Vec<&Container>, Vec<&Container>) =
        observed.containers.iter().partition(|container| goes(kind(container, options)));
    let cause = if options.services.is_empty() { "the project goes down" } else { "its service goes down" };
    let stopped = stop_in_reverse(&mut plan, &going, options.timeout, cause);
    let mut removed = Vec::new();
    for container in &going {
        // As in docker compose, what an orphan holds is not lost with those of the file.
        let volumes = options.volumes && kind(container, options) != Kind::Orphan;
        let op = Op::RemoveContainer { container: container.id.clone(), volumes };
        let subject = Subject::Container(container.name.clone());
        let after = stopped.get(container.id.as_str()).copied().into_iter().collect();
        removed.push(plan.push(op, subject, cause, after));
    }
    note_left(&mut plan, &left, options);
    let mut planner = Resources { plan, project, observed, options, left: &left, removed: &removed };
    planner.networks();
    planner.images();
    planner.volumes();
    planner.plan
}

/// Says which containers stay, and what removes them.
fn note_left(plan: &mut Plan, left: &[&Container], options: &DownOptions) {
    for (wanted, why, how) in [
        (Kind::Orphan, "their services are not in the file", "`--remove-orphans` removes them"),
        (Kind::OneOff, "`run` made them", "`--remove-orphans` removes them"),
        (Kind::Inactive, "their profiles are not active", "name them, or activate a profile"),
    ] {
        let names: Vec<&str> = left
            .iter()
            .filter(|container| kind(container, options) == wanted)
            .map(|container| container.name.as_str())
            .collect();
        if !names.is_empty() {
            plan.notes.push(format!("left alone, since {why}: {}; {how}", names.join(", ")));
        }
    }
}

struct Resources<'a> {
    plan: Plan,
    project: &'a str,
    observed: &'a Observed,
    options: &'a DownOptions,
    /// The containers that stay.
    left: &'a [&'a Container],
    /// The steps that remove the others.
    removed: &'a [StepId],
}

impl Resources<'_> {
    fn networks(&mut self) {
        let (observed, project) = (self.observed, self.project);
        for network in observed.networks.iter().filter(|network| is_own(project, &network.labels)) {
            let file = self.options.file.as_ref();
            // The project made it, and now says that someone else looks after it.
            if file.is_some_and(|file| file.external_networks.contains(&network.name)) {
                continue;
            }
            let is_used = |one: &&&Container| one.networks.iter().any(|(_, id)| *id == network.id);
            if let Some(user) = self.left.iter().find(is_used) {
                self.plan.notes.push(format!("network {} is kept: {} uses it", network.name, user.name));
                continue;
            }
            let op = Op::RemoveNetwork { id: network.id.clone() };
            self.push(op, Subject::Network(network.name.clone()), "the project goes down");
        }
    }

    fn images(&mut self) {
        for image in &self.options.images {
            let op = Op::RemoveImage { image: image.clone() };
            self.push(op, Subject::Image(image.clone()), "`--rmi` was given");
        }
    }

    fn volumes(&mut self) {
        if !self.options.volumes {
            return;
        }
        let observed = self.observed;
        for volume in &observed.volumes {
            let is_wanted = match &self.options.file {
                Some(file) => file.volumes.contains(&volume.name),
                None => is_own(self.project, &volume.labels),
            };
            if !is_wanted {
                continue;
            }
            let name = &volume.name;
            if let Some(other) = volume.labels.get(labels::PROJECT).filter(|other| *other != self.project) {
                self.plan.notes.push(format!("volume {name} is kept: it belongs to project {other}"));
                continue;
            }
            let is_used = |one: &&&Container| one.mounts.iter().any(|mount| mount.volume == *name);
            if let Some(user) = self.left.iter().find(is_used) {
                self.plan.notes.push(format!("volume {name} is kept: {} uses it", user.name));
                continue;
            }
            let op = Op::RemoveVolume { name: name.clone() };
            let step = self.push(op, Subject::Volume(name.clone()), "`--volumes` was given");
            self.plan.steps[step].destructive = true;
        }
    }

    fn push(&mut self, op: Op, subject: Subject, cause: &str) -> StepId {
        let step = self.plan.push(op, subject, cause, self.removed.to_vec());
        // Containers of others may use it, too.
        self.plan.steps[step].if_unused = true;
        step
    }
}

fn is_own(project: &str, own: &BTreeMap<String, String>) -> bool {
    own.get(labels::PROJECT).is_some_and(|name| name == project)
}

/// Plans to stop the project's running containers, each after those that depend on it.
pub fn stop(observed: &Observed, wanted: impl Fn(&Container) -> bool, timeout: Option<i32>) -> Plan {
    let mut plan = Plan::default();
    let chosen: Vec<&Container> =
        observed.containers.iter().filter(|container| !container.oneoff && wanted(container)).collect();
    stop_in_reverse(&mut plan, &chosen, timeout, "a stop was asked for");
    plan
}

/// Stops what runs; returns the step for each container's ID.
pub(super) fn stop_in_reverse<'a>(
    plan: &mut Plan,
    containers: &[&'a Container],
    timeout: Option<i32>,
    cause: &str,
) -> BTreeMap<&'a str, StepId> {
    let mut dependents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in containers {
        let depends_on = container.labels.get(labels::DEPENDS_ON).map_or("", String::as_str);
        for dependency in depends_on.split(',').filter_map(|one| one.split(':').next()) {
            if !dependency.is_empty() {
                dependents.entry(dependency).or_default().insert(&container.service);
            }
        }
    }
    let mut by_service: BTreeMap<&str, Vec<&'a Container>> = BTreeMap::new();
    for container in containers {
        by_service.entry(&container.service).or_default().push(container);
    }
    let mut stops = Stops {
        plan,
        dependents,
        by_service,
        timeout,
        cause,
        of_service: BTreeMap::new(),
        steps: BTreeMap::new(),
    };
    let services: Vec<&str> = stops.by_service.keys().copied().collect();
    for service in services {
        stops.service(service);
    }
    stops.steps
}

struct Stops<'p, 'a, 's> {
    plan: &'p mut Plan,
    dependents: BTreeMap<&'s str, BTreeSet<&'s str>>,
    by_service: BTreeMap<&'s str, Vec<&'a Container>>,
    timeout: Option<i32>,
    cause: &'s str,
    /// The steps of services that were visited; those under way have none yet, which ends any cycle.
    of_service: BTreeMap<&'s str, Vec<StepId>>,
    steps: BTreeMap<&'a str, StepId>,
}

impl<'s> Stops<'_, '_, 's> {
    /// Stops a service after its dependents. An explicit stack: a chain may be long.
    fn service(&mut self, first: &'s str) {
        let mut stack = vec![(first, false)];
        while let Some((service, dependents_done)) = stack.pop() {
            if dependents_done {
                self.stop(service);
                continue;
            }
            if self.of_service.contains_key(service) {
                continue;
            }
            self.of_service.insert(service, Vec::new());
            stack.push((service, true));
            stack.extend(self.dependents.get(service).into_iter().flatten().map(|name| (*name, false)));
        }
    }

    fn stop(&mut self, service: &'s str) {
        let dependents = self.dependents.get(service).into_iter().flatten();
        let after: Vec<StepId> =
            dependents.filter_map(|name| self.of_service.get(name)).flatten().copied().collect();
        let mut own = Vec::new();
        for container in self.by_service.get(service).into_iter().flatten() {
            if !container.state.is_alive() {
                continue;
            }
            let op = Op::Stop { container: container.id.clone(), timeout: self.timeout };
            let step =
                self.plan.push(op, Subject::Container(container.name.clone()), self.cause, after.clone());
            self.steps.insert(&container.id, step);
            own.push(step);
        }
        // Who depends on a service that does not run waits for what that one waits for.
        self.of_service.insert(service, if own.is_empty() { after } else { own });
    }
}
