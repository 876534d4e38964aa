//! `topo commit`: an image of a container as it is now.

use clap::Args;
use topo::engine::inside::{Commit as Request, Inside};
use topo::plan::target::Wanted;

use super::session::{Index, by_name, find};
use super::{Context, Exit};

/// Make an image of a running container as it is now
///
/// Volumes are no part of it.
///
/// Example: topo commit -m "with tools" web example/web:tools
#[derive(Args, Debug)]
pub(crate) struct Commit {
    /// Who makes it: `Name <address>`
    #[arg(short, long)]
    author: Option<String>,
    /// Instruction of a Dockerfile to apply to the image
    #[arg(short, long = "change", value_name = "INSTRUCTION")]
    changes: Vec<String>,
    #[command(flatten)]
    index: Index,
    /// What to say of it
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Let the container stand still meanwhile; the default
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pause: Option<bool>,
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Name and tag of the image
    #[arg(value_name = "REPOSITORY[:TAG]")]
    reference: Option<String>,
}

pub(crate) fn run(arguments: &Commit, context: &Context) -> Exit {
    let Commit { author, changes, index, message, pause, service, reference } = arguments;
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let wanted = Wanted { service, index: index.number(), oneoffs: true, stopped: false };
        let Some(found) = find(&engine, context, (&name, project.as_ref()), wanted).await? else {
            return Ok(Exit::Failure);
        };
        let container = &found[0];
        let request = Request {
            reference: reference.clone().unwrap_or_default(),
            author: author.clone().unwrap_or_default(),
            message: message.clone().unwrap_or_default(),
            changes: changes.clone(),
            pause: pause.unwrap_or(true),
        };
        let image =
            engine.commit(&container.id, &request).await.map_err(|error| by_name(error, container))?;
        context.ui.say(&format!("container {} committed as {image}", container.name));
        Ok(Exit::Success)
    })
}
