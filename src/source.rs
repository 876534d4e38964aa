//! Room 0: every file that was read, in one address space, so that a place in any of them is eight bytes.
//!
//! Nothing here reads a disk: [`crate::load`] hands the texts over.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// More text than this is no project: files may include others without end. It is below 4 GiB, so that a place is
/// eight bytes.
pub const SIZE_LIMIT: u32 = 512 << 20;

/// A longer line is shown in part.
const LINE_LIMIT: usize = 400;

/// A range of bytes in a [`SourceMap`]. It lies within one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Returns the part of this span from byte `from` to byte `to`, both counted from its start.
    pub fn slice(self, from: usize, to: usize) -> Self {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).min(self.length);
        let (from, to) = (clamp(from), clamp(to));
        Self { start: self.start + from, length: to.saturating_sub(from) }
    }

    /// Returns the empty span right behind this one.
    #[must_use]
    pub fn end(self) -> Self {
        Self { start: self.start + self.length, length: 0 }
    }

    /// Returns whether `other` lies within this span.
    pub fn holds(self, other: Self) -> bool {
        self.start <= other.start && other.start + other.length <= self.start + self.length
    }

    /// Returns the greatest span, in order, that starts where this one does.
    pub(crate) fn whole_after(self) -> Self {
        Self { start: self.start, length: u32::MAX }
    }

    /// Returns this span, moved as far as it is from the start of `from` to the start of `to`; it starts at or behind `from`.
    #[must_use]
    pub(crate) fn moved(self, from: Self, to: Self) -> Self {
        Self { start: self.start - from.start + to.start, ..self }
    }

    /// Returns the bytes that this span covers, counted from the start of `whole`, which it lies in.
    pub(crate) fn range_in(self, whole: Self) -> std::ops::Range<usize> {
        let start = self.start.saturating_sub(whole.start) as usize;
        start..start + self.length as usize
    }

    /// Returns the smallest span that holds both; they must be in the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        let start = self.start.min(other.start);
        let end = (self.start + self.length).max(other.start + other.length);
        Self { start, length: end - start }
    }
}

impl From<Span> for SourceSpan {
    fn from(span: Span) -> Self {
        Self::new((span.start as usize).into(), span.length as usize)
    }
}

/// A value and the place it was written at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// A file that was read.
#[derive(Debug)]
pub struct SourceFile {
    /// The file as the user would name it, for messages.
    pub name: String,
    /// The absolute path; standard input has the working directory joined with `-`.
    pub path: PathBuf,
    /// The directory that relative paths in this file start from.
    pub base: PathBuf,
    /// What it holds.
    pub text: String,
    /// Whether that is all: bytes that are no text are replaced.
    pub is_text: bool,
    start: u32,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// Returns the span of `range`, in bytes of this file's text; what lies beyond its end is cut off.
    pub fn span(&self, range: std::ops::Range<usize>) -> Span {
        let end = range.end.min(self.text.len());
        let start = range.start.min(end);
        // A map holds no more than `SIZE_LIMIT`, so nothing saturates.
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: self.start + narrow(start), length: narrow(end - start) }
    }

    /// Returns what is written at `span`, which lies in this file.
    pub fn text_at(&self, span: Span) -> &str {
        self.text.get(self.range(span)).unwrap_or("")
    }

    /// Returns the bytes of this file's text that `span`, which lies in it, covers.
    pub fn range(&self, span: Span) -> std::ops::Range<usize> {
        span.range_in(self.span(0..0))
    }

    fn line_of(&self, at: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= at) - 1
    }
}

/// A place as people name it; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// The file, as the user would name it.
    pub file: &'a str,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// All files of one run.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    by_path: HashMap<PathBuf, usize>,
}

impl SourceMap {
    /// Adds a file and returns it; `None` when all files together would pass [`SIZE_LIMIT`].
    pub fn add(
        &mut self,
        name: String,
        path: PathBuf,
        base: PathBuf,
        text: String,
    ) -> Option<&mut SourceFile> {
        // One byte between files, so that an empty span at the end of one is not the start of the next.
        let start = self.files.last().map_or(0, |last| u64::from(last.start) + last.text.len() as u64 + 1);
        if start + text.len() as u64 > u64::from(SIZE_LIMIT) {
            return None;
        }
        let line_starts = std::iter::once(0)
            .chain(memchr_lines(&text))
            .map(|at| u32::try_from(at).unwrap_or(u32::MAX))
            .collect();
        let start = u32::try_from(start).ok()?;
        self.by_path.entry(path.clone()).or_insert(self.files.len());
        self.files.push(SourceFile { name, path, base, text, is_text: true, start, line_starts });
        self.files.last_mut()
    }

    /// Returns the files in the order they were read.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Returns the file of this path, the first if it was added more than once.
    pub fn find(&self, path: &Path) -> Option<&SourceFile> {
        self.files.get(*self.by_path.get(path)?)
    }

