//! `include`: other compose files with a project directory and an `.env` file of their own.
//!
//! See <https://github.com/compose-spec/compose-spec/blob/main/14-include.md>.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::extends::forget_tags;
use super::{Environment, Loader, Scope, merge};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::attribute::{Attribute, Decoder, Place, clean};
use crate::model::network::Network;
use crate::model::service::Service;
use crate::model::storage::{Config, Secret, Volume};
use crate::model::values::Nullable;
use crate::model::{Include, Model};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Value};

/// Includes that are nested deeper than this include themselves by ever new names.
const DEPTH_LIMIT: usize = 40;

/// The parts of a compose file that an including one gets.
const SECTIONS: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];

/// What was included, to include the same again without reading it.
pub(super) struct Included {
    files: Vec<PathBuf>,
    directory: PathBuf,
    env_files: Vec<PathBuf>,
    /// The variables of the including file.
    environment: Rc<Environment>,
    merged: Node,
}

impl Loader<'_> {
    /// Adds what the files under `include` define to a document.
    pub(super) fn include(&mut self, document: &mut Node, scope: &Scope) {
        let Value::Map(top) = &mut document.value else { return };
        let Some(include) = top.shift_remove("include") else { return };
        let place = Place::TOP.key("include");
        let items = match &include.node.value {
            Value::Null => return,
            Value::List(items) => items,
            _ => {
                self.decoder().wrong_type::<()>(&include.node, &place, "a list");
                return;
            }
        };
        // The same files a second time say nothing new.
        let mut imported = HashSet::new();
        for (at, item) in items.iter().enumerate() {
            let Some(include) = Include::decode(item, &place.index(at), &mut self.decoder()) else {
                continue;
            };
            let Some(included) = self.read_included(&include, item, scope) else { continue };
            if !imported.insert(included) {
                continue;
            }
            match self.room.take(&self.included[included].merged, item.span) {
                Ok(()) => self.import(self.included[included].merged.clone(), top),
                Err(passed) => {
                    self.diagnostics.push(passed.help("include fewer files: each include is a copy"));
                    return;
                }
            }
        }
    }

    fn decoder(&mut self) -> Decoder<'_> {
        Decoder {
            sources: &self.sources,
            home: None,
            keep_paths: true,
            partial: false,
            diagnostics: &mut self.diagnostics,
        }
    }

    /// Reads included files that override each other, through all stages, and returns their place in `included`.
    fn read_included(&mut self, include: &Include, item: &Node, scope: &Scope) -> Option<usize> {
        let place_of =
            |key: &str, at: usize| item.at(&[key, &at.to_string()]).map_or(item.span, |node| node.span);
        let mut files = Vec::new();
        for (at, path) in include.path.0.iter().enumerate() {
            let span = place_of("path", at);
            if is_remote(path) {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::UnsupportedAttribute,
                        format!("`{path}` cannot be included: it is remote"),
                    )
                    .label(span, "only local files are read")
                    .help("fetch it first, and include the local copy"),
                );
                return None;
            }
            files.push((PathBuf::from(clean(&scope.directory.join(path))), span));
        }
        let Some((first, named_at)) = files.first().cloned() else {
            self.decoder().missing(item.span, &Place::TOP.key("include"), "path");
            return None;
        };
        if self.leads_back(&first, named_at, scope) {
            return None;
        }
        let directory = match include.project_directory.as_deref().filter(|directory| !directory.is_empty()) {
            Some(directory) => PathBuf::from(clean(&scope.directory.join(directory))),
            None => first.parent().unwrap_or(Path::new("/")).to_path_buf(),
        };
        let mut env_files: Vec<(PathBuf, Option<Span>)> = Vec::new();
        for (at, path) in include.env_file.0.iter().enumerate() {
            env_files
                .push((PathBuf::from(clean(&scope.directory.join(path))), Some(place_of("env_file", at))));
        }
        if env_files.is_empty() {
            env_files.push((directory.join(".env"), None));
            env_files.retain(|(path, _)| self.world.is_file(path));
        }
        let file_paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        let env_paths: Vec<PathBuf> = env_files.iter().map(|(path, _)| path.clone()).collect();
        let known = self.included.iter().position(|known| {
            known.files == file_paths
                && known.directory == directory
                && known.env_files == env_paths
                && Rc::ptr_eq(&known.environment, &scope.environment)
        });
        if let Some(known) = known {
            return Some(known);
        }

        let found = self.variables_of(&env_files, &scope.environment);
        let mut environment = Environment::clone(&scope.environment);
        let environment =
            if environment.add(found) { Rc::new(environment) } else { scope.environment.clone() };
        let mut chain = scope.chain.clone();
        chain.extend(scope.files.first().map(|file| (file.clone(), named_at)));
        let inner = Scope { directory, environment, files: file_paths, chain };
        let mut documents = Vec::new();
        for (path, span) in &files {
            documents.extend(self.read_documents(path, &inner.directory, Some(*span)).unwrap_or_default());
        }
        let document_span = documents.first().map(|document| document.span);
        let mut merged = self.merge_all(documents, &inner);
        merge::drop_resets(&mut merged);
        forget_tags(&mut merged);
        if let Some(span) = document_span {
            self.fill_in(&mut merged, &inner, scope, span);
        }
        self.included.push(Included {
            files: inner.files,
            directory: inner.directory,
            env_files: env_paths,
            environment: scope.environment.clone(),
            merged,
        });
        Some(self.included.len() - 1)
    }

    /// Reports a file that includes itself, with each `include` on the way; or one that is nested too deep.
    fn leads_back(&mut self, file: &Path, named_at: Span, scope: &Scope) -> bool {
        let mut chain: Vec<(&Path, Span)> = scope.chain.iter().map(|(path, span)| (&**path, *span)).collect();
        chain.extend(scope.files.first().map(|first| (&**first, named_at)));
        let Some(start) = chain.iter().position(|(path, _)| *path == file) else {
            if chain.len() <= DEPTH_LIMIT {
                return false;
            }
            self.diagnostics.push(
                Diagnostic::error(
                    Code::IncludeCycle,
                    format!("includes are nested more than {DEPTH_LIMIT} deep"),
                )
                .label(named_at, "too deep")
                .help("include the files from fewer levels, and look for a directory that links to itself"),
            );
            return true;
        };
        let cycle = &chain[start..];
        let names: Vec<String> =
            cycle.iter().map(|(path, _)| *path).chain([file]).map(|path| self.display_name(path)).collect();
        let mut diagnostic = Diagnostic::error(
            Code::IncludeCycle,
            format!("files include each other: {}", names.join(" -> ")),
        );
        let last = cycle.len() - 1;
        for at in std::iter::once(last).chain(0..last) {
            let text = format!("{} includes {} here", names[at], names[at + 1]);
            diagnostic = diagnostic.label(cycle[at].1, text);
        }
        self.diagnostics.push(diagnostic.help("remove one of these includes"));
        true
    }

    /// Completes what depends on the included files' own directory and variables, before it leaves them.
    fn fill_in(&mut self, merged: &mut Node, inner: &Scope, outer: &Scope, span: Span) {
        let get = |name: &str| inner.environment.get(name, self.world);
        let Value::Map(top) = &mut merged.value else { return };
        for service in entries(top, "services") {
            let Value::Map(service) = &mut service.node.value else { continue };
            for variable in entries_with_names(service, "environment") {
                if let (name, Entry { node, .. }) = variable
                    && matches!(node.value, Value::Null)
                    && let Some(value) = get(name)
                {
                    node.value = Value::Text(value);
                }
            }
            if let Some(Value::Map(build)) = service.get_mut("build").map(|entry| &mut entry.node.value) {
                let context = || Entry { key: span, node: Node::text(".", span) };
                build.entry("context".to_owned()).or_insert_with(context);
            }
        }
        if Rc::ptr_eq(&inner.environment, &outer.environment) {
            return;
        }
        for section in ["configs", "secrets"] {
            for (key, entry) in entries_with_names(top, section) {
                if let Some(name) = entry.node.get("environment").and_then(|entry| entry.node.as_text())
                    && let Some(value) = get(name)
                    && outer.environment.get(name, self.world).as_ref() != Some(&value)
                {
                    self.environment.set_included_content(section, key, value);
                }
            }
        }
    }

    /// Adds included resources to a document. One that is there already must be the same.
    fn import(&mut self, included: Node, top: &mut Mapping) {
        let Value::Map(mut included) = included.value else { return };
        for section in SECTIONS {
            let Some(Entry { key, node: Node { span, value: Value::Map(resources), .. } }) =
                included.shift_remove(section)
            else {
                continue;
            };
            let target = top
                .entry(section.to_owned())
                .or_insert_with(|| Entry { key, node: Node::new(Value::Null, span) });
            if matches!(target.node.value, Value::Null) {
                target.node.value = Value::Map(Mapping::new());
            }
            let Value::Map(target) = &mut target.node.value else { continue };
            for (name, entry) in resources {
                let Some(known) = target.get(&name) else {
                    target.insert(name, entry);
                    continue;
                };
                if !self.is_same(section, &known.node, &entry.node) {
                    self.diagnostics.push(
                        Diagnostic::error(
                            Code::Conflict,
                            format!("`{section}.{name}` is defined here and in an included file"),
                        )
                        .label(known.key, "defined here")
                        .label(entry.key, "and differently here")
                        .help("rename one, or override the included one in a further file, named by `-f`"),
                    );
                }
            }
        }
    }

    /// Returns whether two definitions mean the same; equal paths in different directories do not.
    fn is_same(&self, section: &str, one: &Node, other: &Node) -> bool {
        fn decoded<T: Attribute>(loader: &Loader<'_>, node: &Node) -> Option<T> {
            let mut diagnostics = Diagnostics::default();
            let home = loader.world.home();
            let sources = &loader.sources;
            let mut decoder = Decoder {
                sources,
                home: home.as_deref(),
                keep_paths: false,
                partial: false,
                diagnostics: &mut diagnostics,
            };
            T::decode(node, &Place::TOP, &mut decoder)
        }
        fn same<T: Attribute + PartialEq>(loader: &Loader<'_>, one: &Node, other: &Node) -> bool {
            decoded::<T>(loader, one).is_some_and(|one| decoded(loader, other) == Some(one))
        }
        match section {
            "services" => same::<Service>(self, one, other),
            "volumes" => same::<Nullable<Volume>>(self, one, other),
            "networks" => same::<Nullable<Network>>(self, one, other),
            "secrets" => same::<Nullable<Secret>>(self, one, other),
            "configs" => same::<Nullable<Config>>(self, one, other),
            _ => same::<Model>(self, one, other),
        }
    }
}

fn entries_with_names<'a>(
    map: &'a mut Mapping,
    key: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Entry)> {
    let found = map.get_mut(key).and_then(|entry| match &mut entry.node.value {
        Value::Map(map) => Some(map),
        _ => None,
    });
    found.into_iter().flatten()
}

fn entries<'a>(map: &'a mut Mapping, key: &str) -> impl Iterator<Item = &'a mut Entry> {
    entries_with_names(map, key).map(|(_, entry)| entry)
}

/// Returns whether a compose file would have to be fetched: a Git repository, or an OCI artifact.
pub(super) fn is_remote(path: &str) -> bool {
    let is_host = |rest: &str| rest.split('/').count() > 2;
    path.contains("://")
        || path.starts_with("git@")
        || path.strip_prefix("github.com/").is_some_and(|rest| is_host(&format!("github.com/{rest}")))
}
