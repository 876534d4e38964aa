//! `topo explain`: what a diagnostic means, with an example and its mend.

use clap::Args;
use owo_colors::OwoColorize as _;
use topo::diagnostic::example::{Example, File};
use topo::diagnostic::{Code, did_you_mean};

use super::{Context, Exit};
use crate::ui::Ui;

/// Explain a kind of diagnostic, or list them all
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
    let ui = context.ui;
    let Some(name) = &arguments.code else {
        let width = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or(0);
        let line = |code: &Code| {
            let name = ui.paint_stdout(&format!("{:width$}", code.name()), |name| name.bold().to_string());
            format!("{name}  {}\n", code.meaning())
        };
        ui.data(&Code::ALL.iter().map(line).collect::<String>());
        return Exit::Success;
    };
    // As it stands in the output, too: `error[unknown-key]`.
    let bare = name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(name);
    match Code::ALL.iter().find(|code| code.name() == bare) {
        Some(code) => {
            ui.data(&explanation(*code, ui));
            Exit::Success
        }
        None => {
            ui.error(&format!("there is no kind of diagnostic `{bare}`"));
            let known = Code::ALL.iter().map(|code| code.name());
            ui.help(&did_you_mean(bare, known).unwrap_or_else(|| "`topo explain` lists them".to_owned()));
            Exit::Failure
        }
    }
}

fn explanation(code: Code, ui: Ui) -> String {
    let example = code.example();
    let title = ui.paint_stdout(code.name(), |name| name.bold().to_string());
    let mut text = format!("{title}: {}\n", code.meaning());
    let Example { command, files, mended } = &example;
    let wrong = ui.paint_stdout("wrong", |word| word.red().bold().to_string());
    text.push_str(&format!("\n{wrong}, as `topo {command}` says:\n"));
    if files.is_empty() {
        text.push_str("\n    an empty directory\n");
    }
    for file in files {
        let same = mended.iter().find(|mended| mended.name == file.name);
        let other = same.map_or(file.text, |mended| mended.text);
        listing(&mut text, file, other, ui, |line| line.red().to_string());
    }
    let right = ui.paint_stdout("mended", |word| word.green().bold().to_string());
    text.push_str(&format!("\n{right}:\n"));
    for file in mended {
        let same = files.iter().find(|wrong| wrong.name == file.name);
        listing(&mut text, file, same.map_or("", |wrong| wrong.text), ui, |line| line.green().to_string());
    }
    text
}

/// Writes a file, and paints the lines that the other version does not have.
fn listing(text: &mut String, file: &File<'_>, other: &str, ui: Ui, paint: fn(&str) -> String) {
    text.push_str(&format!("\n  {}\n", ui.paint_stdout(file.name, |name| name.cyan().to_string())));
    for line in file.text.lines() {
        let is_new = other.lines().all(|known| known != line);
        let line = if is_new { ui.paint_stdout(line, paint) } else { line.to_owned() };
        text.push_str(&format!("    {line}\n"));
    }
}
