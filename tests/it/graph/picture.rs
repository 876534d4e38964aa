//! What makes a picture readable, for every project: all is there, no text is on another one, no line runs through a
//! card or along another line, and the same project is the same picture.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use topo::topology::render::{Filter, Graph, svg};

use super::{demo, graph_of};

/// An area, by its sides: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
struct Area([f64; 4]);

impl Area {
    fn meets(&self, other: &Self) -> bool {
        let (one, other) = (self.0, other.0);
        one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
    }

    fn holds(&self, other: &Self) -> bool {
        let (one, other) = (self.0, other.0);
        one[0] <= other[0] && one[1] <= other[1] && one[2] >= other[2] && one[3] >= other[3]
    }
}

/// What is to be checked of a picture.
struct Picture {
    whole: Area,
    texts: Vec<(String, Area)>,
    cards: Vec<(String, Area)>,
    wires: Vec<Wire>,
}

struct Wire {
    from: String,
    to: String,
    class: String,
    points: Vec<(f64, f64)>,
}

/// A straight part of a wire: from where to where.
type Run<'a> = (f64, f64, &'a Wire);

fn number(node: Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).map_or(0.0, |text| text.parse().unwrap())
}

/// Reads how large the letters of each class are.
fn sizes(document: &Document<'_>) -> BTreeMap<String, f64> {
    let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap().text().unwrap();
    let mut sizes = BTreeMap::new();
    for rule in style.lines().filter(|line| line.contains("font-size:")) {
        let (selectors, rest) = rule.split_once('{').unwrap();
        let size =
            rest.split("font-size:").nth(1).unwrap().split("px").next().unwrap().trim().parse().unwrap();
        for selector in selectors.split(',') {
            sizes.insert(selector.trim().trim_start_matches("text").trim_start_matches('.').to_owned(), size);
        }
    }
    sizes
}

impl Picture {
    fn read(text: &str) -> Self {
        let document = Document::parse(text).unwrap();
        let sizes = sizes(&document);
        let root = document.root_element();
        let mut picture = Self {
            whole: Area([0.0, 0.0, number(root, "width"), number(root, "height")]),
            texts: Vec::new(),
            cards: Vec::new(),
            wires: Vec::new(),
        };
        picture.add(root, (0.0, 0.0), &sizes);
        picture
    }

    fn add(&mut self, node: Node<'_, '_>, (mut x, mut y): (f64, f64), sizes: &BTreeMap<String, f64>) {
        if let Some(moved) = node.attribute("transform") {
            let inside = moved.trim_start_matches("translate(").trim_end_matches(')');
            let by: Vec<f64> = inside.split(' ').map(|one| one.parse().unwrap()).collect();
            (x, y) = (x + by[0], y + by[1]);
        }
        let class = node.attribute("class").unwrap_or_default();
        match node.tag_name().name() {
            "text" => {
                let size = sizes[class.split(' ').next().unwrap()];
                let text = node.text().unwrap().to_owned();
                // A letter of the widest usual fonts takes six tenths of its height.
                #[expect(clippy::cast_precision_loss, reason = "lines are short")]
                let wide = text.chars().count() as f64 * size * 0.602;
                let (left, base) = (x + number(node, "x"), y + number(node, "y"));
                let area = Area([left, base - 0.76 * size, left + wide, base + 0.22 * size]);
                self.texts.push((text, area));
            }
            "rect" if class == "card" => {
                let area = Area([x, y, x + number(node, "width"), y + number(node, "height")]);
                let id = node.parent().unwrap().attribute("data-id").unwrap();
                self.cards.push((id.to_owned(), area));
            }
            "path" if node.has_attribute("data-from") => self.wires.push(Wire {
                from: node.attribute("data-from").unwrap().to_owned(),
                to: node.attribute("data-to").unwrap().to_owned(),
                class: class.trim_end_matches(" optional").to_owned(),
                points: points(node.attribute("d").unwrap()),
            }),
            _ => {}
        }
        for child in node.children() {
            self.add(child, (x, y), sizes);
        }
    }

