//! What configs and secrets hold: read only by those who need it, since `config` must work without the files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use super::Project;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::load::{Environment, World, reason};
use crate::model::storage::MountType;
use crate::model::values::HostPath;

/// What the configs and secrets of a project hold, by key. External ones are not in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The configs.
    pub configs: BTreeMap<String, Vec<u8>>,
    /// The secrets.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// The seccomp profiles that services name, by file; [`read_profiles`] reads them.
    pub profiles: BTreeMap<String, String>,
    /// What is on this machine where services mount it from, by path; [`read_binds`] looks at it.
    pub binds: BTreeMap<String, Bound>,
}

/// What is on this machine where services mount it from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A file.
    File {
        /// What it holds.
        content: Vec<u8>,
        /// Whether it can be run.
        is_executable: bool,
    },
    /// A directory.
    Directory,
    /// Something else: a socket, what cannot be read, or nothing yet.
    Other,
}

/// Reads the configs and secrets of a project.
pub fn read_contents(
    project: &Project,
    environment: &Environment,
    world: &dyn World,
    diagnostics: &mut Diagnostics,
) -> Contents {
    let mut contents = Contents::default();
    let mut read = |section: &str,
                    key: &str,
                    file: &Option<HostPath>,
                    variable: &Option<String>,
                    text: Option<&str>| {
        let fault = |attribute: &str, message: String, label: String, help: String| {
            Diagnostic::error(Code::UnreadableFile, message)
                .label(project.span(&[section, key, attribute]), label)
                .help(help)
        };
        match (text, file, variable) {
            (Some(text), _, _) => Some(text.as_bytes().to_vec()),
            (None, Some(file), _) => match world.read(Path::new(&file.0)) {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    let message =
                        format!("`{section}.{key}` cannot be read from {}: {}", file.0, reason(&error));
                    diagnostics.push(fault("file", message, "named here".into(), "create the file".into()));
                    None
                }
            },
            (None, None, Some(variable)) => {
                let included = environment.included_content(section, key).map(str::to_owned);
                let value = included.or_else(|| environment.get(variable, world));
                if value.is_none() {
                    let message =
                        format!("`{section}.{key}` is read from variable `{variable}`, which is not set");
                    let help = format!("set `{variable}` in the shell or in the `.env` file");
                    diagnostics.push(fault("environment", message, "named here".into(), help));
                }
                value.map(String::into_bytes)
            }
            (None, None, None) => None,
        }
    };
    for (key, config) in &project.configs {
        let found = read("configs", key, &config.file, &config.environment, config.content.as_deref());
        contents.configs.extend(found.map(|bytes| (key.clone(), bytes)));
    }
    for (key, secret) in &project.secrets {
        let found = read("secrets", key, &secret.file, &secret.environment, None);
        contents.secrets.extend(found.map(|bytes| (key.clone(), bytes)));
    }
    contents
}

/// Reads the seccomp profiles that services name, by file. Only those need them who create containers.
pub fn read_profiles(
    project: &Project,
    world: &dyn World,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let mut profiles = BTreeMap::new();
    for (name, service) in &project.services {
        for (at, option) in service.security_opt.0.iter().enumerate() {
            let Some(file) = profile_file(option) else { continue };
            let path = project.directory.join(file);
            let profile = world.read(&path).map_err(|error| error.to_string()).and_then(|bytes| {
                let json: serde_json::Value =
                    serde_json::from_slice(&bytes).map_err(|error| format!("it is no JSON: {error}"))?;
                // Without what only people need, as the docker client sends it.
                Ok(json.to_string())
            });
            match profile {
                Ok(profile) => {
                    profiles.insert(file.to_owned(), profile);
                }
                Err(error) => {
                    let place = project.span(&["services", name, "security_opt", &at.to_string()]);
                    let message = format!("seccomp profile `{file}` cannot be read: {error}");
                    diagnostics.push(
                        Diagnostic::error(Code::UnreadableFile, message)
                            .label(place, "named here")
                            .help("name a file with a profile, or write `seccomp=unconfined`"),
                    );
                }
            }
        }
    }
    profiles
}

/// Looks at what services mount of this machine. Only those need it who take it elsewhere.
pub fn read_binds(project: &Project, world: &dyn World) -> BTreeMap<String, Bound> {
    let mounts = project.services.values().flat_map(|service| &service.volumes.0);
    let bound =
        mounts.filter(|mount| mount.kind == MountType::Bind).filter_map(|mount| mount.source.as_ref());
    let sources: BTreeSet<&String> = bound.collect();
    sources.into_iter().map(|source| (source.clone(), bound_at(source, world))).collect()
}

fn bound_at(source: &str, world: &dyn World) -> Bound {
    let path = Path::new(source);
    // These are the kernel's own, which every machine has of itself.
    if ["/proc", "/sys", "/dev"].iter().any(|own| path.starts_with(own)) {
        return Bound::Other;
    }
    match world.read(path) {
        Ok(content) => Bound::File { content, is_executable: world.is_executable(path) },
        Err(error) if error.kind() == ErrorKind::IsADirectory => Bound::Directory,
        Err(_) => Bound::Other,
    }
}

/// Returns the file that a security option reads its seccomp profile from.
pub fn profile_file(option: &str) -> Option<&str> {
    let profile = option.strip_prefix("seccomp=").or_else(|| option.strip_prefix("seccomp:"))?;
    (!matches!(profile, "unconfined" | "builtin") && !profile.starts_with('{')).then_some(profile)
}
