//! `${VARIABLE}` in values: the grammar, and the pass over a tree.
//!
//! See <https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md>.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Environment, Origin, World};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Ingredient};
use crate::source::{SourceMap, Span};
use crate::yaml::{Node, Value};

/// More nested defaults than this bound the recursion.
const DEPTH_LIMIT: usize = 100;
/// Values longer than this together can only come from values that multiply.
const EXPANSION_LIMIT: usize = 64 << 20;

/// What is wrong with a template, and at which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A phrase for the label.
    pub why: String,
    /// How to mend it.
    pub help: String,
    /// The bytes of the template.
    pub range: Range<usize>,
}

/// A variable that a template refers to, and at which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The variable.
    pub name: String,
    /// Its value; `None` where it is set nowhere and has no default.
    pub value: Option<String>,
    /// The bytes of the template.
    pub range: Range<usize>,
}

/// What [`substitute`] found out beside the text. One of these serves a whole file.
#[derive(Debug, Default)]
pub struct Used {
    /// The variables whose value, or lack of one, is in the text.
    pub mentions: Vec<Mention>,
    /// How many bytes all values that were put in have.
    bytes: usize,
}

/// Replaces the variables in `template`; `lookup` gives their values.
pub fn substitute(
    template: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    used: &mut Used,
) -> Result<String, Fault> {
    Substitution { lookup, used, depth: 0 }.text(template, 0)
}

struct Substitution<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    used: &'a mut Used,
    depth: usize,
}

impl Substitution<'_> {
    /// Replaces the variables in a template that starts at byte `base` of the outermost one.
    fn text(&mut self, template: &str, base: usize) -> Result<String, Fault> {
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
                    range: base + dollar..base + template.len(),
                })?;
                at = dollar + 1 + end + 1;
                text.push_str(&self.braced(&rest[1..end], base + dollar..base + at)?);
            } else {
                let name = &rest[..name_length(rest)];
                at = dollar + 1 + name.len();
                if name.is_empty() {
                    text.push('$');
                } else {
                    text.push_str(&self.plain(name, base + dollar + 1)?);
                }
            }
        }
        text.push_str(&template[at..]);
        Ok(text)
    }

    fn plain(&mut self, name: &str, at: usize) -> Result<String, Fault> {
        let value = (self.lookup)(name);
        let range = at..at + name.len();
        self.used.mentions.push(Mention {
            name: name.to_owned(),
            value: value.clone(),
            range: range.clone(),
        });
        self.bounded(value.unwrap_or_default(), range)
    }

    /// Values that refer to values multiply, as aliases do.
    fn bounded(&mut self, value: String, range: Range<usize>) -> Result<String, Fault> {
        self.used.bytes += value.len();
        if self.used.bytes <= EXPANSION_LIMIT {
            return Ok(value);
        }
        let why = format!("the values that the file takes have more than {} MiB", EXPANSION_LIMIT >> 20);
        Err(Fault { why, help: "use shorter values, or fewer of them".to_owned(), range })
    }

    /// Reads what stands between braces: `NAME`, or `NAME`, an operator and a word.
    fn braced(&mut self, inside: &str, range: Range<usize>) -> Result<String, Fault> {
        let (name, rest) = inside.split_at(name_length(inside));
        if name.is_empty() {
            let help =
                "write a name of letters, digits and `_` after `${`, or `$$` for a dollar sign".to_owned();
            return Err(Fault { why: "the name of the variable is missing".to_owned(), help, range });
        }
        let name_at = range.start + 2;
        if rest.is_empty() {
            return self.plain(name, name_at);
        }
        let value = (self.lookup)(name);
        let filled = value.clone().filter(|value| !value.is_empty());
        let (value, word, operator) = match rest.as_bytes() {
            [b':', operator @ (b'-' | b'+' | b'?'), ..] => (filled, &rest[2..], *operator),
            [operator @ (b'-' | b'+' | b'?'), ..] => (value, &rest[1..], *operator),
            _ => {
                let rest: String = rest.chars().take(20).collect();
                return Err(Fault {
                    why: format!("`{rest}` is none of `:-`, `-`, `:+`, `+`, `:?`, `?`"),
                    help: format!("write `${{{name}}}`, or `${{{name}:-default}}`"),
                    range,
                });
            }
        };
        // The word ends right before the closing brace.
        let word_at = range.end - 1 - word.len();
        match (operator, value) {
            (b'-' | b'?', Some(value)) => {
                let name_range = name_at..name_at + name.len();
                let mention =
                    Mention { name: name.to_owned(), value: Some(value.clone()), range: name_range.clone() };
                self.used.mentions.push(mention);
                self.bounded(value, name_range)
            }
            (b'-', None) | (b'+', Some(_)) => self.nested(word, word_at, range),
            (b'+', None) => Ok(String::new()),
            (_, _) => {
                let message = self.nested(word, word_at, range.clone()).unwrap_or_else(|_| word.to_owned());
                let why = if message.is_empty() {
                    format!("the required variable `{name}` has no value")
                } else {
                    format!("the required variable `{name}` has no value: {message}")
                };
                Err(Fault { why, help: format!("set `{name}` in the shell or in the `.env` file"), range })
            }
        }
    }

    fn nested(&mut self, word: &str, at: usize, range: Range<usize>) -> Result<String, Fault> {
        if self.depth == DEPTH_LIMIT {
            let why = format!("variables are nested more than {DEPTH_LIMIT} deep");
            return Err(Fault { why, help: "give the variable a shorter default".to_owned(), range });
        }
        self.depth += 1;
        let result = self.text(word, at);
        self.depth -= 1;
        result
    }
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
        Value::Text(text) => references_of(text, found, 0),
        Value::List(list) => list.iter().for_each(|item| references(item, found)),
        Value::Map(map) => map.values().for_each(|entry| references(&entry.node, found)),
        _ => {}
    }
}

