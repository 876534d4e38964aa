//! What `up` does: the difference between what the project wants and what the engine has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

pub use super::impossible::Impossible;
pub use super::refresh::refresh;

use super::changes::CHANGED;
use super::contents;
use super::desired::{Desired, DesiredContainer, DesiredService};
use super::impossible::impossible;
use super::judge::{is_replacement, runs};
use super::questions::Question;
use super::refresh::fetch;
use super::shared::without_twins;
use super::update::Replacing;
use super::{Condition, Known, Op, Plan, StepId, Subject};
use crate::observed::{Container, Health, Observed, State};

/// How `up` is asked to go about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpOptions {
    /// Start containers; otherwise only create them.
    pub start: bool,
    /// Replace the containers of the named services although nothing changed.
    pub force_recreate: bool,
    /// Replace the containers of those that the named services depend on although nothing changed.
    pub recreate_dependencies: bool,
    /// Leave containers as they are although something changed.
    pub no_recreate: bool,
    /// Replace the containers of the named services, and hand no anonymous volumes on.
    pub renew_anonymous_volumes: bool,
    /// Run tasks again that have succeeded and did not change.
    pub rerun_tasks: bool,
    /// Build images although they are there.
    pub build: bool,
    /// Never build.
    pub no_build: bool,
    /// Overrides `pull_policy`.
    pub pull: Option<String>,
    /// Remove containers of services that the file does not have.
    pub remove_orphans: bool,
    /// Do not speak of containers of services that the file does not have.
    pub ignore_orphans: bool,
    /// Wait until all services run, and are healthy where they have a health check.
    pub wait: bool,
    /// How long each wait may take; as long as it takes if `None`.
    pub patience: Option<Duration>,
    /// Seconds before a container that does not end is killed, in place of its own grace period.
    pub timeout: Option<i32>,
    /// The services that the user named; empty for all. What is desired has been narrowed to them, and to what they
    /// depend on, when the project was resolved.
    pub selected: Vec<String>,
    /// What the user agreed to, of [`questions`](super::questions::questions).
    pub agreed: BTreeSet<Question>,
}

impl UpOptions {
    fn names(&self, service: &str) -> bool {
        self.selected.is_empty() || self.selected.iter().any(|name| name == service)
    }

    /// The option, if any, by which a service's containers are replaced although nothing changed.
    fn forces(&self, service: &str) -> Option<&'static str> {
        match self.names(service) {
            true if self.force_recreate => Some("`--force-recreate`"),
            true if self.renew_anonymous_volumes => Some("`--renew-anon-volumes`"),
            false if self.recreate_dependencies => Some("`--always-recreate-deps`"),
            _ => None,
        }
    }
}

/// Plans to bring the project up. What cannot work is an error, in words for the user.
pub fn up(desired: &Desired, observed: &Observed, options: &UpOptions) -> Result<Plan, Vec<Impossible>> {
    up_and(desired, None, observed, options)
}

/// The same, and to create the container of one command.
pub(super) fn up_and(
    desired: &Desired,
    one_off: Option<&DesiredService>,
    observed: &Observed,
    options: &UpOptions,
) -> Result<Plan, Vec<Impossible>> {
    let (observed, twins) = &without_twins(desired, observed);
    let observed: &Observed = observed;
    let impossible = impossible(desired, observed);
    if !impossible.is_empty() {
        return Err(impossible);
    }
    let mut planner = Planner {
        desired,
        observed,
        options,
        plan: Plan { patience: options.patience, ..Plan::default() },
        images: HashMap::new(),
        networks: HashMap::new(),
        volumes: HashMap::new(),
        remade: BTreeSet::new(),
        removed: BTreeMap::new(),
        existing: existing(observed),
        known: Known {
            containers: observed.containers.iter().map(|one| (one.name.clone(), one.id.clone())).collect(),
            images: HashMap::new(),
        },
        services: BTreeMap::new(),
        waits: HashMap::new(),
    };
    planner.twins(twins);
    planner.orphans();
    planner.volumes();
    planner.services();
    if let Some(service) = one_off {
        planner.one_off(service);
    }
    Ok(planner.plan)
}

