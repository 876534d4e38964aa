//! `topo logs`: what the containers of the project wrote.

use std::collections::BTreeSet;

use clap::Args;
use futures_util::StreamExt as _;
use topo::engine::follow::{Follow, News};
use topo::engine::{Engine, EngineError, LogLine, LogQuery, Query};
use topo::plan::labels;

use super::up::interrupt;
use super::{Context, Exit};
use crate::ui::LogPrinter;

/// Show what the containers of the project wrote
///
/// Example: topo logs -f --tail 20 web
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Go on showing what they write, until Ctrl-C or until all have ended
    #[arg(short, long)]
    follow: bool,
    /// Show only so many of the last lines of each container; `all` for all
    #[arg(short = 'n', long, value_name = "LINES", default_value = "all")]
    tail: String,
    /// Show when each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// Do not show which container wrote a line
    #[arg(long)]
    no_log_prefix: bool,
    /// Services to show; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Logs, context: &Context) -> Exit {
    let tail = match arguments.tail.as_str() {
        "all" => None,
        number => match number.parse() {
            Ok(lines) => Some(lines),
            Err(_) => {
                context.ui.error(&format!("`--tail` takes a number of lines or `all`, not `{number}`"));
                return Exit::Failure;
            }
        },
    };
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let query = LogQuery { tail, timestamps: arguments.timestamps, ..LogQuery::default() };
        let observed = engine.observe(&Query { project: name.clone(), ..Query::default() }).await?;
        let wanted: BTreeSet<&String> = arguments.services.iter().collect();
        let containers: Vec<&str> = observed
            .containers
            .iter()
            .filter(|container| {
                !container.oneoff && (wanted.is_empty() || wanted.contains(&container.service))
            })
            .map(|container| container.name.as_str())
            .collect();
        let mut printer =
            LogPrinter::new(context.ui, &name, !arguments.no_log_prefix, containers.iter().copied());
        if !arguments.follow {
            return print_all(&containers, &query, &engine, &mut printer).await;
        }
        let mut follow = Follow::new(&engine, &name, arguments.timestamps, |happening| {
            let service = happening.attributes.get(labels::SERVICE);
            wanted.is_empty() || service.is_some_and(|service| wanted.contains(service))
        });
        for container in &containers {
            follow.add(container, &query);
        }
        let mut interrupted = std::pin::pin!(interrupt());
        while follow.count() > 0 {
            tokio::select! {
                () = &mut interrupted => return Ok(Exit::Interrupted),
                news = follow.next() => show(&news?, &mut printer),
            }
        }
        Ok(Exit::Success)
    })
}

/// Prints what was written so far. All containers are asked at once; their lines are put in order of time.
async fn print_all(
    containers: &[&str],
    query: &LogQuery,
    engine: &impl Engine,
    printer: &mut LogPrinter,
) -> Result<Exit, EngineError> {
    let timed = LogQuery { timestamps: true, ..query.clone() };
    let read = containers.iter().map(|container| async {
        let lines: Vec<Result<LogLine, EngineError>> = engine.logs(container, &timed).collect().await;
        (*container, lines)
    });
    let mut lines = Vec::new();
    for (container, read) in futures_util::future::join_all(read).await {
        for line in read {
            lines.push((container, line?));
        }
    }
    lines.sort_by(|(_, one), (_, other)| one.timestamp.cmp(&other.timestamp));
    for (container, mut line) in lines {
        line.timestamp = line.timestamp.filter(|_| query.timestamps);
        printer.line(container, &line);
    }
    Ok(Exit::Success)
}

/// Prints a piece of news.
pub(crate) fn show(news: &News, printer: &mut LogPrinter) {
    match news {
        News::Line { container, line } => printer.line(container, line),
        News::Ended { container, code } => printer.text(container, &format!("exited with code {code}")),
        News::Unreadable { container, error } => printer.text(container, &format!("failed to {error}")),
        News::Started { .. } => {}
    }
}
