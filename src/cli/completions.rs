//! `topo completions`: completion scripts for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Context, Exit};

/// Print a completion script for a shell
///
/// Example: topo completions bash > /etc/bash_completion.d/topo
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Completions, context: &Context) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "topo", &mut script);
    context.ui.data(&String::from_utf8_lossy(&script));
    Exit::Success
}
