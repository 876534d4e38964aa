//! `topo up` that stays: the logs run by until all has ended, or until Ctrl-C stops all.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use topo::diagnostic::did_you_mean;
use topo::engine::docker::Docker;
use topo::engine::follow::{Follow, News};
use topo::engine::{Engine, EngineError, LogQuery, Query, Since};
use topo::observed::State;
use topo::plan::up::UpOptions;
use topo::plan::watch::Rule;
use topo::plan::{Op, Step, StepId, Subject, labels};
use topo::project::Selection;

use super::up::{Planned, interrupt};
use super::watching::{Said, Watching};
use super::{Context, Exit, Prepared, logs, stop as stopping};
use crate::ui::{LogPrinter, Ui};

/// How an `up` stays.
#[derive(Clone, Debug)]
pub(crate) struct Staying {
    /// The services whose logs are shown; empty for those that were named.
    pub(crate) attach: Vec<String>,
    /// The services whose logs are not shown.
    pub(crate) no_attach: Vec<String>,
    /// Whether the logs of what the named services depend on are shown, too.
    pub(crate) with_dependencies: bool,
    /// What the end of a container does.
    pub(crate) on_end: OnEnd,
    /// The service whose container's code is the run's.
    pub(crate) code_from: Option<String>,
    /// Whether lines have their time.
    pub(crate) timestamps: bool,
    /// Whether lines have the name of their container.
    pub(crate) prefix: bool,
    /// Whether lines have colour.
    pub(crate) color: bool,
    /// Whether files are watched meanwhile.
    pub(crate) watch: bool,
}

/// What the end of a container does to an `up` that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnEnd {
    /// Nothing.
    GoOn,
    /// It stops all others.
    Abort,
    /// It stops all others if the code is not 0.
    AbortOnFailure,
}

/// What to stay for, with the services that it is about.
#[derive(Debug)]
pub(crate) struct Audience {
    staying: Staying,
    /// The services whose logs are shown.
    shown: BTreeSet<String>,
    /// The services that the user named, which are stopped at the end; empty for all.
    named: BTreeSet<String>,
    /// What changes of files do.
    rules: Vec<Rule>,
}

impl Staying {
    /// Says which services' logs are shown, and which files watched. `None` says that this cannot be, which has been
    /// printed.
    pub(crate) fn resolve(
        &self,
        prepared: &mut Prepared,
        selection: &Selection,
        context: &Context,
    ) -> Option<Audience> {
        let rules = if self.watch { context.watch_rules(prepared)? } else { Vec::new() };
        let project = &prepared.project;
        let mut all_known = true;
        for name in self.attach.iter().chain(&self.no_attach).chain(&self.code_from) {
            if project.services.contains_key(name) {
                continue;
            }
            all_known = false;
            context.ui.error(&format!("there is no service `{name}` in what is brought up"));
            if let Some(help) = did_you_mean(name, project.services.keys().map(String::as_str)) {
                context.ui.help(&help);
            }
        }
        let is_named = |name: &String| selection.services.is_empty() || selection.services.contains(name);
        // As in docker compose: who is named is shown, unless the file or the user says otherwise.
        let shown = match &self.attach[..] {
            [] => project
                .services
                .iter()
                .filter(|(name, service)| {
                    (self.with_dependencies || is_named(name)) && service.attach != Some(false)
                })
                .map(|(name, _)| name.clone())
                .collect(),
            attach => attach.iter().cloned().collect::<BTreeSet<_>>(),
        };
        let shown = shown.into_iter().filter(|name| !self.no_attach.contains(name)).collect();
        let named = selection.services.iter().cloned().collect();
        all_known.then(|| Audience { staying: self.clone(), shown, named, rules })
    }
}

