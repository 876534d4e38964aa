//! Which project a file belongs to, and what is known of the projects that are open.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::analysis::Analysis;
use super::documents::{Documents, View};
use super::outline::Outline;
use super::position::Encoding;
use crate::diagnostic::Severity;
use crate::load::{Request, World};

/// How far above a file its project is looked for.
const ANCESTORS: usize = 8;
/// What a compose file has at its top.
const SECTIONS: [&str; 7] = ["services", "include", "networks", "volumes", "secrets", "configs", "models"];

/// What the user asks for on the command line of the server.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The files and variables of the project; without files, each file's own project is looked for.
    pub request: Request,
    /// The profiles that are active.
    pub profiles: Vec<String>,
}

/// A project with files that are open.
#[derive(Debug)]
pub(super) struct Opened {
    request: Request,
    directory: PathBuf,
    /// What is known of it; `None` where a file of it changed since.
    known: Option<Rc<Analysis>>,
    /// What was known when it last was YAML.
    good: Option<Rc<Analysis>>,
}

/// The projects with files that are open.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    projects: Vec<Opened>,
    /// Files that are open and belong to no project, such as manifests: they are not looked for again at each key.
    strangers: BTreeSet<PathBuf>,
    encoding: Encoding,
    settings: Settings,
}

impl Workspace {
    /// Makes one without projects.
    pub(super) fn new(settings: Settings, encoding: Encoding) -> Self {
        Self { projects: Vec::new(), strangers: BTreeSet::new(), encoding, settings }
    }

    /// Notes that a text changed.
    pub(super) fn change(&mut self, path: &Path) {
        for project in &mut self.projects {
            if project.known.as_ref().is_some_and(|known| known.reads(path)) {
                project.known = None;
            }
        }
    }

    /// Notes that anything may have changed.
    pub(super) fn change_all(&mut self) {
        self.projects.iter_mut().for_each(|project| project.known = None);
    }

    /// Forgets which projects there are: a file may have come that makes another one of them.
    pub(super) fn forget(&mut self) {
        self.projects.clear();
        self.strangers.clear();
    }

    /// Returns what is known of all projects, and looks again at those that changed.
    pub(super) fn all(&mut self, disk: &dyn World, documents: &Documents) -> Vec<Rc<Analysis>> {
        for path in documents.paths() {
            self.of(path, disk, documents);
        }
        (0..self.projects.len()).map(|at| self.look(at, disk, documents)).collect()
    }

    /// Returns what is known of the project that a file belongs to, if it belongs to one.
    pub(super) fn of(
        &mut self,
        path: &Path,
        disk: &dyn World,
        documents: &Documents,
    ) -> Option<Rc<Analysis>> {
        for at in 0..self.projects.len() {
            let known = self.look(at, disk, documents);
            if known.reads(path) {
                return Some(known);
            }
        }
        let view = View { disk, documents, directory: path.to_path_buf() };
        if self.strangers.contains(path) && !is_compose_file(path, &view) {
            return None;
        }
        let Some(opened) = self.find(path, disk, documents) else {
            self.strangers.insert(path.to_path_buf());
            return None;
        };
        let known = opened.known.clone();
        self.projects.push(opened);
        known
    }

    /// Returns what is known of the further projects of a file: those that are open, and those of files beside it that
    /// override it by their names.
    pub(super) fn others(
        &mut self,
        path: &Path,
        analysis: &Rc<Analysis>,
        disk: &dyn World,
        documents: &Documents,
    ) -> Vec<Rc<Analysis>> {
        let mut others: Vec<Rc<Analysis>> =
            (0..self.projects.len()).map(|at| self.look(at, disk, documents)).collect();
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let view = View { disk, documents, directory };
        let mut files = view.files_in(&view.directory).unwrap_or_default();
        files.sort();
        for file in files {
            let is_known = analysis.reads(&file) || others.iter().any(|other| other.reads(&file));
            let base = base_of(&file, &view).filter(|base| !is_known && analysis.loaded.files.contains(base));
            if base.is_some() {
                others.extend(self.find(&file, disk, documents).and_then(|opened| opened.known));
            }
        }
        others.retain(|other| other.sheet(path).is_some() && !Rc::ptr_eq(other, analysis));
        others
    }

