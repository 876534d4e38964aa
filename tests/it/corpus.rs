//! The golden cases made with docker compose, where they are present: `../shared/corpus` beside the repository,
//! or the folder that `TOPO_CORPUS` names.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The least share of cases that must agree, in tenths of a percent. The docker compose that made them knows no
/// `pre_start` yet, and refuses it in a few.
const LEAST: usize = 985;

pub(crate) fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("TOPO_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    named.into_iter().chain([beside]).find(|path| path.join("check.py").is_file())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn projects_load_as_in_docker_compose() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return;
    };
    let check = Command::new("python3")
        .arg(corpus.join("check.py"))
        .arg(env!("CARGO_BIN_EXE_topo"))
        .args(["--only", "config,reject"])
        .output();
    let Ok(check) = check else {
        eprintln!("skipped: python3 is not here");
        return;
    };
    let printed = String::from_utf8_lossy(&check.stdout);
    let last = printed.lines().last().unwrap_or("");
    let numbers: Vec<usize> = last.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [agree, total] = numbers[..] else { panic!("no result in: {printed}") };
    assert!(agree * 1000 >= total * LEAST, "{agree} of {total} agree:\n{printed}");
}
