//! What `up` does about what services share: networks, volumes, and containers that belong to none of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::desired::Desired;
use super::questions::{Question, changed_volumes, foreign_files, orphans, strangers};
use super::up::Planner;
use super::{Op, StepId, Subject, labels, remakes};
use crate::observed::{Container, Network, Observed, State};

/// Older engines make a second network of the same name when two runs, or one that was killed and the next, ask for
/// it at the same moment; containers then start with neither. Returns the snapshot without the superfluous ones,
/// and these.
pub(super) fn without_twins<'a>(
    desired: &Desired,
    observed: &'a Observed,
) -> (Cow<'a, Observed>, Vec<Network>) {
    let mut twins = Vec::new();
    for network in desired.networks.iter().filter(|network| !network.external) {
        let is_used = |id: &str| {
            observed.containers.iter().any(|container| container.networks.iter().any(|(_, used)| used == id))
        };
        let same = |other: &&Network| {
            other.name == network.name && other.labels.get(labels::PROJECT) == Some(&desired.project)
        };
        let mut all: Vec<&Network> = observed.networks.iter().filter(same).collect();
        // One that is used stays, else one that every run at it would choose.
        all.sort_by_key(|network| (!is_used(&network.id), &network.id));
        twins.extend(all.into_iter().skip(1).filter(|network| !is_used(&network.id)).cloned());
    }
    if twins.is_empty() {
        return (Cow::Borrowed(observed), twins);
    }
    let mut observed = observed.clone();
    observed.networks.retain(|network| twins.iter().all(|twin| twin.id != network.id));
    (Cow::Owned(observed), twins)
}

