//! The rows of `stats`: what containers use.

use super::units::{bytes_size, human_size, short};
use super::{Layout, Row};
use crate::engine::look::{Listed, Usage};

/// How usage is written.
pub const LAYOUT: Layout = Layout {
    table: "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
    narrow: Some("{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"),
    raw: None,
    columns: &[
        ("Container", "CONTAINER"),
        ("Name", "NAME"),
        ("ID", "CONTAINER ID"),
        ("CPUPerc", "CPU %"),
        ("MemUsage", "MEM USAGE / LIMIT"),
        ("MemPerc", "MEM %"),
        ("NetIO", "NET I/O"),
        ("BlockIO", "BLOCK I/O"),
        ("PIDs", "PIDS"),
    ],
};

/// Returns the row of a container; `None` is a usage that is not known. `whole` keeps the ID whole.
pub fn row(listed: &Listed, usage: Option<&Usage>, whole: bool) -> Row {
    let container = &listed.container;
    let id = if whole { container.id.as_str() } else { short(&container.id) };
    let shown = |text: fn(&Usage) -> String, unknown: &str| usage.map_or_else(|| unknown.to_owned(), text);
    let fields = [
        ("BlockIO", shown(|used| pair(human_size, used.read, used.written), "--").into()),
        ("CPUPerc", shown(|used| format!("{:.2}%", used.cpu), "--").into()),
        ("Container", container.id.as_str().into()),
        ("ID", id.into()),
        ("MemPerc", shown(|used| format!("{:.2}%", share(used.memory, used.limit)), "--").into()),
        ("MemUsage", shown(|used| pair(bytes_size, used.memory, used.limit), "-- / --").into()),
        ("Name", container.name.as_str().into()),
        ("NetIO", shown(|used| pair(human_size, used.received, used.sent), "--").into()),
        ("PIDs", shown(|used| used.processes.to_string(), "--").into()),
    ];
    Row { fields: fields.into_iter().collect(), labels: container.labels.clone() }
}

#[expect(clippy::cast_precision_loss, reason = "few digits are shown")]
fn pair(size: fn(f64) -> String, one: u64, other: u64) -> String {
    format!("{} / {}", size(one as f64), size(other as f64))
}

#[expect(clippy::cast_precision_loss, reason = "few digits are shown")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}
