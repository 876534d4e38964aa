//! Networks, how services are attached to them, and the ports that services publish.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Identity, Kind, Place, Shape, record};
use super::values::{KeyValues, Nullable, Options, StringOrNumber, UniqueList, map_of_names};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Tag, Value};

record! {
    /// A network.
    ///
    /// See <https://github.com/compose-spec/compose-spec/blob/main/06-networks.md>.
    #[derive(Default)]
    pub struct Network {
        /// Its name in the engine. Default: `<project>_<key>`.
        pub name: Option<String>,
        /// The driver: `bridge` (default), `overlay`, `macvlan`, `ipvlan`, `host`, `none` or a plugin's.
        pub driver: Option<String>,
        /// Options of the driver, such as `parent` for macvlan.
        pub driver_opts: Options,
        /// Address management.
        pub ipam: Option<Ipam>,
        /// The network exists already and is not managed here.
        pub external: External,
        /// No way out: only members reach each other.
        pub internal: bool,
        /// Containers outside of a Swarm service may join (overlay).
        pub attachable: bool,
        /// Labels.
        pub labels: KeyValues,
        /// Turn IPv4 off. Needs Docker Engine 28 or later.
        pub enable_ipv4: Option<bool>,
        /// Turn IPv6 on.
        pub enable_ipv6: Option<bool>,
    }
}

/// Whether a resource exists already and is not managed here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct External {
    /// Whether it does.
    pub is: bool,
    /// Its name, written in the old way: `external: {name: ...}`.
    #[serde(skip)]
    pub name: Option<String>,
}

impl Attribute for External {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else {
            return bool::decode(node, place, decoder).map(|is| Self { is, name: None });
        };
        for (key, entry) in map {
            if key != "name" && !key.starts_with("x-") {
                decoder.unknown_key(key, entry.key, place, ["name"]);
            }
        }
        decoder.diagnostics.push(
            Diagnostic::warning(Code::ObsoleteAttribute, format!("`{place}.name` is obsolete"))
                .label(node.span, "the old way to name an external resource")
                .help("write `external: true` and put `name` beside it"),
        );
        let name = match node.get("name") {
            Some(entry) => Some(String::decode(&entry.node, &place.key("name"), decoder)?),
            None => None,
        };
        Some(Self { is: true, name })
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": ["boolean", "string"] },
                {
                    "type": "object",
                    "properties": { "name": { "type": "string" } },
                    "patternProperties": { "^x-": {} },
                    "additionalProperties": false,
                    "deprecated": true,
                },
            ]
        })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        !self.is
    }
}

record! {
    /// Address management of a network.
    #[derive(Default)]
    pub struct Ipam {
        /// The driver. Default: `default`.
        pub driver: Option<String>,
        /// The subnets.
        pub config: Pools,
        /// Options of the driver.
        #[serde(skip)]
        pub options: Options,
    }
}

/// The subnets of a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Pools(pub Vec<Pool>);

impl Attribute for Pools {
    // Pools with the same subnet are one.
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(
            Pool::SHAPE,
            Some(Identity { of: |node| node.get("subnet")?.node.scalar_text(), replace: false }),
        ),
        expand: None,
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Pool>::schema(generator)
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
}

record! {
    /// A subnet of a network.
    #[derive(Default)]
    pub struct Pool {
        /// The subnet in CIDR form, such as `172.28.0.0/16`.
        pub subnet: Option<String>,
        /// The gateway's address.
        pub gateway: Option<String>,
        /// The part of the subnet that containers get addresses from.
        pub ip_range: Option<String>,
        /// Addresses that are taken by others, by name.
        pub aux_addresses: BTreeMap<String, String>,
    }
    check addresses_hold;
}

/// What the engine would refuse only when the network is created.
fn addresses_hold(pool: &mut Pool, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    let is_subnet: fn(&str) -> bool = |text| text.parse::<ipnet::IpNet>().is_ok();
    let is_address: fn(&str) -> bool = |text| text.parse::<IpAddr>().is_ok();
    for (key, written, holds, example) in [
        ("subnet", &pool.subnet, is_subnet, "172.28.0.0/16"),
        ("ip_range", &pool.ip_range, is_subnet, "172.28.5.0/24"),
        ("gateway", &pool.gateway, is_address, "172.28.0.1"),
    ] {
        let (Some(written), Some(entry)) = (written, node.get(key)) else { continue };
        if !holds(written) {
            let why = format!("`{written}` is not of the form {example}");
            decoder.doubtful(entry.node.span, &place.key(key), why, format!("write one such as {example}"));
        }
    }
}

/// The networks that a service is attached to, by key, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Attachments(pub BTreeMap<String, Nullable<Attachment>>);

