//! The terminal: the only code that prints. Data goes to standard output, all else to standard error.

mod explanation;
pub(crate) mod findings;
mod listing;
mod logs;
pub(crate) mod origins;
mod progress;
mod report;
pub(crate) mod terminal;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use owo_colors::OwoColorize as _;

pub(crate) use explanation::{explained_cause, explanation, explanation_line};
pub(crate) use listing::{paint_live, paint_status, plan_text};
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
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ui {
    /// Whether standard output takes colour.
    pub(crate) color_stdout: bool,
    /// Whether standard error takes colour.
    pub(crate) color_stderr: bool,
    /// How to show progress; never `Auto`.
    pub(crate) style: Style,
    /// Whether progress goes to standard output.
    pub(crate) status_stdout: bool,
    /// Whether the progress of pulls is left out.
    pub(crate) quiet_pull: bool,
    /// Whether the progress of builds is left out.
    pub(crate) quiet_build: bool,
}

impl Ui {
    /// Looks at the terminal. `no_color` is the variable's value; `status_stdout` sends progress to standard output.
    pub(crate) fn new(ansi: Ansi, style: Style, no_color: Option<&str>, status_stdout: bool) -> Self {
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
            status_stdout,
            quiet_pull: false,
            quiet_build: false,
        }
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

    /// Writes data to standard output. Returns whether somebody still reads it.
    #[expect(clippy::unused_self, reason = "all printing goes through here")]
    pub(crate) fn stream(self, text: &str) -> bool {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
    }

    /// Returns how many characters a line of the terminal has that standard output goes to, if it goes to one.
    #[expect(clippy::unused_self, reason = "all that knows the terminal is here")]
    pub(crate) fn width(self) -> Option<usize> {
        size().map(|(width, _)| width)
    }

    /// Shows text that changes in place of what was there before, if standard output is a terminal; otherwise below it.
    /// Returns whether somebody still reads it.
    pub(crate) fn redraw(self, text: &str, is_first: bool) -> bool {
        if !io::stdout().is_terminal() {
            return self.stream(text);
        }
        let (width, height) = size().unwrap_or((usize::MAX, usize::MAX));
        // Lines that wrap, or more of them than there is room for, would scroll away what stands above.
        let fit = |line: &str| match line.char_indices().nth(width) {
            Some(_) => line.chars().take(width - 1).chain(['…']).collect(),
            None => line.to_owned(),
        };
        let lines: Vec<String> = text.lines().take(height.saturating_sub(1)).map(fit).collect();
        let clear = if is_first { "\x1b[2J" } else { "" };
        self.stream(&format!("{clear}\x1b[H{}\x1b[K\n\x1b[J", lines.join("\x1b[K\n")))
    }

    /// Writes a line to standard error on what was done, unless progress is to be quiet.
    pub(crate) fn say(self, text: &str) {
        if self.style != Style::Quiet {
            self.line(text);
        }
    }

    /// Writes a line to standard error that is never left out.
    #[expect(clippy::unused_self, reason = "all printing goes through here")]
    pub(crate) fn line(self, text: &str) {
        // Nobody is left to tell if this fails.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes a line on how work goes.
    pub(crate) fn status(self, text: &str) {
        if self.status_stdout { self.data(&format!("{text}\n")) } else { self.line(text) }
    }

    /// Whether somebody is there to ask.
    #[expect(clippy::unused_self, reason = "all that knows the terminal is here")]
    pub(crate) fn is_interactive(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question. No answer means no.
    pub(crate) fn ask(self, question: &str) -> bool {
        // Nobody is left to ask if this fails.
        let _ = write!(io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        if !io::stdin().is_terminal() {
            self.line("");
        }
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Writes `error:` and a line to standard error.
    pub(crate) fn error(self, text: &str) {
        let word = self.paint_stderr("error:", |word| word.red().bold().to_string());
        self.line(&format!("{word} {text}"));
    }

    /// Writes `help:` and a line to standard error.
    pub(crate) fn help(self, text: &str) {
        let word = self.paint_stderr(" help:", |word| word.cyan().to_string());
        self.line(&format!("{word} {text}"));
    }

    /// Writes `warning:` and a line to standard error.
    pub(crate) fn warning(self, text: &str) {
        let word = self.paint_stderr("warning:", |word| word.yellow().bold().to_string());
        self.line(&format!("{word} {text}"));
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

/// Returns width and height of the terminal that standard output goes to, if it goes to one.
fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size().filter(|_| io::stdout().is_terminal())?;
    Some((usize::from(width.0), usize::from(height.0)))
}
