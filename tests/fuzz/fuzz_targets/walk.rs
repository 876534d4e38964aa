//! The way from files to the graph, which must end, and without a panic.

use topo::load::{MemWorld, Request, load};
use topo::project::{Project, Selection, read_contents, resolve};
use topo::topology::{Topology, ports};

/// Takes a project all the way; returns it if nothing is wrong with it.
pub fn walk(world: &MemWorld) -> Option<Project> {
    let mut loaded = load(world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    let is_whole = !loaded.diagnostics.has_errors();
    for conflict in ports::conflicts(&project) {
        loaded.diagnostics.push(conflict);
    }
    let mut contents = topo::diagnostic::Diagnostics::default();
    read_contents(&project, &loaded.environment, world, &mut contents);
    for diagnostic in loaded.diagnostics.sorted() {
        // Every place must be one that can be shown, and everything can be mended.
        let look = topo::diagnostic::text::Look { color: false, width: Some(100) };
        topo::diagnostic::text::render(diagnostic, &loaded.sources, look);
        assert!(diagnostic.help.is_some(), "no help: {diagnostic:?}");
        for label in &diagnostic.labels {
            loaded.sources.locate(label.span).expect("a place");
        }
    }
    if !is_whole {
        return None;
    }
    assert_eq!(topology.start_order().len(), project.services.len(), "a service is in no order");
    Some(project)
}
