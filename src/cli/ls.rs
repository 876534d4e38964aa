//! `topo ls`: the projects that the engine has containers of.

use clap::Args;
use topo::engine::Engine as _;
use topo::engine::look::ContainerQuery;
use topo::listing::projects::{name_filter, projects, table};

use super::listing::Form;
use super::{Context, Exit};

/// List the projects that run on the engine
///
/// Example: topo ls --all --format json
#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// Show projects of which nothing runs, too
    #[arg(short, long)]
    all: bool,
    /// Show only projects whose name matches: `name=PATTERN`
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Output format: table or json
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn run(arguments: &Ls, context: &Context) -> Exit {
    let Some(form) = context.form(&arguments.format) else { return Exit::Failure };
    let matches = match name_filter(&arguments.filters) {
        Ok(matches) => matches,
        Err(wrong) => {
            context.ui.error(&format!("`--filter` cannot be used: {wrong}"));
            return Exit::Failure;
        }
    };
    context.with_engine(async |engine| {
        let listed = engine.containers(&ContainerQuery { project: None, all: arguments.all }).await?;
        let mut projects = projects(&listed);
        projects.retain(|project| matches(&project.name));
        context.ui.data(&match (arguments.quiet, form) {
            (true, _) => projects.iter().map(|project| format!("{}\n", project.name)).collect(),
            (false, Form::Table) => table(&projects),
            (false, Form::Json) => format!("{}\n", serde_json::json!(projects)),
        });
        Ok(Exit::Success)
    })
}
