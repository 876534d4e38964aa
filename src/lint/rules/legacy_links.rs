//! `links`.

use super::{Finding, Input};

rule! {
    /// `links` gives a service a name for another one. On the networks of a project every service has its name anyway,
    /// and `depends_on` says more exactly what to wait for.
    "legacy-links" in Style at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let linked = input.project.services.iter().filter(|(_, service)| !service.links.0.is_empty());
    linked
        .map(|(name, _)| {
            let message = format!("service `{name}` has links");
            Finding::at(input, &["services", name, "links"], message, "services have names without them")
                .help("remove it; use `depends_on` for the order, and `aliases` of a network for other names")
        })
        .collect()
}