/// Brings the project up while the logs run by; Ctrl-C stops the containers in reverse order, a second one kills
/// them. `began` is a point before the plan was made: an end before that is no news.
pub(crate) async fn attach(
    planned: &mut Planned,
    began: Since,
    options: &UpOptions,
    audience: &Audience,
    engine: &Docker,
    context: &Context,
) -> Result<Exit, EngineError> {
    let desired = planned.desired.clone();
    let Audience { staying, shown, named, rules } = audience;
    let mut listener = Listener::new(planned, audience, context.ui);
    let services = listener.services.clone();
    // Before the first container starts, so that no line is missed.
    let mut follow = Follow::new(engine, &desired.project, began, staying.timestamps, |happening| {
        happening.attributes.get(labels::SERVICE).is_some_and(|service| shown.contains(service))
    });
    if staying.on_end != OnEnd::GoOn {
        let running = planned.observed.containers.iter().filter(|one| one.state == State::Running);
        follow = follow.with_all_ends(running.map(|container| container.name.clone()));
    }
    let running = planned.observed.containers.iter().filter(|container| container.state == State::Running);
    for container in running.filter(|container| shown.contains(&container.service)) {
        // What it wrote before is in `topo logs`.
        follow.add(&container.name, true, &LogQuery { tail: Some(0), ..LogQuery::default() });
        listener.alive.insert(container.name.clone());
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
                news = follow.next() => listener.hear(&news?),
            }
            if listener.first.is_some() {
                stop.send_replace(true);
            }
        }
    };
    let plan = &planned.plan;
    let exit = if listener.first.is_some() { Exit::Success } else { context.conclude(plan, &outcome) };
    if exit == Exit::Failure {
        return Ok(exit);
    }
    // The engine tells of a start after it was done; what that container writes is not to be missed.
    let is_shown_start = |step: &&StepId| {
        let Step { op: Op::Start { .. }, subject: Subject::Container(name), .. } = &plan.steps[**step] else {
            return false;
        };
        services.get(name).is_some_and(|service| shown.contains(service))
    };
    let expected = outcome.done.iter().filter(is_shown_start).count();
    let query = Query { project: desired.project.clone(), ..Query::default() };
    let any_runs = async || {
        let observed = engine.observe(&query).await?;
        let mut shown = observed.containers.iter().filter(|container| shown.contains(&container.service));
        Ok::<_, EngineError>(shown.any(|container| container.state.is_alive()))
    };
    let (sender, mut said) = unbounded_channel();
    let watching = Watching { desired: &desired, rules, engine, context, prune: true, said: sender };
    let mut watching = pin!(watching.run(stop.subscribe()));
    let mut is_watching = !rules.is_empty();
    while !*stop.borrow() {
        if listener.first.is_some() {
            stop.send_replace(true);
            break;
        }
        // What is watched may start again.
        let is_silent = listener.alive.is_empty() && !is_watching;
        if is_silent && listener.starts >= expected && !any_runs().await? {
            break;
        }
        tokio::select! {
            () = &mut interrupted => {
                stop.send_replace(true);
            }
            news = follow.next() => listener.hear(&news?),
            Some(said) = said.recv() => listener.watched(said),
            ended = &mut watching, if is_watching => {
                is_watching = false;
                ended.unwrap_or_else(|error| context.fail(&error));
            }
            // A start that was not told of by now never will be.
            () = tokio::time::sleep(Duration::from_secs(2)), if is_silent => {
                if !any_runs().await? {
                    break;
                }
            }
        }
    }
    if !*stop.borrow() {
        return Ok(listener.code().unwrap_or(exit));
    }
    while is_watching {
        tokio::select! {
            ended = &mut watching => {
                is_watching = false;
                ended.unwrap_or_else(|error| context.fail(&error));
            }
            news = follow.next() => listener.hear(&news?),
        }
    }
    while let Ok(last) = said.try_recv() {
        listener.watched(last);
    }
    context.ui.say(match listener.first {
        Some(_) => "a container ended: stopping the others",
        None => "stopping; Ctrl-C again kills",
    });
    let meant = stopping::Meant { services: named.clone(), hooks: desired.hooks() };
    let mut all_stopped =
        pin!(stopping::stop_all(&desired.project, &meant, options.timeout, engine, context));
    let result = loop {
        tokio::select! {
            result = &mut all_stopped => break result,
            news = follow.next() => listener.hear(&news?),
        }
    };
    result?;
    if listener.first.is_none() {
        return Ok(Exit::Interrupted);
    }
    // The chosen container's code may be told a moment after it was stopped.
    let is_known = |listener: &Listener| staying.code_from.is_none() || listener.chosen.is_some();
    while !is_known(&listener) {
        tokio::select! {
            news = follow.next() => listener.hear(&news?),
            () = tokio::time::sleep(Duration::from_secs(2)) => break,
        }
    }
    Ok(listener.code().unwrap_or(Exit::Success))
}

