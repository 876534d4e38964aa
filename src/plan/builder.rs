//! Which builder makes an image, and what none of them can do. Pure: the engine only says which there are.

use super::Build;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::build::is_remote;
use crate::project::Project;

/// The builders that can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Builders {
    /// The API version of the engine.
    pub api: (u32, u32),
    /// Whether the engine has BuildKit, and the user did not switch it off.
    pub buildkit: bool,
    /// Whether the plugin docker buildx is installed.
    pub buildx: bool,
}

/// A builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// The engine's old one, which Podman has too.
    Classic,
    /// BuildKit in the engine.
    BuildKit,
    /// The plugin docker buildx, which speaks with BuildKit in ways that the engine's API has no words for.
    Buildx,
}

/// What no builder does that can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The attribute of `build`, or the option that asks for it.
    pub what: &'static str,
    /// Why not, as a phrase that follows its name.
    pub why: String,
    /// What to do about it.
    pub help: &'static str,
}

/// The API version whose BuildKit knows `shm_size` and `ulimits`: Docker Engine 23.
const LIMITS: (u32, u32) = (1, 42);

/// Chooses the builder for an image: BuildKit where the engine has it, unless the build asks for what only another one
/// does.
pub fn choose(build: &Build, builders: &Builders) -> Result<Builder, Vec<Refusal>> {
    let needs = |needed: &[(bool, &'static str)]| -> Vec<&'static str> {
        needed.iter().filter(|(is_needed, _)| *is_needed).map(|(_, what)| *what).collect()
    };
    let only_buildx = needs(&[
        (build.builder.is_some(), "--builder"),
        (build.check, "--check"),
        (build.all_platforms, "platforms"),
        (!build.contexts.is_empty(), "additional_contexts"),
        (build.cache_to.iter().any(|cache| !is_inline(cache)), "cache_to"),
        (build.entitlements.iter().any(|one| one == "security.insecure"), "entitlements"),
        (build.provenance.is_some(), "provenance"),
        (build.sbom.is_some(), "sbom"),
        (build.dockerfile_inline.is_some() && is_remote(&build.context), "dockerfile_inline"),
    ]);
    let old = builders.api < LIMITS;
    let only_classic = needs(&[
        (build.memory.is_some(), "--memory"),
        (build.isolation.is_some(), "isolation"),
        (old && build.shm_size.is_some(), "shm_size"),
        (old && !build.ulimits.is_empty(), "ulimits"),
    ]);
    let only_buildkit = needs(&[
        (!build.secrets.is_empty(), "secrets"),
        (!build.ssh.is_empty(), "ssh"),
        (build.cache_to.iter().any(|cache| is_inline(cache)), "cache_to"),
    ]);
    let refuse = |what: &[&'static str], why: &str, help: &'static str| {
        Err(what.iter().map(|what| Refusal { what, why: why.to_owned(), help }).collect())
    };
    if !only_buildx.is_empty() {
        let beyond = needs(&[(build.memory.is_some(), "--memory"), (build.isolation.is_some(), "isolation")]);
        if !beyond.is_empty() {
            let why =
                format!("is what BuildKit cannot do, and `{}` what only docker buildx can", only_buildx[0]);
            return refuse(&beyond, &why, "remove one of the two");
        }
        if builders.buildx {
            return Ok(Builder::Buildx);
        }
        let help =
            "install the plugin docker buildx (package docker-buildx or docker-buildx-plugin), or remove it";
        return refuse(&only_buildx, "needs docker buildx, which is not installed", help);
    }
    match (only_classic.is_empty(), only_buildkit.is_empty()) {
        (true, _) if builders.buildkit => Ok(Builder::BuildKit),
        (_, true) => Ok(Builder::Classic),
        (true, false) => {
            let help = "use Docker Engine 18.09 or later without DOCKER_BUILDKIT=0, or remove it";
            refuse(&only_buildkit, "needs BuildKit, which this engine does not offer", help)
        }
        (false, false) => {
            let why =
                format!("is what BuildKit cannot do, and `{}` what only BuildKit can", only_buildkit[0]);
            refuse(&only_classic, &why, "remove one of the two")
        }
    }
}

fn is_inline(cache: &str) -> bool {
    cache.split(',').any(|part| part.trim() == "type=inline")
}

/// Reports what no builder can do for a service, at its line.
pub fn refuse(
    project: &Project,
    service: &str,
    build: &Build,
    builders: &Builders,
    diagnostics: &mut Diagnostics,
) {
    for Refusal { what, why, help } in choose(build, builders).err().unwrap_or_default() {
        if what.starts_with("--") {
            diagnostics
                .push(Diagnostic::error(Code::UnsupportedAttribute, format!("`{what}` {why}")).help(help));
            continue;
        }
        // `privileged` is asked of the builder as an entitlement.
        let is_written = |key: &str| project.written.at(&["services", service, "build", key]).is_some();
        let what = if what == "entitlements" && is_written("privileged") { "privileged" } else { what };
        let path = ["services", service, "build", what];
        let message = format!("`{}` {why}", path.join("."));
        let found = Diagnostic::error(Code::UnsupportedAttribute, message).help(help);
        diagnostics.push(found.label(project.span(&path), "this cannot be honoured"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Builders = Builders { api: (1, 51), buildkit: true, buildx: false };

    fn chosen(change: impl Fn(&mut Build), builders: Builders) -> String {
        let mut build = Build { context: "/context".into(), ..Build::default() };
        change(&mut build);
        match choose(&build, &builders) {
            Ok(builder) => format!("{builder:?}"),
            Err(refused) => refused.iter().map(|one| one.what).collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn buildkit_builds_unless_something_speaks_against_it() {
        let none = |_: &mut Build| ();
        let limits = |build: &mut Build| build.shm_size = Some(1);
        let secrets = |build: &mut Build| {
            build.secrets.insert("key".into(), super::super::build::Secret::default());
        };
        let memory = |build: &mut Build| build.memory = Some(1);
        let all = |build: &mut Build| {
            build.all_platforms = true;
            build.check = true;
        };
        let inline = |build: &mut Build| build.cache_to = vec!["type=inline".into()];
        let old = Builders { api: (1, 41), ..NEW };
        let without = Builders { buildkit: false, ..NEW };
        let buildx = Builders { buildx: true, ..NEW };
        assert_eq!(chosen(none, NEW), "BuildKit");
        assert_eq!(chosen(none, without), "Classic");
        assert_eq!(chosen(limits, NEW), "BuildKit");
        assert_eq!(chosen(limits, old), "Classic");
        assert_eq!(chosen(memory, NEW), "Classic");
        assert_eq!(chosen(secrets, old), "BuildKit");
        assert_eq!(chosen(secrets, without), "secrets");
        let both = |build: &mut Build| {
            secrets(build);
            memory(build);
        };
        assert_eq!(chosen(both, NEW), "--memory");
        assert_eq!(chosen(all, NEW), "--check platforms");
        assert_eq!(chosen(all, buildx), "Buildx");
        let too_much = |build: &mut Build| {
            all(build);
            memory(build);
        };
        assert_eq!(chosen(too_much, buildx), "--memory");
        assert_eq!(chosen(none, buildx), "BuildKit");
        assert_eq!(chosen(inline, NEW), "BuildKit");
    }
}
