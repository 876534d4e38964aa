//! `topo pause` and `topo unpause`: suspend containers and let them go on.

use clap::Args;
use topo::plan::lifecycle;

use super::{Context, Exit};

/// Suspend the running containers of the project
///
/// Example: topo pause web
#[derive(Args, Debug)]
pub(crate) struct Pause {
    /// Services to pause; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Let the paused containers of the project go on
///
/// Example: topo unpause web
#[derive(Args, Debug)]
pub(crate) struct Unpause {
    /// Services to let go on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn pause(arguments: &Pause, context: &Context) -> Exit {
    context.change(&arguments.services, "nothing to pause", |existing| {
        Ok(lifecycle::pause(&existing.choice(&arguments.services), &existing.observed))
    })
}

pub(crate) fn unpause(arguments: &Unpause, context: &Context) -> Exit {
    context.change(&arguments.services, "nothing is paused", |existing| {
        Ok(lifecycle::unpause(&existing.choice(&arguments.services), &existing.observed))
    })
}
