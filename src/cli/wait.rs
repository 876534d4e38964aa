//! `topo wait`: wait for containers to end.

use clap::Args;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use topo::engine::Engine as _;
use topo::plan::down::DownOptions;

use super::existing::Existing;
use super::session::by_name;
use super::up::interrupt;
use super::{Context, Exit, down::take_down};

/// Wait until the running containers of services have ended, and end with the code of the last one
///
/// Example: topo wait migrate && echo migrated
#[derive(Args, Debug)]
pub(crate) struct Wait {
    /// Take the project down afterwards, one-offs and orphans included
    #[arg(long)]
    down_project: bool,
    /// Services to wait for
    #[arg(value_name = "SERVICE", required = true)]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Wait, context: &Context) -> Exit {
    let Some((name, project)) = context.named(&[]) else { return Exit::Failure };
    context.with_engine(async |engine| {
        let mut existing = Existing::look(name, project, engine).await?;
        let containers = existing.observed.containers.iter();
        let awaited: Vec<_> = containers
            .filter(|one| one.state.is_alive() && arguments.services.contains(&one.service))
            .collect();
        if awaited.is_empty() {
            let message = format!("no container of {} runs", arguments.services.join(", "));
            context.ui.error(&message);
            return Ok(Exit::Failure);
        }
        let engine = &existing.engine;
        let ends = awaited.iter().map(|one| async {
            let code = engine.exit_code(&one.id).await;
            (&one.id, code.map_err(|error| by_name(error, one)))
        });
        let mut ends: FuturesUnordered<_> = ends.collect();
        let mut last = 0;
        let mut interrupted = std::pin::pin!(interrupt());
        loop {
            let (id, code) = tokio::select! {
                () = &mut interrupted => return Ok(Exit::Interrupted),
                end = ends.next() => match end {
                    Some(end) => end,
                    None => break,
                },
            };
            last = code?;
            context.ui.data(&format!("container \"{id}\" exited with status code {last}\n"));
        }
        drop(ends);
        let code = u8::try_from(last.rem_euclid(256)).unwrap_or(u8::MAX);
        if arguments.down_project {
            existing = Existing::look(existing.name, None, existing.engine).await?;
            let options = DownOptions { remove_orphans: true, ..DownOptions::default() };
            let exit = take_down(&existing, &options, context).await?;
            if exit != Exit::Success {
                return Ok(exit);
            }
        }
        Ok(if code == 0 { Exit::Success } else { Exit::Code(code) })
    })
}