fn references_of(template: &str, found: &mut BTreeMap<String, Reference>, depth: usize) {
    let mut rest = template;
    while let Some(dollar) = rest.find('$') {
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        if !rest.starts_with('{') {
            let (name, after) = rest.split_at(name_length(rest));
            if !name.is_empty() {
                found.entry(name.to_owned()).or_default();
            }
            rest = after;
            continue;
        }
        // What is not closed is a mistake, and nothing after it can be told.
        let Some(end) = closing_brace(rest) else { return };
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
        if depth < DEPTH_LIMIT {
            references_of(word, found, depth + 1);
        }
    }
}

/// Replaces the variables in all values of a tree, not in its keys.
pub fn interpolate(
    node: &mut Node,
    environment: &Environment,
    world: &dyn World,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) {
    Pass { environment, world, sources, diagnostics, used: Used::default() }.node(node);
}

struct Pass<'a> {
    environment: &'a Environment,
    world: &'a dyn World,
    sources: &'a SourceMap,
    diagnostics: &'a mut Diagnostics,
    used: Used,
}

impl Pass<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Text(text) if text.contains('$') => self.text(text, node.span),
            Value::List(list) => list.iter_mut().for_each(|item| self.node(item)),
            Value::Map(map) => map.values_mut().for_each(|entry| self.node(&mut entry.node)),
            _ => {}
        }
    }

    fn text(&mut self, text: &mut String, span: Span) {
        let lookup = |name: &str| self.environment.get(name, self.world);
        let result = substitute(text, &lookup, &mut self.used);
        let mentions = std::mem::take(&mut self.used.mentions);
        if result.is_ok() && mentions.is_empty() {
            *text = result.unwrap_or_default();
            return;
        }
        // Escapes and folded lines shift the text; the label is then the whole value.
        let written = self.sources.text(span).find(text.as_str());
        let place =
            |range: &Range<usize>| written.map_or(span, |at| span.slice(at + range.start, at + range.end));
        for Mention { name, value, range } in mentions {
            match value {
                None => self.diagnostics.push(unset_variable(&name, place(&range))),
                Some(value) => {
                    let (set_at, set_by) = match self.environment.find(&name, self.world) {
                        Some((_, Origin::EnvFile(span))) => (Some(span), ""),
                        Some((_, Origin::Project)) => (None, "by the project's name"),
                        _ => (None, "in the shell"),
                    };
                    let used_at = place(&range);
                    self.diagnostics.remember(span, Ingredient { name, value, used_at, set_at, set_by });
                }
            }
        }
        match result {
            Ok(replaced) => *text = replaced,
            Err(fault) => self.diagnostics.push(
                Diagnostic::error(Code::Interpolation, "a variable cannot be replaced")
                    .label(place(&fault.range), fault.why)
                    .help(fault.help),
            ),
        }
    }
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
