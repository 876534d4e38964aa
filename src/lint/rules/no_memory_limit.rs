//! Services that may use all memory of the host.

use super::{Finding, Input};

rule! {
    /// A service may use all memory of the host: one that leaks brings the others down with it. Off by default, since a
    /// machine of a developer seldom needs it.
    "no-memory-limit" in Reliability at Off, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in input.project.services.keys() {
        let is_given = |path: &[&str]| input.node(&[&["services", name], path].concat()).is_some();
        if !is_given(&["mem_limit"]) && !is_given(&["deploy", "resources", "limits", "memory"]) {
            let message = format!("service `{name}` may use all memory of the host");
            found.push(
                Finding::at(input, &["services", name], message, "no limit")
                    .help("add `mem_limit`, or `deploy.resources.limits.memory`"),
            );
        }
    }
    found
}
