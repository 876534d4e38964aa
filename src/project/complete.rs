//! Fills in what follows from other things: variables from env files, labels from label files, names, defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;

use super::{Project, Resolver};
use crate::load::EnvFile;
use crate::model::attribute::absolute_path;
use crate::model::build::BuildContext;
use crate::model::network::External;
use crate::model::service::{PullPolicy, Service};
use crate::model::values::Variables;
use crate::source::{Span, Spanned};

impl Resolver<'_> {
    /// Reads the env files and label files of all services, unless `without_files`, and fills in variables without a
    /// value.
    pub(super) fn complete_environments(&mut self, without_files: bool) {
        let mut services = std::mem::take(&mut self.project.services);
        for (name, service) in &mut services {
            self.fill_from_environment(&mut service.environment);
            if !without_files {
                self.complete_environment(name, service);
                self.complete_labels(name, service);
            }
            if let Some(build) = &mut service.build {
                self.fill_from_environment(&mut build.args);
                build.args.0.retain(|_, value| value.is_some());
            }
        }
        self.project.services = services;
    }

    /// Writes defaults out.
    pub(super) fn complete_services(&mut self) {
        let Project { services, written, directory, .. } = &mut *self.project;
        for (name, service) in services {
            if let Some(build) = &mut service.build {
                build.context.get_or_insert_with(|| BuildContext(directory.to_string_lossy().into_owned()));
                // One that is written and empty is no reason for a default.
                let is_written = ["dockerfile", "dockerfile_inline"]
                    .iter()
                    .any(|key| written.at(&["services", name, "build", key]).is_some());
                if !is_written {
                    build.dockerfile = Some("Dockerfile".to_owned());
                }
            }
            for secret in &mut service.secrets.0 {
                secret.target.get_or_insert_with(|| format!("/run/secrets/{}", secret.source));
            }
            for step in &mut service.pre_start {
                step.image = step.image.take().or_else(|| service.image.clone());
            }
            if let Some(policy) = &mut service.pull_policy
                && policy.0 == "if_not_present"
            {
                *policy = PullPolicy("missing".to_owned());
            }
        }
    }

    /// Reads the env files; `environment` wins.
    fn complete_environment(&mut self, name: &str, service: &mut Service) {
        let mut variables = Variables::default();
        for (at, file) in std::mem::take(&mut service.env_file.0).into_iter().enumerate() {
            let path = PathBuf::from(&file.path.0);
            if file.required == Some(false) && !self.world.is_file(&path) {
                continue;
            }
            let named_at = self.project.span(&["services", name, "env_file", &at.to_string(), "path"]);
            // An env file does not see the variables of those before it.
            let lookup = |name: &str| {
                let of_shell = self.environment.get(name, self.world);
                of_shell.or_else(|| service.environment.0.get(name).cloned().flatten())
            };
            let file =
                EnvFile { path: &path, format: file.format, named_at: Some(named_at), may_be_absent: true };
            let found = self.read_env_file(&file, named_at, &lookup);
            for (key, Spanned { value, span: _ }) in found {
                let value = value.or_else(|| self.environment.get(&key, self.world));
                if let Some(value) = value {
                    variables.0.insert(key, Some(value));
                }
            }
        }
        variables.0.append(&mut service.environment.0);
        service.environment = variables;
    }

    /// Reads an env file or a label file, as long as there is room: a large one may be named by many services.
    fn read_env_file(
        &mut self,
        file: &EnvFile<'_>,
        named_at: Span,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> IndexMap<String, Spanned<Option<String>>> {
        let Some(room) = &mut self.room else { return IndexMap::new() };
        let found = file.read(self.world, lookup, self.sources, self.diagnostics);
        let weight = |value: &Option<String>| 1 + value.as_ref().map_or(0, |value| value.len() / 128);
        let count = found.values().map(|set| weight(&set.value)).sum();
        if let Err(passed) = room.take_values(count, named_at) {
            self.diagnostics.push(passed.help("share fewer variables among fewer services"));
            self.room = None;
            return IndexMap::new();
        }
        found
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
            let path = std::path::Path::new(&file.0);
            let file = EnvFile { path, format: None, named_at: Some(named_at), may_be_absent: false };
            let found = self.read_env_file(&file, named_at, &|_| None);
            labels.extend(found.into_iter().map(|(key, set)| (key, set.value.unwrap_or_default())));
        }
        labels.append(&mut service.labels.0);
        service.labels.0 = labels;
    }

    /// Gives each resource the name it has in the engine.
    pub(super) fn complete_resources(&mut self) {
        let Project { name: project, written, networks, volumes, secrets, configs, .. } = &mut *self.project;
        let (project, written) = (&*project, &*written);
        let named = |section: &str, key: &str, external: &mut External, name: &mut Option<String>| {
            // One that is written and empty is no reason for a default.
            if name.is_some() || written.at(&[section, key, "name"]).is_some() {
                return;
            }
            let default = || if external.is { key.to_owned() } else { format!("{project}_{key}") };
            *name = Some(external.name.take().unwrap_or_else(default));
        };
        for (key, network) in networks {
            named("networks", key, &mut network.external, &mut network.name);
            network.ipam.get_or_insert_default();
        }
        for (key, volume) in volumes {
            named("volumes", key, &mut volume.external, &mut volume.name);
            // This is a bind mount in the clothes of a volume.
            if volume.driver.as_deref() == Some("local")
                && volume.driver_opts.0.get("o").is_some_and(|options| options == "bind")
                && let Some(device) = volume.driver_opts.0.get_mut("device")
            {
                let place = written.at(&["volumes", key, "driver_opts", "device"]);
                let base = self.sources.base(place.map_or(written.span, |node| node.span));
                *device = absolute_path(device, base, self.world.home().as_deref());
            }
        }
        for (key, config) in configs {
            named("configs", key, &mut config.external, &mut config.name);
        }
        for (key, secret) in secrets {
            named("secrets", key, &mut secret.external, &mut secret.name);
        }
    }
}
