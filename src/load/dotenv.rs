//! The dialect of `.env` files that docker compose reads.
//!
//! Hand-written: dotenvy refuses or misreads forms that people use, such as `A=two words`, a bare `A`, `A: x`,
//! a byte order mark and `${B:-default}`.

use std::ops::Range;

use indexmap::IndexMap;

use super::interpolate::{Used, substitute};

/// What is wrong with an env file, and at which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A phrase for the label.
    pub why: String,
    /// How to mend it.
    pub help: String,
    /// The bytes of the file.
    pub range: Range<usize>,
}

/// What a variable is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The value; `None` takes it from the environment.
    pub value: Option<String>,
    /// The bytes of the file that say so.
    pub range: Range<usize>,
}

/// Variables in the order they were written.
pub type Assignments = IndexMap<String, Assigned>;

/// What an env file says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The variables.
    pub found: Assignments,
    /// Variables that are used and set nowhere, and at which bytes of the file.
    pub unset: Vec<(String, Range<usize>)>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// Reads `KEY=value` lines with comments, `export`, quotes, several lines in quotes, and `${}` in values that
/// are not in single quotes. `lookup` is asked before the file's own earlier lines.
pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut used = Used::default();
    let mut at = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.is_empty() {
            return parsed;
        }
        let line_end = at + rest.find('\n').unwrap_or(rest.len());
        if rest.starts_with('#') {
            at = line_end;
            continue;
        }
        at = assignment(text, at, line_end, lookup, &mut used, &mut parsed).unwrap_or_else(|fault| {
            // The next line may be wrong, too.
            let next = line_end.max(fault.resume);
            parsed.faults.push(fault.fault);
            next
        });
    }
}

/// A fault, and where reading goes on.
struct Broken {
    fault: Fault,
    resume: usize,
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self { resume: fault.range.end, fault }
    }
}

/// Reads the assignment that starts at byte `at`, and returns where it ends.
fn assignment(
    text: &str,
    mut at: usize,
    line_end: usize,
    lookup: &dyn Fn(&str) -> Option<String>,
    used: &mut Used,
    parsed: &mut Parsed,
) -> Result<usize, Broken> {
    if let Some(after) = text[at..].strip_prefix("export").filter(|after| after.starts_with(is_blank)) {
        at = text.len() - after.trim_start_matches(is_blank).len();
    }
    let line = &text[at..line_end];
    let Some(sign) = line.find(['=', ':']) else {
        let key = key_of(line, at..line_end)?;
        let range = at..at + key.len();
        parsed.found.insert(key.to_owned(), Assigned { value: None, range });
        return Ok(line_end);
    };
    let key = key_of(&line[..sign], at..line_end)?.to_owned();
    let value_start = at + sign + 1;
    let value_start = value_start + leading_blanks(&text[value_start..]);
    let (value, end) = match text[value_start..].chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let Some((raw, end)) = quoted(text, value_start, quote) else {
                let range = value_start..line_end;
                let fault = Fault {
                    why: "this quote is not closed".to_owned(),
                    help: "close it, or leave the quotes out".to_owned(),
                    range,
                };
                return Err(Broken { fault, resume: text.len() });
            };
            let value = match quote {
                '"' => expand(&unescape(&raw), text, value_start..end, lookup, used, parsed)?,
                _ => raw,
            };
            (value, end)
        }
        _ => {
            let end = value_start.max(line_end);
            let raw = &text[value_start.min(line_end)..line_end];
            let raw = raw.split(" #").next().unwrap_or(raw).trim_end();
            let range = value_start..value_start + raw.len();
            (expand(raw, text, range, lookup, used, parsed)?, end)
        }
    };
    parsed.found.insert(key, Assigned { value: Some(value), range: at..end });
    Ok(end)
}

/// Replaces the variables in a value that stands at `range`.
fn expand(
    value: &str,
    text: &str,
    range: Range<usize>,
    lookup: &dyn Fn(&str) -> Option<String>,
    used: &mut Used,
    parsed: &mut Parsed,
) -> Result<String, Fault> {
    let earlier = |name: &str| parsed.found.get(name).and_then(|found| found.value.clone());
    let own = |name: &str| lookup(name).or_else(|| earlier(name));
    let result = substitute(value, &own, used);
    // Escapes shift the text; the place is then the whole value.
    let written = text[range.clone()].find(value).map(|at| range.start + at);
    let place = |part: Range<usize>| written.map_or(range.clone(), |at| at + part.start..at + part.end);
    let mentions = std::mem::take(&mut used.mentions).into_iter();
    let unset = mentions.filter(|mention| mention.value.is_none());
    parsed.unset.extend(unset.map(|mention| (mention.name, place(mention.range))));
    result.map_err(|fault| Fault { why: fault.why, help: fault.help, range: place(fault.range) })
}

