//! How services find each other: the networks they are on, their names, and the network of a pod.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{HostAlias, PodDNSConfig, PodDNSConfigOption, PodSpec};

use crate::diagnostic::{Code, Diagnostic};
use crate::model::network::Attachment;
use crate::model::service::Service;
use crate::project::Project;
use crate::topology::reach::seat::{Joined, Seat};

use super::Scope;
use super::names::{Names, dns_label, resolvable_name};
use super::uses::{Numbered, uses_of, uses_of_numbered};

/// The label of pods that may ask the cluster's DNS.
pub(super) const DNS_LABEL: &str = "topo.dev/dns";

/// How a service is attached to networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode<'a> {
    /// To the networks that it lists.
    Networks,
    /// To the engine's own network, where nobody has a name.
    Bridge,
    /// To none.
    None,
    /// It shares the host's interfaces.
    Host,
    /// It shares the interfaces of a service.
    Service(&'a str),
    /// It shares the interfaces of a container that is not of the project.
    Container,
    /// To a network that exists already, by its name.
    Named(&'a str),
}

impl<'a> Mode<'a> {
    pub(super) fn of(project: &'a Project, service: &'a Service) -> Self {
        if let Some(other) = project.interfaces_of(service) {
            return Self::Service(other);
        }
        match service.network_mode.as_deref() {
            None | Some("") => match Seat::of_networks(project, service) {
                Seat::Host => Self::Host,
                Seat::Nowhere => Self::None,
                Seat::Networks(_) | Seat::Foreign | Seat::Provided => Self::Networks,
            },
            Some("bridge" | "default") => Self::Bridge,
            Some("none") => Self::None,
            Some("host") => Self::Host,
            Some(mode) if mode.starts_with("container:") => Self::Container,
            Some(mode) => Self::Named(mode),
        }
    }
}

/// Services that reach each other because they are on one network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    /// The label of its pods.
    pub(super) label: String,
    /// The name of its policy.
    pub(super) policy: String,
    /// The network's key, if it is one of the project's.
    pub(super) network: Option<String>,
    /// Whether pods of other projects are on it too.
    pub(super) is_external: bool,
    /// What its members reach beside each other.
    pub(super) way_out: WayOut,
    /// Whether its members do not reach each other.
    pub(super) keeps_apart: bool,
    /// Whether published ports lead to its members.
    pub(super) publishes: bool,
}

/// What the members of a network reach beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WayOut {
    /// Everything that lets them in.
    Everywhere,
    /// What the project publishes.
    Published,
    /// Nothing.
    Nowhere,
}

/// Returns the groups that a service is in. Whoever shares the interfaces of another is where that one is.
pub(super) fn groups(scope: &Scope<'_>, name: &str) -> Vec<Group> {
    match Seat::of(scope.project, name) {
        Seat::Networks(joined) => joined.iter().map(|network| group_of(scope, network)).collect(),
        Seat::Host | Seat::Nowhere | Seat::Foreign | Seat::Provided => Vec::new(),
    }
}

fn group_of(scope: &Scope<'_>, joined: &Joined<'_>) -> Group {
    let Joined { key, name, network } = joined;
    let is_external = network.map_or(key != "bridge", |network| network.external.is);
    let (label, policy) = match network {
        _ if is_external => (external_label(name), format!("external-network-{}", dns_label(name, 52))),
        None => ("topo.dev/bridge".to_owned(), "bridge".to_owned()),
        Some(_) => {
            let name = scope.names.networks.get(key).unwrap_or(key);
            (format!("topo.dev/net.{name}"), format!("network-{name}"))
        }
    };
    let way_out = if joined.leads_out() {
        WayOut::Everywhere
    } else if joined.leads_to_published() {
        WayOut::Published
    } else {
        WayOut::Nowhere
    };
    Group {
        label,
        policy,
        network: network.map(|_| key.clone()),
        is_external,
        way_out,
        keeps_apart: joined.keeps_members_apart(),
        publishes: joined.publishes(),
    }
}

/// The label is made of the name in the engine alone, so that all projects on the network agree on it.
fn external_label(name: &str) -> String {
    format!("topo.dev/xnet.{}", dns_label(name, 52))
}

