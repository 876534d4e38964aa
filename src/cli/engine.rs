//! What the commands that talk to an engine share: connecting, carrying out a plan, saying what stands.

use std::future::Future;

use topo::diagnostic::Diagnostics;
use topo::engine::apply::{Ending, Outcome, apply_at_most};
use topo::engine::docker::{Connection, Docker};
use topo::engine::{Cause, EngineError};
use topo::load::{Environment, World};
use topo::observed::Observed;
use topo::plan::Plan;
use topo::project::client::DEFAULT_PLATFORM;
use topo::project::{Client, Project};

use super::{Context, Exit};
use crate::ui::{Progress, plan_text};

impl Context {
    /// Runs a command that talks to an engine. Only such commands start a runtime.
    pub(crate) fn with_engine<F>(&self, command: impl FnOnce(Docker) -> F) -> Exit
    where
        F: Future<Output = Result<Exit, EngineError>>,
    {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                self.ui.error(&format!("failed to start the runtime: {error}"));
                return Exit::Failure;
            }
        };
        let ended = runtime.block_on(async { command(Docker::connect(&self.connection()).await?).await });
        // A signal handler or a log stream must not keep the process.
        runtime.shutdown_background();
        ended.unwrap_or_else(|error| {
            self.fail(&error);
            Exit::Failure
        })
    }

    /// Says which engine is meant, by options and variables.
    pub(super) fn connection(&self) -> Connection {
        let home = self.world.home();
        let variable = |name: &str| match (name, &self.global.connection("DOCKER_CONTEXT")) {
            // A context that is named wins over the host of the shell.
            ("DOCKER_HOST", Some(_)) => None,
            _ => self.global.connection(name).or_else(|| self.world.var(name)),
        };
        Connection::from_variables(variable, home.as_deref())
    }

    /// Returns the settings of docker's client that containers and builds get.
    pub(crate) fn client(&self, environment: &Environment) -> Client {
        let platform = environment.get(DEFAULT_PLATFORM, &self.world).filter(|platform| !platform.is_empty());
        Client { platform, proxies: self.connection().proxies() }
    }

    /// Reports what of these settings cannot be.
    pub(crate) fn check_client(
        &self,
        project: &Project,
        environment: &Environment,
        diagnostics: &mut Diagnostics,
    ) {
        let place = environment.find(DEFAULT_PLATFORM, &self.world).and_then(|(_, origin)| origin.span());
        project.check_client(place, diagnostics);
    }

    /// Prints an error of the engine, and what helps against it.
    pub(crate) fn fail(&self, error: &EngineError) {
        self.ui.error(&format!("failed to {error}"));
        if let Some(help) = help(error) {
            self.ui.help(help);
        }
    }

    /// Carries out a plan and shows how it goes. Ctrl-C stops it. With `--dry-run` it only shows the plan.
    pub(crate) async fn carry_out(
        &self,
        plan: &Plan,
        observed: &Observed,
        engine: &Docker,
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        if self.global.dry_run {
            self.ui.data(&plan_text(self.ui, "dry run", plan));
            return Outcome::default();
        }
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let progress = Progress::new(self.ui, plan);
        let applied = async {
            let at_once = self.global.settings.at_once;
            let outcome = apply_at_most(at_once, plan, observed, engine, &sender, stop).await;
            drop(sender);
            outcome
        };
        let (outcome, ()) = tokio::join!(applied, progress.show(receiver));
        outcome
    }

    /// Says how a plan ended, if not well: what failed, what stands, what a second run does.
    pub(crate) fn conclude(&self, plan: &Plan, outcome: &Outcome) -> Exit {
        for (_, error) in &outcome.tolerated {
            match error.cause {
                Cause::InUse { .. } => self.ui.warning(&format!("did not {error}")),
                _ => self.ui.warning(&format!("went on although it failed to {error}")),
            }
        }
        for (_, error) in &outcome.failed {
            self.fail(error);
        }
        if outcome.ending == Ending::Complete {
            return Exit::Success;
        }
        let subjects = |steps: &[usize]| {
            let mut names: Vec<String> =
                steps.iter().map(|step| plan.steps[*step].subject.to_string()).collect();
            names.sort();
            names.dedup();
            names
        };
        let undone = subjects(&outcome.skipped);
        let failed: Vec<usize> = outcome.failed.iter().map(|(step, _)| *step).collect();
        let mut stands = subjects(&outcome.done);
        stands.retain(|name| !undone.contains(name) && !subjects(&failed).contains(name));
        if !stands.is_empty() {
            self.ui.line(&format!("done: {}", stands.join(", ")));
        }
        if !undone.is_empty() {
            self.ui.line(&format!("not finished: {}", undone.join(", ")));
        }
        self.ui.help("run the command again: it goes on from here");
        match outcome.ending {
            Ending::Interrupted => Exit::Interrupted,
            _ => Exit::Failure,
        }
    }
}

/// What mends an error of the engine, where that is known.
fn help(error: &EngineError) -> Option<&'static str> {
    // Whatever was being done, the engine or a build step passes the kernel's words on.
    if error.cause.to_string().to_lowercase().contains("no space left on device") {
        return Some("make room where the engine keeps its data (`docker system df` shows what takes it)");
    }
    Some(match &error.cause {
        Cause::NotReachable { tried } if tried.iter().any(|one| one.starts_with("ssh://")) => {
            "see that `ssh` gets there without a question, and that `docker` is installed and may be used there"
        }
        Cause::NotReachable { tried } if tried.iter().any(|one| one.ends_with("permission denied")) => {
            "join the group that may use the socket (`sudo usermod -aG docker $USER`, then log in again)"
        }
        Cause::NotReachable { .. } => {
            "start Docker Engine (`systemctl start docker`) or install it (https://docs.docker.com/engine/install), or point DOCKER_HOST or a docker context at one"
        }
        Cause::Unsupported { .. } => "use a unix://, tcp:// or ssh:// address in DOCKER_HOST",
        Cause::ImageMissing { .. } => "let it be pulled: remove `pull_policy: never`",
        Cause::PullFailed { .. } => "check the image's name and tag, and `docker login` for a private one",
        Cause::PushFailed { .. } => "check the image's name, and `docker login` to its registry",
        Cause::NameTaken { .. } => "remove or rename the other one, or set `container_name` or `name`",
        Cause::PortTaken { .. } => "stop what listens there (`ss -ltnp` names it), or publish another port",
        Cause::SubnetTaken { .. } => "choose another subnet in `ipam`, or remove networks that are not used",
        Cause::SwarmOff => "run `docker swarm init` once, or use driver `bridge`",
        Cause::NoHealthcheck => "add a `healthcheck` to it, or wait for `service_started`",
        Cause::Disconnected { .. } | Cause::TimedOut => {
            "look at the engine's own log, then run the command again"
        }
        Cause::NotFound { .. }
        | Cause::InUse { .. }
        | Cause::BuildContext { .. }
        | Cause::BuildFailed { .. }
        | Cause::Exited { .. }
        | Cause::Unhealthy { .. }
        | Cause::NotInTime { .. }
        | Cause::HookFailed { .. }
        | Cause::Other { .. } => return None,
    })
}
