//! What the marks of the picture mean: only those that are in it.

use std::collections::BTreeSet;

use super::card::icon;
use super::text::{escape, width};
use super::{Drawing, Place, Wire, chip};
use crate::topology::render::cluster::Cluster;
use crate::topology::render::{LiveState, OpenTo, StoreKind};

/// The height of a line.
const LINE: i32 = 24;

/// The legend, drawn from its upper left corner.
pub(super) struct Legend {
    pub(super) text: String,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// Writes entries one after the other, and on the next line where there is no more room.
struct Flow {
    text: String,
    x: i32,
    y: i32,
    widest: i32,
    most: i32,
}

impl Flow {
    fn room_for(&mut self, wide: i32) -> (i32, i32) {
        if self.x > 0 && self.x + wide > self.most {
            self.next_line();
        }
        let place = (self.x, self.y);
        self.x += wide + 22;
        self.widest = self.widest.max(place.0 + wide);
        place
    }

    fn next_line(&mut self) {
        if self.x > 0 {
            self.x = 0;
            self.y += LINE;
        }
    }

    /// Adds a mark with what it means. The mark is drawn from the middle of its left side.
    fn entry(&mut self, mark: &str, mark_width: i32, means: &str) {
        let (x, y) = self.room_for(mark_width + 8 + width(means, 11));
        self.text.push_str(&format!(
            "<g transform=\"translate({x} {y})\">{mark}<text class=\"means\" x=\"{}\" y=\"4\">{}</text></g>\n",
            mark_width + 8,
            escape(means)
        ));
    }
}

pub(super) fn legend(drawing: &Drawing<'_>, clusters: &[Cluster<'_>], wires: &[Wire], most: i32) -> Legend {
    let graph = drawing.graph;
    let mut flow = Flow { text: String::new(), x: 0, y: 28, widest: 0, most: most.max(480) };
    // Networks that no box is named after: boxes are too many where each set of networks has one.
    let named: BTreeSet<&str> = clusters
        .iter()
        .flat_map(|cluster| if let Place::Networks(keys) = &cluster.place { keys.as_slice() } else { &[] })
        .copied()
        .collect();
    for network in graph.networks.iter().filter(|network| !named.contains(network.key.as_str())) {
        let label = network.text();
        let (x, y) = flow.room_for(width(&label, 12) + 20);
        flow.text.push_str(&chip(drawing, &network.key, &label, (x, y - 12)));
    }
    flow.next_line();

    for (class, means) in [
        ("started", "depends on: started"),
        ("healthy", "depends on: healthy"),
        ("completed", "depends on: completed"),
        ("uses", "mounts or reads"),
    ] {
        if wires.iter().any(|wire| wire.class == class) {
            let line =
                format!("<path class=\"wire {class}\" marker-start=\"url(#topo-{class})\" d=\"M34 0H0\"/>");
            flow.entry(&line, 34, means);
        }
    }
    for (open_to, class, means) in [
        (OpenTo::World, "port", "published"),
        (OpenTo::Host, "port local", "published to the host alone"),
        (OpenTo::Nobody, "port vain", "published in vain"),
    ] {
        if graph.services.iter().flat_map(|service| &service.ports).any(|port| port.open_to == open_to) {
            let pill = format!("<rect class=\"{class}\" y=\"-7\" width=\"26\" height=\"14\" rx=\"7\"/>");
            flow.entry(&pill, 26, means);
        }
    }
    for kind in [StoreKind::Volume, StoreKind::Config, StoreKind::Secret] {
        if graph.stores.iter().any(|store| store.kind == kind) {
            flow.entry(&icon(kind, (0, -6)), 12, kind.word());
        }
    }
    if graph.networks.iter().any(|network| network.internal) {
        let closed = "<rect class=\"closed\" y=\"-7\" width=\"26\" height=\"14\" rx=\"3\"/>";
        flow.entry(closed, 26, "internal networks only");
    }
    let states: BTreeSet<LiveState> =
        graph.services.iter().filter_map(|service| Some(service.live.as_ref()?.state)).collect();
    for state in states {
        let word = state.word();
        let dot = format!("<g class=\"is-{word}\"><circle class=\"state\" cx=\"5\" r=\"5\"/></g>");
        flow.entry(&dot, 10, word);
    }
    let height = if flow.x > 0 { flow.y + LINE / 2 } else { flow.y - LINE / 2 };
    Legend { text: flow.text, width: flow.widest, height }
}
