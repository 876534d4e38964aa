//! `topo volumes`: the volumes of the project.

use std::collections::BTreeSet;

use clap::Args;
use futures_util::future::OptionFuture;
use topo::engine::Engine as _;
use topo::engine::look::ContainerQuery;
use topo::listing::volumes::{LAYOUT, row};

use super::listing::FORMAT_HELP;
use super::{Context, Exit};

/// List the volumes of the project
///
/// With services, those that their running containers use.
///
/// Example: topo volumes --format "{{.Name}} {{.Mountpoint}}"
#[derive(Args, Debug)]
pub(crate) struct Volumes {
    #[arg(long, value_name = "FORMAT", help = FORMAT_HELP)]
    format: Option<String>,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    /// Services whose volumes to list; default: all volumes of the project
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Volumes, context: &Context) -> Exit {
    let Some(format) = context.format(arguments.format.as_deref().or(Some("table")), "", &LAYOUT) else {
        return Exit::Failure;
    };
    let Some((name, project)) = context.name() else { return Exit::Failure };
    let services = &arguments.services;
    if !context.has_services(project.as_ref(), services) {
        return Exit::Failure;
    }
    context.with_engine(async |engine| {
        let query = ContainerQuery { project: Some(name.clone()), all: false };
        let users: OptionFuture<_> = (!services.is_empty()).then(|| engine.containers(&query)).into();
        let (volumes, users) = tokio::join!(engine.volumes(&name), users);
        let mut volumes = volumes?;
        if let Some(users) = users.transpose()? {
            let of_service = users.iter().filter(|one| services.contains(&one.container.service));
            let used: BTreeSet<&str> =
                of_service.flat_map(|one| &one.mounts).map(|mount| mount.name.as_str()).collect();
            volumes.retain(|details| used.contains(details.volume.name.as_str()));
        }
        if arguments.quiet {
            let line = |details: &_| format!("{}\n", volume_name(details));
            context.ui.data(&volumes.iter().map(line).collect::<String>());
            return Ok(Exit::Success);
        }
        let rows: Vec<_> = volumes.iter().map(row).collect();
        Ok(context.list(&format, &rows, true))
    })
}

fn volume_name(details: &topo::engine::look::VolumeDetails) -> &str {
    &details.volume.name
}
