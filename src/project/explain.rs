//! Where the values of a project come from: which file and line, what they took the place of, which variables they
//! were made from.

use serde_json::Value;

use super::Project;
use crate::diagnostic::did_you_mean;
use crate::load::{Loaded, Origin, Reset, Variable, World, dotenv};
use crate::model::attribute::absolute_path;
use crate::source::{SourceFile, Span};
use crate::yaml::Node;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The keys and indexes that lead to it.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
    /// The places of values that it took the place of, the latest first.
    pub overridden: Vec<Span>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// It is written in a compose file, as it is or with variables.
    Written {
        /// Where.
        at: Span,
        /// The variables in it.
        variables: Vec<Variable>,
    },
    /// It is written in a file that `env_file` or `label_file` names.
    File(Span),
    /// It is a variable that is written without a value, and has it from elsewhere.
    Variable {
        /// Where it is written.
        at: Span,
        /// Where its value is set.
        origin: Origin,
    },
    /// It is written nowhere: what docker compose fills in.
    Default,
}

/// Why there is nothing to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The part of the path that is there.
    pub known: String,
    /// The key that is not.
    pub key: String,
    /// How to mend it.
    pub help: String,
    /// What `!reset` took away there.
    pub reset: Option<Reset>,
}

/// Explains the value at `path`, such as `services.web.environment.DB_HOST`, or all values below it.
///
/// A key with a dot in it may be written as it is, or in brackets: `labels[com.example.team]`. `loaded` must have been
/// loaded with a trace, and `project` be made of it.
pub fn explain(
    project: &Project,
    loaded: &Loaded,
    world: &dyn World,
    path: &str,
) -> Result<Vec<Explanation>, Unknown> {
    let whole = serde_json::to_value(project).unwrap_or_default();
    let (path, value) = find(&whole, path).map_err(|Missing { known, value, key }| {
        let steps: Vec<&str> = known.iter().map(String::as_str).chain([key.as_str()]).collect();
        let reset = loaded.trace.as_ref().and_then(|trace| trace.reset(&steps)).cloned();
        let help = match value {
            Value::Object(map) => {
                let keys: Vec<&str> = map.keys().map(String::as_str).collect();
                did_you_mean(&key, keys.iter().copied()).unwrap_or_else(|| match keys.len() {
                    1..=16 => format!("it has {}", keys.join(", ")),
                    _ => "`topo config` prints all that there is".to_owned(),
                })
            }
            Value::Array(list) => format!("it has {} items, the first one is `[0]`", list.len()),
            value => format!("it is {value}"),
        };
        Unknown { known: display(&known), key, help, reset }
    })?;
    let explainer = Explainer { project, loaded, world };
    let mut found = Vec::new();
    explainer.leaves(path, value, &mut found);
    Ok(found)
}

/// Writes a path as it is read: `services.web.ports[0].target`.
pub fn display(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        if step.bytes().all(|byte| byte.is_ascii_digit()) || step.contains('.') {
            text.push_str(&format!("[{step}]"));
        } else {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(step);
        }
    }
    text
}

/// What is not there.
struct Missing<'a> {
    /// The steps that are there.
    known: Vec<String>,
    /// What they lead to.
    value: &'a Value,
    /// The step that it does not have.
    key: String,
}

/// Follows a path. Of several keys that fit, the longest is meant: `com.example.team` is one key if there is one.
fn find<'a>(whole: &'a Value, path: &str) -> Result<(Vec<String>, &'a Value), Missing<'a>> {
    let mut steps = Vec::new();
    let mut value = whole;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let bracket = rest.strip_prefix('[').and_then(|inside| inside.split_once(']'));
        let next_key = rest.find(['.', '[']).map_or(rest, |end| &rest[..end]);
        let fits = |key: &&str| {
            rest.strip_prefix(*key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let (key, after) = match bracket {
            Some((inside, after)) => (inside.trim_matches(['"', '\'']), after),
            None => {
                let keys = value.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str));
                let key = keys.filter(fits).max_by_key(|key| key.len()).unwrap_or(next_key);
                (key, &rest[key.len()..])
            }
        };
        let next = match value {
            Value::Object(map) => map.get(key),
            Value::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get(at)),
            _ => None,
        };
        let Some(next) = next else {
            return Err(Missing { known: steps, value, key: key.to_owned() });
        };
        steps.push(key.to_owned());
        (value, rest) = (next, after);
    }
    Ok((steps, value))
}

struct Explainer<'a> {
    project: &'a Project,
    loaded: &'a Loaded,
    world: &'a dyn World,
}

impl Explainer<'_> {
    fn leaves(&self, path: Vec<String>, value: &Value, found: &mut Vec<Explanation>) {
        let mut below = |step: String, value: &Value| {
            let path = path.iter().cloned().chain([step]).collect();
            self.leaves(path, value, found);
        };
        match value {
            Value::Object(map) if !map.is_empty() => {
                map.iter().for_each(|(key, value)| below(key.clone(), value));
            }
            Value::Array(list) if !list.is_empty() => {
                list.iter().enumerate().for_each(|(at, value)| below(at.to_string(), value));
            }
            _ => found.push(self.leaf(path, value.clone())),
        }
    }

    fn leaf(&self, path: Vec<String>, value: Value) -> Explanation {
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        let trace = self.loaded.trace.as_ref();
        let source = self.source(&steps, &value);
        // What was replaced as a whole has its place noted further up.
        let overridden = match source {
            Source::Default | Source::File(_) => Vec::new(),
            Source::Written { .. } | Source::Variable { .. } => (1..=steps.len())
                .rev()
                .filter_map(|length| Some(trace?.overridden(self.project.written.at(&steps[..length])?.span)))
                .find(|overridden| !overridden.is_empty())
                .unwrap_or_default(),
        };
        Explanation { path, value, source, overridden }
    }

    fn source(&self, steps: &[&str], value: &Value) -> Source {
        let written = self.project.written.at(steps);
        if let ["services", service, section @ ("environment" | "labels"), name] = *steps
            && written.is_none_or(|node| node.scalar_text().is_none())
            && !value.is_null()
        {
            // Written without a value, or not at all.
            let origin = written.and_then(|_| self.loaded.environment.find(name, self.world));
            if let Some((_, origin)) = origin {
                return Source::Variable { at: self.project.span(steps), origin };
            }
            let list = if section == "labels" { "label_file" } else { "env_file" };
            return self.in_file(service, list, name).map_or(Source::Default, Source::File);
        }
        match written {
            Some(node) => {
                let trace = self.loaded.trace.as_ref();
                let variables = trace.map_or(&[][..], |trace| trace.variables(node.span)).to_vec();
                Source::Written { at: node.span, variables }
            }
            None => Source::Default,
        }
    }

    /// Returns where a file that a service names sets a variable or label. The last one counts.
    fn in_file(&self, service: &str, list: &str, name: &str) -> Option<Span> {
        let files = self.project.written.at(&["services", service, list])?.as_list()?;
        files.iter().rev().find_map(|file| {
            let node: &Node = file.get("path").map_or(file, |entry| &entry.node);
            let base = self.loaded.sources.base(node.span);
            let path = absolute_path(node.as_text()?, base, self.world.home().as_deref());
            let file: &SourceFile = self.loaded.sources.find(path.as_ref())?;
            // Only the place is wanted, so variables need no values.
            let parsed = dotenv::parse(&file.text, &|_| Some(String::new()));
            let parsed = if parsed.faults.is_empty() { parsed } else { dotenv::parse_raw(&file.text) };
            Some(file.span(parsed.found.get(name)?.range.clone()))
        })
    }
}
