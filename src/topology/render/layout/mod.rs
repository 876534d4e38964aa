//! Where everything of the picture is: cards in lanes, lines in the channels between them.
//!
//! A lane is a row of boxes for each set of networks, and a column is how far a service is from those that nobody waits
//! for, so that dependencies lead to the right. Lines run at right angles in channels between the columns and in gaps
//! between the rows, each on a track of its own, and so never through a card. Lines to the same end share a track.
//!
//! Written by hand because crates that lay out graphs (`dagre`, `rust-sugiyama`, `layout-rs`) give each rank one column
//! however many nodes it has, which makes two hundred services a strip, and know no boxes around nodes or no way for
//! lines around these. All numbers are whole, so that the same project is the same picture everywhere.

mod grid;
mod route;

use grid::Grid;
use route::Routes;

/// Pixels between two tracks.
const TRACK: i32 = 7;
/// From a card's right side to the first track.
const CHANNEL_BEFORE: i32 = 12;
/// From the last track to a card's left side: room for an arrow.
const CHANNEL_AFTER: i32 = 20;
/// Above and below the tracks between two rows.
const ROW_PADDING: i32 = 9;
/// Around the rows of a lane.
const LANE_PADDING: i32 = 12;
/// Between two lanes.
const LANE_GAP: i32 = 12;
/// From a card's top to the first line that comes in, and to the next.
const ENTRY: i32 = 14;
const NEXT_ENTRY: i32 = 8;
/// From a card's top to where lines leave. No line comes in there.
const EXIT: i32 = 38;
/// The least height of a card, and that of a lane's row without cards.
pub(super) const LEAST_CARD: i32 = 46;

/// What is to be laid out.
pub(super) struct Input {
    /// The width of all cards.
    pub(super) card_width: i32,
    /// The least height of each lane.
    pub(super) lanes: Vec<i32>,
    /// The cards.
    pub(super) nodes: Vec<Node>,
    /// The lines. Two that have the same kind and end are one where they run together.
    pub(super) edges: Vec<Edge>,
}

/// A card.
pub(super) struct Node {
    /// Its lane.
    pub(super) lane: usize,
    /// Its height.
    pub(super) height: i32,
}

/// A line between cards.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    /// The card where it begins.
    pub(super) from: usize,
    /// The card where it ends.
    pub(super) to: usize,
    /// What kind of line it is. At most three kinds may end at a card.
    pub(super) kind: u8,
}

/// A point, in pixels from the left and from the top.
pub(super) type Point = (i32, i32);

/// Where everything is.
pub(super) struct Layout {
    /// The whole width.
    pub(super) width: i32,
    /// The whole height.
    pub(super) height: i32,
    /// Top and bottom of each lane.
    pub(super) lanes: Vec<(i32, i32)>,
    /// The upper left corner of each card.
    pub(super) cards: Vec<Point>,
    /// The corners of each line, from its end back to its beginning, so that dashes of lines that run together meet.
    pub(super) wires: Vec<Vec<Point>>,
}

/// Lays everything out.
pub(super) fn lay_out(input: &Input) -> Layout {
    let grid = Grid::of(input);
    let routes = Routes::of(input, &grid);
    let (column_x, channel_x, width) = across(input, &grid, &routes);
    let down = down(input, &grid, &routes);

    let corner = |node: usize| {
        let (column, row) = grid.places[node];
        (column_x[column], down.row_y[row])
    };
    let wire = |at: usize| {
        let edge = input.edges[at];
        let (net, entry) = routes.net_of(at);
        let ((from_x, from_y), (to_x, to_y)) = (corner(edge.from), corner(edge.to));
        let (first, last) = (grid.places[edge.from].0 + 1, grid.places[edge.to].0);
        let track_x = |channel| channel_x[channel] + TRACK * routes.channel_track(channel, net);
        let end_y = to_y + ENTRY + NEXT_ENTRY * entry;
        let start_y = from_y + EXIT;
        let mut points = vec![(to_x, end_y), (track_x(last), end_y)];
        if first != last {
            let gap_y = routes.gap_track(net).map(|(gap, track)| down.gap_y[gap] + TRACK * track);
            points.extend(gap_y.into_iter().flat_map(|y| [(track_x(last), y), (track_x(first), y)]));
        }
        points.push((track_x(first), start_y));
        points.push((from_x + input.card_width, start_y));
        points.dedup();
        points
    };
    Layout {
        width,
        height: down.height,
        lanes: down.lanes,
        cards: (0..input.nodes.len()).map(corner).collect(),
        wires: (0..input.edges.len()).map(wire).collect(),
    }
}

/// Returns the left sides of the columns, the first track of each channel, and the whole width.
fn across(input: &Input, grid: &Grid, routes: &Routes) -> (Vec<i32>, Vec<i32>, i32) {
    let (mut columns, mut channels) = (Vec::new(), Vec::new());
    let mut x = 0;
    for column in 0..=grid.columns {
        channels.push(x + CHANNEL_BEFORE);
        x += CHANNEL_BEFORE + TRACK * (routes.channel_tracks(column) - 1).max(0) + CHANNEL_AFTER;
        if column < grid.columns {
            columns.push(x);
            x += input.card_width;
        }
    }
    (columns, channels, x)
}

struct Down {
    row_y: Vec<i32>,
    /// The first track of the gap above each row, and below the last one.
    gap_y: Vec<i32>,
    lanes: Vec<(i32, i32)>,
    height: i32,
}

fn down(input: &Input, grid: &Grid, routes: &Routes) -> Down {
    let mut heights = vec![LEAST_CARD; grid.lane_of_row.len()];
    for (node, (_, row)) in input.nodes.iter().zip(&grid.places) {
        heights[*row] = heights[*row].max(node.height);
    }
    let (mut row_y, mut gap_y, mut lanes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut y, mut top) = (0, 0);
    for (row, lane) in grid.lane_of_row.iter().enumerate() {
        if row > 0 && grid.lane_of_row[row - 1] == *lane {
            y += ROW_PADDING;
        } else {
            top = y;
            y += LANE_PADDING;
        }
        gap_y.push(y);
        y += TRACK * routes.gap_tracks(row);
        if routes.gap_tracks(row) > 0 {
            y += ROW_PADDING;
        }
        row_y.push(y);
        y += heights[row];
        let is_last = grid.lane_of_row.get(row + 1) != Some(lane);
        if is_last {
            y += LANE_PADDING;
            if row + 1 == grid.lane_of_row.len() {
                gap_y.push(y);
                y += TRACK * routes.gap_tracks(row + 1);
            }
            y = y.max(top + input.lanes[*lane]);
            lanes.push((top, y));
            y += LANE_GAP;
        }
    }
    Down { row_y, gap_y, lanes, height: (y - LANE_GAP).max(0) }
}
