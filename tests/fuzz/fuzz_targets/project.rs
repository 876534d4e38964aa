//! Projects that are mostly right: files made from the schema's attributes, in short and long forms, with merge tags,
//! anchors, variables, `extends` and `include`. What is accepted is read as itself when it is printed.

#![no_main]

#[path = "../../it/generate.rs"]
mod generate;
#[path = "../../it/odd.rs"]
mod odd;
mod walk;

use libfuzzer_sys::fuzz_target;
use topo::load::MemWorld;
use topo::project::Project;
use topo::project::printed::InYaml;

fuzz_target!(|bytes: &[u8]| {
    let mut world = MemWorld::project([]);
    for (name, text) in generate::project(bytes) {
        world.files.insert(world.cwd.join(name), text.into_bytes());
    }
    world.vars.insert("V".to_owned(), "1".to_owned());
    if let Some(project) = walk::walk(&world) {
        if !odd::is_odd(&project) {
            assert_round_trip(&project);
        }
    }
});

/// What `config` prints is read as itself.
fn assert_round_trip(project: &Project) {
    let text = topo::yaml::to_string(&InYaml(project)).expect("what was loaded can be written").replace('$', "$$");
    let again = walk::walk(&MemWorld::project([("compose.yaml", text.as_str())]));
    let again = again.unwrap_or_else(|| panic!("what was printed is refused:\n{text}"));
    let printed = topo::yaml::to_string(&InYaml(&again)).expect("what was loaded can be written").replace('$', "$$");
    assert!(printed == text, "printed again:\n{printed}\nbut first:\n{text}");
}