/// Returns the labels of a pod beside those that select it.
pub(super) fn pod_labels(scope: &Scope<'_>, name: &str, service: &Service) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> =
        groups(scope, name).into_iter().map(|group| (group.label, "true".to_owned())).collect();
    if !matches!(Mode::of(scope.project, service), Mode::None | Mode::Host) {
        labels.insert(DNS_LABEL.to_owned(), "true".to_owned());
    }
    let shared = scope.shared_names.get(name).into_iter().flatten();
    labels.extend(shared.map(|alias| (alias_label(alias), "true".to_owned())));
    labels
}

pub(super) fn alias_label(alias: &str) -> String {
    format!("topo.dev/alias.{}", dns_label(alias, 57))
}

/// A service that is found under a name, and on which networks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) service: String,
    networks: BTreeSet<String>,
}

/// Who is found under each name.
pub(super) type Owners = BTreeMap<String, Vec<Owner>>;

/// Returns who is found under each name that can be one in Kubernetes: names of services and of containers, host
/// names, aliases and links.
pub(super) fn owners_of_names(project: &Project, names: &Names) -> Owners {
    let mut owners: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (name, service) in &project.services {
        if service.provider.is_some()
            || !matches!(Mode::of(project, service), Mode::Networks | Mode::Named(_))
        {
            continue;
        }
        let mut add = |written: &str, networks: &mut dyn Iterator<Item = &String>| {
            let Some(found) = resolvable_name(written) else { return };
            owners.entry(found).or_default().entry(name.clone()).or_default().extend(networks.cloned());
        };
        // A name that is none in Kubernetes is replaced by the one that was made for it.
        add(&names.services[name], &mut service.networks.0.keys());
        for (written, _) in names_everywhere(name, service) {
            add(written, &mut service.networks.0.keys());
        }
        for (key, attachment) in &service.networks.0 {
            for alias in attachment.0.iter().flat_map(|attachment| &attachment.aliases.0) {
                add(alias, &mut std::iter::once(key));
            }
        }
    }
    for service in project.services.values() {
        for link in &service.links.0 {
            let Some((target, alias)) = link.split_once(':') else { continue };
            let (Some(linked), Some(found)) = (project.services.get(target), resolvable_name(alias)) else {
                continue;
            };
            let networks = linked.networks.0.keys().cloned();
            owners.entry(found).or_default().entry(target.to_owned()).or_default().extend(networks);
        }
    }
    for Numbered { container, service, .. } in uses_of_numbered(project) {
        if let (Some(found), true) = (resolvable_name(container), is_alone(project, service)) {
            let networks = project.services[service].networks.0.keys().cloned();
            owners.entry(found).or_default().entry(service.to_owned()).or_default().extend(networks);
        }
    }
    let owner = |(service, networks)| Owner { service, networks };
    owners.into_iter().map(|(name, of)| (name, of.into_iter().map(owner).collect())).collect()
}

/// The names that a service shares with others, by service.
pub(super) type SharedNames = BTreeMap<String, Vec<String>>;

/// Returns the names that services share.
pub(super) fn shared_names(owners: &Owners) -> SharedNames {
    let mut shared = SharedNames::new();
    for (name, owners) in owners.iter().filter(|(_, owners)| owners.len() > 1) {
        for owner in owners {
            shared.entry(owner.service.clone()).or_default().push(name.clone());
        }
    }
    shared
}

/// Returns whether a service has a name, and one container, so that the name of that can be one of the service.
fn is_alone(project: &Project, service: &str) -> bool {
    let service = &project.services[service];
    let has_name = matches!(Mode::of(project, service), Mode::Networks | Mode::Named(_));
    has_name && service.provider.is_none() && service.containers() == 1
}

/// Returns the names that a service has on all its networks, and the attributes that give them.
fn names_everywhere<'a>(name: &'a str, service: &'a Service) -> Vec<(&'a str, Option<&'static str>)> {
    let mut names = vec![(name, None)];
    names.extend(service.container_name.as_ref().map(|container| (&*container.0, Some("container_name"))));
    names.extend(service.hostname.as_deref().map(|hostname| (hostname, Some("hostname"))));
    names
}

