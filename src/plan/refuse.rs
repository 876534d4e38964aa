//! What the engine or this version of topo cannot honour: said before anything is done, at its line.
//!
//! What is refused whatever its value says so in its row of `model::registry`; here is what depends on the value.

use std::fmt::Display;

use super::mounts;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::registry::{Given, Up};
use crate::model::service::Service;
use crate::model::storage::{FileReferences, MountType, Recursive};
use crate::project::Project;
use crate::project::client::is_platform;
use crate::source::Span;

/// The API from which on health checks have an interval of their own for the start.
const START_INTERVAL: (u32, u32) = (1, 44);
/// The API from which on a network can be without IPv4.
const WITHOUT_IPV4: (u32, u32) = (1, 48);
/// The API from which on images can be mounted.
const IMAGE_MOUNTS: (u32, u32) = (1, 48);
/// The API from which on mounts below a read-only one can be told apart from it.
const RECURSIVE_READ_ONLY: (u32, u32) = (1, 44);

/// Reports what would have to be left out.
pub(super) fn report(project: &Project, api: (u32, u32), diagnostics: &mut Diagnostics) {
    let mut refuse = |span: Span, place: &dyn Display, why: &str, help: &str| {
        diagnostics.push(
            Diagnostic::error(Code::UnsupportedAttribute, format!("`{place}` {why}"))
                .label(span, "this cannot be honoured")
                .help(help),
        );
    };
    let mut passed_over = Vec::new();
    project.each_given(&mut |Given { row, place, keys: _, span, node: _ }| match row.up {
        Up::Honoured | Up::Partly(_) | Up::Idle(_) => {}
        Up::Refused(why, help) => refuse(span, place, why, help),
        Up::Since(needed, engine) | Up::Optional(needed, engine) => {
            let Some(why) = needs(needed, api) else { return };
            let help = format!("update Docker Engine to version {engine}, or remove it");
            match row.up {
                Up::Optional(..) => passed_over.push((span, format!("`{place}` {why}"), help)),
                _ => refuse(span, place, &why, &help),
            }
        }
    });
    for (name, service) in &project.services {
        for Refusal { attribute, why, help } in by_value(service, api) {
            let path: Vec<&str> =
                ["services", name].into_iter().chain(attribute.iter().map(String::as_str)).collect();
            refuse(project.span(&path), &path.join("."), &why, help);
        }
    }
    for (key, network) in &project.networks {
        if let (Some(false), Some(why)) = (network.enable_ipv4, needs(WITHOUT_IPV4, api)) {
            let path = ["networks", key, "enable_ipv4"];
            refuse(
                project.span(&path),
                &path.join("."),
                &why,
                "update Docker Engine to version 28, or remove it",
            );
        }
    }
    for (key, volume) in &project.volumes {
        if volume.external.is && volume.name.as_ref().is_none_or(String::is_empty) {
            let (path, help) = (["volumes", key, "name"], "write the volume's name in the engine");
            refuse(project.span(&path), &path.join("."), "is empty", help);
        }
    }
    let external = "is managed elsewhere, and an engine without Swarm services keeps none";
    let reads = |key: &String, of: fn(&Service) -> &FileReferences| {
        project.services.values().any(|service| of(service).0.iter().any(|one| one.source == *key))
    };
    for (key, _) in project.configs.iter().filter(|(_, config)| config.external.is) {
        if reads(key, |service| &service.configs) {
            let (path, help) =
                (["configs", key, "external"], "give its content with `file`, `environment` or `content`");
            refuse(project.span(&path), &path.join("."), external, help);
        }
    }
    for (key, _) in project.secrets.iter().filter(|(_, secret)| secret.external.is) {
        if reads(key, |service| &service.secrets) {
            let (path, help) =
                (["secrets", key, "external"], "give its content with `file` or `environment`");
            refuse(project.span(&path), &path.join("."), external, help);
        }
    }
    for (span, message, help) in passed_over {
        diagnostics.push(
            Diagnostic::warning(Code::UnsupportedAttribute, message)
                .label(span, "this has no effect there")
                .help(help),
        );
    }
    report_selinux(project, diagnostics);
    report_mounted(project, diagnostics);
    report_updates(project, diagnostics);
}

/// Engines take the label in the text form of a mount only, which has no room for other options. docker compose leaves
/// it out without a word.
fn report_selinux(project: &Project, diagnostics: &mut Diagnostics) {
    for (name, service) in &project.services {
        for (at, mount) in service.volumes.0.iter().enumerate() {
            if mount.bind.as_ref().is_some_and(|bind| bind.selinux.is_some()) && mounts::needs_mount(mount) {
                let at = at.to_string();
                let path = ["services", name, "volumes", &at, "bind", "selinux"];
                diagnostics.push(
                    Diagnostic::warning(
                        Code::UnsupportedAttribute,
                        format!(
                            "`{}` is left out: the engine takes it without other options only",
                            path.join(".")
                        ),
                    )
                    .label(project.span(&path), "this has no effect")
                    .help("write `create_host_path: true`, and neither `propagation` nor `recursive`"),
                );
            }
        }
    }
}

fn needs(version: (u32, u32), api: (u32, u32)) -> Option<String> {
    (api < version)
        .then(|| format!("needs API {}.{}, and the engine speaks {}.{}", version.0, version.1, api.0, api.1))
}

