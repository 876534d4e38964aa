//! Follows the output of a project's containers through their ends and restarts, as `up` and `logs --follow` show it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll, StreamExt};

use tokio::time::Instant;

use super::watch::{self, Notice, Watch};
use super::{Action, Engine, EngineError, Happening, LogLine, LogQuery, Result, Scope, Since};
use crate::observed::State;

/// How long the last lines of a container that ended may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The containers that are followed, and those that may come.
pub struct Follow<'a, E> {
    engine: &'a E,
    watch: Watch<'a, E>,
    wanted: Box<dyn Fn(&Happening) -> bool + 'a>,
    timestamps: bool,
    /// Whether the ends of containers are told that are not followed.
    all_ends: bool,
    /// Such containers that run: an end that is replayed from before their start is no news.
    others: HashSet<String>,
    outputs: SelectAll<BoxStream<'static, Output>>,
    followed: HashMap<String, Followed>,
    /// News that came up together with others.
    queued: VecDeque<News>,
}

/// A piece of output by container name; `None` is its end.
type Output = (String, Option<Result<LogLine>>);

/// What is known of a container.
#[derive(Default)]
struct Followed {
    /// Whether its output is being read.
    reading: bool,
    /// Whether it is taken to run, so that its end has yet to be told.
    runs: bool,
    /// The code it ended with. It is told after the last line, which may arrive later.
    ended: Option<i64>,
    /// When to stop waiting for that line, since some engines never end the output of a container that restarts; or for
    /// its end, which may have come before it was followed: an engine lists it as running for a moment longer.
    overdue: Option<Instant>,
    /// Its next start, told before the end of its output was reached.
    restarted: Option<Happening>,
    /// The time of the last line that was told: after a restart the engine tells some lines again.
    last: Option<String>,
}

/// What a [`Follow`] tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A container wrote a line.
    Line {
        /// Its name.
        container: String,
        /// The line.
        line: LogLine,
    },
    /// A container started, and is followed from now on.
    Started {
        /// What the engine says of it, labels included.
        happening: Happening,
    },
    /// A container ended, after all of its lines.
    Ended {
        /// Its name.
        container: String,
        /// Its exit code.
        code: i64,
    },
    /// The output of a container cannot be read, for example because of its log driver.
    Unreadable {
        /// Its name.
        container: String,
        /// Why.
        error: EngineError,
    },
}

impl<'a, E: Engine> Follow<'a, E> {
    /// Follows the containers of `project` that start after `since` and are `wanted`. Others can be added, which were
    /// seen to run after that. `timestamps` says whether lines have theirs.
    pub fn new(
        engine: &'a E,
        project: &str,
        since: Since,
        timestamps: bool,
        wanted: impl Fn(&Happening) -> bool + 'a,
    ) -> Self {
        let watch = Watch::new(engine, Scope::Project(project.to_owned()), since);
        let (outputs, followed, queued) = (SelectAll::new(), HashMap::new(), VecDeque::new());
        let (wanted, all_ends, others) = (Box::new(wanted), false, HashSet::new());
        Self { engine, watch, wanted, timestamps, all_ends, others, outputs, followed, queued }
    }

    /// Tells the ends of all containers of the project, also of those that are not followed; `running` run already.
    pub fn with_all_ends(self, running: impl IntoIterator<Item = String>) -> Self {
        Self { all_ends: true, others: running.into_iter().collect(), ..self }
    }

    /// Follows a container that `runs` already, or reads what one wrote that does not. Of `query`, all counts but
    /// `timestamps` and `follow`.
    pub fn add(&mut self, container: &str, runs: bool, query: &LogQuery) {
        let followed = self.followed.entry(container.to_owned()).or_default();
        if std::mem::replace(&mut followed.reading, true) {
            return;
        }
        (followed.runs, followed.overdue) = (runs, None);
        // The time of each line is needed to tell new lines from old ones.
        let query = LogQuery { follow: true, timestamps: true, ..query.clone() };
        let name = container.to_owned();
        let lines = self.engine.logs(container, &query).map(Some);
        let lines = lines.chain(futures_util::stream::iter([None]));
        self.outputs.push(lines.map(move |line| (name.clone(), line)).boxed());
    }

    /// Returns how many containers are followed at present.
    pub fn count(&self) -> usize {
        self.followed.values().filter(|followed| followed.reading).count()
    }

