//! The networks of `inspect`: what they are, and who is on them at which address.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::align;
use crate::engine::look::{NetworkDetails, NetworkMember};
use crate::observed::{Network, Observed};
use crate::plan::labels;
use crate::project::Project;

/// A network of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Its key in the file; its name where the file does not have it.
    pub key: String,
    /// Its name in the engine.
    pub name: String,
    /// Whether the engine has it.
    pub is_there: bool,
}

impl Inspected {
    /// Finds the networks of a project: those of the file, those made for it, those that its containers are on.
    pub fn of_project(name: &str, project: Option<&Project>, observed: &Observed) -> Vec<Self> {
        let mut keys: BTreeMap<String, String> = BTreeMap::new();
        if let Some(project) = project {
            let named =
                project.networks.keys().map(|key| (project.network_name(key).to_owned(), key.clone()));
            keys.extend(named);
        }
        let is_own = |network: &&Network| network.labels.get(labels::PROJECT).is_some_and(|of| of == name);
        for network in observed.networks.iter().filter(is_own) {
            let key = network.labels.get(labels::NETWORK).unwrap_or(&network.name);
            keys.entry(network.name.clone()).or_insert_with(|| key.clone());
        }
        for (joined, _) in observed.containers.iter().flat_map(|container| &container.networks) {
            keys.entry(joined.clone()).or_insert_with(|| joined.clone());
        }
        let inspected = |(name, key): (String, String)| {
            let is_there = observed.network(&name).is_some();
            Self { key, name, is_there }
        };
        let mut all: Vec<Self> = keys.into_iter().map(inspected).collect();
        all.sort_by(|one, other| (&one.key, &one.name).cmp(&(&other.key, &other.name)));
        all
    }

    /// Returns whether a word names it.
    pub fn is(&self, word: &str) -> bool {
        self.key == word || self.name == word
    }
}

/// Returns the services of the project's containers, by ID.
fn services(observed: &Observed) -> BTreeMap<&str, &str> {
    observed.containers.iter().map(|one| (one.id.as_str(), one.service.as_str())).collect()
}

/// Writes networks with their members for people.
pub fn table(shown: &[Inspected], details: &BTreeMap<String, NetworkDetails>, observed: &Observed) -> String {
    let services = services(observed);
    let mut parts = Vec::new();
    for one in shown {
        let Some(found) = details.get(&one.name) else {
            parts.push(format!("network {} ({}): the engine does not have it\n", one.key, one.name));
            continue;
        };
        let internal = if found.internal { ", internal" } else { "" };
        let mut text = format!("network {} ({}): {}{internal}", one.key, one.name, found.network.driver);
        for pool in &found.subnets {
            text.push_str(&format!(", {}", pool.subnet));
            if !pool.gateway.is_empty() {
                text.push_str(&format!(" by {}", without_prefix(&pool.gateway)));
            }
        }
        text.push('\n');
        if found.members.is_empty() {
            text.push_str("  nobody is on it\n");
        } else {
            let row = |member: &NetworkMember| {
                let service = services.get(member.id.as_str()).copied().unwrap_or("-");
                let addresses: Vec<&str> = [&member.ipv4, &member.ipv6]
                    .into_iter()
                    .map(|address| without_prefix(address))
                    .filter(|address| !address.is_empty())
                    .collect();
                format!("  {service}\t{}\t{}\t{}\n", member.name, addresses.join(", "), member.mac)
            };
            let rows: String = found.members.iter().map(row).collect();
            text.push_str(&align(&format!("  SERVICE\tCONTAINER\tADDRESS\tMAC\n{rows}"), 0, 2));
        }
        parts.push(text);
    }
    parts.join("\n")
}

fn without_prefix(address: &str) -> &str {
    address.split_once('/').map_or(address, |(address, _)| address)
}

/// Writes the same for programs.
pub fn json(shown: &[Inspected], details: &BTreeMap<String, NetworkDetails>, observed: &Observed) -> Value {
    let services = services(observed);
    let network = |one: &Inspected| {
        let Some(found) = details.get(&one.name) else {
            return json!({ "key": one.key, "name": one.name, "exists": false });
        };
        let pools = found.subnets.iter();
        let pools = pools.map(|pool| json!({ "subnet": pool.subnet, "gateway": pool.gateway }));
        let members = found.members.iter().map(|member| {
            json!({
                "service": services.get(member.id.as_str()),
                "container": member.name,
                "id": member.id,
                "ipv4": member.ipv4,
                "ipv6": member.ipv6,
                "mac": member.mac,
            })
        });
        json!({
            "key": one.key,
            "name": one.name,
            "exists": true,
            "id": found.network.id,
            "driver": found.network.driver,
            "scope": found.network.scope,
            "internal": found.internal,
            "subnets": pools.collect::<Vec<_>>(),
            "members": members.collect::<Vec<_>>(),
        })
    };
    shown.iter().map(network).collect()
}
