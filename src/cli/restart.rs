//! `topo restart`: stop containers and start them again.

use clap::Args;
use topo::plan::hooks::with_hooks;
use topo::plan::lifecycle::{RestartOptions, restart};

use super::{Context, Exit};

/// Restart the containers of the project, as they are
///
/// Services that depend on a restarted one with `restart: true` are restarted after it. Changes of the file are not
/// applied; `up` does that.
///
/// Example: topo restart web
#[derive(Args, Debug)]
pub(crate) struct Restart {
    /// Leave services alone that depend on these
    #[arg(long)]
    no_deps: bool,
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,
    /// Services to restart; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Restart, context: &Context) -> Exit {
    let Restart { no_deps, timeout, services } = arguments;
    // The whole project: who depends on the named services is not among what these depend on.
    context.change(&[], "nothing to restart", |existing| {
        let mut members = existing.members.clone();
        if let Some(project) = &existing.project {
            members.enable(project, services);
        }
        let unknown: Vec<&str> =
            services.iter().map(String::as_str).filter(|name| members.get(name).is_none()).collect();
        if !unknown.is_empty() {
            return Err(vec![format!("there is no service {}", unknown.join(", "))]);
        }
        let options = RestartOptions { services: services.clone(), no_deps: *no_deps, timeout: *timeout };
        let plan = restart(&members, &existing.observed, &options)?;
        Ok(with_hooks(plan, &existing.observed, &existing.hooks()))
    })
}
