//! Where services write the names and addresses of others: in variables, hosts, commands and health checks.

use crate::model::service::Service;
use crate::project::Project;
use crate::source::Span;

/// A text that a service gives to its containers, and the way to it.
struct Text<'a> {
    path: Vec<&'a str>,
    text: &'a str,
}

/// The name that docker compose gives to a container, written where it is used.
pub(super) struct Numbered<'a> {
    pub(super) container: &'a str,
    /// The service whose container it is.
    pub(super) service: &'a str,
    /// The way to where it is used.
    pub(super) path: Vec<&'a str>,
}

/// Returns where services write an address or a name.
pub(super) fn uses_of(project: &Project, wanted: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for (name, service) in &project.services {
        for Text { path, text } in texts(name, service) {
            let span = project.span(&path);
            if mentions(text, wanted) && !spans.contains(&span) {
                spans.push(span);
            }
        }
    }
    spans
}

/// Returns where services name containers of others as docker compose calls them.
pub(super) fn uses_of_numbered(project: &Project) -> Vec<Numbered<'_>> {
    let mut found = Vec::new();
    for (name, service) in &project.services {
        for Text { path, text } in texts(name, service) {
            for container in text.split(|one| !is_of_name(one)) {
                if let Some(service) = project.service_of_numbered(container).filter(|other| other != name) {
                    found.push(Numbered { container, service, path: path.clone() });
                }
            }
        }
    }
    found
}

fn texts<'a>(name: &'a str, service: &'a Service) -> Vec<Text<'a>> {
    let at = |attribute: &'a str| vec!["services", name, attribute];
    let below = |attribute: &'a str, key: &'a str| vec!["services", name, attribute, key];
    let mut texts = Vec::new();
    for (variable, value) in &service.environment.0 {
        texts.extend(value.iter().map(|text| Text { path: below("environment", variable), text }));
    }
    for (host, address) in service.extra_hosts.pairs() {
        texts.push(Text { path: below("extra_hosts", host), text: address });
    }
    for (attribute, line) in [("command", &service.command), ("entrypoint", &service.entrypoint)] {
        texts.extend(line.0.iter().flatten().map(|text| Text { path: at(attribute), text }));
    }
    let test = service.healthcheck.as_ref().and_then(|check| check.test.as_ref());
    let words = test.into_iter().flat_map(|test| &test.0);
    texts.extend(words.map(|text| Text { path: below("healthcheck", "test"), text }));
    texts
}

fn is_of_name(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '-' | '_' | '.')
}

/// Returns whether a text has a name or an address in it, and not only as a part of another.
fn mentions(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + wanted.len()..]);
        !before.chars().next_back().is_some_and(is_of_name) && !after.chars().next().is_some_and(is_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn parts_of_other_names_are_no_mentions() {
        for (text, wanted) in [
            ("db_1", "db_1"),
            ("http://user@db_1:80/x", "db_1"),
            ("10.0.0.2#53;10.0.0.20", "10.0.0.2"),
            ("[fd00::2]:80", "fd00::2"),
        ] {
            assert!(mentions(text, wanted), "{text}");
        }
        for (text, wanted) in [("10.0.0.20", "10.0.0.2"), ("my_db_1", "db_1"), ("db_1.example.com", "db_1")] {
            assert!(!mentions(text, wanted), "{text}");
        }
    }
}
