//! Builds images with the engine's classic builder, which every engine and Podman has.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures_util::StreamExt;

use super::context::Context;
use super::dockerignore::Dockerignore;
use super::{Docker, cause};
use crate::engine::{Cause, EngineError, Progress, Result};
use crate::observed::ImageId;
use crate::plan::Build;
use crate::project::hash::digest;

/// How many lines of output a failed build shows.
const LAST_LINES: usize = 12;

impl Docker {
    pub(super) async fn build_image(&self, build: &Build, report: &dyn Fn(Progress)) -> Result<ImageId> {
        let doing = format!("build image {}", build.image);
        let mut options = options(build);
        let body = if Path::new(&build.context).is_absolute() {
            let context = context(build)
                .map_err(|message| EngineError::new(&doing, Cause::BuildContext { message }))?;
            if let Some((name, _)) = &context.dockerfile {
                options.dockerfile.clone_from(name);
            }
            bollard::body_try_stream(context.stream())
        } else {
            options.remote = Some(build.context.clone());
            bollard::body_full(bytes::Bytes::new())
        };
        let client = self.with(&repeated(build), None).with_timeout(super::NO_BOUND);
        let mut answers = client.build_image(options, self.credentials.all().await, Some(body));
        let mut output = Output::default();
        while let Some(answer) = answers.next().await {
            let failed = |error| EngineError::new(&doing, output.failure(cause(&error)));
            let info = answer.map_err(failed)?;
            if let Some(progress) = output.add(info) {
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

fn options(build: &Build) -> BuildImageOptions {
    // An argument without a value has none to send.
    let given = |(name, value): (&String, &Option<String>)| Some((name.clone(), value.clone()?));
    BuildImageOptions {
        dockerfile: build.dockerfile.clone(),
        t: Some(build.image.clone()),
        nocache: build.no_cache,
        cachefrom: (!build.cache_from.is_empty()).then(|| build.cache_from.clone()),
        pull: build.pull.then(|| "1".to_owned()),
        rm: true,
        forcerm: true,
        buildargs: (!build.args.is_empty()).then(|| build.args.iter().filter_map(given).collect()),
        shmsize: build.shm_size.map(|bytes| i32::try_from(bytes).unwrap_or(i32::MAX)),
        labels: (!build.labels.is_empty()).then(|| build.labels.clone().into_iter().collect()),
        networkmode: build.network.clone(),
        platform: build.platform.clone().unwrap_or_default(),
        target: build.target.clone().unwrap_or_default(),
        version: BuilderVersion::BuilderV1,
        ..BuildImageOptions::default()
    }
}

/// Returns the parameters that may come several times, of which bollard sends one each.
fn repeated(build: &Build) -> String {
    let tags = build.tags.iter().filter(|tag| **tag != build.image).map(|tag| ("t", tag));
    let hosts = build.extra_hosts.iter().map(|host| ("extrahosts", host));
    let pairs: Vec<_> =
        tags.chain(hosts).map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    pairs.join("&")
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            byte => {
                use std::fmt::Write as _;
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[expect(clippy::disallowed_methods, reason = "what is sent to the engine is read from disk by its nature")]
fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Finds out what to send, or says what is missing.
fn context(build: &Build) -> std::result::Result<Context, String> {
    let root = Path::new(&build.context);
    if !root.is_dir() {
        return Err(format!("the build context {} is not a directory", root.display()));
    }
    // A digest as name: the same text gives the same archive, and no file of the user's is in the way.
    let outside = |text: Vec<u8>| (format!(".dockerfile.{}", &digest(&text)[..20]), text);
    let path = root.join(&build.dockerfile);
    let dockerfile = if let Some(text) = &build.dockerfile_inline {
        Some(outside(text.clone().into_bytes()))
    } else if !path.is_file() {
        return Err(format!("there is no Dockerfile {}", path.display()));
    } else if is_inside(&path, root) {
        None
    } else {
        Some(outside(read(&path)?))
    };
    let own = root.join(format!("{}.dockerignore", build.dockerfile));
    let ignore_path = if own.is_file() { own } else { root.join(".dockerignore") };
    let text = if ignore_path.is_file() { read(&ignore_path)? } else { Vec::new() };
    let mut ignore = Dockerignore::parse(&String::from_utf8_lossy(&text))
        .map_err(|error| format!("{}: {error}", ignore_path.display()))?;
    if dockerfile.is_none() {
        ignore.keep(&build.dockerfile);
    }
    // The classic builder reads it too, and must find the same patterns.
    ignore.keep(".dockerignore");
    Ok(Context { root: root.to_owned(), ignore, dockerfile })
}

fn is_inside(path: &Path, root: &Path) -> bool {
    match (path.canonicalize(), root.canonicalize()) {
        (Ok(path), Ok(root)) => path.starts_with(root),
        _ => false,
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
    fn add(&mut self, info: BuildInfo) -> Option<Progress> {
        if let Some(id) = info.aux.and_then(|aux| aux.id) {
            self.image = Some(id);
        }
        let text = match (info.stream, info.status) {
            (Some(text), _) => text,
            (None, Some(status)) => match info.id {
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
        if info.progress_detail.is_none() {
            self.last.extend(text.lines().map(str::to_owned));
            while self.last.len() > LAST_LINES {
                self.last.pop_front();
            }
        }
        let (current, total) = self.step.unzip();
        Some(Progress { current, total, text: text.to_owned() })
    }

    fn failure(&self, cause: Cause) -> Cause {
        match cause {
            Cause::Disconnected { .. } | Cause::TimedOut => cause,
            cause => {
                Cause::BuildFailed { message: cause.to_string(), output: self.last.iter().cloned().collect() }
            }
        }
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
    fn a_missing_part_is_named() {
        let root = tempfile::tempdir().unwrap();
        let mut build = Build {
            image: "app".into(),
            context: root.path().join("api").display().to_string(),
            dockerfile: "Dockerfile".into(),
            ..Build::default()
        };
        assert!(context(&build).unwrap_err().ends_with("/api is not a directory"));
        build.context = root.path().display().to_string();
        assert!(context(&build).unwrap_err().ends_with("/Dockerfile"));
        build.dockerfile_inline = Some("FROM scratch".into());
        let (name, text) = context(&build).unwrap().dockerfile.unwrap();
        assert!(name.starts_with(".dockerfile."));
        assert_eq!(text, b"FROM scratch");
    }

    #[test]
    fn a_dockerfile_outside_is_sent_along() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("context")).unwrap();
        fs::write(root.path().join("Dockerfile"), "FROM scratch").unwrap();
        let build = Build {
            image: "app".into(),
            context: root.path().join("context").display().to_string(),
            dockerfile: "../Dockerfile".into(),
            ..Build::default()
        };
        assert!(context(&build).unwrap().dockerfile.is_some());
    }

    #[test]
    fn the_last_lines_tell_of_a_failure() {
        let mut output = Output::default();
        let info = |text: &str| BuildInfo { stream: Some(text.to_owned()), ..BuildInfo::default() };
        let progress = output.add(info("Step 2/5 : RUN make\n")).unwrap();
        assert_eq!((progress.current, progress.total), (Some(2), Some(5)));
        for number in 0..20 {
            output.add(info(&format!("line {number}\n")));
        }
        let failure = output.failure(Cause::Other { status: None, message: "it returned 2".into() });
        let Cause::BuildFailed { message, output } = failure else { panic!("{failure:?}") };
        assert_eq!((message.as_str(), output.len(), output[11].as_str()), ("it returned 2", 12, "line 19"));
    }

    #[test]
    fn more_tags_and_hosts_go_into_the_query() {
        let build = Build {
            image: "app".into(),
            tags: vec!["app".into(), "localhost:5000/app:1".into()],
            extra_hosts: vec!["db:10.0.0.1".into()],
            ..Build::default()
        };
        assert_eq!(repeated(&build), "t=localhost%3A5000%2Fapp%3A1&extrahosts=db%3A10.0.0.1");
    }
}
