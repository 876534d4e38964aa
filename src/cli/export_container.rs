//! `topo export SERVICE`: all files of a container as a tar archive.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use topo::engine::docker::local;
use topo::engine::inside::{Archive, Inside};
use topo::load::World as _;
use topo::plan::copy::There;
use topo::plan::target::Wanted;

use super::session::{Index, find};
use super::{Context, Exit};
use crate::ui::terminal;

/// Writes the files of a container of `service` to `output`, or to standard output.
pub(crate) fn run(service: &str, index: Index, output: Option<&Path>, context: &Context) -> Exit {
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let wanted = Wanted { service, index: index.number(), oneoffs: true, stopped: false };
        let Some(found) = find(&engine, context, (&name, project.as_ref()), wanted).await? else {
            return Ok(Exit::Failure);
        };
        let Some(output) = output else {
            if terminal::is_output_terminal() {
                context.ui.error("an archive is nothing to look at on a terminal");
                context.ui.help("name a file with -o, or send it to another program");
                return Ok(Exit::Failure);
            }
            return Ok(print(engine.export(&found[0].id).await?, context).await);
        };
        let output: PathBuf = context.world.cwd().join(output);
        let fault = match (local::look(&output), output.parent().map(local::look)) {
            (There::Directory, _) => Some("is a directory"),
            (There::Nothing, parent) if parent != Some(There::Directory) => Some("is in no directory"),
            _ => None,
        };
        if let Some(fault) = fault {
            context.ui.error(&format!("`{}` {fault}", output.display()));
            return Ok(Exit::Failure);
        }
        match local::save(engine.export(&found[0].id).await?, &output).await {
            Ok(()) => {
                context.ui.say(&format!("container {} exported to {}", found[0].name, output.display()));
                Ok(Exit::Success)
            }
            Err(error) => {
                context.ui.error(&format!("cannot write {}: {error}", output.display()));
                Ok(Exit::Failure)
            }
        }
    })
}

/// Writes an archive to standard output.
pub(crate) async fn print(mut archive: Archive, context: &Context) -> Exit {
    while let Some(piece) = archive.next().await {
        match piece {
            Ok(piece) => context.ui.bytes(&piece),
            Err(error) => {
                context.ui.error(&format!("the archive is not complete: {error}"));
                return Exit::Failure;
            }
        }
    }
    Exit::Success
}
