//! The golden cases made with docker compose, where they are present: `../shared/corpus` beside the repository,
//! or the folder that `TOPO_CORPUS` names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use topo::load::{OsWorld, World as _};

use crate::generated::repository;

pub(crate) fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("TOPO_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    named.into_iter().chain([beside]).find(|path| path.join("check.py").is_file())
}

/// Returns the names of cases, with `*` for anything, of which `docs/differences.md` says that they differ.
fn differing() -> Vec<String> {
    let listed = OsWorld.read(&repository("docs/differences.md")).unwrap();
    let listed = String::from_utf8(listed).unwrap();
    let (_, rows) = listed.split_once("\n## Golden cases that differ\n").unwrap();
    let first_column = |row: &str| row.split('|').nth(1).unwrap_or_default().to_owned();
    let names = rows.lines().map(first_column);
    names
        .flat_map(|names| names.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Returns whether `docs/differences.md` says of a case that it differs.
pub(crate) fn differs(case: &str) -> bool {
    differing().iter().any(|pattern| fits(pattern, case))
}

/// Returns whether a name is what a pattern stands for.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.is_char_boundary(at) && fits(rest, &name[at..]))
        }),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn what_differs_from_docker_compose_is_listed() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return;
    };
    let check = Command::new("python3")
        .arg(corpus.join("check.py"))
        .arg(env!("CARGO_BIN_EXE_topo"))
        .args(["--only", "config,reject,cmd,engine", "-v"])
        .output();
    let Ok(check) = check else {
        eprintln!("skipped: python3 is not here");
        return;
    };
    let printed = String::from_utf8_lossy(&check.stdout);
    let last = printed.lines().last().unwrap_or("");
    assert!(last.starts_with("agree "), "no result in: {printed}");
    let listed = differing();
    // A case that differs has a line of its own: `source/case [check]`.
    let case = |line: &str| Some(line.split_once(" [")?.0.split_once('/')?.1.to_owned());
    let cases: BTreeSet<String> =
        printed.lines().filter(|line| !line.starts_with(' ')).filter_map(case).collect();
    let unlisted: Vec<&String> =
        cases.iter().filter(|case| !listed.iter().any(|pattern| fits(pattern, case))).collect();
    assert!(unlisted.is_empty(), "{last}; these are not in docs/differences.md: {unlisted:#?}");
}
