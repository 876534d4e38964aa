//! The plugin docker buildx, for what the engine's own API has no words for: several platforms, named contexts,
//! attestations, caches outside of the image.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::Docker;
use super::trace::LAST_LINES;
use crate::engine::{Cause, EngineError, Progress, Result};
use crate::observed::ImageId;
use crate::plan::Build;
use crate::plan::bake::{attestation, limit};
use crate::plan::build::NamedContext;

/// Where the docker client keeps plugins for everybody.
const DIRECTORIES: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// Finds the plugin where the docker client would.
pub(super) fn find(config: Option<&Path>) -> Option<PathBuf> {
    let own = config.map(|config| config.join("cli-plugins"));
    let name = format!("docker-buildx{}", std::env::consts::EXE_SUFFIX);
    let directories = own.into_iter().chain(DIRECTORIES.iter().map(PathBuf::from));
    directories.map(|directory| directory.join(&name)).find(|path| path.is_file())
}

impl Docker {
    pub(super) async fn build_buildx(
        &self,
        build: &Build,
        doing: &str,
        report: &dyn Fn(Progress),
    ) -> Result<ImageId> {
        let failed = |message: String| EngineError::new(doing, Cause::BuildContext { message });
        let io = |error: std::io::Error| failed(format!("docker buildx: {error}"));
        let Some(plugin) = &self.buildx else {
            return Err(failed("docker buildx is not installed".to_owned()));
        };
        let scratch = Scratch::new().map_err(io)?;
        let id_file = scratch.0.join("id");
        let mut command = tokio::process::Command::new(plugin);
        command.args(arguments(build)).arg("--iidfile").arg(&id_file);
        for (at, (id, content)) in build.secrets.iter().enumerate() {
            let path = scratch.0.join(format!("secret-{at}"));
            scratch.write(&path, &content.0).map_err(io)?;
            command.arg(format!("--secret=id={id},src={}", path.display()));
        }
        command.arg(&build.context).env("DOCKER_HOST", self.address());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(io)?;
        if let Some(mut stdin) = child.stdin.take() {
            let text = build.dockerfile_inline.as_deref().unwrap_or_default();
            // One that does not read it says itself what is wrong.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        let mut output: VecDeque<String> = VecDeque::new();
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr).lines();
            while let Some(line) = lines.next_line().await.map_err(io)? {
                report(Progress { text: line.clone(), ..Progress::default() });
                output.push_back(line);
                if output.len() > LAST_LINES {
                    output.pop_front();
                }
            }
        }
        let status = child.wait().await.map_err(io)?;
        if !status.success() {
            let message = format!("docker buildx ended with {status}");
            return Err(EngineError::new(doing, Cause::BuildFailed { message, output: output.into() }));
        }
        // Nothing is made by `--check`.
        Ok(scratch.read(&id_file).unwrap_or_default().trim().to_owned())
    }
}

/// See <https://docs.docker.com/reference/cli/docker/buildx/build/>.
fn arguments(build: &Build) -> Vec<String> {
    let Build {
        image,
        // The caller adds it, last.
        context,
        dockerfile,
        dockerfile_inline,
        args,
        target,
        labels,
        cache_from,
        cache_to,
        tags,
        network,
        platform,
        platforms,
        all_platforms,
        extra_hosts,
        shm_size,
        ulimits,
        // BuildKit has neither: `plan` refuses the one, and docker compose ignores the other with buildx, too.
        memory: _,
        isolation: _,
        contexts,
        // The caller writes them to files.
        secrets: _,
        ssh,
        entitlements,
        provenance,
        sbom,
        builder,
        check,
        no_cache,
        pull,
        push,
    } = build;
    let mut words: Vec<String> = vec!["build".into(), "--progress=plain".into()];
    let mut put = |name: &str, value: String| words.push(format!("--{name}={value}"));
    put(
        "file",
        match dockerfile_inline {
            Some(_) => "-".to_owned(),
            None if crate::model::build::is_remote(context) => dockerfile.clone(),
            None => Path::new(context).join(dockerfile).display().to_string(),
        },
    );
    builder.iter().for_each(|builder| put("builder", builder.clone()));
    tags.iter().filter(|tag| *tag != image).chain([image]).for_each(|tag| put("tag", tag.clone()));
    for (name, value) in args {
        value.iter().for_each(|value| put("build-arg", format!("{name}={value}")));
    }
    labels.iter().for_each(|(key, value)| put("label", format!("{key}={value}")));
    target.iter().for_each(|target| put("target", target.clone()));
    network.iter().for_each(|network| put("network", network.clone()));
    cache_from.iter().for_each(|cache| put("cache-from", cache.clone()));
    cache_to.iter().for_each(|cache| put("cache-to", cache.clone()));
    extra_hosts.iter().for_each(|host| put("add-host", host.clone()));
    shm_size.iter().for_each(|bytes| put("shm-size", bytes.to_string()));
    ulimits.iter().for_each(|(name, (soft, hard))| put("ulimit", limit(name, *soft, *hard)));
    for (name, context) in contexts {
        let place = match context {
            NamedContext::Place(place) => place.clone(),
            // The plan has built it before.
            NamedContext::Service { name: _, image } => format!("docker-image://{image}"),
        };
        put("build-context", format!("{name}={place}"));
    }
    ssh.iter().for_each(|(id, path)| {
        put("ssh", if path.is_empty() { id.clone() } else { format!("{id}={path}") });
    });
    entitlements.iter().for_each(|one| put("allow", one.clone()));
    provenance.iter().for_each(|options| put("attest", attestation("provenance", options)));
    sbom.iter().for_each(|options| put("attest", attestation("sbom", options)));
    if *check {
        put("call", "check".to_owned());
    } else if *all_platforms {
        put("output", format!("type=image,push={push}"));
    } else {
        put("output", if *push { "type=registry" } else { "type=docker" }.to_owned());
    }
    if *all_platforms {
        put("platform", platforms.join(","));
    } else {
        platform.iter().for_each(|platform| put("platform", platform.clone()));
    }
    if *no_cache {
        words.push("--no-cache".to_owned());
    }
    if *pull {
        words.push("--pull".to_owned());
    }
    words
}

/// A directory for the files of one build, which only the user may read. It goes with the build.
struct Scratch(PathBuf);

#[expect(clippy::disallowed_methods, reason = "files between topo and a plugin are no part of a project")]
impl Scratch {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("topo-build-{}", super::buildkit::random_id()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    fn write(&self, path: &Path, content: &[u8]) -> std::io::Result<()> {
        debug_assert!(path.starts_with(&self.0));
        std::fs::write(path, content)
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        debug_assert!(path.starts_with(&self.0));
        std::fs::read_to_string(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing more can be done about what cannot be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
