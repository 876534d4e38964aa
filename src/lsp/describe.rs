//! What there is to say of a service, a network and the like, in a few lines.

use crate::model::ports::Port;
use crate::model::registry::{Kubernetes, Up, row_of};
use crate::project::Project;
use crate::source::{SourceMap, Span};
use crate::topology::reach::text::route_text;
use crate::topology::reach::{End, Open, Route, Way, reach};

use super::names::Kind;
use super::schema::Forms;

/// Describes what a name stands for; `None` if the project does not have it.
pub(super) fn target(project: &Project, kind: Kind, name: &str) -> Option<String> {
    let head = format!("{} **{name}**", kind.word());
    Some(match kind {
        Kind::Service => service(project, name)?,
        Kind::Network => {
            let network = project.networks.get(name)?;
            let driver = network.driver.as_deref().unwrap_or("bridge");
            let members = members(project, |service| service.networks.0.contains_key(name));
            let inner = if network.internal { ", internal" } else { "" };
            format!(
                "{head}: {driver}{inner}, `{}` in the engine\n\nmembers: {members}",
                project.network_name(name)
            )
        }
        Kind::Volume => {
            project.volumes.get(name)?;
            let mounts = |service: &crate::model::service::Service| {
                service.volumes.0.iter().any(|mount| mount.source.as_deref() == Some(name))
            };
            let members = members(project, mounts);
            format!("{head}: `{}` in the engine\n\nmounted by: {members}", project.volume_name(name))
        }
        Kind::Secret => {
            project.secrets.get(name)?;
            let reads = |service: &crate::model::service::Service| {
                service.secrets.0.iter().any(|reference| reference.source == name)
            };
            format!("{head}\n\nread by: {}", members(project, reads))
        }
        Kind::Config => {
            project.configs.get(name)?;
            let reads = |service: &crate::model::service::Service| {
                service.configs.0.iter().any(|reference| reference.source == name)
            };
            format!("{head}\n\nread by: {}", members(project, reads))
        }
        Kind::Model => {
            let model = project.models.get(name)?;
            format!("{head}: `{}`", model.model)
        }
        Kind::Profile => {
            let belongs =
                |service: &crate::model::service::Service| service.profiles.0.iter().any(|one| one == name);
            format!("{head}\n\nservices: {}", members(project, belongs))
        }
    })
}

fn members(project: &Project, is_one: impl Fn(&crate::model::service::Service) -> bool) -> String {
    let names = project.services.iter().filter(|(_, service)| is_one(service)).map(|(name, _)| name.as_str());
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "no service".to_owned() } else { names.join(", ") }
}

fn service(project: &Project, name: &str) -> Option<String> {
    let service = project.services.get(name)?;
    let mut text = format!("service **{name}**: `{}`", project.image_of(name, service));
    let mut line = |title: &str, items: &[String]| {
        if !items.is_empty() {
            text.push_str(&format!("\n\n{title}: {}", items.join(", ")));
        }
    };
    line("profiles", &service.profiles.0);
    line("networks", &service.networks.0.keys().cloned().collect::<Vec<_>>());
    line("ports", &service.ports.0.iter().map(port).collect::<Vec<_>>());
    line("waits for", &service.depends_on.0.keys().cloned().collect::<Vec<_>>());
    line("reachable from", &reachable_from(project, name));
    line("reaches", &reaches(project, name));
    Some(text)
}

/// Says what a port publishes.
pub(super) fn port(port: &Port) -> String {
    let address = port.host_ip.clone().filter(|address| !address.is_empty());
    let range = port.published_range().filter(|(first, _)| *first > 0);
    let ports = Open::Only((port.protocol().to_owned(), port.target.0));
    route_text(&Route { way: Way::Published(address, range), ports, names: Vec::new() })
}

/// Returns who reaches a service, the outside last.
pub(super) fn reachable_from(project: &Project, name: &str) -> Vec<String> {
    let ends = project.services.keys().filter(|other| *other != name).map(|other| End::Service(other));
    let reaches = |from: &End<'_>| reach(project, *from, End::Service(name)).is_reachable();
    ends.chain([End::World]).filter(reaches).map(|end| end.to_string()).collect()
}

fn reaches(project: &Project, name: &str) -> Vec<String> {
    let ends = project.services.keys().filter(|other| *other != name).map(|other| End::Service(other));
    let reaches = |to: &End<'_>| reach(project, End::Service(name), *to).is_reachable();
    ends.chain([End::World]).filter(reaches).map(|end| end.to_string()).collect()
}

/// Says how one service reaches another, or why it does not.
pub(super) fn way(project: &Project, from: &str, to: &str) -> String {
    let answer = reach(project, End::Service(from), End::Service(to));
    if answer.is_reachable() {
        let ways: Vec<String> = answer.routes.iter().map(route_text).collect();
        return format!("`{from}` reaches it {}", ways.join("; "));
    }
    let why: Vec<String> = answer.obstacles.iter().map(|one| one.message(project)).collect();
    format!("`{from}` does not reach it: {}", why.join("; "))
}

/// Says what `up` and `export k8s` make of an attribute, where there is more to say than that they honour it.
pub(super) fn support(steps: &[String]) -> Option<String> {
    let mut path: Vec<&str> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let forms = Forms::at(&steps[..at]);
        if forms.attributes().any(|attribute| attribute.name == step) {
            path.push(step);
        } else if step != "-" && !step.bytes().all(|byte| byte.is_ascii_digit()) || at == 1 {
            path.push("*");
        }
    }
    let row = row_of(&path.join("."))?;
    let up = match row.up {
        Up::Honoured => None,
        Up::Partly(how) => Some(format!("`up`: {how}")),
        Up::Since((major, minor), what) | Up::Optional((major, minor), what) => {
            Some(format!("`up`: engines from API {major}.{minor} on, {what}"))
        }
        Up::Idle(why) => Some(format!("`up`: no effect, {why}")),
        Up::Refused(why, instead) => Some(format!("`up`: refused, {why}; {instead}")),
    };
    let kubernetes = match row.kubernetes {
        Kubernetes::Kept(what) => format!("Kubernetes: {what}"),
        Kubernetes::Partly(how) => format!("Kubernetes, partly: {how}"),
        Kubernetes::Idle(why) => format!("Kubernetes: left out, {why}"),
        Kubernetes::Lost(instead) => format!("Kubernetes: lost; {instead}"),
    };
    let lines: Vec<String> = up.into_iter().chain([kubernetes]).collect();
    Some(lines.join("\n\n"))
}

/// Names a place: `compose.yaml:3`.
pub(super) fn place(sources: &SourceMap, span: Span) -> String {
    sources.locate(span).map_or_else(String::new, |at| format!("{}:{}", at.file, at.line))
}
