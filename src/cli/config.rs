//! `topo config`: prints the project as it will be used.

use clap::{Args, ValueEnum};

use super::{Context, Exit};
use topo::project::hash;

/// Print the project as it will be used: files merged, variables replaced, defaults written out
///
/// Example: topo config --format json
#[derive(Args, Debug)]
pub(crate) struct Config {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the names of the services, one a line
    #[arg(long, conflicts_with_all = ["volumes", "images"])]
    services: bool,
    /// Print the keys of the volumes, one a line
    #[arg(long, conflicts_with = "images")]
    volumes: bool,
    /// Print the images, one a line
    #[arg(long)]
    images: bool,
    /// Print the config hash of each service named here, separated by commas; `*` is all of them
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["services", "volumes", "images"])]
    hash: Option<String>,
    /// Check only; print nothing
    #[arg(short, long)]
    quiet: bool,
    /// Services to print, with what they depend on
    #[arg(value_name = "SERVICE")]
    selected: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Yaml,
    Json,
}

pub(crate) fn run(arguments: &Config, context: &Context) -> Exit {
    let Some(mut project) = context.project(&arguments.selected) else { return Exit::Failure };
    let lines = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect::<String>();
    let text = if arguments.quiet {
        String::new()
    } else if arguments.services {
        lines(project.services.keys().cloned().collect())
    } else if arguments.volumes {
        lines(project.volumes.keys().cloned().collect())
    } else if arguments.images {
        lines(project.services.iter().map(|(name, service)| project.image_of(name, service)).collect())
    } else if let Some(named) = &arguments.hash {
        let is_named = |name: &str| named == "*" || named.split(',').any(|one| one == name);
        let line =
            |(name, service)| format!("{name} {}", hash::digest(&hash::service_hash_input(service, None)));
        lines(project.services.iter().filter(|(name, _)| is_named(name)).map(line).collect())
    } else {
        if matches!(arguments.format, Format::Json) {
            // docker compose leaves them out of JSON, and only there.
            project.models.clear();
        }
        let rendered = match arguments.format {
            Format::Json => {
                serde_json::to_string_pretty(&project).map(|text| text + "\n").map_err(|e| e.to_string())
            }
            Format::Yaml => topo::yaml::to_string(&project).map_err(|e| e.to_string()),
        };
        match rendered {
            // What is printed can be read again: a dollar sign must not start a variable.
            Ok(text) => text.replace('$', "$$"),
            Err(error) => {
                context.ui.error(&format!("the project cannot be written: {error}"));
                return Exit::Failure;
            }
        }
    };
    context.ui.data(&text);
    Exit::Success
}
