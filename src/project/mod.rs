//! Room 5: the model made complete: profiles applied, env files read, names given, references checked.
//!
//! What comes out is what docker compose prints with `config`.

mod contents;
pub mod hash;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::load::{Environment, Loaded, World, read_env_file};
use crate::model::attribute::Extensions;
use crate::model::build::BuildContext;
use crate::model::lifecycle::{Condition, Dependency};
use crate::model::network::Network;
use crate::model::service::{PullPolicy, Service};
use crate::model::storage::{Config, MountType, Secret, Volume};
use crate::model::values::{Nullable, Variables};
use crate::model::{Model, Named};
use crate::source::{SourceMap, Span};
use crate::yaml::Node;

pub use contents::{Contents, read_contents};

/// What the user selects of a project.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--profile`; `*` is all of them.
    pub profiles: Vec<String>,
    /// Services named on the command line: they run whatever their profiles, and the others only if these
    /// depend on them. Empty for all.
    pub services: Vec<String>,
}

/// A complete project.
#[derive(Clone, Debug)]
pub struct Project {
    /// The name.
    pub name: String,
    /// The project directory.
    pub directory: PathBuf,
    /// The compose files.
    pub files: Vec<PathBuf>,
    /// The files of `--env-file`.
    pub env_files: Vec<PathBuf>,
    /// The services that run, by name.
    pub services: BTreeMap<String, Service>,
    /// The services that do not, because of their profiles.
    pub disabled: BTreeMap<String, Service>,
    /// The networks that services use, by key.
    pub networks: BTreeMap<String, Network>,
    /// The volumes that services use, by key.
    pub volumes: BTreeMap<String, Volume>,
    /// The secrets that services use, by key.
    pub secrets: BTreeMap<String, Secret>,
    /// The configs that services use, by key.
    pub configs: BTreeMap<String, Config>,
    /// The models, by key.
    pub models: BTreeMap<String, Model>,
    /// `x-` attributes at the top.
    pub extensions: Extensions,
    /// The merged tree, which knows where each value was written.
    pub written: Node,
}

impl Project {
    /// Returns where `path` was written, or the nearest place around it.
    pub fn span(&self, path: &[&str]) -> Span {
        self.written.span_of(path)
    }

    /// Returns the name of a network in the engine.
    pub fn network_name<'a>(&'a self, key: &'a str) -> &'a str {
        self.networks.get(key).and_then(|network| network.name.as_deref()).unwrap_or(key)
    }

    /// Returns the name of a volume in the engine.
    pub fn volume_name<'a>(&'a self, key: &'a str) -> &'a str {
        self.volumes.get(key).and_then(|volume| volume.name.as_deref()).unwrap_or(key)
    }

    /// Returns the image that a service runs; for a built one without `image` it is `project-service`.
    pub fn image_of(&self, name: &str, service: &Service) -> String {
        service.image.clone().unwrap_or_else(|| format!("{}-{name}", self.name))
    }
}

