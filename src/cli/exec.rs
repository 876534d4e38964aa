//! `topo exec`: a command in a running container.

use clap::Args;
use topo::engine::inside::{Ending, Inside, Terminal};
use topo::plan::inside::{ExecOptions, exec};
use topo::plan::target::Wanted;

use super::session::{Index, Partner, by_name, check_terminal, ended_with, find, keys, talk};
use super::{Context, Exit, Named};
use crate::ui::terminal;

/// Run a command in a running container of a service
///
/// It gets a terminal where standard output is one, and ends with the command's exit code. ctrl-p, ctrl-q leaves it
/// running.
///
/// Example: topo exec web sh
#[derive(Args, Debug)]
#[command(override_usage = "topo exec [OPTIONS] SERVICE COMMAND [ARGUMENTS]...")]
pub(crate) struct Exec {
    /// Do not wait for the command
    #[arg(short, long)]
    detach: bool,
    /// Variable for the command; without a value, that of the shell or `.env`
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    #[command(flatten)]
    index: Index,
    /// Go without a terminal; default where standard output is none
    #[arg(short = 'T', long, alias = "no-TTY", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_tty: Option<bool>,
    /// Give the command all rights at the host
    #[arg(long)]
    privileged: bool,
    /// Run as this user: `name|uid[:group|gid]`
    #[arg(short, long)]
    user: Option<String>,
    /// Directory to run in
    #[arg(short, long, value_name = "DIRECTORY")]
    workdir: Option<String>,
    /// Pass standard input on
    #[arg(short, long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    interactive: Option<bool>,
    /// What `docker exec -it` asks for is the default here
    #[arg(short, long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tty: Option<bool>,
    /// The service, the command and its arguments
    #[arg(value_name = "SERVICE COMMAND", required = true, num_args = 2.., trailing_var_arg = true)]
    words: Vec<String>,
}

pub(crate) fn run(arguments: &Exec, context: &Context) -> Exit {
    // docker compose takes `-t` and ignores it, too.
    let Exec { detach, env, index, no_tty, privileged, user, workdir, interactive, tty: _, words } =
        arguments;
    let Some((service, command)) = words.split_first() else { return Exit::Failure };
    let Some(Named { name, project, environment }) = context.named_with_variables() else {
        return Exit::Failure;
    };
    let tty = !no_tty.unwrap_or_else(|| !terminal::is_output_terminal());
    let stdin = interactive.unwrap_or(true) && !detach;
    context.with_engine(async |engine| {
        let wanted = Wanted { service, index: index.number(), oneoffs: true, stopped: false };
        let Some(found) = find(&engine, context, (&name, project.as_ref()), wanted).await? else {
            return Ok(Exit::Failure);
        };
        let container = &found[0];
        if !check_terminal(context, stdin, tty) {
            return Ok(Exit::Failure);
        }
        let Some((keys, written_keys)) = keys(context, &engine, None) else { return Ok(Exit::Failure) };
        let options = ExecOptions {
            command: command.to_vec(),
            env: env.clone(),
            detach: *detach,
            stdin,
            tty,
            privileged: *privileged,
            user: user.clone(),
            workdir: workdir.clone(),
            detach_keys: written_keys,
            size: terminal::size().filter(|_| tty),
        };
        let request = exec(&options, |name| environment.get(name, &context.world));
        let id =
            engine.create_exec(&container.id, &request).await.map_err(|error| by_name(error, container))?;
        if *detach {
            engine.start_exec(&id, tty).await?;
            return Ok(Exit::Success);
        }
        let streams = engine.attach_exec(&id, tty).await?;
        let terminal = Terminal::Exec(id.clone());
        let partner = Partner { terminal, tty, stdin, keys, signals: None };
        match talk(&engine, streams, partner, std::future::ready(Ok(()))).await? {
            None => Ok(Exit::Interrupted),
            Some(Ending::Unheard) => Ok(Exit::Success),
            Some(Ending::Detached) => {
                context.ui.say("left the command running");
                // As docker compose does.
                Ok(Exit::Failure)
            }
            Some(Ending::Closed) => Ok(ended_with(engine.exec_code(&id).await?.unwrap_or(0))),
        }
    })
}
