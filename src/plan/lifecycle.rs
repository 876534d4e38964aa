//! What `start`, `restart`, `kill`, `pause`, `unpause` and `rm` do to containers that exist.

use std::collections::{BTreeMap, HashMap};

use super::down::stop_in_reverse;
use super::judge::{not_running, runs};
use super::members::Members;
use super::{Condition, Op, Plan, StepId, Subject};
use crate::observed::{Container, Health, Observed, State};

/// Plans to start the services' containers that do not run, each after what it waits for; with `wait`, until all are
/// ready. What cannot be started is an error, in words for the user.
pub fn start(members: &Members, observed: &Observed, wait: bool) -> Result<Plan, Vec<String>> {
    let mut planner = Planner::new(members, observed);
    if planner.containers.is_empty() {
        return Err(vec!["the project has no container to start; `topo up` creates them".to_owned()]);
    }
    for service in members.in_order() {
        planner.start(service);
    }
    if wait {
        for (service, member) in members.names().filter_map(|name| Some((name, members.get(name)?))) {
            planner.reached(service, member.ready.unwrap_or(Condition::Started), true, "`--wait`");
        }
    }
    planner.finish()
}

/// How a restart is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartOptions {
    /// The services; empty for all.
    pub services: Vec<String>,
    /// Leave services alone that depend on these with `restart: true`.
    pub no_deps: bool,
    /// Seconds before a container that does not end is killed, in place of its own grace period.
    pub timeout: Option<i32>,
}

/// Plans to restart containers, and those of services that depend on them with `restart: true` after them.
pub fn restart(
    members: &Members,
    observed: &Observed,
    options: &RestartOptions,
) -> Result<Plan, Vec<String>> {
    let members = &match (&options.services[..], options.no_deps) {
        ([], _) => members.clone(),
        (services, true) => members.only(services),
        (services, false) => members.with_restarted(services),
    };
    let mut planner = Planner::new(members, observed);
    for service in members.in_order() {
        let ready = planner.ready(service, true);
        let named = options.services.is_empty() || options.services.iter().any(|name| name == service);
        let cause = if named { "a restart was asked for" } else { "what it depends on is restarted" };
        for container in planner.containers.get(service).cloned().unwrap_or_default() {
            let op = Op::Restart { container: container.id.clone(), timeout: options.timeout };
            let step = planner.plan.push(op, subject(container), cause, ready.clone());
            planner.begun.entry(service).or_default().push(step);
        }
    }
    planner.finish()
}

/// Which containers a command is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// The services of the project.
    pub members: Members,
    /// The services that were named; empty for all.
    pub services: Vec<String>,
}

impl Choice {
    /// Returns whether a container's service was chosen.
    pub fn has(&self, container: &Container) -> bool {
        self.has_service(&container.service)
    }

    /// Returns whether a service was chosen.
    pub fn has_service(&self, service: &str) -> bool {
        self.members.get(service).is_some() && self.names(service)
    }

    fn names(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|name| name == service)
    }
}

/// Plans to send a signal to what runs, one-offs included; with `orphans`, also to what has no service in the file.
pub fn kill(choice: &Choice, observed: &Observed, signal: &str, orphans: bool) -> Plan {
    let chosen =
        |container: &&Container| choice.has(container) || (orphans && choice.names(&container.service));
    let op = |container: String| Op::Kill { container, signal: signal.to_owned() };
    each(observed.containers.iter().filter(|one| runs(one)).filter(chosen), op, "a kill was asked for")
}

/// Plans to suspend what runs.
pub fn pause(choice: &Choice, observed: &Observed) -> Plan {
    let chosen = observed.containers.iter().filter(|one| !one.oneoff && choice.has(one));
    let op = |container: String| Op::Pause { container };
    each(chosen.filter(|one| one.state == State::Running), op, "a pause was asked for")
}

/// Plans to let go on what is paused.
pub fn unpause(choice: &Choice, observed: &Observed) -> Plan {
    let chosen = observed.containers.iter().filter(|one| !one.oneoff && choice.has(one));
    let op = |container: String| Op::Unpause { container };
    each(chosen.filter(|one| one.state == State::Paused), op, "it is paused")
}

/// Plans to remove the containers that do not run; with `stop`, all of them, stopped in reverse order first. With
/// `volumes`, their anonymous volumes go, too.
pub fn remove(choice: &Choice, observed: &Observed, stop: bool, volumes: bool) -> Plan {
    let mut plan = Plan::default();
    let chosen: Vec<&Container> = observed
        .containers
        .iter()
        .filter(|container| !container.oneoff && choice.has(container) && (stop || !runs(container)))
        .collect();
    let stopped = stop_in_reverse(&mut plan, &chosen, None, "`--stop` was given");
    for container in &chosen {
        let op = Op::RemoveContainer { container: container.id.clone(), volumes };
        let after = stopped.get(container.id.as_str()).copied().into_iter().collect();
        let cause = if runs(container) { "it is stopped" } else { "it does not run" };
        let step = plan.push(op, subject(container), cause, after);
        plan.steps[step].destructive = volumes && !container.mounts.is_empty();
    }
    plan
}

