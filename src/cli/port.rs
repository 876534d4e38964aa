//! `topo port`: where a port of a service is published.

use clap::Args;
use topo::engine::Engine as _;
use topo::engine::look::ContainerQuery;
use topo::listing::port::published;

use super::{Context, Exit};

/// Print where a port of a service is published
///
/// Example: topo port --protocol udp dns 53
#[derive(Args, Debug)]
pub(crate) struct Port {
    /// Number of the container, if the service has several
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    index: u32,
    /// tcp or udp
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp")]
    protocol: String,
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The port in the container
    #[arg(value_name = "PRIVATE_PORT")]
    private: u16,
}

pub(crate) fn run(arguments: &Port, context: &Context) -> Exit {
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let running = engine.containers(&ContainerQuery { project: Some(name), all: false }).await?;
        let protocol = arguments.protocol.to_ascii_lowercase();
        let found = published(&running, &arguments.service, arguments.index, arguments.private, &protocol);
        Ok(match found {
            Ok(place) => {
                context.ui.data(&format!("{place}\n"));
                Exit::Success
            }
            Err(why) => {
                context.ui.error(&why);
                Exit::Failure
            }
        })
    })
}
