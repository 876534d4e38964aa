//! Every project in `examples/` loads without a word, and goes up and down on the engine in memory.

#![expect(clippy::disallowed_methods, reason = "tests may read")]

use std::path::Path;

use crate::generated::repository;

/// Returns the compose files of all examples, as paths from the root of the repository.
pub(crate) fn compose_files() -> Vec<String> {
    let mut found = Vec::new();
    collect(Path::new("examples"), &mut found);
    found.sort();
    assert!(found.len() >= 8, "the examples were not found");
    found
}

fn collect(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(repository(&folder.to_string_lossy())).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(&path, found);
        } else if path.file_name().is_some_and(|name| name == "compose.yaml") {
            found.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
}
