//! What pods mount: claims, memory, images, directories of nodes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, ImageVolumeSource, PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::service::Service;
use crate::model::storage::{BindOptions, ImageOptions, Mount, MountType, TmpfsOptions, VolumeOptions};
use crate::project::{Bound, Project};

use super::claims::{self, claim_name, has_own, is_anonymous};
use super::files::BoundFile;
use super::names::local_name;
use super::resources::bytes;
use super::version::Feature;
use super::workload::{Kind, annotations};
use super::{Binds, Scope, files};

/// What a pod mounts.
#[derive(Debug, Default)]
pub(super) struct PodStorage {
    pub(super) volumes: Vec<Volume>,
    /// Claims that each pod gets for itself.
    pub(super) templates: Vec<PersistentVolumeClaim>,
    /// Whether a claim is mounted that only one node can have at a time.
    pub(super) keeps_alone: bool,
}

/// A mount of a service: its own, or one that `volumes_from` brings.
pub(super) struct EffectiveMount<'a> {
    /// Where it is written.
    owner: &'a str,
    index: usize,
    pub(super) mount: &'a Mount,
    pub(super) is_read_only: bool,
}

pub(super) fn effective_mounts<'a>(
    project: &'a Project,
    name: &'a str,
    service: &'a Service,
) -> Vec<EffectiveMount<'a>> {
    let own = |owner: &'a str, service: &'a Service, is_read_only: bool| {
        service.volumes.0.iter().enumerate().map(move |(index, mount)| EffectiveMount {
            owner,
            index,
            mount,
            is_read_only: is_read_only || mount.read_only,
        })
    };
    let mut mounts: Vec<EffectiveMount<'a>> = own(name, service, false).collect();
    for from in &service.volumes_from.0 {
        let (other, mode) = from.split_once(':').unwrap_or((from, ""));
        let Some((owner, other)) = project.services.get_key_value(other) else { continue };
        let theirs = own(owner, other, mode == "ro").filter(|one| !is_anonymous(one.mount));
        let is_new =
            |one: &EffectiveMount<'_>| !service.volumes.0.iter().any(|own| own.target == one.mount.target);
        mounts.extend(theirs.filter(is_new));
    }
    mounts
}

/// Returns what a pod mounts, and where each of its containers does.
pub(super) fn of_pod(
    scope: &mut Scope<'_>,
    members: &[(&str, &Service)],
    kind: Kind,
) -> (PodStorage, Vec<Vec<VolumeMount>>) {
    let mut builder = Builder { name: "", kind, storage: PodStorage::default(), mounts: Vec::new() };
    let mut mounts = Vec::new();
    for (name, service) in members {
        builder.name = name;
        fill(scope, name, service, &mut builder);
        mounts.push(std::mem::take(&mut builder.mounts));
    }
    (builder.storage, mounts)
}

fn fill(scope: &mut Scope<'_>, name: &str, service: &Service, builder: &mut Builder<'_>) {
    let project = scope.project;
    for one in &effective_mounts(project, name, service) {
        builder.mount(scope, one);
    }
    for (at, from) in service.volumes_from.0.iter().enumerate() {
        let (other, _) = from.split_once(':').unwrap_or((from, ""));
        let others = project.services.get(other);
        if others.is_none_or(|other| has_own(scope, other)) {
            let message = format!("service `{name}` gets only the named volumes of `{from}`");
            let path = ["services", name, "volumes_from", &at.to_string()];
            scope.report.lost(&path, message, "give the volume a name and mount it in both");
        }
    }
    for (at, text) in service.tmpfs.0.iter().enumerate() {
        builder.memory(scope, at, text);
    }
    if service.shm_size.0 > 0 {
        builder.add(scope, &["services", name, "shm_size"], "shm", memory(service.shm_size.0), "/dev/shm");
    }
    files::mount(scope, name, service, builder);
}

fn memory(size: i64) -> Volume {
    let size_limit = (size > 0).then(|| bytes(size));
    let source = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit,
        ..EmptyDirVolumeSource::default()
    };
    Volume { empty_dir: Some(source), ..Volume::default() }
}

