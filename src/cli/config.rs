//! `topo config`: prints the project as it will be used, or one aspect of it.

use std::path::Path;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::mem::ManuallyDrop;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Map, Value, json};
use topo::diagnostic::{Code, Diagnostic, Diagnostics};
use topo::engine::Engine as _;
use topo::engine::reference::Reference;
use topo::load::interpolate::{self, references};
use topo::load::{Loaded, Request, load_without};
use topo::project::explain::{Unknown, explain};
use topo::project::printed::{InYaml, trim};
use topo::project::{Project, Selection, as_written, hash};
use topo::{load, project};

use super::{Context, Exit};
use crate::ui::{origins, report};

/// Print the project as it will be used: files merged, variables replaced, defaults written out
///
/// Example: topo config --explain services.web.environment.DB_HOST
#[expect(clippy::struct_excessive_bools, reason = "docker compose's flags")]
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct Config {
    /// Output format
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    aspect: Aspect,
    /// Leave variables as they are written
    #[arg(long)]
    no_interpolate: bool,
    /// Add no names and no defaults
    #[arg(long)]
    no_normalize: bool,
    /// Leave relative paths as they are written
    #[arg(long)]
    no_path_resolution: bool,
    /// Do not check that what is referred to is there
    #[arg(long)]
    no_consistency: bool,
    /// Read no env files of services
    #[arg(long)]
    no_env_resolution: bool,
    /// Add to each image the digest that its tag stands for in its registry
    #[arg(long)]
    resolve_image_digests: bool,
    /// Print an override file that pins each image to the digest that its tag stands for
    #[arg(long)]
    lock_image_digests: bool,
    /// Check only; print nothing
    #[arg(short, long)]
    quiet: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Services to print, with what they depend on
    #[arg(value_name = "SERVICE")]
    selected: Vec<String>,
}

