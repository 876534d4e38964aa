//! The texts that are open in the editor, which win over those on disk.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Uri};
use url::Url;

use super::outline::Outline;
use super::position::{Encoding, Lines};
use crate::load::{World, is_handed_over};

/// A text that is open.
#[derive(Debug)]
pub(super) struct Document {
    /// How the editor names it.
    pub(super) uri: Uri,
    /// What the editor calls its language.
    pub(super) language: String,
    /// Which of its texts the editor sent last.
    pub(super) version: i32,
    /// The text.
    pub(super) text: String,
    /// Its lines.
    pub(super) lines: Lines,
    outline: OnceCell<Rc<Outline>>,
}

impl Document {
    /// Makes one as it was opened.
    pub(super) fn new(opened: TextDocumentItem, encoding: Encoding) -> Self {
        let TextDocumentItem { uri, language_id: language, version, text } = opened;
        let lines = Lines::new(&text, encoding);
        Self { uri, language, version, text, lines, outline: OnceCell::new() }
    }

    /// Returns its outline.
    pub(super) fn outline(&self) -> Rc<Outline> {
        Rc::clone(self.outline.get_or_init(|| Rc::new(Outline::read(&self.text))))
    }

    /// Returns how its lines end.
    pub(super) fn line_break(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Makes the changes, in order; one without a range replaces the whole text.
    pub(super) fn change(&mut self, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
        for TextDocumentContentChangeEvent { range, text, .. } in changes {
            match range {
                None => self.text = text,
                Some(range) => {
                    let start = self.lines.offset(&self.text, range.start);
                    let end = self.lines.offset(&self.text, range.end).max(start);
                    self.text.replace_range(start..end, &text);
                }
            }
            self.lines = Lines::new(&self.text, encoding);
        }
        self.outline = OnceCell::new();
    }
}

/// The texts that are open, by path.
#[derive(Debug, Default)]
pub(super) struct Documents(BTreeMap<PathBuf, Document>);

impl Documents {
    /// Adds one, or replaces the one of the same path.
    pub(super) fn open(&mut self, path: PathBuf, document: Document) {
        self.0.insert(path, document);
    }

    /// Removes one.
    pub(super) fn close(&mut self, path: &Path) {
        self.0.remove(path);
    }

    /// Returns one.
    pub(super) fn get(&self, path: &Path) -> Option<&Document> {
        self.0.get(path)
    }

    /// Returns one, to change it.
    pub(super) fn get_mut(&mut self, path: &Path) -> Option<&mut Document> {
        self.0.get_mut(path)
    }

    /// Returns all paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }
}

/// The world as the editor has it, seen from a directory.
pub(super) struct View<'a> {
    /// What lies on disk.
    pub(super) disk: &'a dyn World,
    /// What is open.
    pub(super) documents: &'a Documents,
    /// The directory.
    pub(super) directory: PathBuf,
}

impl World for View<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.documents.get(path) {
            Some(document) => Ok(document.text.clone().into_bytes()),
            // By another name, it is the pipe that the protocol goes through.
            None if is_handed_over(path) => Err(io::ErrorKind::Unsupported.into()),
            None => self.disk.read(path),
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        self.documents.get(path).is_some() || self.disk.is_file(path)
    }

    fn files_in(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.files_in(directory)
    }

    /// The protocol goes through standard input.
    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.disk.var(name)
    }

    fn vars(&self) -> BTreeMap<String, String> {
        self.disk.vars()
    }

    fn cwd(&self) -> PathBuf {
        self.directory.clone()
    }
}

/// Returns the path that a URI names, if it names a file.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    let path = Url::parse(uri.as_str()).ok()?.to_file_path().ok()?;
    Some(PathBuf::from(crate::model::attribute::clean(&path)))
}

/// Returns the URI of a path; that of an open document is written as the editor writes it.
pub(super) fn uri_of(path: &Path, documents: &Documents) -> Option<Uri> {
    if let Some(document) = documents.get(path) {
        return Some(document.uri.clone());
    }
    Url::from_file_path(path).ok()?.as_str().parse().ok()
}
