//! `topo rm`: remove containers that do not run.

use clap::Args;
use topo::plan::lifecycle::remove;
use topo::plan::{Op, Subject};

use super::existing::Existing;
use super::{Context, Exit};

/// Remove the containers of the project that do not run
///
/// It asks first, unless -f is given. Networks and named volumes stay; `down` removes networks.
///
/// Example: topo rm -f -s web
#[derive(Args, Debug)]
pub(crate) struct Rm {
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Stop the containers first, in reverse order
    #[arg(short, long)]
    stop: bool,
    /// Remove their anonymous volumes too, with all that is in them
    #[arg(short, long)]
    volumes: bool,
    /// Taken for the sake of old scripts; it changes nothing
    #[arg(short, long, hide = true)]
    all: bool,
    /// Services whose containers to remove; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Rm, context: &Context) -> Exit {
    if arguments.all {
        context.ui.warning("`--all` is obsolete: containers that `run` made are not removed by `rm`");
    }
    let Some((name, project)) = context.named(&arguments.services) else { return Exit::Failure };
    context.with_engine(async |engine| {
        let existing = Existing::look(name, project, engine).await?;
        let choice = existing.choice(&arguments.services);
        let plan = remove(&choice, &existing.observed, arguments.stop, arguments.volumes);
        let names: Vec<&str> = plan
            .steps
            .iter()
            .filter_map(|step| match (&step.op, &step.subject) {
                (Op::RemoveContainer { .. }, Subject::Container(name)) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        if !names.is_empty() && !arguments.force && !context.global.dry_run {
            let question = format!("remove {}?", names.join(", "));
            if !context.ui.ask(&question) {
                context.ui.line("nothing was removed; `-f` removes without asking");
                return Ok(Exit::Success);
            }
        }
        Ok(context.finish(&plan, &existing, "no stopped containers").await)
    })
}
