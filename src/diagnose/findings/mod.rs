//! Finds the causes: a file for each part of a project that can be wrong, from the container outwards.

mod attached;
mod machine;
mod names;
mod ports;
mod reached;
mod state;

use super::causes::Cause;
use super::{Finding, Input};
use crate::diagnostic::Severity;

pub(super) use state::taken_port;

/// Returns what is wrong, the gravest first.
///
/// What follows from something else is left out: nobody reaches a container that does not run.
pub fn diagnose(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Found::default();
    state::find(input, &mut found);
    attached::find(input, &mut found);
    machine::find(input, &mut found);
    ports::find(input, &mut found);
    reached::find(input, &mut found);
    names::find(input, &mut found);
    reached::find_rest(input, &mut found);
    let mut findings = found.0;
    findings.sort_by(|one, other| {
        let key = |one: &Finding| (std::cmp::Reverse(one.severity), one.service.clone());
        key(one).cmp(&key(other))
    });
    findings
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Finding>);

impl Found {
    /// Adds a finding. What is found in two ways is one finding, with what was seen in both.
    fn push(&mut self, finding: Finding) {
        let is_it = |other: &&mut Finding| {
            other.cause == finding.cause
                && other.service == finding.service
                && other.message == finding.message
        };
        match self.0.iter_mut().find(is_it) {
            Some(other) => {
                let new: Vec<_> =
                    finding.seen.into_iter().filter(|line| !other.seen.contains(line)).collect();
                other.seen.extend(new);
            }
            None => self.0.push(finding),
        }
    }

    /// Returns whether a service has one of these causes.
    fn has(&self, service: &str, causes: &[&'static Cause]) -> bool {
        let is_it = |one: &Finding| one.service.as_deref() == Some(service) && causes.contains(&one.cause);
        self.0.iter().any(is_it)
    }
}

impl Finding {
    fn error(cause: &'static Cause, service: &str, message: impl Into<String>) -> Self {
        let (service, message) = (Some(service.to_owned()), message.into());
        Self { cause, severity: Severity::Error, service, message, seen: Vec::new(), mend: String::new() }
    }

    fn warning(cause: &'static Cause, service: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(cause, service, message) }
    }

    /// About no service in particular.
    fn of_all(mut self) -> Self {
        self.service = None;
        self
    }

    fn see(mut self, line: impl Into<String>) -> Self {
        self.seen.push(line.into());
        self
    }

    fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }
}
