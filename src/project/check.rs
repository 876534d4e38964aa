//! Mistakes that only the whole project shows: names that nothing is defined under, services that wait for each
//! other, and settings that contradict each other.

use std::collections::{BTreeMap, HashMap};

use smol_str::SmolStr;

use super::Resolver;
use crate::diagnostic::{Code, Diagnostic, Severity, did_you_mean};
use crate::model::storage::MountType;
use crate::yaml::Node;

/// How many mistakes of one kind get a suggestion that takes all names to find.
const SUGGESTIONS: usize = 100;

impl Resolver<'_> {
    /// Reports names that nothing is defined under. The written tree is asked, so that a definition that could
    /// not be decoded is not called undefined as well.
    pub(super) fn check_references(&mut self) {
        let is_written = |section: &str, name: &str| self.project.written.at(&[section, name]).is_some();
        let names = |section: &str| {
            let entries = self.project.written.get(section).and_then(|entry| entry.node.as_map());
            entries.into_iter().flat_map(|map| map.keys().map(SmolStr::as_str))
        };
        let mut unknown = Vec::new();
        let mut report = |what: &str, section: &str, service: &str, name: &str, at: &[&str], verb: &str| {
            let path: Vec<&str> = ["services", service].into_iter().chain(at.iter().copied()).collect();
            // Each is compared with all names: a file full of mistakes is told about at once all the same.
            let names = names(section).take(if unknown.len() < SUGGESTIONS { usize::MAX } else { 0 });
            let help = did_you_mean(name, names).unwrap_or_else(|| match section {
                "services" => "define it under `services`, or remove the reference".to_owned(),
                "networks" | "volumes" => format!("define it: `{section}: {{ {name}: {{}} }}`"),
                "models" => format!("define it: `models: {{ {name}: {{ model: ... }} }}`"),
                _ => format!("define it: `{section}: {{ {name}: {{ file: ... }} }}`"),
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
                    let at = named_at(&self.project.written, name, dependency);
                    let at: Vec<&str> = at.iter().map(String::as_str).collect();
                    report("service", "services", name, dependency, &at, "depends on");
                } else if self.project.disabled.contains_key(dependency) && how.is_required() {
                    let path = ["services", name, "depends_on", dependency];
                    self.diagnostics.push(
                        Diagnostic::error(
                            Code::UnknownReference,
                            format!(
                                "service `{name}` depends on `{dependency}`, whose profile is not active"
                            ),
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
            for (context, place) in service.build.iter().flat_map(|build| &build.additional_contexts.0) {
                if let Some(other) = place.0.strip_prefix("service:")
                    && !is_written("services", other)
                {
                    let at = ["build", "additional_contexts", context];
                    report("service", "services", name, other, &at, "builds with");
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

    /// Two services cannot both have the same container name.
    pub(super) fn check_names(&mut self) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, service) in &self.project.services {
            let Some(container) = &service.container_name else { continue };
            if let Some(first) = taken.insert(&container.0, name) {
                let place = |service: &str| self.project.span(&["services", service, "container_name"]);
                let (first, name) =
                    if place(first) < place(name) { (first, name.as_str()) } else { (name.as_str(), first) };
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

    /// Reports two attributes for the same thing with different values, mounts at the same place, and a platform
    /// that is not built.
    pub(super) fn check_contradictions(&mut self) {
        for (name, service) in &self.project.services {
            let mut conflict = |one: &[&str], other: &[&str], message: String| {
                let place = |path: &[&str]| {
                    let path: Vec<&str> =
                        ["services", name].into_iter().chain(path.iter().copied()).collect();
                    self.project.span(&path)
                };
                self.diagnostics.push(
                    Diagnostic::error(Code::Conflict, message)
                        .label(place(one), "this contradicts the other")
                        .label(place(other), "the other is here")
                        .help("remove one, or make both the same"),
                );
            };
            let mut distinct = |one: &[&str], other: &[&str]| {
                let (one_name, other_name) = (one.join("."), other.join("."));
                conflict(
                    one,
                    other,
                    format!("service `{name}` has different values for `{one_name}` and `{other_name}`"),
                );
            };
            if let Some(deploy) = &service.deploy {
                if service.scale.is_some() && deploy.replicas.is_some() && service.scale != deploy.replicas {
                    distinct(&["scale"], &["deploy", "replicas"]);
                }
                let resources = deploy.resources.as_ref();
                if let Some(limits) = resources.and_then(|resources| resources.limits.as_ref()) {
                    if service.cpus != 0.0 && service.cpus.to_bits() != limits.cpus.to_bits() {
                        distinct(&["cpus"], &["deploy", "resources", "limits", "cpus"]);
                    }
                    if service.mem_limit.0 != 0 && service.mem_limit != limits.memory {
                        distinct(&["mem_limit"], &["deploy", "resources", "limits", "memory"]);
                    }
                    if service.pids_limit != 0 && service.pids_limit != limits.pids {
                        distinct(&["pids_limit"], &["deploy", "resources", "limits", "pids"]);
                    }
                }
                if let Some(kept) = resources.and_then(|resources| resources.reservations.as_ref())
                    && service.mem_reservation.0 != 0
                    && service.mem_reservation != kept.memory
                {
                    distinct(&["mem_reservation"], &["deploy", "resources", "reservations", "memory"]);
                }
            }
            let mut taken: HashMap<&str, (&str, usize)> = HashMap::new();
            let tmpfs = service.tmpfs.0.iter().enumerate();
            let tmpfs = tmpfs.map(|(at, one)| ("tmpfs", at, one.split(':').next().unwrap_or(one)));
            let mounts = service.volumes.0.iter().enumerate();
            let mounts = mounts.filter_map(|(at, mount)| Some(("volumes", at, mount.target.as_deref()?)));
            for (key, at, target) in tmpfs.chain(mounts) {
                if let Some((first, first_at)) = taken.insert(target, (key, at)) {
                    let message = format!("service `{name}` mounts two things at `{target}`");
                    conflict(&[key, &at.to_string()], &[first, &first_at.to_string()], message);
                }
            }
            if let (Some(platform), Some(build)) = (&service.platform, &service.build)
                && !build.platforms.0.is_empty()
                && !build.platforms.0.contains(platform)
            {
                let message = format!("service `{name}` runs on platform `{platform}`, which is not built");
                conflict(&["platform"], &["build", "platforms"], message);
            }
        }
    }

    /// Reports resources that are managed elsewhere and described all the same, and configs and secrets that have
    /// no content, or content from several places.
    pub(super) fn check_resources(&mut self) {
        let project = &*self.project;
        for (key, network) in &project.networks {
            // docker compose lets it pass: the description does nothing.
            for excess in external_excess(&project.written, "networks", key, network.external.is) {
                self.diagnostics.push(Diagnostic { severity: Severity::Warning, ..excess });
            }
        }
        for (key, volume) in &project.volumes {
            self.diagnostics.push_all(external_excess(&project.written, "volumes", key, volume.external.is));
        }
        let networks =
            project.networks.iter().map(|(key, network)| ("networks", key, &network.external, &network.name));
        let volumes =
            project.volumes.iter().map(|(key, volume)| ("volumes", key, &volume.external, &volume.name));
        let configs =
            project.configs.iter().map(|(key, config)| ("configs", key, &config.external, &config.name));
        let secrets =
            project.secrets.iter().map(|(key, secret)| ("secrets", key, &secret.external, &secret.name));
        for (section, key, external, name) in networks.chain(volumes).chain(configs).chain(secrets) {
            if let (Some(old), Some(new)) = (&external.name, name)
                && old != new
            {
                self.diagnostics.push(
                    Diagnostic::error(Code::Conflict, format!("`{section}.{key}` has two names"))
                        .label(project.span(&[section, key, "external", "name"]), format!("`{old}` here"))
                        .label(project.span(&[section, key, "name"]), format!("`{new}` here"))
                        .help("write `external: true`, and keep `name`"),
                );
            }
        }
        for (key, config) in &project.configs {
            let known = ["file", "environment", "content"];
            self.diagnostics.push_all(one_source(
                &project.written,
                "configs",
                key,
                config.external.is,
                &known,
            ));
        }
        for (key, secret) in &project.secrets {
            let known = ["file", "environment"];
            self.diagnostics.push_all(one_source(
                &project.written,
                "secrets",
                key,
                secret.external.is,
                &known,
            ));
        }
    }
}

/// Reports a config or secret that has no content, or content from several places.
fn one_source(
    written: &Node,
    section: &str,
    key: &str,
    is_external: bool,
    known: &[&str],
) -> Option<Diagnostic> {
    let node = written.at(&[section, key])?;
    let given: Vec<&str> = known.iter().copied().filter(|source| node.get(source).is_some()).collect();
    // docker compose lets a config with an empty variable pass.
    let is_hollow = section == "secrets"
        && given == ["environment"]
        && node.get("environment").is_some_and(|entry| entry.node.as_text() == Some(""));
    let (code, message) = match given.len() {
        0 if is_external => return None,
        1 if !is_hollow => return None,
        0 | 1 => (Code::MissingKey, format!("`{section}.{key}` has no content")),
        _ => (Code::Conflict, format!("`{section}.{key}` has its content from {}", given.join(" and "))),
    };
    let known = known.join(", ");
    let diagnostic = Diagnostic::error(code, message)
        .label(written.span_of(&[section, key]), format!("exactly one of {known} is needed"))
        .help(format!("write one of {known}, or `external: true`"));
    Some(diagnostic)
}

/// Returns where a service names one that it depends on: that follows from several attributes.
fn named_at(written: &Node, service: &str, dependency: &str) -> Vec<String> {
    let under = |path: &[&str]| written.at(&[&["services", service], path].concat());
    let shares = format!("service:{dependency}");
    let shared = ["network_mode", "ipc", "pid"]
        .into_iter()
        .find(|attribute| under(&[attribute]).and_then(Node::scalar_text).is_some_and(|text| text == shares));
    let is_it =
        |item: &Node| item.scalar_text().is_some_and(|text| text.split(':').next() == Some(dependency));
    let listed = ["links", "volumes_from"].into_iter().find_map(|attribute| {
        let list = under(&[attribute]).and_then(Node::as_list)?;
        Some((attribute, list.iter().position(is_it)?))
    });
    let path: [&str; 2] = ["depends_on", dependency];
    match (under(&path), shared, listed) {
        (None, Some(attribute), _) => vec![attribute.to_owned()],
        (None, None, Some((attribute, at))) => vec![attribute.to_owned(), at.to_string()],
        _ => path.map(str::to_owned).to_vec(),
    }
}

/// Reports attributes that describe a resource which exists already.
fn external_excess(written: &Node, section: &str, key: &str, is_external: bool) -> Vec<Diagnostic> {
    let Some(map) = written.at(&[section, key]).and_then(Node::as_map).filter(|_| is_external) else {
        return Vec::new();
    };
    let describes =
        |attribute: &str| !matches!(attribute, "name" | "external") && !attribute.starts_with("x-");
    map.iter()
        .filter(|(attribute, _)| describes(attribute))
        .map(|(attribute, entry)| {
            let message = format!("`{section}.{key}` is external, and `{attribute}` describes it");
            Diagnostic::error(Code::Conflict, message)
                .label(entry.key, "this is managed elsewhere")
                .label(written.span_of(&[section, key, "external"]), "external here")
                .help(format!("remove `{attribute}`, or `external`"))
        })
        .collect()
}
