//! Configs, secrets and files of this machine: objects whose names change with their content, mounted file by file.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, KeyToPath, Secret, SecretVolumeSource, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::model::service::Service;
use crate::model::storage::{FileReference, MountType};
use crate::project::Bound;

use super::names::{dns_label, local_name, short_hash};
use super::storage::{Builder, effective_mounts};
use super::workload::annotations;
use super::{Binds, Object, Scope, Secrets};

/// The most that a ConfigMap or a Secret may hold.
const MOST_BYTES: usize = 1 << 20;
/// Docker's permissions of configs and secrets.
const FILE_MODE: u32 = 0o444;
/// Those of files that can be run.
const EXECUTABLE_MODE: u32 = 0o555;
/// What the first line of a private key ends with.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

/// Configs or secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Configs,
    Secrets,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Self::Configs => "configs",
            Self::Secrets => "secrets",
        }
    }

    fn singular(self) -> &'static str {
        match self {
            Self::Configs => "config",
            Self::Secrets => "secret",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Configs => "ConfigMap",
            Self::Secrets => "Secret",
        }
    }

    /// Where a file goes whose target is not absolute.
    fn directory(self) -> &'static str {
        match self {
            Self::Configs => "/",
            Self::Secrets => "/run/secrets/",
        }
    }

    fn references(self, service: &Service) -> &[FileReference] {
        match self {
            Self::Configs => &service.configs.0,
            Self::Secrets => &service.secrets.0,
        }
    }
}

/// Returns the objects of the configs and secrets that services read, and of files of this machine that they mount.
pub(super) fn objects(scope: &mut Scope<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    for section in [Section::Configs, Section::Secrets] {
        let used: BTreeSet<&str> = scope
            .running()
            .into_iter()
            .flat_map(|(_, service)| section.references(service))
            .map(|one| one.source.as_str())
            .collect();
        for key in used {
            report_source(scope, section, key);
            objects.extend(holder(scope, section, key));
        }
    }
    objects.extend(bound_files(scope));
    objects
}

fn report_source(scope: &mut Scope<'_>, section: Section, key: &str) {
    let size = content(scope, section, key).map_or(0, Vec::len);
    if size > MOST_BYTES {
        let message = format!("{} `{key}` has {size} bytes, and Kubernetes takes 1 MiB", section.singular());
        scope.report.lost(&[section.key(), key], message, "build it into the image, or put it on a volume");
        return;
    }
    let name = holder_name(scope, section, key).unwrap_or_else(|| outside_name(scope, section, key));
    let (kind, namespace, data_key) = (section.kind(), scope.names.namespace.clone(), data_key(key));
    let create = format!("create {kind} `{name}` in namespace `{namespace}`, with key `{data_key}`");
    let is_sealed = scope.options.secrets == Secrets::SealedPlaceholder;
    match holder_name(scope, section, key) {
        None if content(scope, section, key).is_some() => {
            let message =
                format!("secret `{key}` is not written into the manifests, where everybody could read it");
            let help = format!("{create}, or export with `--secrets manifest`");
            scope.report.approximated(&[section.key(), key], message, help);
        }
        None => {
            let message = format!("{} `{key}` must be in the cluster as a {kind}", section.singular());
            scope.report.approximated(&[section.key(), key, "external"], message, create);
        }
        Some(_) if section == Section::Secrets && is_sealed => {
            let message = format!("SealedSecret `{name}` has nothing sealed in it yet");
            let help = format!(
                "write what `kubeseal --raw --namespace {namespace} --name {name}` makes of it under `{data_key}`"
            );
            scope.report.approximated(&[section.key(), key], message, help);
        }
        Some(_) => {}
    }
}

fn content<'a>(scope: &Scope<'a>, section: Section, key: &str) -> Option<&'a Vec<u8>> {
    match section {
        Section::Configs => scope.contents.configs.get(key),
        Section::Secrets => scope.contents.secrets.get(key),
    }
}

/// Returns the name of the object that is written for a config or secret; `None` if it is expected in the cluster.
///
/// A new content makes a new name, so that pods are replaced and old ones keep what they started with.
fn holder_name(scope: &Scope<'_>, section: Section, key: &str) -> Option<String> {
    let is_given = content(scope, section, key).is_some();
    match scope.options.secrets {
        _ if section == Section::Configs => {}
        Secrets::Manifest => {}
        // What it is made of must not show in its name either.
        Secrets::SealedPlaceholder if is_given => return scope.names.secrets.get(key).cloned(),
        Secrets::External | Secrets::SealedPlaceholder => return None,
    }
    let content = content(scope, section, key).filter(|content| content.len() <= MOST_BYTES)?;
    let names = match section {
        Section::Configs => &scope.names.configs,
        Section::Secrets => &scope.names.secrets,
    };
    Some(format!("{}-{}", names.get(key)?, short_hash(content)))
}

