//! Lines of several containers, each behind its name and in the colour of its service.

use std::collections::HashMap;

use owo_colors::{AnsiColors, OwoColorize as _};
use topo::engine::LogLine;

use super::{Style, Ui};

const COLORS: [AnsiColors; 6] = [
    AnsiColors::Cyan,
    AnsiColors::Yellow,
    AnsiColors::Green,
    AnsiColors::Magenta,
    AnsiColors::Blue,
    AnsiColors::BrightCyan,
];

/// Prints lines of containers.
pub(crate) struct LogPrinter {
    ui: Ui,
    project: String,
    with_prefix: bool,
    width: usize,
    /// By service.
    colors: HashMap<String, AnsiColors>,
}

impl LogPrinter {
    /// Prepares for the containers that are known; others may come.
    pub(crate) fn new<'a>(
        ui: Ui,
        project: &str,
        with_prefix: bool,
        containers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut printer =
            Self { ui, project: project.to_owned(), with_prefix, width: 0, colors: HashMap::new() };
        let mut known: Vec<&str> = containers.into_iter().collect();
        known.sort_unstable();
        for container in known {
            printer.color_of(container);
        }
        printer
    }

    fn short<'a>(&self, container: &'a str) -> &'a str {
        let rest = container.strip_prefix(&*self.project);
        rest.and_then(|rest| rest.strip_prefix(['-', '_'])).unwrap_or(container)
    }

    /// The name of the service, as far as that of the container shows it.
    fn service<'a>(&self, container: &'a str) -> &'a str {
        let short = self.short(container);
        let is_number = |number: &str| number.bytes().all(|digit| digit.is_ascii_digit());
        short
            .rsplit_once(['-', '_'])
            .filter(|(_, number)| is_number(number))
            .map_or(short, |(service, _)| service)
    }

    fn color_of(&mut self, container: &str) -> AnsiColors {
        self.width = self.width.max(self.short(container).len());
        let next = COLORS[self.colors.len() % COLORS.len()];
        let service = self.service(container).to_owned();
        *self.colors.entry(service).or_insert(next)
    }

    /// Prints a line that a container wrote.
    pub(crate) fn line(&mut self, container: &str, line: &LogLine) {
        let text = String::from_utf8_lossy(&line.text);
        let time = line.timestamp.as_ref().map_or(String::new(), |time| format!("{time} "));
        self.text(container, &format!("{time}{text}"));
    }

    /// Prints what topo itself does, among its lines, or as an object.
    pub(crate) fn own(&mut self, text: &str) {
        if self.ui.style == Style::Json {
            self.ui.status(&serde_json::json!({ "event": "watch", "detail": text }).to_string());
        } else if self.with_prefix {
            let mark = format!("{:>width$}", "⦿", width = self.width + 2);
            let mark = self.ui.paint_stdout(&mark, |mark| mark.bright_green().to_string());
            self.ui.data(&format!("{mark} {text}\n"));
        } else {
            self.ui.data(&format!("{text}\n"));
        }
    }

    /// Prints what topo has to say of a container, among its lines.
    pub(crate) fn text(&mut self, container: &str, text: &str) {
        if !self.with_prefix {
            self.ui.data(&format!("{text}\n"));
            return;
        }
        let color = self.color_of(container);
        let prefix = format!("{:width$} |", self.short(container), width = self.width);
        let prefix = self.ui.paint_stdout(&prefix, |prefix| prefix.color(color).to_string());
        self.ui.data(&format!("{prefix} {text}\n"));
    }
}
