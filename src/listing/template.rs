//! Go templates over rows, with the functions that docker's own formatter has. The only place that names `gotmpl`.
//!
//! The crate evaluates Go's language; what docker adds is here: its functions, headers in place of values, and the
//! one method that its rows have, `.Label "key"`.
//!
//! Follows <https://docs.docker.com/engine/cli/formatting/> and Go's `text/template`.

use std::fmt::Write as _;

use gotmpl::parse::{CommandNode, Expr, ListNode, Node, PipeNode};
use gotmpl::{MissingKey, TemplateError, Value};

use super::{Column, Row};

/// The body's name among the definitions of a template.
const BODY: &str = "format";

/// The key of a row's labels, which no field can have.
const LABELS: &str = "";

/// The functions of Go's templates that need no definition here.
const BUILT_IN: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "urlquery",
];

/// The functions that docker adds. In a header, all but `pad` leave the column's name as it is.
const ADDED: [&str; 9] = ["json", "split", "join", "title", "lower", "upper", "pad", "truncate", "label"];

/// A template, ready for many rows.
pub(super) struct Template {
    rows: gotmpl::Template,
    header: gotmpl::Template,
}

impl Template {
    /// Parses a template, or says what is wrong with it.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let parsed = gotmpl::Template::new(BODY).parse(source).map_err(|error| words(&error))?;
        refuse_a_stray_end(source)?;
        let mut rows = gotmpl::Template::new(BODY).missing_key(MissingKey::Error);
        let mut header = gotmpl::Template::new(BODY);
        for name in ADDED {
            rows = rows.func(name, move |arguments| call(name, arguments));
            header = header.func(name, move |arguments| match name {
                "pad" => call(name, arguments),
                "label" => Ok(last_word(&text(arguments, 1)?).into()),
                _ => Ok(arguments.first().cloned().unwrap_or(Value::Nil)),
            });
        }
        for name in parsed.templates() {
            let Some(tree) = parsed.lookup(name) else { continue };
            let mut tree = tree.clone();
            prepare(&mut tree)?;
            rows = rows.add_parse_tree(name, tree.clone());
            header = header.add_parse_tree(name, tree);
        }
        if parsed.lookup(BODY).is_none() {
            // A body of nothing but white space is not kept under its name.
            rows = rows.parse(source).map_err(|error| words(&error))?;
            header = header.parse(source).map_err(|error| words(&error))?;
        }
        Ok(Self { rows, header })
    }

    /// Writes one row.
    pub(super) fn row(&self, row: &Row) -> Result<String, String> {
        let mut data = std::collections::BTreeMap::new();
        for (name, value) in &row.fields {
            data.insert((*name).to_owned(), gotmpl::to_value(value).map_err(|error| words(&error))?);
        }
        data.insert(LABELS.to_owned(), gotmpl::to_value(&row.labels).map_err(|error| words(&error))?);
        let written = execute(&self.rows, &Value::from(data));
        written.map_err(|error| match error {
            TemplateError::MissingKey { key } => {
                let names: Vec<&str> = row.fields.keys().copied().collect();
                format!("there is no field `{key}`; there are {}", names.join(", "))
            }
            error => words(&error),
        })
    }

    /// Writes the header: the template over the columns' names. One without a name is `<no value>`, as in docker.
    pub(super) fn header(&self, columns: &[Column]) -> Result<String, String> {
        let named: std::collections::BTreeMap<String, Value> =
            columns.iter().map(|(field, header)| ((*field).to_owned(), Value::from(*header))).collect();
        execute(&self.header, &Value::from(named)).map_err(|error| words(&error))
    }
}

fn execute(template: &gotmpl::Template, data: &Value) -> gotmpl::Result<String> {
    match template.lookup(BODY) {
        Some(_) => template.execute_template_to_string(BODY, data),
        None => template.execute_to_string(data),
    }
}

