//! Which project a file belongs to, and what is known of the projects that are open.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

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
    /// The file that it was made up for, which no other project read then.
    only_for: Option<PathBuf>,
    /// Whether it is made up as it would be now: nothing that it reads changed since.
    is_settled: bool,
}

impl Opened {
    fn reads(&self, path: &Path) -> bool {
        self.known.as_ref().is_some_and(|known| known.reads(path))
    }

    fn errors(&self) -> usize {
        let diagnostics = self.known.iter().flat_map(|known| &known.diagnostics);
        diagnostics.filter(|one| one.severity == Severity::Error).count()
    }

    /// Returns whether a file is read by the project, or was before the project was broken: what it includes cannot be
    /// seen just now.
    fn holds(&self, path: &Path) -> bool {
        let is_broken = self.known.as_ref().is_some_and(|known| known.is_broken());
        self.reads(path) || is_broken && self.good.as_ref().is_some_and(|good| good.reads(path))
    }
}

/// The projects with files that are open.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    projects: Vec<Opened>,
    /// Files that are open and belong to no project, such as manifests: they are not looked for again at each key.
    strangers: BTreeSet<PathBuf>,
    /// What was known and is no more. To free it takes as long as an editor should wait for an answer.
    stale: Vec<Rc<Analysis>>,
    encoding: Encoding,
    settings: Settings,
}

impl Workspace {
    /// Makes one without projects.
    pub(super) fn new(mut settings: Settings, encoding: Encoding) -> Self {
        settings.request.memory = Some(Arc::default());
        Self { projects: Vec::new(), strangers: BTreeSet::new(), stale: Vec::new(), encoding, settings }
    }

    /// Notes that a text changed.
    pub(super) fn change(&mut self, path: &Path) {
        for project in &mut self.projects {
            if project.reads(path) {
                project.is_settled = false;
                self.stale.extend(project.known.take());
            }
        }
    }

    /// Notes that anything may have changed.
    pub(super) fn change_all(&mut self) {
        for project in &mut self.projects {
            project.is_settled = false;
            project.known = None;
        }
    }

    /// Frees what is not known any more, once nobody waits.
    pub(super) fn sweep(&mut self) {
        self.stale.clear();
    }

    /// Forgets which projects there are: a file may have come that makes another one of them.
    pub(super) fn forget(&mut self) {
        self.projects.clear();
        self.strangers.clear();
        self.settings.request.memory = Some(Arc::default());
    }

    /// Returns what is known of all projects, and looks again at those that changed.
    pub(super) fn all(&mut self, disk: &dyn World, documents: &Documents) -> Vec<Rc<Analysis>> {
        self.make_up_again(disk, documents);
        for path in documents.paths() {
            self.of(path, disk, documents);
        }
        self.drop_made_up();
        self.look_at_all(disk, documents)
    }

    /// Makes up projects again that may be others by now: of a file alone, or on top of the one it overrides.
    fn make_up_again(&mut self, disk: &dyn World, documents: &Documents) {
        let (settled, unsettled): (Vec<Opened>, Vec<Opened>) =
            std::mem::take(&mut self.projects).into_iter().partition(|project| {
                // A file that has mistakes alone may have none on top of another one that changed.
                let may_change = project.request.files.len() == 1 && project.errors() > 0;
                project.only_for.is_none() || project.is_settled && !may_change
            });
        self.projects = settled;
        for project in unsettled {
            let made_up = project.only_for.as_ref().and_then(|path| self.make_up(path, disk, documents));
            if let Some(made_up) = made_up {
                let good = made_up.good.clone().or_else(|| project.good.clone());
                self.projects.push(Opened { good, ..made_up });
            }
            self.stale.extend(project.known.into_iter().chain(project.good));
        }
    }

    /// Drops the projects that were made up for files which another project reads by now: a mistake may have hidden them
    /// from it.
    fn drop_made_up(&mut self) {
        let (mut made_up, mut kept): (Vec<Opened>, Vec<Opened>) =
            std::mem::take(&mut self.projects).into_iter().partition(|project| project.only_for.is_some());
        // In the order in which they are made up where nothing is known yet.
        made_up.sort_by(|one, other| one.only_for.cmp(&other.only_for));
        for project in made_up {
            let is_read = |path: &PathBuf| kept.iter().any(|other| other.holds(path));
            if !project.only_for.as_ref().is_some_and(is_read) {
                kept.push(project);
            }
        }
        self.projects = kept;
    }

