//! Which container of a service a command is meant for.

use crate::diagnostic::did_you_mean;
use crate::observed::{Container, Observed};
use crate::project::Project;

/// Which containers of a service come into question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The service.
    pub service: &'a str,
    /// The number of the container; any if `None`.
    pub index: Option<u32>,
    /// Those of `run`, too. They have no number and come last.
    pub oneoffs: bool,
    /// Those that do not run, too.
    pub stopped: bool,
}

/// That there is no such container, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoContainer {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Returns the containers that are meant, the first of the service first. `project` tells a service that is not
/// running from one that is not there.
pub fn targets<'a>(
    observed: &'a Observed,
    project: Option<&Project>,
    wanted: Wanted<'_>,
) -> Result<Vec<&'a Container>, NoContainer> {
    let Wanted { service, index, oneoffs, stopped } = wanted;
    let of_service: Vec<&Container> =
        observed.containers.iter().filter(|container| container.service == service).collect();
    let is_meant = |container: &&Container| {
        let is_number = index.is_none_or(|index| !container.oneoff && container.number == index);
        is_number && (oneoffs || !container.oneoff) && (stopped || container.state.is_alive())
    };
    let mut meant: Vec<&Container> = of_service.iter().copied().filter(is_meant).collect();
    if !meant.is_empty() {
        meant.sort_by_key(|container| (container.oneoff, container.number));
        return Ok(meant);
    }
    let known = project.map(|project| project.services.keys().chain(project.disabled.keys()));
    if of_service.is_empty()
        && let Some(known) = known
        && !known.clone().any(|name| name == service)
    {
        let names: Vec<&str> = known.map(String::as_str).collect();
        let help = did_you_mean(service, names.iter().copied())
            .unwrap_or_else(|| format!("the services are {}", names.join(", ")));
        return Err(NoContainer { message: format!("there is no service `{service}`"), help: Some(help) });
    }
    let state = if stopped { "has no" } else { "is not running" };
    let message = match index {
        Some(index) if stopped => format!("service `{service}` {state} container {index}"),
        Some(index) => format!("container {index} of service `{service}` {state}"),
        None if stopped => format!("service `{service}` {state} container"),
        None => format!("service `{service}` {state}"),
    };
    let numbers = of_service
        .iter()
        .copied()
        .filter(|container| !container.oneoff && (stopped || container.state.is_alive()));
    let mut numbers: Vec<u32> = numbers.map(|container| container.number).collect();
    numbers.sort_unstable();
    let help = match numbers.as_slice() {
        [] => format!("start it with `topo up -d {service}`"),
        numbers => {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            format!("`--index` may be {}", numbers.join(", "))
        }
    };
    Err(NoContainer { message, help: Some(help) })
}
