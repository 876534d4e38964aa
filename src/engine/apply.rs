//! Carries out a plan: one task, as much at once as the plan allows and the engine bears. It decides nothing.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use futures_util::future::{AbortHandle, Abortable, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::waits::{Settled, Waits};
use super::{Cause, Engine, EngineError, Event, Ran, Result};
use crate::observed::Observed;
use crate::plan::{Known, Op, Plan, Step, StepId, Subject};

/// How many calls the engine gets at a time. More cost an older engine time and gain nothing on a newer one.
const AT_ONCE: usize = 8;

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The steps that succeeded, in the order in which they did.
    pub done: Vec<StepId>,
    /// The steps that failed: one, and those that were running at the time and failed too.
    pub failed: Vec<(StepId, EngineError)>,
    /// The waits that failed and were not required.
    pub tolerated: Vec<(StepId, EngineError)>,
    /// The steps that were not started, or given up, because of a failure or interruption.
    pub skipped: Vec<StepId>,
}

/// How a plan ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Every step was carried out.
    #[default]
    Complete,
    /// A step failed.
    Failed,
    /// It was told to stop.
    Interrupted,
}

/// Carries out `plan`, starting each step as soon as the steps it needs are done.
///
/// After a failure, or when `stop` is ready, no further step is started: calls under way are ended properly,
/// waits are given up, and on `stop` also pulls and builds. What happens is sent to `events`; nobody needs to
/// listen.
pub async fn apply(
    plan: &Plan,
    observed: &Observed,
    engine: &impl Engine,
    events: &UnboundedSender<Event>,
    stop: impl Future<Output = ()>,
) -> Outcome {
    let mut stop = pin!(stop);
    let mut schedule = Schedule::new(plan);
    let mut known = known(observed);
    let mut calls: FuturesUnordered<LocalBoxFuture<'_, Ended>> = FuturesUnordered::new();
    let mut abortable: HashMap<StepId, AbortHandle> = HashMap::new();
    let mut waits = Waits::new(engine, events, awaited(plan), plan.patience);
    let mut outcome = Outcome::default();
    let tell = |event: Event| {
        // Whoever listened may have gone; the plan is carried out all the same.
        let _ = events.send(event);
    };

    loop {
        while outcome.ending == Ending::Complete
            && let Some((id, step)) = schedule.next(calls.len() < AT_ONCE)
        {
            tell(Event::Started { step: id });
            if let Op::Await { container, condition, .. } = &step.op {
                waits.add(id, container, *condition);
                continue;
            }
            let body = match &step.op {
                Op::CreateContainer(create) => Some(create.resolved(&known)),
                _ => None,
            };
            // By ID where it is known: a name may have come to mean another container meanwhile.
            let target =
                step.op.container().map(|name| known.containers.get(name).map_or(name, String::as_str));
            let target = target.unwrap_or_default().to_owned();
            let (handle, registration) = AbortHandle::new_pair();
            if matches!(step.op, Op::PullImage { .. } | Op::BuildImage(_)) {
                abortable.insert(id, handle);
            }
            let call = perform(engine, id, &step.op, target.clone(), body, events);
            let call = Abortable::new(call, registration);
            calls.push(Box::pin(async move {
                let began = Instant::now();
                let mut result = call.await.ok();
                if let (Some(Err(error)), Subject::Container(name)) = (&mut result, &step.subject)
                    && !target.is_empty()
                {
                    // People know it by its name.
                    error.doing = error.doing.replace(&target, name);
                }
                Ended { step: id, result, took: began.elapsed() }
            }));
        }
        if calls.is_empty() && waits.is_empty() {
            break;
        }
        let (id, result, took) = tokio::select! {
            () = &mut stop, if outcome.ending != Ending::Interrupted => {
                outcome.ending = Ending::Interrupted;
                abortable.values().for_each(AbortHandle::abort);
                waits.give_up();
                continue;
            }
            Some(Ended { step, result, took }) = calls.next() => match result {
                Some(result) => (step, result, took),
                // It was aborted, and counts as skipped.
                None => continue,
            },
            Settled { step, result, took } = waits.next() => (step, result.map(|()| None), took),
        };
        abortable.remove(&id);
        let step = &plan.steps[id];
        match result {
            Ok(made) => {
                learn(&mut known, &step.op, made);
                outcome.done.push(id);
                schedule.done(id);
                tell(Event::Finished { step: id, took });
            }
            Err(error) if matches!(step.op, Op::Await { required: false, .. }) => {
                outcome.tolerated.push((id, error.clone()));
                schedule.done(id);
                tell(Event::Tolerated { step: id, error, took });
            }
            Err(error) => {
                if outcome.ending == Ending::Complete {
                    outcome.ending = Ending::Failed;
                }
                waits.give_up();
                outcome.failed.push((id, error.clone()));
                tell(Event::Failed { step: id, error, took });
            }
        }
    }

    let mut open: BTreeSet<StepId> = (0..plan.steps.len()).collect();
    let told = outcome.failed.iter().chain(&outcome.tolerated).map(|(id, _)| id);
    for id in told.chain(&outcome.done) {
        open.remove(id);
    }
    outcome.skipped = open.into_iter().collect();
    outcome.skipped.iter().for_each(|id| tell(Event::Skipped { step: *id }));
    outcome
}