/// Collects what a pod mounts.
pub(super) struct Builder<'a> {
    pub(super) name: &'a str,
    kind: Kind,
    storage: PodStorage,
    /// Where the container that is being looked at mounts them.
    mounts: Vec<VolumeMount>,
}

impl Builder<'_> {
    /// Mounts a volume that is called after `wanted`, unless something is mounted there already.
    pub(super) fn add(
        &mut self,
        scope: &mut Scope<'_>,
        path: &[&str],
        wanted: &str,
        volume: Volume,
        target: &str,
    ) -> Option<&mut VolumeMount> {
        let name = self.free_name(wanted);
        // A claim that is mounted at two places is one volume.
        let source = |one: &Volume| Volume { name: String::new(), ..one.clone() };
        let same = self
            .storage
            .volumes
            .iter()
            .find(|one| one.persistent_volume_claim.is_some() && source(one) == volume);
        let known = same.map(|one| one.name.clone());
        let name = known.clone().unwrap_or(name);
        let mount = self.mount_at(scope, path, &name, target)?;
        if known.is_none() {
            self.storage.volumes.push(Volume { name, ..volume });
        }
        self.mounts.get_mut(mount)
    }

    /// Returns a name that no volume of the pod has yet.
    fn free_name(&self, wanted: &str) -> String {
        let claims = self.storage.templates.iter().filter_map(|claim| claim.metadata.name.as_deref());
        let taken: BTreeSet<&str> =
            self.storage.volumes.iter().map(|volume| &*volume.name).chain(claims).collect();
        let base = local_name(wanted);
        let mut names =
            std::iter::once(base.clone()).chain((2..).map(|count| local_name(&format!("{base}-{count}"))));
        names.find(|name| !taken.contains(name.as_str())).unwrap_or(base)
    }

    fn mount_image(
        &mut self,
        scope: &mut Scope<'_>,
        path: &[&str],
        image: &str,
        target: &str,
        subpath: Option<&str>,
    ) {
        let version = scope.options.kube_version;
        let help = "copy the files into the service's own image";
        if !version.has(Feature::ImageVolumeField) {
            let message =
                format!("service `{}` mounts an image, which Kubernetes {version} cannot", self.name);
            scope.report.lost(path, message, help);
            return;
        }
        if subpath.is_some() && !version.has(Feature::ImageVolumeSubPath) {
            let message = format!(
                "service `{}` mounts a part of an image, and Kubernetes {version} only whole ones",
                self.name
            );
            scope.report.lost(path, message, help);
            return;
        }
        if version.has(Feature::ImageVolume) {
            scope.report.note("volumes that are images need Kubernetes 1.35 or later");
        } else {
            let message =
                format!("service `{}` mounts an image, which the cluster must have turned on", self.name);
            let help = "turn on the feature `ImageVolume`, or copy the files into the service's own image";
            scope.report.approximated(path, message, help);
        }
        let source = ImageVolumeSource { reference: Some(image.to_owned()), pull_policy: None };
        let volume = Volume { image: Some(source), ..Volume::default() };
        let wanted = format!("image-{}", target.trim_matches('/'));
        if let Some(mount) = self.add(scope, path, &wanted, volume, target) {
            mount.sub_path = subpath.map(within_volume);
            mount.read_only = Some(true);
        }
    }

    fn mount_at(
        &mut self,
        scope: &mut Scope<'_>,
        path: &[&str],
        volume: &str,
        target: &str,
    ) -> Option<usize> {
        let mount_path = match target.trim_end_matches('/') {
            "" => "/".to_owned(),
            target => target.to_owned(),
        };
        if self.mounts.iter().any(|mount| mount.mount_path == mount_path) {
            let message = format!("service `{}` mounts a second thing at `{target}`", self.name);
            scope.report.lost(path, message, "mount it somewhere else");
            return None;
        }
        self.mounts.push(VolumeMount { name: volume.to_owned(), mount_path, ..VolumeMount::default() });
        Some(self.mounts.len() - 1)
    }

    fn mount(&mut self, scope: &mut Scope<'_>, effective: &EffectiveMount<'_>) {
        let EffectiveMount { owner, index, mount, is_read_only } = effective;
        // `consistency` is a hint that engines ignore; a bind mount is lost with its options.
        let Mount {
            kind,
            source,
            target,
            read_only: _,
            consistency: _,
            bind,
            volume,
            tmpfs,
            image,
            extensions: _,
        } = mount;
        let index = index.to_string();
        let path = ["services", owner, "volumes", &index];
        let target = target.as_deref().unwrap_or_default();
        let source = source.as_deref().unwrap_or_default();
        let read_only = is_read_only.then_some(true);
        match kind {
            MountType::Volume => {
                let options = volume.clone().unwrap_or_default();
                self.volume(scope, &path, source, target, read_only, &options);
            }
            MountType::Tmpfs => {
                let options = tmpfs.clone().unwrap_or_default();
                let TmpfsOptions { size, mode, extensions: _ } = options;
                if mode != 0 {
                    let path: Vec<&str> = path.into_iter().chain(["tmpfs", "mode"]).collect();
                    self.report_mode(scope, &path, target);
                }
                self.add(
                    scope,
                    &path,
                    &format!("tmpfs-{}", target.trim_matches('/')),
                    memory(size.0),
                    target,
                );
            }
            MountType::Image => {
                let subpath = image.clone().and_then(|ImageOptions { subpath, extensions: _ }| subpath);
                self.mount_image(scope, &path, source, target, subpath.as_deref());
            }
            MountType::Bind if scope.options.binds == Binds::HostPath => {
                let is_created = bind.as_ref().is_some_and(|bind: &BindOptions| bind.create_host_path);
                self.host_path(scope, &path, source, target, read_only, is_created);
            }
            MountType::Bind => match scope.contents.binds.get(source) {
                Some(Bound::File { content, is_executable }) => {
                    let file = BoundFile { source, content, is_executable: *is_executable };
                    files::mount_bound(scope, self, &path, &file, target, read_only.is_some());
                }
                Some(Bound::Directory | Bound::Other) | None => {
                    let message = format!(
                        "service `{}` does not get `{source}` at `{target}`: it is on this machine",
                        self.name
                    );
                    let help = if source.ends_with("docker.sock") {
                        "use the Kubernetes API in place of the engine's socket"
                    } else {
                        "copy it into the image, use a named volume, or export with `--binds host-path` if the nodes have it"
                    };
                    scope.report.lost(&path, message, help);
                }
            },
            MountType::Cluster | MountType::Npipe => {
                let message = format!("a mount of type `{kind}` has no equivalent in Kubernetes");
                scope.report.lost(&path, message, "use a named volume");
            }
        }
    }

    /// Mounts what a node has at the same path. Docker makes a directory where nothing is; of what is no directory here,
    /// nothing is asked of the node.
    fn host_path(
        &mut self,
        scope: &mut Scope<'_>,
        path: &[&str],
        source: &str,
        target: &str,
        read_only: Option<bool>,
        is_created: bool,
    ) {
        let is_directory = scope.contents.binds.get(source) == Some(&Bound::Directory);
        let host_path = HostPathVolumeSource {
            path: source.to_owned(),
            type_: (is_created && is_directory).then(|| "DirectoryOrCreate".to_owned()),
        };
        let message =
            format!("service `{}` gets `{source}` of whichever node it runs on at `{target}`", self.name);
        let help = "have it on all nodes, or choose a node with `x-topo.kubernetes.node_selector`";
        scope.report.approximated(path, message, help);
        let volume = Volume { host_path: Some(host_path), ..Volume::default() };
        let wanted = format!("host-{}", target.trim_matches('/'));
        if let Some(mount) = self.add(scope, path, &wanted, volume, target) {
            mount.read_only = read_only;
        }
    }

    fn volume(
        &mut self,
        scope: &mut Scope<'_>,
        path: &[&str],
        source: &str,
        target: &str,
        read_only: Option<bool>,
        options: &VolumeOptions,
    ) {
        // What the image has there is copied in by copy_up.rs.
        let VolumeOptions { labels, nocopy: _, subpath, extensions: _ } = options;
        let mount = if !source.is_empty() && claims::is_own_of_pods(scope, source) {
            let name = claim_name(scope, source);
            let template = claims::template(scope, source, &name);
            if self.storage.templates.iter().all(|known| known.metadata.name != template.metadata.name) {
                self.storage.templates.push(template);
            }
            self.mount_at(scope, path, &name, target).and_then(|at| self.mounts.get_mut(at))
        } else if !source.is_empty() {
            let claim =
                PersistentVolumeClaimVolumeSource { claim_name: claim_name(scope, source), read_only: None };
            let name = claim.claim_name.clone();
            let volume = Volume { persistent_volume_claim: Some(claim), ..Volume::default() };
            self.storage.keeps_alone |= scope.users.get(source).is_none_or(|users| users.pods <= 1);
            self.add(scope, path, &name, volume, target)
        } else if self.kind == Kind::StatefulSet {
            let name = self.free_name(&format!("own-{}", target.trim_matches('/')));
            let labels_path: Vec<&str> = path.iter().copied().chain(["volume", "labels"]).collect();
            let metadata = ObjectMeta {
                name: Some(name.clone()),
                annotations: annotations(scope, &labels_path, [labels]),
                ..ObjectMeta::default()
            };
            let spec = Some(claims::claim_spec(&scope.options.volume_size, &["ReadWriteOnce"], None));
            self.storage.templates.push(PersistentVolumeClaim {
                metadata,
                spec,
                ..PersistentVolumeClaim::default()
            });
            self.mount_at(scope, path, &name, target).and_then(|at| self.mounts.get_mut(at))
        } else {
            let message = format!("an anonymous volume of service `{}` lives as long as its pod", self.name);
            scope.report.approximated(path, message, "give the volume a name if what it holds must stay");
            let volume = Volume { empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() };
            self.add(scope, path, &format!("own-{}", target.trim_matches('/')), volume, target)
        };
        if let Some(mount) = mount {
            mount.read_only = read_only;
            mount.sub_path = subpath.as_deref().map(within_volume);
        }
    }

    fn report_mode(&self, scope: &mut Scope<'_>, path: &[&str], target: &str) {
        let message =
            format!("options of the memory at `{target}` of service `{}` have no equivalent", self.name);
        scope.report.lost(path, message, "set permissions when the container starts; only the size is kept");
    }

    /// Mounts memory that is written in the short form, `path[:option,...]`.
    fn memory(&mut self, scope: &mut Scope<'_>, at: usize, text: &str) {
        let index = at.to_string();
        let path = ["services", self.name, "tmpfs", &index];
        let (target, options) = text.split_once(':').unwrap_or((text, ""));
        let mut size = 0;
        let mut has_others = false;
        for option in options.split(',').filter(|option| !option.is_empty() && *option != "rw") {
            match option.strip_prefix("size=").and_then(tmpfs_size) {
                Some(bytes) => size = bytes,
                None => has_others = true,
            }
        }
        if has_others {
            self.report_mode(scope, &path, target);
        }
        self.add(scope, &path, &format!("tmpfs-{}", target.trim_matches('/')), memory(size), target);
    }
}

/// Reads the size of a tmpfs as the kernel does: a number with `k`, `m` or `g`.
fn tmpfs_size(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (number, shift) = match lower.chars().last()? {
        'k' => (&lower[..lower.len() - 1], 10),
        'm' => (&lower[..lower.len() - 1], 20),
        'g' => (&lower[..lower.len() - 1], 30),
        _ => (&*lower, 0),
    };
    number.parse::<i64>().ok()?.checked_mul(1 << shift)
}

/// Docker counts a path within a volume from its top, however it is written; Kubernetes takes relative ones alone.
fn within_volume(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}
