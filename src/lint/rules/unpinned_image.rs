//! Images that are another one tomorrow.

use super::{Finding, Input};

rule! {
    /// An image has no tag, or `latest`: it is another one tomorrow, and not the same on two machines.
    /// `topo config --lock-image-digests` writes a file that pins all of them.
    "unpinned-image" in Reliability at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    // The name of an image that is built here is only a name.
    for (name, service) in input.project.services.iter().filter(|(_, service)| service.build.is_none()) {
        let Some(image) = service.image.as_deref().filter(|image| !image.contains('@')) else { continue };
        let last = image.rsplit('/').next().unwrap_or(image);
        let label = match last.split_once(':') {
            None => "without a tag, which is `latest`",
            Some((_, "latest")) => "whatever it is today",
            Some(_) => continue,
        };
        let message = format!("image `{image}` of service `{name}` is not pinned");
        found.push(
            Finding::at(input, &["services", name, "image"], message, label)
                .help(format!("name a version: `{}:VERSION`", image.trim_end_matches(":latest"))),
        );
    }
    found
}
