//! All that is known of a project: it is loaded, completed and looked at as by `topo check` and `topo lint`.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::documents::View;
use super::files::{Link, Role, links};
use super::names::{Mention, mentions};
use super::outline::Outline;
use super::position::{Encoding, Lines};
use crate::diagnostic::{Code, Diagnostic};
use crate::k8s::{self, export};
use crate::lint::{Input, Levels, lint};
use crate::load::{Loaded, Request, World as _, load};
use crate::project::{Contents, Project, Selection, read_binds, read_contents, resolve};
use crate::source::{SourceFile, Span};
use crate::topology::{Topology, ports};

/// More files than this are not searched for names.
const FILE_LIMIT: usize = 1000;

/// A compose file of a project, as it is written.
#[derive(Debug)]
pub(super) struct Sheet {
    /// The file.
    pub(super) path: PathBuf,
    /// What it looks like.
    pub(super) outline: Rc<Outline>,
    /// Its lines.
    pub(super) lines: Lines,
    /// The names in it.
    pub(super) mentions: Vec<Mention>,
    /// The files that it names.
    pub(super) links: Vec<Link>,
    /// Whether what it defines is part of the project; services of other files start from it otherwise.
    pub(super) is_part: bool,
}

/// All that is known of a project.
#[derive(Debug)]
pub(super) struct Analysis {
    /// The project, with the services of all profiles.
    pub(super) project: Project,
    /// What was loaded: the files, the variables, where values come from.
    pub(super) loaded: Loaded,
    /// What there is to say, by file and place.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The compose files. Requests are about them, diagnostics are not: they are read when somebody asks.
    sheets: OnceCell<Vec<Sheet>>,
}

impl Analysis {
    /// Loads a project and looks at it.
    pub(super) fn of(view: &View<'_>, request: &Request, profiles: &[String]) -> Self {
        let mut loaded = load(view, &Request { trace: true, ..request.clone() });
        let has_profiles = loaded.compose.services.0.values().any(|service| !service.profiles.0.is_empty());
        let again = has_profiles.then(|| (loaded.compose.clone(), loaded.written.clone()));
        let selection =
            |profiles: &[String]| Selection { profiles: profiles.to_vec(), ..Selection::default() };
        let mut project = resolve(&mut loaded, &selection(profiles), view);
        let mut found = std::mem::take(&mut loaded.diagnostics);
        Topology::build(&project, &mut found);
        found.push_all(ports::conflicts(&project));
        let contents = read_contents(&project, &loaded.environment, view, &mut found);
        if !found.has_errors() {
            let losses = || {
                let contents = Contents { binds: read_binds(&project, view), ..contents.clone() };
                let losses = export(&project, &contents, &k8s::Options::default()).losses;
                losses.into_iter().map(|loss| loss.diagnostic).collect()
            };
            let input = Input {
                project: &project,
                sources: &loaded.sources,
                said: &found,
                losses: &losses,
                host: None,
                lacking: None,
            };
            found = lint(&input, &Levels::default());
        }
        if let Some((compose, written)) = again.filter(|_| !project.disabled.is_empty()) {
            // What is wrong with services whose profiles are not active: nobody runs all profiles at once, so that they
            // may well want the same port.
            let disabled: BTreeSet<String> = project.disabled.keys().cloned().collect();
            (loaded.compose, loaded.written) = (compose, written);
            project = resolve(&mut loaded, &selection(&["*".to_owned()]), view);
            let more = std::mem::take(&mut loaded.diagnostics);
            let places: Vec<Span> = disabled
                .iter()
                .filter_map(|name| project.written.at(&["services", name]).map(|node| node.span))
                .collect();
            let is_of_disabled = |one: &&Diagnostic| {
                let place = one.labels.first().map(|label| label.span);
                one.code != Code::Conflict
                    && place.is_some_and(|place| places.iter().any(|service| service.holds(place)))
            };
            found.push_all(more.sorted().into_iter().filter(is_of_disabled).cloned());
        }
        let diagnostics: Vec<Diagnostic> = found.sorted().into_iter().cloned().collect();
        Self { project, loaded, diagnostics, sheets: OnceCell::new() }
    }

    /// Reads the compose files as they are written, unless that is done. The texts must still be those that were loaded.
    pub(super) fn read_sheets(&self, view: &View<'_>, encoding: Encoding) {
        self.sheets.get_or_init(|| sheets(&self.loaded, view, encoding));
    }

    /// Returns the compose files; none before they are read.
    pub(super) fn sheets(&self) -> &[Sheet] {
        self.sheets.get().map_or(&[], Vec::as_slice)
    }

    /// Returns the sheet of a file.
    pub(super) fn sheet(&self, path: &Path) -> Option<&Sheet> {
        self.sheets().iter().find(|sheet| sheet.path == path)
    }

    /// Returns a file that was read.
    pub(super) fn file(&self, path: &Path) -> Option<&SourceFile> {
        self.loaded.sources.find(path)
    }

    /// Returns whether the project is as it was when a text was written.
    pub(super) fn reads(&self, path: &Path) -> bool {
        self.file(path).is_some()
            || self.loaded.files.iter().chain(&self.loaded.env_files).any(|file| file == path)
    }

    /// Returns whether a file is no YAML just now.
    pub(super) fn is_broken(&self) -> bool {
        self.diagnostics.iter().any(|one| one.code == Code::InvalidYaml)
    }

    /// Returns the names of a kind that are defined, in the order of the files.
    pub(super) fn defined(&self, kind: super::names::Kind) -> Vec<&str> {
        let mentions = self.sheets().iter().filter(|sheet| sheet.is_part).flat_map(|sheet| &sheet.mentions);
        let is_wanted =
            |one: &&Mention| one.kind == kind && (one.is_definition || kind == super::names::Kind::Profile);
        let mut seen = BTreeSet::new();
        mentions.filter(is_wanted).map(|one| one.name.as_str()).filter(|name| seen.insert(*name)).collect()
    }
}

/// Reads the compose files of a project as they are written: those that were named, and from them all that they
/// include and that services start from, also where a mistake kept the loader from reading them.
fn sheets(loaded: &Loaded, view: &View<'_>, encoding: Encoding) -> Vec<Sheet> {
    let home = view.home();
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut waiting: Vec<(PathBuf, bool)> =
        loaded.files.iter().rev().map(|file| (file.clone(), true)).collect();
    while let Some((path, is_part)) = waiting.pop() {
        if let Some(known) = sheets.iter_mut().find(|sheet| sheet.path == path) {
            known.is_part |= is_part;
            continue;
        }
        if sheets.len() == FILE_LIMIT {
            break;
        }
        let open = view.documents.get(&path);
        let (outline, lines) = match open {
            Some(document) => (document.outline(), document.lines.clone()),
            None => {
                let Ok(bytes) = view.read(&path) else { continue };
                let Ok(text) = String::from_utf8(bytes) else { continue };
                (Rc::new(Outline::read(&text)), Lines::new(&text, encoding))
            }
        };
        let base = loaded.sources.find(&path).map(|file| file.base.clone());
        let base = base.unwrap_or_else(|| path.parent().map(Path::to_path_buf).unwrap_or_default());
        let links = links(&outline, &base, home.as_deref());
        for link in links.iter().rev() {
            match link.role {
                Role::Include => waiting.push((link.path.clone(), is_part)),
                Role::Extend => waiting.push((link.path.clone(), false)),
                Role::Other => {}
            }
        }
        let mentions = mentions(&outline);
        sheets.push(Sheet { path, outline, lines, mentions, links, is_part });
    }
    sheets
}