/// Prints news, and keeps in mind which containers run and which ended.
struct Listener<'a> {
    printer: LogPrinter,
    staying: &'a Staying,
    /// The services of the containers, by name.
    services: BTreeMap<String, String>,
    /// The containers that run and are followed, by name.
    alive: BTreeSet<String>,
    /// The containers that the plan stops, by name: their first end is no news.
    replaced: BTreeSet<String>,
    /// How many starts there were.
    starts: usize,
    /// The code of the first container whose end stops the others.
    first: Option<i64>,
    /// The code of the first container of the service whose code is the run's.
    chosen: Option<i64>,
}

impl<'a> Listener<'a> {
    fn new(planned: &Planned, audience: &'a Audience, ui: Ui) -> Self {
        let Audience { staying, shown, named: _, rules: _ } = audience;
        let Planned { desired, observed, plan, .. } = planned;
        let services: BTreeMap<String, String> = desired
            .services
            .iter()
            .flat_map(|service| service.containers.iter().map(move |container| (service, container)))
            .map(|(service, container)| (container.create.name.clone(), service.name.clone()))
            .collect();
        let names = services.iter().filter(|(_, service)| shown.contains(*service));
        let ui = Ui { color_stdout: ui.color_stdout && staying.color, ..ui };
        let names = names.map(|(name, _)| name.as_str());
        let printer = LogPrinter::new(ui, &desired.project, staying.prefix, names);
        let stopped = |id: &str| {
            let found =
                observed.containers.iter().find(|container| container.id == id && container.state.is_alive());
            found.map(|container| container.name.clone())
        };
        let replaced = plan.steps.iter().filter_map(|step| match &step.op {
            Op::Stop { container, .. } => stopped(container),
            _ => None,
        });
        Self {
            printer,
            staying,
            services,
            alive: BTreeSet::new(),
            replaced: replaced.collect(),
            starts: 0,
            first: None,
            chosen: None,
        }
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Started { happening } => {
                self.starts += 1;
                self.alive.insert(happening.name.clone());
            }
            News::Ended { container, code } => {
                let was_shown = self.alive.remove(container);
                self.end(container, *code);
                if !was_shown {
                    return;
                }
            }
            News::Line { .. } | News::Unreadable { .. } => {}
        }
        logs::show(news, &mut self.printer);
    }

    /// Takes in what watching has to say.
    fn watched(&mut self, said: Said) {
        match said {
            Said::Ends(containers) => self.replaced.extend(containers),
            Said::Note(text) => self.printer.own(&text),
            Said::Line { container, text } => self.printer.text(&container, &text),
        }
    }

    fn end(&mut self, container: &str, code: i64) {
        let Some(service) = self.services.get(container) else { return };
        if self.replaced.remove(container) {
            return;
        }
        let counts = match self.staying.on_end {
            OnEnd::GoOn => false,
            OnEnd::Abort => true,
            OnEnd::AbortOnFailure => code != 0,
        };
        if counts {
            self.first.get_or_insert(code);
        }
        if self.staying.code_from.as_ref() == Some(service) {
            self.chosen.get_or_insert(code);
        }
    }

    /// How the run ends because a container did.
    fn code(&self) -> Option<Exit> {
        let code = self.chosen.or(self.first)?;
        // A process has eight bits for it.
        Some(if code == 0 { Exit::Success } else { Exit::Code(u8::try_from(code & 0xff).unwrap_or(1)) })
    }
}
