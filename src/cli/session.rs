//! A conversation between the user's terminal and a process in a container: raw mode, size, signals, detach keys.

use std::future::Future;
use std::pin::pin;

use clap::Args;
use futures_util::StreamExt as _;
use topo::engine::detach::DetachKeys;
use topo::engine::docker::Docker;
use topo::engine::inside::{Ending, Inside, Size, Streams, Terminal, converse};
use topo::engine::{Action, Cause, Engine, EngineError, Query, Scope};
use topo::observed::Container;
use topo::plan::target::{Wanted, targets};
use topo::project::Project;

use super::{Context, Exit, up::interrupt};
use crate::ui::terminal::{self, Raw};

/// Which container of a service is meant.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Index {
    /// Number of the container, if the service has several
    #[arg(long, value_name = "NUMBER", default_value_t, hide_default_value = true)]
    pub(crate) index: u32,
}

impl Index {
    /// Returns the number; 0 stands for any.
    pub(crate) fn number(self) -> Option<u32> {
        (self.index > 0).then_some(self.index)
    }
}

/// Returns the container that is meant. `None` says that there is none, which has been printed.
pub(crate) async fn find(
    engine: &Docker,
    context: &Context,
    project: (&str, Option<&Project>),
    wanted: Wanted<'_>,
) -> Result<Option<Vec<Container>>, EngineError> {
    let (name, project) = project;
    let observed = engine.observe(&Query { project: name.to_owned(), ..Query::default() }).await?;
    match targets(&observed, project, wanted) {
        Ok(found) => Ok(Some(found.into_iter().cloned().collect())),
        Err(error) => {
            context.ui.error(&error.message);
            if let Some(help) = &error.help {
                context.ui.help(help);
            }
            Ok(None)
        }
    }
}

/// Whether a terminal at the other end fits the one at this end, as docker checks it.
pub(crate) fn check_terminal(context: &Context, stdin: bool, tty: bool) -> bool {
    let fits = !(stdin && tty) || terminal::is_input_terminal();
    if !fits {
        context.ui.error("standard input is not a terminal");
        context.ui.help("add -T to go without one");
    }
    fits
}

/// The keys to leave with: those that were asked for, or those of docker's `config.json`, or docker's own. `None`
/// says that they are no keys, which has been printed.
pub(crate) fn keys(
    context: &Context,
    engine: &Docker,
    asked: Option<&str>,
) -> Option<(DetachKeys, Option<String>)> {
    let written = asked.map(str::to_owned).or_else(|| engine.detach_keys()).filter(|keys| !keys.is_empty());
    match written.as_deref().map_or_else(|| Ok(DetachKeys::default()), DetachKeys::parse) {
        Ok(keys) => Some((keys, written)),
        Err(error) => {
            context.ui.error(&format!("cannot read the detach keys: {error}"));
            None
        }
    }
}

/// The conversation's other end.
pub(crate) struct Partner<'a> {
    /// What has a size, if it has a terminal.
    pub(crate) terminal: Terminal,
    /// Whether it has a terminal.
    pub(crate) tty: bool,
    /// Whether it reads what is typed.
    pub(crate) stdin: bool,
    /// The keys to leave with.
    pub(crate) keys: DetachKeys,
    /// The container that gets the signals, if any does. Otherwise they end the conversation.
    pub(crate) signals: Option<&'a str>,
}

/// Talks until one side ends it; `None` says that a signal did. `begin` is done once both sides can hear each other.
pub(crate) async fn talk(
    engine: &Docker,
    streams: Streams,
    partner: Partner<'_>,
    begin: impl Future<Output = Result<(), EngineError>>,
) -> Result<Option<Ending>, EngineError> {
    let broken = |error: &std::io::Error| {
        let message = error.to_string();
        EngineError::new("talk with the container", Cause::Disconnected { message })
    };
    let Partner { terminal, tty, stdin, keys, signals } = partner;
    let raw = (tty && stdin && terminal::is_input_terminal()).then(Raw::enter).transpose();
    let _raw = raw.map_err(|error| broken(&error))?;
    let input = stdin.then(tokio::io::stdin);
    let keys = (tty && stdin).then_some(keys);
    let mut talking = pin!(converse(streams, input, keys, tokio::io::stdout(), tokio::io::stderr()));
    let mut begin = pin!(begin);
    let mut has_begun = false;
    let mut sizing = pin!(async {
        if tty {
            follow_size(engine, &terminal).await;
        }
        std::future::pending::<()>().await;
    });
    let mut signalled = pin!(async {
        match signals {
            Some(container) => forward_signals(engine, container).await,
            None => interrupt().await,
        }
    });
    loop {
        tokio::select! {
            begun = &mut begin, if !has_begun => {
                begun?;
                has_begun = true;
            }
            ending = &mut talking => {
                if !has_begun {
                    // The engine hangs up on what it cannot start, and says why to who asked for the start.
                    begin.await?;
                }
                return ending.map(Some).map_err(|error| broken(&error));
            }
            () = &mut sizing, if has_begun => {}
            () = &mut signalled => return Ok(None),
        }
    }
}

