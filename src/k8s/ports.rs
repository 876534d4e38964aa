//! Ports: those that a service is known to use, and those that it publishes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ContainerPort, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::network::Port;
use crate::model::ports::PortNumber;
use crate::model::service::Service;
use crate::model::x_topo::Workload;

use super::names::{is_port_name, is_qualified_name};
use super::network::{Mode, groups};
use super::{Published, Scope};

/// The most ports that are listed where they only document, and that load balancers are taken to have.
const MOST_LISTED_PORTS: usize = 100;

/// Returns the first port that a service is known to use.
pub(super) fn first_port(service: &Service) -> Option<u16> {
    known_ports(&Workload::default(), service).first().map(|(_, number, _)| *number)
}

/// Returns the ports to which routes lead.
pub(super) fn routed_ports(settings: &Workload, service: &Service) -> BTreeSet<u16> {
    let rules = settings.ingress.iter().flat_map(|ingress| &ingress.rules).map(|rule| rule.port);
    let routes = settings.http_route.iter().flat_map(|route| &route.rules).map(|rule| rule.port);
    let mut ports: Vec<Option<PortNumber>> = rules.chain(routes).collect();
    if settings.http_route.as_ref().is_some_and(|route| route.rules.is_empty()) {
        ports.push(None);
    }
    let first = first_port(service);
    ports.into_iter().filter_map(|port| port.map(|port| port.0).or(first)).collect()
}

/// Returns the ports that a service is known to use, as `(protocol, number, name)`.
fn known_ports(settings: &Workload, service: &Service) -> Vec<(String, u16, Option<String>)> {
    let (mut ports, mut seen) = (Vec::new(), BTreeSet::new());
    let mut add = |protocol: &str, number: u16, name: Option<String>| {
        let protocol = protocol.to_ascii_uppercase();
        if seen.insert((protocol.clone(), number)) {
            ports.push((protocol, number, name));
        }
    };
    for port in &service.ports.0 {
        add(port.protocol(), port.target.0, port.name.clone());
    }
    for exposed in &service.expose.0 {
        let (range, protocol) = exposed.0.split_once('/').unwrap_or((&exposed.0, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (first..=last).filter(|port| *port > 0).for_each(|port| add(protocol, port, None));
        }
    }
    let rules = settings.ingress.iter().flat_map(|ingress| &ingress.rules).filter_map(|rule| rule.port);
    let routes = settings.http_route.iter().flat_map(|route| &route.rules).filter_map(|rule| rule.port);
    rules.chain(routes).for_each(|port| add("tcp", port.0, None));
    ports
}

/// Returns a name for a port: the user's where it is one, else such as `tcp-80`, and `tcp-80-2` where that is another's.
fn port_name(wanted: Option<&str>, protocol: &str, number: u16, taken: &mut BTreeSet<String>) -> String {
    let own = wanted.filter(|name| is_port_name(name)).map(str::to_owned);
    let plain = format!("{}-{number}", protocol.to_ascii_lowercase());
    let others = (2..).map(|count| format!("{plain}-{count}"));
    let mut names = own.into_iter().chain([plain.clone()]).chain(others);
    names.find(|name| taken.insert(name.clone())).unwrap_or_default()
}

/// Returns the ports that the Service of a name lists. Where it is headless they only document.
pub(super) fn listed_ports(settings: &Workload, service: &Service) -> Vec<ServicePort> {
    let ports = known_ports(settings, service);
    if ports.len() > MOST_LISTED_PORTS {
        return Vec::new();
    }
    let mut taken = BTreeSet::new();
    let port = |(protocol, number, name): (String, u16, Option<String>)| ServicePort {
        name: Some(port_name(name.as_deref(), &protocol, number, &mut taken)),
        port: i32::from(number),
        target_port: Some(IntOrString::Int(i32::from(number))),
        protocol: Some(protocol),
        ..ServicePort::default()
    };
    ports.into_iter().map(port).collect()
}

/// Returns the ports of the container, unless they are too many to list. On the host's interfaces they are taken from
/// the node.
pub(super) fn container_ports(
    scope: &Scope<'_>,
    name: &str,
    service: &Service,
) -> Option<Vec<ContainerPort>> {
    let on_host = Mode::of(scope.project, service) == Mode::Host;
    let mut taken = BTreeSet::new();
    let port = |(protocol, number, name): (String, u16, Option<String>)| ContainerPort {
        name: Some(port_name(name.as_deref(), &protocol, number, &mut taken)),
        container_port: i32::from(number),
        host_port: on_host.then_some(i32::from(number)),
        protocol: Some(protocol),
        ..ContainerPort::default()
    };
    let ports = known_ports(scope.settings(name), service);
    (1..=MOST_LISTED_PORTS).contains(&ports.len()).then(|| ports.into_iter().map(port).collect())
}

/// Returns the ports of a service that are open to the world, and reports those that are not.
pub(super) fn open_ports<'a>(
    scope: &mut Scope<'_>,
    name: &str,
    service: &'a Service,
) -> Vec<(usize, &'a Port)> {
    let ports = &service.ports.0;
    if ports.is_empty() {
        return Vec::new();
    }
    let groups = groups(scope, name);
    let (why, help) = match Mode::of(scope.project, service) {
        Mode::Host => {
            ("it is on the host's interfaces", "remove `ports`: all its ports are the node's already")
        }
        Mode::None => ("it has no network", "remove `ports`, or give it a network"),
        Mode::Service(_) | Mode::Container => {
            ("it shares the interfaces of another", "publish them where these are")
        }
        _ if !groups.iter().any(|group| group.publishes) => (
            "none of its networks lets it",
            "add a bridge network that is not `internal`; Docker does not publish them either",
        ),
        _ => {
            return ports.iter().enumerate().filter(|(at, port)| is_open(scope, name, *at, port)).collect();
        }
    };
    let message = format!("service `{name}` publishes no ports: {why}");
    scope.report.lost(&["services", name, "ports"], message, help);
    Vec::new()
}