/// A call that ended, or was aborted (`None`).
struct Ended {
    step: StepId,
    result: Option<Result<Option<String>>>,
    took: Duration,
}

/// Which steps can start.
struct Schedule<'a> {
    plan: &'a Plan,
    /// How many steps each step still waits for.
    missing: Vec<usize>,
    dependents: Vec<Vec<StepId>>,
    ready: BTreeSet<StepId>,
}

impl<'a> Schedule<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        for (id, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                dependents[*before].push(id);
            }
        }
        let missing: Vec<_> = plan.steps.iter().map(|step| step.after.len()).collect();
        let ready = (0..missing.len()).filter(|id| missing[*id] == 0).collect();
        Self { plan, missing, dependents, ready }
    }

    /// Takes the first step that can start. Waits load nothing, so they start even if calls may not.
    fn next(&mut self, may_call: bool) -> Option<(StepId, &'a Step)> {
        let plan = self.plan;
        let can_start = |id: &&StepId| may_call || matches!(plan.steps[**id].op, Op::Await { .. });
        let id = *self.ready.iter().find(can_start)?;
        self.ready.remove(&id);
        Some((id, &plan.steps[id]))
    }

    fn done(&mut self, id: StepId) {
        for dependent in &self.dependents[id] {
            self.missing[*dependent] -= 1;
            if self.missing[*dependent] == 0 {
                self.ready.insert(*dependent);
            }
        }
    }
}

fn awaited(plan: &Plan) -> Vec<String> {
    let names = plan.steps.iter().filter_map(|step| match &step.op {
        Op::Await { container, .. } => Some(container.clone()),
        _ => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn known(observed: &Observed) -> Known {
    Known {
        containers: observed.containers.iter().map(|one| (one.name.clone(), one.id.clone())).collect(),
        images: observed.images.clone().into_iter().collect(),
    }
}

/// Keeps what later steps need of a step that succeeded: IDs by name.
fn learn(known: &mut Known, op: &Op, made: Option<String>) {
    match (op, made) {
        (Op::PullImage { image, .. }, Some(id)) => {
            known.images.insert(image.clone(), id);
        }
        (Op::BuildImage(build), Some(id)) => {
            for name in build.tags.iter().chain([&build.image]) {
                known.images.insert(name.clone(), id.clone());
            }
        }
        (Op::CreateContainer(create), Some(id)) => {
            known.containers.insert(create.name.clone(), id);
        }
        (Op::RemoveContainer { container, .. }, _) => {
            known.containers.remove(container);
        }
        (Op::Rename { container, to }, _) => {
            if let Some(id) = known.containers.remove(container) {
                known.containers.insert(to.clone(), id);
            }
        }
        _ => {}
    }
}

/// Makes the one call that a step is. Returns the ID of what it made.
async fn perform(
    engine: &impl Engine,
    step: StepId,
    op: &Op,
    container: String,
    body: Option<ContainerCreateBody>,
    events: &UnboundedSender<Event>,
) -> Result<Option<String>> {
    let report = |progress| {
        let _ = events.send(Event::Progress { step, progress });
    };
    match op {
        Op::PullImage { image, platform } => engine.pull(image, platform.as_deref(), &report).await.map(Some),
        Op::BuildImage(build) => engine.build(build, &report).await.map(Some),
        Op::CreateNetwork(request) => engine.create_network(request).await.map(Some),
        Op::RemoveNetwork { id } => gone(engine.remove_network(id).await),
        Op::CreateVolume(request) => engine.create_volume(request).await.map(|()| None),
        Op::RemoveVolume { name } => gone(engine.remove_volume(name).await),
        Op::CreateContainer(create) => {
            let body = body.unwrap_or_else(|| create.body.clone());
            engine.create_container(&create.name, create.platform.as_deref(), &body).await.map(Some)
        }
        Op::ConnectNetwork { network, endpoint, .. } => {
            engine.connect_network(network, &container, endpoint).await.map(|()| None)
        }
        Op::DisconnectNetwork { network, .. } => gone(engine.disconnect_network(network, &container).await),
        Op::CopyFiles { files, .. } => engine.copy_files(&container, files).await.map(|()| None),
        Op::Start { .. } => engine.start(&container).await.map(|()| None),
        Op::Stop { timeout, .. } => gone(engine.stop(&container, *timeout).await),
        Op::RemoveContainer { volumes, .. } => gone(engine.remove_container(&container, *volumes).await),
        Op::Rename { to, .. } => engine.rename(&container, to).await.map(|()| None),
        Op::RunInside { command, .. } => {
            let Ran { code, output } = engine.run_inside(&container, command).await?;
            let doing = format!("run hook `{}` in container {container}", command.command.join(" "));
            if code == 0 {
                Ok(None)
            } else {
                Err(EngineError::new(doing, Cause::HookFailed { code, output }))
            }
        }
        // `apply` hands these to `Waits`.
        Op::Await { .. } => Ok(None),
    }
}

/// What is gone already is as the step wants it: containers end and are removed on their own, too.
fn gone(result: Result<()>) -> Result<Option<String>> {
    match result {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(None),
    }
}
