//! `topo down`: take the project down in reverse order.

use clap::{Args, ValueEnum};
use topo::engine::{Engine as _, EngineError, Query};
use topo::plan::down::{DownOptions, InFile, down};
use topo::plan::hooks::with_hooks;
use topo::plan::images::{Which, named, removable};

use super::existing::Existing;
use super::{Context, Exit};

/// Stop and remove the containers and networks of the project
///
/// Volumes stay, unless -v is given: what is in them is lost then. What is managed elsewhere (`external`) stays always.
///
/// Example: topo down --remove-orphans
#[derive(Args, Debug)]
pub(crate) struct Down {
    /// Remove the project's volumes too, with all that is in them
    #[arg(short, long)]
    volumes: bool,
    /// Remove containers of services that the file does not have, and those that `run` made
    #[arg(long)]
    remove_orphans: bool,
    /// Remove images: `local` those that were built for the project, `all` those of all services
    #[arg(long, value_enum, value_name = "WHICH")]
    rmi: Option<Rmi>,
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,
    /// Services to take down; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rmi {
    Local,
    All,
}

pub(crate) fn run(arguments: &Down, context: &Context) -> Exit {
    let Some((name, project)) = context.named(&arguments.services) else { return Exit::Failure };
    context.with_engine(async |engine| {
        let mut existing = Existing::look(name, project, engine).await?;
        let remove_orphans = arguments.remove_orphans || context.global.settings.remove_orphans;
        let options = DownOptions {
            volumes: arguments.volumes,
            remove_orphans,
            services: arguments.services.clone(),
            file: existing.project.as_ref().map(InFile::of),
            images: images(arguments.rmi, remove_orphans, &mut existing).await?,
            timeout: arguments.timeout,
        };
        take_down(&existing, &options, context).await
    })
}

/// Carries out a `down`.
pub(crate) async fn take_down(
    existing: &Existing,
    options: &DownOptions,
    context: &Context,
) -> Result<Exit, EngineError> {
    let plan = down(&existing.name, &existing.observed, options);
    let plan = with_hooks(plan, &existing.observed, &existing.hooks());
    let exit = context.finish(&plan, existing, "nothing to remove").await;
    if let (Exit::Success, Some(project), false) = (exit, &existing.project, context.global.dry_run) {
        context.take_away(project, &options.services).await?;
    }
    Ok(exit)
}

/// Returns the images to remove.
async fn images(
    rmi: Option<Rmi>,
    remove_orphans: bool,
    existing: &mut Existing,
) -> Result<Vec<String>, EngineError> {
    let Some(rmi) = rmi else { return Ok(Vec::new()) };
    let which = if rmi == Rmi::All { Which::All } else { Which::Local };
    let names = match &existing.project {
        Some(project) => named(project, which),
        None if which == Which::All => {
            existing.observed.containers.iter().map(|container| container.image_name.clone()).collect()
        }
        None => Vec::new(),
    };
    let query = Query { project: existing.name.clone(), images: names, ..Query::default() };
    let (observed, built) =
        tokio::join!(existing.engine.observe(&query), existing.engine.built_images(&existing.name));
    existing.observed = observed?;
    let there: Vec<String> = existing.observed.images.keys().cloned().collect();
    Ok(removable(&existing.members, &there, &built?, remove_orphans))
}