/// The containers of each service, by number.
fn existing(observed: &Observed) -> BTreeMap<&str, Vec<&Container>> {
    let mut existing: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in observed.containers.iter().filter(|container| !container.oneoff) {
        existing.entry(&container.service).or_default().push(container);
    }
    for containers in existing.values_mut() {
        containers.sort_by(|one, other| (one.number, &one.name).cmp(&(other.number, &other.name)));
    }
    existing
}

/// What the plan makes of a service.
#[derive(Default)]
pub(super) struct Planned {
    /// Its containers' final names.
    pub(super) names: Vec<String>,
    /// The steps after which its containers exist.
    pub(super) created: Vec<StepId>,
    /// The steps after which its containers have been told to start.
    pub(super) started: Vec<StepId>,
    /// Whether one of its containers is replaced, so that those who share with it must be too.
    pub(super) is_replaced: bool,
    /// The steps after which all has run that runs once before the service starts.
    pub(super) prepared: Option<Vec<StepId>>,
    /// Containers that the plan leaves alone.
    pub(super) untouched: BTreeSet<String>,
}

pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) options: &'a UpOptions,
    pub(super) plan: Plan,
    images: HashMap<&'a str, Option<StepId>>,
    pub(super) networks: HashMap<&'a str, Vec<StepId>>,
    pub(super) volumes: HashMap<&'a str, StepId>,
    /// The volumes that are made anew.
    pub(super) remade: BTreeSet<&'a str>,
    /// The containers that go for that, by ID, with the steps that remove them.
    pub(super) removed: BTreeMap<&'a str, StepId>,
    pub(super) existing: BTreeMap<&'a str, Vec<&'a Container>>,
    /// The IDs that hashes are taken over.
    known: Known,
    pub(super) services: BTreeMap<&'a str, Planned>,
    waits: HashMap<(String, Condition), StepId>,
}

