//! `topo logs`: what the containers of the project wrote.

use std::collections::BTreeSet;

use clap::Args;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use topo::engine::follow::{Follow, News};
use topo::engine::{Engine, EngineError, LogLine, LogQuery, Since};
use topo::listing::time::point;
use topo::observed::Container;
use topo::plan::labels;

use super::existing::Existing;
use super::up::interrupt;
use super::{Context, Exit};
use crate::ui::{LogPrinter, Ui};

/// Show what the containers of the project wrote
///
/// Example: topo logs -f --tail 20 web
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Go on showing what they write, until Ctrl-C or until all have ended
    #[arg(short, long)]
    follow: bool,
    /// Show only the container of this number; needs one service
    #[arg(long, value_name = "NUMBER")]
    index: Option<u32>,
    /// Show only what was written since then: `2013-01-02T13:23:37Z`, or `42m` for 42 minutes ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show only what was written before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Show only so many of the last lines of each container; `all` for all
    #[arg(short = 'n', long, value_name = "LINES", default_value = "all", allow_negative_numbers = true)]
    tail: String,
    /// Show when each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// Do not colour
    #[arg(long)]
    no_color: bool,
    /// Do not show which container wrote a line
    #[arg(long)]
    no_log_prefix: bool,
    /// Services to show; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// The part of the time that is wanted; nothing is cut off where there is no bound.
struct Window {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Window {
    fn of(arguments: &Logs, now: Timestamp) -> Result<Self, String> {
        let zone = TimeZone::system();
        let read = |text: &Option<String>| text.as_deref().map(|text| point(text, now, &zone)).transpose();
        Ok(Self { since: read(&arguments.since)?, until: read(&arguments.until)? })
    }

    /// The engine's own clock gives whole seconds here; it is asked for all that may be meant.
    fn seconds(&self) -> (Option<i64>, Option<i64>) {
        let until = self.until.map(|until| until.as_second() + i64::from(until.subsec_nanosecond() > 0));
        (self.since.map(Timestamp::as_second), until)
    }

    /// Returns whether a line that the engine gave is meant. Its times sort as text.
    fn has(&self, line: &LogLine) -> bool {
        let Some(time) = &line.timestamp else { return true };
        let text = |bound: Timestamp| format!("{bound:.9}");
        self.since.is_none_or(|since| *time >= text(since))
            && self.until.is_none_or(|until| *time <= text(until))
    }
}

pub(crate) fn run(arguments: &Logs, context: &Context) -> Exit {
    let tail = match arguments.tail.as_str() {
        "all" => None,
        number => match number.parse::<i64>() {
            // As in docker compose, fewer than none are all.
            Ok(lines) => u64::try_from(lines).ok(),
            Err(_) => {
                context.ui.error(&format!("`--tail` takes a number of lines or `all`, not `{number}`"));
                return Exit::Failure;
            }
        },
    };
    if arguments.index.is_some() && arguments.services.len() != 1 {
        context.ui.error("`--index` needs one service to be named");
        return Exit::Failure;
    }
    let Some((name, project)) = context.named(&arguments.services) else { return Exit::Failure };
    context.with_engine(async |engine| {
        // Compared with the engine's clock, which stamps the lines.
        let now = match engine.connected() {
            Since::After(nanoseconds) => Timestamp::from_nanosecond(nanoseconds.into()).ok(),
            Since::Now | Since::Earliest => None,
        };
        let window = match Window::of(arguments, now.unwrap_or_else(Timestamp::now)) {
            Ok(window) => window,
            Err(mistake) => {
                context.ui.error(&mistake);
                return Ok(Exit::Failure);
            }
        };
        let began = if arguments.follow { engine.now().await? } else { engine.connected() };
        let existing = Existing::look(name, project, engine).await?;
        let (engine, name) = (&existing.engine, &existing.name);
        let choice = existing.choice(&arguments.services);
        let is_number = |number: u32| arguments.index.is_none_or(|index| index == number);
        let is_wanted = |one: &&Container| !one.oneoff && choice.has(one) && is_number(one.number);
        let containers = existing.observed.containers.iter().filter(is_wanted);
        let containers: Vec<&str> = containers.map(|container| container.name.as_str()).collect();
        let (since, until) = window.seconds();
        let query = LogQuery { tail, since, until, timestamps: arguments.timestamps, ..LogQuery::default() };
        let ui = Ui { color_stdout: context.ui.color_stdout && !arguments.no_color, ..context.ui };
        let mut printer = LogPrinter::new(ui, name, !arguments.no_log_prefix, containers.iter().copied());
        if !arguments.follow {
            return print_all(&containers, &query, &window, engine, &mut printer).await;
        }
        let mut follow = Follow::new(engine, name, began, arguments.timestamps, |happening| {
            let label = |name: &str| happening.attributes.get(name);
            let number = label(labels::CONTAINER_NUMBER).and_then(|number| number.parse().ok()).unwrap_or(0);
            let is_chosen = label(labels::SERVICE).is_some_and(|service| choice.has_service(service));
            is_chosen && is_number(number) && label(labels::ONEOFF).is_none_or(|oneoff| oneoff != "True")
        });
        let mut alive = BTreeSet::new();
        for container in existing.observed.containers.iter().filter(is_wanted) {
            let runs = container.state.is_alive();
            follow.add(&container.name, runs, &query);
            alive.extend(runs.then(|| container.name.clone()));
        }
        let mut interrupted = std::pin::pin!(interrupt());
        loop {
            let next = async {
                // One that runs tells of its end.
                if alive.is_empty() {
                    follow.next_until_silent().await
                } else {
                    follow.next().await.map(Some)
                }
            };
            let news = tokio::select! {
                () = &mut interrupted => return Ok(Exit::Interrupted),
                news = next => news?,
            };
            match &news {
                None => return Ok(Exit::Success),
                Some(News::Started { happening }) => {
                    alive.insert(happening.name.clone());
                }
                Some(News::Ended { container, .. }) => {
                    alive.remove(container);
                }
                Some(News::Unreadable { container, error }) if error.is_not_found() => {
                    alive.remove(container);
                }
                Some(News::Line { .. } | News::Unreadable { .. }) => {}
            }
            news.iter().for_each(|news| show(news, &mut printer));
        }
    })
}

/// Prints what was written so far. All containers are asked at once; their lines are put in order of time.
async fn print_all(
    containers: &[&str],
    query: &LogQuery,
    window: &Window,
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
            let line = line?;
            if window.has(&line) {
                lines.push((container, line));
            }
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
