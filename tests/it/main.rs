//! Tests of topo as a library, in one binary.

mod apply;
mod cli;
mod contract;
mod docs;
mod examples;
mod generated;
mod layers;
mod properties;
mod schema;

/// No test file may lie here unused.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read")]
fn every_file_is_compiled() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(
                name == "main" || main.contains(&format!("mod {name};\n")),
                "add `mod {name};` to main.rs"
            );
        }
    }
}
