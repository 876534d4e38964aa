//! The kinds that are known, and those that were and are no more.

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::autoscaling::v1 as autoscaling_v1;
use k8s_openapi::api::autoscaling::v2 as autoscaling;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::rbac::v1 as rbac;
use k8s_openapi::api::scheduling::v1 as scheduling;
use k8s_openapi::api::storage::v1 as storage;

use super::Findings;
use super::walk::{Typed, walk};
use crate::yaml::Node;

macro_rules! kinds {
    ($($version:literal: $($module:ident::$kind:ident),+;)+) => {
        /// The versions that are known, and the kinds of each.
        pub(super) const KINDS: &[(&str, &[&str])] = &[$(($version, &[$(stringify!($kind),)+]),)+];

        /// Holds an object to its type. Returns whether its kind is known.
        pub(super) fn hold<'n>(
            version: &str,
            kind: &str,
            node: &'n Node,
            typed: &mut Vec<Typed<'n>>,
            findings: &mut Findings<'_>,
        ) -> bool {
            match (version, kind) {
                $($(($version, stringify!($kind)) => walk::<$module::$kind>(node, typed, findings),)+)+
                _ => return false,
            }
            true
        }
    };
}

kinds! {
    "v1": core::Pod, core::Service, core::ConfigMap, core::Secret, core::Namespace, core::PersistentVolumeClaim,
        core::PersistentVolume, core::ServiceAccount, core::ResourceQuota, core::LimitRange, core::Endpoints,
        core::ReplicationController;
    "apps/v1": apps::Deployment, apps::StatefulSet, apps::DaemonSet, apps::ReplicaSet;
    "batch/v1": batch::Job, batch::CronJob;
    "networking.k8s.io/v1": networking::NetworkPolicy, networking::Ingress, networking::IngressClass;
    "policy/v1": policy::PodDisruptionBudget;
    "autoscaling/v1": autoscaling_v1::HorizontalPodAutoscaler;
    "autoscaling/v2": autoscaling::HorizontalPodAutoscaler;
    "rbac.authorization.k8s.io/v1": rbac::Role, rbac::RoleBinding, rbac::ClusterRole, rbac::ClusterRoleBinding;
    "storage.k8s.io/v1": storage::StorageClass;
    "scheduling.k8s.io/v1": scheduling::PriorityClass;
}

/// Versions that no cluster serves any more: the version, its kinds (none for all), the release, the version since.
///
/// See <https://kubernetes.io/docs/reference/using-api/deprecation-guide/>.
const REMOVED: &[(&str, &[&str], &str, &str)] = &[
    ("extensions/v1beta1", &["Ingress"], "1.22", "networking.k8s.io/v1"),
    ("extensions/v1beta1", &["NetworkPolicy"], "1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", &[], "1.16", "apps/v1"),
    ("apps/v1beta1", &[], "1.16", "apps/v1"),
    ("apps/v1beta2", &[], "1.16", "apps/v1"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], "1.22", "networking.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1beta1", &[], "1.22", "rbac.authorization.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1alpha1", &[], "1.22", "rbac.authorization.k8s.io/v1"),
    (
        "storage.k8s.io/v1beta1",
        &["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment"],
        "1.22",
        "storage.k8s.io/v1",
    ),
    ("scheduling.k8s.io/v1beta1", &[], "1.22", "scheduling.k8s.io/v1"),
    ("batch/v1beta1", &[], "1.25", "batch/v1"),
    ("batch/v2alpha1", &[], "1.21", "batch/v1"),
    ("policy/v1beta1", &["PodDisruptionBudget"], "1.25", "policy/v1"),
    ("autoscaling/v2beta1", &[], "1.25", "autoscaling/v2"),
    ("autoscaling/v2beta2", &[], "1.26", "autoscaling/v2"),
    ("discovery.k8s.io/v1beta1", &[], "1.25", "discovery.k8s.io/v1"),
    ("apiextensions.k8s.io/v1beta1", &[], "1.22", "apiextensions.k8s.io/v1"),
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        "1.22",
        "admissionregistration.k8s.io/v1",
    ),
];

/// Returns the release that no longer serves a version of a kind, and the version to write.
pub(super) fn removed(version: &str, kind: &str) -> Option<(&'static str, &'static str)> {
    let row = REMOVED
        .iter()
        .find(|(old, kinds, ..)| *old == version && (kinds.is_empty() || kinds.contains(&kind)));
    row.map(|(_, _, release, new)| (*release, *new))
}

/// Returns whether a version is Kubernetes' own. Others are those of custom resources, whose types are not known.
pub(super) fn is_own(version: &str) -> bool {
    let group = version.split_once('/').map_or("", |(group, _)| group);
    !group.contains('.')
        || (group.ends_with(".k8s.io")
            && KINDS.iter().any(|(known, _)| known.starts_with(&format!("{group}/"))))
}
