//! Services that others wait for, and that do not say when they are ready.

use super::{Finding, Input};
use crate::model::lifecycle::Condition;

rule! {
    /// Others start after a service, which has no `healthcheck`: started is not ready, and what asks it at once finds it
    /// closed. If others wait for its health, and the image has no health check either, they never start.
    "no-healthcheck" in Reliability at Note, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        if service.healthcheck.is_some() || service.provider.is_some() {
            continue;
        }
        let other = input.project.services.iter().find(|(_, other)| {
            let how = other.depends_on.0.get(name).map(|dependency| dependency.condition);
            matches!(how, Some(Condition::Started | Condition::Healthy))
        });
        if let Some((other, _)) = other {
            let span = input.span(&["services", other, "depends_on", name]);
            let message = format!("service `{other}` waits for `{name}`, which has no health check");
            found.push(
                Finding::at(input, &["services", name], message, "no `healthcheck`")
                    .label(span, "waits for it")
                    .help("add a `healthcheck`, and wait for `service_healthy`"),
            );
        }
    }
    found
}
