//! What the engine would refuse, known before anything is done.

use super::desired::Desired;
use crate::diagnostic::Code;
use crate::observed::{Observed, Swarm};

/// Something that the engine would refuse, known before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// The kind of mistake.
    pub code: Code,
    /// `networks` or `volumes`.
    pub section: &'static str,
    /// The key in the file.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

pub(super) fn impossible(desired: &Desired, observed: &Observed) -> Vec<Impossible> {
    let mut found = Vec::new();
    for network in &desired.networks {
        let name = &network.name;
        let is_there = observed.network(name).is_some();
        if network.external && !is_there {
            found.push(Impossible {
                code: Code::MissingExternal,
                section: "networks",
                key: network.key.clone(),
                message: format!("external network `{name}` does not exist"),
                help: format!("create it with `docker network create {name}`, or remove `external`"),
            });
        }
        let is_overlay = network.request.driver.as_deref() == Some("overlay");
        if is_overlay && !network.external && !is_there && observed.swarm != Swarm::Manager {
            found.push(Impossible {
                code: Code::SwarmNeeded,
                section: "networks",
                key: network.key.clone(),
                message: format!("overlay network `{name}` needs a Swarm manager, and this engine is none"),
                help: "run `docker swarm init` once, or use driver `bridge` if one host is enough".to_owned(),
            });
        }
    }
    for volume in desired.volumes.iter().filter(|volume| volume.external) {
        if observed.volume(&volume.name).is_none() {
            found.push(Impossible {
                code: Code::MissingExternal,
                section: "volumes",
                key: volume.key.clone(),
                message: format!("external volume `{}` does not exist", volume.name),
                help: format!("create it with `docker volume create {}`, or remove `external`", volume.name),
            });
        }
    }
    found
}
