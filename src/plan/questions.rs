//! What `up` does only if the user agrees, because it could take away what is not meant to go.

use std::fmt;

use super::desired::Desired;
use super::labels;
use super::up::UpOptions;
use crate::observed::{Container, Observed, Volume};

/// Something that `up` does only if the user agrees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Make a volume anew whose configuration changed. What is in it is lost.
    RemakeVolume {
        /// The volume's name in the engine.
        volume: String,
    },
    /// Remove an orphan that was made from other compose files than these.
    RemoveForeign {
        /// The container's name.
        container: String,
        /// The files that it was made from.
        files: String,
    },
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemakeVolume { volume } => {
                write!(
                    formatter,
                    "volume {volume} was made with another configuration; make it anew? What is in it is lost."
                )
            }
            Self::RemoveForeign { container, files } => {
                write!(formatter, "container {container} was made from other files ({files}); remove it?")
            }
        }
    }
}

/// Returns what is to be asked before `up` is planned. What the user agrees to goes into [`UpOptions::agreed`].
pub fn questions(desired: &Desired, observed: &Observed, options: &UpOptions) -> Vec<Question> {
    let volumes = changed_volumes(desired, observed)
        .into_iter()
        .filter(|volume| strangers(desired, observed, &volume.name).is_empty())
        .map(|volume| Question::RemakeVolume { volume: volume.name.clone() });
    let orphans = orphans(desired, observed).into_iter().filter(|_| options.remove_orphans);
    let foreign = orphans.filter_map(|orphan| {
        let (container, files) = (orphan.name.clone(), foreign_files(desired, orphan)?.to_owned());
        Some(Question::RemoveForeign { container, files })
    });
    volumes.chain(foreign).collect()
}

/// The volumes of the project whose configuration is not what they were made with.
pub(super) fn changed_volumes<'a>(desired: &Desired, observed: &'a Observed) -> Vec<&'a Volume> {
    let changed = |volume: &super::desired::DesiredVolume| {
        let there = observed.volume(&volume.name)?;
        let is_own = there.labels.get(labels::PROJECT) == Some(&desired.project);
        let hash = there.labels.get(labels::CONFIG_HASH)?;
        (is_own && *hash != volume.hash).then_some(there)
    };
    desired.volumes.iter().filter(|volume| !volume.external).filter_map(changed).collect()
}

/// The containers that mount a volume and are not of services that are brought up, so that it cannot be made anew.
pub(super) fn strangers<'a>(desired: &Desired, observed: &'a Observed, volume: &str) -> Vec<&'a Container> {
    let mounts = |container: &&Container| container.mounts.iter().any(|mount| mount.volume == volume);
    let is_strange =
        |container: &&Container| container.oneoff || desired.service(&container.service).is_none();
    observed.containers.iter().filter(mounts).filter(is_strange).collect()
}

/// The containers whose services the file does not have, by name.
pub(super) fn orphans<'a>(desired: &Desired, observed: &'a Observed) -> Vec<&'a Container> {
    let is_known = |service: &str| {
        desired.service(service).is_some() || desired.disabled.iter().any(|name| name == service)
    };
    observed
        .containers
        .iter()
        .filter(|container| !container.oneoff && !is_known(&container.service))
        .collect()
}

/// Returns the compose files that a container was made from, if none of them is one of the project's: then it is
/// another file set's, under the same project name.
pub(super) fn foreign_files<'a>(desired: &Desired, container: &'a Container) -> Option<&'a str> {
    let files = container.labels.get(labels::CONFIG_FILES).filter(|files| !files.is_empty())?;
    let is_shared = files.split(',').any(|file| desired.files.iter().any(|own| own == file));
    (!is_shared).then_some(files)
}
