//! Which column and row each card is in.

use std::collections::{BTreeMap, BTreeSet};

use super::{Input, LEAST_CARD};

/// The shape that a picture should have, as width to height in tenths.
const SHAPE: i64 = 16;
/// About what a card takes beside its own width and height.
const AROUND: i64 = 64;
/// How often cards are put near those that they have lines to.
const SWEEPS: usize = 12;

/// More rows than this are not tried for the cards of one rank in one lane.
const MOST_ROWS: usize = 40;

/// The cards in columns and rows. All rows of a lane follow each other.
pub(super) struct Grid {
    pub(super) columns: usize,
    /// The lane of each row.
    pub(super) lane_of_row: Vec<usize>,
    /// The column and row of each card.
    pub(super) places: Vec<(usize, usize)>,
}

/// Cards of one lane that are equally far from where the lines begin, in their order from above.
struct Cell {
    lane: usize,
    rank: usize,
    nodes: Vec<usize>,
}

/// How many columns and rows there are.
struct Shape {
    /// The first column of each rank, and how many there are.
    ranks: Vec<(usize, usize)>,
    columns: usize,
    /// The first row of each lane, and how many there are.
    lanes: Vec<(usize, usize)>,
}

impl Grid {
    pub(super) fn of(input: &Input) -> Self {
        let ranks = ranks(input);
        let bound: BTreeSet<usize> = input.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
        let mut by_place: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        let mut free: Vec<Vec<usize>> = vec![Vec::new(); input.lanes.len()];
        for (at, node) in input.nodes.iter().enumerate() {
            if !bound.contains(&at) {
                free[node.lane].push(at);
                continue;
            }
            by_place.entry((node.lane, ranks[at])).or_default().push(at);
        }
        let cell = |((lane, rank), nodes)| Cell { lane, rank, nodes };
        let mut cells: Vec<Cell> = by_place.into_iter().map(cell).collect();
        let shape = best_shape(input, &cells, &free);
        let mut grid =
            Self { columns: shape.columns, lane_of_row: Vec::new(), places: vec![(0, 0); input.nodes.len()] };
        for (lane, (_, rows)) in shape.lanes.iter().enumerate() {
            grid.lane_of_row.extend(std::iter::repeat_n(lane, *rows));
        }
        grid.place(&shape, &cells);
        for sweep in 0..SWEEPS {
            grid.sort(input, &mut cells, sweep % 2 == 0);
            grid.place(&shape, &cells);
        }
        grid.fill(&shape, &cells, &free);
        grid
    }

    fn place(&mut self, shape: &Shape, cells: &[Cell]) {
        for cell in cells {
            let (column, columns) = shape.ranks[cell.rank];
            let rows = cell.nodes.len().div_ceil(columns);
            for (at, node) in cell.nodes.iter().enumerate() {
                self.places[*node] = (column + at / rows, shape.lanes[cell.lane].0 + at % rows);
            }
        }
    }

    /// Puts the cards of each cell into the order of those that they have lines from, or to.
    fn sort(&self, input: &Input, cells: &mut [Cell], by_begins: bool) {
        let mut sums = vec![(0_usize, 0_usize); input.nodes.len()];
        for edge in &input.edges {
            let (node, other) = if by_begins { (edge.to, edge.from) } else { (edge.from, edge.to) };
            sums[node].0 += self.places[other].1;
            sums[node].1 += 1;
        }
        for cell in cells {
            cell.nodes.sort_by_key(|node| match sums[*node] {
                (_, 0) => 1000 * self.places[*node].1,
                (sum, count) => 1000 * sum / count,
            });
        }
    }

    /// Puts cards without lines where there is room.
    fn fill(&mut self, shape: &Shape, cells: &[Cell], free: &[Vec<usize>]) {
        for (lane, nodes) in free.iter().enumerate() {
            let mut taken: BTreeSet<(usize, usize)> = BTreeSet::new();
            for cell in cells.iter().filter(|cell| cell.lane == lane) {
                taken.extend(cell.nodes.iter().map(|node| self.places[*node]));
            }
            let (first, rows) = shape.lanes[lane];
            let slots = (first..first + rows).flat_map(|row| (0..shape.columns).map(move |at| (at, row)));
            let room = slots.filter(|slot| !taken.contains(slot));
            for (node, slot) in nodes.iter().zip(room) {
                self.places[*node] = slot;
            }
        }
    }
}

/// Returns how far each card is from those that no line leads to, by the longest way. Cards on a circle are near.
fn ranks(input: &Input) -> Vec<usize> {
    let count = input.nodes.len();
    let (mut missing, mut ranks) = (vec![0_usize; count], vec![0; count]);
    let mut leaving: Vec<Vec<usize>> = vec![Vec::new(); count];
    for edge in &input.edges {
        missing[edge.to] += 1;
        leaving[edge.from].push(edge.to);
    }
    let mut ready: Vec<usize> = (0..count).filter(|node| missing[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &leaving[node] {
            ranks[*to] = ranks[*to].max(ranks[node] + 1);
            missing[*to] -= 1;
            if missing[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    ranks
}

/// Tries how many rows a cell should have, and how many columns more there should be, and takes the best picture.
fn best_shape(input: &Input, cells: &[Cell], free: &[Vec<usize>]) -> Shape {
    let most = cells.iter().map(|cell| cell.nodes.len()).max().unwrap_or(1);
    let loose: usize = free.iter().map(Vec::len).sum();
    let height = input.nodes.iter().map(|node| i64::from(node.height)).sum::<i64>()
        / i64::try_from(input.nodes.len().max(1)).unwrap_or(i64::MAX);
    // How much the picture has to be made smaller to fit into a screen.
    let badness = |shape: &Shape| {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let rows: usize = shape.lanes.iter().map(|(_, rows)| rows).sum();
        let wide = count(shape.columns) * (i64::from(input.card_width) + AROUND);
        let down = count(rows) * (height.max(i64::from(LEAST_CARD)) + AROUND / 3);
        (10 * wide).max(SHAPE * (down + AROUND * count(shape.lanes.len()) / 2))
    };
    let shapes = (1..=most.min(MOST_ROWS)).flat_map(|rows| (0..=loose.min(24)).map(move |more| (rows, more)));
    let shapes = shapes.map(|(rows, more)| shape(input, cells, free, rows, more));
    shapes.min_by_key(badness).unwrap_or_else(|| shape(input, cells, free, 1, 0))
}

/// Returns the shape in which no cell has more than so many rows in a column.
fn shape(input: &Input, cells: &[Cell], free: &[Vec<usize>], rows: usize, more: usize) -> Shape {
    let mut widths = vec![0; cells.iter().map(|cell| cell.rank + 1).max().unwrap_or(0)];
    for cell in cells {
        widths[cell.rank] = widths[cell.rank].max(cell.nodes.len().div_ceil(rows));
    }
    let mut columns = 0;
    let mut ranks = Vec::with_capacity(widths.len());
    for width in widths {
        ranks.push((columns, width));
        columns += width;
    }
    columns = (columns + more).max(1);
    let mut first = 0;
    let mut lanes = Vec::with_capacity(input.lanes.len());
    for (lane, free) in free.iter().enumerate() {
        let own = cells.iter().filter(|cell| cell.lane == lane);
        let used: usize = own.clone().map(|cell| cell.nodes.len()).sum();
        let deepest = own.map(|cell| cell.nodes.len().div_ceil(ranks[cell.rank].1)).max().unwrap_or(1);
        let rows = deepest.max((used + free.len()).div_ceil(columns));
        lanes.push((first, rows));
        first += rows;
    }
    Shape { ranks, columns, lanes }
}
