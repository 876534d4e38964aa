//! Which words of a file name other files.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::outline::Outline;
use crate::model::attribute::absolute_path;

/// How a file is made use of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Its services are part of the project.
    Include,
    /// Services start from its services.
    Extend,
    /// Anything else: variables, the content of a config.
    Other,
}

/// A word that names a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Where it is written, without quotes.
    pub(super) range: Range<usize>,
    /// The file.
    pub(super) path: PathBuf,
    /// How it is made use of.
    pub(super) role: Role,
}

/// Returns the words of a file that name others; relative paths start from `base`.
pub(super) fn links(outline: &Outline, base: &Path, home: Option<&Path>) -> Vec<Link> {
    let link = |entry: usize| {
        let value = outline.scalar(entry)?;
        let path = outline.path(entry);
        let role = match path.as_slice() {
            ["include", "-"] | ["include", "-", "path"] | ["include", "-", "path", "-"] => Role::Include,
            ["services", _, "extends", "file"] => Role::Extend,
            ["include", "-", "env_file"]
            | ["include", "-", "env_file", "-"]
            | ["services", _, "env_file" | "label_file"]
            | ["services", _, "env_file" | "label_file", "-"]
            | ["services", _, "env_file", "-", "path"]
            | ["configs" | "secrets", _, "file"] => Role::Other,
            _ => return None,
        };
        if value.is_empty() || value.contains(['$', '\n']) || value.contains("://") {
            return None;
        }
        let range = outline.inner(&outline.entries()[entry].value);
        Some(Link { range, path: PathBuf::from(absolute_path(value, base, home)), role })
    };
    (0..outline.entries().len()).filter_map(link).collect()
}
