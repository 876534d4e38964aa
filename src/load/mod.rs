//! Room 4: files to one compose model. It asks the world through [`World`] and reports all mistakes it finds.

pub mod dotenv;
pub mod interpolate;
pub mod merge;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::attribute::{Attribute, Decoder, Place, clean};
use crate::model::Compose;
use crate::source::{SourceMap, Span};
use crate::yaml::Node;

pub use world::{MemWorld, OsWorld, World};

/// The names that a compose file may have, the preferred one first.
const DEFAULT_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names that an override file may have.
const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What the user asks to load, as on docker compose's command line.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `-f`: the compose files; `-` is standard input.
    pub files: Vec<String>,
    /// `--env-file`: files in place of `.env`.
    pub env_files: Vec<String>,
    /// `--project-directory`: where relative paths start from.
    pub project_directory: Option<String>,
    /// `-p`: the project's name.
    pub project_name: Option<String>,
}

/// What was loaded, and what there is to say about it.
#[derive(Debug)]
pub struct Loaded {
    /// All files that were read.
    pub sources: SourceMap,
    /// The model. Where something was wrong it is incomplete, and `diagnostics` has the errors.
    pub compose: Compose,
    /// The merged tree, which knows where each value was written.
    pub written: Node,
    /// The project's name.
    pub name: String,
    /// The project directory, absolute.
    pub directory: PathBuf,
    /// The compose files, absolute.
    pub files: Vec<PathBuf>,
    /// The files of `--env-file`, absolute.
    pub env_files: Vec<PathBuf>,
    /// The variables: the shell's win over those of env files.
    pub environment: Environment,
    /// What there is to say.
    pub diagnostics: Diagnostics,
}

/// The variables of a run.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Variables from env files, and the project's name.
    own: BTreeMap<String, String>,
    /// Variables of the shell that were asked for.
    shell: RefCell<BTreeMap<String, Option<String>>>,
}

impl Environment {
    /// Returns a variable.
    pub fn get(&self, name: &str, world: &dyn World) -> Option<String> {
        if name == "COMPOSE_PROJECT_NAME"
            && let Some(own) = self.own.get(name)
        {
            return Some(own.clone());
        }
        let mut shell = self.shell.borrow_mut();
        let value = shell.entry(name.to_owned()).or_insert_with(|| world.var(name));
        value.clone().or_else(|| self.own.get(name).cloned())
    }
}

/// Loads a project.
pub fn load(world: &dyn World, request: &Request) -> Loaded {
    let mut loader = Loader {
        world,
        sources: SourceMap::default(),
        environment: Environment::default(),
        diagnostics: Diagnostics::default(),
        read: 0,
    };
    let (directory, files, env_files) = loader.find(request);
    let documents = loader.read_all(&files, &directory);
    let name = loader.name(request, &documents, &directory);
    loader.environment.own.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    let written = loader.merge_all(documents);
    let compose = loader.decode(&written);
    let Loader { sources, environment, diagnostics, .. } = loader;
    Loaded { sources, compose, written, name, directory, files, env_files, environment, diagnostics }
}

struct Loader<'a> {
    world: &'a dyn World,
    sources: SourceMap,
    environment: Environment,
    diagnostics: Diagnostics,
    /// How many compose files were read.
    read: usize,
}