/// Says what is wrong without the parts that name files and lines: a format is one line of a command.
fn words(error: &TemplateError) -> String {
    match error {
        TemplateError::Parse { message, col, .. } | TemplateError::Lex { message, col, .. } => {
            format!("{message}, at column {col}")
        }
        TemplateError::Exec(message) => message.clone(),
        error => error.to_string(),
    }
}

/// Refuses an `{{end}}` or `{{else}}` that ends nothing. The crate stops reading there, so that a mark behind it is lost.
fn refuse_a_stray_end(source: &str) -> Result<(), String> {
    const MARK: char = '\u{1}';
    let marked = gotmpl::Template::new(BODY).parse(&format!("{source}{MARK}"));
    let marked = marked.map_err(|error| words(&error))?;
    match marked.lookup(BODY).and_then(|body| body.nodes.last()) {
        Some(Node::Text(last)) if last.text.ends_with(MARK) => Ok(()),
        _ => Err("unexpected {{end}} or {{else}}".to_owned()),
    }
}

/// Checks that all functions exist, and turns `.Label "key"` into a call of `label`: the crate knows no methods.
fn prepare(list: &mut ListNode) -> Result<(), String> {
    for node in &mut list.nodes {
        match node {
            Node::List(list) => prepare(list)?,
            Node::Action(action) => prepare_pipe(&mut action.pipe)?,
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                prepare_pipe(&mut branch.pipe)?;
                prepare(&mut branch.body)?;
                branch.else_body.as_mut().map_or(Ok(()), prepare)?;
            }
            Node::Template(called) => called.pipe.as_mut().map_or(Ok(()), prepare_pipe)?,
            Node::Define(defined) => prepare(&mut defined.body)?,
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }
    Ok(())
}

fn prepare_pipe(pipe: &mut PipeNode) -> Result<(), String> {
    for command in &mut pipe.commands {
        for argument in &mut command.args {
            match argument {
                Expr::Pipe(_, pipe) => prepare_pipe(pipe)?,
                Expr::Chain(_, inner, _) => {
                    if let Expr::Pipe(_, pipe) = inner.as_mut() {
                        prepare_pipe(pipe)?;
                    }
                }
                Expr::Identifier(_, name) => {
                    let name = name.as_str();
                    if !BUILT_IN.contains(&name) && !ADDED.contains(&name) {
                        return Err(format!("function \"{name}\" not defined"));
                    }
                }
                _ => {}
            }
        }
        call_label(command);
    }
    Ok(())
}

fn call_label(command: &mut CommandNode) {
    let (position, owner) = match command.args.first() {
        Some(Expr::Field(position, path)) if path.last().is_some_and(|name| name == "Label") => {
            let rest = path[..path.len() - 1].to_vec();
            (*position, if rest.is_empty() { Expr::Dot(*position) } else { Expr::Field(*position, rest) })
        }
        Some(Expr::Variable(position, name, path)) if path.last().is_some_and(|name| name == "Label") => {
            (*position, Expr::Variable(*position, name.clone(), path[..path.len() - 1].to_vec()))
        }
        _ => return,
    };
    command.args[0] = Expr::Identifier(position, "label".into());
    command.args.insert(1, owner);
}

