//! Files of the repository that are made from the code. A test fails when one is stale; `TOPO_BLESS=1` makes it anew.

#![expect(clippy::disallowed_methods, reason = "tests may read")]

use std::path::{Path, PathBuf};

/// Returns the absolute path of a file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns what a file of the repository holds.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Checks that a file holds what it should, or writes it.
pub(crate) fn check(path: &str, wanted: &str) {
    let there = std::fs::read_to_string(repository(path)).unwrap_or_default();
    if there == wanted {
        return;
    }
    if std::env::var_os("TOPO_BLESS").is_some() {
        std::fs::write(repository(path), wanted).unwrap();
        return;
    }
    let line = 1 + there.lines().zip(wanted.lines()).take_while(|(one, other)| one == other).count();
    panic!(
        "{path} is stale from line {line} on: run `TOPO_BLESS=1 cargo test --test it` and look at what changes"
    );
}

/// Checks, or writes, the part of a file between the lines `<!-- NAME -->` and `<!-- end of NAME -->`.
pub(crate) fn check_part(path: &str, name: &str, wanted: &str) {
    let text = read(path);
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) =
        text.split_once(&open).unwrap_or_else(|| panic!("{path} lacks `{}`", open.trim_end()));
    let (_, after) = rest.split_once(&close).unwrap_or_else(|| panic!("{path} lacks `{close}`"));
    check(path, &format!("{before}{open}{wanted}{close}{after}"));
}