/// What to print in place of the project; one of them.
#[expect(clippy::struct_excessive_bools, reason = "docker compose's flags")]
#[derive(Args, Debug)]
#[group(multiple = false)]
struct Aspect {
    /// Print the names of the services, one a line
    #[arg(long)]
    services: bool,
    /// Print the keys of the volumes, one a line
    #[arg(long)]
    volumes: bool,
    /// Print the keys of the networks, one a line
    #[arg(long)]
    networks: bool,
    /// Print the keys of the models, one a line
    #[arg(long)]
    models: bool,
    /// Print the images, one a line
    #[arg(long)]
    images: bool,
    /// Print the profiles, one a line
    #[arg(long)]
    profiles: bool,
    /// Print the environment that variables are replaced from
    #[arg(long)]
    environment: bool,
    /// Print the variables that the files refer to, with their defaults
    #[arg(long)]
    variables: bool,
    /// Print the config hash of each service named here, separated by commas; `*` is all of them
    #[arg(long, value_name = "SERVICES")]
    hash: Option<String>,
    /// Print where a value, or each value below it, comes from: file and line, variables, what it overrides
    #[arg(long, value_name = "PATH")]
    explain: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum Format {
    #[default]
    Yaml,
    Json,
}

pub(crate) fn run(arguments: &Config, context: &Context) -> Exit {
    match text(arguments, context) {
        Err(exit) => exit,
        Ok(_) if arguments.quiet => Exit::Success,
        Ok(text) => match &arguments.output {
            None => {
                context.ui.data(&text);
                Exit::Success
            }
            Some(file) => match context.world.write(Path::new(file), &text) {
                Ok(()) => Exit::Success,
                Err(error) => {
                    context.ui.error(&format!("{file} cannot be written: {error}"));
                    Exit::Failure
                }
            },
        },
    }
}

/// Returns what is to be printed.
fn text(arguments: &Config, context: &Context) -> Result<String, Exit> {
    let aspect = &arguments.aspect;
    let format = arguments.format.unwrap_or_default();
    if let Some(path) = &aspect.explain {
        return explained(path, arguments, context);
    }
    if arguments.no_interpolate || aspect.variables || aspect.environment {
        let loaded = load_as_written(arguments, context)?;
        if aspect.variables {
            let mut found = BTreeMap::new();
            references(&loaded.written, &mut found);
            return Ok(variables(&found, arguments.format));
        }
        if aspect.environment {
            let all = loaded.environment.all(&context.world);
            return Ok(all.iter().map(|(name, value)| format!("{name}={value}\n")).collect());
        }
        let mut value = as_written(&loaded, arguments.no_path_resolution);
        return match format {
            Format::Json => in_json(&value, context),
            Format::Yaml => {
                trim(&mut value);
                in_yaml(&value, context)
            }
        };
    }
    // The process ends with this command: nobody gains by a large project being taken apart before.
    let mut project = ManuallyDrop::new(load_project(arguments, context)?);
    let keys = |keys: Vec<&String>| keys.into_iter().map(|key| format!("{key}\n")).collect::<String>();
    if aspect.services {
        return Ok(keys(project.services.keys().collect()));
    }
    if aspect.volumes {
        return Ok(keys(project.volumes.keys().collect()));
    }
    if aspect.networks {
        return Ok(keys(project.networks.keys().collect()));
    }
    if aspect.models {
        return Ok(keys(project.models.keys().collect()));
    }
    if aspect.images {
        let images = project.services.iter().map(|(name, service)| project.image_of(name, service) + "\n");
        return Ok(images.collect());
    }
    if aspect.profiles {
        let services = project.services.values().chain(project.disabled.values());
        let profiles: BTreeSet<&String> = services.flat_map(|service| &service.profiles.0).collect();
        return Ok(keys(profiles.into_iter().collect()));
    }
    if let Some(named) = &aspect.hash {
        return hashes(&project, named, context);
    }
    if arguments.quiet {
        return Ok(String::new());
    }
    if arguments.resolve_image_digests || arguments.lock_image_digests {
        pin_images(&mut project, context)?;
    }
    if arguments.lock_image_digests {
        let images = project
            .services
            .iter()
            .filter_map(|(name, service)| Some((name.clone(), json!({ "image": service.image.as_ref()? }))));
        let lock = json!({ "services": images.collect::<Map<_, _>>() });
        return match format {
            Format::Json => in_json(&lock, context),
            Format::Yaml => in_yaml(&lock, context),
        };
    }
    let text = match format {
        Format::Json => {
            // docker compose leaves them out of JSON, and only there.
            project.models.clear();
            in_json(&*project, context)?
        }
        Format::Yaml => in_yaml(&InYaml(&project), context)?,
    };
    // What is printed can be read again: a dollar sign must not start a variable.
    Ok(if text.contains('$') { text.replace('$', "$$") } else { text })
}

fn in_json(project: &impl Serialize, context: &Context) -> Result<String, Exit> {
    let text = serde_json::to_string_pretty(project).map(|text| text + "\n");
    text.map_err(|error| failure(context, &error.to_string()))
}

fn in_yaml(project: &impl Serialize, context: &Context) -> Result<String, Exit> {
    let text = topo::yaml::to_string_indented(project);
    text.map_err(|error| failure(context, &error.to_string()))
}

/// Writes each image in full, with the digest that its tag stands for now unless it has one. The registries are asked at once.
fn pin_images(project: &mut Project, context: &Context) -> Result<(), Exit> {
    let images = project.services.values_mut().filter_map(|service| service.image.as_mut());
    let (pinned, images): (Vec<&mut String>, Vec<_>) = images.partition(|image| image.contains('@'));
    for image in pinned {
        // The digest alone counts.
        *image = Reference { tag: None, ..Reference::parse(image) }.to_string();
    }
    if images.is_empty() {
        return Ok(());
    }
    let exit = context.with_engine(async |engine| {
        let digests = join_all(images.iter().map(|image| engine.digest(image))).await;
        let mut exit = Exit::Success;
        for (image, digest) in images.into_iter().zip(digests) {
            match digest {
                Ok(digest) => *image = Reference::parse(image).pinned_to(&digest).to_string(),
                Err(error) => {
                    context.fail(&error);
                    exit = Exit::Failure;
                }
            }
        }
        Ok(exit)
    });
    if exit == Exit::Success { Ok(()) } else { Err(exit) }
}

fn failure(context: &Context, why: &str) -> Exit {
    context.ui.error(&format!("the project cannot be written: {why}"));
    Exit::Failure
}

/// Loads and merges the files, and leaves variables alone. What is no valid value for want of them is no mistake.
fn load_as_written(arguments: &Config, context: &Context) -> Result<Loaded, Exit> {
    let skip = load::Skip { interpolation: true, paths: arguments.no_path_resolution };
    let loaded = load_without(&context.world, &context.request(), skip);
    if context.say(&loaded) { Ok(loaded) } else { Err(Exit::Failure) }
}

fn load_project(arguments: &Config, context: &Context) -> Result<Project, Exit> {
    let leaves_out = arguments.no_normalize || arguments.no_consistency || arguments.no_env_resolution;
    if !leaves_out && !arguments.no_path_resolution {
        let Aspect { services, volumes, networks, models, images, profiles, .. } = &arguments.aspect;
        // Names are told without the env files of services, as by docker compose.
        let service_files = *services || *volumes || *networks || *models || *images || *profiles;
        let completing = project::Skip { service_files, ..project::Skip::default() };
        return context.project_without(&arguments.selected, completing).ok_or(Exit::Failure);
    }
    let loading = load::Skip { interpolation: false, paths: arguments.no_path_resolution };
    let completing = project::Skip {
        normalization: arguments.no_normalize,
        consistency: arguments.no_consistency,
        environment: arguments.no_env_resolution,
        ..project::Skip::default()
    };
    let (project, _, loaded) = context.checked_without(&arguments.selected, loading, completing);
    if context.say(&loaded) { Ok(project) } else { Err(Exit::Failure) }
}

/// Returns where the value at `path` comes from.
fn explained(path: &str, arguments: &Config, context: &Context) -> Result<String, Exit> {
    let request = Request { trace: true, ..context.request() };
    let mut loaded = load::load(&context.world, &request);
    let selection = Selection {
        profiles: context.global.profiles.clone(),
        services: arguments.selected.clone(),
        ..Selection::default()
    };
    let project = project::resolve(&mut loaded, &selection, &context.world);
    if !context.say(&loaded) {
        return Err(Exit::Failure);
    }
    match explain(&project, &loaded, &context.world, path) {
        Ok(found) if arguments.format == Some(Format::Json) => {
            Ok(format!("{:#}\n", origins::json(&found, &loaded.sources)))
        }
        Ok(found) => Ok(origins::text(context.ui, &found, &loaded.sources)),
        Err(Unknown { known, key, help, reset }) => {
            let holder = if known.is_empty() { "the project".to_owned() } else { format!("`{known}`") };
            let mut unknown = Diagnostic::error(Code::UnknownKey, format!("{holder} has no `{key}`"));
            if let Some(reset) = reset {
                unknown =
                    unknown.label(reset.at, "taken away here").label(reset.earlier, "it was written here");
            }
            let mut diagnostics = Diagnostics::default();
            diagnostics.push(unknown.help(help));
            report(context.ui, &diagnostics, &loaded.sources);
            Err(Exit::Failure)
        }
    }
}

fn hashes(project: &Project, named: &str, context: &Context) -> Result<String, Exit> {
    let names: BTreeSet<&str> = match named {
        "*" => project.services.keys().map(String::as_str).collect(),
        named => named.split(',').collect(),
    };
    let mut text = String::new();
    for name in names {
        let Some(service) = project.services.get(name) else {
            context.ui.error(&format!("there is no service `{name}`"));
            return Err(Exit::Failure);
        };
        let hash = hash::digest(hash::service_hash_input(service, None));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} {hash}");
    }
    Ok(text)
}

fn variables(found: &BTreeMap<String, interpolate::Reference>, format: Option<Format>) -> String {
    if format == Some(Format::Json) {
        let entry = |(name, reference): (&String, &interpolate::Reference)| {
            let value = json!({
                "Name": name,
                "DefaultValue": reference.default,
                "PresenceValue": reference.alternative,
                "Required": reference.required,
            });
            (name.clone(), value)
        };
        return format!("{:#}\n", Value::Object(found.iter().map(entry).collect()));
    }
    let heading = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"].map(str::to_owned);
    let row = |(name, reference): (&String, &interpolate::Reference)| {
        [
            name.clone(),
            reference.required.to_string(),
            reference.default.clone(),
            reference.alternative.clone(),
        ]
    };
    let rows: Vec<[String; 4]> = std::iter::once(heading).chain(found.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 3;
    let widths = [width(0), width(1), width(2)];
    let line = |row: &[String; 4]| {
        let [name, required, default, alternative] = row;
        let [first, second, third] = widths;
        format!("{name:<first$}{required:<second$}{default:<third$}{alternative}").trim_end().to_owned()
            + "\n"
    };
    rows.iter().map(line).collect()
}