/// Returns the name of the object that is expected in the cluster.
fn outside_name(scope: &Scope<'_>, section: Section, key: &str) -> String {
    let external = match section {
        Section::Configs => {
            scope.project.configs.get(key).filter(|one| one.external.is).and_then(|one| one.name.as_deref())
        }
        Section::Secrets => {
            scope.project.secrets.get(key).filter(|one| one.external.is).and_then(|one| one.name.as_deref())
        }
    };
    local_name(external.unwrap_or(key))
}

/// Returns the key of a config or secret in its object. Two dots at the start are not allowed there.
fn data_key(key: &str) -> String {
    if key.starts_with("..") || key == "." { format!("file{key}") } else { key.to_owned() }
}

fn holder(scope: &mut Scope<'_>, section: Section, key: &str) -> Option<Object> {
    let name = holder_name(scope, section, key)?;
    let content = content(scope, section, key)?.clone();
    let labels = match section {
        Section::Configs => &scope.project.configs.get(key)?.labels,
        Section::Secrets => &scope.project.secrets.get(key)?.labels,
    };
    let mut metadata = scope.metadata(&name, None);
    metadata.annotations = annotations(scope, &[section.key(), key, "labels"], [labels]);
    let data_key = data_key(key);
    if section == Section::Secrets && scope.options.secrets == Secrets::SealedPlaceholder {
        return Some(SealedSecret::new(metadata, data_key).into());
    }
    if section == Section::Secrets {
        let data = Some(BTreeMap::from([(data_key, ByteString(content))]));
        let type_ = Some("Opaque".to_owned());
        return Some(Secret { metadata, data, immutable: Some(true), type_, ..Secret::default() }.into());
    }
    Some(config_map(metadata, data_key, content).into())
}

fn config_map(metadata: ObjectMeta, key: String, content: Vec<u8>) -> ConfigMap {
    let mut map = ConfigMap { metadata, immutable: Some(true), ..ConfigMap::default() };
    match String::from_utf8(content) {
        Ok(text) => map.data = Some(BTreeMap::from([(key, text)])),
        Err(error) => map.binary_data = Some(BTreeMap::from([(key, ByteString(error.into_bytes()))])),
    }
    map
}

/// A file of this machine that a service mounts.
#[derive(Clone, Copy)]
pub(super) struct BoundFile<'a> {
    /// Where it is.
    pub(super) source: &'a str,
    pub(super) content: &'a [u8],
    pub(super) is_executable: bool,
}

impl BoundFile<'_> {
    /// Returns the key in the ConfigMap: the file's own name, as far as that can be one.
    fn key(&self) -> String {
        let name = self.source.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(self.source);
        let is_of_key = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
        data_key(&name.replace(|one| !is_of_key(one), "-"))
    }

    /// Returns why it is not written into the manifests, and what to do.
    fn obstacle(&self, secrets: Secrets) -> Option<(String, &'static str)> {
        let size = self.content.len();
        if size > MOST_BYTES {
            let why = format!("it has {size} bytes, and Kubernetes takes 1 MiB");
            return Some((why, "build it into the image, or put it on a volume"));
        }
        let has_key = self.content.windows(PRIVATE_KEY.len()).any(|part| part == PRIVATE_KEY);
        (has_key && secrets != Secrets::Manifest).then(|| {
            let why = "it has a private key in it, which everybody could read".to_owned();
            (why, "make it one of `secrets`, or export with `--secrets manifest`")
        })
    }

    /// A new content makes a new name, as for configs, whose names it never has.
    fn holder_name(&self) -> String {
        let key = self.key();
        let hash = short_hash(&[b"file:", key.as_bytes(), b":", self.content].concat());
        format!("{}-{hash}", dns_label(&format!("file-{key}"), 52))
    }
}

/// Mounts a file of this machine: what it holds now is in a ConfigMap.
pub(super) fn mount_bound(
    scope: &mut Scope<'_>,
    builder: &mut Builder<'_>,
    path: &[&str],
    file: &BoundFile<'_>,
    target: &str,
    is_read_only: bool,
) {
    let BoundFile { source, content: _, is_executable } = *file;
    let service = builder.name;
    if let Some((why, help)) = file.obstacle(scope.options.secrets) {
        let message = format!("service `{service}` does not get `{source}` at `{target}`: {why}");
        scope.report.lost(path, message, help);
        return;
    }
    if !is_read_only {
        let message = format!("service `{service}` gets a copy of `{source}`, into which it cannot write");
        let help = "write `:ro` after it if it need not; else use a named volume";
        scope.report.approximated(path, message, help);
    }
    let key = file.key();
    let mode = if is_executable { EXECUTABLE_MODE } else { FILE_MODE };
    let item = KeyToPath {
        path: key.clone(),
        key: key.clone(),
        mode: i32::try_from(mode).ok(),
        ..KeyToPath::default()
    };
    let name = file.holder_name();
    let config_map =
        Some(ConfigMapVolumeSource { name, items: Some(vec![item]), ..ConfigMapVolumeSource::default() });
    let volume = Volume { config_map, ..Volume::default() };
    if let Some(mount) = builder.add(scope, path, &format!("file-{key}"), volume, target) {
        mount.sub_path = Some(key);
        mount.read_only = Some(true);
    }
}

