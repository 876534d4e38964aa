//! Services that are not said to run as somebody else than root.

use super::{Finding, Input};

rule! {
    /// A service runs as root, or nothing says that it does not. Off by default, since many images name a user of their
    /// own, which the file does not show.
    "root-user" in Security at Off, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let user = service.user.as_deref().unwrap_or("");
        let finding = match user.split(':').next().unwrap_or("") {
            "" => {
                let message = format!("nothing says which user service `{name}` runs as");
                Finding::at(input, &["services", name], message, "root, unless the image names one")
            }
            "root" | "0" => {
                let message = format!("service `{name}` runs as root");
                Finding::at(input, &["services", name, "user"], message, "root")
            }
            _ => continue,
        };
        found.push(finding.help("add `user: UID:GID`"));
    }
    found
}
