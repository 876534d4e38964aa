//! Which images `down --rmi` removes, and `watch` after a build.

use std::collections::BTreeSet;

use super::members::Members;
use super::{Op, Plan, Subject};
use crate::observed::{ImageId, Observed};
use crate::project::Project;

/// An image of the engine that was built for the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltImage {
    /// The name it goes by.
    pub name: String,
    /// The service it was built for; empty if the image does not say.
    pub service: String,
}

/// Which images are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that were built for the project and have no name of the user's choice.
    Local,
    /// All that the services use.
    All,
}

/// Returns the names that the images of a project may have in the engine.
pub fn named(project: &Project, which: Which) -> Vec<String> {
    let services = project.services.iter();
    let services = services.filter(|(_, service)| which == Which::All || service.image.is_none());
    let names: BTreeSet<String> = services.map(|(name, service)| project.image_of(name, service)).collect();
    names.into_iter().collect()
}

/// Returns the images to remove: those of [`named`] that are `there`, and those that were `built` for a service of the
/// project, or for any with `remove_orphans`. As in docker compose, a name of the user's choice does not save an image
/// that was built here.
pub fn removable(
    members: &Members,
    there: &[String],
    built: &[BuiltImage],
    remove_orphans: bool,
) -> Vec<String> {
    let is_of = |image: &&BuiltImage| remove_orphans || members.get(&image.service).is_some();
    let built = built.iter().filter(is_of).map(|image| image.name.clone());
    let all: BTreeSet<String> = there.iter().map(|name| familiar(name)).chain(built).collect();
    all.into_iter().collect()
}

/// Plans to remove images that have lost their name to a later build, unless a container of the project needs them.
pub fn prune(nameless: &[ImageId], observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let is_needed = |id: &&ImageId| observed.containers.iter().any(|container| container.image == **id);
    for id in nameless.iter().filter(|id| !is_needed(id)) {
        // As docker abbreviates it.
        let short: String = id.trim_start_matches("sha256:").chars().take(12).collect();
        let op = Op::RemoveImage { image: id.clone() };
        let step = plan.push(op, Subject::Image(short), "a later build has its name", Vec::new());
        plan.steps[step].optional = true;
        plan.steps[step].if_unused = true;
    }
    plan
}

/// Completes a reference without a tag, as the engine lists it.
fn familiar(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}
