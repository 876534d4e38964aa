//! Which services run, what they depend on, and which resources they use.

use std::collections::BTreeSet;

use super::{Resolver, Selection};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::model::attribute::Extensions;
use crate::model::lifecycle::{Condition, Dependency};
use crate::model::service::Service;
use crate::model::storage::MountType;
use crate::model::values::Nullable;

impl Resolver<'_> {
    /// Links, shared namespaces and `volumes_from` are dependencies too.
    pub(super) fn imply_dependencies(&mut self) {
        for service in self.project.services.values_mut() {
            let mut implied: Vec<(String, bool)> = Vec::new();
            for link in &service.links.0 {
                implied.push((link.split(':').next().unwrap_or(link).to_owned(), true));
            }
            for mode in
                [&service.network_mode, &service.ipc, &service.pid, &service.uts].into_iter().flatten()
            {
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
    pub(super) fn apply_profiles(&mut self, selection: &Selection) {
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
                && !selection.alone
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
        if selection.alone && selects_some {
            let running: BTreeSet<String> = self.project.services.keys().cloned().collect();
            for service in self.project.services.values_mut() {
                service.depends_on.0.retain(|name, _| running.contains(name));
            }
        }
    }

    /// Sets how many containers services have. As in docker compose, `deploy.replicas` changes with it.
    pub(super) fn apply_scale(&mut self, scale: &[(String, i64)]) {
        for (name, number) in scale {
            let Some(service) = self.project.services.get_mut(name) else {
                let known: Vec<&str> = self.project.services.keys().map(String::as_str).collect();
                let help = did_you_mean(name, known.iter().copied())
                    .unwrap_or_else(|| format!("the services that run are {}", known.join(", ")));
                let message = format!("there is no service `{name}` to scale");
                self.diagnostics.push(Diagnostic::error(Code::UnknownReference, message).help(help));
                continue;
            };
            service.scale = Some(*number);
            if let Some(deploy) = &mut service.deploy {
                deploy.replicas = Some(*number);
            }
            if *number > 1 && service.container_name.is_some() {
                let message = format!("service `{name}` cannot have {number} containers of one name");
                let place = self.project.span(&["services", name, "container_name"]);
                self.diagnostics.push(
                    Diagnostic::error(Code::Conflict, message)
                        .label(place, "the name is given here")
                        .help("remove `container_name` to scale the service"),
                );
            }
        }
    }

    /// Gives services without networks the project's own.
    pub(super) fn add_default_network(&mut self) {
        let project = &mut *self.project;
        for (name, service) in &mut project.services {
            let is_mode_written = project.written.at(&["services", name, "network_mode"]).is_some();
            let alone = is_mode_written || service.network_mode.is_some() || service.provider.is_some();
            if !alone && service.networks.0.is_empty() {
                service.networks.0.insert("default".to_owned(), Nullable(None));
            }
            if service.networks.0.contains_key("default") {
                project.networks.entry("default".to_owned()).or_default();
            }
        }
    }

    /// Drops the resources that no service uses.
    pub(super) fn drop_unused(&mut self) {
        let project = &mut *self.project;
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
}
