//! `topo top`: the processes of the project's containers.

use clap::Args;
use futures_util::future::try_join_all;
use topo::engine::look::ContainerQuery;
use topo::engine::{Engine as _, EngineError};
use topo::listing::processes::table;

use super::{Context, Exit};

/// Show the processes that run in the project's containers
///
/// Example: topo top web
#[derive(Args, Debug)]
pub(crate) struct Top {
    /// Services to show; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Top, context: &Context) -> Exit {
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let listed = engine.containers(&ContainerQuery { project: Some(name), all: false }).await?;
        let services = &arguments.services;
        let wanted =
            listed.iter().filter(|one| services.is_empty() || services.contains(&one.container.service));
        let asked =
            wanted.map(async |one| Ok::<_, EngineError>((one, engine.processes(&one.container.id).await?)));
        let processes = try_join_all(asked).await?;
        context.ui.data(&table(&processes));
        Ok(Exit::Success)
    })
}