/// Calls one of docker's functions.
fn call(name: &'static str, arguments: &[Value]) -> gotmpl::Result<Value> {
    let expected = match name {
        "json" | "title" | "lower" | "upper" => 1,
        "pad" => 3,
        _ => 2,
    };
    if arguments.len() != expected {
        return Err(TemplateError::Exec(format!(
            "wrong number of args for {name}: want {expected} got {}",
            arguments.len()
        )));
    }
    Ok(match name {
        "json" => {
            let mut out = String::new();
            write_json(&arguments[0], &mut out);
            // A row escapes itself, other values do not: so does docker.
            if matches!(arguments[0], Value::Map(_)) { escaped(&out).into() } else { out.into() }
        }
        "split" => {
            let (whole, by) = (text(arguments, 0)?, text(arguments, 1)?);
            let parts: Vec<Value> = if by.is_empty() {
                whole.chars().map(|one| one.to_string().into()).collect()
            } else {
                whole.split(by.as_str()).map(Value::from).collect()
            };
            parts.into()
        }
        "join" => {
            let Value::List(parts) = &arguments[0] else {
                return Err(wrong("a list of strings", &arguments[0]));
            };
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            parts.join(&text(arguments, 1)?).into()
        }
        "title" => title(&text(arguments, 0)?).into(),
        "lower" => text(arguments, 0)?.to_lowercase().into(),
        "upper" => text(arguments, 0)?.to_uppercase().into(),
        "pad" => {
            let (inner, before, after) = (text(arguments, 0)?, count(arguments, 1)?, count(arguments, 2)?);
            if inner.is_empty() { inner.into() } else { format!("{:before$}{inner}{:after$}", "", "").into() }
        }
        "truncate" => {
            let (mut whole, length) = (text(arguments, 0)?, count(arguments, 1)?);
            // Go counts bytes; a character is not cut in two.
            while whole.len() > length {
                whole.pop();
            }
            whole.into()
        }
        _ => arguments[0]
            .field(LABELS)
            .and_then(|labels| labels.field(arguments[1].as_str()?))
            .cloned()
            .unwrap_or_else(|| "".into()),
    })
}

fn wrong(expected: &str, got: &Value) -> TemplateError {
    TemplateError::Exec(format!("wrong type for value; expected {expected}; got {}", got.type_name()))
}

fn text(arguments: &[Value], at: usize) -> gotmpl::Result<String> {
    let value = arguments.get(at).unwrap_or(&Value::Nil);
    value.as_str().map(str::to_owned).ok_or_else(|| wrong("string", value))
}

fn count(arguments: &[Value], at: usize) -> gotmpl::Result<usize> {
    let value = arguments.get(at).unwrap_or(&Value::Nil);
    value.as_int().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| wrong("int", value))
}

/// Returns a text with each word's first letter as a capital.
fn title(whole: &str) -> String {
    let mut before = ' ';
    let letter = |one: char| {
        let begins = !before.is_alphanumeric() && before != '_' && before != '\'';
        before = one;
        if begins { one.to_uppercase().collect::<String>() } else { one.to_string() }
    };
    whole.chars().map(letter).collect()
}

/// Returns the header of a label's column: `com.example.my-key` gives `my key`.
fn last_word(label: &str) -> String {
    label.rsplit('.').next().unwrap_or(label).replace(['-', '_'], " ")
}

fn write_json(value: &Value, out: &mut String) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Nil | Value::Function(_) => write!(out, "null"),
        Value::Bool(bool) => write!(out, "{bool}"),
        Value::Int(number) => write!(out, "{number}"),
        Value::Uint(number) => write!(out, "{number}"),
        Value::Float(number) => write!(out, "{}", serde_json::Value::from(*number)),
        Value::String(text) => write!(out, "{}", quoted(text)),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_json(item, out);
            }
            out.push(']');
            Ok(())
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().filter(|(key, _)| ***key != *LABELS).collect();
            // A publisher is a struct in docker compose, which keeps the order of its fields.
            let struct_order = ["URL", "TargetPort", "PublishedPort", "Protocol"];
            if entries.len() == struct_order.len() {
                entries.sort_by_key(|(key, _)| struct_order.iter().position(|name| **name == ***key));
            }
            out.push('{');
            for (at, (key, item)) in entries.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&quoted(key));
                out.push(':');
                write_json(item, out);
            }
            out.push('}');
            Ok(())
        }
    };
}

/// Escapes JSON as Go's `json.Marshal` does, so that it may stand in HTML.
pub(super) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for one in json.chars() {
        match one {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(one));
            }
            one => out.push(one),
        }
    }
    out
}
