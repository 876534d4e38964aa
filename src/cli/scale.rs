//! `topo scale`: change how many containers services have.

use clap::Args;
use topo::plan::up::UpOptions;
use topo::project::Selection;

use super::converge::bring_up;
use super::up::Act;
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
    scales: Vec<(String, i64)>,
}

fn number_of(text: &str) -> Result<(String, i64), String> {
    let said =
        text.split_once('=').and_then(|(service, number)| Some((service, number.parse::<u32>().ok()?)));
    said.map(|(service, number)| (service.to_owned(), number.into()))
        .ok_or_else(|| "write it as `web=3`".to_owned())
}

pub(crate) fn run(arguments: &Scale, context: &Context) -> Exit {
    let services: Vec<String> = arguments.scales.iter().map(|(service, _)| service.clone()).collect();
    let selection = Selection {
        services: services.clone(),
        alone: arguments.no_deps,
        scale: arguments.scales.clone(),
        ..Selection::default()
    };
    let options = UpOptions { start: true, selected: services, ..UpOptions::default() };
    let act = Act { yes: false, quiet_pull: false, quiet_build: false };
    bring_up(options, &selection, act, None, context)
}
