//! From a name to where it is defined and used, over all files of the project.

use std::ops::Range;
use std::path::{Path, PathBuf};

use lsp_types::{DocumentHighlight, DocumentHighlightKind, DocumentLink, Location, Position};

use super::analysis::{Analysis, Sheet};
use super::asked::Asked;
use super::diagnostics::Places;
use super::names::{Kind, Mention, mention_at};
use super::outline::Outline;
use super::variables::{Variable, variable_at, variables};
use crate::load::World as _;
use crate::model::attribute::absolute_path;

/// What a place names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Something that files define; in `file` alone where it is no part of the project.
    Name {
        /// What it is.
        kind: Kind,
        /// The name.
        name: String,
        /// The file, where its names are its own.
        file: Option<PathBuf>,
    },
    /// An anchor of the file at hand.
    Anchor(String),
    /// A variable.
    Variable(String),
}

/// A place that names a target.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The file.
    pub(super) sheet: &'a Sheet,
    /// Where the name is.
    pub(super) range: Range<usize>,
    /// Whether it is defined here.
    pub(super) is_definition: bool,
}

/// Returns what a place names, and where the name is written.
pub(super) fn target(asked: &Asked<'_>, offset: usize) -> Option<(Target, Range<usize>)> {
    let outline = &asked.outline;
    if let Some(Variable { name, range, .. }) = variable_at(outline, offset) {
        return Some((Target::Variable(name), range));
    }
    let is_at = |range: &Range<usize>| range.start <= offset + 1 && offset <= range.end;
    let anchors = outline.anchors().iter().map(|anchor| anchor.name.clone());
    let mut names = anchors.chain(outline.aliases().map(|(_, name)| name));
    if let Some(range) = names.find(is_at) {
        return Some((Target::Anchor(outline.text().get(range.clone())?.to_owned()), range));
    }
    let mention = mention_at(outline, offset)?;
    let sheet = asked.analysis.sheet(asked.path);
    let target = target_of(&asked.analysis, asked.path, sheet.is_none_or(|sheet| sheet.is_part), &mention);
    Some((target, mention.range))
}

fn target_of(analysis: &Analysis, path: &Path, is_part: bool, mention: &Mention) -> Target {
    let file = match &mention.file {
        Some(file) => {
            let base = analysis.file(path).map_or(Path::new("/"), |file| &file.base);
            Some(PathBuf::from(absolute_path(file, base, None)))
        }
        None => (!is_part).then(|| path.to_path_buf()),
    };
    // A file may extend services of a file that is a part of the project.
    let is_own = |file: &PathBuf| analysis.sheet(file).is_none_or(|sheet| !sheet.is_part);
    Target::Name { kind: mention.kind, name: mention.name.clone(), file: file.filter(is_own) }
}

/// Returns all places of a target in the compose files of a project.
pub(super) fn places<'a>(analysis: &'a Analysis, target: &Target, path: &Path) -> Vec<Place<'a>> {
    let of_sheet = |sheet: &'a Sheet| {
        let found: Vec<(Range<usize>, bool)> = match target {
            Target::Name { kind, name, .. } => sheet
                .mentions
                .iter()
                .filter(|mention| mention.kind == *kind && mention.name == *name)
                .filter(|mention| target_of(analysis, &sheet.path, sheet.is_part, mention) == *target)
                .map(|mention| (mention.range.clone(), mention.is_definition))
                .collect(),
            Target::Anchor(name) if sheet.path == path => anchor_places(&sheet.outline, name),
            Target::Anchor(_) => Vec::new(),
            Target::Variable(name) => variables(&sheet.outline)
                .into_iter()
                .filter(|variable| variable.name == *name)
                .map(|variable| (variable.range, false))
                .collect(),
        };
        found.into_iter().map(move |(range, is_definition)| Place { sheet, range, is_definition })
    };
    analysis.sheets().iter().flat_map(of_sheet).collect()
}

fn anchor_places(outline: &Outline, name: &str) -> Vec<(Range<usize>, bool)> {
    let is_it = |range: &Range<usize>| outline.text().get(range.clone()) == Some(name);
    let anchors = outline.anchors().iter().map(|anchor| (anchor.name.clone(), true));
    let aliases = outline.aliases().map(|(_, name)| (name, false));
    let mut places: Vec<_> = anchors.chain(aliases).filter(|(range, _)| is_it(range)).collect();
    places.sort_by_key(|(range, _)| range.start);
    places
}

