//! What a container mounts: directories of the host, volumes, memory, images, and the files of configs and secrets.

use bollard::models::{
    Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountImageOptions,
    MountTmpfsOptions, MountType as EngineMountType, MountVolumeOptions,
};

use super::container::{map, nonzero};
use crate::model::service::Service;
use crate::model::storage::{FileReference, Mount, MountType, Recursive};
use crate::project::Project;

/// What a service mounts: binds as text, and mounts with their details.
pub(super) fn mounts(project: &Project, service: &Service) -> (Vec<String>, Vec<EngineMount>) {
    let mut binds = Vec::new();
    let mut mounts = Vec::new();
    for mount in &service.volumes.0 {
        match (mount.kind, &mount.source) {
            // The text form is the only one that creates a missing directory of the host.
            (MountType::Bind, Some(source)) if !needs_mount(mount) => binds.push(bind(source, mount)),
            // A volume that the file does not have comes from the command line.
            (MountType::Volume, Some(source))
                if project.volumes.contains_key(source) && !needs_mount(mount) =>
            {
                binds.push(bind(project.volume_name(source), mount));
            }
            _ => mounts.push(engine_mount(project, mount)),
        }
    }
    for (references, root) in [(&service.configs, "/"), (&service.secrets, "/run/secrets/")] {
        for reference in &references.0 {
            let file = match root {
                "/" => project.configs.get(&reference.source).and_then(|config| config.file.as_ref()),
                _ => project.secrets.get(&reference.source).and_then(|secret| secret.file.as_ref()),
            };
            let Some(file) = file else { continue };
            mounts.push(EngineMount {
                typ: Some(EngineMountType::BIND),
                source: Some(file.0.clone()),
                target: Some(reference_target(reference, root)),
                read_only: Some(true),
                ..EngineMount::default()
            });
        }
    }
    (binds, mounts)
}

/// Returns where a config or secret goes in the container; `root` is where relative targets start from.
pub(super) fn reference_target(reference: &FileReference, root: &str) -> String {
    let target = reference.target.as_deref().unwrap_or(&reference.source);
    if target.starts_with('/') { target.to_owned() } else { format!("{root}{target}") }
}

pub(super) fn needs_mount(mount: &Mount) -> bool {
    let bind = mount
        .bind
        .as_ref()
        .is_some_and(|bind| !bind.create_host_path || bind.recursive.is_some() || bind.propagation.is_some());
    let volume = mount
        .volume
        .as_ref()
        .is_some_and(|volume| !volume.labels.0.is_empty() || volume.subpath.is_some() || volume.nocopy);
    match mount.kind {
        MountType::Bind => bind,
        MountType::Volume => volume,
        _ => true,
    }
}

fn bind(source: &str, mount: &Mount) -> String {
    let mut options = vec![if mount.read_only { "ro" } else { "rw" }];
    options.extend(mount.bind.as_ref().and_then(|bind| bind.selinux.as_deref()));
    format!("{source}:{}:{}", mount.target.as_deref().unwrap_or_default(), options.join(","))
}

fn engine_mount(project: &Project, mount: &Mount) -> EngineMount {
    let Mount { kind, source, target, read_only, consistency, bind, volume, tmpfs, image, extensions: _ } =
        mount;
    let (typ, source) = match kind {
        MountType::Bind => (EngineMountType::BIND, source.clone()),
        MountType::Volume => {
            let name = source.as_deref().filter(|source| !source.is_empty());
            (EngineMountType::VOLUME, name.map(|source| project.volume_name(source).to_owned()))
        }
        MountType::Tmpfs => (EngineMountType::TMPFS, None),
        MountType::Cluster => (EngineMountType::CLUSTER, source.clone()),
        MountType::Npipe => (EngineMountType::NPIPE, source.clone()),
        MountType::Image => (EngineMountType::IMAGE, source.clone()),
    };
    EngineMount {
        target: target.clone(),
        source,
        typ: Some(typ),
        read_only: read_only.then_some(true),
        consistency: consistency.clone(),
        bind_options: bind.as_ref().filter(|_| *kind == MountType::Bind).map(|bind| MountBindOptions {
            propagation: bind.propagation.as_deref().and_then(propagation),
            non_recursive: (bind.recursive == Some(Recursive::Disabled)).then_some(true),
            create_mountpoint: bind.create_host_path.then_some(true),
            read_only_non_recursive: (bind.recursive == Some(Recursive::Writable)).then_some(true),
            read_only_force_recursive: (bind.recursive == Some(Recursive::Readonly)).then_some(true),
        }),
        volume_options: volume.as_ref().filter(|_| *kind == MountType::Volume).map(|volume| {
            MountVolumeOptions {
                no_copy: volume.nocopy.then_some(true),
                labels: map(&volume.labels.0),
                subpath: volume.subpath.clone(),
                ..MountVolumeOptions::default()
            }
        }),
        image_options: image
            .as_ref()
            .filter(|_| *kind == MountType::Image)
            .map(|image| MountImageOptions { subpath: image.subpath.clone() }),
        tmpfs_options: tmpfs.as_ref().filter(|_| *kind == MountType::Tmpfs).map(|tmpfs| MountTmpfsOptions {
            size_bytes: nonzero(tmpfs.size.0),
            mode: nonzero(tmpfs.mode),
            ..MountTmpfsOptions::default()
        }),
    }
}

fn propagation(name: &str) -> Option<MountBindOptionsPropagationEnum> {
    use MountBindOptionsPropagationEnum as Propagation;
    Some(match name {
        "private" => Propagation::PRIVATE,
        "rprivate" => Propagation::RPRIVATE,
        "shared" => Propagation::SHARED,
        "rshared" => Propagation::RSHARED,
        "slave" => Propagation::SLAVE,
        "rslave" => Propagation::RSLAVE,
        _ => return None,
    })
}
