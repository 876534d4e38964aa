//! Follows what happens at the engine, beyond broken connections.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Sleep, sleep};

use super::{Engine, EngineError, Happening, Inspection, Result, Scope, Since};

/// How often a lost connection is tried anew, with growing pauses: about six seconds altogether.
const TRIES: u32 = 7;

/// A subscription that is renewed when it ends.
pub struct Watch<'a, E> {
    engine: &'a E,
    scope: Scope,
    since: Since,
    stream: BoxStream<'static, Result<Happening>>,
    /// The pause before the subscription is renewed. It is kept here so that a dropped future loses nothing.
    pause: Option<Pin<Box<Sleep>>>,
    failures: u32,
}

/// What a [`Watch`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something happened.
    Happened(Happening),
    /// The subscription was interrupted. Something may have been missed: look again.
    Renewed,
}

impl<'a, E: Engine> Watch<'a, E> {
    /// Subscribes.
    pub fn new(engine: &'a E, scope: Scope, since: Since) -> Self {
        let stream = engine.happenings(&scope, since);
        Self { engine, scope, since, stream, pause: None, failures: 0 }
    }

    /// Returns the next notice, or why the engine cannot be followed any more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Notice> {
        if self.pause.is_none() {
            match self.stream.next().await {
                Some(Ok(happening)) => {
                    self.failures = 0;
                    self.since = Since::After(happening.time);
                    return Ok(Notice::Happened(happening));
                }
                // An engine ends the stream when it shuts down.
                ended => self.lose(ended.and_then(Result::err))?,
            }
        }
        if let Some(pause) = &mut self.pause {
            pause.await;
        }
        self.pause = None;
        self.stream = self.engine.happenings(&self.scope, self.since);
        Ok(Notice::Renewed)
    }

    fn lose(&mut self, error: Option<EngineError>) -> Result<()> {
        self.failures += 1;
        if let Some(error) = error {
            if self.failures > TRIES {
                return Err(error);
            }
            // An event that is not understood would break a stream that replays it again and again.
            if !error.is_of_the_connection() {
                self.since = Since::Now;
            }
        }
        self.pause = Some(Box::pin(sleep(pause(self.failures))));
        Ok(())
    }
}

/// The pause after so many tries in vain.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(50) * 2u32.pow(failures.clamp(1, TRIES) - 1)
}

/// Inspects a container; for as long as a [`Watch`] would, beyond broken connections.
pub(super) async fn inspect(engine: &impl Engine, container: &str) -> Result<Inspection> {
    let mut failures = 0;
    loop {
        match engine.inspect(container).await {
            Err(error) if error.is_of_the_connection() && failures < TRIES => {
                failures += 1;
                sleep(pause(failures)).await;
            }
            seen => return seen,
        }
    }
}
