//! Answers as text: a sentence for one pair, lines for one service, a matrix or a list for all.

use crate::project::Project;

use super::{Answer, End, Open, Port, Route, WORLD, Way, known_ports};

/// All ends of a project and what each reaches.
pub struct Matrix<'a> {
    /// The services, and the outside as the last.
    pub ends: Vec<End<'a>>,
    /// What the end of the row has to the end of the column; `None` from an end to itself.
    pub answers: Vec<Vec<Option<Answer>>>,
}

impl<'a> Matrix<'a> {
    /// Asks for each end what it reaches; `network` counts the ways over one network alone.
    pub fn of(project: &'a Project, network: Option<&str>) -> Self {
        let is_there = |name: &&String| network.is_none_or(|network| is_on(project, name, network));
        let services = project.services.keys().filter(is_there).map(|name| End::Service(name));
        let ends: Vec<End<'a>> = services.chain([End::World]).collect();
        let answer = |from: End<'_>, to: End<'_>| {
            let is_several = matches!(from, End::Service(name)
                if project.services.get(name).is_some_and(|service| service.containers() > 1));
            let answer = (from != to || is_several).then(|| super::reach(project, from, to))?;
            Some(match network {
                Some(network) => answer.over(project, network),
                None => answer,
            })
        };
        let row = |from: &End<'_>| ends.iter().map(|to| answer(*from, *to)).collect();
        let answers = ends.iter().map(row).collect();
        Self { ends, answers }
    }
}

fn is_on(project: &Project, service: &str, network: &str) -> bool {
    match super::Seat::of(project, service) {
        super::Seat::Networks(joined) => {
            joined.iter().any(|one| one.key == network || one.name == project.network_name(network))
        }
        super::Seat::Host | super::Seat::Nowhere | super::Seat::Foreign | super::Seat::Provided => false,
    }
}

fn port_text((protocol, number): &Port) -> String {
    format!("{number}/{protocol}")
}

/// Writes a way in a few words.
pub fn route_text(route: &Route) -> String {
    let names = match route.names.as_slice() {
        [] => String::new(),
        names => format!(", as {}", names.join(", ")),
    };
    match &route.way {
        Way::Network(network) if route.names.is_empty() => format!("on network {network}, by address"),
        Way::Network(network) => format!("on network {network}{names}"),
        Way::SameInterfaces => "on the same interfaces, as localhost".to_owned(),
        Way::Host => "on the host's interfaces".to_owned(),
        Way::Address(network) => format!("by its address on network {network}"),
        Way::Lan(network) => format!("at its own address, by network {network}"),
        Way::Out(network) => format!("through network {network}"),
        Way::Published(address, range) => {
            let host = match range {
                None => "a free port".to_owned(),
                Some((first, last)) if first == last => first.to_string(),
                Some((first, last)) => format!("one of {first}-{last}"),
            };
            let host = match address.as_deref() {
                None | Some("0.0.0.0" | "::") => host,
                Some(address) if address.contains(':') => format!("[{address}]:{host}"),
                Some(address) => format!("{address}:{host}"),
            };
            let port = match &route.ports {
                Open::Only(port) => port_text(port),
                Open::All => "all".to_owned(),
            };
            format!("{host} -> {port} (published)")
        }
    }
}

/// Writes what is known of the ports behind a way that opens all of them.
fn ports_text(project: &Project, to: End<'_>) -> String {
    let End::Service(service) = to else { return String::new() };
    let known: Vec<String> = known_ports(project, service).iter().map(port_text).collect();
    if known.is_empty() { "any port".to_owned() } else { format!("any port; known: {}", known.join(", ")) }
}

/// Writes the answer about one pair that is reachable.
pub fn answer_text(
    project: &Project,
    from: End<'_>,
    to: End<'_>,
    port: Option<&Port>,
    answer: &Answer,
) -> String {
    let asked = port.map_or(String::new(), |(protocol, number)| format!(":{number}/{protocol}"));
    let mut text = format!("{from} reaches {to}{asked}\n");
    let leads_there = |route: &&Route| match (&route.ports, port) {
        (Open::Only(open), Some(port)) => open == port,
        (Open::Only(_) | Open::All, _) => true,
    };
    for route in answer.routes.iter().filter(leads_there) {
        text.push_str(&format!("  {}\n", route_text(route)));
    }
    if answer.opens_all() && matches!(to, End::Service(_)) {
        text.push_str(&format!("  {}\n", ports_text(project, to)));
    }
    text
}

/// Writes what one service reaches and what reaches it, a line each.
pub fn lines_text(project: &Project, matrix: &Matrix<'_>, about: End<'_>) -> String {
    let Some(at) = matrix.ends.iter().position(|end| *end == about) else { return String::new() };
    let mut rows: Vec<(String, String)> = Vec::new();
    for (from, to) in (0..matrix.ends.len()).flat_map(|other| [(at, other), (other, at)]) {
        // What others reach in it is asked of them, but for the outside.
        let is_wanted = from == at || matrix.ends[from] == End::World;
        let Some(answer) = matrix.answers[from][to].as_ref().filter(|_| is_wanted) else { continue };
        let head = format!("{} -> {}", matrix.ends[from], matrix.ends[to]);
        if answer.routes.is_empty() {
            let why: Vec<String> = answer.obstacles.iter().map(|one| one.message(project)).collect();
            rows.push((head.clone(), format!("no: {}", why.join("; "))));
        }
        for (place, route) in answer.routes.iter().enumerate() {
            let head = if place == 0 { head.clone() } else { String::new() };
            rows.push((head, route_text(route)));
        }
    }
    let width = rows.iter().map(|(head, _)| head.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(head, text)| format!("{head:width$}  {text}\n")).collect()
}