impl Attribute for Attachments {
    const SHAPE: &'static Shape =
        &Shape { kind: Kind::Map(<Nullable<Attachment>>::SHAPE), expand: Some(map_of_names) };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if node.as_map().is_none() {
            return decoder.wrong_type(node, place, "a list of network names, or a mapping");
        }
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
                { "type": "object", "additionalProperties": <Nullable<Attachment>>::schema(generator) },
            ]
        })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
}

record! {
    /// How a service is attached to a network.
    #[derive(Default)]
    pub struct Attachment {
        /// More names for the service on this network.
        pub aliases: UniqueList<String>,
        /// Options of the driver for this attachment.
        pub driver_opts: Options,
        /// The network with the highest one is the container's default gateway. Needs Docker Engine 28.
        pub gw_priority: i64,
        /// The interface's name in the container. Needs Docker Engine 28.1.
        pub interface_name: Option<String>,
        /// A fixed IPv4 address within the network's subnet.
        pub ipv4_address: Option<String>,
        /// A fixed IPv6 address within the network's subnet.
        pub ipv6_address: Option<String>,
        /// Link-local addresses.
        pub link_local_ips: UniqueList<String>,
        /// A fixed MAC address.
        pub mac_address: Option<String>,
        /// The order in which the container is attached: highest first. Default: 0.
        pub priority: i64,
    }
}

/// The ports that a service publishes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ports(pub Vec<Port>);

record! {
    /// A port, or with a range as `published` the choice of one.
    pub struct Port {
        /// A name for people.
        pub name: Option<String>,
        /// `ingress` (default) publishes on each node of a Swarm, `host` on the container's own.
        pub mode: Option<String>,
        /// The host's address to listen on. Default: all.
        pub host_ip: Option<String>,
        /// The port in the container.
        pub target: PortNumber,
        /// The port of the host, or a range to choose from. Default: any free one.
        pub published: Option<StringOrNumber>,
        /// `tcp` (default), `udp` or `sctp`.
        pub protocol: Option<String>,
        /// The application's protocol, such as `http`.
        pub app_protocol: Option<String>,
    }
    short form expand_nothing, { "type": ["string", "integer"] };
    check complete_port;
}

fn expand_nothing(node: Node, _: &mut Diagnostics) -> Node {
    node
}

/// A port from 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PortNumber(pub u16);

super::values::scalar!(
    PortNumber,
    "a port from 1 to 65535",
    { "type": ["integer", "string"], "minimum": 1, "maximum": 65535 },
    |node| match &node.value {
        Value::Int(port) => port_number(*port).map(Some),
        Value::Text(text) => match text.parse() {
            Ok(port) => port_number(port).map(Some),
            Err(_) => Err(format!("`{text}` is no port number")),
        },
        _ => Ok(None),
    }
);

fn port_number(port: i128) -> Result<PortNumber, String> {
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(PortNumber(port)),
        _ => Err(format!("{port} is not between 1 and 65535")),
    }
}

fn complete_port(port: &mut Port, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    let span = |key: &str| node.get(key).map_or(node.span, |entry| entry.node.span);
    port.mode.get_or_insert_with(|| "ingress".to_owned());
    let protocol = port.protocol.get_or_insert_with(|| "tcp".to_owned());
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        let (span, place) = (span("protocol"), place.key("protocol"));
        decoder.doubtful(span, &place, format!("`{protocol}` is no protocol"), "write tcp, udp or sctp");
    }
    if let Some(address) = &port.host_ip
        && address.parse::<IpAddr>().is_err()
    {
        let help = "write an address of the host, such as 127.0.0.1";
        decoder.invalid::<()>(
            span("host_ip"),
            &place.key("host_ip"),
            format!("`{address}` is no IP address"),
            help,
        );
    }
    if port.published.as_ref().is_some_and(|published| published.0.is_empty()) {
        port.published = None;
    }
    if let Some(published) = &port.published
        && let Err(why) = parse_range(&published.0)
    {
        let (span, place) = (span("published"), place.key("published"));
        decoder.doubtful(span, &place, why, "write a port, or a range such as 8000-8010");
    }
}

impl Port {
    /// Returns the first and last port of the host to choose from; `None` for any free one.
    pub fn published_range(&self) -> Option<(u16, u16)> {
        parse_range(&self.published.as_ref()?.0).ok()
    }

    /// Returns `tcp`, `udp` or `sctp`.
    pub fn protocol(&self) -> &str {
        self.protocol.as_deref().unwrap_or("tcp")
    }
}

/// Tells ports apart when files are merged: address, published, target, protocol.
fn port_identity(node: &Node) -> Option<String> {
    let part = |key: &str| node.get(key).and_then(|entry| entry.node.scalar_text());
    let protocol = part("protocol").unwrap_or_else(|| "tcp".to_owned());
    Some(format!(
        "{}:{}:{}/{protocol}",
        part("host_ip").unwrap_or_default(),
        part("published").unwrap_or_default(),
        part("target")?
    ))
}

