//! What an image has where a new volume is mounted: Docker copies it into the volume, and so does an init container.

use k8s_openapi::api::core::v1::{Container, SecurityContext, VolumeMount};

use crate::model::service::Service;
use crate::model::storage::{Mount, MountType};

use super::Scope;
use super::container::escaped;
use super::names::dns_label;

/// Where the init container mounts the volumes, out of the way of what the image has.
const DIRECTORY: &str = "/topo-volumes";

/// Returns the init container that fills a service's new volumes; `container` is the one that mounts them.
///
/// As in Docker, a volume that has something in it is left alone, and `nocopy` leaves out the copying.
pub(super) fn container(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    container: &Container,
) -> Option<Container> {
    let mut mounts = Vec::new();
    let mut lines = Vec::new();
    for (at, mount) in service.volumes.0.iter().enumerate() {
        let target = mount.target.as_deref().unwrap_or_default();
        let target = target.trim_end_matches('/');
        if !is_filled(scope, mount) || target.is_empty() {
            continue;
        }
        let mounted = container.volume_mounts.iter().flatten().find(|one| one.mount_path == target);
        let Some(volume) = mounted.filter(|mounted| mounted.sub_path.is_none()) else { continue };
        let here = format!("{DIRECTORY}/{at}");
        let message = format!(
            "what the image has at `{target}` is copied by an init container, which needs `sh`, `ls` and `cp` in it"
        );
        let help = "write `volume: {nocopy: true}` if the image has nothing there, or no shell";
        scope.report.approximated(&["services", name, "volumes", &at.to_string()], message, help);
        // A new file system may have a folder for what it finds.
        lines.push(format!(
            "if [ -d {target} ] && [ -z \"$(ls -A {here} | grep -v lost+found)\" ]; then cp -a {target}/. {here}/; fi",
            target = quoted(target)
        ));
        mounts.push(VolumeMount { name: volume.name.clone(), mount_path: here, ..VolumeMount::default() });
    }
    if lines.is_empty() {
        return None;
    }
    Some(Container {
        name: dns_label(&format!("{}-volumes", container.name), 63),
        image: container.image.clone(),
        image_pull_policy: container.image_pull_policy.clone(),
        command: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), escaped(&lines.join("\n"))]),
        // Docker does it as root, whoever the container's user is.
        security_context: Some(SecurityContext { run_as_user: Some(0), ..SecurityContext::default() }),
        volume_mounts: Some(mounts),
        ..Container::default()
    })
}

/// Returns whether Docker would fill the volume of a mount. One that ends with its pod is filled too, as it is new.
fn is_filled(scope: &Scope<'_>, mount: &Mount) -> bool {
    let source = mount.source.as_deref().unwrap_or_default();
    let is_external = scope.project.volumes.get(source).is_some_and(|volume| volume.external.is);
    let nocopy = mount.volume.as_ref().is_some_and(|volume| volume.nocopy);
    mount.kind == MountType::Volume && !is_external && !nocopy
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "/._-".contains(one);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
