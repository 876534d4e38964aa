//! Reads compose files into the source map, and env files into variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use indexmap::IndexMap;

use super::environment::Environment;
use super::{Loader, World, dotenv};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::lifecycle::EnvFormat;
use crate::source::{SIZE_LIMIT, SourceFile, SourceMap, Span, Spanned};
use crate::yaml::Node;

/// More compose files than this are no project: includes multiply.
const FILE_LIMIT: usize = 10_000;

impl Loader<'_> {
    /// Reads the documents of compose files that override each other.
    pub(super) fn read_all(&mut self, files: &[PathBuf], directory: &Path) -> Vec<Node> {
        let mut documents = Vec::new();
        for path in files {
            documents.extend(self.read_documents(path, directory, self.files_named_at).unwrap_or_default());
        }
        if documents.is_empty() && self.read > 0 && !self.diagnostics.has_errors() {
            let start = self.sources.files().last().map(|file| file.span(0..0)).unwrap_or_default();
            self.diagnostics.push(
                Diagnostic::error(Code::MissingKey, "the compose file is empty")
                    .label(start, "nothing is here")
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
        if self.read > FILE_LIMIT {
            return None;
        }
        if self.read == FILE_LIMIT {
            self.read += 1;
            let message = format!("more than {FILE_LIMIT} compose files are read");
            let mut diagnostic = Diagnostic::error(Code::UnreadableFile, message);
            if let Some(span) = named_at {
                diagnostic = diagnostic.label(span, "this is one too many");
            }
            self.diagnostics
                .push(diagnostic.help("include fewer files: each `include` reads its files again"));
            return None;
        }
        let file = self.read_source(path, base, named_at)?;
        self.read += 1;
        let (file, room, diagnostics) = (&self.sources.files()[file], &mut self.room, &mut self.diagnostics);
        let mut documents = match &self.memory {
            Some(memory) => {
                memory.lock().unwrap_or_else(PoisonError::into_inner).parse(file, room, diagnostics)
            }
            None => crate::yaml::parse(file, room, diagnostics),
        };
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
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                let diagnostic = unreadable(&name, &error);
                self.diagnostics.push(match named_at {
                    Some(span) => {
                        diagnostic.label(span, "named here").help("correct the path, or create the file")
                    }
                    None => diagnostic.help("correct the path after `-f`, or create the file"),
                });
                return None;
            }
        };
        let decoded = decode_text(bytes, Encodings::Utf8OrUtf16);
        if let Err(diagnostic) = add_text(&mut self.sources, name, path, base, named_at, decoded) {
            self.diagnostics.push(diagnostic);
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
            let file = EnvFile { path, format: None, named_at: *named_at, may_be_absent: false };
            let read = file.read(self.world, &lookup, &mut self.sources, &mut self.diagnostics);
            for (name, Spanned { value, span }) in read {
                if let Some(value) = value.or_else(|| self.world.var(&name)) {
                    found.insert(name, Spanned { value, span });
                }
            }
        }
        found
    }
}

/// An env file or a label file to be read.
pub(crate) struct EnvFile<'a> {
    /// Where it is.
    pub(crate) path: &'a Path,
    /// The format that `env_file` gives.
    pub(crate) format: Option<EnvFormat>,
    /// Where it is named; `None` for the command line.
    pub(crate) named_at: Option<Span>,
    /// Whether `required: false` may be written where it is named.
    pub(crate) may_be_absent: bool,
}