    /// Returns the file that `span` lies in; `None` only for a map without files.
    pub fn file(&self, span: Span) -> Option<&SourceFile> {
        let after = self.files.partition_point(|file| file.start <= span.start);
        self.files.get(after.checked_sub(1)?)
    }

    /// Returns the directory that a relative path written at `span` starts from.
    pub fn base(&self, span: Span) -> &Path {
        self.file(span).map_or(Path::new(""), |file| &file.base)
    }

    /// Returns what is written at `span`.
    pub fn text(&self, span: Span) -> &str {
        self.file(span).map_or("", |file| file.text_at(span))
    }

    /// Returns the part of `span` to point at: its first line, and not too much of that.
    pub(crate) fn shown(&self, span: Span) -> Span {
        let text = self.text(span);
        let line = text.lines().next().unwrap_or("").trim_end();
        let end = line.char_indices().nth(LINE_LIMIT / 4).map_or(line.len(), |(at, _)| at);
        span.slice(0, end)
    }

    /// Returns the file, line and column where `span` starts.
    pub fn locate(&self, span: Span) -> Option<Location<'_>> {
        let file = self.file(span)?;
        let at = span.start - file.start;
        let line = file.line_of(at);
        let line_start = file.line_starts[line] as usize;
        let column = file.text.get(line_start..at as usize).map_or(0, |before| before.chars().count()) + 1;
        Some(Location { file: &file.name, line: line + 1, column })
    }
}

fn memchr_lines(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1)
}

/// Lets miette show any place of any file. Hand-written because `NamedSource` scans the whole text for each
/// snippet, and because one report may have labels in several files: a span that crosses files is refused,
/// so miette keeps their snippets apart.
impl SourceCode for SourceMap {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = u32::try_from(span.offset()).map_err(|_| MietteError::OutOfBounds)?;
        let length = u32::try_from(span.len()).map_err(|_| MietteError::OutOfBounds)?;
        let file = self.file(Span { start, length }).ok_or(MietteError::OutOfBounds)?;
        let (from, to) = (start - file.start, start - file.start + length);
        if to as usize > file.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let first = file.line_of(from).saturating_sub(lines_before);
        let last = file.line_of(to) + lines_after;
        let mut shown_start = file.line_starts[first] as usize;
        let mut shown_end = file.line_starts.get(last + 1).map_or(file.text.len(), |next| *next as usize);
        let mut is_cut = false;
        if shown_end - shown_start > LINE_LIMIT * (2 + lines_before + lines_after) {
            // A line too long to be shown: some of it around the span. Two places far from each other are refused,
            // so that they are shown apart.
            if length as usize > LINE_LIMIT {
                return Err(MietteError::OutOfBounds);
            }
            let boundary = |mut at: usize| {
                while !file.text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            shown_start = shown_start.max(boundary((from as usize).saturating_sub(LINE_LIMIT / 4)));
            shown_end = shown_end.min(boundary((to as usize + LINE_LIMIT / 4).min(file.text.len())));
            is_cut = true;
        }
        let shown = &file.text.as_bytes()[shown_start..shown_end];
        let shown_span = SourceSpan::new((file.start as usize + shown_start).into(), shown.len());
        let column = if lines_before == 0 || is_cut { from as usize - shown_start } else { 0 };
        let lines = file.line_starts.len();
        Ok(Box::new(MietteSpanContents::new_named(
            file.name.clone(),
            shown,
            shown_span,
            file.line_of(u32::try_from(shown_start).unwrap_or(u32::MAX)),
            column,
            lines,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_files() -> SourceMap {
        let mut map = SourceMap::default();
        map.add("a.yaml".into(), "/p/a.yaml".into(), "/p".into(), "one\ntwo\n".into()).expect("small");
        map.add("b.yaml".into(), "/p/q/b.yaml".into(), "/p/q".into(), "größe: x".into()).expect("small");
        map
    }

    #[test]
    fn spans_know_their_file_and_line() {
        let map = two_files();
        let two = map.files()[0].span(4..7);
        assert_eq!(map.text(two), "two");
        assert_eq!(map.locate(two), Some(Location { file: "a.yaml", line: 2, column: 1 }));
        let x = map.files()[1].span(9..10);
        assert_eq!(map.text(x), "x");
        assert_eq!(map.locate(x), Some(Location { file: "b.yaml", line: 1, column: 8 }));
        assert_eq!(map.base(x), Path::new("/p/q"));
    }

    #[test]
    fn a_span_across_files_is_refused() {
        let map = two_files();
        let across = map.files()[0].span(4..7).to(map.files()[1].span(0..1));
        assert!(map.read_span(&across.into(), 0, 0).is_err());
    }

    #[test]
    fn an_empty_span_at_the_end_of_a_file_belongs_to_it() {
        let map = two_files();
        let end = map.files()[0].span(8..8);
        assert_eq!(map.locate(end), Some(Location { file: "a.yaml", line: 3, column: 1 }));
    }
}
