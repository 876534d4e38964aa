//! The graph as a Mermaid flowchart, which GitHub and GitLab draw in Markdown:
//! <https://mermaid.js.org/syntax/flowchart.html>.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::clusters;
use super::{Graph, LiveState, OpenTo, StoreKind, condition_word};
use crate::model::lifecycle::Condition;

/// Writes the graph for Mermaid. Nodes are numbered, since names may be words of its language.
pub fn mermaid(graph: &Graph) -> String {
    let services: BTreeMap<&str, usize> =
        graph.services.iter().enumerate().map(|(at, service)| (service.name.as_str(), at)).collect();
    let stores: BTreeMap<(StoreKind, &str), usize> =
        graph.stores.iter().enumerate().map(|(at, store)| ((store.kind, store.key.as_str()), at)).collect();
    let mut text = String::from("flowchart LR\n");
    for (at, cluster) in clusters(graph).iter().enumerate() {
        let label = quoted(&cluster.place.lines(graph).join("\n"));
        text.push_str(&format!("  subgraph c{at}[{label}]\n"));
        for service in &cluster.services {
            let mut label = service.name.clone();
            if service.containers != 1 {
                label.push_str(&format!(" ×{}", service.containers));
            }
            label.push_str(&format!("\n{}", service.image));
            if let Some(live) = &service.live {
                label.push_str(&format!("\n{}", live.text));
            }
            let class = service.live.as_ref().map(|live| format!(":::{}", live.state.word()));
            let id = services[service.name.as_str()];
            text.push_str(&format!("    s{id}({}){}\n", quoted(&label), class.unwrap_or_default()));
        }
        text.push_str("  end\n");
    }
    for (at, store) in graph.stores.iter().enumerate() {
        let label = quoted(&store.key);
        text.push_str(&match store.kind {
            StoreKind::Volume => format!("  d{at}[({label})]\n"),
            StoreKind::Config => format!("  d{at}[/{label}/]\n"),
            StoreKind::Secret => format!("  d{at}{{{{{label}}}}}\n"),
        });
    }
    if graph.services.iter().any(|service| !service.ports.is_empty()) {
        text.push_str("  host([host])\n");
    }
    for (at, service) in graph.services.iter().enumerate() {
        for port in &service.ports {
            let arrow = if port.open_to == OpenTo::Nobody { "-.-x" } else { "-->" };
            text.push_str(&format!("  host {arrow}|{}| s{at}\n", quoted(&port.text())));
        }
    }
    for edge in &graph.dependencies {
        let (Some(from), Some(to)) = (services.get(&*edge.from), services.get(&*edge.to)) else { continue };
        let arrow = match edge.condition {
            Condition::Started => "-->",
            Condition::Healthy => "==>",
            Condition::CompletedSuccessfully => "-.->",
        };
        let optional = if edge.required { "" } else { ", optional" };
        text.push_str(&format!("  s{from} {arrow}|{}{optional}| s{to}\n", condition_word(edge.condition)));
    }
    for one in &graph.uses {
        let store = stores.get(&(one.kind, one.key.as_str()));
        let (Some(from), Some(to)) = (services.get(&*one.service), store) else { continue };
        text.push_str(&format!("  s{from} -.- d{to}\n"));
    }
    let states: BTreeSet<LiveState> =
        graph.services.iter().filter_map(|service| Some(service.live.as_ref()?.state)).collect();
    for state in states {
        let style = match state {
            LiveState::Healthy | LiveState::Running => "fill:#d3f0d9,stroke:#2f8f46,color:#111",
            LiveState::Done | LiveState::Idle => "fill:#e4e4ea,stroke:#77778a,color:#111",
            LiveState::Starting => "fill:#fdecc0,stroke:#b07d10,color:#111",
            LiveState::Absent => "stroke-dasharray:4 3",
            LiveState::Failed => "fill:#fbd5d5,stroke:#c0392b,color:#111",
        };
        text.push_str(&format!("  classDef {} {style}\n", state.word()));
    }
    text
}

/// Writes a label of Mermaid, which knows entities and no escapes.
fn quoted(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('"', "#quot;").replace('<', "&lt;").replace('>', "&gt;");
    format!("\"{}\"", escaped.replace('\n', "<br/>"))
}
