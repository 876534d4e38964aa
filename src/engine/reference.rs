//! Image references: `nginx` is `docker.io/library/nginx:latest`.

use std::fmt;

/// An image reference in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host and port; `docker.io` where none is written.
    pub registry: String,
    /// The path in the registry.
    pub repository: String,
    /// The tag: `latest` where neither tag nor digest is written.
    pub tag: Option<String>,
    /// The digest, `sha256:...`.
    pub digest: Option<String>,
}

impl Reference {
    /// Takes a reference apart as the engine does. It checks nothing: the engine says what is wrong with a bad one.
    pub fn parse(text: &str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        // A colon before a slash belongs to the registry's port.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (name, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Self { registry: registry.to_owned(), repository, tag, digest }
    }

    /// Returns the name without tag and digest, `docker.io/library/nginx`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the reference with a digest in addition to its tag, so that the image is always the same one.
    #[must_use]
    pub fn pinned_to(&self, digest: &str) -> Self {
        Self { digest: Some(digest.to_owned()), ..self.clone() }
    }

    /// Returns whether `other`, a tag or digest that an image has, is what this reference asks for. A digest
    /// outweighs a tag, as in the engine.
    pub fn is_met_by(&self, other: &Self) -> bool {
        // Podman files images without a registry under `localhost`.
        let same_name = self.name() == other.name()
            || other.registry == "localhost"
                && self.registry == "docker.io"
                && self.repository.strip_prefix("library/") == Some(&other.repository);
        same_name
            && match &self.digest {
                Some(digest) => other.digest.as_ref() == Some(digest),
                None => other.digest.is_none() && other.tag == self.tag,
            }
    }
}

/// The full form, `docker.io/library/nginx:latest`.
impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(formatter, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(formatter, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_completed() {
        for (text, name, tag) in [
            ("nginx", "docker.io/library/nginx", Some("latest")),
            ("nginx:alpine", "docker.io/library/nginx", Some("alpine")),
            ("index.docker.io/library/nginx", "docker.io/library/nginx", Some("latest")),
            ("grafana/loki:2", "docker.io/grafana/loki", Some("2")),
            ("localhost:5000/app", "localhost:5000/app", Some("latest")),
            ("localhost/app", "localhost/app", Some("latest")),
            ("ghcr.io/a/b:c@sha256:1f", "ghcr.io/a/b", Some("c")),
            ("redis@sha256:1f", "docker.io/library/redis", None),
        ] {
            let reference = Reference::parse(text);
            assert_eq!((reference.name().as_str(), reference.tag.as_deref()), (name, tag), "{text}");
        }
    }

    #[test]
    fn references_are_written_in_full() {
        for (text, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("localhost:5000/app:2", "localhost:5000/app:2"),
            ("redis@sha256:1f", "docker.io/library/redis@sha256:1f"),
        ] {
            assert_eq!(Reference::parse(text).to_string(), full);
        }
        let pinned = Reference::parse("redis:7").pinned_to("sha256:1f");
        assert_eq!(pinned.to_string(), "docker.io/library/redis:7@sha256:1f");
    }

    #[test]
    fn a_digest_outweighs_a_tag() {
        let wanted = Reference::parse("redis:7@sha256:1f");
        assert!(wanted.is_met_by(&Reference::parse("redis@sha256:1f")));
        assert!(!wanted.is_met_by(&Reference::parse("redis:7")));
        assert!(Reference::parse("app").is_met_by(&Reference::parse("localhost/app:latest")));
    }
}