/// What is to become of a container.
pub(super) enum Fate<'a> {
    Create(String),
    Replace(&'a Container, String),
    Keep(&'a Container),
}

impl<'a> Planner<'a> {
    fn services(&mut self) {
        let desired = self.desired;
        let changed: BTreeSet<&str> = desired
            .networks
            .iter()
            .filter(|network| !network.external)
            .filter(|network| {
                let there = self.observed.network(&network.name);
                let hash = there.and_then(|there| there.labels.get(super::labels::CONFIG_HASH));
                hash.is_some_and(|hash| *hash != network.hash)
            })
            .map(|network| network.name.as_str())
            .collect();
        self.networks(&changed);
        for service in &desired.services {
            self.service(service, &changed);
        }
        if self.options.wait && self.options.start {
            for service in &desired.services {
                let condition = if service.has_healthcheck { Condition::Healthy } else { Condition::STEADY };
                let condition = if service.is_task { Condition::CompletedSuccessfully } else { condition };
                self.satisfied(&service.name, condition, true, "`--wait`");
            }
        }
    }

    /// A task that has succeeded, unchanged, is not run again.
    pub(super) fn is_done(&self, service: &DesiredService, container: &Container) -> bool {
        service.is_task && container.state == State::Exited(Some(0)) && !self.options.rerun_tasks
    }

    /// The step after which the image is there, if it is not already.
    pub(super) fn image(&mut self, service: &'a DesiredService) -> Option<StepId> {
        if let Some(step) = self.images.get(service.image.as_str()) {
            return *step;
        }
        // One that is there and may be outdated is the business of `refresh`, which comes first.
        // So that services that are built with each other come to an end.
        self.images.insert(&service.image, None);
        let is_there = self.observed.images.contains_key(&service.image);
        let step = if is_there {
            None
        } else {
            let desired = self.desired;
            let others = service.build.iter().flat_map(super::Build::built_with);
            let others: Vec<_> = others.filter_map(|other| desired.service(other)).collect();
            let after = others.into_iter().filter_map(|other| self.image(other)).collect();
            fetch(&mut self.plan, service, self.options, after)
        };
        self.images.insert(&service.image, step);
        step
    }

    fn service(&mut self, service: &'a DesiredService, changed_networks: &BTreeSet<&str>) {
        let image = self.image(service);
        let existing = self.existing.get(service.name.as_str()).cloned().unwrap_or_default();
        let (existing, cleared) = self.clear_leftovers(&existing);
        let fates = self.fates(service, &existing, changed_networks);
        let surplus = existing.iter().filter(|container| {
            !fates.iter().any(|(fate, _)| matches!(fate, Fate::Keep(kept) | Fate::Replace(kept, _) if kept.id == container.id))
        });
        for container in surplus {
            self.remove(container, "the service has fewer containers now");
        }
        // The names of leftovers are needed again.
        let mut needs: Vec<StepId> = image.into_iter().chain(cleared).collect();
        needs.extend(service.volumes.iter().filter_map(|name| self.volumes.get(name.as_str())));
        needs.extend(service.networks.iter().filter_map(|name| self.networks.get(name.as_str())).flatten());
        for other in &service.shares {
            needs.extend(self.services.get(other.as_str()).iter().flat_map(|planned| planned.created.iter()));
        }
        let ready = self.dependencies(service, &fates);
        let is_replaced = service.volumes.iter().any(|name| self.is_remade(name));
        let mut planned = Planned { is_replaced, ..Planned::default() };
        let mut updated = Vec::new();
        for (fate, wanted) in fates {
            planned.names.push(match &fate {
                Fate::Keep(container) if !is_replacement(container) => container.name.clone(),
                _ => wanted.create.name.clone(),
            });
            match fate {
                Fate::Replace(old, cause) if service.update.is_some() && self.options.start => {
                    updated.push(Replacing { old, wanted, cause });
                }
                fate => self.container(service, fate, wanted, &needs, &ready, &mut planned),
            }
        }
        if let Some(update) = service.update.as_ref().filter(|_| !updated.is_empty()) {
            self.update(service, update, &updated, &needs, &ready, &mut planned);
        }
        self.services.insert(&service.name, planned);
    }

    fn is_remade(&self, volume: &str) -> bool {
        self.remade.contains(volume)
    }

    /// Removes replacements that were interrupted before the old container was gone. One whose old container is
    /// gone takes its place.
    fn clear_leftovers(&mut self, existing: &[&'a Container]) -> (Vec<&'a Container>, Vec<StepId>) {
        let (kept, superfluous): (Vec<_>, Vec<_>) = existing.iter().partition(|container| {
            let rival = |other: &&&Container| other.number == container.number && !is_replacement(other);
            !is_replacement(container) || !existing.iter().any(|other| rival(&other))
        });
        let cause = "an interrupted replacement left it behind";
        let cleared = superfluous.into_iter().map(|container| self.remove(container, cause)).collect();
        (kept, cleared)
    }

    /// Decides on each container that the service should have.
    fn fates(
        &self,
        service: &'a DesiredService,
        existing: &[&'a Container],
        changed_networks: &BTreeSet<&str>,
    ) -> Vec<(Fate<'a>, &'a DesiredContainer)> {
        let mut left: Vec<&Container> = existing.to_vec();
        let mut fates = Vec::new();
        for wanted in &service.containers {
            let same_number = left.iter().position(|container| container.number == wanted.number);
            // A container that lacks one of the numbers is as good.
            let found = same_number.or_else(|| {
                let taken = |container: &&Container| {
                    service.containers.iter().any(|other| other.number == container.number)
                };
                left.iter().position(|container| !taken(container))
            });
            let fate = match found.map(|at| left.remove(at)) {
                None => Fate::Create(match service.volumes.iter().find(|name| self.is_remade(name)) {
                    Some(volume) => format!("volume {volume} is made anew"),
                    None => "not there yet".to_owned(),
                }),
                Some(container) => {
                    match self.reason_to_replace(service, wanted, container, changed_networks) {
                        Some(reason) if !self.options.no_recreate => Fate::Replace(container, reason),
                        _ => Fate::Keep(container),
                    }
                }
            };
            fates.push((fate, wanted));
        }
        fates
    }

    fn reason_to_replace(
        &self,
        service: &DesiredService,
        wanted: &DesiredContainer,
        container: &Container,
        changed_networks: &BTreeSet<&str>,
    ) -> Option<String> {
        if let Some(option) = self.options.forces(&service.name) {
            return Some(option.to_owned());
        }
        if matches!(container.state, State::Dead(_) | State::Removing) {
            return Some("the engine could not clean up after it".to_owned());
        }
        for other in &service.shares {
            if self.services.get(other.as_str()).is_some_and(|planned| planned.is_replaced) {
                return Some(format!("it shares with service {other}, which is replaced"));
            }
        }
        let hash = crate::project::hash::digest(self.known.fill(&wanted.create.hash_input));
        if container.config_hash.as_deref() != Some(&hash) {
            return Some(CHANGED.to_owned());
        }
        if let Some(changed) = contents::changed(&wanted.create, container) {
            return Some(changed);
        }
        let image = container.labels.get(super::labels::IMAGE).unwrap_or(&container.image);
        if self.observed.images.get(&service.image).is_some_and(|id| id != image) {
            return Some("image changed".to_owned());
        }
        for name in &service.networks {
            if changed_networks.contains(name.as_str()) {
                return Some(format!("network {name} is made anew"));
            }
            let Some(network) = self.observed.network(name) else {
                return Some(format!("network {name} is gone"));
            };
            // A container keeps the ID of a network that was removed, and never starts again once there is another one
            // of that name.
            let is_stale =
                |(joined, id): &(String, String)| joined == name && !id.is_empty() && *id != network.id;
            // One that does not run is not always listed with its networks; one that was only created is, but without
            // their IDs. It lacks some if an `up` was killed before it had joined them.
            let is_created = container.state == State::Created;
            let joins = |(joined, id): &(String, String)| *id == network.id || (is_created && joined == name);
            let lacks = (container.state.is_alive() || is_created) && !container.networks.iter().any(joins);
            if lacks || container.networks.iter().any(is_stale) {
                return Some(format!("it is not attached to network {name}"));
            }
        }
        service
            .volumes
            .iter()
            .find(|name| self.observed.volume(name).is_none())
            .map(|name| format!("volume {name} is gone"))
    }

    /// Plans the waits that must be over before a container of the service starts.
    fn dependencies(
        &mut self,
        service: &'a DesiredService,
        fates: &[(Fate<'a>, &'a DesiredContainer)],
    ) -> Vec<StepId> {
        let starts = fates.iter().any(|(fate, _)| match fate {
            Fate::Keep(container) => !runs(container) && !self.is_done(service, container),
            _ => true,
        });
        if !starts || !self.options.start {
            return Vec::new();
        }
        let mut ready = Vec::new();
        for dependency in &service.dependencies {
            let cause = format!("service {} needs it", service.name);
            ready.extend(self.satisfied(
                &dependency.service,
                dependency.condition,
                dependency.required,
                &cause,
            ));
        }
        ready
    }

    /// Returns the steps after which all containers of a service are as asked for; none if they are already.
    pub(super) fn satisfied(
        &mut self,
        service: &str,
        condition: Condition,
        required: bool,
        cause: &str,
    ) -> Vec<StepId> {
        let Some(planned) = self.services.get(service) else { return Vec::new() };
        let mut steps = planned.started.clone();
        if condition == Condition::Started {
            return steps;
        }
        let names = planned.names.clone();
        let untouched = planned.untouched.clone();
        let started = planned.started.clone();
        for name in names {
            let there = self.observed.containers.iter().find(|container| container.name == name);
            let holds =
                there.filter(|_| untouched.contains(&name)).is_some_and(|container| match condition {
                    Condition::Healthy => runs(container) && container.health == Some(Health::Healthy),
                    Condition::Started | Condition::Settled(_) => runs(container),
                    Condition::CompletedSuccessfully => container.state == State::Exited(Some(0)),
                });
            if holds {
                continue;
            }
            let key = (name.clone(), condition);
            let step = self.waits.get(&key).copied().unwrap_or_else(|| {
                let op = Op::Await { container: name.clone(), condition, required };
                let step = self.plan.push(op, Subject::Container(name), cause, started.clone());
                self.waits.insert(key, step);
                step
            });
            steps.push(step);
        }
        steps
    }

    /// The steps after which the containers of a service exist.
    pub(super) fn created(&self, service: &str) -> Vec<StepId> {
        self.services.get(service).map(|planned| planned.created.clone()).unwrap_or_default()
    }

    /// The service, if any, whose replacement this one asked to be restarted after.
    pub(super) fn restarts_with(&self, service: &DesiredService) -> Option<String> {
        let replaced = |name: &str| self.services.get(name).is_some_and(|planned| planned.is_replaced);
        let dependency = service
            .dependencies
            .iter()
            .find(|dependency| dependency.restart && replaced(&dependency.service))?;
        Some(dependency.service.clone())
    }
}
