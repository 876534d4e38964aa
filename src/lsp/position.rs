//! Places as editors count them: lines, and in a line UTF-16 units, or bytes if both sides agree on that.

use std::ops::Range;

use lsp_types::{Position, PositionEncodingKind};

/// What columns are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// What the protocol asks for where nothing else is agreed on.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    /// Chooses the cheapest of those that a client offers.
    pub(super) fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Self {
        let offers = |kind: &PositionEncodingKind| offered.is_some_and(|offered| offered.contains(kind));
        match () {
            () if offers(&PositionEncodingKind::UTF8) => Self::Utf8,
            () if offers(&PositionEncodingKind::UTF16) => Self::Utf16,
            () if offers(&PositionEncodingKind::UTF32) => Self::Utf32,
            () => Self::Utf16,
        }
    }

    /// The protocol's word for it.
    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
            Self::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn width(self, one: char) -> usize {
        match self {
            Self::Utf8 => one.len_utf8(),
            Self::Utf16 => one.len_utf16(),
            Self::Utf32 => 1,
        }
    }
}

/// Where the lines of a text start. A line ends with `\n`, `\r\n` or `\r`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    starts: Vec<usize>,
    encoding: Encoding,
}

impl Lines {
    /// Finds the lines of a text.
    pub(super) fn new(text: &str, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: usize| match bytes[at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(|at| ends(*at)).map(|at| at + 1));
        Self { starts: starts.collect(), encoding }
    }

    /// Returns a line of the text without its end.
    fn line<'t>(&self, text: &'t str, line: usize) -> &'t str {
        let start = self.starts[line];
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        text.get(start..end).unwrap_or("").trim_end_matches(['\r', '\n'])
    }

    /// Returns the byte at a position; one behind the end of a line is that end, one in the midst of a character is its
    /// start.
    pub(super) fn offset(&self, text: &str, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line) else { return text.len() };
        let mut left = position.character as usize;
        let content = self.line(text, line);
        for (at, one) in content.char_indices() {
            let width = self.encoding.width(one);
            if left < width {
                return start + at;
            }
            left -= width;
        }
        start + content.len()
    }

    /// Returns the position of a byte.
    pub(super) fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts[line];
        let content = self.line(text, line);
        let length = offset.saturating_sub(start).min(content.len());
        let before = content.char_indices().take_while(|(at, _)| *at < length);
        let character = before.map(|(_, one)| self.encoding.width(one)).sum::<usize>();
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position::new(narrow(line), narrow(character))
    }

    /// Returns the positions of a range of bytes.
    pub(super) fn range(&self, text: &str, range: &Range<usize>) -> lsp_types::Range {
        lsp_types::Range::new(self.position(text, range.start), self.position(text, range.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_agreed() {
        let text = "a: \u{1f433}ä\r\nb\rc\n";
        for (encoding, column) in [(Encoding::Utf8, 9), (Encoding::Utf16, 6), (Encoding::Utf32, 5)] {
            let lines = Lines::new(text, encoding);
            let end = text.find('\r').expect("there is one");
            assert_eq!(lines.position(text, end), Position::new(0, column));
            assert_eq!(lines.offset(text, Position::new(0, column)), end);
            assert_eq!(lines.offset(text, Position::new(0, 99)), end);
            assert_eq!(lines.offset(text, Position::new(2, 1)), text.len() - 1);
            assert_eq!(lines.position(text, text.len()), Position::new(3, 0));
            assert_eq!(lines.offset(text, Position::new(9, 0)), text.len());
        }
        // In the midst of the whale.
        assert_eq!(Lines::new(text, Encoding::Utf16).offset(text, Position::new(0, 4)), 3);
    }

    #[test]
    fn bytes_are_preferred_and_utf_16_is_the_default() {
        let offered = [PositionEncodingKind::UTF16, PositionEncodingKind::UTF8];
        assert_eq!(Encoding::negotiate(Some(&offered)), Encoding::Utf8);
        assert_eq!(Encoding::negotiate(None), Encoding::Utf16);
    }
}
