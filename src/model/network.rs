//! Networks, how services are attached to them, and the hosts that services know by name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::attribute::{Attribute, Decoder, Identity, Kind, Place, Shape, record, unset_when_empty};
pub use super::ports::{Port, PortNumber, Ports};
use super::values::{KeyValues, Nullable, Options, UniqueList, map_of_names};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Value};

record! {
    /// A network.
    ///
    /// See <https://github.com/compose-spec/compose-spec/blob/main/06-networks.md>.
    #[derive(Default)]
    pub struct Network {
        /// Its name in the engine. Default: `<project>_<key>`.
        #[example = "shop_front"]
        pub name: Option<String>,
        /// The driver: `bridge`, `overlay`, `macvlan`, `ipvlan`, `host`, `none` or a plugin's.
        #[default = "bridge"]
        #[example = "overlay"]
        #[example = "macvlan"]
        #[example = "ipvlan"]
        #[example = "host"]
        #[example = "none"]
        pub driver: Option<String>,
        /// Options of the driver, such as `parent` for `macvlan`.
        #[example = { "com.docker.network.bridge.name": "br-shop" }]
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
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// Turn IPv4 off. Needs Docker Engine 28 or later.
        #[default = true]
        pub enable_ipv4: Option<bool>,
        /// Turn IPv6 on.
        #[default = false]
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

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                bool::schema(generator),
                {
                    "type": "object",
                    "properties": {
                        "name": {
                            "type": "string",
                            "description": "Its name in the engine.",
                            "examples": ["shop_front"],
                        },
                    },
                    "patternProperties": { "^x-": {} },
                    "additionalProperties": false,
                    "deprecated": true,
                    "deprecationMessage": "a mapping is obsolete here: write `external: true`, and `name` beside it",
                },
            ],
            "default": false,
            "examples": [true],
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
        /// The driver.
        #[default = "default"]
        #[example = "dhcp"]
        pub driver: Option<String>,
        /// The subnets.
        #[example = [{"subnet": "172.28.0.0/16", "gateway": "172.28.0.1"}]]
        pub config: Pools,
        /// Options of the driver.
        #[example = { "mode": "fast" }]
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
            Some(Identity {
                by: "`subnet`",
                of: |node| node.get("subnet")?.node.scalar_text(),
                replace: false,
            }),
        ),
        expand: None,
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Pool>::schema(generator)
    }

    unset_when_empty!();
}

record! {
    /// A subnet of a network.
    #[derive(Default)]
    pub struct Pool {
        /// The subnet in CIDR form.
        #[example = "172.28.0.0/16"]
        #[example = "fd00:1::/64"]
        pub subnet: Option<String>,
        /// The gateway's address.
        #[example = "172.28.0.1"]
        pub gateway: Option<String>,
        /// The part of the subnet that containers get addresses from.
        #[example = "172.28.5.0/24"]
        pub ip_range: Option<String>,
        /// Addresses that are taken by others, by name.
        #[example = { "router": "172.28.1.5" }]
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
pub struct Attachments(pub BTreeMap<String, Nullable<Box<Attachment>>>);

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

    unset_when_empty!();
}

record! {
    /// How a service is attached to a network.
    #[derive(Default)]
    pub struct Attachment {
        /// More names for the service on this network.
        #[example = ["database"]]
        pub aliases: UniqueList<String>,
        /// Options of the driver for this attachment.
        #[example = { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1" }]
        pub driver_opts: Options,
        /// The network with the highest one is the container's default gateway. Needs Docker Engine 28.
        #[default = 0]
        #[example = 1]
        pub gw_priority: i64,
        /// The interface's name in the container. Needs Docker Engine 28.1.
        #[example = "eth0"]
        pub interface_name: Option<String>,
        /// A fixed IPv4 address within the network's subnet.
        #[example = "172.28.0.10"]
        pub ipv4_address: Option<String>,
        /// A fixed IPv6 address within the network's subnet.
        #[example = "fd00:1::10"]
        pub ipv6_address: Option<String>,
        /// Link-local addresses.
        #[example = ["169.254.8.8"]]
        pub link_local_ips: UniqueList<String>,
        /// A fixed MAC address.
        #[example = "02:42:ac:11:65:43"]
        pub mac_address: Option<String>,
        /// The order in which the container is attached: highest first.
        #[default = 0]
        #[example = 1000]
        pub priority: i64,
    }
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
            kind: Kind::List(
                Shape::REPLACE,
                Some(Identity { by: "value", of: Node::scalar_text, replace: true }),
            ),
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
        for (name, entry) in node.as_map().into_iter().flatten() {
            if name.is_empty() {
                let help = "write a name before the address, such as `db=10.0.0.5`";
                decoder.invalid::<()>(entry.key, place, "the name is missing", help);
            }
            let is_empty = |address: &Node| address.as_text() == Some("");
            let addresses = entry.node.as_list().unwrap_or(std::slice::from_ref(&entry.node));
            for address in addresses.iter().filter(|address| is_empty(address)) {
                let help = format!("write `{name}=` and an address, or `{name}=host-gateway`");
                decoder.doubtful(address.span, &place.key(name), "the address is missing", help);
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
                {
                    "type": "array",
                    "items": {
                        "type": "string",
                        "pattern": r"[=:]|\$",
                        "errorMessage": "write name=address, such as \"host.docker.internal=host-gateway\"",
                    },
                },
            ]
        })
    }

    unset_when_empty!();
}

fn split_host(text: &str) -> Option<(&str, &str)> {
    text.split_once(['=', ':'])
}

fn without_brackets(address: &str) -> &str {
    address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address)
}

fn expand_hosts(node: Node, _: &mut Diagnostics) -> Node {
    let mut map = Mapping::default();
    let mut add = |name: &str, key: Span, address: Node| {
        let entry = map
            .entry(name.into())
            .or_insert_with(|| Entry { key, node: Node::new(Value::List(Vec::new()), address.span) });
        if let Value::List(addresses) = &mut entry.node.value {
            addresses.push(address);
        }
    };
    match &node.value {
        Value::List(list) => {
            for item in list {
                let Some((name, addresses)) = item.as_text().and_then(split_host) else { return node };
                for address in addresses.split(',') {
                    add(name, item.span, Node::text(without_brackets(address), item.span));
                }
            }
        }
        Value::Map(hosts) => {
            for (name, entry) in hosts {
                let mut add = |address| add(name, entry.key, address);
                match &entry.node.value {
                    Value::List(addresses) => addresses.iter().cloned().for_each(add),
                    Value::Text(addresses) => {
                        addresses.split(',').for_each(|address| add(Node::text(address, entry.node.span)));
                    }
                    _ => add(entry.node.clone()),
                }
            }
        }
        _ => return node,
    }
    Node { span: node.span, tag: node.tag, value: Value::Map(map) }
}
