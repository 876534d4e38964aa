//! `topo ps`: the containers of the project.

use clap::{Args, ValueEnum};
use topo::engine::{Engine, Query};
use topo::observed::State;

use super::{Context, Exit};
use crate::ui;

/// List the containers of the project
///
/// Example: topo ps --format json
#[derive(Args, Debug)]
pub(crate) struct Ps {
    /// Output format; `json` prints one object a line, as docker compose does
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show containers that do not run, too
    #[arg(short, long)]
    all: bool,
    /// Print IDs only
    #[arg(short, long, conflicts_with = "services")]
    quiet: bool,
    /// Print names of services only
    #[arg(long)]
    services: bool,
    /// Services to list; default: all
    #[arg(value_name = "SERVICE")]
    selected: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

pub(crate) fn run(arguments: &Ps, context: &Context) -> Exit {
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let mut observed = engine.observe(&Query { project: name, ..Query::default() }).await?;
        let runs = |state: State| matches!(state, State::Running | State::Paused | State::Restarting);
        observed.containers.retain(|container| {
            let is_selected =
                arguments.selected.is_empty() || arguments.selected.contains(&container.service);
            is_selected && (arguments.all || runs(container.state)) && (arguments.all || !container.oneoff)
        });
        observed.containers.sort_by(|one, other| one.name.cmp(&other.name));
        let text = if arguments.quiet {
            observed.containers.iter().map(|container| format!("{}\n", container.id)).collect()
        } else if arguments.services {
            let mut names: Vec<&str> =
                observed.containers.iter().map(|container| container.service.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.iter().map(|name| format!("{name}\n")).collect()
        } else {
            match arguments.format {
                Format::Table => ui::container_table(context.ui, &observed.containers),
                Format::Json => {
                    observed.containers.iter().map(|one| format!("{}\n", ui::container_json(one))).collect()
                }
            }
        };
        context.ui.data(&text);
        Ok(Exit::Success)
    })
}
