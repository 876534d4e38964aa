//! What `down` and a stop do: take the project's containers down in reverse order, then what is left of it.
//!
//! It needs no compose file: the labels say which service depends on which.

use std::collections::{BTreeMap, BTreeSet};

use super::{Op, Plan, StepId, Subject, labels};
use crate::observed::{Container, Observed, State};

/// How `down` is asked to go about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownOptions {
    /// Remove named and anonymous volumes too.
    pub volumes: bool,
    /// Remove containers of services that the file does not have.
    pub remove_orphans: bool,
    /// The services of the file; `None` without a file, when nothing counts as orphan.
    pub known: Option<BTreeSet<String>>,
    /// Seconds before a container that does not end is killed, in place of its own grace period.
    pub timeout: Option<i32>,
}

/// Plans to stop and remove the project.
pub fn down(project: &str, observed: &Observed, options: &DownOptions) -> Plan {
    let mut plan = Plan::default();
    let is_orphan = |container: &Container| {
        options.known.as_ref().is_some_and(|known| !known.contains(&container.service))
    };
    let (orphans, going): (Vec<&Container>, Vec<&Container>) =
        observed.containers.iter().partition(|container| !options.remove_orphans && is_orphan(container));
    let stopped = stop_in_reverse(&mut plan, &going, options.timeout, "the project goes down");
    let mut removed = Vec::new();
    for container in &going {
        let op = Op::RemoveContainer { container: container.id.clone(), volumes: options.volumes };
        let subject = Subject::Container(container.name.clone());
        let after = stopped.get(container.id.as_str()).copied().into_iter().collect();
        removed.push(plan.push(op, subject, "the project goes down", after));
    }
    if !orphans.is_empty() {
        let names: Vec<&str> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
        plan.notes.push(format!(
            "left alone, since their services are not in the file: {}; `--remove-orphans` removes them",
            names.join(", ")
        ));
    }
    let is_own =
        |own: &BTreeMap<String, String>| own.get(labels::PROJECT).is_some_and(|name| name == project);
    for network in observed.networks.iter().filter(|network| is_own(&network.labels)) {
        let is_used = |orphan: &&Container| orphan.networks.iter().any(|(_, id)| *id == network.id);
        if orphans.iter().any(is_used) {
            plan.notes.push(format!("network {} is kept: an orphan container uses it", network.name));
            continue;
        }
        let op = Op::RemoveNetwork { id: network.id.clone() };
        plan.push(op, Subject::Network(network.name.clone()), "the project goes down", removed.clone());
    }
    if options.volumes {
        for volume in observed.volumes.iter().filter(|volume| is_own(&volume.labels)) {
            let op = Op::RemoveVolume { name: volume.name.clone() };
            let step =
                plan.push(op, Subject::Volume(volume.name.clone()), "`--volumes` was given", removed.clone());
            plan.steps[step].destructive = true;
        }
    }
    plan
}

/// Plans to stop the project's running containers, each after those that depend on it.
pub fn stop(observed: &Observed, services: &BTreeSet<String>, timeout: Option<i32>) -> Plan {
    let mut plan = Plan::default();
    let chosen: Vec<&Container> = observed
        .containers
        .iter()
        .filter(|container| {
            !container.oneoff && (services.is_empty() || services.contains(&container.service))
        })
        .collect();
    stop_in_reverse(&mut plan, &chosen, timeout, "a stop was asked for");
    plan
}

/// Stops what runs; returns the step for each container's ID.
fn stop_in_reverse<'a>(
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
            if !matches!(container.state, State::Running | State::Paused | State::Restarting) {
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
