//! `topo stop`: stop containers without removing them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use clap::Args;
use topo::engine::docker::Docker;
use topo::engine::{Engine, EngineError, Query};
use topo::plan::down::stop;
use topo::plan::hooks::{Hooks, with_hooks};

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
        let plan = stop(&existing.observed, |container| choice.has(container), arguments.timeout);
        Ok(with_hooks(plan, &existing.observed, &existing.hooks()))
    })
}

/// What to stop, and what runs before.
pub(crate) struct Meant {
    /// The services; empty for all.
    pub(crate) services: BTreeSet<String>,
    /// The hooks of the services.
    pub(crate) hooks: BTreeMap<String, Hooks>,
}

/// Stops the containers of some services of a project, or of all, in reverse order; a second Ctrl-C kills what still
/// runs.
pub(crate) async fn stop_all(
    project: &str,
    meant: &Meant,
    timeout: Option<i32>,
    engine: &Docker,
    context: &Context,
) -> Result<(), EngineError> {
    tokio::select! {
        stopped = stop_some(project, meant, timeout, engine, context, std::future::pending()) => {
            stopped?;
            return Ok(());
        }
        // The calls under way are dropped, because each of them waits for as long as its container may take.
        () = interrupt() => {}
    }
    // Whoever asks twice does not wait for hooks.
    let at_once = Meant { services: meant.services.clone(), hooks: BTreeMap::new() };
    stop_some(project, &at_once, Some(0), engine, context, interrupt()).await?;
    Ok(())
}

async fn stop_some(
    project: &str,
    meant: &Meant,
    timeout: Option<i32>,
    engine: &Docker,
    context: &Context,
    until: impl Future<Output = ()>,
) -> Result<Exit, EngineError> {
    let query = Query { project: project.to_owned(), ..Query::default() };
    let observed = engine.observe(&query).await?;
    let is_meant = |service: &String| meant.services.is_empty() || meant.services.contains(service);
    let plan = stop(&observed, |container| is_meant(&container.service), timeout);
    let plan = with_hooks(plan, &observed, &meant.hooks);
    let outcome = context.carry_out(&plan, &observed, engine, until).await;
    Ok(context.conclude(&plan, &outcome))
}
