//! `privileged: true`.

use super::{Finding, Input};

rule! {
    /// A service has all privileges of the host: whoever takes it over has the host.
    "privileged-container" in Security at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let privileged = input.project.services.iter().filter(|(_, service)| service.privileged);
    privileged
        .map(|(name, _)| {
            let message = format!("service `{name}` has all privileges of the host");
            Finding::at(input, &["services", name, "privileged"], message, "nothing is kept from it")
                .help("remove it, and name what the service needs with `cap_add` and `devices`")
        })
        .collect()
}
