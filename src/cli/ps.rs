//! `topo ps`: the containers of the project.

use std::collections::BTreeSet;

use clap::{ArgAction, Args};
use topo::engine::Engine as _;
use topo::engine::look::{ContainerQuery, Listed};
use topo::listing::containers::{self, LAYOUT, state_name};

use super::listing::{FORMAT_HELP, view};
use super::{Context, Exit};
use crate::ui;

/// The states that `--status` may name.
const STATES: [&str; 7] = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];

/// List the containers of the project
///
/// Example: topo ps --format "table {{.Name}}\t{{.Status}}"
#[derive(Args, Debug)]
pub(crate) struct Ps {
    /// Show containers that do not run, too, and those made by `run`
    #[arg(short, long)]
    all: bool,
    /// Show only containers with such a property: `status=STATUS`
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    #[arg(long, value_name = "FORMAT", help = FORMAT_HELP)]
    format: Option<String>,
    /// Do not shorten long values, and keep all columns on a narrow terminal
    #[arg(long)]
    no_trunc: bool,
    /// Show containers of services that the file does not have; on unless `--orphans=false`
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", value_name = "BOOL", hide_possible_values = true)]
    orphans: bool,
    /// Print IDs only
    #[arg(short, long)]
    quiet: bool,
    /// Print names of services only
    #[arg(long)]
    services: bool,
    /// Show only containers in this state, running or not: paused, restarting, removing, running, dead, created, exited
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// Services to list; default: all
    #[arg(value_name = "SERVICE")]
    selected: Vec<String>,
}

pub(crate) fn run(arguments: &Ps, context: &Context) -> Exit {
    let mut states = arguments.status.clone();
    match arguments.filter.as_deref().map(|filter| filter.split_once('=').ok_or(filter)) {
        None => {}
        Some(Ok(("status", state))) => states.push(state.to_owned()),
        Some(Ok((other, _)) | Err(other)) => {
            context.ui.error(&format!("`--filter` takes `status=STATUS`, not `{other}`"));
            return Exit::Failure;
        }
    }
    if let Some(unknown) = states.iter().find(|state| !STATES.contains(&state.as_str())) {
        context
            .ui
            .warning(&format!("no container is ever `{unknown}`: a status is one of {}", STATES.join(", ")));
    }
    let Some(format) = context.format(arguments.format.as_deref(), "psFormat", &LAYOUT) else {
        return Exit::Failure;
    };
    let Some((name, project)) = context.name() else { return Exit::Failure };
    if !context.has_services(project.as_ref(), &arguments.selected) {
        return Exit::Failure;
    }
    let declared = project.map(|project| project.services.into_keys().collect::<BTreeSet<_>>());
    context.with_engine(async |engine| {
        let all = arguments.all || !states.is_empty();
        let mut listed = engine.containers(&ContainerQuery { project: Some(name), all }).await?;
        listed.retain(|Listed { container, .. }| {
            let is_selected = match (arguments.selected.as_slice(), &declared) {
                ([], Some(declared)) if !arguments.orphans => declared.contains(&container.service),
                ([], _) => true,
                (selected, _) => selected.contains(&container.service),
            };
            let is_in_state =
                states.is_empty() || states.iter().any(|state| state == state_name(container.state));
            is_selected && is_in_state && (all || !container.oneoff)
        });
        if arguments.quiet {
            context.ui.data(&listed.iter().map(|one| format!("{}\n", one.container.id)).collect::<String>());
            return Ok(Exit::Success);
        }
        if arguments.services {
            let names: BTreeSet<&str> = listed.iter().map(|one| one.container.service.as_str()).collect();
            context.ui.data(&names.iter().map(|name| format!("{name}\n")).collect::<String>());
            return Ok(Exit::Success);
        }
        let view = view(&engine, arguments.no_trunc);
        let rows: Vec<_> = listed
            .iter()
            .map(|one| {
                let mut row = containers::row(one, &view);
                if format.is_table() {
                    ui::paint_status(context.ui, &one.container, &mut row);
                }
                row
            })
            .collect();
        Ok(context.list(&format, &rows, arguments.no_trunc))
    })
}
