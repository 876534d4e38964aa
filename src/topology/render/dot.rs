//! The graph in Graphviz' language: <https://graphviz.org/doc/info/lang.html>.

use super::cluster::clusters;
use super::{Graph, LiveState, OpenTo, Store, StoreKind, condition_word};
use crate::model::lifecycle::Condition;

/// Writes the graph in DOT.
pub fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.project));
    text.push_str("  rankdir=LR; compound=true; fontname=\"sans-serif\";\n");
    text.push_str(
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n",
    );
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (at, cluster) in clusters(graph).iter().enumerate() {
        let label = cluster.place.lines(graph).join("\n");
        text.push_str(&format!("  subgraph cluster_{at} {{\n    label={}; style=rounded;\n", quoted(&label)));
        for service in &cluster.services {
            let mut label = format!("{}\n{}", service.name, service.image);
            if service.containers != 1 {
                label.push_str(&format!("\n×{}", service.containers));
            }
            if let Some(live) = &service.live {
                label.push_str(&format!("\n{}", live.text));
            }
            let color = service.live.as_ref().map(|live| fill(live.state));
            let color = color.map(|color| format!(", fillcolor=\"{color}\"")).unwrap_or_default();
            let id = quoted(&format!("service {}", service.name));
            text.push_str(&format!("    {id} [label={}{color}];\n", quoted(&label)));
        }
        text.push_str("  }\n");
    }
    for store in &graph.stores {
        let shape = match store.kind {
            StoreKind::Volume => "cylinder",
            StoreKind::Config => "note",
            StoreKind::Secret => "octagon",
        };
        let label = quoted(&format!("{}\n{}", store.key, store.kind.word()));
        text.push_str(&format!("  {} [label={label}, shape={shape}, style=filled];\n", store_id(store)));
    }
    if graph.services.iter().any(|service| !service.ports.is_empty()) {
        text.push_str("  \"host\" [label=\"host\", shape=ellipse, style=filled];\n");
    }
    for service in &graph.services {
        for port in &service.ports {
            let style = if port.open_to == OpenTo::Nobody { ", style=dotted" } else { "" };
            let (to, label) = (quoted(&format!("service {}", service.name)), quoted(&port.text()));
            text.push_str(&format!("  \"host\" -> {to} [label={label}{style}];\n"));
        }
    }
    for edge in &graph.dependencies {
        let style = match edge.condition {
            Condition::Started => "solid",
            Condition::Healthy => "bold",
            Condition::CompletedSuccessfully => "dashed",
        };
        let word = condition_word(edge.condition);
        let label = if edge.required { word.to_owned() } else { format!("{word}, optional") };
        let ends = [&edge.from, &edge.to].map(|name| quoted(&format!("service {name}")));
        text.push_str(&format!("  {} -> {} [label={}, style={style}];\n", ends[0], ends[1], quoted(&label)));
    }
    for one in &graph.uses {
        let from = quoted(&format!("service {}", one.service));
        let to = quoted(&format!("{} {}", one.kind.word(), one.key));
        let label = one.target.as_deref().map(|target| format!(", label={}", quoted(target)));
        text.push_str(&format!("  {from} -> {to} [style=dotted{}];\n", label.unwrap_or_default()));
    }
    text.push_str("}\n");
    text
}

fn store_id(store: &Store) -> String {
    quoted(&format!("{} {}", store.kind.word(), store.key))
}

fn fill(state: LiveState) -> &'static str {
    match state {
        LiveState::Healthy | LiveState::Running => "#d3f0d9",
        LiveState::Done | LiveState::Idle => "#e4e4ea",
        LiveState::Starting => "#fdecc0",
        LiveState::Absent => "#f4f4f6",
        LiveState::Failed => "#fbd5d5",
    }
}

/// Writes a string of DOT. Lines are centred; a backslash is none that escapes.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
