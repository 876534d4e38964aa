//! Who reaches whom: what the file says beside what probers met.

use super::questions::{addresses, at_host, gateways, outer_servers, trial_port};
use super::{Input, Seen};
use crate::probe::{Answer, Question};
use crate::topology::reach::{self, End, Way};

/// How far one end reaches the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every port that something listens on.
    All,
    /// Ports that are published on the host.
    Published,
    /// Not at all.
    No,
    /// It is not known.
    Unknown,
}

/// What is said and what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What the file says.
    pub expected: Reach,
    /// What was met.
    pub actual: Reach,
    /// What was tried, a line each.
    pub tried: Vec<String>,
}

/// All pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The services, and the outside as the last.
    pub ends: Vec<String>,
    /// From the end of the row to that of the column; `None` where that means nothing.
    pub cells: Vec<Vec<Option<Cell>>>,
}

impl Reach {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Published => "published",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl Cell {
    /// Returns whether what was met is not what the file says.
    pub fn differs(&self) -> bool {
        self.expected != self.actual && self.expected != Reach::Unknown && self.actual != Reach::Unknown
    }
}

impl Matrix {
    /// Compares all pairs.
    pub fn of(input: &Input<'_>) -> Self {
        let said = reach::text::Matrix::of(input.project, None);
        let row = |(from, answers): (&End<'_>, &Vec<Option<reach::Answer>>)| {
            let cell = |(to, answer): (&End<'_>, &Option<reach::Answer>)| {
                let answer = answer.as_ref()?;
                let mut tried = Vec::new();
                let expected = expected(answer);
                let actual = actual(input, *from, *to, answer, &mut tried);
                Some(Cell { expected, actual, tried })
            };
            said.ends.iter().zip(answers).map(cell).collect()
        };
        let cells = said.ends.iter().zip(&said.answers).map(row).collect();
        Self { ends: said.ends.iter().map(ToString::to_string).collect(), cells }
    }

    /// Returns the pairs whose cells differ.
    pub fn differences(&self) -> impl Iterator<Item = (&str, &str, &Cell)> {
        let rows = self.ends.iter().zip(&self.cells);
        rows.flat_map(|(from, cells)| {
            let row = self.ends.iter().zip(cells);
            row.filter_map(|(to, cell)| Some((from.as_str(), to.as_str(), cell.as_ref()?)))
        })
        .filter(|(.., cell)| cell.differs())
    }

