//! Replaces the containers of a service as `deploy.update_config` says: in groups, each watched for a while before the
//! next one. The old containers go when all is well, so that a failed update can be undone.

use std::time::Duration;

use super::desired::{Desired, DesiredContainer, DesiredService};
use super::judge::{is_replacement, runs};
use super::up::{Planned, Planner};
use super::{Condition, Create, Op, Plan, StepId, Subject};
use crate::model::deploy::{UpdateConfig, UpdateOrder};
use crate::observed::{Container, Observed};

/// How the containers of a service are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// How many at a time; 0 is all at once.
    pub parallelism: usize,
    /// The time between two groups.
    pub delay: Duration,
    /// Whether the new one starts before the old one ends.
    pub start_first: bool,
    /// How long a new container is watched.
    pub monitor: Duration,
    /// What a failure does.
    pub on_failure: OnFailure,
}

/// What a failure does to an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It ends it.
    Pause,
    /// Nothing.
    Continue,
    /// It undoes it.
    Rollback,
}

/// How long a new container is watched if the file does not say.
const MONITOR: Duration = Duration::from_secs(5);

/// Reads an update's configuration. The defaults are those of the
/// [Compose Deploy Specification](https://github.com/compose-spec/compose-spec/blob/main/deploy.md#update_config).
pub(super) fn update(config: &UpdateConfig) -> Update {
    // A share of tolerated failures is refused by a diagnostic.
    let UpdateConfig {
        parallelism,
        delay,
        failure_action,
        monitor,
        max_failure_ratio: _,
        order,
        extensions: _,
    } = config;
    Update {
        parallelism: usize::try_from(parallelism.unwrap_or(1)).unwrap_or(usize::MAX),
        delay: delay.map_or(Duration::ZERO, |delay| delay.0),
        start_first: *order == Some(UpdateOrder::StartFirst),
        monitor: monitor.map_or(MONITOR, |monitor| monitor.0),
        on_failure: match failure_action.as_deref() {
            Some("continue") => OnFailure::Continue,
            Some("rollback") => OnFailure::Rollback,
            _ => OnFailure::Pause,
        },
    }
}

/// A container that is replaced.
pub(super) struct Replacing<'a> {
    pub(super) old: &'a Container,
    pub(super) wanted: &'a DesiredContainer,
    pub(super) cause: String,
}

impl<'a> Planner<'a> {
    /// Replaces containers of a service in groups.
    pub(super) fn update(
        &mut self,
        service: &DesiredService,
        update: &Update,
        all: &[Replacing<'a>],
        needs: &[StepId],
        ready: &[StepId],
        planned: &mut Planned,
    ) {
        planned.is_replaced = true;
        let mut gate: Vec<StepId> = Vec::new();
        let mut made = Vec::new();
        let size = if update.parallelism == 0 { all.len() } else { update.parallelism };
        let groups: Vec<_> = all.chunks(size.max(1)).collect();
        for (number, group) in groups.iter().enumerate() {
            let is_last = number + 1 == groups.len();
            let mut watched = Vec::new();
            for Replacing { old, wanted, cause } in *group {
                let subject = Subject::Container(wanted.create.name.clone());
                let (temporary, created, ready) =
                    self.create_replacement(service, old, wanted, cause, needs, ready);
                planned.created.extend(created);
                let mut after: Vec<StepId> = ready.iter().chain(&gate).copied().collect();
                let in_the_way = claim(&wanted.create).filter(|_| update.start_first && runs(old));
                if let Some(claim) = &in_the_way {
                    self.plan.notes.push(format!(
                        "service {}: the old container ends before the new one starts, since both want {claim}",
                        service.name
                    ));
                }
                let starts_first = update.start_first && in_the_way.is_none();
                if !starts_first {
                    after = vec![self.stop(old, &subject, cause, after)];
                }
                let after = self.run_before(service, wanted, &temporary, after, planned);
                let op = Op::Start { container: temporary.clone() };
                let started = vec![self.plan.push(op, subject.clone(), cause.clone(), after)];
                let hooks = &service.hooks.after_start;
                let started = self.plan.run_inside(&temporary, &subject, hooks, cause, started);
                let time = if is_last { update.monitor } else { update.monitor + update.delay };
                let watch = Watch { service, time, required: update.on_failure != OnFailure::Continue };
                let mut over = watch.push(&mut self.plan, &temporary, &subject, started);
                if starts_first {
                    over = vec![self.stop(old, &subject, cause, over)];
                }
                watched.extend(over);
                made.push((old, wanted, cause, temporary));
            }
            gate = watched;
        }
        for (old, wanted, cause, temporary) in made {
            let name = &wanted.create.name;
            let subject = || Subject::Container(name.clone());
            let op = Op::RemoveContainer { container: old.id.clone(), volumes: false };
            let removed = self.plan.push(op, subject(), cause.clone(), gate.clone());
            let op = Op::Rename { container: temporary, to: name.clone() };
            let renamed = self.plan.push(op, subject(), cause.clone(), vec![removed]);
            planned.created.push(renamed);
            planned.started.push(renamed);
        }
    }
}

/// Watches a container that has just started.
struct Watch<'a> {
    service: &'a DesiredService,
    time: Duration,
    required: bool,
}

