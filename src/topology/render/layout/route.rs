//! Which track of which channel and gap each line runs on.

use std::collections::BTreeMap;

use super::Input;
use super::grid::Grid;

/// How often the tracks of a channel are put into a better order.
const PASSES: usize = 8;

/// The tracks of all lines.
pub(super) struct Routes {
    /// The net of each line, and its place among those that end at the same card.
    of_edge: Vec<(usize, i32)>,
    /// The track of each net in a channel. Channel `n` is before column `n`.
    in_channel: BTreeMap<(usize, usize), i32>,
    /// The gap and the track of a net that has far to go. Gap `n` is above row `n`.
    in_gap: BTreeMap<usize, (usize, i32)>,
    channels: Vec<i32>,
    gaps: Vec<i32>,
}

/// Lines of one kind that end at one card.
struct Net {
    target: usize,
    edges: Vec<usize>,
    /// The gap that it runs through, and the first and last channel there, if it begins far away.
    far: Option<(usize, usize, usize)>,
}

/// A part of a net that runs in a channel or gap, from one place to another one.
///
/// In a channel the places are `2 n` for the gap above row `n` and `2 n + 1` for the row; in a gap they are channels.
struct Section {
    net: usize,
    first: usize,
    last: usize,
    /// Where it comes from the left, or from above.
    before: Vec<usize>,
    /// Where it goes to the right, or down.
    after: Vec<usize>,
}

impl Routes {
    pub(super) fn of(input: &Input, grid: &Grid) -> Self {
        let mut by_end: BTreeMap<(usize, u8), Vec<usize>> = BTreeMap::new();
        for (at, edge) in input.edges.iter().enumerate() {
            by_end.entry((edge.to, edge.kind)).or_default().push(at);
        }
        let nets: Vec<Net> = by_end
            .into_iter()
            .map(|((target, _), edges)| Net { target, far: far(input, grid, target, &edges), edges })
            .collect();
        let mut of_edge = vec![(0, 0); input.edges.len()];
        let mut entries: BTreeMap<usize, i32> = BTreeMap::new();
        for (at, net) in nets.iter().enumerate() {
            let entry = entries.entry(net.target).or_default();
            for edge in &net.edges {
                of_edge[*edge] = (at, *entry);
            }
            *entry += 1;
        }

        let mut in_channel = BTreeMap::new();
        let mut channels = vec![0; grid.columns + 1];
        for (channel, sections) in channel_sections(input, grid, &nets).into_iter().enumerate() {
            let (tracks, count) = tracks(sections);
            channels[channel] = count;
            in_channel.extend(tracks.into_iter().map(|(net, track)| ((channel, net), track)));
        }
        let mut in_gap = BTreeMap::new();
        let mut gaps = vec![0; grid.lane_of_row.len() + 1];
        for (gap, sections) in gap_sections(grid, &nets).into_iter().enumerate() {
            let (tracks, count) = tracks(sections);
            gaps[gap] = count;
            in_gap.extend(tracks.into_iter().map(|(net, track)| (net, (gap, track))));
        }
        Self { of_edge, in_channel, in_gap, channels, gaps }
    }

    /// Returns the net of a line, and its place among those that end at the same card.
    pub(super) fn net_of(&self, edge: usize) -> (usize, i32) {
        self.of_edge[edge]
    }

    pub(super) fn channel_track(&self, channel: usize, net: usize) -> i32 {
        self.in_channel.get(&(channel, net)).copied().unwrap_or(0)
    }

    pub(super) fn gap_track(&self, net: usize) -> Option<(usize, i32)> {
        self.in_gap.get(&net).copied()
    }

    pub(super) fn channel_tracks(&self, channel: usize) -> i32 {
        self.channels[channel]
    }

    pub(super) fn gap_tracks(&self, gap: usize) -> i32 {
        self.gaps[gap]
    }
}

