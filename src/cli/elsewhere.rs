//! Commands of docker compose that topo does not have: what to use instead.

use clap::{Arg, ArgAction, Command};

use super::{Context, Exit};

/// The commands, why topo does not have them, and what to use.
const ELSEWHERE: [(&str, &str, &str); 3] = [
    (
        "alpha",
        "the experiments of docker compose are its own",
        "use `docker compose alpha`; `topo config` prints the model, and `topo plan` what is to be done",
    ),
    (
        "bridge",
        "it turns projects into manifests by programs in images",
        "use `topo export k8s`, or `docker compose bridge` for transformations of your own",
    ),
    (
        "publish",
        "it sends a compose file to a registry",
        "use `docker compose publish`, or keep what `topo config` prints",
    ),
];

/// Adds these commands, hidden, to those that topo has.
pub(crate) fn add(mut command: Command) -> Command {
    for (name, _, _) in ELSEWHERE {
        if command.find_subcommand(name).is_none() {
            let words = Arg::new("words").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
            let known = Command::new(name).hide(true).disable_help_flag(true);
            command = command.subcommand(known.arg(words.action(ArgAction::Append)));
        }
    }
    command
}

/// Answers one of these commands. `None` says that it is none of them.
pub(crate) fn answer(name: &str, context: &Context) -> Option<Exit> {
    let (name, why, help) = ELSEWHERE.iter().find(|(known, _, _)| *known == name)?;
    context.ui.error(&format!("topo has no `{name}`: {why}"));
    context.ui.help(help);
    Some(Exit::Failure)
}
