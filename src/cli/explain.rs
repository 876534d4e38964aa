//! `topo explain`: what a diagnostic means, with an example and its mend.

use clap::Args;
use topo::diagnostic::{Code, did_you_mean};
use topo::lint::RULES;

use super::{Context, Exit};
use crate::ui;

/// Explain a kind of diagnostic or a rule of `topo lint`, or list them all
///
/// Shows what it means, a project that gets it, and the same project mended.
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
        let width = codes.iter().map(|code| code.name().len()).max().unwrap_or(0);
        let line = |code: &Code| ui::explanation_line(*code, width, context.ui);
        context.ui.data(&codes.iter().map(line).collect::<String>());
        return Exit::Success;
    };
    // As it stands in the output, too: `error[unknown-key]`.
    let bare = name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(name);
    match codes.iter().find(|code| code.name() == bare) {
        Some(code) => {
            context.ui.data(&ui::explanation(*code, context.ui));
            Exit::Success
        }
        None => {
            context.ui.error(&format!("there is no kind of diagnostic `{bare}`"));
            let known = codes.iter().map(|code| code.name());
            let help = did_you_mean(bare, known).unwrap_or_else(|| "`topo explain` lists them".to_owned());
            context.ui.help(&help);
            Exit::Failure
        }
    }
}
