//! What `up` does about what services share: networks, volumes, and containers that belong to none of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::desired::Desired;
use super::up::Planner;
use super::{Op, Subject, labels};
use crate::observed::{Container, Network, Observed};

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
        // One that is used stays, else the first.
        all.sort_by_key(|network| !is_used(&network.id));
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

    pub(super) fn orphans(&mut self) {
        let known = |service: &str| {
            self.desired.service(service).is_some()
                || self.desired.disabled.iter().any(|name| name == service)
        };
        let orphans: Vec<&Container> = self
            .existing
            .iter()
            .filter(|(service, _)| !known(service))
            .flat_map(|(_, all)| all.iter().copied())
            .collect();
        if orphans.is_empty() || !self.options.selected.is_empty() {
            return;
        }
        if self.options.remove_orphans {
            for orphan in orphans {
                self.remove(orphan, "its service is not in the file");
            }
            return;
        }
        if self.options.ignore_orphans {
            return;
        }
        let names: Vec<&str> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
        self.plan.notes.push(format!(
            "{} of services that the file does not have: {}; `--remove-orphans` removes them",
            if names.len() == 1 { "there is a container" } else { "there are containers" },
            names.join(", ")
        ));
    }

    /// Volumes that are wanted and not there.
    pub(super) fn volumes(&mut self) {
        let desired = self.desired;
        for volume in desired.volumes.iter().filter(|volume| !volume.external) {
            let subject = Subject::Volume(volume.name.clone());
            match self.observed.volume(&volume.name) {
                None => {
                    let op = Op::CreateVolume(Box::new(volume.request.clone()));
                    let step = self.plan.push(op, subject, "not there yet", Vec::new());
                    self.volumes.insert(&volume.name, step);
                }
                Some(there) => {
                    self.note_stranger("volume", &volume.name, &there.labels);
                    let hash = there.labels.get(labels::CONFIG_HASH);
                    if hash.is_some_and(|hash| *hash != volume.hash) {
                        self.plan.notes.push(format!(
                            "volume {} was made with another configuration and is kept, since it may hold data; \
                             remove it with `docker volume rm {}` to have it made anew",
                            volume.name, volume.name
                        ));
                    }
                }
            }
        }
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
            let mut cause = "not there yet";
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
                cause = "configuration changed";
                let op = Op::RemoveNetwork { id: there.id.clone() };
                after = vec![self.plan.push(op, subject.clone(), cause, after)];
            }
            let op = Op::CreateNetwork(Box::new(network.request.clone()));
            let step = self.plan.push(op, subject, cause, after);
            self.networks.entry(&network.name).or_default().push(step);
        }
    }
}