fn each<'a>(containers: impl Iterator<Item = &'a Container>, op: impl Fn(String) -> Op, cause: &str) -> Plan {
    let mut plan = Plan::default();
    for container in containers {
        plan.push(op(container.id.clone()), subject(container), cause, Vec::new());
    }
    plan
}

fn subject(container: &Container) -> Subject {
    Subject::Container(container.name.clone())
}

struct Planner<'a> {
    members: &'a Members,
    /// The containers of each service, by number; one-offs aside.
    containers: BTreeMap<&'a str, Vec<&'a Container>>,
    plan: Plan,
    /// The steps after which a service has been started or restarted. One that is left alone has none.
    begun: BTreeMap<&'a str, Vec<StepId>>,
    waits: HashMap<(&'a str, Condition), StepId>,
    /// What makes the plan impossible.
    missing: Vec<String>,
}

impl<'a> Planner<'a> {
    fn new(members: &'a Members, observed: &'a Observed) -> Self {
        let mut containers: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
        for container in observed.containers.iter().filter(|container| !container.oneoff) {
            containers.entry(&container.service).or_default().push(container);
        }
        for containers in containers.values_mut() {
            containers.sort_by(|one, other| (one.number, &one.name).cmp(&(other.number, &other.name)));
        }
        let (begun, waits, missing) = (BTreeMap::new(), HashMap::new(), Vec::new());
        Self { members, containers, plan: Plan::default(), begun, waits, missing }
    }

    fn finish(self) -> Result<Plan, Vec<String>> {
        if self.missing.is_empty() { Ok(self.plan) } else { Err(self.missing) }
    }

    fn start(&mut self, service: &'a str) {
        let Some(containers) = self.containers.get(service).cloned() else {
            self.plan
                .notes
                .push(format!("service {service} has no container to start; `topo up` creates it"));
            return;
        };
        for paused in containers.iter().filter(|container| container.state == State::Paused) {
            self.plan.notes.push(format!("container {} is paused and stays so", paused.name));
        }
        let idle: Vec<&Container> = containers.into_iter().filter(|container| !runs(container)).collect();
        if idle.is_empty() {
            return;
        }
        let ready = self.ready(service, false);
        let files = self.members.get(service).map(|member| member.files.clone()).unwrap_or_default();
        for container in idle {
            let mut after = ready.clone();
            if !files.is_empty() {
                let op = Op::CopyFiles { container: container.id.clone(), files: files.clone() };
                after.push(self.plan.push(op, subject(container), "it reads them", Vec::new()));
            }
            let op = Op::Start { container: container.id.clone() };
            let step = self.plan.push(op, subject(container), not_running(container), after);
            self.begun.entry(service).or_default().push(step);
        }
    }

    /// Plans the waits that must be over before a service starts; `restart` says that only those count that restart
    /// with what they wait for.
    fn ready(&mut self, service: &'a str, restart: bool) -> Vec<StepId> {
        let Some(member) = self.members.get(service) else { return Vec::new() };
        let mut ready = Vec::new();
        for dependency in &member.dependencies {
            let other = dependency.service.as_str();
            if self.members.get(other).is_none() || (restart && !dependency.restart) {
                continue;
            }
            if !self.containers.contains_key(other) {
                let missing =
                    format!("service {service} needs {other}, which has no container; `topo up` creates it");
                if dependency.required && self.containers.contains_key(service) {
                    self.missing.push(missing);
                }
                continue;
            }
            let cause = format!("service {service} needs it");
            ready.extend(self.reached(other, dependency.condition, dependency.required, &cause));
        }
        ready
    }

    /// Returns the steps after which all containers of a service are as asked for; none if they are already.
    fn reached(
        &mut self,
        service: &'a str,
        condition: Condition,
        required: bool,
        cause: &str,
    ) -> Vec<StepId> {
        let begun = self.begun.get(service).cloned().unwrap_or_default();
        if condition == Condition::Started {
            return begun;
        }
        let mut steps = begun.clone();
        for container in self.containers.get(service).cloned().unwrap_or_default() {
            let is_touched = begun.iter().any(|step| {
                matches!(&self.plan.steps[*step].subject, Subject::Container(name) if *name == container.name)
            });
            let holds = match condition {
                Condition::Healthy => runs(container) && container.health == Some(Health::Healthy),
                _ => container.state == State::Exited(Some(0)),
            };
            if holds && !is_touched {
                continue;
            }
            let key = (container.name.as_str(), condition);
            let step = self.waits.get(&key).copied().unwrap_or_else(|| {
                let op = Op::Await { container: container.name.clone(), condition, required };
                let step = self.plan.push(op, subject(container), cause, begun.clone());
                self.waits.insert(key, step);
                step
            });
            steps.push(step);
        }
        steps
    }
}
