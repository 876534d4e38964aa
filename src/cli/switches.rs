//! Switches as docker's command line has them: `--build` may also be written `--build=true` or `--build=false`.

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// Parses the words of a command line. Help and mistakes are told as if switches had no values, which nobody writes by
/// hand.
pub(crate) fn parse(command: impl Fn() -> Command, words: &[OsString]) -> ArgMatches {
    let parsed = with_values(command()).try_get_matches_from(words);
    parsed.unwrap_or_else(|_| command().get_matches_from(words))
}

fn with_values(command: Command) -> Command {
    command.mut_args(with_value).mut_subcommands(with_values)
}

fn with_value(switch: Arg) -> Arg {
    if !matches!(switch.get_action(), ArgAction::SetTrue) {
        return switch;
    }
    switch
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .value_parser(BoolishValueParser::new())
}
