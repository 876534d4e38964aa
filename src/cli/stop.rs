//! `topo stop`: stop containers without removing them.

use std::collections::BTreeSet;
use std::future::Future;

use clap::Args;
use topo::engine::docker::Docker;
use topo::engine::{Engine, EngineError, Query};
use topo::plan::down::stop;

use super::{Context, Exit, up::interrupt};

/// Stop the containers of the project without removing them
///
/// Example: topo stop web
#[derive(Args, Debug)]
pub(crate) struct Stop {
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,
    /// Services to stop; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Stop, context: &Context) -> Exit {
    context.change(&arguments.services, "nothing to stop", |existing| {
        let choice = existing.choice(&arguments.services);
        let mut plan = stop(&existing.observed, |container| choice.has(container), arguments.timeout);
        plan.notes.extend(choice.hooks_not_run("pre_stop"));
        Ok(plan)
    })
}

/// Stops the containers of some services of a project, or of all, in reverse order; a second Ctrl-C kills what still
/// runs.
pub(crate) async fn stop_all(
    project: &str,
    services: &BTreeSet<String>,
    timeout: Option<i32>,
    engine: &Docker,
    context: &Context,
) -> Result<(), EngineError> {
    tokio::select! {
        stopped = stop_some(project, services, timeout, engine, context, std::future::pending()) => {
            stopped?;
            return Ok(());
        }
        // The calls under way are dropped, because each of them waits for as long as its container may take.
        () = interrupt() => {}
    }
    stop_some(project, services, Some(0), engine, context, interrupt()).await?;
    Ok(())
}

async fn stop_some(
    project: &str,
    services: &BTreeSet<String>,
    timeout: Option<i32>,
    engine: &Docker,
    context: &Context,
    until: impl Future<Output = ()>,
) -> Result<Exit, EngineError> {
    let query = Query { project: project.to_owned(), ..Query::default() };
    let observed = engine.observe(&query).await?;
    let is_meant = |service: &String| services.is_empty() || services.contains(service);
    let plan = stop(&observed, |container| is_meant(&container.service), timeout);
    let outcome = context.carry_out(&plan, &observed, engine, until).await;
    Ok(context.conclude(&plan, &outcome))
}
