//! Waits for containers to be as their dependents need them: a look when a wait begins, and another one whenever
//! something happened to the container. Nothing is polled; time matters only where a container must run for a while,
//! and where a wait may take only so long.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::watch::{Notice, Watch, inspect};
use super::{Action, Cause, Engine, EngineError, Event, Happening, Inspection, LogQuery, Result, Scope};
use crate::observed::{Health, State};
use crate::plan::{Condition, StepId};

/// How many lines of a container's log tell why it ended.
const LAST_LINES: u64 = 10;

/// What is to be seen of a container that runs, and must go on for a while.
const SETTLING: &str = "just started";

/// All waits of a plan that have begun and not ended.
pub(super) struct Waits<'a, E> {
    engine: &'a E,
    events: &'a UnboundedSender<Event>,
    /// The containers that the plan waits for, now or later.
    names: Vec<String>,
    /// The one subscription that all waits share. It is opened when the first look does not settle a wait; what
    /// happened since topo connected is replayed, so nothing is missed between the two.
    watch: Option<Watch<'a, E>>,
    /// How long each wait may take.
    patience: Option<Duration>,
    pending: BTreeMap<StepId, Pending>,
    looks: FuturesUnordered<LocalBoxFuture<'a, (StepId, Result<Verdict>)>>,
}

struct Pending {
    container: String,
    condition: Condition,
    began: Instant,
    /// When the container will have run for as long as it must; it starts anew with the container.
    settles: Option<Instant>,
    looking: bool,
    /// Something happened while a look was under way, so that it may be outdated.
    again: bool,
    detail: String,
}

/// How a wait ended.
pub(super) struct Settled {
    /// The step.
    pub(super) step: StepId,
    /// Whether the condition holds.
    pub(super) result: Result<()>,
    /// How long the wait took.
    pub(super) took: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Holds,
    /// What is to be seen meanwhile.
    NotYet(String),
    Fails(Cause),
}