/// Reads `KEY=value` lines as they are: no quotes, no `${}`, as `format: raw` asks for.
pub fn parse_raw(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.trim_end().len();
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']).trim_start_matches('\u{feff}').trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) =
            line.split_once('=').map_or((line, None), |(key, value)| (key, Some(value.to_owned())));
        if key.is_empty() || key.contains(char::is_whitespace) {
            parsed.faults.push(no_name(key, range));
            continue;
        }
        parsed.found.insert(key.to_owned(), Assigned { value, range });
    }
    parsed
}

fn no_name(written: &str, range: Range<usize>) -> Fault {
    let shown: String = written.chars().take(40).collect();
    let why = format!("`{shown}` is no name of a variable");
    Fault { why, help: "write lines of the form `NAME=value`".to_owned(), range }
}

fn is_blank(one: char) -> bool {
    one.is_whitespace() && one != '\n'
}

fn leading_blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_blank).len()
}

fn key_of(written: &str, range: Range<usize>) -> Result<&str, Fault> {
    let key = written.trim_end();
    let holds = |one: char| one.is_alphanumeric() || "_.-[]".contains(one);
    if key.is_empty() || !key.chars().all(holds) {
        return Err(no_name(key, range));
    }
    Ok(key)
}

/// Returns what stands in quotes, with escaped quotes unescaped, and where it ends.
fn quoted(text: &str, start: usize, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut escaped = false;
    for (offset, one) in text[start + 1..].char_indices() {
        if one == quote && !escaped {
            return Some((value, start + 1 + offset + 1));
        }
        if one == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && one != quote {
            value.push('\\');
        }
        escaped = false;
        if one != '\r' || !text[start + 1 + offset..].starts_with("\r\n") {
            value.push(one);
        }
    }
    None
}

/// Replaces the escapes that docker compose knows in double quotes; others stay as they are.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(one) = characters.next() {
        if one != '\\' {
            plain.push(one);
            continue;
        }
        let replaced = match characters.peek() {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('c') => {
                // Known, and left as it is.
                plain.push_str("\\c");
                characters.next();
                continue;
            }
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some('"') => '"',
            Some('\\') => '\\',
            Some('$') => {
                plain.push_str("$$");
                characters.next();
                continue;
            }
            Some('0') => {
                characters.next();
                let mut code = 0_u32;
                for _ in 0..3 {
                    let Some(digit) = characters.peek().and_then(|digit| digit.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    characters.next();
                }
                plain.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                continue;
            }
            _ => {
                plain.push('\\');
                continue;
            }
        };
        plain.push(replaced);
        characters.next();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        let lookup = |name: &str| (name == "SHELL").then(|| "sh".to_owned());
        let Parsed { found, unset: _, faults } = parse(text, &lookup);
        let faults =
            faults.into_iter().map(|fault| format!("error: {} at {}", fault.why, &text[fault.range]));
        let found = found.iter().map(|(key, assignment)| {
            assignment.value.as_ref().map_or(key.clone(), |value| format!("{key}=<{value}>"))
        });
        found.chain(faults).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_dialect() {
        for (text, expected) in [
            ("A=1\nB=two words\nC=  lead\nD=trail  \n", "A=<1> B=<two words> C=<lead> D=<trail>"),
            ("# c\nA=1 # inline\nB=\"x # y\" # z\nC=a#b\n  # in\nD=#", "A=<1> B=<x # y> C=<a#b> D=<#>"),
            ("export A=1\nexport B='x'\r\nC: y\r\n", "A=<1> B=<x> C=<y>"),
            ("\u{feff}A = 1\n B=2\nC\n", "A=<1> B=<2> C"),
            ("A=\"l1\nl2\"\nB='m1\nm2'\n", "A=<l1\nl2> B=<m1\nm2>"),
            ("A=base\nB=${A}/x\nC=${NO:-d}\nD='$A'\nE=$SHELL\n", "A=<base> B=<base/x> C=<d> D=<$A> E=<sh>"),
            ("A=\"a\\n\\t\\\"\\$x\"\nB='it\\'s'\nC=a$$b\n", "A=<a\n\t\"$x> B=<it's> C=<a$b>"),
            ("A=\n B=\"\"\nC==x\n", "A=<> B=<> C=<=x>"),
            ("Z=1\nA=\"open\nB=1\n", "Z=<1> error: this quote is not closed at \"open"),
            (
                "a b=1\nOK=2\nc d\nE=${}\n",
                "OK=<2> error: `a b` is no name of a variable at a b=1 error: `c d` is no name of a variable at c d \
                 error: the name of the variable is missing at ${}",
            ),
        ] {
            assert_eq!(check(text), expected, "{text}");
        }
    }
}
