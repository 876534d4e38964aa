//! `topo connect` and `topo disconnect`: networks of containers while they run.

use std::net::{Ipv4Addr, Ipv6Addr};

use clap::Args;
use topo::plan::Plan;
use topo::plan::connect::{Manner, Pair, connect as plan_connect, disconnect as plan_disconnect};

use super::existing::Existing;
use super::{Context, Exit};

/// Connect the containers of a service to a network, while they run
///
/// The file stays as it is: a note says what the next `up` makes of it. A network that the file has is joined as the file
/// says, with its names and addresses.
///
/// Example: topo connect web back --alias www
#[derive(Args, Debug)]
pub(crate) struct Connect {
    /// A further name on the network; may be given more than once
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,
    /// A fixed IPv4 address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<Ipv4Addr>,
    /// A fixed IPv6 address
    #[arg(long, value_name = "ADDRESS")]
    ip6: Option<Ipv6Addr>,
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The network: its key in the file, or its name in the engine
    #[arg(value_name = "NETWORK")]
    network: String,
}

/// Disconnect the containers of a service from a network, while they run
///
/// The file stays as it is: a note says what the next `up` makes of it.
///
/// Example: topo disconnect web back
#[derive(Args, Debug)]
pub(crate) struct Disconnect {
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The network: its key in the file, or its name in the engine
    #[arg(value_name = "NETWORK")]
    network: String,
}

pub(crate) fn connect(arguments: &Connect, context: &Context) -> Exit {
    let Connect { alias, ip, ip6, service, network } = arguments;
    let manner = Manner {
        aliases: alias.clone(),
        ipv4: ip.map(|address| address.to_string()),
        ipv6: ip6.map(|address| address.to_string()),
    };
    change(service, network, "nothing to connect", context, |pair, existing| {
        plan_connect(pair, &existing.observed, &manner)
    })
}

pub(crate) fn disconnect(arguments: &Disconnect, context: &Context) -> Exit {
    let Disconnect { service, network } = arguments;
    change(service, network, "nothing to disconnect", context, |pair, existing| {
        plan_disconnect(pair, &existing.observed)
    })
}

fn change(
    service: &String,
    network: &str,
    nothing: &str,
    context: &Context,
    plan: impl FnOnce(Pair<'_>, &Existing) -> Result<Plan, Vec<String>>,
) -> Exit {
    let Some((name, project)) = context.name() else { return Exit::Failure };
    if !context.has_services(project.as_ref(), std::slice::from_ref(service)) {
        return Exit::Failure;
    }
    context.with_engine(async |engine| {
        let existing = Existing::look(name, project, engine).await?;
        let pair =
            Pair { project_name: &existing.name, project: existing.project.as_ref(), service, network };
        match plan(pair, &existing) {
            Ok(plan) => {
                // What goes on inside of a container shows no progress of its own.
                if !context.global.dry_run {
                    plan.steps.iter().for_each(|step| context.ui.say(&step.to_string()));
                }
                Ok(context.finish(&plan, &existing, nothing).await)
            }
            Err(missing) => Ok(context.impossible(&missing)),
        }
    })
}
