//! The forms that manifests are written in: a file for each object, a kustomization with overlays, or a Helm chart.
//!
//! Each is a function from objects to files, as pure as the export itself.

mod chart;
mod diff;
mod helm;
mod image;
mod kustomize;
mod template;

use std::path::Path;

use crate::yaml::WriteError;

use super::{Export, MANAGED_BY, Object, PART_OF};

pub use diff::diff;

/// A form of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A file for each object.
    Files,
    /// `base/` with a file for each object, and `overlays/` that change it, for `kubectl apply -k`.
    Kustomize,
    /// A chart, whose values are what people change from one installation to the next.
    Helm,
}

/// A file of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path below the directory that is written to, with `/` between its parts.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// Whether it is a beginning, for people to go on with: one that is there already is left as it is.
    pub is_beginning: bool,
}

impl File {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), is_beginning: false }
    }

    /// Returns the directory of the file below the one that is written to; empty for that one itself.
    pub fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

/// Returns the files of an export, by path.
pub fn files(export: &Export, form: Form) -> Result<Vec<File>, WriteError> {
    let mut files = match form {
        Form::Files => plain(&export.objects, "")?,
        Form::Kustomize => kustomize::files(&export.objects)?,
        Form::Helm => helm::files(&export.objects)?,
    };
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Returns whether a file was written by an earlier export, and would belong to this one if it still had the object.
pub fn is_exported(path: &str, text: &str) -> bool {
    let is_yaml = Path::new(path).extension().is_some_and(|extension| extension == "yaml");
    is_yaml && text.contains(&format!("{MANAGED_BY}: topo"))
}

/// Returns a file for each object.
fn plain(objects: &[Object], directory: &str) -> Result<Vec<File>, WriteError> {
    let file =
        |object: &Object| Ok(File::new(format!("{directory}{}", object.file_name()), object.to_yaml()?));
    objects.iter().map(file).collect()
}

/// Returns the name of the project that objects are of.
fn project_of(objects: &[Object]) -> &str {
    let mut labels = objects.iter().filter_map(|object| object.metadata().labels.as_ref());
    labels.find_map(|labels| labels.get(PART_OF)).map_or("project", String::as_str)
}
