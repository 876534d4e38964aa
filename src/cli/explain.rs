//! `topo explain`: what a diagnostic means, with an example and its mend.

use clap::Args;
use topo::diagnose::CAUSES;
use topo::diagnostic::{Code, did_you_mean};
use topo::lint::RULES;

use super::{Context, Exit};
use crate::ui;

/// Explain a kind of diagnostic, a rule of `topo lint` or a cause that `topo diagnose` names, or list them all
///
/// Shows what it means and what mends it; of what is found in a file, with a project that gets it, and that mended.
///
/// Example: topo explain port-conflict
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The kind, as it stands in brackets: `error[port-conflict]`
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(arguments: &Explain, context: &Context) -> Exit {
    let codes: Vec<Code> = Code::ALL.iter().copied().chain(RULES.iter().map(|rule| rule.code())).collect();
    let Some(name) = &arguments.code else {
        let meanings = codes.iter().map(|code| (code.name(), code.meaning()));
        let all: Vec<_> =
            meanings.chain(CAUSES.iter().map(|cause| (cause.name, cause.meaning.to_owned()))).collect();
        let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let line = |(name, meaning): &(&str, String)| ui::explanation_line(name, meaning, width, context.ui);
        context.ui.data(&all.iter().map(line).collect::<String>());
        return Exit::Success;
    };
    // As it stands in the output, too: `error[unknown-key]`.
    let bare = name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(name);
    if let Some(code) = codes.iter().find(|code| code.name() == bare) {
        context.ui.data(&ui::explanation(*code, context.ui));
        return Exit::Success;
    }
    if let Some(cause) = CAUSES.iter().find(|cause| cause.name == bare) {
        context.ui.data(&ui::explained_cause(cause, context.ui));
        return Exit::Success;
    }
    context.ui.error(&format!("there is nothing of the name `{bare}` to explain"));
    let known = codes.iter().map(|code| code.name()).chain(CAUSES.iter().map(|cause| cause.name));
    let help = did_you_mean(bare, known).unwrap_or_else(|| "`topo explain` lists all".to_owned());
    context.ui.help(&help);
    Exit::Failure
}