impl Loader<'_> {
    /// Finds the project directory, the compose files and the env files, and reads the latter: an env file may
    /// name compose files, and these the directory that `.env` is read from.
    fn find(&mut self, request: &Request) -> (PathBuf, Vec<PathBuf>, Vec<PathBuf>) {
        let cwd = self.world.cwd();
        let absolute = |path: &str| PathBuf::from(clean(&cwd.join(path)));
        let wanted = request.project_directory.as_deref().filter(|path| !path.is_empty()).map(absolute);
        let first_directory = |files: &[PathBuf]| {
            let parent = files.first().and_then(|file| file.parent());
            parent.map_or_else(|| cwd.clone(), Path::to_path_buf)
        };
        let mut files: Vec<PathBuf> = request.files.iter().map(|file| absolute(file)).collect();
        let directory = wanted.clone().unwrap_or_else(|| first_directory(&files));

        let env_files = self.env_files(request);
        let env_files: Vec<PathBuf> = env_files.iter().map(|file| absolute(file)).collect();
        let mut env_read = self.read_env_files(&env_files, &directory);
        if files.is_empty() {
            files = self.files_of_variable(&cwd);
        }
        if files.is_empty() {
            files = self.discover(wanted.as_deref().unwrap_or(&cwd));
        }
        let directory = wanted.unwrap_or_else(|| first_directory(&files));
        if env_read.as_deref() != Some(&*directory) {
            env_read = self.read_env_files(&env_files, &directory);
        }
        debug_assert!(env_read.is_some());
        (directory, files, env_files)
    }

    fn env_files(&self, request: &Request) -> Vec<String> {
        if !request.env_files.is_empty() {
            return request.env_files.clone();
        }
        let named = self.world.var("COMPOSE_ENV_FILES").unwrap_or_default();
        named.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Reads the files, or `.env` in `directory`. What is set already stays: earlier sources win, among several
    /// files of one call the last.
    fn read_env_files(&mut self, files: &[PathBuf], directory: &Path) -> Option<PathBuf> {
        let disabled = self.world.var("COMPOSE_DISABLE_ENV_FILE").unwrap_or_default();
        if files.is_empty() && matches!(disabled.to_ascii_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y" | "on") {
            return Some(directory.to_path_buf());
        }
        let default = [directory.join(".env")];
        let files = match files {
            [] if !self.world.is_file(&default[0]) => return Some(directory.to_path_buf()),
            [] => &default,
            files => files,
        };
        let mut found = BTreeMap::new();
        for path in files {
            for (name, value) in self.read_env_file(path, None, &found) {
                let value = value.or_else(|| self.world.var(&name));
                found.extend(value.map(|value| (name, value)));
            }
        }
        for (name, value) in found {
            self.environment.own.entry(name).or_insert(value);
        }
        Some(directory.to_path_buf())
    }

    fn read_env_file(
        &mut self,
        path: &Path,
        named_at: Option<Span>,
        earlier: &BTreeMap<String, String>,
    ) -> dotenv::Assignments {
        let (world, environment) = (self.world, self.environment.clone());
        let lookup = |name: &str| environment.get(name, world).or_else(|| earlier.get(name).cloned());
        read_env_file(world, path, None, named_at, &lookup, &mut self.sources, &mut self.diagnostics)
    }

    fn files_of_variable(&self, cwd: &Path) -> Vec<PathBuf> {
        let Some(files) = self.environment.get("COMPOSE_FILE", self.world).filter(|files| !files.is_empty()) else {
            return Vec::new();
        };
        let separator = self.environment.get("COMPOSE_PATH_SEPARATOR", self.world).filter(|one| !one.is_empty());
        let separator = separator.unwrap_or_else(|| if cfg!(windows) { ";" } else { ":" }.to_owned());
        files.split(&separator).map(|file| PathBuf::from(clean(&cwd.join(file)))).collect()
    }

    /// Looks for a compose file here and in the directories above, and for an override file beside it.
    fn discover(&mut self, start: &Path) -> Vec<PathBuf> {
        let first = |directory: &Path, names: [&str; 4]| {
            names.iter().map(|name| directory.join(name)).find(|path| self.world.is_file(path))
        };
        for directory in start.ancestors() {
            if let Some(file) = first(directory, DEFAULT_NAMES) {
                return std::iter::once(file).chain(first(directory, OVERRIDE_NAMES)).collect();
            }
        }
        self.diagnostics.push(
            Diagnostic::error(Code::NoComposeFile, format!("there is no compose file in {}", start.display()))
                .help("write a `compose.yaml`, or name a file with `-f FILE`"),
        );
        Vec::new()
    }

    fn read_all(&mut self, files: &[PathBuf], directory: &Path) -> Vec<Node> {
        let mut documents = Vec::new();
        for path in files {
            let Some(file) = self.read_source(path, directory) else { continue };
            let found = crate::yaml::parse(&self.sources.files()[file], &mut self.diagnostics);
            self.read += 1;
            for document in found {
                if document.as_map().is_some() {
                    documents.push(document);
                    continue;
                }
                self.diagnostics.push(
                    Diagnostic::error(Code::WrongType, "a compose file is a mapping")
                        .label(document.span, format!("this is {}", document.kind()))
                        .help("start with `services:`"),
                );
            }
        }
        if documents.is_empty() && self.read > 0 && !self.diagnostics.has_errors() {
            self.diagnostics.push(
                Diagnostic::error(Code::MissingKey, "the compose file is empty")
                    .help("start with `services:`, and one service below it"),
            );
        }
        documents
    }

    /// Reads a file into the source map and returns its place there.
    fn read_source(&mut self, path: &Path, base: &Path) -> Option<usize> {
        let is_stdin = path.file_name().is_some_and(|name| name == "-");
        let read = if is_stdin { self.world.read_stdin() } else { self.world.read(path) };
        let name = if is_stdin { "<stdin>".to_owned() } else { self.display_name(path) };
        let text = match read {
            Ok(bytes) => decode_text(bytes, &name, &mut self.diagnostics)?,
            Err(error) => {
                self.diagnostics.push(unreadable(&name, &error));
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
    fn display_name(&self, path: &Path) -> String {
        path.strip_prefix(self.world.cwd()).unwrap_or(path).display().to_string()
    }

    /// Finds the project's name: `-p`, the variable, `name:` of the last file that has one, the directory.
    fn name(&mut self, request: &Request, documents: &[Node], directory: &Path) -> String {
        let said = request.project_name.clone().filter(|name| !name.is_empty());
        let said = said.map(|name| ("-p", name)).or_else(|| {
            let name = self.environment.get("COMPOSE_PROJECT_NAME", self.world)?;
            (!name.is_empty()).then_some(("COMPOSE_PROJECT_NAME", name))
        });
        if let Some((source, name)) = said {
            if normalize_name(&name) != name {
                self.diagnostics.push(
                    Diagnostic::error(Code::InvalidProjectName, format!("{source} `{name}` is no project name")).help(
                        format!("use lower-case letters, digits, `-` and `_`, such as `{}`", normalize_name(&name)),
                    ),
                );
            }
            return name;
        }
        let written = documents.iter().rev().find_map(|document| document.get("name"));
        let written = written.and_then(|entry| {
            let mut node = entry.node.clone();
            let lookup = |name: &str| self.environment.get(name, self.world);
            interpolate::interpolate(&mut node, &lookup, &mut self.diagnostics);
            Some((normalize_name(node.as_text()?), node.span))
        });
        let base = directory.file_name().unwrap_or_default().to_string_lossy();
        match written {
            Some((name, _)) if !name.is_empty() => name,
            written => {
                let name = normalize_name(&base);
                if name.is_empty() {
                    let message = "the project has no name: that of the directory has no letter or digit";
                    let mut diagnostic = Diagnostic::error(Code::InvalidProjectName, message);
                    if let Some((_, span)) = written {
                        diagnostic = diagnostic.label(span, "neither has this");
                    }
                    self.diagnostics.push(diagnostic.help("write `name: NAME` at the top of the compose file"));
                }
                name
            }
        }
    }

    /// Interpolates each document, brings it into its long form, and merges it over the earlier ones.
    fn merge_all(&mut self, documents: Vec<Node>) -> Node {
        let (world, environment) = (self.world, self.environment.clone());
        let lookup = |name: &str| environment.get(name, world);
        let mut merged: Option<Node> = None;
        for mut document in documents {
            interpolate::interpolate(&mut document, &lookup, &mut self.diagnostics);
            self.refuse_what_is_to_come(&document);
            let document = merge::expand(document, Compose::SHAPE, &mut self.diagnostics);
            merged = Some(match merged {
                Some(earlier) => merge::merge(earlier, document, Compose::SHAPE, &mut self.diagnostics),
                None => document,
            });
        }
        let mut merged = merged.unwrap_or_else(|| Node::map([], Span::default()));
        merge::drop_resets(&mut merged);
        merged
    }

    /// `include` and `extends` are part of the specification, and not of this version.
    fn refuse_what_is_to_come(&mut self, document: &Node) {
        let mut refuse = |span: Span, what: &str, help: &str| {
            self.diagnostics.push(
                Diagnostic::error(Code::UnsupportedAttribute, format!("`{what}` is not supported yet"))
                    .label(span, "this cannot be honoured")
                    .help(help),
            );
        };
        if let Some(entry) = document.get("include") {
            refuse(entry.key, "include", "name the included files with several `-f`");
        }
        for entry in document.get("services").and_then(|entry| entry.node.as_map()).into_iter().flatten() {
            if let Some(extends) = entry.1.node.get("extends") {
                refuse(extends.key, "extends", "use a YAML anchor and a merge key, `<<: *name`");
            }
        }
    }

    fn decode(&mut self, written: &Node) -> Compose {
        if let Some(version) = written.get("version") {
            self.diagnostics.push(
                Diagnostic::warning(Code::ObsoleteAttribute, "`version` is obsolete")
                    .label(version.key, "this has no effect")
                    .help("remove it"),
            );
        }
        let home = self.world.home();
        let mut decoder =
            Decoder { sources: &self.sources, home: home.as_deref(), diagnostics: &mut self.diagnostics };
        Compose::decode(written, &Place::TOP, &mut decoder).unwrap_or_default()
    }
}

/// Reads an env file, in the format that `env_file` gives. What is wrong goes to `diagnostics`.
pub(crate) fn read_env_file(
    world: &dyn World,
    path: &Path,
    format: Option<crate::model::lifecycle::EnvFormat>,
    named_at: Option<Span>,
    lookup: &dyn Fn(&str) -> Option<String>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> dotenv::Assignments {
    let name = path.strip_prefix(world.cwd()).unwrap_or(path).display().to_string();
    let read = world.read(path);
    let text = match read {
        Ok(bytes) => decode_text(bytes, &name, diagnostics),
        Err(error) => {
            let mut diagnostic = unreadable(&name, &error);
            if let Some(span) = named_at {
                diagnostic = diagnostic.label(span, "named here").help("create it, or write `required: false`");
            }
            diagnostics.push(diagnostic);
            None
        }
    };
    let Some(text) = text else { return dotenv::Assignments::new() };
    let mut used = interpolate::Used::default();
    let parsed = match format {
        Some(crate::model::lifecycle::EnvFormat::Raw) => dotenv::parse_raw(&text),
        None => dotenv::parse(&text, lookup, &mut used),
    };
    for variable in used.unset {
        let message = format!("variable `{variable}` is not set, and {name} uses it");
        diagnostics.push(Diagnostic::warning(Code::UnsetVariable, message));
    }
    match parsed {
        Ok(found) => found,
        Err(fault) => {
            let base = path.parent().unwrap_or(Path::new("/")).to_path_buf();
            let mut diagnostic = Diagnostic::error(Code::InvalidEnvFile, format!("{name} cannot be read"));
            if let Some(file) = sources.add(name, path.to_path_buf(), base, text) {
                diagnostic = diagnostic.label(file.span(fault.range), fault.why);
            }
            diagnostics.push(diagnostic.help("write lines of the form `NAME=value`"));
            dotenv::Assignments::new()
        }
    }
}

fn decode_text(bytes: Vec<u8>, name: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            diagnostics.push(
                Diagnostic::error(Code::UnreadableFile, format!("{name} is not UTF-8: line {line} has other bytes"))
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

/// Makes a project name of any text, as docker compose does.
fn normalize_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept: String =
        lower.chars().filter(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || "-_".contains(*one)).collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}