/// Returns the ConfigMaps of the files of this machine that services mount.
fn bound_files(scope: &mut Scope<'_>) -> Vec<Object> {
    if scope.options.binds != Binds::Report {
        return Vec::new();
    }
    let mut files: BTreeMap<String, BoundFile<'_>> = BTreeMap::new();
    for (name, service) in scope.running() {
        for one in effective_mounts(scope.project, name, service) {
            let Some(source) = one.mount.source.as_deref().filter(|_| one.mount.kind == MountType::Bind)
            else {
                continue;
            };
            let Some(Bound::File { content, is_executable }) = scope.contents.binds.get(source) else {
                continue;
            };
            let file = BoundFile { source, content, is_executable: *is_executable };
            if file.obstacle(scope.options.secrets).is_none() {
                files.insert(file.holder_name(), file);
            }
        }
    }
    if !files.is_empty() {
        let sources: BTreeSet<String> = files.values().map(|file| format!("`{}`", file.source)).collect();
        let sources = Vec::from_iter(sources).join(", ");
        scope.report.note(format!(
            "ConfigMaps hold what files of this machine hold now, for everybody to read: {sources}"
        ));
    }
    let object = |(name, file): (String, BoundFile<'_>)| {
        let metadata = scope.metadata(&name, None);
        config_map(metadata, file.key(), file.content.to_vec()).into()
    };
    files.into_iter().map(object).collect()
}

/// A secret in sealed form, of the controller sealed-secrets: without what is sealed, which is for `kubeseal` to write.
///
/// See <https://github.com/bitnami-labs/sealed-secrets>.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecret {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    spec: SealedSecretSpec,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct SealedSecretSpec {
    encrypted_data: BTreeMap<String, String>,
    template: SecretTemplate,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct SecretTemplate {
    metadata: ObjectMeta,
    #[serde(rename = "type")]
    type_: &'static str,
}

impl SealedSecret {
    fn new(metadata: ObjectMeta, key: String) -> Self {
        let encrypted_data = BTreeMap::from([(key, "SEALED-BY-KUBESEAL".to_owned())]);
        let template = SecretTemplate { metadata: metadata.clone(), type_: "Opaque" };
        Self {
            api_version: "bitnami.com/v1alpha1",
            kind: "SealedSecret",
            metadata,
            spec: SealedSecretSpec { encrypted_data, template },
        }
    }

    pub(super) fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Mounts the configs and secrets that a service reads.
pub(super) fn mount(scope: &mut Scope<'_>, name: &str, service: &Service, builder: &mut Builder<'_>) {
    for section in [Section::Configs, Section::Secrets] {
        for (at, reference) in section.references(service).iter().enumerate() {
            mount_file(scope, name, builder, section, at, reference);
        }
    }
}

/// Mounts a config or a secret as the one file that it is, and leaves the rest of its directory alone.
fn mount_file(
    scope: &mut Scope<'_>,
    name: &str,
    builder: &mut Builder<'_>,
    section: Section,
    at: usize,
    reference: &FileReference,
) {
    let FileReference { source, target, uid, gid, mode, extensions: _ } = reference;
    let index = at.to_string();
    let path = ["services", name, section.key(), &index];
    if content(scope, section, source).is_some_and(|content| content.len() > MOST_BYTES) {
        return;
    }
    for (attribute, owner) in [("uid", uid), ("gid", gid)] {
        if owner.as_deref().is_some_and(|owner| owner != "0") {
            let message = format!("{} `{source}` belongs to root in service `{}`", section.singular(), name);
            let path: Vec<&str> = path.iter().copied().chain([attribute]).collect();
            scope.report.lost(&path, message, "let others read it, with `mode: 0444`");
        }
    }
    let target = match target.as_deref() {
        Some(target) if target.starts_with('/') => target.to_owned(),
        Some(target) if !target.is_empty() => format!("{}{target}", section.directory()),
        _ => format!("{}{source}", section.directory()),
    };
    let file = target.rsplit('/').find(|part| !part.is_empty()).unwrap_or(source).to_owned();
    let mode = i32::try_from(mode.map_or(FILE_MODE, |mode| mode.0) & 0o777).ok();
    let items =
        Some(vec![KeyToPath { key: data_key(source), path: file.clone(), mode, ..KeyToPath::default() }]);
    let object = holder_name(scope, section, source).unwrap_or_else(|| outside_name(scope, section, source));
    let volume = match section {
        Section::Configs => Volume {
            config_map: Some(ConfigMapVolumeSource {
                name: object,
                items,
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
        Section::Secrets => Volume {
            secret: Some(SecretVolumeSource {
                secret_name: Some(object),
                items,
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        },
    };
    let wanted = format!("{}-{source}", section.singular());
    if let Some(mount) = builder.add(scope, &path, &wanted, volume, &target) {
        mount.sub_path = Some(file);
        mount.read_only = Some(true);
    }
}
