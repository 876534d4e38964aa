//! Every project in `examples/` loads without a word, and goes up and down on the engine in memory.

use std::path::{Path, PathBuf};

use topo::diagnostic::one_line;
use topo::engine::fake::FakeEngine;
use topo::load::{MemWorld, OsWorld, Request, World};
use topo::observed::Swarm;

use crate::generated::repository;
use crate::properties::{Ready, bring_down, bring_up, ready};

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

/// The repository's files, and no variables: a setting of whoever runs the tests must not matter.
pub(crate) struct Files;

impl World for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        OsWorld.read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        OsWorld.is_file(path)
    }

    fn files_in(&self, directory: &Path) -> std::io::Result<Vec<PathBuf>> {
        OsWorld.files_in(directory)
    }

    fn read_stdin(&self) -> std::io::Result<Vec<u8>> {
        MemWorld::default().read_stdin()
    }

    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn cwd(&self) -> PathBuf {
        repository("")
    }
}

#[tokio::test]
async fn each_loads_without_a_word_and_goes_up_and_down() {
    for file in compose_files() {
        let request = Request { files: vec![file.clone()], ..Request::default() };
        let Ready { desired, loaded } = ready(&Files, &request);
        let said = loaded.diagnostics.sorted().into_iter().map(|one| one_line(one, &loaded.sources));
        assert_eq!(said.collect::<Vec<_>>(), [""; 0], "{file}");

        let engine = FakeEngine::new();
        engine.set_swarm(Swarm::Manager);
        for service in desired.services.iter().filter(|service| service.build.is_none()) {
            engine.add_to_registry(&service.image);
        }
        let first = bring_up(&desired, &engine).await;
        assert!(!first.is_no_op(), "{file}: nothing to do on an empty engine");
        let second = bring_up(&desired, &engine).await;
        assert!(second.is_no_op(), "{file}: the second time there is to do\n{second}");
        let containers: usize = desired.services.iter().map(|service| service.containers.len()).sum();
        assert_eq!(engine.running().len(), containers, "{file}");
        bring_down(&desired, &engine).await;
        assert_eq!(engine.running(), [""; 0], "{file}");
    }
}
