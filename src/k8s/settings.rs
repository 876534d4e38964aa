//! What `x-topo` says of services and volumes, with what kompose's labels say where it says nothing.

use std::collections::BTreeMap;

use crate::model::attribute::Attribute;
use crate::model::service::Service;
use crate::model::storage::MountType;
use crate::model::x_topo::{Claim, Workload};
use crate::project::Project;

use super::kompose;
use super::loss::Report;

/// The settings of a project.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// By service.
    pub(super) services: BTreeMap<String, Workload>,
    /// By volume.
    pub(super) volumes: BTreeMap<String, Claim>,
}

impl Settings {
    /// Returns whether a service runs in the cluster, and is not provided or found elsewhere.
    pub(super) fn runs(&self, name: &str, service: &Service) -> bool {
        let given = self.services.get(name).and_then(|given| given.service.as_ref());
        service.provider.is_none() && given.is_none_or(|given| given.external_name.is_none())
    }
}

/// Reads all settings.
pub(super) fn settings(project: &Project, report: &mut Report<'_>) -> Settings {
    let mut settings = Settings::default();
    let mut with_labels = Vec::new();
    for (name, service) in &project.services {
        let (mut workload, mut claim) = (Workload::default(), Claim::default());
        if kompose::of_service(report, name, service, &mut workload, &mut claim) {
            with_labels.push(format!("`{name}`"));
        }
        // Labels of a service about volumes are about all that it mounts.
        for mount in service.volumes.0.iter().filter(|mount| mount.kind == MountType::Volume) {
            if let Some(source) = mount.source.as_deref().filter(|source| !source.is_empty()) {
                overlay_claim(settings.volumes.entry(source.to_owned()).or_default(), &claim);
            }
        }
        if let Some(own) = service.x_topo.as_ref().and_then(|x_topo| x_topo.kubernetes.as_deref()) {
            overlay(&mut workload, own);
        }
        settings.services.insert(name.clone(), workload);
    }
    for (key, volume) in &project.volumes {
        let claim = settings.volumes.entry(key.clone()).or_default();
        if kompose::of_volume(report, key, &volume.labels, claim) {
            with_labels.push(format!("`{key}`"));
        }
        if let Some(own) = volume.x_topo.as_ref().and_then(|x_topo| x_topo.kubernetes.as_ref()) {
            overlay_claim(claim, own);
        }
    }
    if !with_labels.is_empty() {
        report.note(format!(
            "labels of kompose are read as `x-topo.kubernetes`, of {}: see docs/kubernetes.md for how to write them there",
            with_labels.join(", ")
        ));
    }
    settings
}

/// Lets `over` win where it says something.
macro_rules! overlay {
    ($type:ident { $($field:ident),+ $(,)? }, $base:ident, $over:ident) => {
        let $type { $($field,)+ extensions: _ } = $over;
        $(if !$field.is_unset() {
            $base.$field = $field.clone();
        })+
    };
}

fn overlay(base: &mut Workload, over: &Workload) {
    overlay!(
        Workload {
            kind,
            cron,
            replicas,
            autoscale,
            disruption,
            spread,
            probes,
            service,
            ingress,
            http_route,
            mesh,
            wait_for,
            service_account,
            image_pull_secrets,
            fs_group,
            ephemeral_storage,
            node_selector,
            tolerations,
            labels,
            annotations,
        },
        base,
        over
    );
}

fn overlay_claim(base: &mut Claim, over: &Claim) {
    overlay!(Claim { size, storage_class, access_modes, per_replica }, base, over);
}
