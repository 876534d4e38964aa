//! The variables in a file as it is written: `$NAME`, `${NAME}`, `${NAME:-default}`.

use std::ops::Range;

use super::outline::{Content, Outline};

/// A variable in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Where the name is written.
    pub(super) range: Range<usize>,
    /// The entry it is in.
    pub(super) entry: usize,
}

/// Returns all variables of a file.
pub(super) fn variables(outline: &Outline) -> Vec<Variable> {
    (0..outline.entries().len()).flat_map(|entry| variables_of(outline, entry)).collect()
}

/// Returns the variable at a place.
pub(super) fn variable_at(outline: &Outline, offset: usize) -> Option<Variable> {
    let (entry, is_key) = outline.at(offset)?;
    let is_at = |one: &Variable| one.range.start <= offset + 2 && offset <= one.range.end;
    variables_of(outline, entry).into_iter().filter(|_| !is_key).find(is_at)
}

fn variables_of(outline: &Outline, entry: usize) -> Vec<Variable> {
    let own = &outline.entries()[entry];
    let is_text = matches!(own.content, Content::Plain | Content::Quoted | Content::Lines);
    let text = outline.text().get(own.value.clone()).filter(|_| is_text).unwrap_or("");
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$') {
        let start = at + dollar + 1;
        if text[start..].starts_with('$') {
            at = start + 1;
            continue;
        }
        let start = start + usize::from(text[start..].starts_with('{'));
        let length = name_length(&text[start..]);
        if length > 0 {
            let range = own.value.start + start..own.value.start + start + length;
            found.push(Variable { name: text[start..start + length].to_owned(), range, entry });
        }
        at = start + length;
    }
    found
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    name_end(text, 0)
}

/// Returns where the name of a variable ends that `offset` is in.
pub(super) fn name_end(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or("");
    offset + rest.find(|one: char| !is_of_name(one)).unwrap_or(rest.len())
}

fn is_of_name(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '_'
}

/// Returns where the name of a variable is written that is being typed before `offset`.
pub(super) fn typed_before(text: &str, offset: usize) -> Option<Range<usize>> {
    let before = text.get(..offset)?;
    let start = before
        .rfind(|one: char| !is_of_name(one))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let lead = before[..start].strip_suffix('{').unwrap_or(&before[..start]);
    let dollars = lead.len() - lead.trim_end_matches('$').len();
    (dollars % 2 == 1).then_some(start..offset)
}