impl Watch<'_> {
    fn push(
        &self,
        plan: &mut Plan,
        container: &str,
        subject: &Subject,
        mut after: Vec<StepId>,
    ) -> Vec<StepId> {
        let healthy = self.service.has_healthcheck.then_some(Condition::Healthy);
        let settled = (!self.time.is_zero()).then_some(Condition::Settled(self.time));
        for condition in healthy.into_iter().chain(settled) {
            let op = Op::Await { container: container.to_owned(), condition, required: self.required };
            after = vec![plan.push(op, subject.clone(), "the update is watched", after)];
        }
        after
    }
}

/// Returns what two containers cannot have at the same time: a port or an address.
fn claim(create: &Create) -> Option<String> {
    let host = create.body.host_config.as_ref()?;
    let bindings = host.port_bindings.iter().flat_map(|ports| ports.values()).flatten().flatten();
    let port = bindings.filter_map(|binding| binding.host_port.as_deref()).find(|port| !port.is_empty());
    let networks = create.body.networking_config.as_ref().and_then(|config| config.endpoints_config.as_ref());
    let address = networks.and_then(|networks| {
        networks.values().find_map(|endpoint| endpoint.ipam_config.as_ref()?.ipv4_address.as_deref())
    });
    port.map(|port| format!("port {port}")).or_else(|| address.map(|address| format!("address {address}")))
}

/// Plans to undo the updates that failed and are to be rolled back. `failed` are the containers that something failed
/// for, by their final names; `observed` is what the engine has now. Says which services it is about.
pub fn rollback(desired: &Desired, observed: &Observed, failed: &[&str]) -> (Plan, Vec<String>) {
    let mut plan = Plan::default();
    let mut services = Vec::new();
    for service in &desired.services {
        let is_its = |name: &&str| service.containers.iter().any(|container| container.create.name == **name);
        let rolls_back =
            service.update.as_ref().is_some_and(|update| update.on_failure == OnFailure::Rollback);
        if !rolls_back || !failed.iter().any(|name| is_its(name)) {
            continue;
        }
        let own = || observed.containers.iter().filter(|one| one.service == service.name && !one.oneoff);
        let pairs: Vec<(&Container, &Container)> = own()
            .filter(|container| is_replacement(container))
            .filter_map(|new| {
                let old = own().find(|other| other.number == new.number && !is_replacement(other))?;
                Some((old, new))
            })
            .collect();
        if pairs.is_empty() {
            continue;
        }
        services.push(service.name.clone());
        let cause = format!("the update of service {} failed", service.name);
        // Without a configuration of its own, all goes back at once and is not watched.
        let how = service.rollback.clone().unwrap_or(Update {
            parallelism: 0,
            delay: Duration::ZERO,
            start_first: false,
            monitor: Duration::ZERO,
            on_failure: OnFailure::Pause,
        });
        let size = if how.parallelism == 0 { pairs.len() } else { how.parallelism };
        let mut gate: Vec<StepId> = Vec::new();
        for group in pairs.chunks(size.max(1)) {
            let mut over = Vec::new();
            for (old, new) in group {
                let subject = Subject::Container(old.name.clone());
                let wanted = service.containers.iter().find(|container| container.number == old.number);
                let in_the_way = wanted.and_then(|wanted| claim(&wanted.create)).is_some();
                let starts_first = how.start_first && !in_the_way;
                let remove = |plan: &mut Plan, after: Vec<StepId>| {
                    let op = Op::Stop { container: new.id.clone(), timeout: None };
                    let stopped = plan.push(op, subject.clone(), &*cause, after);
                    let op = Op::RemoveContainer { container: new.id.clone(), volumes: false };
                    vec![plan.push(op, subject.clone(), &*cause, vec![stopped])]
                };
                let mut after = gate.clone();
                if !starts_first {
                    after = remove(&mut plan, after);
                }
                if !runs(old) {
                    let op = Op::Start { container: old.id.clone() };
                    after = vec![plan.push(op, subject.clone(), &*cause, after)];
                    let time = if how.monitor.is_zero() { Duration::ZERO } else { how.monitor + how.delay };
                    let watch = Watch { service, time, required: how.on_failure != OnFailure::Continue };
                    if service.rollback.is_some() {
                        after = watch.push(&mut plan, &old.name, &subject, after);
                    }
                }
                if starts_first {
                    after = remove(&mut plan, after);
                }
                over.extend(after);
            }
            gate = over;
        }
    }
    (plan, services)
}