/// Returns where the variable at a place is set, if that is in an env file that counts there.
fn set_at(asked: &Asked<'_>, name: &str, written: &Range<usize>) -> Option<Location> {
    let Analysis { loaded, .. } = &*asked.analysis;
    let span = || {
        let file = asked.analysis.file(asked.path).filter(|file| file.text == asked.document.text)?;
        let (entry, _) = asked.outline.at(written.start)?;
        Some(file.span(asked.outline.entries()[entry].value.clone()))
    };
    let traced = || {
        let variables = loaded.trace.as_ref()?.variables(span()?);
        let known = variables.iter().find(|variable| variable.name == name)?;
        known.value.as_ref().map(|(_, origin)| *origin)
    };
    let origin = traced().or_else(|| Some(loaded.environment.find(name, &asked.view())?.1))?;
    Places::new(&asked.analysis, asked.documents, asked.encoding).location(origin.span()?)
}

/// Returns where what a place names is defined.
pub(super) fn definition(asked: &Asked<'_>, position: Position) -> Vec<Location> {
    let offset = asked.offset(position);
    let sheet = asked.analysis.sheet(asked.path);
    let is_at = |range: &Range<usize>| range.start <= offset && offset <= range.end;
    if let Some(link) = sheet.and_then(|sheet| sheet.links.iter().find(|link| is_at(&link.range))) {
        let uri = asked.uri(&link.path).filter(|_| asked.view().is_file(&link.path));
        return uri.map(|uri| Location { uri, range: lsp_types::Range::default() }).into_iter().collect();
    }
    let Some((target, range)) = target(asked, offset) else { return Vec::new() };
    if let Target::Variable(name) = &target {
        return set_at(asked, name, &range).into_iter().collect();
    }
    let places = places(&asked.analysis, &target, asked.path);
    let mut defined: Vec<&Place<'_>> = places.iter().filter(|place| place.is_definition).collect();
    if matches!(target, Target::Anchor(_)) {
        // An anchor may be set again: the last one before counts.
        let before = defined.iter().rposition(|place| place.range.start <= range.start);
        defined = defined.get(before.unwrap_or(0)).copied().into_iter().collect();
    }
    defined.iter().filter_map(|place| asked.location(place.sheet, &place.range)).collect()
}

/// Returns where what a place names is used, and where it is defined if that is asked for.
pub(super) fn references(asked: &Asked<'_>, position: Position, with_definitions: bool) -> Vec<Location> {
    let Some((target, range)) = target(asked, asked.offset(position)) else { return Vec::new() };
    let mut found: Vec<Location> = match &target {
        Target::Variable(name) if with_definitions => set_at(asked, name, &range).into_iter().collect(),
        _ => Vec::new(),
    };
    let wanted = everywhere(asked, &target).into_iter();
    found.extend(
        wanted.filter(|(_, is_definition)| with_definitions || !is_definition).map(|(place, _)| place),
    );
    found
}

/// Returns all places of a target in all projects of the file, and whether it is defined there.
pub(super) fn everywhere(asked: &Asked<'_>, target: &Target) -> Vec<(Location, bool)> {
    let mut found: Vec<(Location, bool)> = Vec::new();
    for analysis in std::iter::once(&asked.analysis).chain(&asked.others) {
        for place in places(analysis, target, asked.path) {
            let location =
                asked.location(place.sheet, &place.range).map(|location| (location, place.is_definition));
            found.extend(location.filter(|place| !found.contains(place)));
        }
    }
    found
}

/// Returns where in the file what a place names is written.
pub(super) fn highlights(asked: &Asked<'_>, position: Position) -> Vec<DocumentHighlight> {
    let Some((target, _)) = target(asked, asked.offset(position)) else { return Vec::new() };
    let places = places(&asked.analysis, &target, asked.path);
    let here = places.iter().filter(|place| place.sheet.path == asked.path);
    let highlight = |place: &Place<'_>| DocumentHighlight {
        range: asked.range(&place.range),
        kind: Some(match place.is_definition {
            true => DocumentHighlightKind::WRITE,
            false => DocumentHighlightKind::READ,
        }),
    };
    here.map(highlight).collect()
}

/// Returns the words that name files which are there.
pub(super) fn document_links(asked: &Asked<'_>) -> Vec<DocumentLink> {
    let view = asked.view();
    let links = asked.analysis.sheet(asked.path).into_iter().flat_map(|sheet| &sheet.links);
    let is_there = |path: &Path| view.is_file(path);
    links
        .filter(|link| is_there(&link.path))
        .map(|link| DocumentLink {
            range: asked.range(&link.range),
            target: asked.uri(&link.path),
            tooltip: None,
            data: None,
        })
        .collect()
}
