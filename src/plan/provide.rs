//! What programs outside the engine are asked for, and what is made of their answers: services with `provider`, and
//! the models of a model runner.
//!
//! See <https://github.com/docker/compose/blob/main/docs/extension.md>.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::service::Provider;
use crate::model::values::Nullable;
use crate::project::Project;
use crate::topology::Topology;

/// What a provider is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Provide the service.
    Up,
    /// Take it away.
    Down,
}

/// What a provider says of itself; without it all options are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    description: String,
    up: Parameters,
    down: Parameters,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Parameters {
    parameters: Option<Vec<Parameter>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Parameter {
    name: String,
    required: bool,
}

/// A line that a provider wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// How it gets on.
    Info(String),
    /// Why it cannot.
    Error(String),
    /// A variable for the services that depend on it, behind the service's name.
    Variable(String, String),
    /// A variable for them under its own name.
    RawVariable(String, String),
    /// Nothing for users.
    Debug,
}

/// Returns the services that are provided from outside, each after those it depends on.
pub fn provided(project: &Project, topology: &Topology) -> Vec<(String, Provider)> {
    let provider = |name: &String| Some((name.clone(), project.services.get(name)?.provider.clone()?));
    topology.start_order().iter().filter_map(provider).collect()
}

/// Returns the command line for a provider. An option that it needs and does not get is an error, in words.
pub fn arguments(
    project: &str,
    service: &str,
    provider: &Provider,
    metadata: Option<&Metadata>,
    turn: Turn,
) -> Result<Vec<String>, String> {
    let says_nothing = |metadata: &&Metadata| {
        metadata.description.is_empty()
            && metadata.up.parameters.is_none()
            && metadata.down.parameters.is_none()
    };
    let metadata = metadata.filter(|metadata| !says_nothing(metadata));
    let known = metadata.map(|metadata| match turn {
        Turn::Up => metadata.up.parameters.as_deref().unwrap_or_default(),
        Turn::Down => metadata.down.parameters.as_deref().unwrap_or_default(),
    });
    let lacks =
        |parameter: &&Parameter| parameter.required && !provider.options.0.contains_key(&parameter.name);
    if let Some(parameter) = known.and_then(|known| known.iter().find(lacks)) {
        return Err(format!("provider `{}` needs option `{}`", provider.kind, parameter.name));
    }
    let word = match turn {
        Turn::Up => "up",
        Turn::Down => "down",
    };
    let mut arguments = vec!["compose".to_owned(), format!("--project-name={project}"), word.to_owned()];
    for (option, values) in &provider.options.0 {
        if known.is_none_or(|known| known.iter().any(|parameter| parameter.name == *option)) {
            arguments.extend(values.iter().map(|value| format!("--{option}={value}")));
        }
    }
    arguments.push(service.to_owned());
    Ok(arguments)
}

/// Reads a line that a provider wrote: `{"type": "info", "message": "..."}`.
pub fn said(line: &str) -> Result<Said, String> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        message: String,
    }
    let Line { kind, message } =
        serde_json::from_str(line).map_err(|_| format!("it wrote what is no message: {line}"))?;
    let variable = || {
        let (name, value) = message.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    let no_variable = || format!("it set a variable without a value: {message}");
    Ok(match kind.as_str() {
        "info" => Said::Info(message),
        "error" => Said::Error(message),
        "debug" => Said::Debug,
        "setenv" => variable().map(|(name, value)| Said::Variable(name, value)).ok_or_else(no_variable)?,
        "rawsetenv" => {
            variable().map(|(name, value)| Said::RawVariable(name, value)).ok_or_else(no_variable)?
        }
        other => return Err(format!("it wrote a message of an unknown type: {other}")),
    })
}

/// Gives the services that depend on a provided one its variables; the names stand as they are to be.
pub fn give(project: &mut Project, provided: &str, variables: &BTreeMap<String, String>) {
    let dependents = project.services.values_mut().filter(|one| one.depends_on.0.contains_key(provided));
    for service in dependents {
        let variables = variables.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        service.environment.0.extend(variables);
    }
}

/// Returns the name under which dependents get a variable of a provided service: `DATABASE_URL`.
pub fn variable_name(service: &str, variable: &str) -> String {
    format!("{}_{variable}", service.to_uppercase())
}

