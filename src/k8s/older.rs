//! What older clusters get in place of fields that they lack.

use k8s_openapi::api::core::v1::{AppArmorProfile, PodTemplateSpec};

use super::Object;
use super::version::{Feature, KubeVersion};

/// What the annotation of each container's profile begins with.
///
/// See <https://kubernetes.io/docs/tutorials/security/apparmor/>.
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Writes a workload as clusters of a version read it.
pub(super) fn suit(object: &mut Object, version: KubeVersion) {
    if let (false, Some(template)) = (version.has(Feature::AppArmorField), template(object)) {
        annotate_profiles(template);
    }
}

fn template(object: &mut Object) -> Option<&mut PodTemplateSpec> {
    match object {
        Object::Deployment(deployment) => Some(&mut deployment.spec.template),
        Object::StatefulSet(set) => Some(&mut set.spec.template),
        Object::DaemonSet(set) => Some(&mut set.spec.template),
        Object::Job(job) => Some(&mut job.spec.as_mut()?.template),
        Object::CronJob(cron) => Some(&mut cron.spec.job_template.spec.as_mut()?.template),
        _ => None,
    }
}

/// Says by annotations of the pod which profiles of AppArmor its containers have.
fn annotate_profiles(template: &mut PodTemplateSpec) {
    let Some(pod) = &mut template.spec else { return };
    for container in pod.containers.iter_mut().chain(pod.init_containers.iter_mut().flatten()) {
        let profile =
            container.security_context.as_mut().and_then(|context| context.app_armor_profile.take());
        let Some(AppArmorProfile { type_, localhost_profile }) = profile else { continue };
        let value = match localhost_profile {
            Some(profile) => format!("localhost/{profile}"),
            None => type_.to_ascii_lowercase(),
        };
        let metadata = template.metadata.get_or_insert_default();
        metadata.annotations.get_or_insert_default().insert(format!("{APP_ARMOR}{}", container.name), value);
    }
}
