//! `topo watch`: do what the file says when files change.

use std::collections::BTreeMap;
use std::pin::pin;

use clap::Args;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use topo::diagnostic::Diagnostics;
use topo::engine::docker::disk;
use topo::load::World as _;
use topo::model::service::PullPolicy;
use topo::plan::up::UpOptions;
use topo::plan::watch::{Rule, ignore_files, rules};
use topo::project::{Project, Selection};

use super::converge::{orphans_by_variables, plan_up, settle};
use super::up::{Act, interrupt};
use super::watching::{Said, Watching};
use super::{Context, Exit, Prepared};
use crate::ui::{LogPrinter, Ui};

/// Sync, restart or rebuild services when their files change
///
/// What changes do stands under `develop` of each service. The project is brought up first, with images built anew.
/// Ctrl-C ends the watching; the containers go on.
///
/// Example: topo watch web
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// Do not build and start services before
    #[arg(long)]
    no_up: bool,
    /// Remove images that have lost their name to a new build
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    prune: bool,
    /// Show no progress of builds
    #[arg(long)]
    quiet: bool,
    /// Services to watch, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Watch, context: &Context) -> Exit {
    let Watch { no_up, prune, quiet, services } = arguments;
    let selection = Selection { services: services.clone(), ..Selection::default() };
    let mut prepared = context.changed_to_start(selection, true, |project, _| build_anew(project));
    if !context.say(&prepared.loaded) {
        return Exit::Failure;
    }
    let Some(rules) = context.watch_rules(&mut prepared) else { return Exit::Failure };
    let mut options = UpOptions { start: true, selected: services.clone(), ..UpOptions::default() };
    if !orphans_by_variables(&mut options, context) {
        return Exit::Failure;
    }
    // As in docker compose, only `up` and `down` remove them.
    options.remove_orphans = false;
    let ui = Ui { quiet_pull: *quiet, quiet_build: *quiet, ..context.ui };
    let context = &Context { ui, world: context.world, global: context.global.clone() };
    let act = Act { yes: false, quiet_pull: *quiet, quiet_build: *quiet };
    context.with_engine(async |engine| {
        let planned = if *no_up {
            plan_up(&mut prepared, &options, &engine, context).await?.ok_or(Exit::Failure)
        } else {
            settle(&mut prepared, &mut options, act, &engine, context).await?
        };
        let mut planned = match planned {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        if !no_up {
            let outcome = planned.carry_out(&options, &engine, context, interrupt()).await?;
            let exit = context.conclude(&planned.plan, &outcome);
            if exit != Exit::Success {
                return Ok(exit);
            }
        }
        if context.global.dry_run {
            return Ok(Exit::Success);
        }
        let (sender, mut said) = unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let desired = &planned.desired;
        let watching =
            Watching { desired, rules: &rules, engine: &engine, context, prune: *prune, said: sender };
        let mut printer = LogPrinter::new(context.ui, &desired.project, false, []);
        let mut print = |said: Said| match said {
            Said::Note(text) => printer.own(&text),
            Said::Line { container, text } => printer.text(&container, &text),
            Said::Ends(_) => {}
        };
        let (mut watched, mut interrupted) = (pin!(watching.run(stopped)), pin!(interrupt()));
        let ended = loop {
            tokio::select! {
                biased;
                Some(said) = said.recv() => print(said),
                () = &mut interrupted, if !*stop.borrow() => {
                    stop.send_replace(true);
                }
                ended = &mut watched => break ended,
            }
        };
        while let Ok(last) = said.try_recv() {
            print(last);
        }
        ended.map(|()| Exit::Interrupted)
    })
}

/// Lets the images be built that the watched services are made from, although they are there.
fn build_anew(project: &mut Project) {
    for service in project.services.values_mut() {
        if service.build.is_some() && service.develop.is_some() {
            service.pull_policy = Some(PullPolicy("build".to_owned()));
        }
    }
}

impl Context {
    /// Returns what the services of a project want to be done when files change. `None` says that this is nothing, or
    /// cannot be, which has been printed.
    pub(crate) fn watch_rules(&self, prepared: &mut Prepared) -> Option<Vec<Rule>> {
        let Prepared { project, loaded, .. } = prepared;
        // What was said before is not said again.
        loaded.diagnostics = Diagnostics::default();
        let mut ignored = BTreeMap::new();
        for (name, service) in &project.services {
            let text = ignore_files(service).iter().find_map(|file| self.world.read(file).ok());
            ignored.extend(text.map(|text| (name.clone(), String::from_utf8_lossy(&text).into_owned())));
        }
        let rules = rules(project, &ignored, &disk::find, &mut loaded.diagnostics);
        if !self.say(loaded) {
            return None;
        }
        if rules.is_empty() {
            self.ui.error(
                "none of the selected services is configured for watch, consider setting a 'develop' section",
            );
            return None;
        }
        Some(rules)
    }
}