/// Returns the arguments that set a model up for the model runner.
pub fn model_arguments(model: &crate::model::Model) -> Vec<String> {
    let crate::model::Model { name: _, model, context_size, runtime_flags, extensions: _ } = model;
    let mut arguments = vec!["configure".to_owned()];
    if *context_size > 0 {
        arguments.extend(["--context-size".to_owned(), context_size.to_string()]);
    }
    arguments.push(model.clone());
    if !runtime_flags.is_empty() {
        arguments.push("--".to_owned());
        arguments.extend(runtime_flags.iter().cloned());
    }
    arguments
}

/// Reads the names of the models that a model runner has, from `ls --json`.
pub fn models_there(output: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct There {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let all: Vec<There> = serde_json::from_slice(output).ok()?;
    Some(all.into_iter().flat_map(|one| one.tags.unwrap_or_default()).collect())
}

/// Reads the address of a model runner, from `status --json`.
pub fn endpoint(output: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        endpoint: String,
    }
    serde_json::from_slice::<Status>(output).ok().map(|status| status.endpoint)
}

/// Gives services the names of their models, and the address of the runner.
pub fn give_models(project: &mut Project, endpoint: &str) {
    let Project { services, models, .. } = project;
    for service in services.values_mut() {
        for (key, reference) in &service.models.0 {
            let Some(model) = models.get(key) else { continue };
            let Nullable(reference) = reference;
            let reference = reference.as_ref();
            let prefix = key.to_uppercase().replace('-', "_");
            let own = |name: Option<&String>, word: &str| {
                name.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| format!("{prefix}_{word}"))
            };
            let model_variable = own(reference.and_then(|one| one.model_var.as_ref()), "MODEL");
            let address_variable = own(reference.and_then(|one| one.endpoint_var.as_ref()), "URL");
            service.environment.0.insert(model_variable, Some(model.model.clone()));
            service.environment.0.insert(address_variable, Some(endpoint.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::ProviderOptions;

    fn provider() -> Provider {
        let options = [("name", vec!["one"]), ("tag", vec!["a", "b"])];
        let options =
            options.map(|(key, all)| (key.to_owned(), all.into_iter().map(str::to_owned).collect()));
        Provider {
            kind: "cloud".into(),
            options: ProviderOptions(options.into()),
            extensions: Default::default(),
        }
    }

    #[test]
    fn a_provider_gets_the_options_that_it_knows() {
        let line = |metadata: Option<&str>, turn| {
            let metadata: Option<Metadata> = metadata.map(|text| serde_json::from_str(text).unwrap());
            arguments("app", "db", &provider(), metadata.as_ref(), turn).map(|words| words.join(" "))
        };
        let all = "compose --project-name=app up --name=one --tag=a --tag=b db";
        assert_eq!(line(None, Turn::Up).unwrap(), all);
        assert_eq!(line(Some("{}"), Turn::Up).unwrap(), all);
        let metadata =
            r#"{"description": "a cloud", "up": {"parameters": [{"name": "name", "required": true}]}}"#;
        assert_eq!(line(Some(metadata), Turn::Up).unwrap(), "compose --project-name=app up --name=one db");
        assert_eq!(line(Some(metadata), Turn::Down).unwrap(), "compose --project-name=app down db");
        let metadata = r#"{"up": {"parameters": [{"name": "size", "required": true}]}}"#;
        assert_eq!(line(Some(metadata), Turn::Up).unwrap_err(), "provider `cloud` needs option `size`");
    }

    #[test]
    fn lines_are_read_as_messages() {
        assert_eq!(said(r#"{"type":"info","message":"50%"}"#), Ok(Said::Info("50%".into())));
        let set = said(r#"{"type":"setenv","message":"URL=http://x?a=b"}"#);
        assert_eq!(set, Ok(Said::Variable("URL".into(), "http://x?a=b".into())));
        assert_eq!(said(r#"{"type":"debug","message":"x"}"#), Ok(Said::Debug));
        assert!(said(r#"{"type":"setenv","message":"URL"}"#).is_err());
        assert!(said(r#"{"type":"sing"}"#).is_err());
        assert!(said("done").is_err());
        assert_eq!(variable_name("my-db", "URL"), "MY-DB_URL");
    }
}