    /// Checks all that makes it readable.
    fn check(&self, graph: &Graph) {
        let names: Vec<&str> = self.texts.iter().map(|(text, _)| text.as_str()).collect();
        for service in &graph.services {
            assert!(names.iter().any(|name| is_name(name, &service.name)), "{} is not there", service.name);
        }
        for network in &graph.networks {
            assert!(names.iter().any(|name| is_name(name, &network.key)), "{} is not there", network.key);
        }
        let own = |kind, key: &str| graph.uses.iter().any(|one| one.kind == kind && one.key == key);
        for store in graph.stores.iter().filter(|store| own(store.kind, &store.key)) {
            assert!(names.iter().any(|name| is_name(name, &store.key)), "{} is not there", store.key);
        }
        assert!(self.wires.len() >= graph.dependencies.len());

        for (at, (text, area)) in self.texts.iter().enumerate() {
            assert!(self.whole.holds(area), "`{text}` is outside: {area:?} of {:?}", self.whole);
            for (other, beside) in &self.texts[..at] {
                assert!(!area.meets(beside), "`{text}` and `{other}` overlap: {area:?} {beside:?}");
            }
            for (card, around) in &self.cards {
                assert!(!area.meets(around) || around.holds(area), "`{text}` leaves {card}: {area:?}");
            }
        }
        for (at, (card, area)) in self.cards.iter().enumerate() {
            for (other, beside) in &self.cards[..at] {
                assert!(!area.meets(beside), "cards {card} and {other} overlap");
            }
        }
        self.check_wires();
    }

    fn check_wires(&self) {
        // By direction and place: from where to where, and whose it is.
        let mut runs: BTreeMap<(bool, i64), Vec<Run<'_>>> = BTreeMap::new();
        for wire in &self.wires {
            for (one, other) in wire.points.iter().zip(&wire.points[1..]) {
                let (left, right) = (one.0.min(other.0), one.0.max(other.0));
                let (top, bottom) = (one.1.min(other.1), one.1.max(other.1));
                // A line touches the cards that it binds.
                let area = Area([left + 0.5, top - 0.5, right - 0.5, bottom + 0.5]);
                for (card, around) in self.cards.iter().filter(|_| left < right || top < bottom) {
                    assert!(!area.meets(around), "{} to {} runs through {card}", wire.from, wire.to);
                }
                for (text, around) in &self.texts {
                    assert!(!area.meets(around), "{} to {} runs through `{text}`", wire.from, wire.to);
                }
                #[expect(clippy::cast_possible_truncation, reason = "pixels are whole")]
                match (left < right, top < bottom) {
                    (true, false) => runs.entry((true, top as i64)).or_default().push((left, right, wire)),
                    (false, true) => runs.entry((false, left as i64)).or_default().push((top, bottom, wire)),
                    // A corner.
                    _ => {}
                }
            }
        }
        for runs in runs.values() {
            for (at, (first, last, wire)) in runs.iter().enumerate() {
                for (from, to, other) in &runs[..at] {
                    // Those that begin or end together may run together there.
                    let is_one =
                        wire.from == other.from || (wire.to == other.to && wire.class == other.class);
                    let both = last.min(*to) - first.max(*from);
                    assert!(
                        is_one || both <= 0.0,
                        "{} to {} and {} to {} run together",
                        wire.from,
                        wire.to,
                        other.from,
                        other.to
                    );
                }
            }
        }
    }
}