pub(super) fn report_names(scope: &mut Scope<'_>) {
    let project = scope.project;
    for (name, service) in &project.services {
        if service.provider.is_some()
            || !matches!(Mode::of(project, service), Mode::Networks | Mode::Named(_))
        {
            continue;
        }
        let made = scope.names.services[name].clone();
        if resolvable_name(name).is_none() {
            let message = format!("service `{name}` is found as `{made}` in Kubernetes");
            let mut diagnostic = Diagnostic::warning(Code::ExportApproximated, message)
                .label(project.span(&["services", name]), "this is no name in DNS")
                .help(format!("rename the service, or write `{made}` where others name it"));
            for span in uses_of(project, name) {
                diagnostic = diagnostic.label(span, "this name will not be found");
            }
            scope.report.push(format!("services.{name}"), diagnostic);
        }
        for (written, attribute) in names_everywhere(name, service) {
            if let (Some(attribute), None) = (attribute, resolvable_name(written)) {
                let message =
                    format!("service `{name}` is not found as `{written}`, which is no name in Kubernetes");
                scope.report.lost(&["services", name, attribute], message, format!("reach it as `{made}`"));
            }
        }
        for (key, attachment) in &service.networks.0 {
            for alias in attachment.0.iter().flat_map(|attachment| &attachment.aliases.0) {
                if resolvable_name(alias).is_none() {
                    let message = format!("alias `{alias}` of service `{name}` is no name in Kubernetes");
                    let path = ["services", name, "networks", key, "aliases"];
                    scope.report.lost(
                        &path,
                        message,
                        "use letters, digits and `-`, or reach it by another name",
                    );
                }
            }
        }
        for (at, link) in service.links.0.iter().enumerate() {
            let Some((target, alias)) = link.split_once(':').filter(|(target, alias)| target != alias) else {
                continue;
            };
            let (path, index) = (["services", name, "links"], at.to_string());
            let path: Vec<&str> = path.into_iter().chain([&*index]).collect();
            if resolvable_name(alias).is_some() {
                let message =
                    format!("all pods of the namespace find `{target}` as `{alias}`, not `{name}` alone");
                scope.report.approximated(&path, message, format!("reach it as `{target}`"));
            } else {
                let message = format!("link `{alias}` is no name in Kubernetes");
                scope.report.lost(&path, message, format!("reach it as `{target}`"));
            }
        }
    }
    for Numbered { container, service, path } in uses_of_numbered(project) {
        if resolvable_name(container).is_none() || !is_alone(project, service) {
            let message = format!("container `{container}` is not found by this name in Kubernetes");
            let made = &scope.names.services[service];
            scope.report.lost(
                &path,
                message,
                format!("write `{made}`: the name of the service leads to all of it"),
            );
        }
    }
    for (name, owners) in scope.owners.clone() {
        report_meanings(scope, &name, &owners);
    }
}

/// A name in Kubernetes means the same to all pods, while an alias means something on one network only.
fn report_meanings(scope: &mut Scope<'_>, name: &str, owners: &[Owner]) {
    let mut meanings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for owner in owners {
        for network in &owner.networks {
            meanings.entry(network).or_default().push(&owner.service);
        }
    }
    let distinct: BTreeSet<&Vec<&str>> = meanings.values().collect();
    if distinct.len() < 2 {
        return;
    }
    let service = &owners[0].service;
    let message =
        format!("`{name}` means different services on different networks, and all of them in Kubernetes");
    let alias = owners.iter().find_map(|owner| {
        let attachments = &scope.project.services[&owner.service].networks.0;
        let is_here = |attachment: &Attachment| {
            attachment.aliases.0.iter().any(|alias| alias.eq_ignore_ascii_case(name))
        };
        let (key, _) = attachments.iter().find(|(_, one)| one.0.as_deref().is_some_and(is_here))?;
        Some((owner.service.clone(), key.clone()))
    });
    let help = "give each service a name of its own";
    match alias {
        Some((service, key)) => {
            scope.report.lost(&["services", &service, "networks", &key, "aliases"], message, help);
        }
        None => scope.report.lost(&["services", service], message, help),
    }
}

