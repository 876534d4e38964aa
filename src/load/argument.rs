//! Arguments of the command line that are attributes in their short forms: `-p 8080:80`, `-v data:/data`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{EnvFile, Environment, World, merge};
use crate::diagnostic::Diagnostics;
use crate::model::attribute::{Attribute, Decoder, Place};
use crate::source::{SourceMap, Span};
use crate::yaml::{Node, Value};

/// The option that names env files for one command.
const ENV_OPTION: &str = "--env-from-file";

/// Makes an argument a text that diagnostics can point at.
fn add(option: &str, value: &str, world: &dyn World, sources: &mut SourceMap) -> Option<Span> {
    let file = sources.add(option.to_owned(), PathBuf::from(option), world.cwd(), value.to_owned())?;
    Some(file.span(0..value.len()))
}

/// Reads the values of an option as a list in a compose file. Relative paths start from the working directory.
/// Mistakes point at the argument.
pub fn read_arguments<A: Attribute + Default>(
    option: &str,
    values: &[String],
    world: &dyn World,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> A {
    // Without room for more text there has been an error before.
    let item = |value: &String| Some(Node::text(value.clone(), add(option, value, world, sources)?));
    let items: Vec<Node> = values.iter().filter_map(item).collect();
    let Some(span) = items.first().map(|item| item.span) else { return A::default() };
    let before = diagnostics.has_errors();
    let node = merge::expand(Node::new(Value::List(items), span), A::SHAPE, diagnostics);
    if !before && diagnostics.has_errors() {
        // What could not be read is no subject for a second complaint.
        return A::default();
    }
    let home = world.home();
    let mut decoder = Decoder {
        sources,
        home: home.as_deref().map(Path::new),
        keep_paths: false,
        partial: false,
        diagnostics,
    };
    A::decode(&node, &Place::TOP.key(option), &mut decoder).unwrap_or_default()
}

/// Reads `-e NAME=VALUE`, `-e NAME`, which has its value from the shell or `.env` or is left out, and env files for
/// what is not given so. The first to set a variable wins.
pub fn read_variables(
    assigned: &[String],
    files: &[String],
    environment: &Environment,
    world: &dyn World,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for assigned in assigned {
        let variable = match assigned.split_once('=') {
            Some((name, value)) => Some((name.to_owned(), value.to_owned())),
            None => environment.get(assigned, world).map(|value| (assigned.clone(), value)),
        };
        variables.extend(variable);
    }
    for file in files {
        let path = world.cwd().join(file);
        let lookup = |name: &str| variables.get(name).cloned();
        let named_at = add(ENV_OPTION, file, world, sources);
        let file = EnvFile { path: &path, format: None, named_at, may_be_absent: false };
        let found = file.read(world, &lookup, sources, diagnostics);
        for (name, variable) in found {
            if let Some(value) = variable.value {
                variables.entry(name).or_insert(value);
            }
        }
    }
    variables
}
