//! What was seen and found, as text.

use super::matrix::{LEGEND, Matrix, mark};
use super::{Finding, Input, Seen};
use crate::probe::{Answer, Question};
use crate::topology::reach::text::grid;

/// Writes what each container has: networks, ports, name servers, names.
pub fn containers(input: &Input<'_>) -> String {
    let wanted = input.wanted().flat_map(|service| input.of(service));
    wanted.map(|seen| container(input, seen)).collect()
}

fn container(input: &Input<'_>, seen: &Seen) -> String {
    let live = &seen.live;
    let mut text = format!("{}\n", live.name);
    let mut line = |head: &str, words: String| text.push_str(&format!("  {head:<9}{words}\n"));
    if live.attachments.is_empty() {
        line("network", live.network_mode.clone());
    }
    for attachment in &live.attachments {
        let join = |addresses: &[std::net::IpAddr]| {
            let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            texts.join(" ")
        };
        let mut words = vec![attachment.network.clone(), join(&attachment.addresses)];
        if !attachment.gateways.is_empty() {
            words.push(format!("gateway {}", join(&attachment.gateways)));
        }
        if !attachment.mac.is_empty() {
            words.push(format!("mac {}", attachment.mac));
        }
        line("network", words.join("  "));
    }
    for port in &live.ports {
        let Some((address, number)) = &port.host else { continue };
        let address = if address.contains(':') { format!("[{address}]") } else { address.clone() };
        let behind = match &seen.view {
            Some(view) if view.is_open(&port.protocol, port.container) => "something listens",
            Some(view) if view.is_private(&port.protocol, port.container) => "listens on 127.0.0.1 alone",
            Some(_) => "nothing listens",
            None => "not looked at",
        };
        let from_host = input.from_host(port);
        let from_host =
            from_host.map(|answer| format!("; from the host: {}", answer.words())).unwrap_or_default();
        let port = format!("{}/{}", port.container, port.protocol);
        line("port", format!("{address}:{number} -> {port}  {behind}{from_host}"));
    }
    if let Some(view) = &seen.view {
        let mut open: Vec<String> = view
            .sockets
            .iter()
            .map(|one| format!("{}/{} on {}", one.port, one.protocol, one.address))
            .collect();
        open.dedup();
        if !open.is_empty() && live.network_mode != "host" {
            line("listens", open.join(", "));
        }
        let servers: Vec<String> = view.servers.iter().map(ToString::to_string).collect();
        if !servers.is_empty() {
            let mut words = vec![servers.join(" ")];
            for (what, of) in [("search", &view.search), ("options", &view.options)] {
                words.extend((!of.is_empty()).then(|| format!("{what} {}", of.join(" "))));
            }
            line("dns", words.join("  "));
        }
    }
    for (question, answer) in &seen.answers {
        match (question, answer) {
            (Question::Resolve(name), answer) => line("name", format!("{name} -> {}", answer.words())),
            (Question::Neighbour(gateway), Answer::Yes) => line("gateway", format!("{gateway} answers")),
            _ => {}
        }
    }
    text
}

/// Writes who reaches whom.
pub fn matrix(matrix: &Matrix, width: usize) -> String {
    let row = |row: &Vec<Option<super::matrix::Cell>>| row.iter().map(|cell| mark(cell.as_ref())).collect();
    let marks: Vec<Vec<&'static str>> = matrix.cells.iter().map(row).collect();
    let (known, differing) = matrix.count();
    let count = match differing {
        0 => format!("{known} pairs tried, all as the file says\n"),
        some => format!("{known} pairs tried, {some} not as the file says\n"),
    };
    match grid(&matrix.ends, &marks, &LEGEND, width) {
        Some(table) => format!("{table}{count}"),
        None => {
            let lines = matrix.differences().map(|(from, to, cell)| {
                format!(
                    "{from} -> {to}: {} in the file, {} for real\n",
                    cell.expected.word(),
                    cell.actual.word()
                )
            });
            format!("{}{count}", lines.collect::<String>())
        }
    }
}

/// Writes a finding.
pub fn finding(finding: &Finding) -> String {
    let Finding { cause, severity, service: _, message, seen, mend } = finding;
    let mut text = format!("{}[{}]: {message}\n", severity.word(), cause.name);
    for line in seen {
        text.push_str(&format!("  seen: {line}\n"));
    }
    text.push_str(&format!("  mend: {mend}\n"));
    text
}
