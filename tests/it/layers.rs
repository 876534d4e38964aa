//! The architecture's rules, read off the source: who may import whom, and which crate is named where.

#![expect(clippy::disallowed_methods, reason = "tests may read")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::generated::{read, repository};

/// The rooms of the library and their numbers. A room imports only rooms of lower numbers.
const ROOMS: &[(&str, u8)] = &[
    ("source", 0),
    ("diagnostic", 1),
    ("yaml", 2),
    ("model", 3),
    ("load", 4),
    ("project", 5),
    ("topology", 6),
    ("observed", 6),
    ("probe", 6),
    ("k8s", 7),
    ("manifests", 7),
    ("lint", 7),
    ("diagnose", 7),
    ("prober", 7),
    ("plan", 7),
    ("engine", 8),
    ("api_server", 8),
    ("listing", 9),
    ("lsp", 10),
];

/// What may be named only where: the name, the files (by the start of their path), and why.
const DOORS: &[(&str, &[&str], &str)] = &[
    ("granit_parser", &["src/yaml/parse.rs"], "the YAML parser can be replaced in one file"),
    ("serde_yaml::", &["src/yaml/"], "all YAML is read and written in one room"),
    ("bollard::Docker", &["src/engine/docker"], "`Engine` is all that is known of an engine"),
    (
        "bollard::",
        &["src/plan/", "src/engine/", "src/observed.rs"],
        "only its plain models may leave the engine room, into plans and snapshots",
    ),
    (
        "k8s_openapi",
        &["src/k8s/", "src/manifests/", "src/api_server.rs"],
        "Kubernetes' types stay where manifests are made and read",
    ),
    ("kube::", &["src/api_server.rs"], "`ApiServer` is all that is known of a cluster"),
    ("petgraph::", &["src/topology/"], "the graph has one owner"),
    ("schemars::", &["src/model/"], "the schema comes from the model"),
    ("sha2::", &["src/project/hash.rs"], "there is one config hash"),
    ("miette::", &["src/source.rs", "src/diagnostic/text.rs"], "the library returns its own diagnostics"),
    ("notify::", &["src/engine/docker/disk.rs"], "one file asks the system what changes on disk"),
    ("ignore::gitignore", &["src/plan/dockerignore.rs"], "patterns mean the same everywhere"),
    ("indicatif::", &["src/ui/"], "only `ui` draws"),
    ("crossterm::", &["src/ui/terminal.rs"], "only `ui` knows the terminal"),
    ("hyper::", &["src/engine/docker"], "`Engine` is all that is known of an engine"),
    ("owo_colors::", &["src/ui/"], "only `ui` paints"),
    ("gotmpl::", &["src/listing/template.rs"], "the templates' evaluator can be replaced in one file"),
    ("tabwriter::", &["src/listing/format.rs"], "columns are lined up in one place"),
    ("lsp_server::", &["src/lsp/"], "the protocol ends at the language server"),
    ("lsp_types::", &["src/lsp/"], "the protocol ends at the language server"),
    ("url::", &["src/lsp/documents.rs"], "only editors name files by URI"),
    ("jiff::", &["src/listing/", "src/cli/"], "times are written for people only"),
    ("clap::", &["src/cli/", "src/ui/mod.rs"], "arguments end at the commands"),
    ("clap_complete::", &["src/cli/"], "arguments end at the commands"),
    (
        "std::fs",
        &["src/load/world.rs", "src/engine/docker", "src/prober/"],
        "files are read through `World`, but for those of other networks",
    ),
    ("std::env", &["src/load/world.rs", "src/engine/docker"], "variables are read through `World`"),
    ("std::net::Tcp", &["src/engine/docker", "src/prober/"], "only the engine and the prober speak"),
    ("etherparse::", &["src/prober/capture.rs"], "one file looks into packets"),
    ("socket2::", &["src/prober/capture.rs"], "one file listens to all packets"),
    ("simple_dns::", &["src/prober/dns.rs"], "one file knows the packets of name servers"),
    ("std::process::Command", &["src/engine/docker"], "nothing else is run"),
    ("SystemTime", &["src/prober/capture.rs"], "output is a function of input, but for when packets passed"),
    ("std::time::Instant", &["src/engine/", "src/ui/", "src/prober/"], "output is a function of input"),
    (
        "tokio",
        &["src/engine/", "src/api_server.rs", "src/cli/", "src/ui/"],
        "rooms below the engine are pure",
    ),
    (
        "async ",
        &["src/engine/", "src/api_server.rs", "src/cli/", "src/ui/"],
        "rooms below the engine are pure",
    ),
    (
        ".await",
        &["src/engine/", "src/api_server.rs", "src/cli/", "src/ui/"],
        "rooms below the engine are pure",
    ),
];

