//! `topo up` and `topo create`: make the engine as the file says.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use topo::diagnostic::Diagnostic;
use topo::engine::docker::Docker;
use topo::engine::follow::{Follow, News};
use topo::engine::{Engine, EngineError, LogQuery, Query};
use topo::observed::{Observed, State};
use topo::plan::desired::{Desired, DesiredService};
use topo::plan::up::{Impossible, UpOptions, refresh, up};
use topo::plan::{Op, Plan, Step, StepId, Subject, labels};

use super::{Context, Exit, Prepared, down, logs};
use crate::ui::LogPrinter;

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
    let options = arguments.how.options(!arguments.no_start, arguments.wait);
    let attached = !arguments.detach && !arguments.wait && !arguments.no_start;
    bring_up(&options, attached, context)
}

pub(crate) fn create(arguments: &Create, context: &Context) -> Exit {
    bring_up(&arguments.how.options(false, false), false, context)
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
    Ok(context.say(loaded).then_some(Planned { desired, observed, refresh, plan, query }))
}

fn bring_up(options: &UpOptions, attached: bool, context: &Context) -> Exit {
    let Some(mut prepared) = context.prepared(&options.selected, options.start) else { return Exit::Failure };
    context.with_engine(async |engine| {
        let Some(planned) = plan_up(&mut prepared, options, &engine, context).await? else {
            return Ok(Exit::Failure);
        };
        let Planned { desired, mut observed, refresh, mut plan, query } = planned;
        if !refresh.steps.is_empty() {
            let outcome = context.carry_out(&refresh, &observed, &engine, interrupt()).await;
            let exit = context.conclude(&refresh, &outcome);
            if exit != Exit::Success {
                return Ok(exit);
            }
            observed = engine.observe(&query).await?;
            plan = up(&desired, &observed, options).unwrap_or(plan);
        }
        for note in &plan.notes {
            context.ui.warning(note);
        }
        if attached {
            // Moving lines and logs would run into each other.
            let context =
                Context { ui: context.ui.plain(), world: context.world, global: context.global.clone() };
            return attach(&desired, &observed, &plan, options, &engine, &context).await;
        }
        let outcome = context.carry_out(&plan, &observed, &engine, interrupt()).await;
        let exit = context.conclude(&plan, &outcome);
        if exit == Exit::Success && options.start {
            summarize(&desired, &plan, &engine, context).await?;
        }
        Ok(exit)
    })
}

/// Brings the project up while the logs run by; Ctrl-C stops all containers in reverse order, a second one kills
/// them.
async fn attach(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    options: &UpOptions,
    engine: &Docker,
    context: &Context,
) -> Result<Exit, EngineError> {
    let shown = |name: &str| desired.service(name).is_some_and(|service| service.attach);
    let names = desired.services.iter().filter(|service| service.attach);
    let names = names.flat_map(|service| &service.containers).map(|container| container.create.name.as_str());
    let printer = LogPrinter::new(context.ui, &desired.project, true, names);
    let mut audience = Audience { printer, alive: BTreeSet::new(), starts: 0 };
    // Before the first container starts, so that no line is missed.
    let mut follow = Follow::new(engine, &desired.project, false, |happening| {
        happening.attributes.get(labels::SERVICE).is_some_and(|service| shown(service))
    });
    let running = observed.containers.iter().filter(|container| container.state == State::Running);
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
        let mut carried_out = pin!(context.carry_out(plan, observed, engine, stop_asked));
        loop {
            tokio::select! {
                outcome = &mut carried_out => break outcome,
                () = &mut interrupted, if !*stop.borrow() => {
                    stop.send_replace(true);
                }
                news = follow.next() => audience.hear(&news?),
            }
        }
    };
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
    let mut all_stopped = pin!(down::stop_all(&desired.project, options.timeout, engine, context));
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