impl<'a, E: Engine> Waits<'a, E> {
    pub(super) fn new(
        engine: &'a E,
        events: &'a UnboundedSender<Event>,
        names: Vec<String>,
        patience: Option<Duration>,
    ) -> Self {
        let looks = FuturesUnordered::new();
        Self { engine, events, names, watch: None, patience, pending: BTreeMap::new(), looks }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn add(&mut self, step: StepId, container: &str, condition: Condition) {
        let pending = Pending {
            container: container.to_owned(),
            condition,
            began: Instant::now(),
            settles: None,
            looking: false,
            again: false,
            detail: String::new(),
        };
        self.pending.insert(step, pending);
        self.look(step);
    }

    /// Gives all waits up and returns their steps.
    pub(super) fn give_up(&mut self) -> Vec<StepId> {
        self.looks.clear();
        self.watch = None;
        std::mem::take(&mut self.pending).into_keys().collect()
    }

    /// Returns the next wait that ended. Never returns while there is none. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Settled {
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                Some((step, verdict)) = self.looks.next() => {
                    if let Some(settled) = self.judge(step, verdict) {
                        return settled;
                    }
                }
                notice = next_notice(&mut self.watch) => match notice {
                    Ok(Notice::Happened(happening)) => self.look_after(&happening),
                    Ok(Notice::Renewed) => self.look_at_all(),
                    Err(error) => {
                        if let Some(settled) = self.lose(&error) {
                            return settled;
                        }
                    }
                },
                () = at(deadline) => {
                    if let Some(settled) = self.expire() {
                        return settled;
                    }
                }
                // All branches above are off while nothing is under way.
                else => std::future::pending().await,
            }
        }
    }

    /// When the first wait has settled or has taken too long.
    fn next_deadline(&self) -> Option<Instant> {
        let of = |pending: &Pending| {
            let late = self.patience.map(|patience| pending.began + patience);
            // While a look is under way it may find that the container has ended.
            let settles = pending.settles.filter(|_| !pending.looking);
            settles.into_iter().chain(late).min()
        };
        self.pending.values().filter_map(of).min()
    }

    /// Ends the first wait whose time has come.
    fn expire(&mut self) -> Option<Settled> {
        let now = Instant::now();
        let is_late =
            |pending: &Pending| self.patience.is_some_and(|patience| pending.began + patience <= now);
        let has_settled =
            |pending: &Pending| !pending.looking && pending.settles.is_some_and(|settles| settles <= now);
        let step = *self.pending.iter().find(|(_, one)| has_settled(one) || is_late(one))?.0;
        let pending = self.pending.remove(&step)?;
        let took = pending.began.elapsed();
        if has_settled(&pending) {
            return Some(Settled { step, result: Ok(()), took });
        }
        let seconds = self.patience.unwrap_or_default().as_secs();
        let cause = Cause::NotInTime { seconds, state: pending.detail.clone() };
        Some(Settled { step, result: Err(EngineError::new(doing(&pending), cause)), took })
    }

    fn look(&mut self, step: StepId) {
        let Some(pending) = self.pending.get_mut(&step) else { return };
        if pending.looking {
            pending.again = true;
            return;
        }
        pending.looking = true;
        let (engine, container, condition) = (self.engine, pending.container.clone(), pending.condition);
        self.looks.push(Box::pin(async move { (step, look(engine, &container, condition).await) }));
    }

    fn look_at_all(&mut self) {
        let steps: Vec<_> = self.pending.keys().copied().collect();
        for step in steps {
            self.look(step);
        }
    }

    fn look_after(&mut self, happening: &Happening) {
        let concerns = |pending: &Pending| {
            pending.container == happening.name
                && match happening.action {
                    Action::Start | Action::Die(_) | Action::Destroy => true,
                    Action::Health(_) | Action::Probe => pending.condition == Condition::Healthy,
                    Action::Create | Action::Other(_) => false,
                }
        };
        if matches!(happening.action, Action::Start | Action::Die(_)) {
            for pending in self.pending.values_mut().filter(|pending| concerns(pending)) {
                pending.settles = None;
            }
        }
        let concerned = self.pending.iter().filter(|(_, pending)| concerns(pending));
        let steps: Vec<_> = concerned.map(|(step, _)| *step).collect();
        for step in steps {
            self.look(step);
        }
    }

    fn judge(&mut self, step: StepId, verdict: Result<Verdict>) -> Option<Settled> {
        let pending = self.pending.get_mut(&step)?;
        pending.looking = false;
        let result = match verdict {
            Ok(Verdict::NotYet(detail)) => {
                if pending.detail != detail {
                    pending.detail.clone_from(&detail);
                    // Whoever listened may have gone; the plan is carried out all the same.
                    let _ = self.events.send(Event::Waiting { step, detail });
                }
                if let Condition::Settled(time) = pending.condition
                    && pending.detail == SETTLING
                {
                    pending.settles.get_or_insert_with(|| Instant::now() + time);
                }
                if std::mem::take(&mut pending.again) {
                    self.look(step);
                }
                if self.watch.is_none() {
                    let scope = Scope::Containers(self.names.clone());
                    self.watch = Some(Watch::new(self.engine, scope, self.engine.connected()));
                }
                return None;
            }
            Ok(Verdict::Holds) => Ok(()),
            Ok(Verdict::Fails(cause)) => Err(EngineError::new(doing(pending), cause)),
            Err(error) => Err(EngineError::new(doing(pending), error.cause)),
        };
        let took = pending.began.elapsed();
        self.pending.remove(&step);
        Some(Settled { step, result, took })
    }

    /// Fails a wait because the engine cannot be followed. The others fail at the next attempt to follow it.
    fn lose(&mut self, error: &EngineError) -> Option<Settled> {
        let (step, pending) = self.pending.pop_first()?;
        let result = Err(EngineError::new(doing(&pending), error.cause.clone()));
        Some(Settled { step, result, took: pending.began.elapsed() })
    }
}

/// Resolves at that time; never if there is none.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn next_notice<E: Engine>(watch: &mut Option<Watch<'_, E>>) -> Result<Notice> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

fn doing(pending: &Pending) -> String {
    format!("wait for container {} to be {}", pending.container, pending.condition)
}

async fn look(engine: &impl Engine, container: &str, condition: Condition) -> Result<Verdict> {
    let verdict = judge(&inspect(engine, container).await?, condition);
    let Verdict::Fails(Cause::Exited { code, reason, .. }) = verdict else { return Ok(verdict) };
    let query = LogQuery { tail: Some(LAST_LINES), ..LogQuery::default() };
    let lines = engine.logs(container, &query);
    // A log driver that cannot be read must not hide the exit code.
    let lines = lines.filter_map(async |line| line.ok()).map(|line| line.text).collect::<Vec<_>>().await;
    let output = lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    Ok(Verdict::Fails(Cause::Exited { code, reason, output }))
}

