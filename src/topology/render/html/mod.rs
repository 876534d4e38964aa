//! The graph as a page: the picture, with search, what is bound to what, and the keyboard. It asks nobody for anything.

use super::Graph;
use super::svg::{escape, svg};

/// Writes the page.
pub fn html(graph: &Graph) -> String {
    format!(
        include_str!("page.html"),
        project = escape(&graph.project),
        style = include_str!("page.css"),
        picture = svg(graph),
        script = include_str!("page.js"),
    )
}
