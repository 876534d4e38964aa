//! Which images `up` fetches before it looks at the rest: what comes out of it is known only afterwards.

use std::collections::BTreeSet;

use super::desired::{Desired, DesiredService};
use super::up::UpOptions;
use super::{Op, Plan, StepId, Subject};
use crate::observed::Observed;

/// Plans to fetch images that are asked for anew, by `pull_policy` or `--build`, and to try for those that may be in a
/// registry and are built otherwise. Carry it out, look again, and plan the rest with [`super::up::up`].
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#pull_policy>.
pub fn refresh(desired: &Desired, observed: &Observed, options: &UpOptions) -> Plan {
    let mut plan = Plan::default();
    let (mut pulled, mut built) = (BTreeSet::new(), BTreeSet::new());
    for service in &desired.services {
        let is_there = observed.images.contains_key(&service.image);
        let is_built = service.build.is_some() && !options.no_build;
        if let Some(cause) = pull_cause(service, observed, options, is_there, is_built)
            && pulled.insert(&service.image)
        {
            let step = pull(&mut plan, service, &cause);
            // What cannot be pulled can be built.
            plan.steps[step].optional = is_built;
        }
        let policy = policy(service, options);
        if is_built && is_there && (options.build || policy == "build") && built.insert(&service.image) {
            let op = Op::BuildImage(Box::new(service.build.clone().unwrap_or_default()));
            // A pull of the same name comes first, as in docker compose: what is built has the last word.
            let before = |step: &StepId| plan.steps[*step].subject == Subject::Image(service.image.clone());
            let after = (0..plan.steps.len()).filter(before).collect();
            plan.push(op, Subject::Image(service.image.clone()), "a build was asked for", after);
        }
    }
    plan
}

/// Returns why an image is pulled now, if it is. One that is not there and cannot be built is left to `up`.
fn pull_cause(
    service: &DesiredService,
    observed: &Observed,
    options: &UpOptions,
    is_there: bool,
    is_built: bool,
) -> Option<String> {
    if !service.is_image_named || is_built && options.build {
        return None;
    }
    let policy = policy(service, options);
    if matches!(policy, "never" | "build") {
        return None;
    }
    if !is_there {
        return is_built.then(|| "it may be in a registry".to_owned());
    }
    if policy == "always" {
        return Some("`always` is the pull policy".to_owned());
    }
    let own = service.pull_policy.as_ref().filter(|_| options.pull.is_none())?;
    let is_old = |age| observed.image_ages.get(&service.image).is_none_or(|of_image| *of_image >= age);
    own.refreshed_after().filter(|age| is_old(*age)).map(|_| format!("it is old enough for `{policy}`"))
}

fn policy<'a>(service: &'a DesiredService, options: &'a UpOptions) -> &'a str {
    let own = service.pull_policy.as_ref().map(|policy| policy.0.as_str());
    options.pull.as_deref().or(own).unwrap_or("missing")
}

fn pull(plan: &mut Plan, service: &DesiredService, cause: &str) -> StepId {
    let op = Op::PullImage { image: service.image.clone(), platform: service.platform.clone() };
    plan.push(op, Subject::Image(service.image.clone()), cause, Vec::new())
}

/// Plans to build or pull an image that is not there, if that is allowed.
pub(super) fn fetch(
    plan: &mut Plan,
    service: &DesiredService,
    options: &UpOptions,
    after: Vec<StepId>,
) -> Option<StepId> {
    let cause = "not there yet";
    match &service.build {
        Some(build) if !options.no_build => {
            let subject = Subject::Image(service.image.clone());
            Some(plan.push(Op::BuildImage(Box::new(build.clone())), subject, cause, after))
        }
        _ if policy(service, options) == "never" => None,
        _ => Some(pull(plan, service, cause)),
    }
}
