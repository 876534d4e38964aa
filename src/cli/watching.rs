//! Watching: does what the rules say when files change, until it is told to stop. What goes wrong with a change is
//! said, and does not end it.

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use topo::engine::docker::Docker;
use topo::engine::docker::disk::{Disk, below};
use topo::engine::{Cause, Engine as _, EngineError, Query};
use topo::observed::{Container, Observed, State};
use topo::plan::desired::Desired;
use topo::plan::watch::{Rule, Work, first_sync, judge};
use topo::plan::{Op, Plan};

use super::Context;

/// What is watched, and for whom.
pub(crate) struct Watching<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) rules: &'a [Rule],
    pub(crate) engine: &'a Docker,
    pub(crate) context: &'a Context,
    /// Whether images are removed that have lost their name to a new build.
    pub(crate) prune: bool,
    pub(crate) said: UnboundedSender<Said>,
}

/// What watching has to say.
#[derive(Debug)]
pub(crate) enum Said {
    /// What it does.
    Note(String),
    /// A line that a command wrote in a container.
    Line {
        /// The container.
        container: String,
        /// The line.
        text: String,
    },
    /// These containers are about to end, on purpose.
    Ends(Vec<String>),
}

impl Watching<'_> {
    /// Watches until it is told to stop. Only what makes watching impossible is an error.
    pub(crate) async fn run(&self, stop: watch::Receiver<bool>) -> Result<(), EngineError> {
        let broken = |error: std::io::Error| {
            EngineError::new("watch files", Cause::Other { status: None, message: error.to_string() })
        };
        // Before the first sync, so that no change is missed.
        let paths = self.rules.iter().map(|rule| rule.path.clone()).collect();
        let mut disk = Disk::new(&paths).map_err(broken)?;
        let enters = |directory: &std::path::Path| self.rules.iter().any(|rule| rule.enters(directory));
        self.first_sync(|_| true).await;
        self.note("Watch enabled".to_owned());
        loop {
            let changes = tokio::select! {
                () = asked(&stop) => break,
                changes = disk.next(&enters) => changes.map_err(broken)?,
            };
            self.carry_out(&judge(self.rules, &changes), &stop).await;
        }
        self.note("Watch disabled".to_owned());
        Ok(())
    }

    /// Copies what is there, where the rules ask for it.
    async fn first_sync(&self, is_meant: impl Fn(&str) -> bool) {
        let asking = self.rules.iter().filter(|rule| rule.initial_sync && is_meant(&rule.service));
        let found: Vec<_> = asking.flat_map(|rule| below(&rule.path, &|path| rule.enters(path))).collect();
        for (service, sync) in first_sync(self.rules, &found) {
            if is_meant(&service) {
                self.sync(&service, &sync).await.unwrap_or_else(|error| self.context.fail(&error));
            }
        }
    }

    async fn carry_out(&self, work: &Work, stop: &watch::Receiver<bool>) {
        let Work { rebuild, sync, restart, exec } = work;
        let say = |done: Result<(), EngineError>| done.unwrap_or_else(|error| self.context.fail(&error));
        if !rebuild.is_empty() {
            let services: Vec<String> = rebuild.iter().cloned().collect();
            match self.rebuild(&services, asked(stop)).await {
                // New containers have nothing of what was synced before.
                Ok(true) => self.first_sync(|service| rebuild.contains(service)).await,
                Ok(false) => {}
                Err(error) => self.context.fail(&error),
            }
        }
        for (service, sync) in sync {
            say(self.sync(service, sync).await);
        }
        if !restart.is_empty() && !*stop.borrow() {
            let services: Vec<String> = restart.iter().cloned().collect();
            say(self.restart(&services, asked(stop)).await);
        }
        tokio::select! {
            // What runs in a container is left to itself.
            () = asked(stop) => {}
            done = self.exec(exec) => say(done),
        }
    }

    pub(super) async fn observe(&self) -> Result<Observed, EngineError> {
        self.engine.observe(&Query { project: self.desired.project.clone(), ..Query::default() }).await
    }

    /// Says which containers a plan ends.
    pub(super) fn announce_ends(&self, plan: &Plan, observed: &Observed) {
        let ends = plan.steps.iter().filter_map(|step| match &step.op {
            Op::Stop { container, .. } | Op::Restart { container, .. } => Some(container),
            _ => None,
        });
        let runs = |container: &&Container| container.state == State::Running;
        let named = ends.filter_map(|id| observed.containers.iter().filter(runs).find(|one| one.id == *id));
        self.say(Said::Ends(named.map(|container| container.name.clone()).collect()));
    }

    pub(super) fn note(&self, text: String) {
        self.say(Said::Note(text));
    }

    pub(super) fn say(&self, said: Said) {
        // Nobody listens any more at the very end.
        let _ = self.said.send(said);
    }
}

/// Resolves when it is told to stop, or when nobody can tell it any more.
async fn asked(stop: &watch::Receiver<bool>) {
    let mut stop = stop.clone();
    let _ = stop.wait_for(|asked| *asked).await;
}

/// Writes names as docker compose does: `["api" "web"]`.
pub(super) fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", names.join(" "))
}
