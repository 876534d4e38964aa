//! Ports of the host that are published more than once.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::project::Project;
use crate::source::Span;

struct Published<'a> {
    service: &'a str,
    address: &'a str,
    span: Span,
}

/// Ports of the host, one after the other, that are published more than once.
#[derive(Clone, Copy, PartialEq)]
struct Conflict<'a> {
    ports: (u16, u16),
    protocol: &'a str,
    service: &'a str,
    span: Span,
    /// Who publishes them already; `None` if it is another container of the same service.
    other: Option<(&'a str, Span)>,
    containers: i64,
}

impl Conflict<'_> {
    /// Adds what is the same conflict of the next port: a range is told as one.
    fn join(&mut self, next: &Self) -> bool {
        let ports = (self.ports.0, next.ports.1);
        let goes_on = self.ports.1.checked_add(1) == Some(next.ports.0)
            && Self { ports, ..*self } == Self { ports, ..*next };
        if goes_on {
            self.ports = ports;
        }
        goes_on
    }

    fn diagnostic(&self) -> Diagnostic {
        let Self { ports, protocol, service, span, other, containers } = *self;
        let ports = match ports {
            (first, last) if first == last => format!("port {first}"),
            (first, last) => format!("ports {first}-{last}"),
        };
        let Some((other, other_span)) = other else {
            let message = format!("{containers} containers of service `{service}` cannot share {ports}");
            return Diagnostic::error(Code::PortConflict, message)
                .label(span, "one port of the host")
                .help("leave the published port out, or give a range such as 8000-8010");
        };
        let message = match other == service {
            true => format!("service `{service}` publishes {ports}/{protocol} twice"),
            false => format!("services `{other}` and `{service}` both publish {ports}/{protocol}"),
        };
        Diagnostic::error(Code::PortConflict, message)
            .label(span, "again here")
            .label(other_span, "first here")
            .help("publish one of them on another port of the host")
    }
}

/// Returns an error for each port of the host, or range of them, that two services, or two containers of one, would
/// share.
///
/// The engine refuses the second one only when it starts, after the first is up.
pub fn conflicts(project: &Project) -> Vec<Diagnostic> {
    let mut taken: BTreeMap<(u16, &str), Vec<Published<'_>>> = BTreeMap::new();
    let mut found: Vec<Conflict<'_>> = Vec::new();
    // In the order of the file, so that the second one is the one that is told.
    let mut services: Vec<_> = project.services.iter().collect();
    services.sort_by_cached_key(|(name, _)| project.span(&["services", name]));
    for (service, settings) in services {
        for (at, port) in settings.ports.0.iter().enumerate() {
            // A range is a choice: the engine finds a free one.
            let Some((first, _)) =
                port.published_range().filter(|(first, last)| first == last && *first != 0)
            else {
                continue;
            };
            let span = project.span(&["services", service, "ports", &at.to_string()]);
            let address = port.host_ip.as_deref().unwrap_or("");
            let others = taken.entry((first, port.protocol())).or_default();
            let other = others.iter().find(|other| overlap(other.address, address));
            let conflict = Conflict {
                ports: (first, first),
                protocol: port.protocol(),
                service,
                span,
                other: other.map(|other| (other.service, other.span)),
                containers: settings.containers(),
            };
            let is_one = conflict.other.is_some() || conflict.containers > 1;
            if is_one && !found.last_mut().is_some_and(|last| last.join(&conflict)) {
                found.push(conflict);
            }
            others.push(Published { service, address, span });
        }
    }
    found.iter().map(Conflict::diagnostic).collect()
}

/// Returns whether listening on one address takes the port of the other.
fn overlap(one: &str, other: &str) -> bool {
    let is_any = |address: &str| matches!(address, "" | "0.0.0.0" | "::");
    let is_v6 = |address: &str| address.contains(':');
    if one == other || one.is_empty() || other.is_empty() {
        return true;
    }
    (is_any(one) || is_any(other)) && is_v6(one) == is_v6(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{MemWorld, Request, load};
    use crate::project::{Selection, resolve};

    fn check(services: &str) -> Vec<String> {
        let text = format!("services:\n{services}");
        let world = MemWorld::project([("compose.yaml", text.as_str())]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, &Selection::default(), &world);
        conflicts(&project).into_iter().map(|one| one.message).collect()
    }

    #[test]
    fn the_same_port_of_the_same_address_is_taken() {
        assert_eq!(
            check("  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['80:8080', '80:80/udp']}\n"),
            ["services `a` and `b` both publish port 80/tcp"]
        );
        assert_eq!(
            check(
                "  a: {image: x, ports: ['127.0.0.1:80:80']}\n  b: {image: x, ports: ['127.0.0.2:80:80']}\n"
            ),
            Vec::<String>::new()
        );
        assert_eq!(
            check("  a: {image: x, ports: ['127.0.0.1:80:80']}\n  b: {image: x, ports: ['0.0.0.0:80:80']}\n")
                .len(),
            1
        );
        assert_eq!(
            check("  a: {image: x, scale: 2, ports: ['80:80', '81-82:81']}\n"),
            ["2 containers of service `a` cannot share port 80"]
        );
    }

    #[test]
    fn a_range_is_told_as_one() {
        assert_eq!(
            check(
                "  a: {image: x, ports: ['1-65535:1-65535']}\n  b: {image: x, ports: ['1-65535:1-65535', '7:8']}\n"
            ),
            [
                "services `a` and `b` both publish ports 1-65535/tcp",
                "services `a` and `b` both publish port 7/tcp"
            ]
        );
        assert_eq!(
            check("  a: {image: x, scale: 2, ports: ['80-82:80-82']}\n"),
            ["2 containers of service `a` cannot share ports 80-82"]
        );
    }
}
