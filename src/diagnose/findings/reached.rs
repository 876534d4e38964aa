//! Whether services reach those that they need: those they depend on, and those that their variables mention.

use super::Found;
use super::ports::{is_ready, listening};
use crate::diagnose::causes::{
    ADDRESS_CHANGED, ALIAS_LOST, DISCONNECTED, EGRESS_BLOCKED, EXITED, EXTRA_NETWORK, FORWARDING_OFF,
    GATEWAY_SILENT, HOST_MODE_PORTS, MEMBERS_APART, NO_COMMON_NETWORK, NO_NETWORK, NOT_CREATED, NOT_STARTED,
    PACKETS_DROPPED, PORT_SILENT, PORT_TAKEN, PUBLISHED_ON_LOOPBACK, RESTARTING, STALE, STALE_NETWORK,
    UNEXPECTED_WAY, WRONG_PORT,
};
use crate::diagnose::matrix::{Cell, Matrix, Reach, blocked};
use crate::diagnose::mentions::{Mention, mentions};
use crate::diagnose::{Cause, Finding, Input, Seen};
use crate::probe::Answer;
use crate::project::Project;
use crate::topology::reach::{self, End, Obstacle, Way, reach};

/// Causes by which a service is not where the file says, so that nothing follows from who reaches it.
pub(super) const ELSEWHERE: [&Cause; 10] = [
    &DISCONNECTED,
    &ADDRESS_CHANGED,
    &ALIAS_LOST,
    &NOT_CREATED,
    &NOT_STARTED,
    &PORT_TAKEN,
    &EXITED,
    &RESTARTING,
    &STALE,
    &EXTRA_NETWORK,
];

pub(super) fn find(input: &Input<'_>, found: &mut Found) {
    for from in input.wanted() {
        let mentioned = mentions(input.project, from);
        let settings = &input.project.services[from];
        for to in input.project.services.keys().map(String::as_str).filter(|to| *to != from) {
            let of_other = |mention: &&Mention| input.service_of(&mention.host) == Some(to);
            let own: Vec<&Mention> = mentioned.iter().filter(of_other).collect();
            let depends =
                settings.depends_on.0.contains_key(to) && input.project.services[to].provider.is_none();
            if own.is_empty() && !depends {
                continue;
            }
            match apart(input.project, from, to, &own) {
                Some(finding) => found.push(finding),
                None => own.iter().for_each(|mention| of_mention(input, from, to, mention, found)),
            }
        }
        for mention in &mentioned {
            through_host(input, from, mention, found);
        }
    }
}

/// How a service comes to need another one.
fn why(from: &str, own: &[&Mention]) -> Vec<String> {
    match own {
        [] => vec![format!("`{from}` depends on it")],
        own => own.iter().map(|mention| told(from, mention)).collect(),
    }
}

pub(super) fn told(from: &str, mention: &Mention) -> String {
    let port = mention.port.map_or(String::new(), |port| format!(":{port}"));
    format!("`{from}` is told to talk to `{}{port}` by {}", mention.host, mention.variable)
}

/// Says why the file keeps a service from one that it needs, if it does.
fn apart(project: &Project, from: &str, to: &str, own: &[&Mention]) -> Option<Finding> {
    let answer = reach(project, End::Service(from), End::Service(to));
    if answer.routes.iter().any(|route| matches!(route.way, Way::Network(_) | Way::SameInterfaces)) {
        return None;
    }
    let kind = |kind: &str| answer.obstacles.iter().find(|obstacle| obstacle.kind() == kind);
    let is_host = |service: &str| project.services[service].network_mode.as_deref() == Some("host");
    let new = |cause: &'static Cause, message: String| {
        // To start after another one is no reason to talk to it.
        let finding = match own {
            [] => Finding::warning(cause, from, message),
            _ => Finding::error(cause, from, message),
        };
        why(from, own).into_iter().fold(finding, Finding::see)
    };
    let mend = |obstacle: &Obstacle| obstacle.help(project);
    if let Some(obstacle) = kind("no-network") {
        return Some(new(&NO_NETWORK, obstacle.message(project)).mend(mend(obstacle)));
    }
    if let Some(obstacle) = kind("members-apart") {
        let message = format!("`{from}` does not reach `{to}`: {}", obstacle.message(project));
        return Some(new(&MEMBERS_APART, message).mend(mend(obstacle)));
    }
    if is_host(to) {
        // By its address it is reached, and dependence alone asks for no name.
        return (!own.is_empty() && !is_host(from)).then(|| {
            let message = format!("`{to}` is on the host's interfaces, and `{from}` finds no name of it");
            new(&HOST_MODE_PORTS, message).mend(format!(
                "`extra_hosts: [\"host.docker.internal:host-gateway\"]` for `{from}`, and that name"
            ))
        });
    }
    if is_host(from) && own.is_empty() {
        return None;
    }
    if is_host(from) {
        let message = format!("`{from}` is on the host's interfaces, and finds no name of `{to}`");
        return Some(
            new(&HOST_MODE_PORTS, message)
                .mend(format!("`ports` for `{to}`, and `127.0.0.1` in place of its name")),
        );
    }
    if kind("foreign-container").is_some() || kind("no-container").is_some() {
        return None;
    }
    let joined = |service: &str| {
        let service = &project.services[service];
        let keys: Vec<String> = service.networks.0.keys().map(|key| format!("`{key}`")).collect();
        match &service.network_mode {
            Some(mode) if !mode.is_empty() => mode.clone(),
            _ => keys.join(", "),
        }
    };
    let message = format!("`{from}` and `{to}` share no network");
    let finding = new(&NO_COMMON_NETWORK, message).see(format!(
        "`{from}` is on {}, `{to}` on {}",
        joined(from),
        joined(to)
    ));
    let help = kind("no-common-network").map_or_else(|| "put both on one network".to_owned(), mend);
    Some(finding.mend(format!("{help}, then topo up -d")))
}

