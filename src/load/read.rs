//! Reads compose files into the source map, and env files into variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::environment::Environment;
use super::{Loader, World, dotenv, interpolate};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{SourceMap, Span, Spanned};
use crate::yaml::Node;

/// More compose files than this are no project: includes multiply.
const FILE_LIMIT: usize = 10_000;

impl Loader<'_> {
    /// Reads the documents of compose files that override each other.
    pub(super) fn read_all(&mut self, files: &[PathBuf], directory: &Path) -> Vec<Node> {
        let mut documents = Vec::new();
        for path in files {
            documents.extend(self.read_documents(path, directory, None).unwrap_or_default());
        }
        if documents.is_empty() && self.read > 0 && !self.diagnostics.has_errors() {
            self.diagnostics.push(
                Diagnostic::error(Code::MissingKey, "the compose file is empty")
                    .help("start with `services:`, and one service below it"),
            );
        }
        documents
    }

    /// Reads the documents of a compose file. `None` if there is no such file, or it cannot be read.
    pub(super) fn read_documents(
        &mut self,
        path: &Path,
        base: &Path,
        named_at: Option<Span>,
    ) -> Option<Vec<Node>> {
        if self.read >= FILE_LIMIT {
            let message = format!("more than {FILE_LIMIT} compose files are read");
            let diagnostic = Diagnostic::error(Code::UnreadableFile, message);
            self.diagnostics
                .push(diagnostic.help("include fewer files: each `include` reads its files again"));
            return None;
        }
        let file = self.read_source(path, base, named_at)?;
        self.read += 1;
        let mut documents = crate::yaml::parse(&self.sources.files()[file], &mut self.diagnostics);
        documents.retain(|document| {
            let is_map = document.as_map().is_some();
            if !is_map {
                self.diagnostics.push(
                    Diagnostic::error(Code::WrongType, "a compose file is a mapping")
                        .label(document.span, format!("this is {}", document.kind()))
                        .help("start with `services:`"),
                );
            }
            is_map
        });
        Some(documents)
    }

    /// Reads a file into the source map and returns its place there.
    fn read_source(&mut self, path: &Path, base: &Path, named_at: Option<Span>) -> Option<usize> {
        let is_stdin = path.file_name().is_some_and(|name| name == "-");
        let read = if is_stdin { self.world.read_stdin() } else { self.world.read(path) };
        let name = if is_stdin { "<stdin>".to_owned() } else { self.display_name(path) };
        let text = match read {
            Ok(bytes) => decode_text(bytes, &name, &mut self.diagnostics)?,
            Err(error) => {
                let diagnostic = unreadable(&name, &error);
                self.diagnostics.push(match named_at {
                    Some(span) => {
                        diagnostic.label(span, "named here").help("correct the path, or create the file")
                    }
                    None => diagnostic,
                });
                return None;
            }
        };
        if self.sources.add(name.clone(), path.to_path_buf(), base.to_path_buf(), text).is_none() {
            self.diagnostics.push(Diagnostic::error(Code::UnreadableFile, format!("{name} is too large")));
            return None;
        }
        Some(self.sources.files().len() - 1)
    }

    /// Names a file as the user would: relative to the working directory where that is shorter.
    pub(super) fn display_name(&self, path: &Path) -> String {
        path.strip_prefix(self.world.cwd()).unwrap_or(path).display().to_string()
    }

    /// Reads env files; the last one wins. The variables of `environment` win over all of them, also where a
    /// line refers to a variable.
    pub(super) fn variables_of(
        &mut self,
        files: &[(PathBuf, Option<Span>)],
        environment: &Environment,
    ) -> BTreeMap<String, Spanned<String>> {
        let mut found: BTreeMap<String, Spanned<String>> = BTreeMap::new();
        for (path, named_at) in files {
            let lookup = |name: &str| {
                environment.get(name, self.world).or_else(|| Some(found.get(name)?.value.clone()))
            };
            let read = read_env_file(
                self.world,
                path,
                None,
                *named_at,
                &lookup,
                &mut self.sources,
                &mut self.diagnostics,
            );
            for (name, Spanned { value, span }) in read {
                if let Some(value) = value.or_else(|| self.world.var(&name)) {
                    found.insert(name, Spanned { value, span });
                }
            }
        }
        found
    }
}

/// Reads an env file, in the format that `env_file` gives. One that several services name is read once. What is wrong
/// goes to `diagnostics`.
pub(crate) fn read_env_file(
    world: &dyn World,
    path: &Path,
    format: Option<crate::model::lifecycle::EnvFormat>,
    named_at: Option<Span>,
    lookup: &dyn Fn(&str) -> Option<String>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> IndexMap<String, Spanned<Option<String>>> {
    if sources.find(path).is_none() {
        add_env_file(world, path, named_at, sources, diagnostics);
    }
    let Some(file) = sources.find(path) else { return IndexMap::new() };
    let mut used = interpolate::Used::default();
    let parsed = match format {
        Some(crate::model::lifecycle::EnvFormat::Raw) => dotenv::parse_raw(&file.text),
        None => dotenv::parse(&file.text, lookup, &mut used),
    };
    for variable in used.unset {
        let message = format!("variable `{variable}` is not set, and {} uses it", file.name);
        diagnostics.push(Diagnostic::warning(Code::UnsetVariable, message));
    }
    match parsed {
        Ok(found) => found
            .into_iter()
            .map(|(name, dotenv::Assigned { value, range })| {
                (name, Spanned { value, span: file.span(range) })
            })
            .collect(),
        Err(fault) => {
            diagnostics.push(
                Diagnostic::error(Code::InvalidEnvFile, format!("{} cannot be read", file.name))
                    .label(file.span(fault.range), fault.why)
                    .help("write lines of the form `NAME=value`"),
            );
            IndexMap::new()
        }
    }
}

fn add_env_file(
    world: &dyn World,
    path: &Path,
    named_at: Option<Span>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) {
    let name = path.strip_prefix(world.cwd()).unwrap_or(path).display().to_string();
    let text = match world.read(path) {
        Ok(bytes) => decode_text(bytes, &name, diagnostics),
        Err(error) => {
            let mut diagnostic = unreadable(&name, &error);
            if let Some(span) = named_at {
                diagnostic =
                    diagnostic.label(span, "named here").help("create it, or write `required: false`");
            }
            diagnostics.push(diagnostic);
            None
        }
    };
    let base = path.parent().unwrap_or(Path::new("/")).to_path_buf();
    if let Some(text) = text
        && sources.add(name.clone(), path.to_path_buf(), base, text).is_none()
    {
        diagnostics.push(Diagnostic::error(Code::UnreadableFile, format!("{name} is too large")));
    }
}

fn decode_text(bytes: Vec<u8>, name: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
            diagnostics.push(
                Diagnostic::error(
                    Code::UnreadableFile,
                    format!("{name} is not UTF-8: line {line} has other bytes"),
                )
                .help("save the file as UTF-8"),
            );
            None
        }
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Diagnostic {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::error(Code::UnreadableFile, format!("{name} cannot be read: {why}"))
}