    /// Returns how many cells were tried, and how many differ.
    pub fn count(&self) -> (usize, usize) {
        let known = self.cells.iter().flatten().flatten().filter(|cell| cell.actual != Reach::Unknown);
        (known.count(), self.differences().count())
    }
}

fn expected(answer: &reach::Answer) -> Reach {
    match answer {
        answer if answer.opens_all() => Reach::All,
        answer if answer.is_reachable() => Reach::Published,
        answer
            if answer
                .obstacles
                .iter()
                .any(|one| matches!(one.kind(), "foreign-container" | "no-container")) =>
        {
            Reach::Unknown
        }
        _ => Reach::No,
    }
}

fn actual(
    input: &Input<'_>,
    from: End<'_>,
    to: End<'_>,
    answer: &reach::Answer,
    tried: &mut Vec<String>,
) -> Reach {
    match (from, to) {
        (End::World, End::World) => Reach::Unknown,
        (End::Service(from), End::World) => out(input, from, answer, tried),
        (End::World, End::Service(to)) => inward(input, to, answer, tried),
        (End::Service(from), End::Service(to)) => between(input, from, to, tried),
    }
}

/// Whether there is a way out. Where no name server of the host is outside of it, that a gateway answers is all that can
/// be known.
fn out(input: &Input<'_>, from: &str, answer: &reach::Answer, tried: &mut Vec<String>) -> Reach {
    let Some((seen, view)) = input.first(from) else { return Reach::Unknown };
    let Some(way) = view.way_out() else {
        tried.push("there is no route out".to_owned());
        // The machine itself may have none.
        return if seen.live.network_mode == "host" { Reach::Unknown } else { Reach::No };
    };
    let Some(gateway) = way.gateway else { return Reach::All };
    match seen.answer(&Question::Neighbour(gateway)) {
        Some(Answer::Silence) => {
            tried.push(format!("gateway {gateway} does not answer"));
            Reach::No
        }
        // A way that answers do not find back by.
        _ if !answer.is_reachable() => Reach::Unknown,
        _ => {
            let blocked = blocked(input, seen);
            tried.extend(blocked.iter().cloned());
            if blocked.is_empty() { Reach::All } else { Reach::No }
        }
    }
}

/// Returns the name servers that answer the host and not this container, a line each; none if one of them answers it.
pub(super) fn blocked(input: &Input<'_>, seen: &Seen) -> Vec<String> {
    let Some(host) = input.host else { return Vec::new() };
    let mut lines = Vec::new();
    for server in outer_servers(&host.view) {
        let question = Question::Server(server);
        if host.answers.get(&question) != Some(&Answer::Yes) {
            continue;
        }
        match seen.answer(&question) {
            Some(Answer::Yes) => return Vec::new(),
            Some(answer) => {
                lines.push(format!(
                    "name server {server} answers the host, and from here: {}",
                    answer.words()
                ));
            }
            None => {}
        }
    }
    lines
}

/// Whether the host reaches its ports, which is as near to the outside as can be tried.
fn inward(input: &Input<'_>, to: &str, answer: &reach::Answer, tried: &mut Vec<String>) -> Reach {
    let Some(host) = input.host else { return Reach::Unknown };
    let Some((seen, view)) = input.first(to) else { return Reach::Unknown };
    if view.namespace == host.view.namespace {
        return Reach::All;
    }
    if answer.routes.iter().any(|route| matches!(route.way, Way::Lan(_))) {
        return Reach::Unknown;
    }
    let is_open = |(address, port): &(String, u16)| {
        let place = at_host(Some(&(address.clone(), *port)));
        let is_local = address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        let Some(place) = place.filter(|_| !is_local) else { return false };
        let answer = host.answers.get(&Question::Tcp(place));
        tried.extend(answer.map(|answer| format!("the host at {place}: {}", answer.words())));
        answer.is_some_and(Answer::arrived)
    };
    let tcp = seen.live.ports.iter().filter(|port| port.protocol == "tcp");
    let is_reached = tcp.filter_map(|port| port.host.as_ref()).map(is_open).fold(false, |any, one| any | one);
    let has_others = seen.live.ports.iter().any(|port| port.protocol != "tcp");
    match is_reached {
        true => Reach::Published,
        // What UDP lets through does not show.
        false if has_others => Reach::Unknown,
        false => Reach::No,
    }
}

fn between(input: &Input<'_>, from: &str, to: &str, tried: &mut Vec<String>) -> Reach {
    let Some((seen, _)) = input.first(from) else { return Reach::Unknown };
    let others: Vec<&Seen> =
        input.of(to).filter(|other| other.live.runs() && other.live.id != seen.live.id).collect();
    if others.is_empty() {
        return Reach::Unknown;
    }
    let mut is_known = false;
    for other in &others {
        let port = trial_port(input, other);
        for address in addresses(seen, other) {
            let Some(answer) = seen.tcp(address, port) else { continue };
            is_known = true;
            tried.push(format!("{address}:{port}: {}", answer.words()));
            if answer.arrived() {
                return Reach::All;
            }
        }
        is_known |= other.live.network_mode == "none";
    }
    for other in &others {
        for port in other.live.ports.iter().filter(|port| port.protocol == "tcp") {
            let Some((address, number)) = &port.host else { continue };
            let is_local = address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
            for gateway in gateways(seen) {
                let Some(answer) = seen.tcp(gateway, *number) else { continue };
                tried.push(format!("{gateway}:{number}: {}", answer.words()));
                if *answer == Answer::Yes || (answer.arrived() && !is_local) {
                    return Reach::Published;
                }
            }
        }
    }
    if is_known { Reach::No } else { Reach::Unknown }
}

/// Returns the mark of a pair.
pub(super) fn mark(cell: Option<&Cell>) -> &'static str {
    match cell {
        None => "",
        Some(cell) if cell.differs() && cell.actual == Reach::No => "✘",
        Some(cell) if cell.differs() => "!",
        Some(cell) => match cell.actual {
            Reach::All => "✔",
            Reach::Published => "p",
            Reach::No => "·",
            Reach::Unknown => "?",
        },
    }
}

/// What the marks mean.
pub(super) const LEGEND: [(&str, &str); 6] = [
    ("✔", "reaches every port"),
    ("p", "reaches published ports"),
    ("·", "does not reach"),
    ("?", "not tried"),
    ("✘", "should reach and does not"),
    ("!", "reaches more or less than it should"),
];