/// Finds the gap for lines that begin farther away than in the column before their end: the one above the end's row,
/// or the one below if most come from there.
fn far(input: &Input, grid: &Grid, target: usize, edges: &[usize]) -> Option<(usize, usize, usize)> {
    let (column, row) = grid.places[target];
    let begins = edges.iter().map(|edge| grid.places[input.edges[*edge].from]);
    let far: Vec<(usize, usize)> = begins.filter(|(from, _)| from + 1 != column).collect();
    let first = far.iter().map(|(from, _)| from + 1).min()?.min(column);
    let last = far.iter().map(|(from, _)| from + 1).max()?.max(column);
    let below = far.iter().filter(|(_, from)| *from > row).count();
    Some((if 2 * below > far.len() { row + 1 } else { row }, first, last))
}

fn channel_sections(input: &Input, grid: &Grid, nets: &[Net]) -> Vec<Vec<Section>> {
    let mut all: Vec<Vec<Section>> = (0..=grid.columns).map(|_| Vec::new()).collect();
    for (at, net) in nets.iter().enumerate() {
        let (column, row) = grid.places[net.target];
        // By channel: the rows that it comes from, and the places that it goes to.
        let mut ways: BTreeMap<usize, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        ways.entry(column).or_default().1.push(2 * row + 1);
        for edge in &net.edges {
            let (from, from_row) = grid.places[input.edges[*edge].from];
            ways.entry(from + 1).or_default().0.push(2 * from_row + 1);
            if let Some((gap, ..)) = net.far.filter(|_| from + 1 != column) {
                let (into, out) = if from < column { (0, 1) } else { (1, 0) };
                for (channel, side) in [(from + 1, out), (column, into)] {
                    let way = ways.entry(channel).or_default();
                    let places = if side == 0 { &mut way.0 } else { &mut way.1 };
                    if !places.contains(&(2 * gap)) {
                        places.push(2 * gap);
                    }
                }
            }
        }
        for (channel, (before, after)) in ways {
            let places = || before.iter().chain(&after).copied();
            let (first, last) = (places().min().unwrap_or(0), places().max().unwrap_or(0));
            all[channel].push(Section { net: at, first, last, before, after });
        }
    }
    all
}

fn gap_sections(grid: &Grid, nets: &[Net]) -> Vec<Vec<Section>> {
    let mut all: Vec<Vec<Section>> = (0..=grid.lane_of_row.len()).map(|_| Vec::new()).collect();
    for (at, net) in nets.iter().enumerate() {
        let Some((gap, first, last)) = net.far else { continue };
        let (column, row) = grid.places[net.target];
        let (before, after) = if row < gap { (vec![column], Vec::new()) } else { (Vec::new(), vec![column]) };
        all[gap].push(Section { net: at, first, last, before, after });
    }
    all
}

/// Gives each section a track of its own where it runs beside others, in an order in which few cross.
fn tracks(mut sections: Vec<Section>) -> (Vec<(usize, i32)>, i32) {
    sections.sort_by_key(|section| (section.first, section.last, section.net));
    for _ in 0..PASSES {
        let mut is_better = false;
        for at in 1..sections.len() {
            let (one, other) = (&sections[at - 1], &sections[at]);
            if crossings(other, one) < crossings(one, other) {
                sections.swap(at - 1, at);
                is_better = true;
            }
        }
        if !is_better {
            break;
        }
    }
    let mut placed: Vec<(&Section, i32)> = Vec::with_capacity(sections.len());
    for section in &sections {
        let beside = placed.iter().filter(|(other, _)| meet(section, other));
        let track = beside.map(|(_, track)| track + 1).max().unwrap_or(0);
        placed.push((section, track));
    }
    let count = placed.iter().map(|(_, track)| track + 1).max().unwrap_or(0);
    (placed.into_iter().map(|(section, track)| (section.net, track)).collect(), count)
}

fn meet(one: &Section, other: &Section) -> bool {
    one.first <= other.last && other.first <= one.last
}

/// Counts how often two sections cross when the first one is before the second one.
fn crossings(one: &Section, other: &Section) -> usize {
    let inside = |section: &Section, place: usize| section.first < place && place < section.last;
    other.before.iter().filter(|place| inside(one, **place)).count()
        + one.after.iter().filter(|place| inside(other, **place)).count()
}
