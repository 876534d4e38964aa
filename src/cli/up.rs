//! `topo up` and `topo create`: make the engine as the file says.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use topo::diagnostic::Diagnostic;
use topo::engine::apply::{Ending, Outcome};
use topo::engine::docker::Docker;
use topo::engine::{Cause, Engine, EngineError, Query};
use topo::observed::{Observed, State};
use topo::plan::desired::Desired;
use topo::plan::up::{Impossible, UpOptions, refresh, up};
use topo::plan::{Plan, builder};

use super::attach::attach;
use super::{Context, Exit, Prepared};

/// Create and start the containers of the project, with the networks and volumes they need
///
/// What is there and unchanged is left alone. Without -d the logs are shown until Ctrl-C, which stops all.
///
/// Example: topo up -d --wait
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Do not stay to show the logs
    #[arg(short, long)]
    detach: bool,
    /// Wait until all services run, and are healthy where they have a health check; implies -d
    #[arg(long)]
    wait: bool,
    /// Create, but do not start
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    no_start: bool,
    #[command(flatten)]
    how: How,
}

/// Create the containers of the project without starting them
///
/// Example: topo create --pull always
#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    how: How,
}

/// What `up`, `create` and `plan` have in common.
#[derive(Args, Clone, Debug)]
pub(crate) struct How {
    /// Build images although they are there
    #[arg(long, conflicts_with = "no_build")]
    build: bool,
    /// Never build images
    #[arg(long)]
    no_build: bool,
    /// When to pull images, in place of `pull_policy`
    #[arg(long, value_name = "POLICY", value_parser = ["always", "missing", "never"])]
    pull: Option<String>,
    /// Replace containers although nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    force_recreate: bool,
    /// Leave containers as they are although something changed
    #[arg(long)]
    no_recreate: bool,
    /// Remove containers of services that the file does not have
    #[arg(long)]
    remove_orphans: bool,
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<i32>,
    /// Services to bring up, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

impl How {
    pub(crate) fn options(&self, start: bool, wait: bool) -> UpOptions {
        let Self { build, no_build, pull, force_recreate, no_recreate, remove_orphans, timeout, services } =
            self.clone();
        UpOptions {
            start,
            ignore_orphans: false,
            force_recreate,
            no_recreate,
            build,
            no_build,
            pull,
            remove_orphans,
            wait,
            timeout,
            selected: services,
        }
    }
}

pub(crate) fn run(arguments: &Up, context: &Context) -> Exit {
    let mut options = arguments.how.options(!arguments.no_start, arguments.wait);
    options.remove_orphans |= context.global.settings.remove_orphans;
    options.ignore_orphans = context.global.settings.ignore_orphans;
    let attached = !arguments.detach && !arguments.wait && !arguments.no_start;
    bring_up(&options, attached, context)
}

pub(crate) fn create(arguments: &Create, context: &Context) -> Exit {
    let ignore_orphans = context.global.settings.ignore_orphans;
    bring_up(&UpOptions { ignore_orphans, ..arguments.how.options(false, false) }, false, context)
}

/// A plan, and what it was made from.
pub(crate) struct Planned {
    pub(crate) desired: Desired,
    pub(crate) observed: Observed,
    /// Images to fetch anew; what they change is known only afterwards.
    pub(crate) refresh: Plan,
    pub(crate) plan: Plan,
    query: Query,
}

/// How long to wait before looking again, when another run is about to make what this one wants.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

impl Planned {
    /// Plans anew against the engine as it is now.
    async fn look_again(&mut self, options: &UpOptions, engine: &Docker) -> Result<(), EngineError> {
        self.observed = engine.observe(&self.query).await?;
        if let Ok(plan) = up(&self.desired, &self.observed, options) {
            self.plan = plan;
        }
        Ok(())
    }

