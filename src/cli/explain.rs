//! `topo explain`: what a diagnostic means.

use clap::Args;
use topo::diagnostic::{Code, did_you_mean};

use super::{Context, Exit};

/// Explain a kind of diagnostic, or list them all
///
/// Example: topo explain port-conflict
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The kind, as it stands in brackets: `error[port-conflict]`
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(arguments: &Explain, context: &Context) -> Exit {
    let text = |code: &Code| code.documentation().lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let Some(name) = &arguments.code else {
        let width = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or(0);
        let lines = Code::ALL.iter().map(|code| format!("{:width$}  {}\n", code.name(), text(code).trim()));
        context.ui.data(&lines.collect::<String>());
        return Exit::Success;
    };
    match Code::ALL.iter().find(|code| code.name() == name) {
        Some(code) => {
            context.ui.data(&format!("{}\n", text(code).trim()));
            Exit::Success
        }
        None => {
            context.ui.error(&format!("there is no kind of diagnostic `{name}`"));
            let known = Code::ALL.iter().map(|code| code.name());
            context
                .ui
                .help(&did_you_mean(name, known).unwrap_or_else(|| "`topo explain` lists them".to_owned()));
            Exit::Failure
        }
    }
}