    /// Returns what was known of the same project when it last was YAML.
    pub(super) fn good(&self, analysis: &Rc<Analysis>) -> Rc<Analysis> {
        let is_it =
            |project: &&Opened| project.known.as_ref().is_some_and(|known| Rc::ptr_eq(known, analysis));
        let good = self.projects.iter().find(is_it).and_then(|project| project.good.clone());
        good.filter(|_| analysis.is_broken()).unwrap_or_else(|| Rc::clone(analysis))
    }

    fn look(&mut self, at: usize, disk: &dyn World, documents: &Documents) -> Rc<Analysis> {
        let Opened { request, directory, known, .. } = &self.projects[at];
        if let Some(known) = known {
            return Rc::clone(known);
        }
        let known = self.analyze(request, directory, disk, documents);
        let project = &mut self.projects[at];
        if !known.is_broken() {
            project.good = Some(Rc::clone(&known));
        }
        project.known = Some(Rc::clone(&known));
        known
    }

    fn analyze(
        &self,
        request: &Request,
        directory: &Path,
        disk: &dyn World,
        documents: &Documents,
    ) -> Rc<Analysis> {
        let view = View { disk, documents, directory: directory.to_path_buf() };
        Rc::new(Analysis::of(&view, request, &self.settings.profiles, self.encoding))
    }

    /// Finds the project of a file: that of the command line, that of its directory or of one above, that of the file it
    /// overrides, or one of its own.
    fn find(&self, path: &Path, disk: &dyn World, documents: &Documents) -> Option<Opened> {
        let open = |request: Request, directory: &Path| {
            let known = self.analyze(&request, directory, disk, documents);
            let good = (!known.is_broken()).then(|| Rc::clone(&known));
            Opened { request, directory: directory.to_path_buf(), known: Some(known), good }
        };
        let reads = |opened: &Opened| opened.known.as_ref().is_some_and(|known| known.reads(path));
        let asked = &self.settings.request;
        if !asked.files.is_empty() {
            let asked = open(asked.clone(), &disk.cwd());
            if reads(&asked) {
                return Some(asked);
            }
        }
        let of_folder = Request { files: Vec::new(), ..asked.clone() };
        let mut tried: Vec<PathBuf> = Vec::new();
        for directory in path.ancestors().skip(1).take(ANCESTORS) {
            if tried.iter().any(|tried| tried == directory) {
                continue;
            }
            let opened = open(of_folder.clone(), directory);
            if reads(&opened) {
                return Some(opened);
            }
            // It looks above by itself.
            tried.extend(opened.known.iter().map(|known| known.loaded.directory.clone()));
            if opened.known.is_none_or(|known| known.loaded.files.is_empty()) {
                break;
            }
        }
        let directory = path.parent()?;
        let view = View { disk, documents, directory: directory.to_path_buf() };
        if !is_compose_file(path, &view) {
            return None;
        }
        let named = |files: &[&Path]| Request {
            files: files.iter().map(|file| file.display().to_string()).collect(),
            ..asked.clone()
        };
        let alone = open(named(&[path]), directory);
        let errors = |opened: &Opened| {
            let diagnostics = opened.known.iter().flat_map(|known| &known.diagnostics);
            diagnostics.filter(|one| one.severity == Severity::Error).count()
        };
        let Some(base) = base_of(path, &view).filter(|_| errors(&alone) > 0) else { return Some(alone) };
        let over = open(named(&[&base, path]), directory);
        Some(if errors(&over) < errors(&alone) { over } else { alone })
    }
}

/// Returns the file that one overrides, by their names: `compose.yaml` for `compose.prod.yaml`.
fn base_of(path: &Path, view: &View<'_>) -> Option<PathBuf> {
    let (stem, _) = path.file_name()?.to_str()?.split_once('.')?;
    let names = ["yaml", "yml"].map(|extension| path.with_file_name(format!("{stem}.{extension}")));
    names.into_iter().find(|base| base != path && is_yaml(path) && view.is_file(base))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Returns whether a text is a compose file, and no other YAML.
fn is_compose_file(path: &Path, view: &View<'_>) -> bool {
    let outline = match view.documents.get(path) {
        Some(document) if document.language == "dockercompose" => return true,
        Some(document) => document.outline(),
        None => Rc::new(Outline::read(
            &String::from_utf8(view.read(path).unwrap_or_default()).unwrap_or_default(),
        )),
    };
    let tops = || outline.children(None).map(|entry| outline.name(entry));
    is_yaml(path)
        && tops().any(|top| SECTIONS.contains(&top))
        && !tops().any(|top| matches!(top, "apiVersion" | "on"))
}
