//! `${VARIABLE}` in values: the grammar, and the pass over a tree.
//!
//! See <https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md>.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{SourceMap, Span};
use crate::yaml::{Node, Value};

/// What is wrong with a template, and at which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A phrase for the label.
    pub why: String,
    /// How to mend it.
    pub help: String,
    /// The bytes of the template.
    pub range: std::ops::Range<usize>,
}

/// What [`substitute`] found out beside the text.
#[derive(Debug, Default)]
pub struct Used {
    /// Variables that are set nowhere and have no default.
    pub unset: Vec<String>,
}

/// Replaces the variables in `template`; `lookup` gives their values.
pub fn substitute(
    template: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    used: &mut Used,
) -> Result<String, Fault> {
    let mut text = String::with_capacity(template.len());
    let mut at = 0;
    while let Some(dollar) = template[at..].find('$').map(|found| found + at) {
        text.push_str(&template[at..dollar]);
        let rest = &template[dollar + 1..];
        if rest.starts_with('$') {
            text.push('$');
            at = dollar + 2;
        } else if rest.starts_with('{') {
            let end = closing_brace(rest).ok_or_else(|| Fault {
                why: "this brace is not closed".to_owned(),
                help: "close it with `}`, or write `$$` for a dollar sign".to_owned(),
                range: dollar..template.len(),
            })?;
            at = dollar + 1 + end + 1;
            text.push_str(&braced(&rest[1..end], dollar..at, lookup, used)?);
        } else {
            let name = &rest[..name_length(rest)];
            at = dollar + 1 + name.len();
            if name.is_empty() {
                text.push('$');
            } else {
                text.push_str(&plain(name, lookup, used));
            }
        }
    }
    text.push_str(&template[at..]);
    Ok(text)
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(text.len())
}

/// Returns where the brace that opens `text` is closed.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0;
    text.bytes().position(|byte| {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        open == 0
    })
}

fn plain(name: &str, lookup: &dyn Fn(&str) -> Option<String>, used: &mut Used) -> String {
    lookup(name).unwrap_or_else(|| {
        used.unset.push(name.to_owned());
        String::new()
    })
}

/// Reads what stands between braces: `NAME`, or `NAME`, an operator and a word.
fn braced(
    inside: &str,
    range: std::ops::Range<usize>,
    lookup: &dyn Fn(&str) -> Option<String>,
    used: &mut Used,
) -> Result<String, Fault> {
    let (name, rest) = inside.split_at(name_length(inside));
    if name.is_empty() {
        let help = "write a name of letters, digits and `_` after `${`, or `$$` for a dollar sign".to_owned();
        return Err(Fault { why: "the name of the variable is missing".to_owned(), help, range });
    }
    let value = lookup(name);
    let filled = value.clone().filter(|value| !value.is_empty());
    let (value, word, operator) = match rest.as_bytes() {
        [] => return Ok(plain(name, lookup, used)),
        [b':', operator @ (b'-' | b'+' | b'?'), ..] => (filled, &rest[2..], *operator),
        [operator @ (b'-' | b'+' | b'?'), ..] => (value, &rest[1..], *operator),
        _ => {
            return Err(Fault {
                why: format!("`{rest}` is none of `:-`, `-`, `:+`, `+`, `:?`, `?`"),
                help: format!("write `${{{name}}}`, or `${{{name}:-default}}`"),
                range,
            });
        }
    };
    match (operator, value) {
        (b'-' | b'?', Some(value)) => Ok(value),
        (b'-', None) | (b'+', Some(_)) => {
            substitute(word, lookup, used).map_err(|fault| Fault { range, ..fault })
        }
        (b'+', None) => Ok(String::new()),
        (_, _) => {
            let message = substitute(word, lookup, used).unwrap_or_else(|_| word.to_owned());
            let why = if message.is_empty() {
                format!("the required variable `{name}` has no value")
            } else {
                format!("the required variable `{name}` has no value: {message}")
            };
            Err(Fault { why, help: format!("set `{name}` in the shell or in the `.env` file"), range })
        }
    }
}

/// A variable that a value refers to, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// What stands for it where it has no value: `${NAME:-this}`.
    pub default: String,
    /// What stands for it where it has one: `${NAME:+this}`.
    pub alternative: String,
    /// Whether it must have a value: `${NAME:?}`.
    pub required: bool,
}

/// Finds the variables that the values of a tree refer to; of several references to one, the first that says
/// more than the name counts.
pub fn references(node: &Node, found: &mut BTreeMap<String, Reference>) {
    match &node.value {
        Value::Text(text) => references_of(text, found),
        Value::List(list) => list.iter().for_each(|item| references(item, found)),
        Value::Map(map) => map.values().for_each(|entry| references(&entry.node, found)),
        _ => {}
    }
}

