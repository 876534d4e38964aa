//! What a request is about: a file that is open, a place in it, and the project it belongs to.

use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use lsp_types::{Location, Position, Uri};

use super::analysis::{Analysis, Sheet};
use super::documents::{Document, Documents, View, uri_of};
use super::outline::Outline;
use super::position::Encoding;
use crate::load::World;

/// What a request is about.
pub(super) struct Asked<'a> {
    /// The file.
    pub(super) path: &'a Path,
    /// Its text.
    pub(super) document: &'a Document,
    /// What it looks like.
    pub(super) outline: Rc<Outline>,
    /// Its project.
    pub(super) analysis: Rc<Analysis>,
    /// Its further projects, where the request is about all of them: a file may be overridden in several ways.
    pub(super) others: Vec<Rc<Analysis>>,
    /// Its project when it last was YAML.
    pub(super) good: Rc<Analysis>,
    /// All that is open.
    pub(super) documents: &'a Documents,
    /// What lies on disk.
    pub(super) disk: &'a dyn World,
    /// What columns are counted in.
    pub(super) encoding: Encoding,
}

impl Asked<'_> {
    /// Returns the byte at a position.
    pub(super) fn offset(&self, position: Position) -> usize {
        self.document.lines.offset(&self.document.text, position)
    }

    /// Returns the place of bytes of the file.
    pub(super) fn range(&self, range: &Range<usize>) -> lsp_types::Range {
        self.document.lines.range(&self.document.text, range)
    }

    /// Returns the place of bytes of another file.
    pub(super) fn location(&self, sheet: &Sheet, range: &Range<usize>) -> Option<Location> {
        let range = sheet.lines.range(sheet.outline.text(), range);
        Some(Location { uri: self.uri(&sheet.path)?, range })
    }

    /// Returns the URI of a file.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        uri_of(path, self.documents)
    }

    /// Returns the world as the editor has it, seen from the project's directory.
    pub(super) fn view(&self) -> View<'_> {
        let directory = self.analysis.loaded.directory.clone();
        View { disk: self.disk, documents: self.documents, directory }
    }
}
