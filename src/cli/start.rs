//! `topo start`: start containers that exist.

use std::time::Duration;

use clap::Args;
use topo::diagnostic::Diagnostics;
use topo::engine::Engine as _;
use topo::engine::apply::Ending;
use topo::plan::desired::Desired;
use topo::plan::hooks::{of_project, with_hooks};
use topo::plan::lifecycle;
use topo::plan::members::Members;

use super::existing::Existing;
use super::up::interrupt;
use super::{Context, Exit};

/// Start the containers of the project that exist and do not run
///
/// Each starts once what it depends on is as it asks; that is started, too.
///
/// Example: topo start web
#[derive(Args, Debug)]
pub(crate) struct Start {
    /// Wait until all services run, and are healthy where they have a health check
    #[arg(long)]
    wait: bool,
    /// Fail if that takes longer; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait_timeout: u64,
    /// Services to start, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Start, context: &Context) -> Exit {
    let services = &arguments.services;
    let (name, mut prepared) = match context.name_without_file() {
        Some(name) => (name, None),
        None => match context.prepared(services, true) {
            Some(prepared) => (prepared.project.name.clone(), Some(prepared)),
            None => return Exit::Failure,
        },
    };
    context.with_engine(async |engine| {
        let api = engine.api();
        let mut existing = Existing::look(name, None, engine).await?;
        if let Some(prepared) = &mut prepared {
            prepared.loaded.diagnostics = Diagnostics::default();
            let (project, topology) = (&prepared.project, &prepared.topology);
            let found = &mut prepared.loaded.diagnostics;
            let desired = Desired::new(project, topology, &prepared.contents, api, true, found);
            if !context.say(&prepared.loaded) {
                return Ok(Exit::Failure);
            }
            existing.members = Members::of_desired(&desired);
        } else if !services.is_empty() {
            let unknown = existing.unknown(services);
            if !unknown.is_empty() {
                return Ok(context.impossible(&[format!("there is no container of {}", unknown.join(", "))]));
            }
            existing.members = existing.members.with_dependencies(services);
        }
        let hooks = prepared.as_ref().map(|prepared| of_project(&prepared.project)).unwrap_or_default();
        let plan = match lifecycle::start(&existing.members, &existing.observed, arguments.wait) {
            Ok(plan) => with_hooks(plan, &existing.observed, &hooks),
            Err(missing) => return Ok(context.impossible(&missing)),
        };
        if arguments.wait_timeout == 0 || plan.steps.is_empty() {
            return Ok(context.finish(&plan, &existing, "nothing to start").await);
        }
        context.note(&plan);
        let mut is_late = false;
        let stop = async {
            tokio::select! {
                () = interrupt() => {}
                () = tokio::time::sleep(Duration::from_secs(arguments.wait_timeout)) => is_late = true,
            }
        };
        let outcome = context.carry_out(&plan, &existing.observed, &existing.engine, stop).await;
        if is_late && outcome.ending == Ending::Interrupted {
            context.ui.error(&format!("not ready after {} seconds", arguments.wait_timeout));
            context.conclude(&plan, &outcome);
            return Ok(Exit::Failure);
        }
        Ok(context.conclude(&plan, &outcome))
    })
}
