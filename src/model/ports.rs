//! The ports that services publish, in their short and long forms.

use std::net::IpAddr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Identity, Kind, Place, Shape, record, unset_when_empty};
use super::schema::or_variable;
use super::values::StringOrNumber;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Tag, Value};

/// The ports that a service publishes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ports(pub Vec<Port>);

record! {
    /// A port, or with a range as `published` the choice of one.
    pub struct Port {
        /// A name for people.
        #[example = "http"]
        pub name: Option<String>,
        /// `ingress` publishes on each node of a Swarm, `host` on the container's own.
        #[default = "ingress"]
        #[example = "host"]
        pub mode: Option<String>,
        /// The host's address to listen on. Default: all.
        #[example = "127.0.0.1"]
        pub host_ip: Option<String>,
        /// The port in the container.
        #[example = 80]
        pub target: PortNumber,
        /// The port of the host, or a range to choose from. Default: any free one.
        #[example = "8080"]
        #[example = "8000-8010"]
        pub published: Option<StringOrNumber>,
        /// `tcp`, `udp` or `sctp`.
        #[default = "tcp"]
        #[example = "udp"]
        #[example = "sctp"]
        pub protocol: Option<String>,
        /// The application's protocol, such as `http`.
        #[example = "http"]
        pub app_protocol: Option<String>,
    }
    short form expand_nothing, {
        "type": "string",
        "pattern": or_variable(SHORT),
        "errorMessage": "write [[address:]published:]target[/protocol], such as \"127.0.0.1:8080:80/tcp\"",
        "examples": ["8080:80", "127.0.0.1:5432:5432"],
    }, { "type": "integer" };
    check complete_port;
}

/// How a port is written in its short form.
const SHORT: &str = concat!(
    r"((\[[0-9a-fA-F:.]*\]|([0-9]+(\.[0-9]+){3})?):)?((\+?[0-9]+(-\+?[0-9]+)?)?:)?",
    r"\+?[0-9]+(-\+?[0-9]+)?",
    "(/([tT][cC][pP]|[uU][dD][pP]|[sS][cC][tT][pP]))?",
);

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
    {
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": 65535,
        "pattern": or_variable(r"[+]?\d+"),
    },
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
        kind: Kind::List(
            Port::SHAPE,
            Some(Identity { by: "address, both ports and protocol", of: port_identity, replace: true }),
        ),
        expand: Some(expand_ports),
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Some(list) = node.as_list() else { return decoder.wrong_type(node, place, "a list") };
        // What is still in its short form has been complained of.
        let is_long = |item: &Node| !matches!(item.value, Value::Int(_) | Value::Text(_));
        let items = list.iter().enumerate().filter(|(_, item)| is_long(item));
        let mut ports = Vec::with_capacity(list.len());
        ports.extend(items.filter_map(|(at, item)| Port::decode(item, &place.index(at), decoder)));
        Some(Self(ports))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Port>::schema(generator)
    }

    unset_when_empty!();
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
        let mut entries = Mapping::default();
        let mut add = |key: &str, value: Value| {
            entries.insert(key.into(), Entry { key: span, node: Node::new(value, span) });
        };
        add("mode", Value::Text("ingress".into()));
        if let Some(address) = self.host_ip {
            add("host_ip", Value::Text(address.into()));
        }
        add("target", Value::Int(self.target.into()));
        if let Some(published) = self.published {
            add("published", Value::Text(published.into()));
        }
        add("protocol", Value::Text(self.protocol.into()));
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
        Ok(0) => Ok(0),
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
