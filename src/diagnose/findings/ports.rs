//! Whether something listens behind the ports that are published, and whether the host gets an answer there.

use super::Found;
use crate::diagnose::causes::{
    LISTENS_ON_LOOPBACK, NOTHING_LISTENS, PORT_SILENT, PUBLISHED_IN_VAIN, WRONG_PORT, WRONG_PROTOCOL,
};
use crate::diagnose::questions::at_host;
use crate::diagnose::view::View;
use crate::diagnose::{Finding, Input, Seen};
use crate::observed::Health;
use crate::probe::{Answer, Question};
use crate::topology::reach::{End, reach};

pub(super) fn find(input: &Input<'_>, found: &mut Found) {
    for service in input.wanted() {
        let settings = &input.project.services[service];
        if settings.network_mode.as_deref() == Some("host") || settings.ports.0.is_empty() {
            continue;
        }
        let inward = reach(input.project, End::World, End::Service(service));
        if inward.obstacles.iter().any(|obstacle| obstacle.kind() == "published-in-vain") {
            let message =
                format!("the published ports of `{service}` lead nowhere: its networks are internal");
            let finding = Finding::error(&PUBLISHED_IN_VAIN, service, message);
            found.push(
                finding.mend(format!("a network that is not internal in `services.{service}.networks`")),
            );
            continue;
        }
        for port in &settings.ports.0 {
            let (protocol, target) = (port.protocol(), port.target.0);
            for seen in input.of(service).filter(|seen| is_ready(seen)) {
                let Some(view) = &seen.view else { continue };
                match listening(input, seen, view, protocol, target) {
                    Some(finding) => {
                        found.push(
                            finding.see(format!("port {target}/{protocol} of `{service}` is published")),
                        );
                    }
                    None => of_host(input, seen, protocol, target, found),
                }
            }
        }
    }
}

/// Whether a container should listen by now.
pub(super) fn is_ready(seen: &Seen) -> bool {
    seen.live.runs() && seen.live.health != Some(Health::Starting)
}

/// Says what is wrong with a port of a container from its inside, if something is.
pub(super) fn listening(
    input: &Input<'_>,
    seen: &Seen,
    view: &View,
    protocol: &str,
    port: u16,
) -> Option<Finding> {
    let service = seen.service.as_str();
    if view.is_open(protocol, port) || !matches!(protocol, "tcp" | "udp") {
        return None;
    }
    if view.is_private(protocol, port) {
        let message =
            format!("`{service}` listens at port {port} on 127.0.0.1 alone, which only itself reaches");
        let finding = Finding::error(&LISTENS_ON_LOOPBACK, service, message);
        return Some(finding.mend(format!("let `{service}` listen on 0.0.0.0:{port}")));
    }
    let other_protocol = if protocol == "tcp" { "udp" } else { "tcp" };
    if view.is_open(other_protocol, port) {
        let message = format!("`{service}` listens at port {port} for {other_protocol}, not for {protocol}");
        let finding = Finding::error(&WRONG_PROTOCOL, service, message);
        return Some(finding.mend(format!("`{port}/{other_protocol}` in `services.{service}.ports`")));
    }
    // What listens at a port that is known has nothing to do with this one.
    let is_known = |number: u16| {
        let mut ports = input.project.services[service].ports.0.iter();
        ports.any(|port| port.target.0 == number && port.protocol() == protocol)
    };
    let mut others: Vec<u16> =
        view.open(protocol).map(|socket| socket.port).filter(|port| !is_known(*port)).collect();
    others.dedup();
    if others.is_empty() {
        let message = format!("nothing listens at port {port}/{protocol} of `{service}`");
        let finding = Finding::error(&NOTHING_LISTENS, service, message);
        return Some(finding.mend(format!("topo logs {service}")));
    }
    let numbers: Vec<String> = others.iter().map(ToString::to_string).collect();
    let message = format!(
        "nothing listens at port {port}/{protocol} of `{service}`; something does at {}",
        numbers.join(", ")
    );
    let finding = Finding::error(&WRONG_PORT, service, message);
    Some(finding.mend(format!("port {} in place of {port}", numbers.join(" or "))))
}

/// Something listens; whether the host gets there.
fn of_host(input: &Input<'_>, seen: &Seen, protocol: &str, target: u16, found: &mut Found) {
    let Some(host) = input.host.filter(|_| protocol == "tcp") else { return };
    let of_target =
        seen.live.ports.iter().filter(|port| port.container == target && port.protocol == protocol);
    for place in of_target.filter_map(|port| at_host(port.host.as_ref())) {
        let answer = host.answers.get(&Question::Tcp(place));
        let Some(answer) = answer.filter(|answer| **answer != Answer::Yes) else { continue };
        let service = &seen.service;
        let message =
            format!("`{service}` listens at port {target}, and {place} of the host does not lead there");
        let finding =
            Finding::error(&PORT_SILENT, service, message).see(format!("the host: {}", answer.words()));
        found.push(finding.mend("iptables -t nat -nvL DOCKER at the engine's machine"));
    }
}
