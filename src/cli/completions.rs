//! `topo completions`: scripts that make shells ask topo how to go on, and the answers.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Arc;

use clap::{Args, Command, FromArgMatches as _};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate, PathCompleter};
use clap_complete::env::Shells;
use clap_complete::{ArgValueCompleter, CompleteEnv, Shell};
use topo::load::{OsWorld, World as _};

use super::global::Global;
use super::{Context, Exit};
use crate::ui::Ui;

/// The variable that says for which shell an answer is wanted.
const VARIABLE: &str = "COMPLETE";

/// Print a completion script for a shell
///
/// The script asks topo for each completion, so that services and profiles of the file at hand are completed.
///
/// Example: topo completions bash > /etc/bash_completion.d/topo
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Completions, context: &Context) -> Exit {
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&arguments.shell.to_string()) else { return Exit::Failure };
    let mut script = Vec::new();
    if let Err(error) = completer.write_registration(VARIABLE, "topo", "topo", "topo", &mut script) {
        context.ui.error(&format!("cannot make the script: {error}"));
        return Exit::Failure;
    }
    context.ui.data(&String::from_utf8_lossy(&script));
    Exit::Success
}

/// Answers a shell that asks how a command line may go on. `None` says that nobody asked.
pub(crate) fn answer(words: &[OsString], command: impl Fn() -> Command) -> Option<Exit> {
    if OsWorld.var(VARIABLE).is_none_or(|shell| shell.is_empty() || shell == "0") {
        return None;
    }
    // What was typed comes after `--`.
    let typed: Vec<OsString> = words.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    let live = || with_live_names(command(), &typed);
    let completed = CompleteEnv::with_factory(live).try_complete(words.to_vec(), Some(&OsWorld.cwd()));
    // A shell has no place to show an error, and has seen enough if it went away.
    let _ = std::io::stdout().flush();
    Some(if completed.is_ok() { Exit::Success } else { Exit::Failure })
}

/// Gives the arguments that name something of the project the names it has.
fn with_live_names(command: Command, typed: &[OsString]) -> Command {
    let names = Arc::new(Names::of(&command, typed));
    let command = command.mut_args(|argument| live(argument, &names));
    command.mut_subcommands(|subcommand| {
        let names = &names;
        subcommand.mut_args(|argument| live(argument, names))
    })
}

fn live(argument: clap::Arg, names: &Arc<Names>) -> clap::Arg {
    let value =
        argument.get_value_names().and_then(|names| names.first()).map(|name| name.as_str().to_owned());
    let candidates = |of: fn(&Names) -> Vec<String>| {
        let names = Arc::clone(names);
        ArgValueCandidates::new(move || of(&names).into_iter().map(CompletionCandidate::new).collect())
    };
    match value.as_deref() {
        Some("SERVICE") => argument.add(candidates(|names| names.services.clone())),
        Some("SERVICES") => {
            argument.add(candidates(|names| names.services.iter().cloned().chain(["*".to_owned()]).collect()))
        }
        Some("SERVICE=NUMBER") => {
            argument.add(candidates(|names| names.services.iter().map(|name| format!("{name}=")).collect()))
        }
        Some("NETWORK") => argument.add(candidates(|names| names.networks.clone())),
        Some("PROFILE") => argument.add(candidates(|names| names.profiles.clone())),
        Some("FILE") => argument.add(ArgValueCompleter::new(PathCompleter::file())),
        Some("DIRECTORY") => argument.add(ArgValueCompleter::new(PathCompleter::dir())),
        _ => argument,
    }
}

/// The names that a project has.
struct Names {
    services: Vec<String>,
    networks: Vec<String>,
    profiles: Vec<String>,
}

impl Names {
    /// Loads the project that the words are about. One with mistakes has the names that could be read.
    fn of(command: &Command, typed: &[OsString]) -> Self {
        let matches = command.clone().ignore_errors(true).try_get_matches_from(typed);
        let global = matches.ok().and_then(|matches| Global::from_arg_matches(&matches).ok());
        let Some(global) = global.filter(|global| global.files.iter().all(|file| file != "-")) else {
            return Self { services: Vec::new(), networks: Vec::new(), profiles: Vec::new() };
        };
        let context = Context { world: OsWorld, ui: Ui::default(), global };
        let (project, _, _) = context.checked(&[]);
        let services = project.services.iter().chain(&project.disabled);
        let mut profiles: Vec<String> =
            services.clone().flat_map(|(_, service)| service.profiles.0.iter().cloned()).collect();
        profiles.sort();
        profiles.dedup();
        let mut services: Vec<String> = services.map(|(name, _)| name.clone()).collect();
        services.sort();
        Self { services, networks: project.networks.into_keys().collect(), profiles }
    }
}