fn references_of(template: &str, found: &mut BTreeMap<String, Reference>) {
    let mut rest = template;
    while let Some(dollar) = rest.find('$') {
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let Some(end) = rest.starts_with('{').then(|| closing_brace(rest)).flatten() else {
            let (name, after) = rest.split_at(name_length(rest));
            if !name.is_empty() {
                found.entry(name.to_owned()).or_default();
            }
            rest = after;
            continue;
        };
        let inside = &rest[1..end];
        rest = &rest[end + 1..];
        let (name, tail) = inside.split_at(name_length(inside));
        let tail = tail.strip_prefix(':').unwrap_or(tail);
        let mut characters = tail.chars();
        let (operator, word) = (characters.next(), characters.as_str());
        let reference = match operator {
            Some('-') => Reference { default: word.to_owned(), ..Reference::default() },
            Some('+') => Reference { alternative: word.to_owned(), ..Reference::default() },
            Some('?') => Reference { required: true, ..Reference::default() },
            _ => Reference::default(),
        };
        if !name.is_empty() {
            let known = found.entry(name.to_owned()).or_default();
            if *known == Reference::default() {
                *known = reference;
            }
        }
        references_of(word, found);
    }
}

/// Replaces the variables in all values of a tree, not in its keys.
pub fn interpolate(
    node: &mut Node,
    lookup: &dyn Fn(&str) -> Option<String>,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => {
            let mut used = Used::default();
            let result = substitute(text, lookup, &mut used);
            // Escapes and folded lines shift the text; the label is then the whole value.
            let written = sources.text(node.span).find(text.as_str());
            let place = |range: std::ops::Range<usize>| {
                written.map_or(node.span, |at| node.span.slice(at + range.start, at + range.end))
            };
            if let Err(fault) = &result {
                diagnostics.push(
                    Diagnostic::error(Code::Interpolation, "a variable cannot be replaced")
                        .label(place(fault.range.clone()), &fault.why)
                        .help(&fault.help),
                );
            }
            for name in used.unset {
                let range = mention(text, &name).unwrap_or(0..text.len());
                diagnostics.push(unset_variable(&name, place(range)));
            }
            if let Ok(replaced) = result {
                *text = replaced.into();
            }
        }
        Value::List(list) => {
            list.iter_mut().for_each(|item| interpolate(item, lookup, sources, diagnostics));
        }
        Value::Map(map) => {
            map.values_mut().for_each(|entry| interpolate(&mut entry.node, lookup, sources, diagnostics));
        }
        _ => {}
    }
}

/// Returns where a template mentions a variable: `$NAME` or `${NAME`.
fn mention(template: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let found = template.match_indices(name).find(|(at, _)| {
        let (before, after) = (&template[..*at], &template[at + name.len()..]);
        (before.ends_with('$') || before.ends_with("${")) && name_length(after) == 0
    });
    found.map(|(at, _)| at..at + name.len())
}

fn unset_variable(name: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(Code::UnsetVariable, format!("variable `{name}` is not set"))
        .label(span, "read as the empty string")
        .help(format!("set it, or write `${{{name}:-}}` if it may be empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str) -> String {
        let lookup = |name: &str| match name {
            "SET" => Some("val".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOL" => Some("x$y".to_owned()),
            _ => None,
        };
        substitute(template, &lookup, &mut Used::default())
            .unwrap_or_else(|fault| format!("error: {}", fault.why))
    }

    #[test]
    fn all_forms() {
        for (template, expected) in [
            ("$SET ${SET} $$SET", "val val $SET"),
            ("${UNSET:-d} ${EMPTY:-d} ${EMPTY-d} ${UNSET-d}", "d d  d"),
            ("${SET:+x}${EMPTY:+x}${EMPTY+y}${UNSET+x}", "xy"),
            ("${UNSET:-${SET}} ${UNSET:-$SET} ${UNSET-${EMPTY:-z}}", "val val z"),
            ("${DOL}", "x$y"),
            ("$ $1 $(cmd) 50%$$", "$ $1 $(cmd) 50%$"),
            ("${UNSET:-http://h:80/p?q=1&r={2}}", "http://h:80/p?q=1&r={2}"),
            ("${UNSET:-}}", "}"),
            ("${EMPTY?ok}", ""),
            ("${UNSET?need ${SET}}", "error: the required variable `UNSET` has no value: need val"),
            ("${}", "error: the name of the variable is missing"),
            ("${SET.x}", "error: `.x` is none of `:-`, `-`, `:+`, `+`, `:?`, `?`"),
            ("${SET:-x", "error: this brace is not closed"),
            ("${UNSET:-${SET}", "error: this brace is not closed"),
        ] {
            assert_eq!(check(template), expected, "{template}");
        }
    }
}
