//! Services that stay down.

use super::{Finding, Input};
use crate::model::lifecycle::Condition;

rule! {
    /// A service does not come back after a failure or a restart of the host: it says neither `restart` nor
    /// `deploy.restart_policy`. One that others wait for to end is not meant. Off by default, since on a machine of a
    /// developer it is often better so; `restart: "no"` says that it is meant.
    "no-restart" in Reliability at Off, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let policy = service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
        let is_task = input.project.services.values().any(|other| {
            let how = other.depends_on.0.get(name).map(|dependency| dependency.condition);
            how == Some(Condition::CompletedSuccessfully)
        });
        if service.restart.is_none() && policy.is_none() && !is_task && service.provider.is_none() {
            let message = format!("service `{name}` stays down when it fails");
            found.push(
                Finding::at(input, &["services", name], message, "no `restart`")
                    .help("add `restart: unless-stopped`, or `restart: \"no\"` if it is meant to"),
            );
        }
    }
    found
}
