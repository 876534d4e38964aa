//! `container_name`.

use super::{Finding, Input};

rule! {
    /// A container has a fixed name. There can be one of it on the host: the service cannot be scaled, and the project
    /// cannot run twice under two names. Other services reach it by the name of the service.
    "fixed-name" in Reliability at Note, has_fix: true, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let Some(fixed) = &service.container_name else { continue };
        let entry = input.node(&["services", name]).and_then(|node| node.get("container_name"));
        let message = format!("the container of service `{name}` is called `{}` and nothing else", fixed.0);
        found.push(
            Finding::at(input, &["services", name, "container_name"], message, "one on each host")
                .help("remove it: other services reach it by the name of the service")
                .fix(entry.and_then(|entry| input.remove(entry))),
        );
    }
    found
}
