//! Whether the containers are there, run, and fare well.

use super::Found;
use crate::diagnose::causes::{
    EXITED, NOT_CREATED, NOT_STARTED, PAUSED, PORT_TAKEN, RESTARTING, STALE, STALE_NETWORK, UNHEALTHY,
};
use crate::diagnose::{Finding, Input, Seen};
use crate::model::lifecycle::Condition;
use crate::observed::live::Live;
use crate::observed::{Health, State};
use crate::probe::{Answer, Question};

/// From so many new starts on, a container that runs for the moment is said to start again and again.
const MANY_STARTS: i64 = 3;

pub(super) fn find(input: &Input<'_>, found: &mut Found) {
    for service in input.wanted() {
        let settings = &input.project.services[service];
        if input.of(service).next().is_none() && settings.provider.is_none() && settings.containers() > 0 {
            let finding = Finding::error(&NOT_CREATED, service, format!("`{service}` has no container"));
            found.push(finding.mend(format!("topo up -d {service}")));
        }
        for seen in input.of(service) {
            if let Some(finding) = of_container(input, service, seen) {
                found.push(finding);
            }
        }
    }
    for drift in input.drift {
        // That one is told as what it is.
        if drift.cause.contains("is not attached to network") {
            continue;
        }
        let finding = match &drift.service {
            Some(service) if input.wanted().any(|wanted| wanted == service) => {
                let message = format!("`{}` is not what the file says", drift.subject);
                Finding::error(&STALE, service, message).mend(format!("topo up -d {service}"))
            }
            Some(_) => continue,
            None => {
                let message = format!("network `{}` is not what the file says", drift.subject);
                Finding::error(&STALE_NETWORK, "", message).of_all().mend("topo up -d")
            }
        };
        found.push(finding.see(drift.cause.clone()));
    }
}

fn of_container(input: &Input<'_>, service: &str, seen: &Seen) -> Option<Finding> {
    let live = &seen.live;
    let name = &live.name;
    let up = format!("topo up -d {service}");
    let finding = match live.state {
        State::Created => not_started(input, service, live),
        State::Exited(code) | State::Dead(code) => {
            let code = code.unwrap_or_default();
            if code == 0 && !is_to_run(input, service) {
                return None;
            }
            let why = if live.reason.is_empty() { String::new() } else { format!(": {}", live.reason) };
            let message = format!("`{name}` has ended with code {code}{why}");
            let finding = Finding::error(&EXITED, service, message).mend(up);
            match code {
                126 => finding.see("the command may not be executed"),
                127 => finding.see("the command is not in the image"),
                137 => finding.see("it was killed: by the kernel for its memory, or by somebody"),
                _ => finding,
            }
        }
        State::Restarting => restarting(service, live),
        State::Running if live.restarts >= MANY_STARTS => restarting(service, live),
        State::Paused => Finding::error(&PAUSED, service, format!("`{name}` is paused"))
            .mend(format!("topo unpause {service}")),
        State::Running if live.health == Some(Health::Unhealthy) => {
            let mut finding = Finding::error(&UNHEALTHY, service, format!("`{name}` is unhealthy"));
            for line in live.health_output.trim().lines().take(3) {
                finding = finding.see(format!("its check says: {line}"));
            }
            let dependents: Vec<String> =
                dependents(input, service).map(|name| format!("`{name}`")).collect();
            if !dependents.is_empty() {
                finding = finding.see(format!("{} waits for it", dependents.join(", ")));
            }
            finding.mend(format!("topo logs {service}"))
        }
        State::Running | State::Removing => return None,
    };
    let lines = live.log.iter().map(|line| format!("its log: {line}"));
    Some(lines.fold(finding, Finding::see))
}

fn restarting(service: &str, live: &Live) -> Finding {
    let message = format!("`{}` ends again and again: started {} times", live.name, live.restarts + 1);
    Finding::error(&RESTARTING, service, message).mend(format!("topo logs {service}"))
}

fn not_started(input: &Input<'_>, service: &str, live: &Live) -> Finding {
    let Some(port) = taken_port(live) else {
        let message = format!("`{}` was never started", live.name);
        let finding = Finding::error(&NOT_STARTED, service, message).mend(format!("topo up -d {service}"));
        return if live.reason.is_empty() { finding } else { finding.see(live.reason.clone()) };
    };
    let publishes = |name: &str, ports: &[crate::observed::PublishedPort]| {
        name != live.name
            && ports.iter().any(|own| own.host.as_ref().is_some_and(|(_, number)| *number == port))
    };
    let other = input.publishers.iter().find(|other| publishes(&other.name, &other.ports));
    let process = input.host.and_then(|host| match host.answers.get(&Question::Holder(port)) {
        Some(Answer::Text(process)) => Some(process.clone()),
        _ => None,
    });
    let (holder, mend) = match (other, process) {
        (Some(other), _) => (format!("container `{}`", other.name), format!("docker stop {}", other.name)),
        (None, Some(process)) => (process, format!("ss -ltnp 'sport = :{port}'")),
        (None, None) => ("another process of the host".to_owned(), format!("ss -ltnp 'sport = :{port}'")),
    };
    let message = format!("`{}` cannot start: port {port} of the host is taken by {holder}", live.name);
    Finding::error(&PORT_TAKEN, service, message)
        .see(live.reason.clone())
        .mend(format!("{mend}, or another port in `services.{service}.ports`"))
}

/// Returns the port of the host that kept a container from starting, if one did.
pub(in crate::diagnose) fn taken_port(live: &Live) -> Option<u16> {
    let is_taken = ["already allocated", "already in use", "failed to bind"];
    if !is_taken.iter().any(|words| live.reason.contains(words)) {
        return None;
    }
    let mut numbers =
        live.wanted_ports.iter().filter_map(|port| port.host.as_ref()).map(|(_, number)| *number);
    numbers.find(|number| {
        let mark = format!(":{number}");
        let is_whole = |(at, _): (usize, &str)| {
            !live.reason[at + mark.len()..].starts_with(|next: char| next.is_ascii_digit())
        };
        live.reason.match_indices(&mark).any(is_whole)
    })
}

/// Whether a service is to go on running: it publishes ports, or somebody needs it while it runs.
fn is_to_run(input: &Input<'_>, service: &str) -> bool {
    let settings = &input.project.services[service];
    let mut needs = dependents(input, service).filter_map(|other| {
        let how = input.project.services[other].depends_on.0.get(service)?;
        Some(how.condition)
    });
    let is_task = needs.any(|condition| condition == Condition::CompletedSuccessfully);
    !is_task && (!settings.ports.0.is_empty() || dependents(input, service).next().is_some())
}

fn dependents<'a>(input: &'a Input<'_>, service: &'a str) -> impl Iterator<Item = &'a str> {
    let services = input.project.services.iter();
    services.filter(move |(_, other)| other.depends_on.0.contains_key(service)).map(|(name, _)| name.as_str())
}
