//! BuildKit in the engine, over its plain API: the files go up in one request, and another says what to make of them.
//!
//! bollard's feature for BuildKit speaks gRPC for that, which would make topo larger by a half.
//! See <https://github.com/moby/moby/blob/master/daemon/internal/builder-next/builder.go>.

use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::future::Either;

use super::build::{self, Request};
use super::classic::Line;
use super::trace::Trace;
use super::{Docker, wire};
use crate::engine::{Cause, EngineError, Progress, Result};
use crate::observed::ImageId;
use crate::plan::Build;

impl Docker {
    pub(super) async fn build_buildkit(
        &self,
        build: &Build,
        request: Request,
        doing: &str,
        report: &dyn Fn(Progress),
    ) -> Result<ImageId> {
        let (id, session_id) = (random_id(), random_id());
        let session = self.session(&session_id, build, doing).await?;
        let mut path = format!("/build?version=2&buildid={id}&session={session_id}&{}", request.query);
        let upload = match request.context {
            Some(context) => {
                path.push_str("&remote=upload-request");
                let upload = format!("/build?version=2&buildid=upload-request%3A{id}");
                let body = build::body(Some(context));
                Either::Left(async move { self.post(doing, &upload, &[], body).await.map(|_| ()) })
            }
            None => Either::Right(std::future::ready(Ok(()))),
        };
        let built = async {
            let answer = self.post(doing, &path, &[], wire::full("")).await?;
            self.follow_build(build, answer, doing, report).await
        };
        // The upload's answer comes once the builder has taken the files. A build that fails before that never takes
        // them; one whose files cannot be read never gets them.
        let both = async {
            let (mut upload, mut built) = (pin!(upload), pin!(built));
            tokio::select! {
                built = &mut built => built,
                uploaded = &mut upload => {
                    uploaded?;
                    built.await
                }
            }
        };
        let (mut session, mut both) = (pin!(session), pin!(both));
        tokio::select! {
            built = &mut both => built,
            () = &mut session => both.await,
        }
    }

    async fn follow_build(
        &self,
        build: &Build,
        answer: hyper::Response<hyper::body::Incoming>,
        doing: &str,
        report: &dyn Fn(Progress),
    ) -> Result<ImageId> {
        let mut lines = wire::lines::<Line>(doing.to_owned(), answer);
        let mut trace = Trace::default();
        let mut image = None;
        while let Some(line) = lines.next().await {
            let line = line?;
            image = line.image().or(image);
            if let (Some("moby.buildkit.trace"), Some(message)) = (line.id.as_deref(), line.aux.as_str()) {
                let message = STANDARD.decode(message).unwrap_or_default();
                trace.add(&message).into_iter().for_each(report);
            }
            if let Some(message) = line.error {
                let (step, output) = trace.failure().unwrap_or_default();
                let message = plain(&message);
                let message = if step.is_empty() { message.to_owned() } else { format!("{step}: {message}") };
                return Err(EngineError::new(doing, Cause::BuildFailed { message, output }));
            }
        }
        match image {
            Some(id) => Ok(id),
            None => self.image_id(&build.image).await,
        }
    }
}

/// Takes off what the layers of BuildKit put before the message.
fn plain(message: &str) -> &str {
    let mut message = message;
    for start in ["failed to solve: ", "rpc error: code = Unknown desc = ", "executor "] {
        while let Some(rest) = message.strip_prefix(start) {
            message = rest;
        }
    }
    message
}

/// Makes a name that no other build of the engine has. The hasher's keys are random, and nothing printed depends on it.
pub(super) fn random_id() -> String {
    let random = |part: u8| RandomState::new().hash_one(part);
    format!("{:016x}{:016x}", random(0), random(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_with_what_failed() {
        let long =
            "failed to solve: rpc error: code = Unknown desc = executor failed running [make]: exit code: 2";
        assert_eq!(plain(long), "failed running [make]: exit code: 2");
        assert_ne!(random_id(), random_id());
    }
}
