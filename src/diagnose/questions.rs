//! What probers are to be asked: first what is in each network, then all that follows from that, then what names of the
//! outside stand for.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::mentions::{Mention, mentions};
use super::{Input, Seen};
use crate::probe::{Answer, Question};
use crate::topology::reach::{End, Way, known_ports, reach};

/// A port on which nothing listens as a rule: that a connection is refused says that packets get there.
const NO_PORT: u16 = 9;

/// Returns the port at which it is tried whether a container is in reach: one that something listens on, if there is one.
pub(super) fn trial_port(input: &Input<'_>, to: &Seen) -> u16 {
    let known = known_ports(input.project, &to.service);
    let mut known = known.iter().filter(|(protocol, _)| protocol == "tcp").map(|(_, port)| *port);
    let Some(view) = &to.view else { return known.next().unwrap_or(NO_PORT) };
    // On the host's own interfaces only what the file knows is the service's.
    let is_host = to.live.network_mode == "host";
    let open = known.find(|port| view.is_open("tcp", *port));
    let any = || view.open("tcp").map(|socket| socket.port).find(|_| !is_host);
    open.or_else(any).unwrap_or(NO_PORT)
}

/// Returns the addresses at which a container is tried from another one.
pub(super) fn addresses(from: &Seen, to: &Seen) -> Vec<IpAddr> {
    let is_same = from.view.is_some()
        && from.view.as_ref().map(|view| &view.namespace) == to.view.as_ref().map(|view| &view.namespace);
    if is_same && from.live.id != to.live.id {
        return vec![IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)];
    }
    if to.live.network_mode == "host" {
        return gateways(from);
    }
    to.live.addresses().collect()
}

/// Returns where a container finds its host.
pub(super) fn gateways(from: &Seen) -> Vec<IpAddr> {
    if from.live.network_mode == "host" {
        return vec![IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)];
    }
    let mut gateways: Vec<IpAddr> = from.view.iter().filter_map(super::view::View::gateway).collect();
    let attached = from.live.attachments.iter().flat_map(|attachment| &attachment.gateways);
    gateways.extend(attached);
    // The engine tells no gateway of an internal network, at which the host is all the same: it is the first address.
    if gateways.is_empty() {
        let first = |address: IpAddr| match address {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Some(IpAddr::V4([a, b, c, 1].into()))
            }
            IpAddr::V6(_) => None,
        };
        gateways.extend(from.live.addresses().filter_map(first));
    }
    gateways.sort();
    gateways.dedup();
    gateways
}

/// Returns what is asked from a container's network, once it is known what is in all of them.
pub fn of_container(input: &Input<'_>, from: &Seen) -> Vec<Question> {
    let mut asked = BTreeSet::new();
    let mentioned = mentions(input.project, &from.service);
    let others = input.containers.iter().filter(|to| to.live.id != from.live.id);
    for to in others {
        let mut ports = BTreeSet::from([trial_port(input, to)]);
        ports.extend(ports_mentioned(input, &mentioned, &to.service));
        for address in addresses(from, to) {
            asked.extend(ports.iter().map(|port| Question::Tcp(SocketAddr::new(address, *port))));
        }
        // Ports of the host lead there where nothing else does.
        for port in to.live.ports.iter().filter(|port| port.protocol == "tcp") {
            let Some((_, number)) = &port.host else { continue };
            asked.extend(
                gateways(from).into_iter().map(|gateway| Question::Tcp(SocketAddr::new(gateway, *number))),
            );
        }
    }
    for other in input.project.services.keys().filter(|other| **other != from.service) {
        let answer = reach(input.project, End::Service(&from.service), End::Service(other));
        let over_network = answer.routes.iter().filter(|route| matches!(route.way, Way::Network(_)));
        asked.extend(over_network.flat_map(|route| &route.names).cloned().map(Question::Resolve));
    }
    for mention in mentioned.iter().filter(|mention| mention.host.parse::<IpAddr>().is_err()) {
        asked.insert(Question::Resolve(mention.host.clone()));
    }
    asked.extend(to_addresses(&mentioned));
    let servers = from.view.iter().flat_map(|view| view.servers.clone());
    let wanted = from.live.dns.iter().filter_map(|server| server.parse().ok());
    let engine: IpAddr = std::net::Ipv4Addr::new(127, 0, 0, 11).into();
    asked.extend(servers.chain(wanted).filter(|server| *server != engine).map(Question::Server));
    if from.live.network_mode != "host" {
        asked.extend(from.view.iter().filter_map(super::view::View::gateway).map(Question::Neighbour));
        if from.view.as_ref().is_some_and(|view| view.way_out().is_some()) {
            let host = input.host.map(|host| &host.view);
            asked.extend(host.into_iter().flat_map(outer_servers).map(Question::Server));
        }
    }
    asked.into_iter().collect()
}

