//! `topo check`: all that is wrong with a project, or with Kubernetes manifests, without an engine and a cluster.

use clap::{Args, ValueEnum};
use topo::diagnostic::Diagnostics;
use topo::manifests::read::read;
use topo::manifests::validate::validate;
use topo::source::SourceMap;

use super::{Context, Exit};
use crate::ui;

/// Report all that is wrong with the project, without touching an engine
///
/// With `--k8s` the files are Kubernetes manifests, which are held to what the API server asks for, without a cluster.
///
/// Example: topo check --format sarif > topo.sarif, or topo export k8s | topo check --k8s -
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Output format; all but `text` go to standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Check Kubernetes manifests: files, directories, or `-` for standard input
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "services")]
    k8s: Vec<String>,
    /// Services to check, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// For people, on standard error
    #[default]
    Text,
    /// One object
    Json,
    /// For code scanning
    Sarif,
    /// For annotations by GitHub Actions
    Github,
}

pub(crate) fn run(arguments: &Check, context: &Context) -> Exit {
    if !arguments.k8s.is_empty() {
        let mut manifests = read(&context.world, &arguments.k8s);
        validate(&manifests.documents, &mut manifests.diagnostics);
        return print(arguments.format, context, &manifests.diagnostics, &manifests.sources);
    }
    let loaded = context.loaded_to_start(&arguments.services, true).loaded;
    print(arguments.format, context, &loaded.diagnostics, &loaded.sources)
}

/// Prints what was found; an error is a failure.
pub(super) fn print(
    format: Format,
    context: &Context,
    diagnostics: &Diagnostics,
    sources: &SourceMap,
) -> Exit {
    match format {
        Format::Text => ui::report(context.ui, diagnostics, sources),
        Format::Json => context.ui.data(&format!("{:#}\n", ui::findings::json(diagnostics, sources))),
        Format::Sarif => context.ui.data(&format!("{:#}\n", ui::findings::sarif(diagnostics, sources))),
        Format::Github => context.ui.data(&ui::findings::github(diagnostics, sources)),
    }
    if diagnostics.has_errors() {
        return Exit::Failure;
    }
    if matches!(format, Format::Text) && diagnostics.sorted().is_empty() {
        context.ui.say("nothing is wrong");
    }
    Exit::Success
}
