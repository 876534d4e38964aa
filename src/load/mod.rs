//! Room 4: files to one compose model. It asks the world through [`World`] and reports all mistakes it finds.

mod argument;
pub mod dotenv;
mod environment;
mod extends;
mod find;
mod include;
pub mod interpolate;
pub mod merge;
mod read;
mod trace;
mod world;

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::Compose;
use crate::model::attribute::{Attribute, Decoder, Place, Shape};
use crate::source::{SourceMap, Span};
use crate::yaml::{Memory, Node, Room};

pub use argument::{read_arguments, read_variables};
pub use environment::{Environment, Origin};
pub(crate) use read::{EnvFile, reason};
pub use trace::{Reset, Trace, Variable};
pub use world::{MemWorld, OsWorld, World, is_handed_over};

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
    /// Keep where values come from, in [`Loaded::trace`].
    pub trace: bool,
    /// What earlier loads read, for those who load again after each edit.
    pub memory: Option<Arc<Mutex<Memory>>>,
}

/// Which stages of loading are left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skip {
    /// Leave variables as they are written. The model is then empty: only the tree can be asked.
    pub interpolation: bool,
    /// Leave relative paths as they are written.
    pub paths: bool,
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
    /// Where values come from, if it was asked for.
    pub trace: Option<Trace>,
    /// What there is to say.
    pub diagnostics: Diagnostics,
}

/// Loads a project.
pub fn load(world: &dyn World, request: &Request) -> Loaded {
    load_without(world, request, Skip::default())
}

/// Reads the variables of a run, without the files of the project: the shell's win over those of env files. What is
/// wrong with an env file is reported when the project is loaded.
pub fn environment(world: &dyn World, request: &Request) -> Environment {
    let mut loader = Loader::new(world, Skip::default());
    loader.find(request);
    loader.environment
}

/// Returns whether there is a compose file to read.
pub fn has_files(world: &dyn World, request: &Request) -> bool {
    !Loader::new(world, Skip::default()).find(request).1.is_empty()
}

/// Loads a project without some of the stages, to show how it is written.
pub fn load_without(world: &dyn World, request: &Request, skip: Skip) -> Loaded {
    let mut loader = Loader::new(world, skip);
    loader.trace = request.trace.then(Trace::default);
    loader.memory.clone_from(&request.memory);
    let (directory, files, env_files) = loader.find(request);
    let documents = loader.read_all(&files, &directory);
    let name = loader.name(request, &documents, &directory);
    loader.environment.set_project_name(&name);
    let scope = Scope {
        directory: directory.clone(),
        environment: Rc::new(loader.environment.clone()),
        files: files.clone(),
        chain: Vec::new(),
    };
    let mut written = loader.merge_all(documents, &scope);
    merge::drop_resets(&mut written);
    let compose = if skip.interpolation { Compose::default() } else { loader.decode(&written, false) };
    drop(scope);
    let Loader { sources, environment, trace, diagnostics, .. } = loader;
    Loaded { sources, compose, written, name, directory, files, env_files, environment, trace, diagnostics }
}

struct Loader<'a> {
    world: &'a dyn World,
    skip: Skip,
    sources: SourceMap,
    environment: Environment,
    trace: Option<Trace>,
    memory: Option<Arc<Mutex<Memory>>>,
    diagnostics: Diagnostics,
    /// How many compose files were read.
    read: usize,
    /// Where an env file names the compose files.
    files_named_at: Option<Span>,
    /// How much may still be read, or copied.
    room: Room,
    /// What was included so far: the same files with the same variables are read once.
    included: Vec<include::Included>,
}

/// What a set of compose files that override each other is read with: the project's own, or included ones.
struct Scope {
    /// Where relative paths start from.
    directory: PathBuf,
    /// The variables.
    environment: Rc<Environment>,
    /// The files.
    files: Vec<PathBuf>,
    /// The files that led here by `include`, with the place of each `include`.
    chain: Vec<(PathBuf, Span)>,
}

impl<'a> Loader<'a> {
    fn new(world: &'a dyn World, skip: Skip) -> Self {
        Self {
            world,
            skip,
            sources: SourceMap::default(),
            environment: Environment::default(),
            trace: None,
            memory: None,
            diagnostics: Diagnostics::default(),
            read: 0,
            files_named_at: None,
            room: Room::default(),
            included: Vec::new(),
        }
    }
}

impl Loader<'_> {
    /// Takes each document through the stages, and merges it over the earlier ones.
    fn merge_all(&mut self, documents: Vec<Node>, scope: &Scope) -> Node {
        let mut merged: Option<Node> = None;
        for document in documents {
            let mut document = self.long_form(document, &scope.environment);
            self.extend(&mut document, scope);
            self.include(&mut document, scope);
            merged = Some(match merged {
                Some(earlier) => {
                    self.check_so_far(&earlier, &document);
                    self.merge(earlier, document, Compose::SHAPE, &[])
                }
                None => document,
            });
        }
        merged.unwrap_or_else(|| Node::map([], Span::default()))
    }

    /// Merges a later node, both at `path`, into an earlier one.
    fn merge(&mut self, earlier: Node, later: Node, shape: &Shape, path: &[&str]) -> Node {
        if let Some(trace) = &mut self.trace {
            let mut path = path.iter().map(|&step| step.to_owned()).collect();
            trace.note_merge(&earlier, &later, shape, &mut path);
        }
        merge::merge(earlier, later, shape, &mut self.diagnostics)
    }

    /// Replaces the variables in a document, and brings short forms into their long form.
    fn long_form(&mut self, mut document: Node, environment: &Environment) -> Node {
        if !self.skip.interpolation {
            if let Some(trace) = &mut self.trace {
                trace.note_variables(&document, environment, self.world);
            }
            interpolate::interpolate(
                &mut document,
                environment,
                self.world,
                &self.sources,
                &mut self.diagnostics,
            );
        }
        if self.skip.interpolation {
            // `${PORT}:80` is no mistake here.
            return merge::expand(document, Compose::SHAPE, &mut Diagnostics::default());
        }
        merge::expand(document, Compose::SHAPE, &mut self.diagnostics)
    }

    /// Reports what is wrong with documents that a later one is merged into: an override takes no mistake away. What it
    /// does not change is looked at when all are merged.
    fn check_so_far(&mut self, earlier: &Node, later: &Node) {
        if self.skip.interpolation {
            return;
        }
        // A service is checked whole: what it says of one attribute may depend on another.
        let mut changed = merge::overlap(earlier, later, 2);
        merge::drop_resets(&mut changed);
        self.decode(&changed, true);
    }

    fn decode(&mut self, written: &Node, partial: bool) -> Compose {
        if let Some(version) = written.get("version") {
            self.diagnostics.push(
                Diagnostic::warning(Code::ObsoleteAttribute, "`version` is obsolete")
                    .label(version.key, "this has no effect")
                    .help("remove it"),
            );
        }
        let home = self.world.home();
        let mut decoder = Decoder {
            sources: &self.sources,
            home: home.as_deref(),
            keep_paths: self.skip.paths,
            partial,
            diagnostics: &mut self.diagnostics,
        };
        Compose::decode(written, &Place::TOP, &mut decoder).unwrap_or_default()
    }
}
