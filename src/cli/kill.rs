//! `topo kill`: send a signal to running containers.

use clap::Args;
use topo::plan::lifecycle::kill;

use super::{Context, Exit};

/// Send a signal to the running containers of the project
///
/// Example: topo kill -s SIGHUP web
#[derive(Args, Debug)]
pub(crate) struct Kill {
    /// The signal, by name or number
    #[arg(short, long, default_value = "SIGKILL")]
    signal: String,
    /// Containers of services that the file does not have get it, too
    #[arg(long)]
    remove_orphans: bool,
    /// Services whose containers get it; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Kill, context: &Context) -> Exit {
    context.change(&arguments.services, "no container to kill", |existing| {
        let orphans = arguments.remove_orphans || context.global.settings.remove_orphans;
        Ok(kill(&existing.choice(&arguments.services), &existing.observed, &arguments.signal, orphans))
    })
}