/// What `config` prints.
impl Serialize for Project {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("services", &self.services)?;
        fn entry<M: SerializeMap, T: Serialize>(
            map: &mut M,
            key: &str,
            values: &BTreeMap<String, T>,
        ) -> Result<(), M::Error> {
            if values.is_empty() { Ok(()) } else { map.serialize_entry(key, values) }
        }
        entry(&mut map, "models", &self.models)?;
        entry(&mut map, "networks", &self.networks)?;
        entry(&mut map, "volumes", &self.volumes)?;
        entry(&mut map, "secrets", &self.secrets)?;
        entry(&mut map, "configs", &self.configs)?;
        for (key, value) in &self.extensions {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Completes what was loaded. All mistakes go to `loaded.diagnostics`; the project is fit for use only if there
/// are none.
pub fn resolve(loaded: &mut Loaded, selection: &Selection, world: &dyn World) -> Project {
    let compose = std::mem::take(&mut loaded.compose);
    let mut project = Project {
        name: loaded.name.clone(),
        directory: loaded.directory.clone(),
        files: loaded.files.clone(),
        env_files: loaded.env_files.clone(),
        services: compose.services.0,
        disabled: BTreeMap::new(),
        networks: known(compose.networks),
        volumes: known(compose.volumes),
        secrets: known(compose.secrets),
        configs: known(compose.configs),
        models: compose.models.0,
        extensions: compose.extensions,
        written: std::mem::replace(&mut loaded.written, Node::map([], Span::default())),
    };
    let mut resolver = Resolver {
        project: &mut project,
        world,
        environment: &loaded.environment,
        sources: &mut loaded.sources,
        diagnostics: &mut loaded.diagnostics,
    };
    resolver.imply_dependencies();
    resolver.apply_profiles(selection);
    resolver.check_references();
    resolver.drop_unused();
    resolver.complete_services();
    resolver.complete_resources();
    resolver.check_names();
    project
}

fn known<T: Default>(named: Named<Nullable<T>>) -> BTreeMap<String, T> {
    named.0.into_iter().map(|(key, value)| (key, value.0.unwrap_or_default())).collect()
}

struct Resolver<'a> {
    project: &'a mut Project,
    world: &'a dyn World,
    environment: &'a Environment,
    sources: &'a mut SourceMap,
    diagnostics: &'a mut Diagnostics,
}

impl Resolver<'_> {
    /// Links, shared namespaces and `volumes_from` are dependencies too.
    fn imply_dependencies(&mut self) {
        for service in self.project.services.values_mut() {
            let mut implied: Vec<(String, bool)> = Vec::new();
            for link in &service.links.0 {
                implied.push((link.split(':').next().unwrap_or(link).to_owned(), true));
            }
            for mode in [&service.network_mode, &service.ipc, &service.pid].into_iter().flatten() {
                implied.extend(mode.strip_prefix("service:").map(|name| (name.to_owned(), true)));
            }
            for from in &service.volumes_from.0 {
                if !from.starts_with("container:") {
                    implied.push((from.split(':').next().unwrap_or(from).to_owned(), false));
                }
            }
            for (name, restart) in implied {
                service.depends_on.0.entry(name).or_insert_with(|| Dependency {
                    condition: Condition::Started,
                    restart,
                    required: Some(true),
                    extensions: Extensions::new(),
                });
            }
        }
    }

    /// Sets aside the services whose profiles are not active. A service named by the user is active with all
    /// that it depends on.
    fn apply_profiles(&mut self, selection: &Selection) {
        let variable = self.environment.get("COMPOSE_PROFILES", self.world).unwrap_or_default();
        let profiles: BTreeSet<&str> = match &selection.profiles[..] {
            [] => variable.split(',').map(str::trim).filter(|profile| !profile.is_empty()).collect(),
            profiles => profiles.iter().map(String::as_str).collect(),
        };
        let services = &mut self.project.services;
        let mut named = BTreeSet::new();
        let mut next: Vec<&str> = Vec::new();
        for name in &selection.services {
            if services.contains_key(name) {
                next.push(name);
                continue;
            }
            let message = format!("there is no service `{name}`");
            let help = did_you_mean(name, services.keys().map(String::as_str)).unwrap_or_else(|| {
                let known: Vec<&str> = services.keys().map(String::as_str).collect();
                format!("the services are {}", known.join(", "))
            });
            self.diagnostics.push(Diagnostic::error(Code::UnknownReference, message).help(help));
        }
        while let Some(name) = next.pop() {
            if let Some((name, service)) = services.get_key_value(name)
                && named.insert(name.clone())
            {
                next.extend(service.depends_on.0.keys().map(String::as_str));
            }
        }
        let selects_some = !selection.services.is_empty();
        let is_active = |name: &String, service: &Service| {
            if selects_some {
                return named.contains(name);
            }
            let own = &service.profiles.0;
            own.is_empty() || profiles.contains("*") || own.iter().any(|own| profiles.contains(own.as_str()))
        };
        for (name, service) in std::mem::take(services) {
            let side = if is_active(&name, &service) { &mut *services } else { &mut self.project.disabled };
            side.insert(name, service);
        }
    }

