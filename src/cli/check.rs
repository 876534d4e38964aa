//! `topo check`: all that is wrong with a project, without an engine.

use clap::{Args, ValueEnum};

use super::{Context, Exit};
use crate::ui;

/// Report all that is wrong with the project, without touching an engine
///
/// Example: topo check --format sarif > topo.sarif
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Output format; all but `text` go to standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Services to check, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
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
    let loaded = context.loaded_to_start(&arguments.services, true).loaded;
    let (diagnostics, sources) = (&loaded.diagnostics, &loaded.sources);
    match arguments.format {
        Format::Text => ui::report(context.ui, diagnostics, sources),
        Format::Json => context.ui.data(&format!("{:#}\n", ui::findings::json(diagnostics, sources))),
        Format::Sarif => context.ui.data(&format!("{:#}\n", ui::findings::sarif(diagnostics, sources))),
        Format::Github => context.ui.data(&ui::findings::github(diagnostics, sources)),
    }
    if diagnostics.has_errors() {
        return Exit::Failure;
    }
    if matches!(arguments.format, Format::Text) && diagnostics.count() == (0, 0) {
        context.ui.say("nothing is wrong");
    }
    Exit::Success
}