    /// Carries the plan out. Where a name is taken that was free before, another `up` made it after this one had
    /// looked: one that runs beside it, or was killed while the engine was still at it. Looking again settles
    /// whether it is what the file asks for.
    pub(crate) async fn carry_out(
        &mut self,
        options: &UpOptions,
        engine: &Docker,
        context: &Context,
        stop: impl Future<Output = ()>,
    ) -> Result<Outcome, EngineError> {
        let mut stop = pin!(stop);
        let is_taken = |error: &EngineError| matches!(error.cause, Cause::NameTaken { .. });
        let mut outcome = context.carry_out(&self.plan, &self.observed, engine, &mut stop).await;
        for pause in PAUSES {
            if outcome.ending != Ending::Failed || !outcome.failed.iter().any(|(_, error)| is_taken(error)) {
                break;
            }
            context.ui.say("another run is at it: looking again");
            tokio::time::sleep(pause).await;
            self.look_again(options, engine).await?;
            outcome = context.carry_out(&self.plan, &self.observed, engine, &mut stop).await;
        }
        Ok(outcome)
    }
}

/// Plans against the engine as it is. `None` says that it is not possible, which has been printed.
pub(crate) async fn plan_up(
    prepared: &mut Prepared,
    options: &UpOptions,
    engine: &Docker,
    context: &Context,
) -> Result<Option<Planned>, EngineError> {
    let Prepared { project, topology, contents, loaded } = prepared;
    // What was said before is not said again.
    loaded.diagnostics = topo::diagnostic::Diagnostics::default();
    let desired =
        Desired::new(project, topology, contents, engine.api(), options.start, &mut loaded.diagnostics);
    let query = Query {
        project: project.name.clone(),
        images: desired.images(),
        aging_images: desired.aging_images(),
        networks: desired.external_networks(),
        volumes: desired.external_volumes(),
        swarm: desired.needs_swarm(),
    };
    let observed = engine.observe(&query).await?;
    let plan = match up(&desired, &observed, options) {
        Ok(plan) => plan,
        Err(impossible) => {
            for Impossible { code, section, key, message, help } in impossible {
                let span = project.span(&[section, &key]);
                let found = Diagnostic::error(code, message).label(span, "asked for here").help(help);
                loaded.diagnostics.push(found);
            }
            Plan::default()
        }
    };
    let refresh = refresh(&desired, &observed, options);
    for (service, build) in desired.builds_in(&[&refresh, &plan]) {
        builder::refuse(project, service, build, &engine.builders(), &mut loaded.diagnostics);
    }
    Ok(context.say(loaded).then_some(Planned { desired, observed, refresh, plan, query }))
}

fn bring_up(options: &UpOptions, attached: bool, context: &Context) -> Exit {
    let Some(mut prepared) = context.prepared(&options.selected, options.start) else { return Exit::Failure };
    context.with_engine(async |engine| {
        bring_up_prepared(&mut prepared, options, attached, &engine, context).await
    })
}

/// Brings up a project that has been loaded.
pub(crate) async fn bring_up_prepared(
    prepared: &mut Prepared,
    options: &UpOptions,
    attached: bool,
    engine: &Docker,
    context: &Context,
) -> Result<Exit, EngineError> {
    let Some(mut planned) = plan_up(prepared, options, engine, context).await? else {
        return Ok(Exit::Failure);
    };
    if !planned.refresh.steps.is_empty() {
        let outcome = context.carry_out(&planned.refresh, &planned.observed, engine, interrupt()).await;
        let exit = context.conclude(&planned.refresh, &outcome);
        if exit != Exit::Success {
            return Ok(exit);
        }
        planned.look_again(options, engine).await?;
    }
    context.note(&planned.plan);
    if attached && !context.global.dry_run {
        // Moving lines and logs would run into each other.
        let context =
            Context { ui: context.ui.plain(), world: context.world, global: context.global.clone() };
        return attach(&mut planned, options, engine, &context).await;
    }
    let outcome = planned.carry_out(options, engine, context, interrupt()).await?;
    let exit = context.conclude(&planned.plan, &outcome);
    if exit == Exit::Success && options.start && !context.global.dry_run {
        summarize(&planned.desired, &planned.plan, engine, context).await?;
    }
    Ok(exit)
}

/// Resolves when the user or the system asks topo to end.
pub(crate) async fn interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Says in a line what stands now, and where it can be reached.
async fn summarize(
    desired: &Desired,
    plan: &Plan,
    engine: &Docker,
    context: &Context,
) -> Result<(), EngineError> {
    let containers: usize = desired.services.iter().map(|service| service.containers.len()).sum();
    let what = if containers == 1 { "1 container".to_owned() } else { format!("{containers} containers") };
    if plan.is_no_op() {
        context.ui.say(&format!("{}: nothing to do, {what} as the file says", desired.project));
        return Ok(());
    }
    let query = Query { project: desired.project.clone(), ..Query::default() };
    let observed = engine.observe(&query).await?;
    context.ui.say(&format!("{}: {what} up", desired.project));
    for container in observed.containers.iter().filter(|container| container.state == State::Running) {
        let mut lines: Vec<String> = container
            .ports
            .iter()
            .filter_map(|port| {
                let (address, host) = port.host.as_ref()?;
                let address = match address.as_str() {
                    "0.0.0.0" | "" => "localhost".to_owned(),
                    "::" => return None,
                    address if address.contains(':') => format!("[{address}]"),
                    address => address.to_owned(),
                };
                Some(format!(
                    "  {} {address}:{host} -> {}/{}",
                    container.service, port.container, port.protocol
                ))
            })
            .collect();
        lines.sort();
        lines.dedup();
        lines.iter().for_each(|line| context.ui.say(line));
    }
    Ok(())
}
