//! The commands: one file each, which turns arguments into options and hands results to [`crate::ui`].

mod config;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use topo::load::{Loaded, OsWorld, Request, World, load};
use topo::project::{Project, Selection, resolve};

use crate::ui::{Ansi, Ui, report};

/// Brings compose topologies up on Docker Engine and exports them to Kubernetes, with a plan before the act.
///
/// Example: topo -f compose.yaml up -d
#[derive(Debug, Parser)]
#[command(name = "topo", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What stands before the command, as in docker compose.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Compose file; several are merged in order, `-` is standard input
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// Project name
    #[arg(short = 'p', long, value_name = "NAME")]
    project_name: Option<String>,
    /// Profile to activate; `*` is all of them
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// File to read variables from, in place of `.env`
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<String>,
    /// Directory that relative paths start from; default: that of the first compose file
    #[arg(long, value_name = "DIRECTORY")]
    project_directory: Option<String>,
    /// Colour and movement
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    ansi: Ansi,
}

#[derive(Debug, Subcommand)]
enum Command {
    Config(config::Config),
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done: 0.
    Success,
    /// Something was wrong, and has been said: 1.
    Failure,
    /// The user interrupted it: 130.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Interrupted => 130,
        })
    }
}

/// What every command works with.
pub(crate) struct Context {
    pub(crate) world: OsWorld,
    pub(crate) ui: Ui,
    pub(crate) global: Global,
}

impl Context {
    /// Loads and completes the project, and prints what there is to say. `None` ends the command.
    pub(crate) fn project(&self, services: &[String]) -> Option<(Project, Loaded)> {
        let Global { files, project_name, profiles, env_files, project_directory, ansi: _ } = self.global.clone();
        let mut loaded =
            load(&self.world, &Request { files, env_files, project_directory, project_name });
        let selection = Selection { profiles, services: services.to_vec() };
        let project = resolve(&mut loaded, &selection, &self.world);
        if loaded.diagnostics.has_errors() {
            report(self.ui, &loaded.diagnostics, &loaded.sources);
            return None;
        }
        Some((project, loaded))
    }
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> Exit {
    let Cli { global, command } = Cli::parse();
    let world = OsWorld;
    let ui = Ui::new(global.ansi, world.var("NO_COLOR").as_deref());
    let context = Context { world, ui, global };
    match command {
        Command::Config(arguments) => config::run(&arguments, &context),
    }
}
