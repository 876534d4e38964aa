//! Any bytes as a compose file: the way from text to graph must end, and without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use topo::load::{MemWorld, Request, load};
use topo::project::{Selection, read_contents, resolve};
use topo::topology::{Topology, ports};

fuzz_target!(|bytes: &[u8]| {
    let mut world = MemWorld::project([]);
    // What comes after a NUL is an override file, so that merging is fuzzed too.
    for (name, part) in
        ["compose.yaml", "compose.override.yaml"].into_iter().zip(bytes.split(|byte| *byte == 0))
    {
        world.files.insert(world.cwd.join(name), part.to_vec());
    }
    world.vars.insert("V".to_owned(), "1".to_owned());
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    for conflict in ports::conflicts(&project) {
        loaded.diagnostics.push(conflict);
    }
    read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    for diagnostic in loaded.diagnostics.sorted() {
        // Every place must be one that can be shown.
        topo::diagnostic::one_line(diagnostic, &loaded.sources);
        for label in &diagnostic.labels {
            loaded.sources.locate(label.span);
        }
    }
    if !loaded.diagnostics.has_errors() {
        assert_eq!(topology.start_order().len(), project.services.len(), "a service is in no order");
        topo::yaml::to_string(&project).expect("what was loaded can be written");
    }
});
