//! `topo scale`: change how many containers services have.

use clap::Args;
use topo::plan::up::UpOptions;

use super::up::bring_up_prepared;
use super::{Context, Exit};

/// Change how many containers services have, through a plan as `up` makes it
///
/// Example: topo scale web=3
#[derive(Args, Debug)]
pub(crate) struct Scale {
    /// Leave what the services depend on alone
    #[arg(long)]
    no_deps: bool,
    /// A service and its number of containers
    #[arg(value_name = "SERVICE=NUMBER", required = true, value_parser = number_of)]
    scales: Vec<(String, u32)>,
}

fn number_of(text: &str) -> Result<(String, u32), String> {
    let said = text.split_once('=').and_then(|(service, number)| Some((service, number.parse().ok()?)));
    said.map(|(service, number)| (service.to_owned(), number)).ok_or_else(|| "write it as `web=3`".to_owned())
}

pub(crate) fn run(arguments: &Scale, context: &Context) -> Exit {
    let services: Vec<String> = arguments.scales.iter().map(|(service, _)| service.clone()).collect();
    let Some(mut prepared) = context.prepared_with(&services, true, |project| {
        if arguments.no_deps {
            project.without_dependencies(&services);
        }
        for (service, number) in &arguments.scales {
            project.set_scale(service, *number);
        }
    }) else {
        return Exit::Failure;
    };
    let options = UpOptions { start: true, selected: services, ..UpOptions::default() };
    context
        .with_engine(async |engine| bring_up_prepared(&mut prepared, &options, false, &engine, context).await)
}
