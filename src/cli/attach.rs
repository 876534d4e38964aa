//! `topo up` that stays: the logs run by until all has ended, or until Ctrl-C stops all.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use topo::engine::docker::Docker;
use topo::engine::follow::{Follow, News};
use topo::engine::{Engine, EngineError, LogQuery, Query};
use topo::observed::State;
use topo::plan::desired::DesiredService;
use topo::plan::up::UpOptions;
use topo::plan::{Op, Step, StepId, Subject, labels};

use super::up::{Planned, interrupt};
use super::{Context, Exit, logs, stop as stopping};
use crate::ui::LogPrinter;

/// Brings the project up while the logs run by; Ctrl-C stops all containers in reverse order, a second one kills
/// them.
pub(crate) async fn attach(
    planned: &mut Planned,
    options: &UpOptions,
    engine: &Docker,
    context: &Context,
) -> Result<Exit, EngineError> {
    let desired = planned.desired.clone();
    let shown = |name: &str| desired.service(name).is_some_and(|service| service.attach);
    let names = desired.services.iter().filter(|service| service.attach);
    let names = names.flat_map(|service| &service.containers).map(|container| container.create.name.as_str());
    let printer = LogPrinter::new(context.ui, &desired.project, true, names);
    let mut audience = Audience { printer, alive: BTreeSet::new(), starts: 0 };
    // Before the first container starts, so that no line is missed.
    let mut follow = Follow::new(engine, &desired.project, false, |happening| {
        happening.attributes.get(labels::SERVICE).is_some_and(|service| shown(service))
    });
    let running = planned.observed.containers.iter().filter(|container| container.state == State::Running);
    for container in running.filter(|container| shown(&container.service)) {
        // What it wrote before is in `topo logs`.
        follow.add(&container.name, &LogQuery { tail: Some(0), ..LogQuery::default() });
        audience.alive.insert(container.name.clone());
    }

    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let stop_asked = async {
        // An error says that nobody can ask any more, which cannot be: the sender lives longer.
        let _ = stopped.wait_for(|asked| *asked).await;
    };
    let mut interrupted = pin!(interrupt());
    let outcome = {
        let mut carried_out = pin!(planned.carry_out(options, engine, context, stop_asked));
        loop {
            tokio::select! {
                outcome = &mut carried_out => break outcome?,
                () = &mut interrupted, if !*stop.borrow() => {
                    stop.send_replace(true);
                }
                news = follow.next() => audience.hear(&news?),
            }
        }
    };
    let plan = &planned.plan;
    let exit = context.conclude(plan, &outcome);
    if exit == Exit::Failure {
        return Ok(exit);
    }
    // The engine tells of a start after it was done; what that container writes is not to be missed.
    let is_shown_start = |step: &&StepId| {
        let Step { op: Op::Start { .. }, subject: Subject::Container(name), .. } = &plan.steps[**step] else {
            return false;
        };
        let is_its = |service: &&DesiredService| {
            service.containers.iter().any(|container| container.create.name == *name)
        };
        desired.services.iter().find(is_its).is_some_and(|service| service.attach)
    };
    let expected = outcome.done.iter().filter(is_shown_start).count();
    let query = Query { project: desired.project.clone(), ..Query::default() };
    let any_runs = async || {
        let observed = engine.observe(&query).await?;
        // One that is about to be restarted counts.
        let runs = |state: State| matches!(state, State::Running | State::Paused | State::Restarting);
        let mut shown = observed.containers.iter().filter(|container| shown(&container.service));
        Ok::<_, EngineError>(shown.any(|container| runs(container.state)))
    };
    while !*stop.borrow() {
        let is_silent = audience.alive.is_empty();
        if is_silent && audience.starts >= expected && !any_runs().await? {
            break;
        }
        tokio::select! {
            () = &mut interrupted => {
                stop.send_replace(true);
            }
            news = follow.next() => audience.hear(&news?),
            // A start that was not told of by now never will be.
            () = tokio::time::sleep(Duration::from_secs(2)), if is_silent => {
                if !any_runs().await? {
                    break;
                }
            }
        }
    }
    if !*stop.borrow() {
        return Ok(exit);
    }
    context.ui.say("stopping; Ctrl-C again kills");
    let everything = BTreeSet::new();
    let mut all_stopped =
        pin!(stopping::stop_all(&desired.project, &everything, options.timeout, engine, context));
    loop {
        tokio::select! {
            result = &mut all_stopped => {
                result?;
                return Ok(Exit::Interrupted);
            }
            news = follow.next() => audience.hear(&news?),
        }
    }
}

/// Prints news, and keeps in mind which containers run.
struct Audience {
    printer: LogPrinter,
    /// The containers that run, by name.
    alive: BTreeSet<String>,
    /// How many starts there were.
    starts: usize,
}

impl Audience {
    fn hear(&mut self, news: &News) {
        match news {
            News::Started { happening } => {
                self.starts += 1;
                self.alive.insert(happening.name.clone());
            }
            News::Ended { container, .. } => {
                self.alive.remove(container);
            }
            News::Line { .. } | News::Unreadable { .. } => {}
        }
        logs::show(news, &mut self.printer);
    }
}