    /// Reports names that nothing is defined under. The written tree is asked, so that a definition that could
    /// not be decoded is not called undefined as well.
    fn check_references(&mut self) {
        let is_written = |section: &str, name: &str| self.project.written.at(&[section, name]).is_some();
        let names = |section: &str| -> Vec<String> {
            let entries = self.project.written.get(section).and_then(|entry| entry.node.as_map());
            entries.map(|map| map.keys().cloned().collect()).unwrap_or_default()
        };
        let mut unknown = Vec::new();
        let mut report = |what: &str, section: &str, service: &str, name: &str, at: &[&str], verb: &str| {
            let path: Vec<&str> = ["services", service].into_iter().chain(at.iter().copied()).collect();
            let names = names(section);
            let help = did_you_mean(name, names.iter().map(String::as_str)).unwrap_or_else(|| match section {
                "services" => "define it under `services`, or remove the reference".to_owned(),
                _ => format!("define it: `{section}: {{ {name}: {{}} }}`"),
            });
            unknown.push(
                Diagnostic::error(
                    Code::UnknownReference,
                    format!("service `{service}` {verb} unknown {what} `{name}`"),
                )
                .label(self.project.span(&path), format!("{what} `{name}` is not defined"))
                .help(help),
            );
        };
        for (name, service) in &self.project.services {
            for (dependency, how) in &service.depends_on.0 {
                if !is_written("services", dependency) {
                    report("service", "services", name, dependency, &["depends_on", dependency], "depends on");
                } else if self.project.disabled.contains_key(dependency) && how.is_required() {
                    let path = ["services", name, "depends_on", dependency];
                    self.diagnostics.push(
                        Diagnostic::error(
                            Code::UnknownReference,
                            format!("service `{name}` depends on `{dependency}`, whose profile is not active"),
                        )
                        .label(self.project.span(&path), "needed here")
                        .label(self.project.span(&["services", dependency, "profiles"]), "its profiles")
                        .help("activate a profile with `--profile`, or write `required: false`"),
                    );
                }
            }
            for network in service.networks.0.keys() {
                if network != "default" && !is_written("networks", network) {
                    report("network", "networks", name, network, &["networks", network], "joins");
                }
            }
            for (at, mount) in service.volumes.0.iter().enumerate() {
                if let (MountType::Volume, Some(volume)) = (mount.kind, &mount.source)
                    && !volume.is_empty()
                    && !is_written("volumes", volume)
                {
                    report("volume", "volumes", name, volume, &["volumes", &at.to_string()], "mounts");
                }
            }
            for (section, what, references) in
                [("configs", "config", &service.configs), ("secrets", "secret", &service.secrets)]
            {
                for (at, reference) in references.0.iter().enumerate() {
                    if !is_written(section, &reference.source) {
                        report(what, section, name, &reference.source, &[section, &at.to_string()], "reads");
                    }
                }
            }
            for secret in service.build.iter().flat_map(|build| &build.secrets.0) {
                if !is_written("secrets", &secret.source) {
                    report("secret", "secrets", name, &secret.source, &["build", "secrets"], "builds with");
                }
            }
            for model in service.models.0.keys() {
                if !is_written("models", model) {
                    report("model", "models", name, model, &["models", model], "uses");
                }
            }
        }
        unknown.into_iter().for_each(|diagnostic| self.diagnostics.push(diagnostic));
    }

