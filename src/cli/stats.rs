//! `topo stats`: what the project's containers use.

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use topo::engine::look::{ContainerQuery, Usage};
use topo::engine::meter::Meters;
use topo::engine::{Engine, EngineError};
use topo::listing::Format;
use topo::listing::usage::{LAYOUT, row};

use super::listing::FORMAT_HELP;
use super::up::interrupt;
use super::{Context, Exit};

/// Values that come within this time are shown at once: each container has its own second.
const TOGETHER: Duration = Duration::from_millis(250);

/// Show what the project's containers use of processors, memory, networks and disks
///
/// Example: topo stats --no-stream --format json
#[derive(Args, Debug)]
pub(crate) struct Stats {
    /// Show containers that do not run, too
    #[arg(short, long)]
    all: bool,
    #[arg(long, value_name = "FORMAT", help = FORMAT_HELP)]
    format: Option<String>,
    /// Print the first values and end
    #[arg(long)]
    no_stream: bool,
    /// Do not shorten IDs, and keep all columns on a narrow terminal
    #[arg(long)]
    no_trunc: bool,
    /// Service to show; default: all
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
}

pub(crate) fn run(arguments: &Stats, context: &Context) -> Exit {
    let Some(format) = context.format(arguments.format.as_deref(), "statsFormat", &LAYOUT) else {
        return Exit::Failure;
    };
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        if arguments.no_stream {
            return once(arguments, &name, &format, &engine, context).await;
        }
        tokio::select! {
            () = interrupt() => Ok(Exit::Interrupted),
            ended = follow(arguments, &name, &format, &engine, context) => ended,
        }
    })
}

/// Prints the first values of all containers, which are asked at once.
async fn once(
    arguments: &Stats,
    project: &str,
    format: &Format,
    engine: &impl Engine,
    context: &Context,
) -> Result<Exit, EngineError> {
    let query = ContainerQuery { project: Some(project.to_owned()), all: arguments.all };
    let mut listed = engine.containers(&query).await?;
    listed.retain(|one| arguments.service.as_ref().is_none_or(|service| one.container.service == *service));
    let rows = listed.iter().map(async |one| {
        let runs = one.container.state.is_alive();
        let usage = match runs {
            true => engine.usage(&one.container.id, false).next().await.and_then(Result::ok),
            false => Some(Usage::default()),
        };
        row(one, usage.as_ref(), arguments.no_trunc)
    });
    Ok(context.list(format, &join_all(rows).await, arguments.no_trunc))
}

/// Shows the values of all containers again and again, until nobody reads them any more.
async fn follow(
    arguments: &Stats,
    project: &str,
    format: &Format,
    engine: &impl Engine,
    context: &Context,
) -> Result<Exit, EngineError> {
    let mut meters = Meters::new(engine, project, arguments.service.as_deref(), arguments.all).await?;
    meters.settle().await?;
    let mut is_first = true;
    loop {
        let rows: Vec<_> = meters
            .meters()
            .iter()
            .map(|meter| row(&meter.listed, meter.usage.as_ref(), arguments.no_trunc))
            .collect();
        let text = match format.write(&rows, context.ui.width().filter(|_| !arguments.no_trunc)) {
            Ok(text) => text,
            Err(wrong) => {
                context.wrong_template(&wrong);
                return Ok(Exit::Failure);
            }
        };
        if !context.ui.redraw(&text, is_first) {
            return Ok(Exit::Success);
        }
        is_first = false;
        meters.changed().await?;
        let together = tokio::time::sleep(TOGETHER);
        let mut together = std::pin::pin!(together);
        loop {
            tokio::select! {
                () = &mut together => break,
                changed = meters.changed() => changed?,
            }
        }
    }
}
