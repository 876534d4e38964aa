//! What was seen and found, for programs.

use serde_json::{Value, json};

use super::matrix::Matrix;
use super::{Finding, Input, Seen};
use crate::probe::{Answer, Question};

/// Writes all of it.
pub fn report(input: &Input<'_>, matrix: &Matrix, findings: &[Finding], unseen: &[String]) -> Value {
    let containers: Vec<Value> =
        input.wanted().flat_map(|service| input.of(service)).map(|seen| container(input, seen)).collect();
    let rows = matrix.ends.iter().zip(&matrix.cells);
    let pairs = rows.flat_map(|(from, cells)| {
        matrix.ends.iter().zip(cells).filter_map(move |(to, cell)| {
            let cell = cell.as_ref()?;
            Some(json!({
                "from": from,
                "to": to,
                "expected": cell.expected.word(),
                "actual": cell.actual.word(),
                "differs": cell.differs(),
                "tried": cell.tried,
            }))
        })
    });
    json!({
        "project": input.project.name,
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
        "containers": containers,
        "pairs": pairs.collect::<Vec<_>>(),
        "unseen": unseen,
    })
}

fn finding(finding: &Finding) -> Value {
    let Finding { cause, severity, service, message, seen, mend } = finding;
    json!({
        "cause": cause.name,
        "severity": severity.word(),
        "service": service,
        "message": message,
        "meaning": cause.meaning,
        "seen": seen,
        "mend": mend,
    })
}

fn container(input: &Input<'_>, seen: &Seen) -> Value {
    let networks: Vec<Value> = seen
        .live
        .attachments
        .iter()
        .map(|one| {
            json!({
                "network": one.network,
                "addresses": one.addresses,
                "gateways": one.gateways,
                "mac": one.mac,
                "aliases": one.aliases,
            })
        })
        .collect();
    let ports = seen.live.ports.iter().map(|port| {
        let (address, number) = port.host.clone().unwrap_or_default();
        json!({
            "hostAddress": address,
            "hostPort": number,
            "port": port.container,
            "protocol": port.protocol,
            "listens": seen.view.as_ref().map(|view| view.is_open(&port.protocol, port.container)),
            "fromHost": input.from_host(port).map(Answer::words),
        })
    });
    let names = seen.answers.iter().filter_map(|(question, answer)| match (question, answer) {
        (Question::Resolve(name), Answer::Addresses(addresses)) => {
            Some(json!({ "name": name, "addresses": addresses }))
        }
        (Question::Resolve(name), other) => Some(json!({ "name": name, "error": other.words() })),
        _ => None,
    });
    let sockets =
        seen.view.iter().flat_map(|view| &view.sockets).map(
            |socket| json!({ "protocol": socket.protocol, "address": socket.address, "port": socket.port }),
        );
    json!({
        "service": seen.service,
        "container": seen.live.name,
        "networkMode": seen.live.network_mode,
        "networks": networks,
        "ports": ports.collect::<Vec<_>>(),
        "listens": sockets.collect::<Vec<_>>(),
        "nameServers": seen.view.as_ref().map(|view| view.servers.clone()).unwrap_or_default(),
        "search": seen.view.as_ref().map(|view| view.search.clone()).unwrap_or_default(),
        "resolverOptions": seen.view.as_ref().map(|view| view.options.clone()).unwrap_or_default(),
        "names": names.collect::<Vec<_>>(),
    })
}
