//! Any bytes as compose files and as an env file. A NUL ends a file.

#![no_main]

mod walk;

use libfuzzer_sys::fuzz_target;
use topo::load::MemWorld;

fuzz_target!(|bytes: &[u8]| {
    let mut world = MemWorld::project([]);
    let names = ["compose.yaml", "compose.override.yaml", ".env", "base.yaml"];
    for (name, part) in names.into_iter().zip(bytes.split(|byte| *byte == 0)) {
        world.files.insert(world.cwd.join(name), part.to_vec());
    }
    world.vars.insert("V".to_owned(), "1".to_owned());
    walk::walk(&world);
});
