//! `topo plan`: what `up` would do, and why, without doing it.

use clap::{Args, ValueEnum};

use super::up::{How, Planned, plan_up};
use super::{Context, Exit};
use crate::ui;

/// Show what `up` would do, and why, without doing it
///
/// Example: topo plan --exit-code || echo "something to do"
#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// Output format; `steps` lists each call to the engine and what it waits for
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// End with code 2 when there is something to do
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Steps,
    Json,
}

pub(crate) fn run(arguments: &Plan, context: &Context) -> Exit {
    let Some(mut prepared) = context.prepared_as(arguments.how.selection(), true) else {
        return Exit::Failure;
    };
    context.with_engine(async |engine| {
        let options = arguments.how.options(true, false);
        let Some(planned) = plan_up(&mut prepared, &options, &engine, context).await? else {
            return Ok(Exit::Failure);
        };
        let Planned { desired, refresh, mut plan, .. } = planned;
        for service in desired.provided.keys() {
            plan.notes.push(format!(
                "service {service} is provided from outside; what that sets is not in this plan"
            ));
        }
        for service in desired.models.keys() {
            plan.notes.push(format!("service {service} uses models, whose variables are not in this plan"));
        }
        for step in refresh.steps {
            plan.notes.push(format!("{step}; containers are replaced if that changes the image"));
        }
        let text = match arguments.format {
            Format::Text => ui::plan_text(context.ui, &desired.project, &plan),
            Format::Steps => plan.to_string(),
            Format::Json => format!("{:#}\n", plan.to_json()),
        };
        context.ui.data(&text);
        let has_changes = arguments.exit_code && !plan.is_no_op();
        Ok(if has_changes { Exit::Changes } else { Exit::Success })
    })
}
