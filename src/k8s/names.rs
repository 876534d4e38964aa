//! Names that Kubernetes takes, made from names that compose takes: unique, stable, and unchanged where possible.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::Project;
use crate::project::hash::digest;

/// The longest DNS label.
const LABEL_LENGTH: usize = 63;
/// The longest name of a workload: controllers append up to eleven characters and write it into labels.
const WORKLOAD_LENGTH: usize = 52;

/// The names in Kubernetes of what the project has, by compose's keys.
#[derive(Debug)]
pub(super) struct Names {
    /// The namespace.
    pub(super) namespace: String,
    /// The project as a label value.
    pub(super) project: String,
    /// Services: DNS-1035, since most become a Service.
    pub(super) services: BTreeMap<String, String>,
    /// Networks: DNS-1123, for policies and the names of labels.
    pub(super) networks: BTreeMap<String, String>,
    /// Volumes.
    pub(super) volumes: BTreeMap<String, String>,
    /// Configs, without the hash.
    pub(super) configs: BTreeMap<String, String>,
    /// Secrets, without the hash.
    pub(super) secrets: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn of(project: &Project, namespace: Option<&str>) -> Self {
        let label: fn(&str) -> String = |text| dns_label(text, WORKLOAD_LENGTH);
        Self {
            namespace: dns_label(namespace.unwrap_or(&project.name), LABEL_LENGTH),
            project: label_value(&project.name),
            services: allocate(project.services.keys(), service_name),
            networks: allocate(project.networks.keys(), label),
            volumes: allocate(project.volumes.keys(), |text| dns_label(text, LABEL_LENGTH)),
            configs: allocate(project.configs.keys(), label),
            secrets: allocate(project.secrets.keys(), label),
        }
    }
}

/// Gives each key a name of its own. Keys that are good names already keep them, whatever the others are called.
fn allocate<'a>(
    keys: impl Iterator<Item = &'a String> + Clone,
    name_of: fn(&str) -> String,
) -> BTreeMap<String, String> {
    let (natural, others): (Vec<&String>, Vec<&String>) = keys.partition(|key| name_of(key) == **key);
    let mut taken: BTreeSet<String> = natural.iter().map(|key| (*key).clone()).collect();
    let mut names: BTreeMap<String, String> =
        natural.into_iter().map(|key| (key.clone(), key.clone())).collect();
    for key in others {
        let mut name = name_of(key);
        if taken.contains(&name) {
            let longest = WORKLOAD_LENGTH - 9;
            let kept = name[..name.len().min(longest)].trim_end_matches('-');
            name = format!("{kept}-{}", short_hash(key.as_bytes()));
        }
        taken.insert(name.clone());
        names.insert(key.clone(), name);
    }
    names
}

/// Returns the first eight hexadecimal digits of the SHA-256.
pub(super) fn short_hash(bytes: &[u8]) -> String {
    digest(bytes)[..8].to_owned()
}

/// Makes a DNS-1123 label: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`. One that is too long ends in a hash.
pub(super) fn dns_label(text: &str, longest: usize) -> String {
    let replaced: String = text
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' })
        .collect();
    let trimmed = replaced.trim_matches('-');
    if trimmed.is_empty() {
        return format!("x{}", short_hash(text.as_bytes()));
    }
    fit(trimmed, text, longest)
}

/// Makes the name of a pod's volume or of a container.
pub(super) fn local_name(text: &str) -> String {
    dns_label(text, LABEL_LENGTH)
}

/// Makes a DNS-1035 label, which starts with a letter.
pub(super) fn service_name(text: &str) -> String {
    let label = dns_label(text, WORKLOAD_LENGTH);
    if label.starts_with(|first: char| first.is_ascii_digit()) {
        fit(&format!("svc-{label}"), text, WORKLOAD_LENGTH)
    } else {
        label
    }
}

/// Returns the name of a Service under which others find `name` as it is: DNS does not tell upper from lower
/// case, but nothing else may change.
pub(super) fn resolvable_name(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let holds = !lower.is_empty()
        && lower.len() <= LABEL_LENGTH
        && lower.starts_with(|first: char| first.is_ascii_lowercase())
        && !lower.ends_with('-')
        && lower.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-');
    holds.then_some(lower)
}

/// Makes the value of a label: up to 63 of `A-Z a-z 0-9 - _ .`, with a letter or digit at both ends.
pub(super) fn label_value(text: &str) -> String {
    let trimmed = text.trim_matches(|one: char| !one.is_ascii_alphanumeric());
    if is_label_value(trimmed) {
        return trimmed.to_owned();
    }
    dns_label(text, LABEL_LENGTH)
}

/// Returns whether a label may have this value.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name_part(text)
}

/// Returns whether a label or an annotation may have this key: `[prefix/]name`.
pub(super) fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name_part(key),
        Some((prefix, name)) => {
            let is_label = |label: &str| {
                dns_label(label, LABEL_LENGTH) == label
                    && label.starts_with(|one: char| one.is_ascii_alphanumeric())
            };
            prefix.len() <= 253 && prefix.split('.').all(is_label) && is_name_part(name)
        }
    }
}

/// Returns whether a port may have this name.
pub(super) fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && name.chars().any(|one| one.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
        && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-')
}

fn is_name_part(text: &str) -> bool {
    let is_end = |one: Option<char>| one.is_some_and(|one| one.is_ascii_alphanumeric());
    text.len() <= LABEL_LENGTH
        && is_end(text.chars().next())
        && is_end(text.chars().last())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
}

fn fit(name: &str, of: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    format!("{}-{}", name[..longest - 9].trim_end_matches('-'), short_hash(of.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_change_little() {
        for (text, expected) in
            [("web", "web"), ("My_App", "my-app"), ("a.b", "a-b"), ("_x_", "x"), ("9lives", "svc-9lives")]
        {
            assert_eq!(service_name(text), expected);
        }
        let long = service_name(&"a".repeat(80));
        assert_eq!((long.len(), &long[..3]), (WORKLOAD_LENGTH, "aaa"));
        assert!(service_name("__").starts_with('x'));
    }

    #[test]
    fn names_that_would_collide_stay_apart() {
        let keys = ["a-b".to_owned(), "a.b".to_owned(), "a_b".to_owned()];
        let names = allocate(keys.iter(), service_name);
        assert_eq!(names["a-b"], "a-b");
        let distinct: BTreeSet<&String> = names.values().collect();
        assert_eq!(distinct.len(), 3);
    }

    #[test]
    fn only_names_that_dns_finds_again_are_resolvable() {
        assert_eq!(resolvable_name("Web-1").as_deref(), Some("web-1"));
        for name in ["a_b", "a.b", "1a", "a-", ""] {
            assert_eq!(resolvable_name(name), None, "{name}");
        }
    }

    #[test]
    fn keys_of_labels() {
        for key in ["app", "traefik.http.routers.api.rule", "example.com/Role_1"] {
            assert!(is_qualified_name(key), "{key}");
        }
        for key in ["", "a b", "a/b/c", "Example.com/x", "-a"] {
            assert!(!is_qualified_name(key), "{key}");
        }
    }
}
