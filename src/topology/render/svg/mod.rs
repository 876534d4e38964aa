//! The graph as a picture: an SVG that needs nothing else, light or dark as its reader has it.
//!
//! Boxes are sets of networks, cards are services and what several of them mount or read, lines are dependencies.
//! All text is of one width for each letter, so that how much room it takes is known without asking a font.

mod card;
mod legend;
mod text;

use std::collections::BTreeMap;

use crate::model::lifecycle::Condition;

use super::cluster::{Cluster, Place, clusters};
use super::layout::{Edge, Input, Node, Point, lay_out};
use super::{Graph, StoreKind, condition_word};

use card::Card;
pub(super) use text::escape;
use text::{fit, width};

/// Colours of networks, one after the other. They can be told from both backgrounds.
const COLORS: [&str; 12] = [
    "#3b82c4", "#e08a2c", "#3f9e5a", "#c0508f", "#7a6fd0", "#2aa3a3", "#d05a4e", "#9a8a2e", "#5b8a9a",
    "#a3683f", "#6fae3a", "#b06fd0",
];
/// Around all.
const MARGIN: i32 = 24;
/// The room of title and summary.
const HEADER: i32 = 60;
/// From one chip of a network to the next.
const CHIP: i32 = 24;
/// The widest label of a network.
const WIDEST_LABEL: i32 = 230;
/// The least width of cards.
const LEAST_WIDTH: i32 = 140;
/// How round the corners of lines are.
const CORNER: i32 = 5;

/// What the parts of a drawing share.
struct Drawing<'a> {
    graph: &'a Graph,
    /// The colour of each network, by key.
    colors: BTreeMap<&'a str, usize>,
}

impl Drawing<'_> {
    fn color(&self, network: &str) -> &'static str {
        COLORS[self.colors.get(network).copied().unwrap_or(0) % COLORS.len()]
    }

    fn network_id(&self, network: &str) -> String {
        format!("n{}", self.colors.get(network).copied().unwrap_or(0))
    }
}

/// Draws the graph.
pub fn svg(graph: &Graph) -> String {
    let colors = graph.networks.iter().enumerate().map(|(at, network)| (network.key.as_str(), at)).collect();
    let drawing = Drawing { graph, colors };
    let clusters = clusters(graph);
    let cards = card::cards(&drawing, &clusters);
    let wires = wires(graph, &cards);
    let has_stores = cards.iter().any(|card| card.lane == clusters.len());
    let labels: Vec<Vec<String>> = clusters.iter().map(|cluster| cluster.place.lines(graph)).collect();
    let label_width = |label: &String| width(label, 12).min(WIDEST_LABEL) + 34;
    let gutter = labels.iter().flatten().map(label_width).max().unwrap_or(0).max(110);
    let chips = |labels: &Vec<String>| i32::try_from(labels.len()).unwrap_or(i32::MAX) * CHIP + 20;
    let card_width = cards.iter().map(|card| card.width).max().unwrap_or(0).max(LEAST_WIDTH);
    let layout = lay_out(&Input {
        card_width,
        lanes: labels.iter().map(chips).chain(has_stores.then_some(0)).collect(),
        nodes: cards.iter().map(|card| Node { lane: card.lane, height: card.height }).collect(),
        edges: wires.iter().map(|wire| wire.edge).collect(),
    });
    let legend = legend::legend(&drawing, &clusters, &wires, gutter + layout.width);
    let (left, top) = (MARGIN + gutter, MARGIN + HEADER);
    let title_width = width(&graph.project, 22).max(width(&graph.summary(), 13));
    let full_width =
        (left + layout.width + MARGIN).max(legend.width + 2 * MARGIN).max(title_width + 2 * MARGIN);
    let full_height = top + layout.height + legend.height + MARGIN;

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"topo\" viewBox=\"0 0 {full_width} {full_height}\" \
         width=\"{full_width}\" height=\"{full_height}\" role=\"img\" aria-labelledby=\"title summary\">\n"
    );
    out.push_str(&format!("<title id=\"title\">{}</title>\n", escape(&graph.project)));
    out.push_str(&format!("<desc id=\"summary\">{}</desc>\n", escape(&graph.summary())));
    out.push_str(&format!("<style>\n{}</style>\n{}", include_str!("style.css"), markers()));
    out.push_str(&format!("<rect class=\"paper\" width=\"{full_width}\" height=\"{full_height}\"/>\n"));
    let x = MARGIN;
    out.push_str(&format!("<text class=\"project\" x=\"{x}\" y=\"42\">{}</text>\n", escape(&graph.project)));
    out.push_str(&format!(
        "<text class=\"summary\" x=\"{x}\" y=\"64\">{}</text>\n",
        escape(&graph.summary())
    ));

    let lane_width = gutter + layout.width;
    for (at, (lane_top, lane_bottom)) in layout.lanes.iter().enumerate() {
        let (y, height) = (top + lane_top, lane_bottom - lane_top);
        let lane = Lane { y, height, width: lane_width };
        match clusters.get(at) {
            Some(cluster) => out.push_str(&draw_lane(&drawing, cluster, &labels[at], &lane)),
            None => out.push_str(&format!(
                "<g class=\"lane\">{}<text class=\"place\" x=\"{}\" y=\"{}\">shared data</text></g>\n",
                lane.rect("box", ""),
                MARGIN + 12,
                y + 29
            )),
        }
    }
    for (wire, points) in wires.iter().zip(&layout.wires) {
        let points: Vec<Point> = points.iter().map(|(x, y)| (left + x, top + y)).collect();
        out.push_str(&wire.draw(&points));
    }
    for (id, (card, (x, y))) in cards.iter().zip(&layout.cards).enumerate() {
        out.push_str(&card.draw(&drawing, id, (left + x, top + y), card_width));
    }
    out.push_str(&format!(
        "<g class=\"legend\" transform=\"translate({MARGIN} {})\">\n",
        top + layout.height
    ));
    out.push_str(&legend.text);
    out.push_str("</g>\n</svg>\n");
    out
}