struct Source {
    /// The path from the root of the repository.
    path: String,
    /// The text without comments. What is in tests of its own counts too, since tests are read as examples.
    code: String,
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&repository("src"), &mut files);
    files.sort();
    assert!(files.len() > 40, "the sources were not found");
    let without_comments = |text: String| {
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let source = |path: PathBuf| {
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
        Source {
            path: name.to_string_lossy().replace('\\', "/"),
            code: without_comments(std::fs::read_to_string(&path).unwrap()),
        }
    };
    files.into_iter().map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the room that a file belongs to: `src/yaml/parse.rs` to `yaml`.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    inside.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Returns the rooms that code names as `crate::room` or `crate::{one, other}`.
fn named_rooms(code: &str) -> BTreeSet<&str> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let end =
            |text: &str| text.find(|one: char| !one.is_alphanumeric() && one != '_').unwrap_or(text.len());
        let Some(group) = rest.strip_prefix('{') else {
            rooms.insert(&rest[..end(rest)]);
            continue;
        };
        let mut depth = 0;
        let mut is_first = true;
        for (at, one) in group.char_indices() {
            match one {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                one if is_first && one.is_alphabetic() => {
                    rooms.insert(&group[at..at + end(&group[at..])]);
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    rooms
}

#[test]
fn imports_lead_to_lower_rooms_only() {
    let number = |room: &str| ROOMS.iter().find(|(name, _)| *name == room).map(|(_, number)| *number);
    let mut broken = Vec::new();
    for Source { path, code } in sources() {
        let room = room_of(&path);
        if matches!(room, "lib" | "main" | "cli" | "ui") {
            continue;
        }
        let own =
            number(room).unwrap_or_else(|| panic!("{path}: give room `{room}` a number in {}", file!()));
        for other in named_rooms(&code) {
            match number(other) {
                _ if other == room => {}
                Some(number) if number < own => {}
                Some(number) => broken.push(format!("{path}: `{room}` ({own}) imports `{other}` ({number})")),
                // A macro's `$crate::name!` or an item of the crate's root.
                None => broken.push(format!("{path}: `crate::{other}` is no room")),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_screen_does_not_know_the_commands() {
    for Source { path, code } in sources().iter().filter(|source| source.path.starts_with("src/ui/")) {
        assert!(!named_rooms(code).contains("cli"), "{path}: `ui` imports `cli`");
    }
}

#[test]
fn crates_are_named_behind_their_doors_only() {
    let mut broken = Vec::new();
    for Source { path, code } in sources() {
        for (name, doors, why) in DOORS {
            if code.contains(name) && !doors.iter().any(|door| path.starts_with(door)) {
                broken.push(format!("{path}: names `{name}`, but {why}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn rooms_say_first_what_they_are_for() {
    let library = read("src/lib.rs");
    for line in library.lines() {
        let Some(room) = line.strip_prefix("pub mod ").and_then(|line| line.strip_suffix(';')) else {
            continue;
        };
        let number = ROOMS.iter().find(|(name, _)| *name == room);
        let (_, number) = number.unwrap_or_else(|| panic!("give room `{room}` a number in {}", file!()));
        let file = [format!("src/{room}.rs"), format!("src/{room}/mod.rs")];
        let file = file.iter().find(|file| repository(file).exists()).unwrap();
        let text = read(file);
        let beginning = format!("//! Room {number}: ");
        assert!(text.starts_with(&beginning), "{file} must begin with `{beginning}`");
    }
    for Source { path, .. } in sources() {
        assert!(read(&path).starts_with("//! "), "{path} must begin with `//!` and what it is for");
    }
}

#[test]
fn groups_and_paths_are_both_seen() {
    let code = "use crate::{plan::{Op, Step}, observed::Observed};\nlet x = crate::yaml::parse();";
    assert_eq!(named_rooms(code), ["observed", "plan", "yaml"].into());
}
