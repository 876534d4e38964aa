//! The cards of the picture: services, and what more than one of them mounts or reads.

use std::collections::BTreeMap;

use super::text::{escape, fit, fit_end, width};
use super::{Drawing, Place};
use crate::topology::render::cluster::Cluster;
use crate::topology::render::layout::{LEAST_CARD, Point};
use crate::topology::render::{Live, OpenTo, Port, Service, Store, StoreKind, Use};

/// The widest text of a card.
const WIDEST: i32 = 240;
/// From a card's left side to its text, and from its text to its right side.
const LEFT: i32 = 16;
const RIGHT: i32 = 12;
/// The height of a line below name and image.
const LINE: i32 = 19;
/// Where the first of these lines begins.
const LINES: i32 = 44;

/// A card.
pub(super) struct Card<'a> {
    /// Its lane: that of its cluster, or the one after all of them.
    pub(super) lane: usize,
    pub(super) width: i32,
    pub(super) height: i32,
    what: What<'a>,
    lines: Vec<Line<'a>>,
}

enum What<'a> {
    Service(&'a Service),
    Store(&'a Store),
}

/// A line of a service's card.
enum Line<'a> {
    Live(&'a Live),
    /// Something that the file says and that has no mark of its own.
    Note(String),
    Port(&'a Port),
    /// What nobody else mounts or reads.
    Use(&'a Use),
}

/// Makes the cards of all that is drawn.
pub(super) fn cards<'a>(drawing: &Drawing<'a>, clusters: &[Cluster<'a>]) -> Vec<Card<'a>> {
    let graph = drawing.graph;
    let mut users: BTreeMap<(StoreKind, &str), Vec<&str>> = BTreeMap::new();
    let mut own: BTreeMap<&str, Vec<&Use>> = BTreeMap::new();
    for one in &graph.uses {
        let users = users.entry((one.kind, &one.key)).or_default();
        if !users.contains(&one.service.as_str()) {
            users.push(&one.service);
        }
        own.entry(&one.service).or_default().push(one);
    }
    let is_own = |kind, key: &str| users.get(&(kind, key)).is_some_and(|users| users.len() == 1);
    let mut cards = Vec::new();
    for (lane, cluster) in clusters.iter().enumerate() {
        for service in &cluster.services {
            let mut lines = Vec::new();
            lines.extend(service.live.as_ref().map(Line::Live));
            lines.extend(note(cluster, service).map(Line::Note));
            lines.extend(service.ports.iter().map(Line::Port));
            let uses = own.get(service.name.as_str()).into_iter().flatten();
            lines.extend(uses.filter(|one| is_own(one.kind, &one.key)).map(|one| Line::Use(one)));
            cards.push(Card::new(lane, What::Service(service), lines));
        }
    }
    for store in graph.stores.iter().filter(|store| !is_own(store.kind, &store.key)) {
        cards.push(Card::new(clusters.len(), What::Store(store), Vec::new()));
    }
    cards
}

/// Says whose interfaces a service shares, which its place does not show.
fn note(cluster: &Cluster<'_>, service: &Service) -> Option<String> {
    let other = service.mode.as_deref()?.strip_prefix("service:")?;
    let is_shown = matches!(cluster.place, Place::Mode(mode) if Some(mode) == service.mode.as_deref());
    (!is_shown).then(|| format!("shares network of {other}"))
}

impl<'a> Card<'a> {
    fn new(lane: usize, what: What<'a>, lines: Vec<Line<'a>>) -> Self {
        let (title, below) = match &what {
            What::Service(service) => (title(service), service.image.clone()),
            What::Store(store) => (store.key.clone(), below(store)),
        };
        // A store has its mark beside its name.
        let mark = if matches!(what, What::Store(_)) { 18 } else { 0 };
        let widest = lines.iter().map(Line::width).chain([width(&title, 13) + mark, width(&below, 11)]).max();
        let height = match i32::try_from(lines.len()).unwrap_or(i32::MAX) {
            0 => LEAST_CARD,
            lines => LINES + lines * LINE + 6,
        };
        Self { lane, width: widest.unwrap_or(0).min(WIDEST) + LEFT + RIGHT, height, what, lines }
    }

    pub(super) fn service(&self) -> Option<&'a Service> {
        if let What::Service(service) = self.what { Some(service) } else { None }
    }

    pub(super) fn store(&self) -> Option<&'a Store> {
        if let What::Store(store) = self.what { Some(store) } else { None }
    }

    /// Draws the card with its upper left corner at a point.
    pub(super) fn draw(&self, drawing: &Drawing<'_>, id: usize, (x, y): Point, width: i32) -> String {
        let (name, class) = match &self.what {
            What::Service(service) => {
                let state = service.live.as_ref().map(|live| format!(" is-{}", live.state.word()));
                (&service.name, format!("service{}", state.unwrap_or_default()))
            }
            What::Store(store) => (&store.key, format!("store {}", store.kind.word())),
        };
        let networks = match &self.what {
            What::Service(service) => {
                service.networks.iter().map(|key| drawing.network_id(key)).collect::<Vec<_>>().join(" ")
            }
            What::Store(_) => String::new(),
        };
        let mut out = format!(
            "<g class=\"node {class}\" data-id=\"c{id}\" data-name=\"{}\" data-networks=\"{networks}\" \
             transform=\"translate({x} {y})\"><title>{}</title><rect class=\"card\" width=\"{width}\" height=\"{}\" \
             rx=\"6\"/>",
            escape(name),
            escape(&self.tooltip()),
            self.height
        );
        let most = width - LEFT - RIGHT;
        match &self.what {
            What::Service(service) => {
                out.push_str(&self.stripes(drawing, service));
                out.push_str(&text("name", (LEFT, 20), &title(service), 13, most));
                let image = fit_end(&service.image, 11, most);
                out.push_str(&text("image", (LEFT, 36), &image, 11, most));
            }
            What::Store(store) => {
                out.push_str(&icon(store.kind, (LEFT - 2, 9)));
                out.push_str(&text("name", (LEFT + 16, 20), &store.key, 13, most - 18));
                out.push_str(&text("image", (LEFT + 16, 36), &below(store), 11, most - 18));
            }
        }
        for (at, line) in self.lines.iter().enumerate() {
            let y = LINES + LINE * i32::try_from(at).unwrap_or(i32::MAX);
            out.push_str(&line.draw(y, most));
        }
        out.push_str("</g>\n");
        out
    }

    /// Draws the colours of a service's networks along its left side.
    fn stripes(&self, drawing: &Drawing<'_>, service: &Service) -> String {
        let count = i32::try_from(service.networks.len()).unwrap_or(i32::MAX);
        let (top, bottom) = (6, self.height - 6);
        let stripe = |(at, key): (usize, &String)| {
            let at = i32::try_from(at).unwrap_or(0);
            let (from, to) = (top + (bottom - top) * at / count, top + (bottom - top) * (at + 1) / count);
            let (color, id) = (drawing.color(key), drawing.network_id(key));
            let height = (to - from).max(1);
            format!(
                "<rect fill=\"{color}\" data-network=\"{id}\" x=\"5\" y=\"{from}\" width=\"4\" height=\"{height}\"/>"
            )
        };
        service.networks.iter().enumerate().map(stripe).collect()
    }

    fn tooltip(&self) -> String {
        let mut lines = match &self.what {
            What::Service(service) => {
                let mut lines = vec![format!("service {}", service.name), service.image.clone()];
                if service.containers != 1 {
                    lines.push(format!("{} containers", service.containers));
                }
                if !service.networks.is_empty() {
                    lines.push(format!("on {}", service.networks.join(", ")));
                }
                lines
            }
            What::Store(store) => vec![format!("{} {}", store.kind.word(), store.key)],
        };
        lines.extend(self.lines.iter().map(|line| match line {
            Line::Live(live) => live.text.clone(),
            Line::Note(note) => note.clone(),
            Line::Port(port) => format!("{} ({})", port.text(), port.open_to.phrase()),
            Line::Use(one) => format!("{} {}", one.kind.word(), use_text(one)),
        }));
        lines.join("\n")
    }
}

fn title(service: &Service) -> String {
    match service.containers {
        1 => service.name.clone(),
        containers => format!("{} ×{containers}", service.name),
    }
}

fn below(store: &Store) -> String {
    let external = if store.external { ", external" } else { "" };
    format!("{}{external}", store.kind.word())
}

fn use_text(one: &Use) -> String {
    match one.target.as_deref() {
        Some(target) => format!("{} → {target}", one.key),
        None => one.key.clone(),
    }
}

impl Line<'_> {
    fn width(&self) -> i32 {
        match self {
            Self::Live(live) => 14 + width(&live.text, 11),
            Self::Note(note) => width(note, 11),
            Self::Port(port) => 14 + width(&port.text(), 11),
            Self::Use(one) => 16 + width(&use_text(one), 11),
        }
    }

    fn draw(&self, y: i32, most: i32) -> String {
        match self {
            Self::Live(live) => {
                let dot = format!("<circle class=\"state\" cx=\"{}\" cy=\"{}\" r=\"4\"/>", LEFT + 5, y + 9);
                dot + &text("live", (LEFT + 14, y + 13), &live.text, 11, most - 14)
            }
            Self::Note(note) => text("image", (LEFT, y + 13), note, 11, most),
            Self::Port(port) => {
                let label = fit(&port.text(), 11, most - 14);
                let class = match port.open_to {
                    OpenTo::World => "port",
                    OpenTo::Host => "port local",
                    OpenTo::Nobody => "port vain",
                };
                let (middle, wide) = (y + 9, width(&label, 11) + 14);
                // It comes in from the left, where nothing else does below the lines that end at the card.
                let arrow = match port.open_to {
                    OpenTo::Nobody => String::new(),
                    OpenTo::World | OpenTo::Host => {
                        format!("<path class=\"{class}\" d=\"M-15 {middle}H-2m-5-4 5 4-5 4\"/>")
                    }
                };
                let pill = format!(
                    "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{wide}\" height=\"16\" rx=\"8\"/>",
                    LEFT - 2,
                    y + 1
                );
                format!("{arrow}{pill}{}", text(class, (LEFT + 5, y + 13), &label, 11, most - 14))
            }
            Self::Use(one) => {
                let mark = icon(one.kind, (LEFT - 1, y + 2));
                mark + &text("use", (LEFT + 16, y + 13), &use_text(one), 11, most - 16)
            }
        }
    }
}

fn text(class: &str, (x, y): Point, text: &str, size: i32, most: i32) -> String {
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escape(&fit(text, size, most)))
}

/// Draws what stands for a kind: a drum, a sheet, a key.
pub(super) fn icon(kind: StoreKind, (x, y): Point) -> String {
    let path = match kind {
        StoreKind::Volume => "M1 3a5 2 0 0 1 10 0v7a5 2 0 0 1-10 0zM1 3a5 2 0 0 0 10 0",
        StoreKind::Config => "M2 1h6l3 3v8H2zM4 6h5M4 9h5",
        StoreKind::Secret => "M8.5 1.5a3 3 0 1 1-1.8 5.4L3 10.6V12H1v-2l4.7-4.7A3 3 0 0 1 8.5 1.5z",
    };
    format!("<path class=\"icon {}\" transform=\"translate({x} {y})\" d=\"{path}\"/>", kind.word())
}