impl Attribute for Ports {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(Port::SHAPE, Some(Identity { of: port_identity, replace: true })),
        expand: Some(expand_ports),
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(list) = node.as_list() else { return decoder.wrong_type(node, place, "a list") };
        // What is still in its short form has been complained of.
        let is_long = |item: &Node| !matches!(item.value, Value::Int(_) | Value::Text(_));
        let items = list.iter().enumerate().filter(|(_, item)| is_long(item));
        Some(Self(items.filter_map(|(at, item)| Port::decode(item, &place.index(at), decoder)).collect()))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": Port::schema(generator), "uniqueItems": true })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
}

/// Turns `[[ip:]published:]target[/protocol]` into the long form; a range of targets becomes several ports.
fn expand_ports(node: Node, diagnostics: &mut Diagnostics) -> Node {
    let Value::List(list) = node.value else { return node };
    let mut ports = Vec::with_capacity(list.len());
    for item in list {
        let text = match &item.value {
            Value::Int(_) | Value::Text(_) => item.scalar_text().unwrap_or_default(),
            _ => {
                ports.push(item);
                continue;
            }
        };
        match parse_short_port(&text) {
            Ok(parsed) => ports.extend(parsed.into_iter().map(|port| port.node(item.span))),
            Err(why) => {
                diagnostics.push(
                    Diagnostic::error(
                        Code::InvalidValue,
                        format!("`{text}` does not say which port to publish"),
                    )
                    .label(item.span, why)
                    .help("write [[address:]published:]target[/protocol], such as \"127.0.0.1:8080:80/tcp\""),
                );
                // Decoding passes over it.
                ports.push(item);
            }
        }
    }
    Node { span: node.span, tag: node.tag, value: Value::List(ports) }
}

#[derive(Debug, PartialEq)]
struct ShortPort {
    host_ip: Option<String>,
    published: Option<String>,
    target: u16,
    protocol: String,
}

impl ShortPort {
    fn node(self, span: Span) -> Node {
        let mut entries = Mapping::new();
        let mut add = |key: &str, value: Value| {
            entries.insert(key.to_owned(), Entry { key: span, node: Node::new(value, span) });
        };
        add("mode", Value::Text("ingress".to_owned()));
        if let Some(address) = self.host_ip {
            add("host_ip", Value::Text(address));
        }
        add("target", Value::Int(self.target.into()));
        if let Some(published) = self.published {
            add("published", Value::Text(published));
        }
        add("protocol", Value::Text(self.protocol));
        Node { span, value: Value::Map(entries), tag: Tag::None }
    }
}

fn parse_short_port(text: &str) -> Result<Vec<ShortPort>, String> {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, protocol)) => (ports, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("`{protocol}` is no protocol"));
    }
    let (rest, target) = ports.rsplit_once(':').map_or((None, ports), |(rest, target)| (Some(rest), target));
    if target.is_empty() {
        return Err("the container's port is missing".to_owned());
    }
    let (first, last) = parse_range(target)?;
    // An address is written before the last colon; an IPv6 one stands in brackets.
    let (address, published) = match rest {
        None => (None, ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((address, published)) if !rest.ends_with(']') => (Some(address), published),
            _ if rest.ends_with(']') || rest.contains('.') => (Some(rest), ""),
            _ => (None, rest),
        },
    };
    let host_ip = address.map(parse_address).transpose()?.filter(|address| !address.is_empty());
    let count = last - first;
    let published: Box<dyn Fn(u16) -> Option<String>> = if published.is_empty() {
        Box::new(|_| None)
    } else {
        let (low, high) = parse_range(published)?;
        if count > 0 && high - low != count {
            return Err(format!("{target} and {published} are not of the same length"));
        }
        let range = if low == high { low.to_string() } else { format!("{low}-{high}") };
        if count == 0 {
            Box::new(move |_| Some(range.clone()))
        } else {
            Box::new(move |offset| Some((low + offset).to_string()))
        }
    };
    Ok((0..=count)
        .map(|offset| ShortPort {
            host_ip: host_ip.clone(),
            published: published(offset),
            target: first + offset,
            protocol: protocol.clone(),
        })
        .collect())
}

fn parse_address(text: &str) -> Result<String, String> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or("a bracket is not closed")?,
        None if text.contains(':') => return Err(format!("the IPv6 address {text} must stand in brackets")),
        None => text,
    };
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("`{bare}` is no IP address"));
    }
    Ok(bare.to_owned())
}

