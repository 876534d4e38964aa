//! `topo diagnose`: what is wrong with the network of what runs, why, and what mends it.

use clap::{Args, ValueEnum};

use super::diagnose_k8s::{self, InCluster, Wanted};
use super::{Context, Exit};

/// Say what is wrong with the network of what runs, why, and what mends it
///
/// Exit codes: 0 nothing found, 1 errors, 3 warnings only.
///
/// Example: topo diagnose --k8s -n shop web
#[derive(Args, Debug)]
pub(crate) struct Diagnose {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Say what is wrong, and not what there is
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    cluster: InCluster,
    /// Services to say something about; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

pub(crate) fn run(arguments: &Diagnose, context: &Context) -> Exit {
    let wanted = Wanted {
        about: &arguments.services,
        as_json: arguments.format == Format::Json,
        quiet: arguments.quiet,
    };
    diagnose_k8s::run(&arguments.cluster, &wanted, context)
}
