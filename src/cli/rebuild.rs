//! What watching does with containers as a whole: builds and replaces them, or restarts them. Others are left alone.

use std::future::Future;
use std::pin::pin;

use topo::engine::apply::{Ending, Outcome};
use topo::engine::{Engine as _, EngineError};
use topo::plan::hooks::with_hooks;
use topo::plan::images::prune;
use topo::plan::lifecycle::{RestartOptions, restart};
use topo::plan::members::Members;
use topo::plan::up::{UpOptions, refresh, up};

use super::converge::query;
use super::watching::{Watching, quoted};

impl Watching<'_> {
    /// Rebuilds services, and restarts those that depend on them with `restart: true`. What goes wrong is said. Returns
    /// whether there are new containers.
    pub(super) async fn rebuild(
        &self,
        services: &[String],
        stop: impl Future<Output = ()>,
    ) -> Result<bool, EngineError> {
        let mut stop = pin!(stop);
        self.note(format!("Rebuilding service(s) {} after changes were detected...", quoted(services)));
        let options = UpOptions {
            start: true,
            build: true,
            force_recreate: true,
            ignore_orphans: true,
            selected: services.to_vec(),
            ..UpOptions::default()
        };
        let alone = self.desired.only(services, false);
        let observed = self.engine.observe(&query(&alone)).await?;
        // Images that are not there are built by the plan below.
        let builds = refresh(&alone, &observed, &options);
        let outcome = self.context.carry_out(&builds, &observed, self.engine, &mut stop).await;
        if !self.is_complete(&outcome, "Build failed") {
            return Ok(false);
        }
        self.note(format!("service(s) {} successfully built", quoted(services)));

        let desired = self.desired.only(services, true);
        let observed = self.engine.observe(&query(&desired)).await?;
        let plan = match up(&desired, &observed, &options) {
            Ok(plan) => plan,
            Err(impossible) => {
                impossible.iter().for_each(|one| self.context.ui.error(&one.message));
                return Ok(false);
            }
        };
        self.announce_ends(&plan, &observed);
        let outcome = self.context.carry_out(&plan, &observed, self.engine, &mut stop).await;
        if !self.is_complete(&outcome, "Failed to recreate services after update") {
            return Ok(false);
        }
        if self.prune {
            let nameless = self.engine.nameless_images(&self.desired.project).await?;
            let observed = self.engine.observe(&query(&desired)).await?;
            let plan = prune(&nameless, &observed);
            self.context.carry_out(&plan, &observed, self.engine, &mut stop).await;
        }
        Ok(true)
    }

    /// Restarts services, and those that depend on them with `restart: true`. What goes wrong is said.
    pub(super) async fn restart(
        &self,
        services: &[String],
        stop: impl Future<Output = ()>,
    ) -> Result<(), EngineError> {
        let observed = self.observe().await?;
        let options = RestartOptions { services: services.to_vec(), ..RestartOptions::default() };
        let plan = match restart(&Members::of_desired(self.desired), &observed, &options) {
            Ok(plan) => with_hooks(plan, &observed, &self.desired.hooks()),
            Err(missing) => {
                missing.iter().for_each(|one| self.context.ui.error(one));
                return Ok(());
            }
        };
        self.announce_ends(&plan, &observed);
        let outcome = self.context.carry_out(&plan, &observed, self.engine, stop).await;
        if self.is_complete(&outcome, "Failed to restart services after update") {
            self.note(format!("service(s) {} restarted", quoted(services)));
        }
        Ok(())
    }

    /// Says what failed.
    fn is_complete(&self, outcome: &Outcome, what: &str) -> bool {
        for (_, error) in &outcome.failed {
            self.note(format!("{what}. Error: failed to {error}"));
        }
        outcome.ending == Ending::Complete
    }
}