/// Gives a terminal the size of this one, now and whenever that changes.
async fn follow_size(engine: &Docker, terminal: &Terminal) {
    let resize = async || {
        let Some((rows, columns)) = terminal::size() else { return Ok(()) };
        engine.resize(terminal, Size { rows, columns }).await
    };
    // Before the first time, so that no change in between is missed.
    #[cfg(unix)]
    let mut changed = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::window_change())
    };
    // A process that is just starting has no terminal for a moment, and the engine does not tell when it has.
    for attempt in 1..=10 {
        if resize().await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(attempt * 10)).await;
    }
    #[cfg(unix)]
    if let Ok(changed) = &mut changed {
        while changed.recv().await.is_some() {
            // A process that has ended has no size.
            let _ = resize().await;
        }
    }
}

/// Passes the signals that topo gets on to a container, but for those that are about topo itself.
#[cfg(unix)]
async fn forward_signals(engine: &Docker, container: &str) {
    use futures_util::stream::{SelectAll, unfold};
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        ("SIGHUP", SignalKind::hangup()),
        ("SIGINT", SignalKind::interrupt()),
        ("SIGQUIT", SignalKind::quit()),
        ("SIGTERM", SignalKind::terminate()),
        ("SIGUSR1", SignalKind::user_defined1()),
        ("SIGUSR2", SignalKind::user_defined2()),
        ("SIGALRM", SignalKind::alarm()),
    ];
    let heard = kinds.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?)));
    let mut all: SelectAll<_> = heard
        .map(|(name, heard)| {
            unfold(heard, move |mut heard| async move {
                heard.recv().await?;
                Some((name, heard))
            })
            .boxed()
        })
        .collect();
    while let Some(name) = all.next().await {
        // A container that has just ended hears nothing more, which is how it was meant.
        let _ = engine.kill(container, name).await;
    }
    std::future::pending::<()>().await;
}

#[cfg(not(unix))]
async fn forward_signals(engine: &Docker, container: &str) {
    loop {
        interrupt().await;
        let _ = engine.kill(container, "SIGINT").await;
    }
}

/// Ends with the code of what ran in a container.
pub(crate) fn ended_with(code: i64) -> Exit {
    // A process has a byte for it.
    Exit::Code(u8::try_from(code & 0xff).unwrap_or(u8::MAX))
}

/// Says an error about a container by its name, which people know it by.
pub(crate) fn by_name(mut error: EngineError, container: &Container) -> EngineError {
    error.doing = error.doing.replace(&container.id, &container.name);
    error
}

/// Ends with a container's exit code, once that is known.
pub(crate) async fn end_with(
    code: impl Future<Output = Result<i64, EngineError>>,
) -> Result<Exit, EngineError> {
    tokio::select! {
        code = code => Ok(ended_with(code?)),
        () = interrupt() => Ok(Exit::Interrupted),
    }
}

/// Returns the exit code of a container that is removed when it has ended. It is best asked for before the start.
pub(crate) async fn code_of_removed(name: &str, engine: &Docker) -> Result<i64, EngineError> {
    match engine.removal(name).await {
        Err(error) if error.is_not_found() => remembered_code(name, engine).await,
        code => code,
    }
}

/// Returns the exit code of a container that is gone: the engine remembers what happened.
async fn remembered_code(name: &str, engine: &Docker) -> Result<i64, EngineError> {
    let scope = Scope::Containers(vec![name.to_owned()]);
    let mut happenings = engine.happenings(&scope, engine.connected());
    while let Some(happening) = happenings.next().await {
        match happening?.action {
            Action::Die(code) => return Ok(code),
            Action::Destroy => break,
            _ => {}
        }
    }
    let message = "it is gone, and the engine has forgotten its exit code".to_owned();
    Err(EngineError::new(format!("wait for container {name} to end"), Cause::Other { status: None, message }))
}
