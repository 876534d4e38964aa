//! `topo pull`: fetch the images of services.

use clap::Args;
use topo::engine::{Engine as _, Query};
use topo::observed::Observed;
use topo::plan::Op;
use topo::plan::supply::{PullOptions, Services, pull};

use super::up::interrupt;
use super::{Context, Exit};

/// Pull the images of services
///
/// All at once, one line an image. Services without `image`, and those whose `pull_policy` is never or build, have
/// nothing to pull.
///
/// Example: topo pull --ignore-buildable
#[derive(Args, Debug)]
pub(crate) struct Pull {
    /// Leave out images that can be built
    #[arg(long)]
    ignore_buildable: bool,
    /// Pull what can be pulled, and go on after failures
    #[arg(long)]
    ignore_pull_failures: bool,
    /// Also pull for the services that the named ones depend on
    #[arg(long)]
    include_deps: bool,
    /// When to pull, in place of every `pull_policy`
    #[arg(long, value_name = "POLICY", value_parser = ["missing", "always"])]
    policy: Option<String>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Services to pull for; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Pull, context: &Context) -> Exit {
    let Some(project) = context.project(&arguments.services) else { return Exit::Failure };
    let options = PullOptions {
        services: Services { names: arguments.services.clone(), dependencies: arguments.include_deps },
        ignore_buildable: arguments.ignore_buildable,
        ignore_failures: arguments.ignore_pull_failures,
        policy: arguments.policy.clone(),
    };
    let context = &context.with_quiet(arguments.quiet);
    context.with_engine(async |engine| {
        // Only what is pulled if it is missing needs a look at the engine.
        let pulled = |plan: &topo::plan::Plan| -> Vec<String> {
            let images = plan.steps.iter().filter_map(|step| match &step.op {
                Op::PullImage { image, .. } => Some(image.clone()),
                _ => None,
            });
            images.collect()
        };
        let (all, surely) = (pull(&project, |_| false, &options), pull(&project, |_| true, &options));
        let observed = if all == surely {
            Observed::default()
        } else {
            let query = Query { project: project.name.clone(), images: pulled(&all), ..Query::default() };
            engine.observe(&query).await?
        };
        let plan = pull(&project, |image| observed.images.contains_key(image), &options);
        if plan.steps.is_empty() {
            context.ui.say(&format!("{}: nothing to pull", project.name));
        }
        let outcome = context.carry_out(&plan, &observed, &engine, interrupt()).await;
        let exit = context.conclude(&plan, &outcome);
        if arguments.ignore_pull_failures || outcome.tolerated.is_empty() {
            return Ok(exit);
        }
        let images: Vec<_> = outcome.tolerated.iter().map(|(step, _)| &plan.steps[*step].subject).collect();
        let is_among = |name: &&String| {
            let image = project.services[*name].image.clone().unwrap_or_default();
            images.contains(&&topo::plan::Subject::Image(image))
        };
        let names: Vec<&str> = project.services.keys().filter(is_among).map(String::as_str).collect();
        context.ui.help(&format!("build them: topo build {}", names.join(" ")));
        Ok(Exit::Failure)
    })
}
