//! `topo down` and `topo stop`: take the project down in reverse order.

use std::collections::BTreeSet;
use std::future::Future;

use clap::Args;
use topo::engine::docker::Docker;
use topo::engine::{Engine, EngineError, Query};
use topo::plan::down::{DownOptions, down, stop as plan_stop};

use super::{Context, Exit, up::interrupt};

/// Stop and remove the containers and networks of the project
///
/// Volumes stay, unless -v is given: what is in them is lost then.
///
/// Example: topo down --remove-orphans
#[derive(Args, Debug)]
pub(crate) struct Down {
    /// Remove the project's volumes too, with all that is in them
    #[arg(short, long)]
    volumes: bool,
    /// Remove containers of services that the file does not have
    #[arg(long)]
    remove_orphans: bool,
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<i32>,
}

/// Stop the containers of the project without removing them
///
/// Example: topo stop web
#[derive(Args, Debug)]
pub(crate) struct Stop {
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<i32>,
    /// Services to stop; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Down, context: &Context) -> Exit {
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let query = Query { project: name.clone(), ..Query::default() };
        let observed = engine.observe(&query).await?;
        let known = project.as_ref().map(|project| {
            project.services.keys().chain(project.disabled.keys()).cloned().collect::<BTreeSet<_>>()
        });
        let options = DownOptions {
            volumes: arguments.volumes,
            remove_orphans: arguments.remove_orphans,
            known,
            timeout: arguments.timeout,
        };
        let plan = down(&name, &observed, &options);
        for note in &plan.notes {
            context.ui.warning(note);
        }
        if plan.steps.is_empty() {
            context.ui.say(&format!("{name}: nothing to remove"));
        }
        let outcome = context.carry_out(&plan, &observed, &engine, interrupt()).await;
        let exit = context.conclude(&plan, &outcome);
        if let (Exit::Success, Some(project)) = (exit, &project) {
            context.take_away(project).await?;
        }
        Ok(exit)
    })
}

pub(crate) fn stop(arguments: &Stop, context: &Context) -> Exit {
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let services = arguments.services.iter().cloned().collect();
        stop_some(&name, &services, arguments.timeout, &engine, context, interrupt()).await
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
    stop: impl Future<Output = ()>,
) -> Result<Exit, EngineError> {
    let query = Query { project: project.to_owned(), ..Query::default() };
    let observed = engine.observe(&query).await?;
    let plan = plan_stop(&observed, services, timeout);
    let outcome = context.carry_out(&plan, &observed, engine, stop).await;
    Ok(context.conclude(&plan, &outcome))
}
