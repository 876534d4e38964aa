//! `topo events`: what happens to the project's containers.

use clap::Args;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use topo::engine::Engine as _;
use topo::engine::look::HistoryQuery;
use topo::listing::history::{concerns, json_line, line};
use topo::listing::time::{point, seconds};

use super::listing::now;
use super::up::interrupt;
use super::{Context, Exit};

/// Show what happens to the project's containers, as it happens
///
/// Example: topo events --since 10m --json
#[derive(Args, Debug)]
pub(crate) struct Events {
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
    /// Begin at that time: `10m` (ago), `2026-01-02T13:23:37Z`, or seconds since 1970
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// End at that time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Services to watch; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Events, context: &Context) -> Exit {
    let Some((name, project)) = context.name() else { return Exit::Failure };
    if !context.has_services(project.as_ref(), &arguments.services) {
        return Exit::Failure;
    }
    let zone = TimeZone::system();
    context.with_engine(async |engine| {
        let parsed = |text: &Option<String>, now: i64| {
            let now = Timestamp::from_second(now).unwrap_or_default();
            let read = text.as_ref().map(|text| point(text, now, &zone)).transpose();
            read.map(|point| point.map(seconds))
        };
        let now = now(&engine);
        // The engine says its time in whole seconds: a second more is better than one too few.
        let (since, until) = match (parsed(&arguments.since, now), parsed(&arguments.until, now + 1)) {
            (Ok(since), Ok(until)) => (since, until),
            (Err(wrong), _) | (_, Err(wrong)) => {
                context.ui.error(&wrong);
                return Ok(Exit::Failure);
            }
        };
        let mut occurrences = engine.history(&HistoryQuery { project: name, since, until });
        let mut interrupted = std::pin::pin!(interrupt());
        loop {
            let occurrence = tokio::select! {
                () = &mut interrupted => return Ok(Exit::Interrupted),
                occurrence = occurrences.next() => occurrence,
            };
            let Some(occurrence) = occurrence.transpose()? else { return Ok(Exit::Success) };
            if !concerns(&occurrence, &arguments.services) {
                continue;
            }
            let text = if arguments.json { json_line(&occurrence, &zone) } else { line(&occurrence, &zone) };
            if !context.ui.stream(&text) {
                return Ok(Exit::Success);
            }
        }
    })
}