/// Sets up the network of a pod: interfaces, host name, hosts and resolver.
pub(super) fn set_up_pod(scope: &mut Scope<'_>, name: &str, service: &Service, pod: &mut PodSpec) {
    report_mode(scope, name, service);
    if Mode::of(scope.project, service) == Mode::Host {
        pod.host_network = Some(true);
        pod.dns_policy = Some("ClusterFirstWithHostNet".to_owned());
    }
    if let Some(hostname) = service.hostname.as_deref().filter(|hostname| !hostname.is_empty()) {
        let label = dns_label(hostname, 63);
        if label != hostname {
            let message = format!("the host name of service `{name}` is `{label}`, not `{hostname}`");
            let help = "use lower-case letters, digits and `-`";
            scope.report.approximated(&["services", name, "hostname"], message, help);
        }
        pod.hostname = Some(label);
    }
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (host, address) in service.extra_hosts.pairs() {
        if address.parse::<std::net::IpAddr>().is_ok() {
            aliases.entry(address.to_owned()).or_default().push(host.to_ascii_lowercase());
        } else {
            let message =
                format!("service `{name}` does not find `{host}`: {address} is not known in a cluster");
            let help = "write an address, or a name that the cluster's DNS knows";
            scope.report.lost(&["services", name, "extra_hosts", host], message, help);
        }
    }
    let alias = |(ip, hostnames)| HostAlias { ip, hostnames: Some(hostnames) };
    let aliases: Vec<HostAlias> = aliases.into_iter().map(alias).collect();
    pod.host_aliases = (!aliases.is_empty()).then_some(aliases);
    pod.dns_config = dns_config(scope, name, service);
}

fn report_mode(scope: &mut Scope<'_>, name: &str, service: &Service) {
    let attribute = if service.network_mode.is_some() { "network_mode" } else { "networks" };
    let path = ["services", name, attribute];
    match Mode::of(scope.project, service) {
        Mode::Networks | Mode::Bridge => {}
        Mode::Named(network) => {
            let message =
                format!("service `{name}` joins network `{network}`, which all pods with its label are on");
            let label = external_label(network);
            scope.report.approximated(
                &path,
                message,
                format!("give the other pods the label `{label}: \"true\"`"),
            );
        }
        Mode::None => {
            let message =
                format!("service `{name}` keeps a network interface, and policies let nothing through");
            scope.report.approximated(&path, message, "use a cluster whose network enforces NetworkPolicy");
        }
        Mode::Host => {
            let message = format!("service `{name}` is on the interfaces of its node, where no policy holds");
            scope.report.approximated(
                &path,
                message,
                "give it networks and publish its ports, if that will do",
            );
        }
        // Only a chain that leads nowhere gets here.
        Mode::Service(other) => {
            let message = format!("service `{name}` cannot share the interfaces of `{other}`");
            scope.report.lost(&path, message, "share those of a service that runs in a container");
        }
        Mode::Container => {
            let message =
                format!("service `{name}` cannot share the interfaces of a container outside of the project");
            scope.report.lost(&path, message, "make the container a service of the project");
        }
    }
}

fn dns_config(scope: &mut Scope<'_>, name: &str, service: &Service) -> Option<PodDNSConfig> {
    let (servers, searches) = (&service.dns.0, &service.dns_search.0);
    for (attribute, is_given) in [("dns", !servers.is_empty()), ("dns_search", !searches.is_empty())] {
        if is_given {
            let message =
                format!("`services.{name}.{attribute}` is added to the cluster's own, which come first");
            let help = "have the cluster's DNS forward the domains that are meant";
            scope.report.approximated(&["services", name, attribute], message, help);
        }
    }
    if servers.len() > 2 {
        let message = format!("only the first two DNS servers of service `{name}` are used");
        scope.report.lost(
            &["services", name, "dns"],
            message,
            "a resolver asks three at most, the cluster's included",
        );
    }
    let option = |text: &String| {
        let (name, value) = text.split_once(':').map_or((&**text, None), |(name, value)| (name, Some(value)));
        PodDNSConfigOption { name: Some(name.to_owned()), value: value.map(str::to_owned) }
    };
    let options: Vec<PodDNSConfigOption> = service.dns_opt.0.iter().map(option).collect();
    let config = PodDNSConfig {
        nameservers: (!servers.is_empty()).then(|| servers.iter().take(2).cloned().collect()),
        searches: (!searches.is_empty()).then(|| searches.clone()),
        options: (!options.is_empty()).then_some(options),
    };
    (config != PodDNSConfig::default()).then_some(config)
}
