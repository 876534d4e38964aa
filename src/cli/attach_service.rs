//! `topo attach`: the terminal becomes that of a running container.

use clap::Args;
use topo::engine::inside::{Attach as How, Ending, Inside, Size, Terminal};
use topo::engine::{Engine, EngineError};
use topo::observed::State;
use topo::plan::target::Wanted;

use super::session::{Index, Partner, check_terminal, end_with, find, keys, talk};
use super::{Context, Exit};
use crate::ui::terminal;

/// Connect to the input and outputs of a running container
///
/// It ends with the container, and with its exit code. ctrl-p, ctrl-q leaves it running.
///
/// Example: topo attach --detach-keys ctrl-x shell
#[derive(Args, Debug)]
pub(crate) struct Attach {
    /// Keys to leave with, separated by commas: characters, `ctrl-` and a letter, or `DEL`
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    #[command(flatten)]
    index: Index,
    /// Do not pass standard input on
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to the container; the default
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sig_proxy: Option<bool>,
    /// The service
    #[arg(value_name = "SERVICE")]
    service: String,
}

pub(crate) fn run(arguments: &Attach, context: &Context) -> Exit {
    let Attach { detach_keys, index, no_stdin, sig_proxy, service } = arguments;
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let wanted = Wanted { service, index: index.number(), oneoffs: true, stopped: false };
        let Some(found) = find(&engine, context, (&name, project.as_ref()), wanted).await? else {
            return Ok(Exit::Failure);
        };
        let container = &found[0];
        let inspected = engine.inspect(&container.id).await?;
        // Lists are a moment late.
        let hindrance = match inspected.state {
            State::Running => None,
            State::Paused => Some(("is paused", "unpause it first")),
            State::Restarting => Some(("is restarting", "wait until it runs")),
            _ => Some(("is not running", "start it with `topo up -d`")),
        };
        if let Some((state, help)) = hindrance {
            context.ui.error(&format!("container {} of service `{service}` {state}", container.name));
            context.ui.help(help);
            return Ok(Exit::Failure);
        }
        let tty = inspected.tty;
        if !check_terminal(context, !no_stdin, tty) {
            return Ok(Exit::Failure);
        }
        let Some((keys, written_keys)) = keys(context, &engine, detach_keys.as_deref()) else {
            return Ok(Exit::Failure);
        };
        let stdin = !no_stdin && inspected.open_stdin;
        let how = How { tty, stdin, detach_keys: written_keys };
        let streams = engine.attach(&container.id, how).await?;
        let terminal = Terminal::Container(container.id.clone());
        let signals = (sig_proxy.unwrap_or(true) && !tty).then_some(container.id.as_str());
        let redraw = async {
            // A prompt is drawn anew only when the size changes.
            if let (true, Some((rows, columns))) = (tty, terminal::size()) {
                let size = Size { rows: rows.saturating_add(1), columns: columns.saturating_add(1) };
                let _ = engine.resize(&terminal, size).await;
            }
            Ok::<(), EngineError>(())
        };
        let partner = Partner { terminal: terminal.clone(), tty, stdin, keys, signals };
        match talk(&engine, streams, partner, redraw).await? {
            None => Ok(Exit::Interrupted),
            Some(Ending::Unheard) => Ok(Exit::Success),
            Some(Ending::Detached) => {
                context.ui.say(&format!("left container {} running", container.name));
                // As docker compose does.
                Ok(Exit::Failure)
            }
            Some(Ending::Closed) => end_with(engine.exit_code(&container.name)).await,
        }
    })
}