    /// Gives services without networks the project's own, and drops what no service uses.
    fn drop_unused(&mut self) {
        let project = &mut *self.project;
        for service in project.services.values_mut() {
            let alone = service.network_mode.is_some() || service.provider.is_some();
            if !alone && service.networks.0.is_empty() {
                service.networks.0.insert("default".to_owned(), Nullable(None));
            }
            if service.networks.0.contains_key("default") {
                project.networks.entry("default".to_owned()).or_default();
            }
            let disabled = &project.disabled;
            service.depends_on.0.retain(|name, how| how.is_required() || !disabled.contains_key(name));
        }
        let services = &project.services;
        let used = |names: fn(&Service) -> Vec<&str>| -> BTreeSet<String> {
            services.values().flat_map(names).map(str::to_owned).collect()
        };
        let networks = used(|service| service.networks.0.keys().map(String::as_str).collect());
        let volumes = used(|service| {
            let volumes = service.volumes.0.iter().filter(|mount| mount.kind == MountType::Volume);
            volumes.filter_map(|mount| mount.source.as_deref()).collect()
        });
        let configs = used(|service| service.configs.0.iter().map(|config| config.source.as_str()).collect());
        let secrets = used(|service| {
            let built = service.build.iter().flat_map(|build| &build.secrets.0);
            service.secrets.0.iter().chain(built).map(|secret| secret.source.as_str()).collect()
        });
        let models = used(|service| service.models.0.keys().map(String::as_str).collect());
        project.networks.retain(|key, _| networks.contains(key));
        project.volumes.retain(|key, _| volumes.contains(key));
        project.configs.retain(|key, _| configs.contains(key));
        project.secrets.retain(|key, _| secrets.contains(key));
        project.models.retain(|key, _| models.contains(key));
    }

    fn complete_services(&mut self) {
        let names: Vec<String> = self.project.services.keys().cloned().collect();
        for name in names {
            let Some(mut service) = self.project.services.remove(&name) else { continue };
            self.complete_environment(&name, &mut service);
            self.complete_labels(&name, &mut service);
            if let Some(build) = &mut service.build {
                let directory = self.project.directory.to_string_lossy().into_owned();
                build.context.get_or_insert(BuildContext(directory));
                if build.dockerfile_inline.is_none() {
                    build.dockerfile.get_or_insert_with(|| "Dockerfile".to_owned());
                }
                self.fill_from_environment(&mut build.args);
            }
            let secrets = service.build.iter_mut().flat_map(|build| &mut build.secrets.0);
            for secret in service.secrets.0.iter_mut().chain(secrets) {
                secret.target.get_or_insert_with(|| format!("/run/secrets/{}", secret.source));
            }
            if let Some(policy) = &mut service.pull_policy
                && policy.0 == "if_not_present"
            {
                *policy = PullPolicy("missing".to_owned());
            }
            self.project.services.insert(name, service);
        }
    }

    /// Reads the env files; `environment` wins. A variable without a value has it from the shell or `.env`.
    fn complete_environment(&mut self, name: &str, service: &mut Service) {
        self.fill_from_environment(&mut service.environment);
        let mut variables = Variables::default();
        for (at, file) in std::mem::take(&mut service.env_file.0).into_iter().enumerate() {
            let path = PathBuf::from(&file.path.0);
            if file.required == Some(false) && !self.world.is_file(&path) {
                continue;
            }
            let named_at = self.project.span(&["services", name, "env_file", &at.to_string(), "path"]);
            let lookup = |name: &str| {
                let of_shell = self.environment.get(name, self.world);
                of_shell.or_else(|| variables.0.get(name).cloned().flatten())
            };
            let found = read_env_file(
                self.world,
                &path,
                file.format,
                Some(named_at),
                &lookup,
                self.sources,
                self.diagnostics,
            );
            for (key, value) in found {
                let value = value.or_else(|| self.environment.get(&key, self.world));
                if let Some(value) = value {
                    variables.0.insert(key, Some(value));
                }
            }
        }
        variables.0.append(&mut service.environment.0);
        service.environment = variables;
    }

    fn fill_from_environment(&self, variables: &mut Variables) {
        for (name, value) in &mut variables.0 {
            if value.is_none() {
                *value = self.environment.get(name, self.world);
            }
        }
    }

    fn complete_labels(&mut self, name: &str, service: &mut Service) {
        let mut labels = BTreeMap::new();
        for (at, file) in service.label_file.0.iter().enumerate() {
            let named_at = self.project.span(&["services", name, "label_file", &at.to_string()]);
            let found = read_env_file(
                self.world,
                std::path::Path::new(&file.0),
                None,
                Some(named_at),
                &|_| None,
                self.sources,
                self.diagnostics,
            );
            labels.extend(found.into_iter().map(|(key, value)| (key, value.unwrap_or_default())));
        }
        labels.append(&mut service.labels.0);
        service.labels.0 = labels;
    }