/// Says that a file of the host is mounted as it is. Copying it in, as is done with text, would honour owner and mode,
/// and break what people rely on: that a container sees the file change, and that a read-only one can have it. docker
/// compose mounts it, and warns.
fn report_mounted(project: &Project, diagnostics: &mut Diagnostics) {
    for (name, service) in &project.services {
        for (section, references) in [("configs", &service.configs), ("secrets", &service.secrets)] {
            for (at, reference) in references.0.iter().enumerate() {
                let is_file = match section {
                    "configs" => project.configs.get(&reference.source).is_some_and(|one| one.file.is_some()),
                    _ => project.secrets.get(&reference.source).is_some_and(|one| one.file.is_some()),
                };
                let given = [
                    ("uid", reference.uid.is_some()),
                    ("gid", reference.gid.is_some()),
                    ("mode", reference.mode.is_some()),
                ];
                let Some((attribute, _)) = given.into_iter().find(|(_, is_given)| *is_given && is_file)
                else {
                    continue;
                };
                let place = project.span(&["services", name, section, &at.to_string(), attribute]);
                let message = format!(
                    "`{attribute}` does nothing for `{}`, which is mounted from a file",
                    reference.source
                );
                diagnostics.push(
                    Diagnostic::warning(Code::UnsupportedAttribute, message)
                        .label(place, "the file's own owner and mode count")
                        .help("change the file's with `chown` and `chmod`, or give the content with `environment`"),
                );
            }
        }
    }
}

/// Says what of updates is not honoured.
fn report_updates(project: &Project, diagnostics: &mut Diagnostics) {
    for (name, service) in &project.services {
        let Some(deploy) = &service.deploy else { continue };
        for (attribute, config) in
            [("update_config", &deploy.update_config), ("rollback_config", &deploy.rollback_config)]
        {
            let Some(config) = config else { continue };
            let place = |key: &str| project.span(&["services", name, "deploy", attribute, key]);
            if config.max_failure_ratio > 0.0 {
                let message = format!("`deploy.{attribute}.max_failure_ratio` is not honoured");
                diagnostics.push(
                    Diagnostic::warning(Code::UnsupportedAttribute, message)
                        .label(place("max_failure_ratio"), "the first failure counts")
                        .help("write `failure_action: continue` to go on after any failure"),
                );
            }
            let action = config.failure_action.as_deref().unwrap_or("pause");
            let known: &[&str] = match attribute {
                "update_config" => &["pause", "continue", "rollback"],
                _ => &["pause", "continue"],
            };
            if !known.contains(&action) {
                let message = format!("`deploy.{attribute}.failure_action` is taken for `pause`");
                diagnostics.push(
                    Diagnostic::warning(Code::InvalidValue, message)
                        .label(place("failure_action"), format!("`{action}` means nothing here"))
                        .help(format!("write one of {}", known.join(", "))),
                );
            }
        }
    }
}

struct Refusal {
    attribute: Vec<String>,
    why: String,
    help: &'static str,
}

/// What is refused for some of its values only; the rows of the others say `Refused` or `Since`.
fn by_value(service: &Service, api: (u32, u32)) -> Vec<Refusal> {
    let mut refused: Vec<Refusal> = Vec::new();
    let mut refuse = |attribute: &[&str], why: String, help: &'static str| {
        let attribute = attribute.iter().map(|&part| part.to_owned()).collect();
        refused.push(Refusal { attribute, why, help });
    };
    if let Some(isolation) = service.isolation.as_deref()
        && !matches!(isolation, "" | "default" | "process" | "hyperv")
    {
        let why = format!("names no isolation technology: `{isolation}`");
        refuse(&["isolation"], why, "write default, or on Windows process or hyperv");
    }
    if let Some(platform) = service.platform.as_deref().filter(|platform| !is_platform(platform)) {
        let why = format!("names no platform: `{platform}`");
        refuse(&["platform"], why, "write os[/arch[/variant]], such as linux/amd64");
    }
    let check = service.healthcheck.as_ref();
    // Older engines refuse it whatever stands beside it.
    if check.is_some_and(|check| check.start_interval.is_some() && check.start_period.is_none())
        && api >= START_INTERVAL
    {
        let why = "has no meaning without `start_period`".to_owned();
        let help = "add `start_period`, the time during which it applies";
        refuse(&["healthcheck", "start_interval"], why, help);
    }
    for (at, mount) in service.volumes.0.iter().enumerate() {
        let at = at.to_string();
        if mount.kind == MountType::Image && mount.source.as_ref().is_none_or(String::is_empty) {
            let why = "mounts an image, and names none".to_owned();
            refuse(&["volumes", &at], why, "name the image in `source`");
        }
        if let (MountType::Image, Some(why)) = (mount.kind, needs(IMAGE_MOUNTS, api)) {
            refuse(&["volumes", &at], why, "update Docker Engine to version 28, or use a volume");
        }
        let recursive = mount.bind.as_ref().and_then(|bind| bind.recursive);
        if let (Some(Recursive::Writable | Recursive::Readonly), Some(why)) =
            (recursive, needs(RECURSIVE_READ_ONLY, api))
        {
            let help = "update Docker Engine to version 25, or write `enabled` or `disabled`";
            refuse(&["volumes", &at, "bind", "recursive"], why, help);
        }
    }
    refused
}