impl EnvFile<'_> {
    /// Reads the file. One that several services name is read once. What is wrong goes to `diagnostics`.
    pub(crate) fn read(
        &self,
        world: &dyn World,
        lookup: &dyn Fn(&str) -> Option<String>,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> IndexMap<String, Spanned<Option<String>>> {
        if sources.find(self.path).is_none()
            && let Err(diagnostic) = self.add(world, sources)
        {
            diagnostics.push(diagnostic);
        }
        let Some(file) = sources.find(self.path).filter(|file| file.is_text) else { return IndexMap::new() };
        let parsed = match self.format {
            Some(EnvFormat::Raw) => dotenv::parse_raw(&file.text),
            None => dotenv::parse(&file.text, lookup),
        };
        for (variable, range) in parsed.unset {
            let message = format!("variable `{variable}` is not set, and {} uses it", file.name);
            diagnostics.push(
                Diagnostic::warning(Code::UnsetVariable, message)
                    .label(file.span(range), "read as the empty string")
                    .help(format!("set it, or write `${{{variable}:-}}` if it may be empty")),
            );
        }
        let is_broken = !parsed.faults.is_empty();
        for fault in parsed.faults {
            diagnostics.push(
                Diagnostic::error(Code::InvalidEnvFile, format!("{} cannot be read", file.name))
                    .label(file.span(fault.range), fault.why)
                    .help(fault.help),
            );
        }
        if is_broken {
            return IndexMap::new();
        }
        let set = |dotenv::Assigned { value, range }| Spanned { value, span: file.span(range) };
        parsed.found.into_iter().map(|(name, assigned)| (name, set(assigned))).collect()
    }

    fn add(&self, world: &dyn World, sources: &mut SourceMap) -> Result<(), Diagnostic> {
        let name = self.path.strip_prefix(world.cwd()).unwrap_or(self.path).display().to_string();
        let bytes = world.read(self.path).map_err(|error| {
            let diagnostic = unreadable(&name, &error);
            match self.named_at {
                Some(span) if self.may_be_absent => {
                    diagnostic.label(span, "named here").help("create it, or write `required: false`")
                }
                Some(span) => {
                    diagnostic.label(span, "named here").help("correct the path, or create the file")
                }
                None => diagnostic.help("correct the path after `--env-file`, or create the file"),
            }
        })?;
        let base = self.path.parent().unwrap_or(Path::new("/"));
        let decoded = decode_text(bytes, Encodings::Utf8);
        add_text(sources, name, self.path, base, self.named_at, decoded).map(|_| ())
    }
}

/// Adds a file to the source map, also one that is no text, to show where that is so.
fn add_text<'s>(
    sources: &'s mut SourceMap,
    name: String,
    path: &Path,
    base: &Path,
    named_at: Option<Span>,
    decoded: Result<String, Garbled>,
) -> Result<&'s SourceFile, Diagnostic> {
    let (text, garbled) = match decoded {
        Ok(text) => (text, None),
        Err(mut garbled) => (std::mem::take(&mut garbled.text), Some(garbled)),
    };
    let too_large = too_large(&name, named_at);
    match (sources.add(name, path.to_path_buf(), base.to_path_buf(), text), garbled) {
        (None, _) => Err(too_large),
        (Some(file), Some(garbled)) => {
            file.is_text = false;
            Err(garbled.diagnostic(file))
        }
        (Some(file), None) => Ok(file),
    }
}

/// Which encodings a file may have, as docker compose has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encodings {
    Utf8,
    /// YAML may be UTF-16 with a byte order mark.
    Utf8OrUtf16,
}

/// A file that is no text, with replacement characters where it is none.
struct Garbled {
    text: String,
    at: usize,
    help: &'static str,
}

impl Garbled {
    fn diagnostic(&self, file: &SourceFile) -> Diagnostic {
        let line = file.text.as_bytes()[..self.at].split(|byte| *byte == b'\n').count();
        let message = format!("{} is not UTF-8: line {line} has other bytes", file.name);
        let length = file.text[self.at..].chars().next().map_or(0, char::len_utf8);
        Diagnostic::error(Code::UnreadableFile, message)
            .label(file.span(self.at..self.at + length), "not UTF-8 from here on")
            .help(self.help)
    }
}

fn decode_text(bytes: Vec<u8>, encodings: Encodings) -> Result<String, Garbled> {
    let is_wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if is_wide && encodings == Encodings::Utf8OrUtf16 && bytes.len().is_multiple_of(2) {
        let unit = if bytes[0] == 0xff { u16::from_le_bytes } else { u16::from_be_bytes };
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let decoded: Result<String, _> = char::decode_utf16(units).collect();
        if let Ok(text) = decoded {
            return Ok(text);
        }
    }
    String::from_utf8(bytes).map_err(|error| Garbled {
        // What stands before is valid, so its length stays.
        at: error.utf8_error().valid_up_to(),
        text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
        help: if is_wide { "save the file as UTF-8, not as UTF-16" } else { "save the file as UTF-8" },
    })
}

fn too_large(name: &str, named_at: Option<Span>) -> Diagnostic {
    let message = format!("{name} is too large: all files together may have {} MiB", SIZE_LIMIT >> 20);
    let diagnostic = Diagnostic::error(Code::UnreadableFile, message);
    let diagnostic = match named_at {
        Some(span) => diagnostic.label(span, "named here"),
        None => diagnostic,
    };
    diagnostic.help("keep data out of compose files and env files")
}

/// Says why a file could not be read.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        std::io::ErrorKind::NotADirectory => "a part of its path is no directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        // `ErrorKind::FilesystemLoop` is not stable yet.
        _ if error.to_string().contains("symbolic links") => {
            "its symbolic links lead back to themselves".to_owned()
        }
        _ => error.to_string(),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::UnreadableFile, format!("{name} cannot be read: {}", reason(error)))
}
