//! What a kind of diagnostic means, on the terminal: an example, and the same mended.

use owo_colors::OwoColorize as _;
use topo::diagnose::Cause;
use topo::diagnostic::Code;
use topo::diagnostic::example::{Example, File};

use super::Ui;

/// Writes the name and the meaning of a kind in a line; the name is filled up to `width`.
pub(crate) fn explanation_line(name: &str, meaning: &str, width: usize, ui: Ui) -> String {
    let name = ui.paint_stdout(&format!("{name:width$}"), |name| name.bold().to_string());
    format!("{name}  {meaning}\n")
}

/// Writes all that there is to say about a cause that `topo diagnose` names.
pub(crate) fn explained_cause(cause: &Cause, ui: Ui) -> String {
    let Cause { name, symptom, meaning, mend } = cause;
    let bold = |word: &str| ui.paint_stdout(word, |word| word.bold().to_string());
    format!("{}: {meaning}\n\n{}: {symptom}\n{}: {mend}\n", bold(name), bold("shows as"), bold("mended by"))
}

/// Writes all that there is to say about a kind.
pub(crate) fn explanation(code: Code, ui: Ui) -> String {
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
