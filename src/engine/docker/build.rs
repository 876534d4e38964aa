//! Builds images: decides what is sent, and has the builder that `plan` chose do it.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use serde_json::json;

use super::context::Context;
use super::{Docker, session};
use crate::engine::{Cause, Engine as _, EngineError, Progress, Result};
use crate::model::build::is_remote;
use crate::observed::ImageId;
use crate::plan::Build;
use crate::plan::builder::{Builder, choose};
use crate::plan::dockerignore::Dockerignore;
use crate::project::hash::digest;

/// What a builder is given.
pub(super) struct Request {
    /// The parameters, percent-encoded.
    pub(super) query: String,
    /// The files, unless the engine fetches them.
    pub(super) context: Option<Context>,
}

impl Docker {
    pub(super) async fn build_image(&self, build: &Build, report: &dyn Fn(Progress)) -> Result<ImageId> {
        let doing = format!("build image {}", build.image);
        let builder = choose(build, &self.builders()).map_err(|refused| {
            let what = refused.iter().map(|one| format!("`{}` {}", one.what, one.why));
            let message = what.collect::<Vec<_>>().join("; ");
            EngineError::new(&doing, Cause::BuildContext { message })
        })?;
        // Keys in files are for an agent to read, and buildx is one.
        let has_keys = build.ssh.values().any(|path| !path.is_empty() && !session::is_socket(path));
        let builder = match builder {
            Builder::BuildKit if has_keys && self.builders().buildx => Builder::Buildx,
            builder => builder,
        };
        let request =
            || request(build).map_err(|message| EngineError::new(&doing, Cause::BuildContext { message }));
        let built = match builder {
            Builder::Classic => self.build_classic(build, request()?, &doing, report).await,
            Builder::BuildKit => self.build_buildkit(build, request()?, &doing, report).await,
            Builder::Buildx => self.build_buildx(build, &doing, report).await,
        };
        // What the engine says of a Dockerfile before it begins arrives under many statuses.
        built.map_err(|error| match error.cause {
            Cause::Disconnected { .. }
            | Cause::TimedOut
            | Cause::BuildContext { .. }
            | Cause::BuildFailed { .. } => error,
            cause => EngineError::new(
                &doing,
                Cause::BuildFailed { message: cause.to_string(), output: Vec::new() },
            ),
        })
    }
}

/// Finds out what to send, or says what is missing.
fn request(build: &Build) -> std::result::Result<Request, String> {
    let is_remote = is_remote(&build.context);
    let context = if is_remote { None } else { Some(context(build)?) };
    let named = context.as_ref().and_then(|context| Some(context.dockerfile.as_ref()?.0.clone()));
    let mut query = query(build, named.as_deref().unwrap_or(&build.dockerfile));
    if is_remote {
        query.push_str(&format!("&remote={}", percent_encoded(&build.context)));
    }
    Ok(Request { query, context })
}

/// The parameters that both builders in the engine take. Each leaves alone those that it does not know: `plan` has
/// chosen one that knows what is asked for.
fn query(build: &Build, dockerfile: &str) -> String {
    let mut pairs: Vec<(&str, String)> =
        vec![("t", build.image.clone()), ("dockerfile", dockerfile.to_owned())];
    let mut put = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    let json = |is_empty: bool, value: serde_json::Value| (!is_empty).then(|| value.to_string());
    // An argument without a value has none to send.
    let given = |(name, value): (&String, &Option<String>)| Some((name.clone(), json!(value.clone()?)));
    let mut args: serde_json::Map<_, _> = build.args.iter().filter_map(given).collect();
    if !build.cache_to.is_empty() {
        // What is left here is `type=inline`, for which BuildKit's front end has an argument.
        args.entry("BUILDKIT_INLINE_CACHE").or_insert(json!("1"));
    }
    put("buildargs", json(args.is_empty(), args.into()));
    put("labels", json(build.labels.is_empty(), json!(build.labels)));
    let images: Vec<_> = build.cache_from.iter().map(|cache| cached_image(cache)).collect();
    put("cachefrom", json(images.is_empty(), json!(images)));
    put("target", build.target.clone());
    put("networkmode", build.network.clone());
    put("platform", build.platform.clone());
    put("shmsize", build.shm_size.map(|bytes| bytes.to_string()));
    put("memory", build.memory.map(|bytes| bytes.to_string()));
    put("isolation", build.isolation.clone());
    let ulimits = build.ulimits.iter();
    let ulimits: Vec<_> =
        ulimits.map(|(name, (soft, hard))| json!({ "Name": name, "Soft": soft, "Hard": hard })).collect();
    put("ulimits", json(ulimits.is_empty(), ulimits.into()));
    put("nocache", build.no_cache.then(|| "1".to_owned()));
    put("pull", build.pull.then(|| "1".to_owned()));
    for tag in build.tags.iter().filter(|tag| **tag != build.image) {
        put("t", Some(tag.clone()));
    }
    for host in &build.extra_hosts {
        put("extrahosts", Some(host.clone()));
    }
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    pairs.join("&")
}

/// `type=registry,ref=IMAGE` is how buildx writes what engines call by the image's name alone.
fn cached_image(cache: &str) -> &str {
    let is_registry = cache.split(',').any(|part| part == "type=registry");
    let reference = cache.split(',').find_map(|part| part.strip_prefix("ref="));
    reference.filter(|_| is_registry).unwrap_or(cache)
}

pub(super) fn percent_encoded(text: &str) -> String {
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

/// Makes the body of a request out of the files.
pub(super) fn body(context: Option<Context>) -> super::wire::Body {
    match context {
        Some(context) => super::wire::streamed(context.stream()),
        None => super::wire::full(Bytes::new()),
    }
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
    fn what_is_asked_for_goes_into_the_query() {
        let build = Build {
            image: "app".into(),
            tags: vec!["app".into(), "localhost:5000/app:1".into()],
            extra_hosts: vec!["db:10.0.0.1".into()],
            args: [("A".to_owned(), Some("x y".to_owned())), ("B".to_owned(), None)].into(),
            cache_from: vec!["type=registry,ref=reg.test/app".into(), "other".into()],
            ulimits: [("nofile".to_owned(), (1, 2))].into(),
            shm_size: Some(64),
            no_cache: true,
            ..Build::default()
        };
        assert_eq!(
            query(&build, "D"),
            "t=app&dockerfile=D&buildargs=%7B%22A%22%3A%22x%20y%22%7D&cachefrom=%5B%22reg.test%2Fapp%22%2C%22other%22%5D&shmsize=64&ulimits=%5B%7B%22Name%22%3A%22nofile%22%2C%22Soft%22%3A1%2C%22Hard%22%3A2%7D%5D&nocache=1&t=localhost%3A5000%2Fapp%3A1&extrahosts=db%3A10.0.0.1"
        );
    }
}