    /// Gives each resource the name it has in the engine, and checks where contents come from.
    fn complete_resources(&mut self) {
        let Project { name: project, written, .. } = &*self.project;
        let (project, written) = (project.clone(), written.clone());
        let named = |key: &str, external: &mut crate::model::network::External, name: &mut Option<String>| {
            let default = || if external.is { key.to_owned() } else { format!("{project}_{key}") };
            let chosen = name.take().or_else(|| external.name.take()).unwrap_or_else(default);
            *name = Some(chosen);
        };
        let mut excess = Vec::new();
        let mut external_only = |section: &str, key: &str, is_external: bool, allowed: &[&str]| {
            let Some(map) = written.at(&[section, key]).and_then(Node::as_map).filter(|_| is_external) else {
                return;
            };
            for (attribute, entry) in map {
                if !allowed.contains(&attribute.as_str()) && !attribute.starts_with("x-") {
                    excess.push(
                        Diagnostic::error(
                            Code::Conflict,
                            format!("`{section}.{key}` is external, and `{attribute}` describes it"),
                        )
                        .label(entry.key, "this is managed elsewhere")
                        .label(written.span_of(&[section, key, "external"]), "external here")
                        .help(format!("remove `{attribute}`, or `external`")),
                    );
                }
            }
        };
        for (key, network) in &mut self.project.networks {
            external_only("networks", key, network.external.is, &["name", "external"]);
            named(key, &mut network.external, &mut network.name);
            network.ipam.get_or_insert_default();
        }
        for (key, volume) in &mut self.project.volumes {
            external_only("volumes", key, volume.external.is, &["name", "external"]);
            named(key, &mut volume.external, &mut volume.name);
        }
        let mut sourceless = Vec::new();
        let mut one_source = |section: &str, key: &str, is_external: bool, sources: &[(&str, bool)]| {
            let given: Vec<&str> = sources.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
            if is_external || given.len() == 1 {
                return;
            }
            let known: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
            let message = match given.len() {
                0 => format!("`{section}.{key}` has no content"),
                _ => format!("`{section}.{key}` has its content from {}", given.join(" and ")),
            };
            sourceless.push(
                Diagnostic::error(if given.is_empty() { Code::MissingKey } else { Code::Conflict }, message)
                    .label(written.span_of(&[section, key]), format!("exactly one of {} is needed", known.join(", ")))
                    .help(format!("write one of {}, or `external: true`", known.join(", "))),
            );
        };
        for (key, config) in &mut self.project.configs {
            let sources = [
                ("file", config.file.is_some()),
                ("environment", config.environment.is_some()),
                ("content", config.content.is_some()),
            ];
            one_source("configs", key, config.external.is, &sources);
            named(key, &mut config.external, &mut config.name);
        }
        for (key, secret) in &mut self.project.secrets {
            let sources = [
                ("file", secret.file.is_some()),
                ("environment", secret.environment.is_some()),
                ("driver", secret.driver.is_some()),
            ];
            one_source("secrets", key, secret.external.is, &sources);
            named(key, &mut secret.external, &mut secret.name);
        }
        excess.into_iter().chain(sourceless).for_each(|diagnostic| self.diagnostics.push(diagnostic));
    }

    /// Two services cannot both have the same container name.
    fn check_names(&mut self) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, service) in &self.project.services {
            let Some(container) = &service.container_name else { continue };
            if let Some(first) = taken.insert(&container.0, name) {
                let place = |service: &str| self.project.span(&["services", service, "container_name"]);
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::Conflict,
                        format!("services `{first}` and `{name}` have the same container name"),
                    )
                    .label(place(name), "again here")
                    .label(place(first), "first here")
                    .help("give each its own, or remove `container_name`"),
                );
            }
        }
    }
}
