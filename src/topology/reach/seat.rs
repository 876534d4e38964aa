//! Where the containers of a service are: on which networks, and what these let through.

use crate::model::network::Network;
use crate::model::service::Service;
use crate::project::Project;

/// Where the containers of a service are.
pub enum Seat<'a> {
    /// On these networks.
    Networks(Vec<Joined<'a>>),
    /// On the host's own interfaces.
    Host,
    /// On none: `network_mode: none`.
    Nowhere,
    /// On the interfaces of a container that is not of the project.
    Foreign,
    /// There are none: a provider stands for the service.
    Provided,
}

/// A network that a service is on.
pub struct Joined<'a> {
    /// Its key in the file, or its name in the engine if the file does not have it.
    pub key: String,
    /// Its name in the engine, which tells networks apart.
    pub name: String,
    /// What the file says of it, if anything.
    pub network: Option<&'a Network>,
}

/// Returns the service whose interfaces a service has: itself, or another by its `network_mode`.
pub fn root_of<'a>(project: &'a Project, name: &'a str) -> &'a str {
    let mut root = name;
    // A chain that comes back to its start is reported as a cycle; here it only has to end.
    for _ in 0..project.services.len() {
        match project.services.get(root).and_then(|service| project.interfaces_of(service)) {
            Some(other) if project.services.contains_key(other) => root = other,
            _ => break,
        }
    }
    root
}

/// What makes a difference for whom the containers of a service reach: services of one place reach the same, those that
/// share their interfaces aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<'a> {
    mode: Option<&'a str>,
    networks: Vec<&'a str>,
    is_provided: bool,
}

impl<'a> Place<'a> {
    /// Returns the place of a service.
    pub fn of(project: &'a Project, name: &'a str) -> Self {
        let root = project.services.get(root_of(project, name));
        Self {
            mode: root.and_then(|root| root.network_mode.as_deref()),
            networks: root.into_iter().flat_map(|root| root.networks.0.keys().map(String::as_str)).collect(),
            is_provided: root.is_none_or(|root| root.provider.is_some()),
        }
    }
}

impl<'a> Seat<'a> {
    /// Returns where a service is.
    pub fn of(project: &'a Project, name: &'a str) -> Self {
        let Some(service) = project.services.get(root_of(project, name)) else { return Self::Nowhere };
        if service.provider.is_some() {
            return Self::Provided;
        }
        let only = |key: &str| {
            Self::Networks(vec![Joined { key: key.to_owned(), name: key.to_owned(), network: None }])
        };
        match service.network_mode.as_deref() {
            None | Some("") => Self::of_networks(project, service),
            Some("bridge" | "default") => only("bridge"),
            Some("host") => Self::Host,
            Some("none") => Self::Nowhere,
            Some(mode) if mode.starts_with("container:") || mode.starts_with("service:") => Self::Foreign,
            Some(name) => only(name),
        }
    }

    /// Returns where a service is that joins networks by their keys.
    pub fn of_networks(project: &'a Project, service: &'a Service) -> Self {
        let mut joined = Vec::new();
        for key in service.networks.0.keys() {
            let network = project.networks.get(key);
            let name = project.network_name(key);
            // The engine has one network of each of these two, which cannot be joined beside others.
            let driver = network.and_then(|network| network.driver.as_deref());
            match (driver, name) {
                (Some("host"), _) | (_, "host") => return Self::Host,
                (Some("none" | "null"), _) | (_, "none") => return Self::Nowhere,
                _ => joined.push(Joined { key: key.clone(), name: name.to_owned(), network }),
            }
        }
        Self::Networks(joined)
    }
}

/// What bridge networks do with a container's gateway.
///
/// See <https://docs.docker.com/engine/network/drivers/bridge/> and
/// <https://docs.docker.com/engine/network/port-publishing/#gateway-modes>.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gateway {
    Nat,
    Routed,
    Isolated,
}

impl Joined<'_> {
    /// Returns the driver: `bridge` where the file does not say.
    pub(super) fn driver(&self) -> &str {
        let driver = self.network.and_then(|network| network.driver.as_deref());
        driver.filter(|driver| !driver.is_empty()).unwrap_or("bridge")
    }

    /// Returns an option of the bridge driver, by the end of its name.
    fn bridge_option(&self, option: &str) -> Option<&str> {
        let options = &self.network.filter(|_| self.driver() == "bridge")?.driver_opts.0;
        options.get(&format!("com.docker.network.bridge.{option}")).map(String::as_str)
    }

    fn gateway(&self) -> Gateway {
        match self.bridge_option("gateway_mode_ipv4") {
            Some("routed") => Gateway::Routed,
            Some("isolated") => Gateway::Isolated,
            _ => Gateway::Nat,
        }
    }

    fn has_own_address_on_lan(&self) -> bool {
        matches!(self.driver(), "macvlan" | "ipvlan")
    }

    fn is_internal(&self) -> bool {
        let Some(network) = self.network else { return false };
        // Without a parent interface these drivers make a network that leads nowhere.
        let lacks_parent = self.has_own_address_on_lan()
            && !network.external.is
            && !network.driver_opts.0.contains_key("parent");
        network.internal || lacks_parent || self.gateway() == Gateway::Isolated
    }

    /// Whether members do not reach each other.
    pub fn keeps_members_apart(&self) -> bool {
        let is_false = |text: &str| matches!(text, "false" | "False" | "FALSE" | "f" | "F" | "0");
        self.bridge_option("enable_icc").is_some_and(is_false)
    }

    /// Whether members reach the outside.
    pub fn leads_out(&self) -> bool {
        !self.is_internal() && !self.lacks_masquerade()
    }

    /// Whether answers from the outside do not find back.
    pub(super) fn lacks_masquerade(&self) -> bool {
        self.gateway() == Gateway::Nat
            && matches!(self.bridge_option("enable_ip_masquerade"), Some("false" | "0"))
    }

    /// Whether members and the host reach each other's addresses. The host has one on each of its bridges, internal
    /// ones too, and none on a macvlan or ipvlan network, nor on an overlay.
    pub(super) fn touches_host(&self) -> bool {
        match self.driver() {
            "macvlan" | "ipvlan" => false,
            "overlay" => !self.is_internal(),
            _ => self.gateway() != Gateway::Isolated,
        }
    }

    /// Whether members reach ports that others publish on the host. An internal network leads to the host itself,
    /// and not through it.
    pub fn leads_to_published(&self) -> bool {
        !self.is_internal() && !self.has_own_address_on_lan()
    }

    /// Whether ports of the host lead to members.
    pub fn publishes(&self) -> bool {
        !self.is_internal() && !self.has_own_address_on_lan() && self.gateway() == Gateway::Nat
    }

    /// Whether the outside reaches members at addresses of their own.
    pub(super) fn is_on_lan(&self) -> bool {
        self.has_own_address_on_lan() && !self.is_internal()
    }
}