fn judge(seen: &Inspection, condition: Condition) -> Verdict {
    let ended = |code: Option<i64>| {
        let reason = seen.reason.clone();
        Verdict::Fails(Cause::Exited { code: code.unwrap_or(-1), reason, output: Vec::new() })
    };
    match (condition, seen.state) {
        (Condition::Healthy, _) if !seen.has_healthcheck => Verdict::Fails(Cause::NoHealthcheck),
        (_, State::Removing) => Verdict::Fails(Cause::NotFound { message: "it is being removed".to_owned() }),
        (_, State::Created) => Verdict::NotYet("not started".to_owned()),
        // Whoever needs it started does not mind if it has done its work already, as in docker compose.
        (Condition::Started, _)
        | (Condition::CompletedSuccessfully | Condition::Settled(_), State::Exited(Some(0))) => {
            Verdict::Holds
        }
        (_, State::Exited(code) | State::Dead(code)) => ended(code),
        (_, State::Restarting) => Verdict::NotYet("restarting".to_owned()),
        (Condition::CompletedSuccessfully, State::Running | State::Paused) => {
            Verdict::NotYet("running".to_owned())
        }
        (Condition::Settled(_), State::Running | State::Paused) => Verdict::NotYet(SETTLING.to_owned()),
        (Condition::Healthy, State::Running | State::Paused) => match seen.health {
            Some(Health::Healthy) => Verdict::Holds,
            Some(Health::Unhealthy) => Verdict::Fails(Cause::Unhealthy { output: last_probe(seen) }),
            Some(Health::Starting) | None => Verdict::NotYet(starting(seen)),
        },
    }
}

/// Returns what the last probe printed, as far as it fits into a message.
fn last_probe(seen: &Inspection) -> Vec<String> {
    let output = seen.health_output.as_deref().unwrap_or_default();
    let lines: Vec<_> = output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.iter().rev().take(5).rev().map(|line| line.chars().take(200).collect()).collect()
}

fn starting(seen: &Inspection) -> String {
    match (seen.failing_streak, last_probe(seen).pop()) {
        (0, _) => "starting".to_owned(),
        (times, None) => format!("starting, its health check failed {times}x"),
        (times, Some(line)) => format!("starting, its health check failed {times}x: {line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(state: State, health: Option<Health>) -> Inspection {
        Inspection {
            id: "3f".into(),
            name: "app-db-1".into(),
            state,
            reason: String::new(),
            has_healthcheck: true,
            health,
            failing_streak: 0,
            health_output: Some("one\ntwo\n".into()),
            tty: false,
            open_stdin: false,
        }
    }

    #[test]
    fn verdicts() {
        use Condition::{CompletedSuccessfully as Completed, Healthy, Started};
        let check = |state, health, condition| judge(&seen(state, health), condition);
        let exited = |code| Verdict::Fails(Cause::Exited { code, reason: String::new(), output: Vec::new() });
        assert_eq!(check(State::Running, None, Started), Verdict::Holds);
        assert_eq!(check(State::Exited(Some(0)), None, Completed), Verdict::Holds);
        assert_eq!(check(State::Exited(Some(2)), None, Completed), exited(2));
        assert_eq!(check(State::Exited(Some(0)), None, Healthy), exited(0));
        assert_eq!(check(State::Restarting, None, Healthy), Verdict::NotYet("restarting".into()));
        assert_eq!(check(State::Running, Some(Health::Healthy), Healthy), Verdict::Holds);
        assert_eq!(
            check(State::Running, Some(Health::Unhealthy), Healthy),
            Verdict::Fails(Cause::Unhealthy { output: vec!["one".into(), "two".into()] })
        );
        let mut failing = seen(State::Running, Some(Health::Starting));
        failing.failing_streak = 2;
        assert_eq!(
            judge(&failing, Healthy),
            Verdict::NotYet("starting, its health check failed 2x: two".into())
        );
        failing.has_healthcheck = false;
        assert_eq!(judge(&failing, Healthy), Verdict::Fails(Cause::NoHealthcheck));
    }
}
