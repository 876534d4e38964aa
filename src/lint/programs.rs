//! The programs that health checks run. Whether images have them is asked by the caller.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::lifecycle::HealthTest;
use crate::project::Project;

/// Programs by image: those that are run in it, or of those the ones that it lacks.
pub type Programs = BTreeMap<String, BTreeSet<String>>;

/// What a shell does itself.
const BUILT_IN: &[&str] = &[
    ".", ":", "[", "cd", "command", "echo", "eval", "exec", "exit", "export", "false", "kill", "printf",
    "read", "set", "test", "trap", "true", "type", "ulimit", "umask", "unset", "wait",
];

/// Returns the programs that the health checks of a project run, by image.
pub fn needed(project: &Project) -> Programs {
    let mut needed = Programs::new();
    for (name, service) in &project.services {
        let check = service.healthcheck.as_ref().filter(|check| !check.disable);
        let programs = check.and_then(|check| check.test.as_ref()).map(programs).unwrap_or_default();
        if !programs.is_empty() {
            let of_image = needed.entry(project.image_of(name, service)).or_default();
            of_image.extend(programs.into_iter().map(str::to_owned));
        }
    }
    needed
}

/// Returns the programs that a health check cannot do without, as far as that is plain: of a script, its shell and what
/// it runs first.
pub(super) fn programs(test: &HealthTest) -> Vec<&str> {
    match test.0.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["CMD", program, ..] if is_plain(program) => vec![program],
        ["CMD-SHELL", script] => [Some("/bin/sh"), first_program(script)].into_iter().flatten().collect(),
        _ => Vec::new(),
    }
}

/// Returns the program that a script runs first, if nothing else is run where it fails.
fn first_program(script: &str) -> Option<&str> {
    let words = script.split_whitespace();
    let mut words = words.skip_while(|word| *word == "!" || *word == "exec" || is_assignment(word));
    let program = words.next()?;
    let mut rest = script.split("||").skip(1).filter_map(|next| next.split_whitespace().next());
    let is_last = rest.all(|next| BUILT_IN.contains(&next.trim_end_matches(';')));
    (is_last && is_plain(program) && !BUILT_IN.contains(&program)).then_some(program)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}

/// A name to be looked for in `PATH`, or a whole path.
fn is_plain(program: &str) -> bool {
    let keywords = ["if", "while", "until", "for", "case"];
    let is_known = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-' | '+' | '/');
    let is_path = program.starts_with('/') || !program.contains('/');
    !program.is_empty() && is_path && program.chars().all(is_known) && !keywords.contains(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_runs_is_read_where_it_is_plain() {
        let of = |words: &[&str]| {
            programs(&HealthTest(words.iter().map(|word| (*word).to_owned()).collect())).join(" ")
        };
        assert_eq!(of(&["CMD", "pg_isready", "-U", "app"]), "pg_isready");
        assert_eq!(of(&["CMD", "./check"]), "");
        assert_eq!(of(&["NONE"]), "");
        for (script, expected) in [
            ("curl -f http://localhost || exit 1", "/bin/sh curl"),
            ("PGPASSWORD=x exec /usr/bin/pg_isready -U \"$USER\"", "/bin/sh /usr/bin/pg_isready"),
            ("! wget -q localhost", "/bin/sh wget"),
            ("wget -q localhost || curl -f localhost", "/bin/sh"),
            ("curl -f a || exit 1; true || false", "/bin/sh curl"),
            ("[ -e /tmp/ready ]", "/bin/sh"),
            ("if true; then curl x; fi", "/bin/sh"),
            ("$CHECK", "/bin/sh"),
            ("", "/bin/sh"),
        ] {
            assert_eq!(of(&["CMD-SHELL", script]), expected, "{script}");
        }
    }
}