/// Reads `80` or `8000-8010`.
fn parse_range(text: &str) -> Result<(u16, u16), String> {
    let number = |text: &str| match text.parse::<i128>() {
        Ok(port) if port == 0 => Ok(0),
        Ok(port) => port_number(port).map(|port| port.0),
        Err(_) => Err(format!("`{text}` is no port number")),
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if last < first {
        return Err(format!("the range {text} ends before it starts"));
    }
    Ok((first, last))
}

/// Lines for `/etc/hosts`: a mapping, or a list of `name=address`. A name may have several addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraHosts(pub BTreeMap<String, Vec<String>>);

impl ExtraHosts {
    /// Returns each name with each of its addresses.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, addresses)| addresses.iter().map(move |address| (&**name, &**address)))
    }
}

impl Serialize for ExtraHosts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.pairs().map(|(name, address)| format!("{name}={address}")))
    }
}

impl Attribute for ExtraHosts {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::Map(&Shape {
            kind: Kind::List(Shape::REPLACE, Some(Identity { of: Node::scalar_text, replace: true })),
            expand: None,
        }),
        expand: Some(expand_hosts),
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        if let Some(list) = node.as_list() {
            // Expanding left it alone: one item is no assignment.
            for (at, item) in list.iter().enumerate() {
                let Some(text) = item.as_text() else {
                    return decoder.wrong_type(item, &place.index(at), "a string `name=address`");
                };
                if split_host(text).is_none() {
                    let help = format!("write `{text}=` and an address, or `{text}=host-gateway`");
                    return decoder.invalid(item.span, &place.index(at), "the address is missing", help);
                }
            }
        }
        Attribute::decode(node, place, decoder).map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
                    },
                },
                { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
            ]
        })
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
}

fn split_host(text: &str) -> Option<(&str, &str)> {
    let (name, addresses) = text.split_once(['=', ':'])?;
    (!without_brackets(addresses).is_empty()).then_some((name, addresses))
}

fn without_brackets(address: &str) -> &str {
    address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address)
}

fn expand_hosts(node: Node, _: &mut Diagnostics) -> Node {
    let mut map = Mapping::new();
    let mut add = |name: &str, address: Node| {
        let entry = map.entry(name.to_owned()).or_insert_with(|| Entry {
            key: address.span,
            node: Node::new(Value::List(Vec::new()), address.span),
        });
        if let Value::List(addresses) = &mut entry.node.value {
            addresses.push(address);
        }
    };
    match &node.value {
        Value::List(list) => {
            for item in list {
                let Some((name, addresses)) = item.as_text().and_then(split_host) else { return node };
                for address in addresses.split(',') {
                    add(name, Node::text(without_brackets(address), item.span));
                }
            }
        }
        Value::Map(hosts) => {
            for (name, entry) in hosts {
                match &entry.node.value {
                    Value::List(addresses) => addresses.iter().for_each(|address| add(name, address.clone())),
                    Value::Text(addresses) => addresses
                        .split(',')
                        .for_each(|address| add(name, Node::text(address, entry.node.span))),
                    _ => add(name, entry.node.clone()),
                }
            }
        }
        _ => return node,
    }
    Node { span: node.span, tag: node.tag, value: Value::Map(map) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match parse_short_port(text) {
            Err(why) => format!("error: {why}"),
            Ok(ports) => ports
                .iter()
                .map(|port| {
                    let address = port.host_ip.as_deref().unwrap_or("*");
                    let published = port.published.as_deref().unwrap_or("any");
                    format!("{address}:{published}->{}/{}", port.target, port.protocol)
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn short_ports() {
        for (text, expected) in [
            ("80", "*:any->80/tcp"),
            ("8080:80", "*:8080->80/tcp"),
            ("8080:80/udp", "*:8080->80/udp"),
            ("127.0.0.1:8080:80", "127.0.0.1:8080->80/tcp"),
            ("127.0.0.1::80", "127.0.0.1:any->80/tcp"),
            ("[::1]:8080:80", "::1:8080->80/tcp"),
            ("3000-3002", "*:any->3000/tcp *:any->3001/tcp *:any->3002/tcp"),
            ("9000-9001:80-81", "*:9000->80/tcp *:9001->81/tcp"),
            ("8000-8010:80", "*:8000-8010->80/tcp"),
            ("8000-8010:80-81", "error: 80-81 and 8000-8010 are not of the same length"),
            ("80/foo", "error: `foo` is no protocol"),
            ("8080:", "error: the container's port is missing"),
            ("::1:80:80", "error: the IPv6 address ::1 must stand in brackets"),
            ("70000:80", "error: 70000 is not between 1 and 65535"),
            ("http:80", "error: `http` is no port number"),
        ] {
            assert_eq!(check(text), expected, "{text}");
        }
    }
}