fn is_open(scope: &mut Scope<'_>, name: &str, at: usize, port: &Port) -> bool {
    let Some(address) = port.host_ip.as_deref().and_then(|address| address.parse::<std::net::IpAddr>().ok())
    else {
        return true;
    };
    let index = at.to_string();
    let path = ["services", name, "ports", &index, "host_ip"];
    if address.is_loopback() {
        let message = format!(
            "port {} of service `{name}` is not published: {address} is each machine's own",
            port.target.0
        );
        let help =
            format!("use `kubectl port-forward` to reach it from your machine, port {}", port.target.0);
        scope.report.approximated(&path, message, help);
        return false;
    }
    if !address.is_unspecified() {
        let message = format!(
            "port {} of service `{name}` is published on all addresses, not on {address}",
            port.target.0
        );
        scope.report.approximated(
            &path,
            message,
            "restrict who may connect in the load balancer or the firewall",
        );
    }
    true
}

/// Returns the ports of the Service that leads into the cluster.
pub(super) fn published_ports(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    kind: Published,
) -> Vec<ServicePort> {
    let mut published = Vec::new();
    let (mut taken, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (at, port) in open_ports(scope, name, service) {
        // `mode` tells apart what a Swarm does; `host_ip` was looked at already.
        let Port {
            name: wanted,
            mode: _,
            host_ip: _,
            target,
            published: _,
            protocol: _,
            app_protocol,
            extensions: _,
        } = port;
        let index = at.to_string();
        let path = ["services", name, "ports", &index, "published"];
        let number = if let Some((first, last)) = port.published_range().filter(|(first, _)| *first > 0) {
            if first != last {
                let message = format!("port {} of service `{name}` is published as {first}", target.0);
                let help = format!("write the one port that is meant, such as {first}");
                scope.report.approximated(&path, message, help);
            }
            first
        } else {
            let message =
                format!("port {0} of service `{name}` is published as {0}, not as any free one", target.0);
            let help = format!("write the port that is meant: \"{0}:{0}\"", target.0);
            scope.report.approximated(&path, message, help);
            target.0
        };
        let protocol = port.protocol().to_ascii_uppercase();
        if !numbers.insert((protocol.clone(), number)) {
            continue;
        }
        let chosen = scope
            .settings(name)
            .service
            .as_ref()
            .and_then(|given| given.node_ports.get(&target.0.to_string()).map(|port| i32::from(port.0)));
        let is_node_port = kind == Published::NodePort;
        let same = || is_node_port.then_some(i32::from(number)).filter(|port| (30000..=32767).contains(port));
        let node_port = chosen.or_else(same);
        if is_node_port && node_port.is_none() {
            let message =
                format!("port {number} of service `{name}` is published on a port of the cluster's choice");
            scope.report.approximated(
                &path,
                message,
                "node ports go from 30000 to 32767: publish one of these, or name one in `x-topo.kubernetes.service.node_ports`",
            );
        }
        let app_protocol = app_protocol.clone().filter(|protocol| !protocol.is_empty());
        if let Some(protocol) = app_protocol.as_deref().filter(|protocol| !is_qualified_name(protocol)) {
            let message = format!("`{protocol}` cannot be the application protocol of a port in Kubernetes");
            let path = ["services", name, "ports", &index, "app_protocol"];
            scope.report.lost(&path, message, "write a name such as `http`, or one with a prefix");
        }
        published.push(ServicePort {
            name: Some(port_name(wanted.as_deref(), &protocol, number, &mut taken)),
            port: i32::from(number),
            target_port: Some(IntOrString::Int(i32::from(target.0))),
            protocol: Some(protocol),
            app_protocol: app_protocol.filter(|protocol| is_qualified_name(protocol)),
            node_port,
        });
    }
    if published.len() > MOST_LISTED_PORTS {
        let message = format!(
            "service `{name}` publishes {} ports, more than a cluster leads in from outside by one Service",
            published.len()
        );
        let help = "publish fewer, or write `network_mode: host`, where the ports are those of the node";
        scope.report.approximated(&["services", name, "ports"], message, help);
    }
    published
}
