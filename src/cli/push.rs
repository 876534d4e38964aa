//! `topo push`: send built images to their registries.

use clap::Args;
use topo::observed::Observed;
use topo::plan::supply::{PushOptions, Services, push};

use super::up::interrupt;
use super::{Context, Exit};

/// Push the images that services build to their registries
///
/// All at once, one line an image. Services that lack `build` or `image` have nothing to push.
///
/// Example: topo push web
#[derive(Args, Debug)]
pub(crate) struct Push {
    /// Push what can be pushed, and go on after failures
    #[arg(long)]
    ignore_push_failures: bool,
    /// Also push for the services that the named ones depend on
    #[arg(long)]
    include_deps: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Services to push for; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Push, context: &Context) -> Exit {
    let Some(project) = context.project(&arguments.services) else { return Exit::Failure };
    let options = PushOptions {
        services: Services { names: arguments.services.clone(), dependencies: arguments.include_deps },
        ignore_failures: arguments.ignore_push_failures,
    };
    let plan = push(&project, &options);
    if plan.steps.is_empty() {
        context.ui.say(&format!("{}: nothing to push", project.name));
        return Exit::Success;
    }
    let context = &context.with_quiet(arguments.quiet);
    context.with_engine(async |engine| {
        let outcome = context.carry_out(&plan, &Observed::default(), &engine, interrupt()).await;
        Ok(context.conclude(&plan, &outcome))
    })
}
