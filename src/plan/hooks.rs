//! What runs at turns of a container's life: in one of its own before it starts, in it after it has started, and before
//! it is stopped.

use std::collections::BTreeMap;

use super::{Op, Plan, Step, StepId, Subject};
use crate::model::lifecycle::{Hook, PreStart};
use crate::model::service::Service;
use crate::model::values::Variables;
use crate::observed::{Observed, State};
use crate::project::Project;

/// A command that runs in a container beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// The user that it runs as; the container's own if `None`.
    pub user: Option<String>,
    /// Whether it has all privileges.
    pub privileged: bool,
    /// The directory that it runs in; the container's own if `None`.
    pub directory: Option<String>,
    /// More variables, as `NAME=value`; a name alone unsets one.
    pub environment: Vec<String>,
}

/// A command that runs in a container of its own before a service starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The image; the service's if `None`.
    pub image: Option<String>,
    /// The command; the image's if `None`.
    pub command: Option<Vec<String>>,
    /// The user that it runs as; the service's if `None`.
    pub user: Option<String>,
    /// Whether it has all privileges.
    pub privileged: bool,
    /// The directory that it runs in; the service's if `None`.
    pub directory: Option<String>,
    /// More variables, as `NAME=value`.
    pub environment: Vec<String>,
    /// Whether it runs for each container of the service.
    pub per_replica: bool,
}

/// The hooks of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// What runs to its end in a container of its own before the service starts.
    pub before_start: Vec<Before>,
    /// What runs once a container has started.
    pub after_start: Vec<Inside>,
    /// What runs before a container is stopped.
    pub before_stop: Vec<Inside>,
}

/// Returns the hooks of the project's services by name, for those that stop containers by their labels.
pub fn of_project(project: &Project) -> BTreeMap<String, Hooks> {
    let services = project.services.iter().chain(&project.disabled);
    services.map(|(name, service)| (name.clone(), of_service(service))).collect()
}

pub(super) fn of_service(service: &Service) -> Hooks {
    let all = |hooks: &[Hook]| hooks.iter().map(inside).collect();
    let before_start = service.pre_start.iter().map(before).collect();
    Hooks { before_start, after_start: all(&service.post_start), before_stop: all(&service.pre_stop) }
}

fn before(hook: &PreStart) -> Before {
    let PreStart { command, image, user, privileged, working_dir, environment, per_replica, extensions: _ } =
        hook;
    Before {
        image: image.clone(),
        command: command.0.clone(),
        user: user.clone(),
        privileged: *privileged,
        directory: working_dir.clone(),
        environment: lines(environment),
        per_replica: *per_replica,
    }
}

pub(super) fn inside(hook: &Hook) -> Inside {
    let Hook { command, user, privileged, working_dir, environment, extensions: _ } = hook;
    Inside {
        command: command.0.clone().unwrap_or_default(),
        user: user.clone(),
        privileged: *privileged,
        directory: working_dir.clone(),
        environment: lines(environment),
    }
}

fn lines(variables: &Variables) -> Vec<String> {
    let line = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    };
    variables.0.iter().map(line).collect()
}

/// Returns a plan with the hooks of the containers that it stops and starts: `pre_stop` before each stop of one that
/// runs, `post_start` after each start.
pub fn with_hooks(plan: Plan, observed: &Observed, hooks: &BTreeMap<String, Hooks>) -> Plan {
    let Plan { steps, notes, patience } = plan;
    let mut hooked = Plan { notes, patience, ..Plan::default() };
    // The new steps after which the old ones are over.
    let mut over: Vec<StepId> = Vec::new();
    for Step { op, subject, cause, after, destructive, optional, if_unused } in steps {
        let mut after: Vec<StepId> = after.into_iter().map(|step| over[step]).collect();
        let named = op.container().map(str::to_owned);
        let container = named.as_ref().and_then(|named| {
            observed.containers.iter().find(|one| !one.oneoff && (one.id == *named || one.name == *named))
        });
        let hooks = container.and_then(|container| Some((container, hooks.get(&container.service)?)));
        if let (Op::Stop { container, .. } | Op::Restart { container, .. }, Some((seen, hooks))) =
            (&op, hooks)
            && seen.state == State::Running
        {
            after = hooked.run_inside(container, &subject, &hooks.before_stop, &cause, after);
        }
        let starts = matches!(op, Op::Start { .. } | Op::Restart { .. });
        let step = hooked.steps.len();
        let (of, why) = (subject.clone(), cause.clone());
        hooked.steps.push(Step { op, subject, cause, after, destructive, optional, if_unused });
        let mut last = vec![step];
        if let (true, Some(named), Some((_, hooks))) = (starts, named, hooks) {
            last = hooked.run_inside(&named, &of, &hooks.after_start, &why, last);
        }
        over.extend(last.first());
    }
    hooked
}

impl Plan {
    /// Runs commands in a container one after the other. Returns the steps after which they are done.
    pub(super) fn run_inside(
        &mut self,
        container: &str,
        subject: &Subject,
        commands: &[Inside],
        cause: &str,
        mut after: Vec<StepId>,
    ) -> Vec<StepId> {
        for command in commands {
            let op = Op::RunInside { container: container.to_owned(), command: Box::new(command.clone()) };
            after = vec![self.push(op, subject.clone(), cause, after)];
        }
        after
    }
}