    /// Returns the next news, or why the engine cannot be followed any more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<News> {
        loop {
            if let Some(news) = self.step().await? {
                return Ok(news);
            }
        }
    }

    /// The same, but `None` as soon as no container is followed: what had ended before has no end to tell of.
    pub async fn next_until_silent(&mut self) -> Result<Option<News>> {
        while !self.queued.is_empty() || self.count() > 0 {
            if let Some(news) = self.step().await? {
                return Ok(Some(news));
            }
        }
        Ok(None)
    }

    /// Takes one thing in, which may be no news.
    async fn step(&mut self) -> Result<Option<News>> {
        if let Some(news) = self.queued.pop_front() {
            return Ok(Some(news));
        }
        Ok(tokio::select! {
            // What was written comes before what happened then.
            biased;
            Some((container, output)) = self.outputs.next() => self.take(container, output),
            notice = self.watch.next() => match notice? {
                Notice::Happened(happening) => self.consider(happening),
                // Containers that ended in between are noticed by the end of their output.
                Notice::Renewed => None,
            },
            container = overdue(&self.followed) => {
                if self.followed.get(&container).is_some_and(|followed| followed.reading) {
                    self.take(container, None)
                } else {
                    self.ask(container).await?
                }
            }
        })
    }

    /// Asks for the end of a container whose output has ended.
    async fn ask(&mut self, container: String) -> Result<Option<News>> {
        let seen = watch::inspect(self.engine, &container).await;
        let followed = self.followed.entry(container.clone()).or_default();
        followed.overdue = None;
        match seen.map(|seen| seen.state) {
            Ok(State::Exited(code) | State::Dead(code)) => {
                followed.runs = false;
                Ok(code.map(|code| News::Ended { container, code }))
            }
            // Not all that runs has an output, and what restarts will tell of it.
            Ok(_) => Ok(None),
            Err(error) if error.is_not_found() => Ok(Some(News::Unreadable { container, error })),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, container: String, output: Option<Result<LogLine>>) -> Option<News> {
        let followed = self.followed.entry(container.clone()).or_default();
        match output {
            Some(Ok(mut line)) => {
                if line.timestamp.is_some() && line.timestamp <= followed.last {
                    return None;
                }
                followed.last.clone_from(&line.timestamp);
                line.timestamp = line.timestamp.filter(|_| self.timestamps);
                Some(News::Line { container, line })
            }
            // It was removed, which the end of its output tells as well.
            Some(Err(error)) if error.is_not_found() => None,
            Some(Err(error)) => Some(News::Unreadable { container, error }),
            None => {
                followed.reading = false;
                followed.overdue = None;
                let (code, restarted) = (followed.ended.take(), followed.restarted.take());
                if code.is_some() {
                    followed.runs = false;
                } else if followed.runs {
                    followed.overdue = Some(Instant::now() + PATIENCE);
                }
                self.queued.extend(code.map(|code| News::Ended { container, code }));
                let started = restarted.and_then(|happening| self.follow_start(happening));
                self.queued.extend(started);
                None
            }
        }
    }

    fn consider(&mut self, happening: Happening) -> Option<News> {
        match happening.action {
            Action::Start if (self.wanted)(&happening) => self.follow_start(happening),
            Action::Start => {
                self.others.insert(happening.name);
                None
            }
            Action::Die(code) => {
                let Some(followed) = self.followed.get_mut(&happening.name) else {
                    let ran = self.others.remove(&happening.name);
                    return (self.all_ends && ran).then_some(News::Ended { container: happening.name, code });
                };
                if followed.reading {
                    followed.ended = Some(code);
                    followed.overdue = Some(Instant::now() + PATIENCE);
                    return None;
                }
                followed.overdue = None;
                let ran = std::mem::take(&mut followed.runs);
                ran.then_some(News::Ended { container: happening.name, code })
            }
            _ => None,
        }
    }

    fn follow_start(&mut self, happening: Happening) -> Option<News> {
        let followed = self.followed.entry(happening.name.clone()).or_default();
        if followed.reading {
            // It was added by hand already, unless it ended meanwhile and its last lines are yet to come.
            followed.restarted = followed.ended.is_some().then_some(happening);
            return None;
        }
        // A container may write before the engine tells of its start.
        let since = Some(happening.time / 1_000_000_000 - 1);
        self.add(&happening.name, true, &LogQuery { since, ..LogQuery::default() });
        Some(News::Started { happening })
    }
}