/// Whether the port that is mentioned answers.
fn of_mention(input: &Input<'_>, from: &str, to: &str, mention: &Mention, found: &mut Found) {
    let Some((seen, _)) = input.first(from) else { return };
    let Some(port) = mention.port else { return };
    let others =
        input.of(to).filter(|other| is_ready(other)).filter_map(|other| Some((other, other.view.as_ref()?)));
    for (other, view) in others {
        if answers(seen, other, port) {
            continue;
        }
        let Some(finding) = listening(input, other, view, "tcp", port) else { continue };
        let settings = &input.project.services[to];
        let published = settings.ports.0.iter().find(|own| own.published_range() == Some((port, port)));
        let finding = match published.filter(|own| view.is_open("tcp", own.target.0)) {
            Some(own) => Finding {
                cause: &WRONG_PORT,
                message: format!("port {port} is the host's; `{to}` itself listens at {}", own.target.0),
                mend: format!("port {} in {} of `{from}`", own.target.0, mention.variable),
                service: Some(from.to_owned()),
                ..finding
            },
            None => finding,
        };
        found.push(finding.see(told(from, mention)));
    }
}

fn answers(from: &Seen, to: &Seen, port: u16) -> bool {
    let mut addresses = crate::diagnose::questions::addresses(from, to).into_iter();
    addresses.any(|address| from.tcp(address, port) == Some(&Answer::Yes))
}

/// A port that is published on the host's loopback, and asked for through the host.
fn through_host(input: &Input<'_>, from: &str, mention: &Mention, found: &mut Found) {
    let Some(port) = mention.port.filter(|_| mention.host == "host.docker.internal") else { return };
    if input.project.services[from].network_mode.as_deref() == Some("host") {
        return;
    }
    for (to, settings) in &input.project.services {
        let own = settings.ports.0.iter().find(|own| {
            let address = own.host_ip.as_deref().and_then(|address| address.parse().ok());
            own.published_range() == Some((port, port))
                && address.is_some_and(|address: std::net::IpAddr| address.is_loopback())
        });
        if let Some(own) = own {
            let message =
                format!("port {port} is published on 127.0.0.1 alone, which `{from}` does not reach");
            let finding = Finding::error(&PUBLISHED_ON_LOOPBACK, from, message).see(told(from, mention));
            found.push(finding.mend(format!("`{to}:{}` in {}", own.target.0, mention.variable)));
        }
    }
}

/// What the matrix shows and nothing else explained.
pub(super) fn find_rest(input: &Input<'_>, found: &mut Found) {
    let matrix = Matrix::of(input);
    for (from, to, cell) in matrix.differences() {
        let is_service = |end: &str| input.project.services.contains_key(end);
        let is_wanted = |end: &str| input.wanted().any(|wanted| wanted == end);
        if !(is_wanted(from) || is_wanted(to)) {
            continue;
        }
        let is_elsewhere = [from, to].iter().any(|end| found.has(end, &ELSEWHERE));
        let is_off = found.0.iter().any(|one| one.cause == &FORWARDING_OFF);
        let is_remade = found.0.iter().any(|one| one.cause == &STALE_NETWORK);
        if is_elsewhere || is_remade {
            continue;
        }
        let finding = match cell.actual {
            Reach::No if is_service(from) && is_service(to) => dropped(input.project, from, to, cell),
            Reach::No if is_service(from) => {
                if found.has(from, &[&GATEWAY_SILENT]) || is_off {
                    continue;
                }
                match input.first(from).is_some_and(|(seen, _)| !blocked(input, seen).is_empty()) {
                    true => Finding::error(
                        &EGRESS_BLOCKED,
                        from,
                        format!("packets from `{from}` to the outside vanish"),
                    )
                    .mend(
                        "iptables -nvL DOCKER-USER; iptables -t nat -nvL POSTROUTING at the engine's machine",
                    ),
                    false => Finding::error(&GATEWAY_SILENT, from, format!("`{from}` has no way out"))
                        .mend("topo down && topo up -d"),
                }
            }
            Reach::No => {
                if found.has(to, &[&PORT_SILENT]) {
                    continue;
                }
                let message = format!("the host does not reach the ports that `{to}` publishes");
                Finding::error(&PORT_SILENT, to, message)
                    .mend("iptables -t nat -nvL DOCKER at the engine's machine")
            }
            _ => {
                let subject = if is_service(from) { from } else { to };
                let message = format!("`{from}` reaches `{to}`, which the file keeps from it");
                Finding::warning(&UNEXPECTED_WAY, subject, message)
                    .mend("docker network inspect, and iptables -nvL")
            }
        };
        found.push(cell.tried.iter().cloned().fold(finding, Finding::see));
    }
}

fn dropped(project: &Project, from: &str, to: &str, cell: &Cell) -> Finding {
    let answer = reach(project, End::Service(from), End::Service(to));
    let ways: Vec<String> = answer.routes.iter().map(reach::text::route_text).collect();
    let message = format!("packets from `{from}` to `{to}` vanish");
    let finding = match cell.expected {
        Reach::All => Finding::error(&PACKETS_DROPPED, from, message),
        _ => Finding::warning(&PACKETS_DROPPED, from, message),
    };
    finding
        .see(format!("the file has a way: {}", ways.join("; ")))
        .mend("iptables -nvL DOCKER-USER; iptables -nvL FORWARD at the engine's machine")
}