    /// Returns what is known of the project that a file belongs to, if it belongs to one.
    pub(super) fn of(
        &mut self,
        path: &Path,
        disk: &dyn World,
        documents: &Documents,
    ) -> Option<Rc<Analysis>> {
        self.look_at_all(disk, documents);
        let holding = || self.projects.iter().filter(|project| project.holds(path));
        let found = holding().find(|project| project.only_for.is_none()).or_else(|| holding().next());
        if let Some(project) = found {
            return project.known.clone();
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
        let mut others = self.look_at_all(disk, documents);
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
        others.iter().for_each(|other| other.read_sheets(&view, self.encoding));
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

    fn look_at_all(&mut self, disk: &dyn World, documents: &Documents) -> Vec<Rc<Analysis>> {
        (0..self.projects.len()).map(|at| self.look(at, disk, documents)).collect()
    }

    fn look(&mut self, at: usize, disk: &dyn World, documents: &Documents) -> Rc<Analysis> {
        let Opened { request, directory, known, .. } = &self.projects[at];
        if let Some(known) = known {
            return Rc::clone(known);
        }
        let known = self.analyze(request, directory, disk, documents);
        let project = &mut self.projects[at];
        if !known.is_broken() {
            self.stale.extend(project.good.replace(Rc::clone(&known)));
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
        Rc::new(Analysis::of(&view, request, &self.settings.profiles))
    }

    fn open(&self, request: Request, directory: &Path, disk: &dyn World, documents: &Documents) -> Opened {
        let known = self.analyze(&request, directory, disk, documents);
        let good = (!known.is_broken()).then(|| Rc::clone(&known));
        let directory = directory.to_path_buf();
        Opened { request, directory, known: Some(known), good, only_for: None, is_settled: true }
    }

    /// Finds the project of a file: that of the command line, that of its directory or of one above, that of the file it
    /// overrides, or one of its own.
    fn find(&self, path: &Path, disk: &dyn World, documents: &Documents) -> Option<Opened> {
        let asked = &self.settings.request;
        if !asked.files.is_empty() {
            let asked = self.open(asked.clone(), &disk.cwd(), disk, documents);
            if asked.reads(path) {
                return Some(asked);
            }
        }
        let of_folder = Request { files: Vec::new(), ..asked.clone() };
        let mut tried: Vec<PathBuf> = Vec::new();
        for directory in path.ancestors().skip(1).take(ANCESTORS) {
            if tried.iter().any(|tried| tried == directory) {
                continue;
            }
            let opened = self.open(of_folder.clone(), directory, disk, documents);
            if opened.reads(path) {
                return Some(opened);
            }
            // It looks above by itself.
            tried.extend(opened.known.iter().map(|known| known.loaded.directory.clone()));
            if opened.known.is_none_or(|known| known.loaded.files.is_empty()) {
                break;
            }
        }
        self.make_up(path, disk, documents)
    }

    /// Makes up a project for a file that no other one reads: on top of the file it overrides, or alone.
    fn make_up(&self, path: &Path, disk: &dyn World, documents: &Documents) -> Option<Opened> {
        let directory = path.parent()?;
        let view = View { disk, documents, directory: directory.to_path_buf() };
        if !is_compose_file(path, &view) {
            return None;
        }
        let of_files = |files: &[&Path]| {
            let files = files.iter().map(|file| file.display().to_string()).collect();
            let request = Request { files, ..self.settings.request.clone() };
            let opened = self.open(request, directory, disk, documents);
            Opened { only_for: Some(path.to_path_buf()), ..opened }
        };
        let alone = of_files(&[path]);
        let Some(base) = base_of(path, &view).filter(|_| alone.errors() > 0) else { return Some(alone) };
        let over = of_files(&[&base, path]);
        Some(if over.errors() < alone.errors() { over } else { alone })
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