/// Connections to addresses that stand in the environment themselves.
fn to_addresses(mentioned: &[Mention]) -> impl Iterator<Item = Question> {
    mentioned.iter().filter_map(|mention| {
        let address: IpAddr = mention.host.parse().ok()?;
        Some(Question::Tcp(SocketAddr::new(address, mention.port?)))
    })
}

/// Returns the ports at which a service is mentioned.
fn ports_mentioned<'a>(
    input: &'a Input<'_>,
    mentioned: &'a [Mention],
    service: &'a str,
) -> impl Iterator<Item = u16> + 'a {
    let of_service = mentioned.iter().filter(move |mention| input.service_of(&mention.host) == Some(service));
    of_service.filter_map(|mention| mention.port)
}

/// Returns what is asked once it is known what names stand for: whether who is mentioned answers.
pub fn of_names(input: &Input<'_>, from: &Seen) -> Vec<Question> {
    let mut asked = BTreeSet::new();
    for mention in mentions(input.project, &from.service) {
        let Some(Answer::Addresses(found)) = from.answer(&Question::Resolve(mention.host.clone())) else {
            continue;
        };
        let Some(port) = mention.port else { continue };
        asked.extend(found.iter().take(4).map(|address| Question::Tcp(SocketAddr::new(*address, port))));
    }
    asked.retain(|question| !from.answers.contains_key(question));
    asked.into_iter().collect()
}

/// Returns what is asked from the network of the engine's machine.
pub fn of_host(input: &Input<'_>, view: &super::view::View) -> Vec<Question> {
    let mut asked = BTreeSet::new();
    for seen in input.containers {
        for port in seen.live.ports.iter().filter(|port| port.protocol == "tcp") {
            asked.extend(at_host(port.host.as_ref()).map(Question::Tcp));
        }
        if seen.view.is_some() && seen.live.network_mode != "host" {
            let port = trial_port(input, seen);
            asked.extend(seen.live.addresses().map(|address| Question::Tcp(SocketAddr::new(address, port))));
        }
        if let Some(port) = super::findings::taken_port(&seen.live) {
            asked.insert(Question::Holder(port));
        }
    }
    asked.extend(outer_servers(view).map(Question::Server));
    asked.insert(Question::File(FORWARDING_FILE.to_owned()));
    asked.extend(view.way_out().map(|way| Question::File(mtu_file(&way.interface))));
    asked.into_iter().collect()
}

/// Returns the name servers of the host that are not on it: what is surely outside, and answers.
pub(super) fn outer_servers(host: &super::view::View) -> impl Iterator<Item = IpAddr> {
    host.servers.iter().copied().filter(|server| !server.is_loopback())
}

/// Returns whether the host's processes must be seen to answer.
pub fn needs_processes(input: &Input<'_>) -> bool {
    input.containers.iter().any(|seen| super::findings::taken_port(&seen.live).is_some())
}

/// Returns where a published port is reached from the host itself.
pub(super) fn at_host(host: Option<&(String, u16)>) -> Option<SocketAddr> {
    let (address, port) = host?;
    let any: IpAddr = std::net::Ipv4Addr::LOCALHOST.into();
    let address = match address.as_str() {
        "" | "0.0.0.0" => any,
        "::" => std::net::Ipv6Addr::LOCALHOST.into(),
        address => address.parse().ok()?,
    };
    Some(SocketAddr::new(address, *port))
}

/// Where Linux says whether it passes packets on. Newer engines do not tell.
pub(super) const FORWARDING_FILE: &str = "/proc/sys/net/ipv4/ip_forward";

/// Returns where Linux says how large the packets of an interface may be.
pub(super) fn mtu_file(interface: &str) -> String {
    format!("/sys/class/net/{interface}/mtu")
}
