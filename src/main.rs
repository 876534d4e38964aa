//! The `topo` command: parses its arguments, runs one command, ends with its exit code.

mod cli;
mod ui;

fn main() -> std::process::ExitCode {
    cli::run().into()
}
