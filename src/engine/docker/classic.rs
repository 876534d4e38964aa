//! The engine's classic builder, which every engine and Podman has.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use futures_util::StreamExt;
use serde::Deserialize;

use super::build::{self, Request};
use super::trace::LAST_LINES;
use super::{Docker, wire};
use crate::engine::{Cause, EngineError, Progress, Result};
use crate::observed::ImageId;
use crate::plan::Build;

/// A line of the answer to a build. bollard's own type fails at what BuildKit writes.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) id: Option<String>,
    stream: Option<String>,
    status: Option<String>,
    #[serde(rename = "progressDetail")]
    detail: Option<serde_json::Value>,
    pub(super) error: Option<String>,
    /// An object with the image's ID, or a message of BuildKit's in Base64.
    pub(super) aux: serde_json::Value,
}

impl Line {
    /// Returns the image's ID, which is the last that a builder says.
    pub(super) fn image(&self) -> Option<ImageId> {
        Some(self.aux.get("ID")?.as_str()?.to_owned())
    }
}

impl Docker {
    pub(super) async fn build_classic(
        &self,
        build: &Build,
        request: Request,
        doing: &str,
        report: &dyn Fn(Progress),
    ) -> Result<ImageId> {
        let logins = self.credentials.all().await.unwrap_or_default();
        // Logins are text and serialize always.
        let logins = URL_SAFE.encode(serde_json::to_vec(&logins).unwrap_or_default());
        let path = format!("/build?version=1&rm=1&forcerm=1&{}", request.query);
        let headers = [("X-Registry-Config", logins)];
        let answer = self.post(doing, &path, &headers, build::body(request.context)).await?;
        let mut lines = wire::lines::<Line>(doing.to_owned(), answer);
        let mut output = Output::default();
        while let Some(line) = lines.next().await {
            let line = line?;
            if let Some(message) = line.error {
                let output = output.last.into();
                return Err(EngineError::new(doing, Cause::BuildFailed { message, output }));
            }
            if let Some(progress) = output.add(line) {
                report(progress);
            }
        }
        match output.image {
            Some(id) => Ok(id),
            // Podman names the image at the end only.
            None => self.image_id(&build.image).await,
        }
    }
}

/// What a build has printed so far.
#[derive(Default)]
struct Output {
    last: VecDeque<String>,
    step: Option<(u64, u64)>,
    image: Option<ImageId>,
}

impl Output {
    /// Takes in a line of the engine's answer. Returns it if there is something to show.
    fn add(&mut self, line: Line) -> Option<Progress> {
        self.image = line.image().or(self.image.take());
        let text = match (line.stream, line.status) {
            (Some(text), _) => text,
            (None, Some(status)) => match line.id {
                Some(id) => format!("{id}: {status}"),
                None => status,
            },
            (None, None) => return None,
        };
        let text = text.trim_end();
        if text.is_empty() {
            return None;
        }
        self.step = step(text).or(self.step);
        // The bytes of base image layers are progress, and no output worth repeating.
        if line.detail.is_none() {
            self.last.extend(text.lines().map(str::to_owned));
            while self.last.len() > LAST_LINES {
                self.last.pop_front();
            }
        }
        let (current, total) = self.step.unzip();
        Some(Progress { current, total, text: text.to_owned() })
    }
}

/// Parses `Step 2/5 : RUN make`.
fn step(text: &str) -> Option<(u64, u64)> {
    let (numbers, _) = text.strip_prefix("Step ")?.split_once(' ')?;
    let (current, total) = numbers.split_once('/')?;
    Some((current.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_tell_of_a_failure() {
        let mut output = Output::default();
        let line = |text: &str| Line { stream: Some(text.to_owned()), ..Line::default() };
        let progress = output.add(line("Step 2/5 : RUN make\n")).unwrap();
        assert_eq!((progress.current, progress.total), (Some(2), Some(5)));
        for number in 0..20 {
            output.add(line(&format!("line {number}\n")));
        }
        assert_eq!((output.last.len(), output.last[11].as_str()), (12, "line 19"));
        output.add(serde_json::from_str(r#"{"aux": {"ID": "sha256:1f"}}"#).unwrap());
        assert_eq!(output.image.as_deref(), Some("sha256:1f"));
    }
}
