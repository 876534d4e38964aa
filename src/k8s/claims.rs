//! Volumes as claims: how large they are, and how many nodes may have them at a time.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::deploy::Deploy;
use crate::model::service::Service;
use crate::model::storage::{Mount, MountType, Volume};
use crate::model::x_topo::{Claim, WorkloadKind};
use crate::project::Project;

use super::names::local_name;
use super::pod::root_of;
use super::settings::Settings;
use super::storage::effective_mounts;
use super::workload::{Kind, annotations, kind};
use super::{Object, Scope, files};

/// Returns whether a mount is that of a volume without a name, which each container has one of its own of.
pub(super) fn is_anonymous(mount: &Mount) -> bool {
    mount.kind == MountType::Volume && mount.source.as_ref().is_none_or(String::is_empty)
}

/// Returns whether each pod of a service has storage of its own.
pub(super) fn has_own(scope: &Scope<'_>, service: &Service) -> bool {
    let is_own = |mount: &Mount| {
        let source = mount.source.as_deref().unwrap_or_default();
        let is_volume = mount.kind == MountType::Volume;
        is_anonymous(mount) || is_volume && scope.claim(source).is_some_and(|claim| claim.per_replica)
    };
    service.volumes.0.iter().any(is_own)
}

/// Returns whether each pod has a claim of its own for a volume, rather than one that all share.
pub(super) fn is_own_of_pods(scope: &Scope<'_>, key: &str) -> bool {
    let Some(users) = scope.users.get(key) else { return false };
    let Some(root) = users.roots.first().filter(|_| users.roots.len() == 1) else { return false };
    let Some((name, service)) = scope.project.services.get_key_value(*root) else { return false };
    let is_wanted = scope.claim(key).is_some_and(|claim| claim.per_replica);
    let is_external = scope.project.volumes.get(key).is_some_and(|volume| volume.external.is);
    is_wanted && !is_external && kind(scope, name, service) == Kind::StatefulSet
}

/// Returns the claims, configs and secrets that services use.
pub(super) fn objects(scope: &mut Scope<'_>) -> Vec<Object> {
    let project = scope.project;
    let mut objects = Vec::new();
    for (key, volume) in &project.volumes {
        if scope.users.contains_key(key.as_str()) {
            objects.extend(claim(scope, key, volume).map(Object::from));
        }
    }
    objects.extend(files::objects(scope));
    objects
}

/// The services that mount a volume, and how many pods they are together.
#[derive(Debug, Default)]
pub(super) struct Users<'a> {
    services: BTreeSet<&'a str>,
    roots: BTreeSet<&'a str>,
    pub(super) pods: i64,
}

/// Returns who mounts each volume, by its key.
pub(super) fn users_of_volumes<'a>(
    project: &'a Project,
    settings: &Settings,
) -> BTreeMap<&'a str, Users<'a>> {
    let mut users: BTreeMap<&str, Users<'_>> = BTreeMap::new();
    for (name, service) in &project.services {
        if !settings.runs(name, service) {
            continue;
        }
        for one in effective_mounts(project, name, service) {
            let Some(key) = one.mount.source.as_deref().filter(|_| one.mount.kind == MountType::Volume)
            else {
                continue;
            };
            let users = users.entry(key).or_default();
            users.services.insert(name);
            let root = root_of(project, name);
            if users.roots.insert(root) {
                users.pods += most_pods(project, settings, root);
            }
        }
    }
    users
}

/// Returns how many pods of a service there may be at a time; 2 stands for one on each node.
fn most_pods(project: &Project, settings: &Settings, name: &str) -> i64 {
    let Some(service) = project.services.get(name) else { return 1 };
    let given = settings.services.get(name);
    let is_global = |deploy: &Deploy| deploy.mode.as_deref() == Some("global");
    let is_everywhere = given.is_some_and(|given| given.kind == Some(WorkloadKind::DaemonSet))
        || service.deploy.as_deref().is_some_and(is_global);
    let chosen =
        given.and_then(|given| given.autoscale.as_ref().map(|autoscale| autoscale.max).or(given.replicas));
    match chosen {
        _ if is_everywhere => 2,
        Some(pods) => i64::try_from(pods).unwrap_or(i64::MAX),
        None => service.containers(),
    }
}

