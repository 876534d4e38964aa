//! `topo version`: topo's own version, in the forms of docker compose.

use clap::{Args, ValueEnum};

use super::{Context, Exit};

/// Print the version
///
/// Example: topo version --short
#[derive(Args, Debug)]
pub(crate) struct Version {
    /// Print the number only
    #[arg(long)]
    short: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Pretty,
    Json,
}

pub(crate) fn run(arguments: &Version, context: &Context) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    context.ui.data(&match (arguments.short, arguments.format) {
        (true, _) => format!("{version}\n"),
        (false, Format::Pretty) => format!("topo version {version}\n"),
        (false, Format::Json) => format!("{}\n", serde_json::json!({ "version": version })),
    });
    Exit::Success
}
