//! Projects that are mostly right: files made from the schema's attributes, in short and long forms, with merge tags,
//! anchors, variables, `extends` and `include`.

#![no_main]

#[path = "../../it/generate.rs"]
mod generate;
mod walk;

use libfuzzer_sys::fuzz_target;
use topo::load::MemWorld;

fuzz_target!(|bytes: &[u8]| {
    let mut world = MemWorld::project([]);
    for (name, text) in generate::project(bytes) {
        world.files.insert(world.cwd.join(name), text.into_bytes());
    }
    world.vars.insert("V".to_owned(), "1".to_owned());
    if let Some(project) = walk::walk(&world) {
        walk::assert_round_trip(&project);
    }
});
