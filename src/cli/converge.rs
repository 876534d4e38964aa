//! Plans against the engine as it is, asks before anything is lost, and carries the plan out.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use topo::diagnostic::Diagnostic;
use topo::engine::apply::{Ending, Outcome};
use topo::engine::docker::Docker;
use topo::engine::{Cause, Engine, EngineError, Query};
use topo::observed::{Observed, State};
use topo::plan::changes::{explain, unexplained};
use topo::plan::desired::{Desired, DesiredService};
use topo::plan::questions::questions;
use topo::plan::run::{self, RunOptions};
use topo::plan::up::{Impossible, UpOptions, refresh, up};
use topo::plan::update::{OnFailure, rollback};
use topo::plan::{Op, Plan, StepId, Subject, builder};
use topo::project::{Selection, read_profiles};

use super::attach::{Staying, attach};
use super::up::{Act, interrupt};
use super::{Context, Exit, Prepared};
use crate::ui::Ui;

/// A plan, and what it was made from.
pub(crate) struct Planned {
    pub(crate) desired: Desired,
    /// The service whose container of one command is to be created.
    pub(crate) one_off: Option<DesiredService>,
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
        self.plan_again(options);
        self.explain(engine).await;
        Ok(())
    }

    /// Says in the causes what changed. Where the engine does not tell, they stay as they are.
    async fn explain(&mut self, engine: &Docker) {
        let asked = unexplained(&self.plan).into_iter().map(|id| async {
            let origin = engine.origin(&id).await.ok()?;
            Some((id, origin))
        });
        let origins = join_all(asked).await.into_iter().flatten().collect();
        explain(&mut self.plan, &origins);
    }

    fn plan_again(&mut self, options: &UpOptions) {
        if let Ok(plan) = plan(&self.desired, self.one_off.as_ref(), &self.observed, options) {
            self.plan = plan;
        }
    }

    /// Fetches the images that are asked for anew, and plans with what came of it.
    pub(crate) async fn freshen(
        &mut self,
        options: &UpOptions,
        engine: &Docker,
        context: &Context,
    ) -> Result<Exit, EngineError> {
        if self.refresh.steps.is_empty() {
            return Ok(Exit::Success);
        }
        let outcome = context.carry_out(&self.refresh, &self.observed, engine, interrupt()).await;
        let exit = context.conclude(&self.refresh, &outcome);
        if exit == Exit::Success {
            self.look_again(options, engine).await?;
        }
        Ok(exit)
    }

    /// Carries the plan out. Where a name is taken that was free before, something is gone that was there, or a network
    /// that was superfluous is in use, another `up` was there after this one had looked: one that runs beside it, or was
    /// killed while the engine was still at it. Looking again settles whether it is what the file asks for.
    pub(crate) async fn carry_out(
        &mut self,
        options: &UpOptions,
        engine: &Docker,
        context: &Context,
        stop: impl Future<Output = ()>,
    ) -> Result<Outcome, EngineError> {
        let mut stop = pin!(stop);
        let mut outcome = context.carry_out(&self.plan, &self.observed, engine, &mut stop).await;
        for pause in PAUSES {
            let is_outrun = outcome.failed.iter().any(|(step, error)| self.is_outrun(*step, error));
            if outcome.ending != Ending::Failed || !is_outrun {
                break;
            }
            context.ui.say("another run is at it: looking again");
            tokio::time::sleep(pause).await;
            self.look_again(options, engine).await?;
            outcome = context.carry_out(&self.plan, &self.observed, engine, &mut stop).await;
        }
        if outcome.ending == Ending::Failed {
            self.roll_back(&outcome, engine, context, &mut stop).await?;
        }
        Ok(outcome)
    }

    /// Whether a step failed because of what another run did meanwhile.
    fn is_outrun(&self, step: StepId, error: &EngineError) -> bool {
        let is_twin = |id: &str| {
            let networks = &self.observed.networks;
            let name = networks.iter().find(|network| network.id == id).map(|network| &network.name);
            name.is_some_and(|name| networks.iter().filter(|network| network.name == *name).count() > 1)
        };
        match (&self.plan.steps[step].op, &error.cause) {
            // The latter were there a moment ago, or were made just now.
            (_, Cause::NameTaken { .. })
            | (
                Op::ConnectNetwork { .. } | Op::CopyFiles { .. } | Op::Rename { .. } | Op::Start { .. },
                Cause::NotFound { .. },
            ) => true,
            (Op::RemoveNetwork { id }, Cause::InUse { .. }) => is_twin(id),
            _ => false,
        }
    }

    /// Undoes the updates that failed, where the file says so.
    async fn roll_back(
        &self,
        outcome: &Outcome,
        engine: &Docker,
        context: &Context,
        stop: impl Future<Output = ()>,
    ) -> Result<(), EngineError> {
        let subjects = outcome.failed.iter().map(|(step, _)| &self.plan.steps[*step].subject);
        let failed: Vec<&str> = subjects
            .filter_map(|subject| match subject {
                Subject::Container(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let wanted = |service: &DesiredService| {
            service.update.as_ref().is_some_and(|update| update.on_failure == OnFailure::Rollback)
        };
        if !self.desired.services.iter().any(wanted) {
            return Ok(());
        }
        let observed = engine.observe(&self.query).await?;
        let (plan, services) = rollback(&self.desired, &observed, &failed);
        if services.is_empty() {
            return Ok(());
        }
        context.ui.say(&format!("the update failed; rolling back: {}", services.join(", ")));
        let undone = context.carry_out(&plan, &observed, engine, stop).await;
        undone.failed.iter().for_each(|(_, error)| context.fail(error));
        Ok(())
    }
}

/// Says what of the engine matters to a project.
pub(crate) fn query(desired: &Desired) -> Query {
    Query {
        project: desired.project.clone(),
        images: desired.images(),
        aging_images: desired.aging_images(),
        networks: desired.external_networks(),
        volumes: desired.external_volumes(),
        swarm: desired.needs_swarm(),
    }
}

fn plan(
    desired: &Desired,
    one_off: Option<&DesiredService>,
    observed: &Observed,
    options: &UpOptions,
) -> Result<Plan, Vec<Impossible>> {
    match one_off {
        Some(service) => run::run(desired, service, observed, options),
        None => up(desired, observed, options),
    }
}

/// Plans against the engine as it is. `None` says that it is not possible, which has been printed.
pub(crate) async fn plan_up(
    prepared: &mut Prepared,
    options: &UpOptions,
    engine: &Docker,
    context: &Context,
) -> Result<Option<Planned>, EngineError> {
    plan_with(prepared, options, None, engine, context).await
}

/// The same, and to create the container of one command.
pub(crate) async fn plan_with(
    prepared: &mut Prepared,
    options: &UpOptions,
    one_off: Option<&RunOptions>,
    engine: &Docker,
    context: &Context,
) -> Result<Option<Planned>, EngineError> {
    let Prepared { project, topology, contents, loaded } = prepared;
    // What was said before is not said again.
    loaded.diagnostics = topo::diagnostic::Diagnostics::default();
    contents.profiles = read_profiles(project, &context.world, &mut loaded.diagnostics);
    let mut desired =
        Desired::new(project, topology, contents, engine.api(), options.start, &mut loaded.diagnostics);
    let query = query(&desired);
    let observed = engine.observe(&query).await?;
    let refresh = refresh(&desired, &observed, options);
    let one_off = one_off.and_then(|options| run::take(&mut desired, options));
    let plan = match plan(&desired, one_off.as_ref(), &observed, options) {
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
    for (service, build) in desired.builds_in(&[&refresh, &plan]) {
        builder::refuse(project, service, build, &engine.builders(), &mut loaded.diagnostics);
    }
    if !context.say(loaded) {
        return Ok(None);
    }
    let mut planned = Planned { desired, one_off, observed, refresh, plan, query };
    planned.explain(engine).await;
    Ok(Some(planned))
}

/// Brings the project up, and stays if `staying` says so.
pub(crate) fn bring_up(
    mut options: UpOptions,
    selection: &Selection,
    act: Act,
    staying: Option<&Staying>,
    context: &Context,
) -> Exit {
    let Some(mut prepared) = context.prepared_as(selection.clone(), options.start) else {
        return Exit::Failure;
    };
    let audience = match staying {
        None => None,
        Some(staying) => match staying.resolve(&mut prepared, selection, context) {
            None => return Exit::Failure,
            audience => audience,
        },
    };
    if !orphans_by_variables(&mut options, context) {
        return Exit::Failure;
    }
    let ui = Ui { quiet_pull: act.quiet_pull, quiet_build: act.quiet_build, ..context.ui };
    // Moving lines and logs would run into each other.
    let ui = if audience.is_some() { ui.plain() } else { ui };
    let context = &Context { ui, world: context.world, global: context.global.clone() };
    context.with_engine(async |engine| {
        let dry_run = context.global.dry_run;
        let stays = audience.as_ref().filter(|_| !dry_run);
        let began = if stays.is_some() { engine.now().await? } else { engine.connected() };
        let mut planned = match settle(&mut prepared, &mut options, act, &engine, context).await? {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        if let Some(audience) = stays {
            return Box::pin(attach(&mut planned, began, &options, audience, &engine, context)).await;
        }
        let outcome = planned.carry_out(&options, &engine, context, interrupt()).await?;
        let exit = context.conclude(&planned.plan, &outcome);
        if exit == Exit::Success && options.start && !dry_run {
            summarize(&planned.desired, &planned.plan, &engine, context).await?;
        }
        Ok(exit)
    })
}

/// Plans to bring the project up, once all is fetched that is asked for anew and all is asked that has to be. `Err`
/// says how the command ends.
pub(crate) async fn settle(
    prepared: &mut Prepared,
    options: &mut UpOptions,
    act: Act,
    engine: &Docker,
    context: &Context,
) -> Result<Result<Planned, Exit>, EngineError> {
    let dry_run = context.global.dry_run;
    if !dry_run {
        context.provide(prepared).await?;
    }
    let Some(mut planned) = plan_up(prepared, options, engine, context).await? else {
        return Ok(Err(Exit::Failure));
    };
    let exit = planned.freshen(options, engine, context).await?;
    if exit != Exit::Success {
        return Ok(Err(exit));
    }
    for question in questions(&planned.desired, &planned.observed, options) {
        if act.yes || (!dry_run && context.ui.is_interactive() && context.ui.ask(&question.to_string())) {
            options.agreed.insert(question);
        }
    }
    if !options.agreed.is_empty() {
        planned.plan_again(options);
        planned.explain(engine).await;
    }
    context.note(&planned.plan);
    Ok(Ok(planned))
}

/// Takes what docker compose's variables say on orphans. Returns whether they agree with the flag.
pub(crate) fn orphans_by_variables(options: &mut UpOptions, context: &Context) -> bool {
    options.remove_orphans |= context.global.settings.remove_orphans;
    options.ignore_orphans = context.global.settings.ignore_orphans;
    if options.remove_orphans && options.ignore_orphans {
        context.ui.error("COMPOSE_IGNORE_ORPHANS contradicts `--remove-orphans`");
        context.ui.help("unset one of them");
        return false;
    }
    true
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