/// Whether a text names something, in full, as its beginning, or shortened.
fn is_name(text: &str, name: &str) -> bool {
    let plain = text.strip_suffix('…').is_some_and(|beginning| name.starts_with(beginning));
    plain || text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Returns the ends and corners of a path of straight lines and round corners.
fn points(path: &str) -> Vec<(f64, f64)> {
    let spaced: String = path.chars().map(|one| if one.is_ascii_alphabetic() { ' ' } else { one }).collect();
    let numbers: Vec<f64> = spaced.split_whitespace().map(|one| one.parse().unwrap()).collect();
    numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

#[derive(Clone, Debug)]
struct Service {
    name: String,
    networks: Vec<usize>,
    dependencies: Vec<(usize, usize)>,
    ports: usize,
    stores: Vec<usize>,
    mode: usize,
}

fn service() -> impl Strategy<Value = Service> {
    let name = prop_oneof![4 => "[a-z]{1,12}", 1 => "[a-z][a-z0-9_.-]{30,60}"];
    let dependencies = vec((1..40_usize, 0..4_usize), 0..4);
    (name, vec(0..20_usize, 0..4), dependencies, 0..4_usize, vec(0..30_usize, 0..3), 0..16_usize).prop_map(
        |(name, networks, dependencies, ports, stores, mode)| Service {
            name,
            networks,
            dependencies,
            ports,
            stores,
            mode,
        },
    )
}

/// Writes a project of these services, from the first to the last or the other way round.
fn compose(services: &[Service], is_reversed: bool) -> String {
    let name = |at: usize| format!("{}-{at}", services[at].name);
    let write = |at: usize| {
        let service = &services[at];
        let mut text = format!("  {}:\n    image: example.com/{}:{at}\n", name(at), service.name);
        match service.mode {
            0 => text.push_str("    network_mode: host\n"),
            1 => text.push_str("    network_mode: none\n"),
            2 if at > 0 => text.push_str(&format!("    network_mode: 'service:{}'\n", name(at - 1))),
            _ => {
                let keys: std::collections::BTreeSet<_> = service.networks.iter().collect();
                let keys: Vec<String> = keys.into_iter().map(|key| format!("net{key}")).collect();
                text.push_str(&format!("    networks: [{}]\n", keys.join(", ")));
                let port = |port: usize| format!("'{}:{}'", 1024 + 4 * at + port, 80 + port);
                let ports: Vec<String> = (0..service.ports).map(port).collect();
                text.push_str(&format!("    ports: [{}]\n", ports.join(", ")));
            }
        }
        let words = ["service_started", "service_healthy", "service_completed_successfully"];
        let ends = service.dependencies.iter().filter_map(|(back, how)| Some((at.checked_sub(*back)?, *how)));
        let ends: BTreeMap<usize, usize> = ends.collect();
        let ends: Vec<String> = ends
            .into_iter()
            .map(|(to, how)| {
                format!("{}: {{condition: {}, required: {}}}", name(to), words[how % 3], how < 3)
            })
            .collect();
        text.push_str(&format!("    depends_on: {{{}}}\n", ends.join(", ")));
        let stores: std::collections::BTreeSet<_> = service.stores.iter().collect();
        let mounts: Vec<String> = stores.iter().map(|store| format!("'vol{store}:/data/{store}'")).collect();
        text.push_str(&format!("    volumes: [{}]\n", mounts.join(", ")));
        text
    };
    let mut order: Vec<usize> = (0..services.len()).collect();
    if is_reversed {
        order.reverse();
    }
    let body: String = order.into_iter().map(write).collect();
    let networks: String =
        (0..20).map(|key| format!("  net{key}: {{internal: {}}}\n", key % 3 == 0)).collect();
    let volumes: String = (0..30).map(|key| format!("  vol{key}: {{}}\n")).collect();
    format!("name: random\nservices:\n{body}networks:\n{networks}volumes:\n{volumes}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_picture_can_be_read(services in prop_oneof![vec(service(), 1..12), vec(service(), 1..200)]) {
        let graph = graph_of(&compose(&services, false), &Filter::default());
        let picture = svg::svg(&graph);
        Picture::read(&picture).check(&graph);
        let again = svg::svg(&graph_of(&compose(&services, true), &Filter::default()));
        prop_assert_eq!(picture, again);
    }
}

#[test]
fn a_picture_of_everything_can_be_read() {
    let graph = demo(&Filter::default());
    Picture::read(&svg::svg(&graph)).check(&graph);
}

/// Nothing, and only things without lines.
#[test]
fn a_picture_of_little_can_be_read() {
    for text in ["services: {a: {image: i}}", "services: {}", "services: {a: {image: i, network_mode: none}}"]
    {
        let graph = graph_of(&format!("name: small\n{text}\n"), &Filter::default());
        Picture::read(&svg::svg(&graph)).check(&graph);
    }
}