/// Arrows. A line is drawn from its end, so that they are at its start.
fn markers() -> String {
    let marker = |kind: &str| {
        format!(
            "<marker id=\"topo-{kind}\" class=\"{kind}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto-start-reverse\">\
             <path d=\"M0 .5 8 4 0 7.5z\"/></marker>"
        )
    };
    let kinds = ["started", "healthy", "completed", "uses"];
    format!("<defs>{}</defs>\n", kinds.map(marker).concat())
}

struct Lane {
    y: i32,
    height: i32,
    width: i32,
}

impl Lane {
    fn rect(&self, class: &str, style: &str) -> String {
        let Self { y, height, width } = self;
        format!(
            "<rect class=\"{class}\" x=\"{MARGIN}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\"{style}/>"
        )
    }
}

fn draw_lane(drawing: &Drawing<'_>, cluster: &Cluster<'_>, labels: &[String], lane: &Lane) -> String {
    let keys: &[&str] = if let Place::Networks(keys) = &cluster.place { keys } else { &[] };
    let is_closed = !keys.is_empty()
        && keys.iter().all(|key| drawing.graph.network(key).is_some_and(|network| network.internal));
    let mut out = format!("<g class=\"lane\">{}", lane.rect("box", ""));
    if let [key] = keys {
        let style = format!(" fill=\"{}\" fill-opacity=\".09\"", drawing.color(key));
        out.push_str(&lane.rect("tint", &style));
    }
    if is_closed {
        out.push_str(&lane.rect("closed", ""));
    }
    for (at, label) in labels.iter().enumerate() {
        let y = lane.y + 12 + CHIP * i32::try_from(at).unwrap_or(i32::MAX);
        out.push_str(&match keys.get(at) {
            Some(key) => chip(drawing, key, label, (MARGIN + 10, y)),
            None => {
                let (x, y) = (MARGIN + 12, y + 17);
                format!(
                    "<text class=\"place\" x=\"{x}\" y=\"{y}\">{}</text>",
                    escape(&fit(label, 12, WIDEST_LABEL))
                )
            }
        });
    }
    out.push_str("</g>\n");
    out
}