impl Planner<'_> {
    pub(super) fn twins(&mut self, twins: &[Network]) {
        for twin in twins {
            let op = Op::RemoveNetwork { id: twin.id.clone() };
            let cause = "it was made twice";
            let step = self.plan.push(op, Subject::Network(twin.name.clone()), cause, Vec::new());
            let desired = self.desired.networks.iter().find(|network| network.name == twin.name);
            if let Some(network) = desired {
                self.networks.entry(&network.name).or_default().push(step);
            }
        }
    }

    /// Containers that no service of the file has.
    pub(super) fn orphans(&mut self) {
        if self.options.remove_orphans {
            let ended =
                |one: &&Container| one.oneoff && matches!(one.state, State::Exited(_) | State::Dead(_));
            for container in self.observed.containers.iter().filter(ended) {
                self.remove(container, "it is a one-off that has ended");
            }
        }
        let (foreign, own): (Vec<_>, Vec<_>) = orphans(self.desired, self.observed)
            .into_iter()
            .map(|orphan| (orphan, foreign_files(self.desired, orphan)))
            .partition(|(_, files)| files.is_some());
        let named = |all: &[(&Container, Option<&str>)]| {
            let names: Vec<&str> = all.iter().map(|(orphan, _)| orphan.name.as_str()).collect();
            let what = if names.len() == 1 { "there is a container" } else { "there are containers" };
            (what, names.join(", "))
        };
        if self.options.remove_orphans {
            own.iter().for_each(|(orphan, _)| {
                self.remove(orphan, "its service is not in the file");
            });
        } else if !own.is_empty() && !self.options.ignore_orphans {
            let (what, names) = named(&own);
            self.plan.notes.push(format!(
                "{what} of services that the file does not have: {names}; `--remove-orphans` removes them"
            ));
        }
        for (orphan, files) in &foreign {
            let (container, files) = (orphan.name.clone(), files.unwrap_or_default().to_owned());
            let note = format!(
                "container {container} has the same project name and was made from other files ({files}): left alone"
            );
            if self.options.agreed.contains(&Question::RemoveForeign { container, files }) {
                self.remove(orphan, "its service is not in the file");
            } else if self.options.remove_orphans {
                self.plan.notes.push(format!("{note}; `--remove-orphans --yes` removes it"));
            } else if !self.options.ignore_orphans {
                self.plan.notes.push(note);
            }
        }
    }

    /// Volumes that are wanted and not there. One whose configuration changed is made anew only if the user agreed.
    pub(super) fn volumes(&mut self) {
        let desired = self.desired;
        let changed = changed_volumes(desired, self.observed);
        for volume in desired.volumes.iter().filter(|volume| !volume.external) {
            let name = &volume.name;
            let subject = || Subject::Volume(name.clone());
            let mut after = Vec::new();
            let mut cause = "not there yet".to_owned();
            if let Some(there) = self.observed.volume(name) {
                self.note_stranger("volume", name, &there.labels);
                if changed.iter().all(|changed| changed.name != *name) {
                    continue;
                }
                let strangers = strangers(desired, self.observed, name);
                if !self.options.agreed.contains(&Question::RemakeVolume { volume: name.clone() }) {
                    let how = match strangers.first() {
                        Some(stranger) => {
                            format!("remove container {}, which uses it, and run `up --yes`", stranger.name)
                        }
                        None => "`up --yes` makes it anew".to_owned(),
                    };
                    self.plan.notes.push(format!(
                        "volume {name} was made with another configuration ({changed}) and is kept, since it may hold data; {how}",
                        changed = remakes::of_volume(&volume.request, &there.request)
                    ));
                    continue;
                }
                cause = remakes::of_volume(&volume.request, &there.request);
                let gone = self.remove_users(name);
                let op = Op::RemoveVolume { name: name.clone() };
                let removed = self.plan.push(op, subject(), &cause, gone);
                self.plan.steps[removed].destructive = true;
                after = vec![removed];
                self.remade.insert(name);
            }
            let op = Op::CreateVolume(Box::new(volume.request.clone()));
            let step = self.plan.push(op, subject(), &cause, after);
            self.volumes.insert(name, step);
        }
    }

    /// Removes the containers that mount a volume: the engine keeps it as long as there are any.
    fn remove_users(&mut self, volume: &str) -> Vec<StepId> {
        let mut steps = Vec::new();
        let uses = |container: &&Container| container.mounts.iter().any(|mount| mount.volume == volume);
        let observed = self.observed;
        for container in observed.containers.iter().filter(uses) {
            let known = self.removed.get(container.id.as_str()).copied();
            let step =
                known.unwrap_or_else(|| self.remove(container, &format!("volume {volume} is made anew")));
            self.removed.insert(&container.id, step);
            steps.push(step);
        }
        let removed = &self.removed;
        for containers in self.existing.values_mut() {
            containers.retain(|container| !removed.contains_key(container.id.as_str()));
        }
        steps
    }

    /// Says that a resource of that name was made by someone else. It is used as it is.
    fn note_stranger(&mut self, kind: &str, name: &str, labels: &BTreeMap<String, String>) {
        if labels.get(labels::PROJECT) != Some(&self.desired.project) {
            let note = format!(
                "{kind} {name} was not made for this project; `external: true` says that it is meant"
            );
            self.plan.notes.push(note);
        }
    }

    /// Networks that are wanted and not there. One whose configuration changed is made anew: its containers go
    /// first, since the engine does not remove a network that is in use.
    pub(super) fn networks(&mut self, changed: &BTreeSet<&str>) {
        let desired = self.desired;
        for network in desired.networks.iter().filter(|network| !network.external) {
            let subject = Subject::Network(network.name.clone());
            let mut after = Vec::new();
            let mut cause = "not there yet".to_owned();
            if let Some(there) = self.observed.network(&network.name) {
                if !changed.contains(network.name.as_str()) {
                    self.note_stranger("network", &network.name, &there.labels);
                    continue;
                }
                let attached: Vec<&Container> = self
                    .observed
                    .containers
                    .iter()
                    .filter(|container| container.networks.iter().any(|(_, id)| *id == there.id))
                    .collect();
                for container in attached {
                    let op = Op::DisconnectNetwork {
                        container: container.name.clone(),
                        network: there.id.clone(),
                    };
                    let subject = Subject::Container(container.name.clone());
                    after.push(self.plan.push(op, subject, "its network is made anew", Vec::new()));
                }
                cause = remakes::of_network(&network.request, &there.request);
                let op = Op::RemoveNetwork { id: there.id.clone() };
                after = vec![self.plan.push(op, subject.clone(), &cause, after)];
            }
            let op = Op::CreateNetwork(Box::new(network.request.clone()));
            let step = self.plan.push(op, subject, &cause, after);
            self.networks.entry(&network.name).or_default().push(step);
        }
    }
}
