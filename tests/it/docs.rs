//! The documentation says what is so: generated parts are current, commands and links exist.

use crate::cli::run_in_repository;
use crate::generated::{check_part, read, repository};

const PAGES: [&str; 15] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/compatibility.md",
    "docs/differences.md",
    "docs/diagnostics.md",
    "docs/docker-compose.md",
    "docs/graph.md",
    "docs/kubernetes.md",
    "docs/lint.md",
    "docs/troubleshooting.md",
    "docs/editors.md",
    "docs/lsp.md",
    "examples/README.md",
];

#[test]
fn the_readme_shows_what_is_said_of_five_mistakes() {
    let arguments = ["-f", "docs/transcript/compose.yaml", "up", "-d"];
    let said = run_in_repository(&arguments, 1);
    assert!(said.ends_with("5 errors\n"), "{said}");
    let shown: Vec<&str> = said.lines().map(str::trim_end).collect();
    let transcript = format!("\n```console\n$ topo {}\n{}\n```\n\n", arguments.join(" "), shown.join("\n"));
    check_part("README.md", "transcript", &transcript);
}

#[test]
fn every_command_of_the_readme_exists() {
    let help = run_in_repository(&["--help"], 0);
    for line in read("README.md").lines().filter_map(|line| line.strip_prefix("$ topo ")) {
        let command = line.split(' ').find(|word| !word.starts_with('-') && !word.contains('/')).unwrap();
        assert!(help.contains(&format!("\n  {command} ")), "the README runs `topo {command}`");
    }
    let works = read("README.md");
    let works = works.lines().find(|line| line.starts_with("| Commands |")).unwrap();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in commands.filter(|line| !line.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        let is_said = works.contains(&format!("`{command}`")) || works.contains(&format!("`{command} "));
        assert!(is_said || command == "help", "the README does not say that `topo {command}` works");
    }
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let help = run_in_repository(&["--help"], 0);
    let codes = help.lines().find_map(|line| line.strip_prefix("Exit codes: ")).unwrap();
    for code in codes.split(", ").filter_map(|one| one.split(' ').next()) {
        assert!(read("README.md").contains(&format!("| {code} |")), "the README lacks exit code {code}");
    }
}

#[test]
fn links_lead_somewhere() {
    for page in PAGES {
        let text = read(page);
        let folder = repository(page).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            assert!(path.contains("://") || folder.join(path).exists(), "{page} links to {link}");
        }
    }
}

/// Paths in backticks, such as `src/plan/`, are named from the root of the repository.
#[test]
fn paths_that_are_named_exist() {
    for page in PAGES {
        for word in read(page).split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/", "schema/", "examples/", "scripts/"]
                .iter()
                .any(|folder| word.starts_with(folder));
            if is_path && !word.contains([' ', '*']) && !word.contains("NAME") {
                assert!(repository(word).exists(), "{page} names {word}");
            }
        }
    }
}

#[test]
fn the_architecture_has_a_row_for_each_room_and_fits_on_a_page() {
    let text = read("docs/architecture.md");
    for line in read("src/lib.rs").lines() {
        let Some(room) = line.strip_prefix("pub mod ").and_then(|line| line.strip_suffix(';')) else {
            continue;
        };
        let is_there =
            [format!("`src/{room}.rs`"), format!("`src/{room}/`")].iter().any(|path| text.contains(path));
        assert!(is_there, "docs/architecture.md lacks room `{room}`");
    }
    assert!(text.lines().count() <= 90, "docs/architecture.md is longer than a page");
}

#[test]
fn nothing_of_one_machine_is_in_the_documentation() {
    for page in PAGES {
        let text = read(page);
        for private in ["/home/", "/root/", "/tmp/", "/Users/", "/work/"] {
            assert!(!text.contains(private), "{page} names {private}");
        }
    }
}