/// Draws the name of a network: a dot of its colour, and a lock if it has no way out.
fn chip(drawing: &Drawing<'_>, key: &str, label: &str, (x, y): Point) -> String {
    let Some(network) = drawing.graph.network(key) else { return String::new() };
    let (id, color, text) = (drawing.network_id(key), drawing.color(key), fit(label, 12, WIDEST_LABEL));
    let members = drawing.graph.members(key).count();
    let title = format!("network {} ({}), {members} members", network.text(), network.name);
    let mark = match network.internal {
        true => format!(
            "<path fill=\"{color}\" d=\"M{} {}v-2a3 3 0 0 1 6 0v2h1.5v6h-9v-6zm1.6 0h2.8v-2a1.4 1.4 0 0 0-2.8 0z\"/>",
            x + 1,
            y + 10
        ),
        false => format!("<circle fill=\"{color}\" cx=\"{}\" cy=\"{}\" r=\"4.5\"/>", x + 4, y + 12),
    };
    format!(
        "<g class=\"node network\" data-id=\"{id}\" data-name=\"{}\"><title>{}</title>\
         <rect class=\"hit\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"22\" rx=\"4\"/>{mark}\
         <text class=\"place\" x=\"{}\" y=\"{}\">{}</text></g>",
        escape(key),
        escape(&title),
        x - 4,
        y + 1,
        width(&text, 12) + 24,
        x + 14,
        y + 16,
        escape(&text)
    )
}

/// A line between two cards.
struct Wire {
    edge: Edge,
    /// `started`, `healthy`, `completed` or `uses`.
    class: &'static str,
    is_optional: bool,
    title: String,
}

impl Wire {
    fn draw(&self, points: &[Point]) -> String {
        let optional = if self.is_optional { " optional" } else { "" };
        let Self { edge, class, title, is_optional: _ } = self;
        format!(
            "<path class=\"wire {class}{optional}\" data-from=\"c{}\" data-to=\"c{}\" marker-start=\"url(#topo-{class})\" \
             d=\"{}\"><title>{}</title></path>\n",
            edge.from,
            edge.to,
            rounded(points),
            escape(title)
        )
    }
}

fn wires(graph: &Graph, cards: &[Card<'_>]) -> Vec<Wire> {
    let services: BTreeMap<&str, usize> =
        cards.iter().enumerate().filter_map(|(at, card)| Some((card.service()?.name.as_str(), at))).collect();
    let stores: BTreeMap<(StoreKind, &str), usize> = cards
        .iter()
        .enumerate()
        .filter_map(|(at, card)| card.store().map(|store| ((store.kind, store.key.as_str()), at)))
        .collect();
    let dependencies = graph.dependencies.iter().filter_map(|one| {
        let (from, to) = (*services.get(one.from.as_str())?, *services.get(one.to.as_str())?);
        let kind = match one.condition {
            Condition::Started => 0,
            Condition::Healthy => 1,
            Condition::CompletedSuccessfully => 2,
        };
        Some(Wire {
            edge: Edge { from, to, kind },
            class: condition_word(one.condition),
            is_optional: !one.required,
            title: format!("{} depends on {}: {}", one.from, one.to, one.text()),
        })
    });
    let uses = graph.uses.iter().filter_map(|one| {
        let (from, to) = (*services.get(one.service.as_str())?, *stores.get(&(one.kind, &*one.key))?);
        let target = one.target.as_deref().map(|target| format!(" at {target}")).unwrap_or_default();
        let verb = if one.kind == StoreKind::Volume { "mounts" } else { "reads" };
        let title = format!("{} {verb} {} {}{target}", one.service, one.kind.word(), one.key);
        Some(Wire { edge: Edge { from, to, kind: 0 }, class: "uses", is_optional: false, title })
    });
    dependencies.chain(uses).collect()
}

/// Writes a path through points at right angles to each other, with round corners.
fn rounded(points: &[Point]) -> String {
    let mut path = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let (Some(before), Some(after)) = (at.checked_sub(1).map(|at| points[at]), points.get(at + 1)) else {
            path.push_str(&format!("{}{x} {y}", if at == 0 { 'M' } else { 'L' }));
            continue;
        };
        let towards = |(to_x, to_y): Point| {
            let length = (to_x - x).abs().max((to_y - y).abs());
            let part = CORNER.min(length / 2);
            (x + (to_x - x).signum() * part, y + (to_y - y).signum() * part)
        };
        let ((in_x, in_y), (out_x, out_y)) = (towards(before), towards(*after));
        path.push_str(&format!("L{in_x} {in_y}Q{x} {y} {out_x} {out_y}"));
    }
    path
}
