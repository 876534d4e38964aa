//! Containers whose own file system can be written to.

use super::{Finding, Input};

rule! {
    /// A service can write to the file system of its image: what an intruder leaves there stays, and so does what the
    /// service itself puts beside its volumes, until the container is replaced. Off by default, since many images need it.
    "writable-root" in Security at Off, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let writable = input.project.services.iter().filter(|(_, service)| !service.read_only);
    writable
        .map(|(name, _)| {
            let message = format!("service `{name}` can write to its image's file system");
            Finding::at(input, &["services", name], message, "not `read_only`")
                .help("add `read_only: true`, and volumes or `tmpfs` for what it writes")
        })
        .collect()
}
