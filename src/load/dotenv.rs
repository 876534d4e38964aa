//! The dialect of `.env` files that docker compose reads.
//!
//! Hand-written: dotenvy refuses or misreads forms that people use, such as `A=two words`, a bare `A`, `A: x`,
//! a byte order mark and `${B:-default}`.

use indexmap::IndexMap;

use super::interpolate::{Used, substitute};

/// What is wrong with an env file, and at which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A phrase for the label.
    pub why: String,
    /// The bytes of the file.
    pub range: std::ops::Range<usize>,
}

/// Variables in the order they were written.
pub type Assignments = IndexMap<String, Assigned>;

/// What a variable is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The value; `None` takes it from the environment.
    pub value: Option<String>,
    /// The bytes of the file that say so.
    pub range: std::ops::Range<usize>,
}

/// Reads `KEY=value` lines with comments, `export`, quotes, several lines in quotes, and `${}` in values that
/// are not in single quotes. `lookup` is asked before the file's own earlier lines.
pub fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    used: &mut Used,
) -> Result<Assignments, Fault> {
    let mut found = Assignments::new();
    let mut at = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.is_empty() {
            return Ok(found);
        }
        if rest.starts_with('#') {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let line_end = at + rest.find('\n').unwrap_or(rest.len());
        if let Some(after) = rest.strip_prefix("export").filter(|after| after.starts_with(is_blank)) {
            at = text.len() - after.trim_start_matches(is_blank).len();
        }
        let line = &text[at..line_end];
        let Some(sign) = line.find(['=', ':']) else {
            let key = key_of(line, at..line_end)?;
            found.insert(key.to_owned(), Assigned { value: None, range: at..at + key.len() });
            at = line_end;
            continue;
        };
        let key = key_of(&line[..sign], at..line_end)?.to_owned();
        let value_start = at + sign + 1;
        let value_start = value_start + leading_blanks(&text[value_start..]);
        let own = |name: &str| lookup(name).or_else(|| found.get(name)?.value.clone());
        let expand = |value: &str, used: &mut Used, range: std::ops::Range<usize>| {
            substitute(value, &own, used).map_err(|fault| Fault { why: fault.why, range })
        };
        let (value, end) = match text[value_start..].chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let Some((raw, end)) = quoted(text, value_start, quote) else {
                    let range = value_start..line_end;
                    return Err(Fault { why: "this quote is not closed".to_owned(), range });
                };
                let value = match quote {
                    '"' => expand(&unescape(&raw), used, value_start..end)?,
                    _ => raw,
                };
                (value, end)
            }
            _ => {
                let end = value_start.max(line_end);
                let raw = &text[value_start.min(line_end)..line_end];
                let raw = raw.split(" #").next().unwrap_or(raw).trim_end();
                (expand(raw, used, value_start..end)?, end)
            }
        };
        found.insert(key, Assigned { value: Some(value), range: at..end });
        at = end;
    }
}

/// Reads `KEY=value` lines as they are: no quotes, no `${}`, as `format: raw` asks for.
pub fn parse_raw(text: &str) -> Result<Assignments, Fault> {
    let mut found = Assignments::new();
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
            return Err(Fault { why: format!("`{key}` is no name of a variable"), range });
        }
        found.insert(key.to_owned(), Assigned { value, range });
    }
    Ok(found)
}

fn is_blank(one: char) -> bool {
    one.is_whitespace() && one != '\n'
}

fn leading_blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_blank).len()
}

fn key_of(written: &str, range: std::ops::Range<usize>) -> Result<&str, Fault> {
    let key = written.trim_end();
    let holds = |one: char| one.is_alphanumeric() || "_.-[]".contains(one);
    if key.is_empty() || !key.chars().all(holds) {
        return Err(Fault { why: format!("`{key}` is no name of a variable"), range });
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
        match parse(text, &lookup, &mut Used::default()) {
            Ok(found) => found
                .iter()
                .map(|(key, set)| set.value.as_ref().map_or(key.clone(), |value| format!("{key}=<{value}>")))
                .collect::<Vec<_>>()
                .join(" "),
            Err(fault) => format!("error: {} at {}", fault.why, &text[fault.range]),
        }
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
            ("A=\"open\nB=1\n", "error: this quote is not closed at \"open"),
            ("a b=1\n", "error: `a b` is no name of a variable at a b=1"),
        ] {
            assert_eq!(check(text), expected, "{text}");
        }
    }
}
