//! The parts of an image's name that people change apart from each other.

/// An image's name in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// The name with its registry, such as `registry.example.com:5000/shop/api`.
    pub(super) repository: &'a str,
    /// The tag, such as `1.2`; empty if there is none.
    pub(super) tag: &'a str,
    /// The digest, such as `sha256:...`; empty if there is none.
    pub(super) digest: &'a str,
}

impl<'a> Image<'a> {
    /// Takes a name apart. A `:` before the last `/` belongs to the registry's port.
    ///
    /// See <https://github.com/distribution/reference>.
    pub(super) fn of(text: &'a str) -> Self {
        let (name, digest) = text.split_once('@').unwrap_or((text, ""));
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (name, ""),
        };
        Self { repository, tag, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn names_are_taken_apart() {
        for (text, repository, tag, digest) in [
            ("nginx", "nginx", "", ""),
            ("nginx:1.29-alpine", "nginx", "1.29-alpine", ""),
            ("localhost:5000/shop/api", "localhost:5000/shop/api", "", ""),
            ("localhost:5000/shop/api:2", "localhost:5000/shop/api", "2", ""),
            ("redis@sha256:ab", "redis", "", "sha256:ab"),
            ("r:5000/redis:7@sha256:ab", "r:5000/redis", "7", "sha256:ab"),
        ] {
            assert_eq!(Image::of(text), Image { repository, tag, digest }, "{text}");
        }
    }
}
