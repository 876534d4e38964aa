//! The terminal: the only code that prints. Data goes to standard output, all else to standard error.

mod explanation;
pub(crate) mod findings;
mod listing;
mod logs;
pub(crate) mod origins;
mod progress;
mod report;
pub(crate) mod terminal;

use std::io::{self, BufRead as _, IsTerminal, Write};

use clap::ValueEnum;
use owo_colors::OwoColorize as _;

pub(crate) use explanation::{explanation, explanation_line};
pub(crate) use listing::{container_json, container_table, plan_text};
pub(crate) use logs::LogPrinter;
pub(crate) use progress::Progress;
pub(crate) use report::report;

/// When to use colour and movement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ansi {
    /// Never.
    Never,
    /// Always.
    Always,
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Moving lines on a terminal, plain ones elsewhere.
    #[default]
    Auto,
    /// Moving lines.
    Tty,
    /// A line for each thing done.
    Plain,
    /// An object a line.
    Json,
    /// Nothing.
    Quiet,
}

/// What to print, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    /// Whether standard output takes colour.
    pub(crate) color_stdout: bool,
    /// Whether standard error takes colour.
    pub(crate) color_stderr: bool,
    /// How to show progress; never `Auto`.
    pub(crate) style: Style,
    /// Whether the progress of pulls is left out.
    pub(crate) quiet_pull: bool,
    /// Whether the progress of builds is left out.
    pub(crate) quiet_build: bool,
}

impl Ui {
    /// Looks at the terminal. `no_color` is the variable's value.
    pub(crate) fn new(ansi: Ansi, style: Style, no_color: Option<&str>) -> Self {
        let wanted = |is_terminal: bool| match ansi {
            Ansi::Never => false,
            Ansi::Always => true,
            Ansi::Auto => is_terminal && no_color.is_none_or(str::is_empty),
        };
        Self {
            color_stdout: wanted(io::stdout().is_terminal()),
            color_stderr: wanted(io::stderr().is_terminal()),
            style: match style {
                Style::Auto if io::stderr().is_terminal() && ansi != Ansi::Never => Style::Tty,
                Style::Auto => Style::Plain,
                style => style,
            },
            quiet_pull: false,
            quiet_build: false,
        }
    }

    /// Asks a question that is answered with yes or no. Without a terminal the answer is no.
    #[expect(clippy::unused_self, reason = "all printing goes through here")]
    pub(crate) fn ask(self, question: &str) -> bool {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return false;
        }
        // Nobody is left to tell if this fails.
        let _ = write!(io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer).is_ok();
        read && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// The same without moving lines.
    pub(crate) fn plain(self) -> Self {
        Self { style: if self.style == Style::Tty { Style::Plain } else { self.style }, ..self }
    }

    /// Writes data to standard output. A reader that went away has seen enough.
    pub(crate) fn data(self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// The same of data that need not be text.
    pub(crate) fn bytes(self, data: &[u8]) {
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(data).and_then(|()| out.flush())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.error(&format!("cannot write to standard output: {error}"));
            // What was asked for could not be given, and nothing is left to be done.
            std::process::exit(1);
        }
    }

    /// Writes a line for people to standard error.
    #[expect(clippy::unused_self, reason = "all printing goes through here")]
    pub(crate) fn say(self, text: &str) {
        // Nobody is left to tell if this fails.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes `error:` and a line to standard error.
    pub(crate) fn error(self, text: &str) {
        let word = self.paint_stderr("error:", |word| word.red().bold().to_string());
        self.say(&format!("{word} {text}"));
    }

    /// Writes `help:` and a line to standard error.
    pub(crate) fn help(self, text: &str) {
        let word = self.paint_stderr(" help:", |word| word.cyan().to_string());
        self.say(&format!("{word} {text}"));
    }

    /// Writes `warning:` and a line to standard error.
    pub(crate) fn warning(self, text: &str) {
        let word = self.paint_stderr("warning:", |word| word.yellow().bold().to_string());
        self.say(&format!("{word} {text}"));
    }

    /// Paints text that goes to standard error, if it takes colour.
    pub(crate) fn paint_stderr(self, text: &str, paint: impl FnOnce(&str) -> String) -> String {
        if self.color_stderr { paint(text) } else { text.to_owned() }
    }

    /// Paints text that goes to standard output, if it takes colour.
    pub(crate) fn paint_stdout(self, text: &str, paint: impl FnOnce(&str) -> String) -> String {
        if self.color_stdout { paint(text) } else { text.to_owned() }
    }
}
