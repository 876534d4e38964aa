//! Finds the compose files, the env files, the project directory and the project's name, as docker compose does.

use std::path::{Path, PathBuf};

use super::interpolate::interpolate;
use super::{Loader, Request};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::attribute::clean;
use crate::source::Span;
use crate::yaml::Node;

/// The names that a compose file may have, the preferred one first.
const DEFAULT_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names that an override file may have.
const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

impl Loader<'_> {
    /// Finds the project directory, the compose files and the env files, and reads the latter: an env file may
    /// name compose files, and these the directory that `.env` is read from.
    pub(super) fn find(&mut self, request: &Request) -> (PathBuf, Vec<PathBuf>, Vec<PathBuf>) {
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
        self.read_env_files(&env_files, &directory);
        let read_from = directory;
        if files.is_empty() {
            files = self.files_of_variable(&cwd);
        }
        if files.is_empty() {
            files = self.discover(wanted.as_deref().unwrap_or(&cwd));
        }
        let directory = wanted.unwrap_or_else(|| first_directory(&files));
        if directory != read_from {
            self.read_env_files(&env_files, &directory);
        }
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
    fn read_env_files(&mut self, files: &[PathBuf], directory: &Path) {
        let disabled = self.world.var("COMPOSE_DISABLE_ENV_FILE").unwrap_or_default();
        if files.is_empty()
            && matches!(disabled.to_ascii_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y" | "on")
        {
            return;
        }
        let default = [directory.join(".env")];
        let files = match files {
            [] if !self.world.is_file(&default[0]) => return,
            [] => &default,
            files => files,
        };
        let files: Vec<(PathBuf, Option<Span>)> = files.iter().map(|file| (file.clone(), None)).collect();
        let found = self.variables_of(&files, &self.environment.clone());
        self.environment.add(found);
    }

    fn files_of_variable(&mut self, cwd: &Path) -> Vec<PathBuf> {
        let Some((files, origin)) =
            self.environment.find("COMPOSE_FILE", self.world).filter(|(files, _)| !files.is_empty())
        else {
            return Vec::new();
        };
        self.files_named_at = origin.span();
        let separator =
            self.environment.get("COMPOSE_PATH_SEPARATOR", self.world).filter(|one| !one.is_empty());
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
            Diagnostic::error(
                Code::NoComposeFile,
                format!("there is no compose file in {}", start.display()),
            )
            .help("write a `compose.yaml`, or name a file with `-f FILE`"),
        );
        Vec::new()
    }

    /// Finds the project's name: `-p`, the variable, `name:` of the last file that has one, the directory.
    pub(super) fn name(&mut self, request: &Request, documents: &[Node], directory: &Path) -> String {
        let said = request.project_name.clone().filter(|name| !name.is_empty());
        let said = said.map(|name| ("-p", name, None)).or_else(|| {
            let (name, origin) = self.environment.find("COMPOSE_PROJECT_NAME", self.world)?;
            (!name.is_empty()).then_some(("COMPOSE_PROJECT_NAME", name, origin.span()))
        });
        if let Some((source, name, set_at)) = said {
            if normalize_name(&name) != name {
                let message = format!("{source} `{name}` is no project name");
                let mut diagnostic = Diagnostic::error(Code::InvalidProjectName, message);
                if let Some(span) = set_at {
                    diagnostic = diagnostic.label(span, "set here");
                }
                self.diagnostics.push(diagnostic.help(match normalize_name(&name) {
                    plain if plain.is_empty() => "use lower-case letters, digits, `-` and `_`".to_owned(),
                    plain => format!("use lower-case letters, digits, `-` and `_`, such as `{plain}`"),
                }));
            }
            return name;
        }
        let written = documents.iter().rev().find_map(|document| document.get("name"));
        let written = written.and_then(|entry| {
            let mut node = entry.node.clone();
            interpolate(&mut node, &self.environment, self.world, &self.sources, &mut self.diagnostics);
            Some((normalize_name(node.as_text()?), node.span))
        });
        let base = directory.file_name().unwrap_or_default().to_string_lossy();
        match written {
            Some((name, _)) if !name.is_empty() => name,
            written => {
                // A name that is written and has no letter does not give way to the directory's.
                let is_spoilt = written
                    .as_ref()
                    .is_some_and(|(_, span)| !self.sources.text(*span).trim_matches(['"', '\'']).is_empty());
                let name = if is_spoilt { String::new() } else { normalize_name(&base) };
                if name.is_empty() {
                    let message = "the project has no name: that of the directory has no letter or digit";
                    let mut diagnostic = Diagnostic::error(Code::InvalidProjectName, message);
                    if let Some((_, span)) = written {
                        diagnostic = diagnostic.label(span, "neither has this");
                    }
                    self.diagnostics
                        .push(diagnostic.help("write `name: NAME` at the top of the compose file"));
                }
                name
            }
        }
    }
}

/// Makes a project name of any text, as docker compose does.
fn normalize_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || "-_".contains(*one))
        .collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}
