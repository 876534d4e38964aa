//! What `connect` and `disconnect` do: networks of containers that exist, changed while they run.

use bollard::models::{EndpointIpamConfig, EndpointSettings};

use super::container::endpoint_of;
use super::judge::runs;
use super::{Op, Plan, Subject};
use crate::diagnostic::did_you_mean;
use crate::observed::{Container, Network, Observed};
use crate::project::Project;

/// A service and a network.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The project's name.
    pub project_name: &'a str,
    /// The project, where there is a file.
    pub project: Option<&'a Project>,
    /// The service.
    pub service: &'a str,
    /// The network: its key in the file, or its name in the engine.
    pub network: &'a str,
}

/// How a container is connected, beside what the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// More names on the network.
    pub aliases: Vec<String>,
    /// A fixed IPv4 address.
    pub ipv4: Option<String>,
    /// A fixed IPv6 address.
    pub ipv6: Option<String>,
}

/// Plans to connect the containers of a service to a network. What cannot be is an error, in words for the user.
pub fn connect(pair: Pair<'_>, observed: &Observed, manner: &Manner) -> Result<Plan, Vec<String>> {
    let network = pair.find(observed).map_err(|error| vec![error])?;
    let containers = pair.containers(observed)?;
    if (manner.ipv4.is_some() || manner.ipv6.is_some()) && containers.len() > 1 {
        let count = containers.len();
        return Err(vec![format!("{count} containers of service {} cannot share one address", pair.service)]);
    }
    let mut plan = Plan::default();
    for container in containers {
        if is_on(container, network) {
            plan.notes.push(format!("container {} is on network {} already", container.name, network.name));
            continue;
        }
        let op = Op::ConnectNetwork {
            container: container.id.clone(),
            network: network.name.clone(),
            endpoint: Box::new(pair.endpoint(container, network, manner)),
        };
        plan.push(op, Subject::Container(container.name.clone()), "it was asked for", Vec::new());
    }
    if !plan.steps.is_empty() && !pair.is_in_file(network) {
        let Pair { service, network, .. } = pair;
        plan.notes.push(format!(
            "the file does not have {service} on {network}: this lasts until its containers are replaced; \
             to keep it, add {network} to its `networks`"
        ));
    }
    Ok(plan)
}

/// Plans to disconnect the containers of a service from a network.
pub fn disconnect(pair: Pair<'_>, observed: &Observed) -> Result<Plan, Vec<String>> {
    let network = pair.find(observed).map_err(|error| vec![error])?;
    let mut plan = Plan::default();
    for container in pair.containers(observed)? {
        if !is_on(container, network) && runs(container) {
            plan.notes.push(format!("container {} is not on network {}", container.name, network.name));
            continue;
        }
        if container.networks.iter().all(|(_, id)| *id == network.id) {
            plan.notes.push(format!("container {} has no other network", container.name));
        }
        let op = Op::DisconnectNetwork { container: container.id.clone(), network: network.name.clone() };
        plan.push(op, Subject::Container(container.name.clone()), "it was asked for", Vec::new());
    }
    if !plan.steps.is_empty() && pair.is_in_file(network) {
        let Pair { service, network, .. } = pair;
        plan.notes.push(format!(
            "the file has {service} on {network}: the next `topo up` replaces its containers to join it again; \
             to keep this, remove {network} from its `networks`"
        ));
    }
    Ok(plan)
}

/// A container that does not run is not always listed with its networks.
fn is_on(container: &Container, network: &Network) -> bool {
    container.networks.iter().any(|(_, id)| *id == network.id)
}

impl Pair<'_> {
    /// Finds the network: by its key in the file, by its key with the project's name, by its own name.
    fn find<'o>(&self, observed: &'o Observed) -> Result<&'o Network, String> {
        let by_key = self.project.map(|project| project.network_name(self.network).to_owned());
        let of_project = format!("{}_{}", self.project_name, self.network);
        let mut names = by_key.into_iter().chain([of_project, self.network.to_owned()]);
        let found = names.find_map(|name| observed.network(&name));
        found.ok_or_else(|| {
            let keys =
                self.project.into_iter().flat_map(|project| project.networks.keys().map(String::as_str));
            let names = observed.networks.iter().map(|network| network.name.as_str());
            let meant = did_you_mean(self.network, keys.chain(names));
            let help = meant.map(|meant| format!(": {meant}")).unwrap_or_default();
            format!("the engine has no network {}{help}", self.network)
        })
    }

    /// Returns the containers of the service; those made by `run` are let alone.
    fn containers<'o>(&self, observed: &'o Observed) -> Result<Vec<&'o Container>, Vec<String>> {
        let own = observed.containers.iter().filter(|one| one.service == self.service && !one.oneoff);
        let mut own: Vec<&Container> = own.collect();
        own.sort_by_key(|container| container.number);
        match own.is_empty() {
            true => Err(vec![format!("service {} has no container; `topo up` creates it", self.service)]),
            false => Ok(own),
        }
    }

    fn is_in_file(&self, network: &Network) -> bool {
        let settings = self.project.and_then(|project| Some((project, project.services.get(self.service)?)));
        settings.is_some_and(|(project, service)| {
            service.networks.0.keys().any(|key| project.network_name(key) == network.name)
        })
    }

    /// Returns the names and addresses that the file says, if it has the network, and those that are asked for.
    fn endpoint(&self, container: &Container, network: &Network, manner: &Manner) -> EndpointSettings {
        let written = self
            .project
            .and_then(|project| endpoint_of(project, self.service, &container.name, &network.name));
        let mut endpoint = written.unwrap_or_else(|| EndpointSettings {
            aliases: Some(vec![container.name.clone(), self.service.to_owned()]),
            ..EndpointSettings::default()
        });
        endpoint.aliases.get_or_insert_default().extend(manner.aliases.iter().cloned());
        if manner.ipv4.is_some() || manner.ipv6.is_some() {
            let addresses = endpoint.ipam_config.get_or_insert_with(EndpointIpamConfig::default);
            addresses.ipv4_address = manner.ipv4.clone().or(addresses.ipv4_address.take());
            addresses.ipv6_address = manner.ipv6.clone().or(addresses.ipv6_address.take());
        }
        endpoint
    }
}
