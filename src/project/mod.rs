//! Room 5: the model made complete: profiles applied, env files read, names given, references checked.
//!
//! What comes out is what docker compose prints with `config`.

mod check;
pub mod client;
mod complete;
mod contents;
pub mod explain;
pub mod hash;
pub mod printed;
mod select;
mod written;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostic::Diagnostics;
use crate::load::{Environment, Loaded, World};
use crate::model::attribute::Extensions;
use crate::model::network::Network;
use crate::model::registry::{self, Given};
use crate::model::service::Service;
use crate::model::storage::{Config, Secret, Volume};
use crate::model::values::Nullable;
use crate::model::x_topo::XTopoProject;
use crate::model::{Model, Named};
use crate::source::{SourceMap, Span};
use crate::yaml::{Node, Room};

pub use client::Client;
pub use contents::{Bound, Contents, profile_file, read_binds, read_contents, read_profiles};
pub use written::as_written;

/// What the user selects of a project.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--profile`; `*` is all of them.
    pub profiles: Vec<String>,
    /// Services named on the command line: they run whatever their profiles, and the others only if these
    /// depend on them. Empty for all.
    pub services: Vec<String>,
    /// Leave out what the named services depend on.
    pub alone: bool,
    /// How many containers a service is to have, whatever the file says.
    pub scale: Vec<(String, i64)>,
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
    pub services: BTreeMap<String, Box<Service>>,
    /// The services that do not, because of their profiles.
    pub disabled: BTreeMap<String, Box<Service>>,
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
    /// What docker's client adds by its own settings.
    pub client: Client,
    /// Whether names are made with `_` in place of `-`, as docker compose 1 did.
    pub compatibility: bool,
    /// What topo's own commands know of the project.
    pub x_topo: Option<XTopoProject>,
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

    /// Calls `visit` for each attribute that is given for what is part of the project and has a row of its own.
    pub fn each_given(&self, visit: &mut dyn FnMut(Given<'_>)) {
        registry::each_given(&self.written, &mut |given| {
            let is_part = match *given.keys {
                ["services", name, ..] => self.services.contains_key(name),
                ["networks", key, ..] => self.networks.contains_key(key),
                ["volumes", key, ..] => self.volumes.contains_key(key),
                ["secrets", key, ..] => self.secrets.contains_key(key),
                ["configs", key, ..] => self.configs.contains_key(key),
                _ => true,
            };
            if is_part {
                visit(given);
            }
        });
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
        service.image.clone().unwrap_or_else(|| format!("{}{}{name}", self.name, self.separator()))
    }

    /// Returns the name that docker compose gives to a container of a service where the file has none.
    pub fn numbered_container(&self, service: &str, number: impl std::fmt::Display) -> String {
        let separator = self.separator();
        format!("{}{separator}{service}{separator}{number}", self.name)
    }

    /// Returns the service whose interfaces a service shares: by `network_mode: service:`, or by `container:` with the
    /// name of a container of the project.
    pub fn interfaces_of<'a>(&'a self, service: &'a Service) -> Option<&'a str> {
        match service.network_mode.as_deref()?.split_once(':')? {
            ("service", name) => Some(name),
            ("container", container) => self.service_of(container),
            _ => None,
        }
    }

    /// Returns the service that has a container of this name.
    fn service_of(&self, container: &str) -> Option<&str> {
        let is_its =
            |service: &Service| service.container_name.as_ref().is_some_and(|own| own.0 == container);
        let named = self.services.iter().find(|(_, service)| is_its(service)).map(|(name, _)| name.as_str());
        named.or_else(|| self.service_of_numbered(container))
    }

    /// Returns the service whose container has this name by its number, as the file gives it none.
    pub fn service_of_numbered(&self, container: &str) -> Option<&str> {
        let rest = container.strip_prefix(self.name.as_str())?.strip_prefix(self.separator())?;
        let (name, number) = rest.rsplit_once(self.separator())?;
        let (name, service) = self.services.get_key_value(name)?;
        let is_one = (1..=service.containers()).contains(&number.parse().ok()?);
        (is_one && service.container_name.is_none()).then_some(name)
    }

    /// Returns what stands between the parts of a name.
    pub fn separator(&self) -> char {
        if self.compatibility { '_' } else { '-' }
    }
}

/// Returns the name of an image without tag and digest.
pub fn repository(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    // A colon before a slash belongs to the registry's port.
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name)
}

/// Which parts of completing are left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skip {
    /// Add no names, no default network, no implied dependencies, no defaults.
    pub normalization: bool,
    /// Check no references and no contradictions.
    pub consistency: bool,
    /// Read no env files, and leave variables without a value as they are.
    pub environment: bool,
    /// Read no env files and label files of services: nobody makes containers of them.
    pub service_files: bool,
    /// Drop no resource that no service uses.
    pub unused: bool,
}

/// Completes what was loaded. All mistakes go to `loaded.diagnostics`; the project is fit for use only if there
/// are none.
pub fn resolve(loaded: &mut Loaded, selection: &Selection, world: &dyn World) -> Project {
    resolve_without(loaded, selection, world, Skip::default())
}

/// Completes what was loaded without some of the parts, to show how it is written.
pub fn resolve_without(loaded: &mut Loaded, selection: &Selection, world: &dyn World, skip: Skip) -> Project {
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
        client: Client::default(),
        compatibility: false,
        x_topo: compose.x_topo,
        extensions: compose.extensions,
        written: std::mem::replace(&mut loaded.written, Node::map([], Span::default())),
    };
    let mut resolver = Resolver {
        project: &mut project,
        world,
        environment: &loaded.environment,
        sources: &mut loaded.sources,
        diagnostics: &mut loaded.diagnostics,
        room: Some(Room::default()),
    };
    if !skip.normalization {
        resolver.imply_dependencies();
    }
    resolver.apply_profiles(selection);
    resolver.apply_scale(&selection.scale);
    if !skip.consistency {
        resolver.check_references();
        resolver.check_resources();
    }
    if !skip.normalization {
        resolver.add_default_network();
    }
    if !skip.unused {
        resolver.drop_unused();
    }
    if !skip.environment {
        resolver.complete_environments(skip.service_files);
    }
    if !skip.normalization {
        resolver.complete_services();
        resolver.complete_resources();
    }
    if !skip.consistency {
        resolver.check_names();
        resolver.check_contradictions();
    }
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
    /// How many variables and labels may still come from files; `None` once that was too many.
    room: Option<Room>,
}