/// Resolves when the output of a container that ended has been waited for long enough.
async fn overdue(followed: &HashMap<String, Followed>) -> String {
    let overdue = followed.iter().filter_map(|(name, one)| Some((one.overdue?, name)));
    match overdue.min() {
        Some((at, name)) => {
            tokio::time::sleep_until(at).await;
            name.clone()
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerCreateBody;

    use super::*;
    use crate::engine::fake::FakeEngine;
    use crate::plan::labels;

    async fn engine_with(names: &[&str]) -> FakeEngine {
        let engine = FakeEngine::new();
        engine.add_image("app");
        for name in names {
            let body = ContainerCreateBody {
                image: Some("app".into()),
                labels: Some([(labels::PROJECT.to_owned(), "p".to_owned())].into()),
                ..ContainerCreateBody::default()
            };
            engine.create_container(name, None, &body).await.unwrap();
        }
        engine
    }

    async fn told(follow: &mut Follow<'_, FakeEngine>) -> String {
        match follow.next().await.unwrap() {
            News::Line { container, line } => {
                format!("{container}: {}", String::from_utf8(line.text).unwrap())
            }
            News::Started { happening } => format!("{} started", happening.name),
            News::Ended { container, code } => format!("{container} ended with {code}"),
            News::Unreadable { container, error } => format!("{container}: {error}"),
        }
    }

    #[tokio::test]
    async fn a_container_is_followed_through_its_ends() {
        let engine = engine_with(&["web"]).await;
        let mut follow = Follow::new(&engine, "p", Since::Earliest, false, |_| true);
        engine.start("web").await.unwrap();
        assert_eq!(told(&mut follow).await, "web started");
        engine.write("web", "one");
        engine.write("web", "two");
        engine.end("web", 3);
        // The end comes last although the engine tells of it at once.
        assert_eq!(told(&mut follow).await, "web: one");
        assert_eq!(told(&mut follow).await, "web: two");
        assert_eq!(told(&mut follow).await, "web ended with 3");
        assert_eq!(follow.count(), 0);
        engine.start("web").await.unwrap();
        engine.write("web", "three");
        assert_eq!(told(&mut follow).await, "web started");
        assert_eq!(told(&mut follow).await, "web: three", "earlier lines are not told again");
        assert_eq!(follow.count(), 1);
    }

    #[tokio::test]
    async fn what_ended_before_is_told_and_not_waited_for() {
        let engine = engine_with(&["job"]).await;
        engine.start("job").await.unwrap();
        engine.write("job", "done");
        engine.end("job", 0);
        let mut follow = Follow::new(&engine, "other", Since::Earliest, false, |_| true);
        follow.add("job", false, &LogQuery::default());
        assert!(matches!(follow.next_until_silent().await.unwrap(), Some(News::Line { .. })));
        assert_eq!(follow.next_until_silent().await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_what_ended_before_but_was_listed_as_running_is_asked_for() {
        let engine = engine_with(&["job", "web"]).await;
        engine.start("job").await.unwrap();
        engine.start("web").await.unwrap();
        engine.write("job", "done");
        engine.end("job", 7);
        let mut follow = Follow::new(&engine, "p", Since::Now, false, |_| true);
        follow.add("job", true, &LogQuery::default());
        follow.add("web", true, &LogQuery::default());
        assert_eq!(told(&mut follow).await, "job: done");
        assert_eq!(told(&mut follow).await, "job ended with 7");
        assert_eq!(follow.count(), 1);
    }

    #[tokio::test]
    async fn only_what_is_wanted_is_followed() {
        let engine = engine_with(&["web", "db", "old"]).await;
        engine.start("old").await.unwrap();
        engine.write("old", "first");
        engine.write("old", "last");
        let mut follow =
            Follow::new(&engine, "p", Since::Earliest, false, |happening| happening.name == "web");
        follow.add("old", true, &LogQuery { tail: Some(1), ..LogQuery::default() });
        assert_eq!(told(&mut follow).await, "old: last");
        engine.start("db").await.unwrap();
        engine.start("web").await.unwrap();
        assert_eq!(told(&mut follow).await, "web started");
        assert_eq!(follow.count(), 2);
    }
}
