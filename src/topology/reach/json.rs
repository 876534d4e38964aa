//! Answers as JSON, for programs.

use serde_json::{Value, json};

use crate::project::Project;

use super::text::Matrix;
use super::{Answer, End, Open, Port, Route, Way, known_ports};

fn port((protocol, number): &Port) -> Value {
    json!({ "protocol": protocol, "port": number })
}

fn route(route: &Route) -> Value {
    let (way, network) = match &route.way {
        Way::Network(network) => ("network", Some(network)),
        Way::SameInterfaces => ("same-interfaces", None),
        Way::Host => ("host", None),
        Way::Address(network) => ("address", Some(network)),
        Way::Published(..) => ("published", None),
        Way::Lan(network) => ("lan", Some(network)),
        Way::Out(network) => ("out", Some(network)),
    };
    let mut value = json!({ "way": way, "names": route.names });
    if let Some(network) = network {
        value["network"] = json!(network);
    }
    if let Open::Only(open) = &route.ports {
        value["ports"] = json!([port(open)]);
    }
    if let Way::Published(address, range) = &route.way {
        value["hostAddress"] = json!(address);
        value["hostPorts"] = json!(range.map(|(first, last)| [first, last]));
    }
    value
}

/// Writes the answer about one pair. A way without `ports` leads to all of them.
pub fn answer(project: &Project, from: End<'_>, to: End<'_>, asked: Option<&Port>, answer: &Answer) -> Value {
    let reachable = asked.map_or_else(|| answer.is_reachable(), |asked| answer.opens(asked));
    let obstacles = answer.obstacles.iter().map(|obstacle| {
        json!({
            "kind": obstacle.kind(),
            "message": obstacle.message(project),
            "help": obstacle.help(project),
        })
    });
    let mut value = json!({
        "from": from.to_string(),
        "to": to.to_string(),
        "reachable": reachable,
        "routes": answer.routes.iter().map(route).collect::<Vec<_>>(),
        "obstacles": obstacles.collect::<Vec<_>>(),
    });
    if let End::Service(service) = to {
        value["knownPorts"] = known_ports(project, service).iter().map(port).collect();
    }
    if let Some(asked) = asked {
        value["port"] = port(asked);
    }
    value
}

/// Writes all pairs that are asked for, row by row.
pub fn matrix(project: &Project, matrix: &Matrix<'_>, about: Option<End<'_>>) -> Value {
    let mut pairs = Vec::new();
    for (from, answers) in matrix.ends.iter().zip(&matrix.answers) {
        for (to, found) in matrix.ends.iter().zip(answers) {
            let is_wanted = about.is_none_or(|about| *from == about || (*to == about && *from == End::World));
            if let Some(found) = found.as_ref().filter(|_| is_wanted) {
                pairs.push(answer(project, *from, *to, None, found));
            }
        }
    }
    json!({ "project": project.name, "pairs": pairs })
}
