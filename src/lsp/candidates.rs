//! What of the project, of its Dockerfiles and of the engine may be named at a place.

use std::collections::BTreeSet;
use std::path::Path;

use super::analysis::Analysis;
use super::asked::Asked;
use super::names::Kind;
use crate::load::World as _;
use crate::topology::reach::known_ports;

/// Returns the names of a kind that may be used at the end of a way: a service does not need itself.
pub(super) fn names(asked: &Asked<'_>, kind: Kind, steps: &[String]) -> Vec<String> {
    let own = match steps {
        [section, own, ..] if section == "services" && kind == Kind::Service => Some(own.as_str()),
        _ => None,
    };
    let mut names = match (kind, steps) {
        (Kind::Service, [_, _, extends, ..]) if extends == "extends" => extended(asked, &steps[..3]),
        _ => defined_here_too(asked, kind),
    };
    if kind == Kind::Network && !names.iter().any(|name| name == "default") {
        names.push("default".to_owned());
    }
    names.retain(|name| Some(name.as_str()) != own);
    names
}

/// Returns the names that the project defines, and those of the file at hand, which may be no part of it.
fn defined_here_too(asked: &Asked<'_>, kind: Kind) -> Vec<String> {
    let mut names: Vec<String> = asked.analysis.defined(kind).into_iter().map(str::to_owned).collect();
    for mention in asked.analysis.sheet(asked.path).into_iter().flat_map(|sheet| &sheet.mentions) {
        let is_wanted = mention.kind == kind && (mention.is_definition || kind == Kind::Profile);
        if is_wanted && !names.contains(&mention.name) {
            names.push(mention.name.clone());
        }
    }
    names
}

/// Returns the services that the file has which `extends` names, or those of the file at hand.
fn extended(asked: &Asked<'_>, extends: &[String]) -> Vec<String> {
    let outline = &asked.outline;
    let file = outline.find(extends).and_then(|extends| outline.child(Some(extends), "file"));
    let range = file.map(|file| outline.inner(&outline.entries()[file].value));
    let links = asked.analysis.sheet(asked.path).map_or(&[][..], |sheet| &sheet.links);
    let path = match range {
        Some(range) => links.iter().find(|link| link.range == range).map(|link| link.path.as_path()),
        None => Some(asked.path),
    };
    let sheet = path.and_then(|path| asked.analysis.sheet(path));
    let mentions = sheet.into_iter().flat_map(|sheet| &sheet.mentions);
    let services = mentions.filter(|one| one.kind == Kind::Service && one.is_definition);
    services.map(|one| one.name.clone()).collect()
}

/// Returns all names of a kind that files mention, defined or not.
pub(super) fn mentioned(analysis: &Analysis, kind: Kind) -> Vec<String> {
    let mentions = analysis.sheets().iter().filter(|sheet| sheet.is_part).flat_map(|sheet| &sheet.mentions);
    let names: BTreeSet<&String> = mentions.filter(|one| one.kind == kind).map(|one| &one.name).collect();
    names.into_iter().cloned().collect()
}

/// Returns the images of the project, and those that the engine has.
pub(super) fn images(asked: &Asked<'_>, engine: Vec<String>) -> Vec<String> {
    let project = asked.analysis.project.services.values().filter_map(|service| service.image.clone());
    let images: BTreeSet<String> = project.chain(engine).filter(|image| !image.is_empty()).collect();
    images.into_iter().collect()
}

/// Returns the ports of a container that are known: by `expose`, by `ports`, and by `EXPOSE` of its Dockerfile.
pub(super) fn exposed(asked: &Asked<'_>, service: &str) -> Vec<String> {
    let project = &asked.good.project;
    let mut ports: Vec<String> =
        known_ports(project, service).into_iter().map(|(_, port)| port.to_string()).collect();
    for port in dockerfile(asked, service).iter().flat_map(|text| expose_lines(text)) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

fn dockerfile(asked: &Asked<'_>, service: &str) -> Option<String> {
    let build = asked.good.project.services.get(service)?.build.as_ref()?;
    if let Some(inline) = &build.dockerfile_inline {
        return Some(inline.clone());
    }
    let context = serde_json::to_value(&build.context).ok()?;
    let path = Path::new(context.as_str()?).join(build.dockerfile.as_deref().unwrap_or("Dockerfile"));
    String::from_utf8(asked.view().read(&path).ok()?).ok()
}

fn expose_lines(dockerfile: &str) -> Vec<String> {
    let words = dockerfile.lines().filter_map(|line| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        word.eq_ignore_ascii_case("expose").then(|| rest.split_whitespace())
    });
    let ports = words.flatten().map(|port| port.split('/').next().unwrap_or(port));
    ports.filter(|port| port.parse::<u16>().is_ok()).map(str::to_owned).collect()
}
