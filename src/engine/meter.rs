//! Keeps up with what the containers of a project use, while they come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, SelectAll};

use super::look::{ContainerQuery, Listed, Usage};
use super::watch::{Notice, Watch};
use super::{Action, Engine, Result, Scope};

/// How long the first values may take before they are shown as unknown.
const PATIENCE: Duration = Duration::from_secs(3);

/// What each container of a project uses.
pub struct Meters<'a, E> {
    engine: &'a E,
    query: ContainerQuery,
    service: Option<String>,
    watch: Watch<'a, E>,
    streams: SelectAll<BoxStream<'static, (String, Option<Usage>)>>,
    shown: Vec<Meter>,
    /// Whether the list is out of date.
    is_stale: bool,
    /// The containers that ended: lists lag a moment behind events.
    ended: BTreeSet<String>,
}

/// A container and what it uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// The container.
    pub listed: Listed,
    /// What it uses, as far as that is known.
    pub usage: Option<Usage>,
    /// Whether values are still to come.
    is_open: bool,
}

impl<'a, E: Engine> Meters<'a, E> {
    /// Finds the containers of a project, or of one of its services, and subscribes to what they use. With `all`, those
    /// that do not run are there too; they use nothing.
    pub async fn new(engine: &'a E, project: &str, service: Option<&str>, all: bool) -> Result<Self> {
        let mut meters = Self {
            engine,
            query: ContainerQuery { project: Some(project.to_owned()), all },
            service: service.map(str::to_owned),
            // Before the first look, so that nothing is missed in between.
            watch: Watch::new(engine, Scope::Project(project.to_owned()), engine.connected()),
            streams: SelectAll::new(),
            shown: Vec::new(),
            is_stale: true,
            ended: BTreeSet::new(),
        };
        meters.look().await?;
        Ok(meters)
    }

    /// Returns the containers by name, with the last values.
    pub fn meters(&self) -> &[Meter] {
        &self.shown
    }

    /// Waits until there is a value of each container, or none to come.
    pub async fn settle(&mut self) -> Result<()> {
        let deadline = tokio::time::sleep(PATIENCE);
        let mut deadline = std::pin::pin!(deadline);
        while self.shown.iter().any(|meter| meter.usage.is_none() && meter.is_open) {
            tokio::select! {
                () = &mut deadline => break,
                changed = self.changed() => changed?,
            }
        }
        Ok(())
    }

    /// Waits until a value or the set of containers changes. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Result<()> {
        loop {
            if self.is_stale {
                return self.look().await;
            }
            tokio::select! {
                Some((id, usage)) = self.streams.next() => {
                    if let Some(meter) = self.shown.iter_mut().find(|meter| meter.listed.container.id == id) {
                        meter.is_open = usage.is_some();
                        meter.usage = usage.or(meter.usage.take());
                        return Ok(());
                    }
                }
                notice = self.watch.next() => {
                    let is_change = match notice? {
                        Notice::Renewed => {
                            self.ended.clear();
                            true
                        }
                        Notice::Happened(happening) => match happening.action {
                            Action::Start => {
                                self.ended.remove(&happening.id);
                                true
                            }
                            Action::Die(_) => {
                                self.ended.insert(happening.id);
                                true
                            }
                            Action::Create | Action::Destroy => true,
                            _ => false,
                        },
                    };
                    self.is_stale |= is_change;
                }
            }
        }
    }

    /// Lists the containers anew. Those that are known keep their values and subscriptions.
    async fn look(&mut self) -> Result<()> {
        let listed = self.engine.containers(&self.query).await?;
        self.is_stale = false;
        let mut before = std::mem::take(&mut self.shown);
        for listed in listed {
            let id = listed.container.id.clone();
            let runs = listed.container.state.is_alive() && !self.ended.contains(&id);
            let is_of_service =
                self.service.as_ref().is_none_or(|service| listed.container.service == *service);
            if !is_of_service || !(runs || self.query.all) {
                continue;
            }
            let known = before.iter().position(|meter| meter.listed.container.id == id);
            let meter = known.map(|at| before.swap_remove(at));
            self.shown.push(match meter {
                Some(meter) if meter.is_open && runs => Meter { listed, ..meter },
                _ if runs => {
                    let values = self.engine.usage(&id, true).map(Result::ok);
                    // One more than there are values: that no more will come.
                    let values = values.take_while(|value| std::future::ready(value.is_some()));
                    let values = values.chain(stream::iter([None])).map(move |value| (id.clone(), value));
                    self.streams.push(values.boxed());
                    Meter { listed, usage: None, is_open: true }
                }
                _ => Meter { listed, usage: Some(Usage::default()), is_open: false },
            });
        }
        Ok(())
    }
}