/// Writes all pairs as a matrix that fits into `width` columns, or as a list if none does.
pub fn matrix_text(project: &Project, matrix: &Matrix<'_>, width: usize) -> String {
    let mut text = table(matrix, width).unwrap_or_else(|| list(matrix));
    let world = matrix.ends.len() - 1;
    let mut lines = Vec::new();
    for (at, end) in matrix.ends.iter().enumerate() {
        for route in matrix.answers[world][at].iter().flat_map(|answer| &answer.routes) {
            lines.push(format!("{WORLD} -> {end}: {}\n", route_text(route)));
        }
        let vain = matrix.answers[world][at].iter().flat_map(|answer| &answer.obstacles);
        for obstacle in vain.filter(|one| matches!(one.kind(), "published-in-vain" | "loopback-only")) {
            lines.push(format!("{WORLD} -> {end}: no: {}\n", obstacle.message(project)));
        }
    }
    if !lines.is_empty() {
        text.push('\n');
        text.extend(lines);
    }
    text
}

/// Returns the mark of a pair.
fn mark(answer: Option<&Answer>) -> &'static str {
    match answer {
        None => "",
        Some(answer) if answer.opens_all() => "✔",
        Some(answer) if answer.is_reachable() => "p",
        Some(answer) if answer.obstacles.iter().any(|one| one.kind() == "foreign-container") => "?",
        Some(_) => "·",
    }
}

/// What the marks mean.
const LEGEND: [(&str, &str); 4] = [
    ("✔", "reaches every port"),
    ("p", "reaches published ports"),
    ("·", "does not reach"),
    ("?", "not known"),
];

fn table(matrix: &Matrix<'_>, width: usize) -> Option<String> {
    let names: Vec<String> = matrix.ends.iter().map(ToString::to_string).collect();
    let marks = matrix.answers.iter().map(|row| row.iter().map(|answer| mark(answer.as_ref())).collect());
    grid(&names, &marks.collect::<Vec<_>>(), &LEGEND, width)
}

/// Writes marks in columns under names where these fit, else under numbers, and what those marks mean that are there.
/// `None` says that nothing fits into `width` columns.
pub fn grid(
    names: &[String],
    marks: &[Vec<&'static str>],
    legend: &[(&'static str, &'static str)],
    width: usize,
) -> Option<String> {
    let wide = |text: &String| text.chars().count();
    let first = names.iter().map(wide).max().unwrap_or(0);
    let by_name = first + names.iter().map(|name| wide(name) + 2).sum::<usize>();
    let digits = names.len().to_string().len();
    let by_number = digits + 1 + first + names.len() * (digits + 2);
    let (rows, columns): (Vec<String>, Vec<String>) = if by_name <= width {
        (names.to_vec(), names.to_vec())
    } else if by_number <= width {
        let numbered = names.iter().enumerate().map(|(at, name)| format!("{:>digits$} {name}", at + 1));
        (numbered.collect(), (1..=names.len()).map(|at| at.to_string()).collect())
    } else {
        return None;
    };
    let first = rows.iter().map(wide).max().unwrap_or(0);
    let mut text = " ".repeat(first);
    for column in &columns {
        text.push_str(&format!("  {column:^width$}", width = wide(column).max(digits.min(2))));
    }
    let mut lines = vec![text];
    for (row, marks) in rows.iter().zip(marks) {
        let mut line = format!("{row:first$}");
        for (column, mark) in columns.iter().zip(marks) {
            line.push_str(&format!("  {mark:^width$}", width = wide(column).max(digits.min(2))));
        }
        lines.push(line);
    }
    let legend = legend.iter().filter(|(mark, _)| marks.iter().flatten().any(|one| one == mark));
    let legend: Vec<String> = legend.map(|(mark, means)| format!("{mark} {means}")).collect();
    let table: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    Some(format!("{table}\n{}\n", legend.join("   ")))
}

/// A line for each end: what it reaches.
fn list(matrix: &Matrix<'_>) -> String {
    let mut text = String::new();
    for (from, answers) in matrix.ends.iter().zip(&matrix.answers) {
        let reached =
            matrix.ends.iter().zip(answers).filter_map(|(to, answer)| match mark(answer.as_ref()) {
                "✔" => Some(to.to_string()),
                "p" => Some(format!("{to} (published)")),
                _ => None,
            });
        let reached: Vec<String> = reached.collect();
        let reached = if reached.is_empty() { "nothing".to_owned() } else { reached.join(", ") };
        text.push_str(&format!("{from} -> {reached}\n"));
    }
    text
}