fn claim(scope: &mut Scope<'_>, key: &str, volume: &Volume) -> Option<PersistentVolumeClaim> {
    let Volume { name: _, driver, driver_opts: _, external, labels, x_topo: _, extensions: _ } = volume;
    let claim = claim_name(scope, key);
    if external.is {
        let message = format!("external volume `{key}` must be in the cluster as a claim");
        let help = format!("create PersistentVolumeClaim `{claim}` in namespace `{}`", scope.names.namespace);
        scope.report.approximated(&["volumes", key, "external"], message, help);
        return None;
    }
    let Claim { size, storage_class, access_modes: _, per_replica, extensions: _ } =
        scope.claim(key).cloned().unwrap_or_default();
    if let Some(driver) = driver.as_deref().filter(|driver| !matches!(*driver, "" | "local"))
        && storage_class.is_none()
    {
        let message = format!("driver `{driver}` of volume `{key}` has no equivalent in Kubernetes");
        let help = "write `x-topo.kubernetes.storage_class`: one that stores where the driver does";
        scope.report.lost(&["volumes", key, "driver"], message, help);
    }
    if size.is_none() {
        let size = &scope.options.volume_size;
        let message =
            format!("volume `{key}` asks for {size}, since a claim needs a size and compose has none");
        let help = "write `x-topo: {kubernetes: {size: 10Gi}}` at the volume";
        scope.report.approximated(&["volumes", key], message, help);
    }
    if is_own_of_pods(scope, key) {
        return None;
    }
    if per_replica {
        let message = format!("volume `{key}` is shared by all pods that mount it");
        let help = "let one service alone mount it, and have that be a StatefulSet";
        let path = ["volumes", key, "x-topo", "kubernetes", "per_replica"];
        scope.report.lost(&path, message, help);
    }
    let modes = access_modes(scope, key);
    let pods = scope.users.get(key).map_or(0, |users| users.pods);
    if pods > 1 {
        let services = scope.users.get(key).into_iter().flat_map(|users| &users.services);
        let services: Vec<&str> = services.copied().collect();
        let message = format!(
            "volume `{key}` is shared by {pods} pods of {}, which may be on several nodes",
            services.join(", ")
        );
        let help = format!("use a storage class that offers {}", modes.join(", "));
        scope.report.approximated(&["volumes", key], message, help);
    }
    let mut metadata = scope.metadata(&claim, None);
    metadata.annotations = annotations(scope, &["volumes", key, "labels"], [labels]);
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(claim_spec(&size_of(scope, key), &modes, storage_class)),
        ..PersistentVolumeClaim::default()
    })
}

/// Returns the claim that each pod gets of its own.
pub(super) fn template(scope: &mut Scope<'_>, key: &str, name: &str) -> PersistentVolumeClaim {
    let labels = scope.project.volumes.get(key).map(|volume| &volume.labels);
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        annotations: annotations(scope, &["volumes", key, "labels"], labels),
        ..ObjectMeta::default()
    };
    let given = scope.claim(key).map_or(&[][..], |claim| &claim.access_modes);
    let modes: Vec<&str> =
        if given.is_empty() { vec!["ReadWriteOnce"] } else { given.iter().map(|mode| mode.word()).collect() };
    let class = scope.claim(key).and_then(|claim| claim.storage_class.clone());
    let spec = Some(claim_spec(&size_of(scope, key), &modes, class));
    PersistentVolumeClaim { metadata, spec, ..PersistentVolumeClaim::default() }
}

fn size_of(scope: &Scope<'_>, key: &str) -> String {
    let given = scope.claim(key).and_then(|claim| claim.size.as_ref());
    given.map_or(&scope.options.volume_size, |size| &size.0).clone()
}

/// Pods on several nodes need a volume that many can have. It is new, so that somebody has to write into it before others
/// read: it is never for reading alone.
fn access_modes(scope: &Scope<'_>, key: &str) -> Vec<&'static str> {
    let given = scope.claim(key).map_or(&[][..], |claim| &claim.access_modes);
    if !given.is_empty() {
        return given.iter().map(|mode| mode.word()).collect();
    }
    let pods = scope.users.get(key).map_or(0, |users| users.pods);
    if pods > 1 { vec!["ReadWriteMany"] } else { vec!["ReadWriteOnce"] }
}

pub(super) fn claim_spec(size: &str, modes: &[&str], class: Option<String>) -> PersistentVolumeClaimSpec {
    let requests = BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))]);
    PersistentVolumeClaimSpec {
        access_modes: Some(modes.iter().map(|mode| (*mode).to_owned()).collect()),
        resources: Some(VolumeResourceRequirements { requests: Some(requests), limits: None }),
        storage_class_name: class,
        ..PersistentVolumeClaimSpec::default()
    }
}

pub(super) fn claim_name(scope: &Scope<'_>, key: &str) -> String {
    match scope.project.volumes.get(key) {
        Some(volume) if volume.external.is => local_name(scope.project.volume_name(key)),
        _ => scope.names.volumes.get(key).cloned().unwrap_or_else(|| local_name(key)),
    }
}
