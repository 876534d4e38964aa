//! Reads what Linux shows of a network: who listens where, and which ways lead out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::probe::{Answer, Question};

/// A socket that something listens on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The port.
    pub port: u16,
    /// The address that it listens on.
    pub address: IpAddr,
}

/// A way to other networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What it leads to; everything, for the way out.
    pub to: IpNet,
    /// The interface.
    pub interface: String,
    /// The gateway, if the addresses are not on the link itself.
    pub gateway: Option<IpAddr>,
}

/// What there is in a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What tells the network apart from others of its machine.
    pub namespace: String,
    /// What is listened on, but for the engine's own name server.
    pub sockets: Vec<Socket>,
    /// The ways of IPv4.
    pub ways: Vec<Way>,
    /// The name servers of `/etc/resolv.conf`.
    pub servers: Vec<IpAddr>,
    /// The names of `/etc/hosts`.
    pub hosts: Vec<(IpAddr, String)>,
}

const SOCKETS: [(&str, &str); 4] = [
    ("tcp", "/proc/net/tcp"),
    ("tcp", "/proc/net/tcp6"),
    ("udp", "/proc/net/udp"),
    ("udp", "/proc/net/udp6"),
];

const NAMESPACE: &str = "/proc/self/ns/net";
const WAYS: &str = "/proc/net/route";
const SERVERS: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// The engine's own name server in each network.
const ENGINE_DNS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// Returns the questions that a view is made of.
pub fn questions() -> Vec<Question> {
    let files = SOCKETS.iter().map(|(_, path)| *path).chain([WAYS, SERVERS, HOSTS]);
    let files = files.map(|path| Question::File(path.to_owned()));
    [Question::Link(NAMESPACE.to_owned())].into_iter().chain(files).collect()
}

impl View {
    /// Puts a view together from the answers to [`questions`].
    pub fn read(answers: &[Answer]) -> Self {
        let text = |at: usize| match answers.get(at) {
            Some(Answer::Text(text)) => text.as_str(),
            _ => "",
        };
        let mut sockets: Vec<Socket> = SOCKETS
            .iter()
            .enumerate()
            .flat_map(|(at, (protocol, _))| listening(protocol, text(at + 1)))
            .collect();
        sockets.retain(|socket| socket.address != ENGINE_DNS);
        sockets.sort();
        sockets.dedup();
        let after = SOCKETS.len() + 1;
        Self {
            namespace: text(0).to_owned(),
            sockets,
            ways: ways(text(after)),
            servers: servers(text(after + 1)),
            hosts: hosts(text(after + 2)),
        }
    }

    /// Returns the gateway of the way out.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.way_out().and_then(|way| way.gateway)
    }

    /// Returns the way out.
    pub fn way_out(&self) -> Option<&Way> {
        self.ways.iter().find(|way| way.to.prefix_len() == 0)
    }

    /// Returns the sockets of a protocol that others can reach.
    pub fn open<'a>(&'a self, protocol: &'a str) -> impl Iterator<Item = &'a Socket> {
        self.sockets.iter().filter(move |socket| socket.protocol == protocol && !socket.address.is_loopback())
    }

    /// Returns whether something listens at a port in a way that others can reach.
    pub fn is_open(&self, protocol: &str, port: u16) -> bool {
        self.open(protocol).any(|socket| socket.port == port)
    }

    /// Returns whether something listens at a port that the container alone can reach.
    pub fn is_private(&self, protocol: &str, port: u16) -> bool {
        let is_it = |socket: &&Socket| socket.protocol == protocol && socket.port == port;
        self.sockets.iter().any(|socket| is_it(&socket)) && !self.is_open(protocol, port)
    }
}

fn listening(protocol: &'static str, text: &str) -> Vec<Socket> {
    // TCP_LISTEN, and for UDP a socket without a peer.
    let state = if protocol == "tcp" { "0A" } else { "07" };
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().take(4).collect();
        let [_, local, _, found] = fields[..] else { return None };
        let (address, port) = local.split_once(':').filter(|_| found == state)?;
        Some(Socket { protocol, port: u16::from_str_radix(port, 16).ok()?, address: address_of(address)? })
    };
    text.lines().skip(1).filter_map(socket).collect()
}

/// Reads an address: groups of four bytes in the network's order, each written as a number of the machine's own.
fn address_of(hex: &str) -> Option<IpAddr> {
    let group = |at: usize| {
        let number = u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(number.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(group(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (at, place) in bytes.chunks_mut(4).enumerate() {
                place.copy_from_slice(&group(at)?);
            }
            let address = Ipv6Addr::from(bytes);
            Some(address.to_ipv4_mapped().map_or(address.into(), IpAddr::from))
        }
        _ => None,
    }
}

fn ways(text: &str) -> Vec<Way> {
    let way = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (interface, to, gateway, mask) =
            (fields.first()?, fields.get(1)?, fields.get(2)?, fields.get(7)?);
        let v4 = |hex: &str| match address_of(hex)? {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        };
        let length = u32::from(v4(mask)?).leading_ones();
        let to = Ipv4Net::new(v4(to)?, u8::try_from(length).ok()?).ok()?;
        let gateway = v4(gateway).filter(|gateway| !gateway.is_unspecified());
        Some(Way { to: to.into(), interface: (*interface).to_owned(), gateway: gateway.map(IpAddr::V4) })
    };
    text.lines().skip(1).filter_map(way).collect()
}

fn servers(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| line.trim().strip_prefix("nameserver")?.trim().parse().ok();
    text.lines().filter_map(server).collect()
}

fn hosts(text: &str) -> Vec<(IpAddr, String)> {
    let mut hosts = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse().ok()) else { continue };
        hosts.extend(words.map(|name| (address, name.to_owned())));
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(files: &[(&str, &str)]) -> View {
        let answers: Vec<Answer> = questions()
            .into_iter()
            .map(|question| {
                let (Question::File(path) | Question::Link(path)) = question else { return Answer::Nothing };
                let found = files.iter().find(|(name, _)| *name == path);
                found.map_or(Answer::Nothing, |(_, text)| Answer::Text((*text).to_owned()))
            })
            .collect();
        View::read(&answers)
    }

    #[test]
    fn what_linux_shows_is_read() {
        let head = "  sl  local_address rem_address   st\n";
        let tcp = format!(
            "{head}   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 00000000:0050 00000000:0000 0A 0\n   \
             2: 0B00007F:9C41 00000000:0000 0A 0\n   3: 020014AC:C350 030014AC:0050 01 0\n"
        );
        let tcp6 = format!("{head}   0: 00000000000000000000000000000000:0016 0:0 0A 0\n");
        let view = view(&[
            ("/proc/self/ns/net", "net:[4026531992]"),
            ("/proc/net/tcp", &tcp),
            ("/proc/net/tcp6", &tcp6),
            (
                "/proc/net/route",
                "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                 eth0\t00000000\t010014AC\t0003\t0\t0\t0\t00000000\n\
                 eth0\t000014AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n",
            ),
            ("/etc/resolv.conf", "nameserver 127.0.0.11\noptions ndots:0\n"),
            ("/etc/hosts", "127.0.0.1 localhost\n10.0.0.9 db # that one\n"),
        ]);
        assert_eq!(view.namespace, "net:[4026531992]");
        assert!(view.is_open("tcp", 80) && view.is_open("tcp", 22) && !view.is_open("udp", 80));
        assert!(view.is_private("tcp", 8080) && !view.is_private("tcp", 80) && !view.is_private("tcp", 1));
        assert_eq!(view.sockets.len(), 3, "the engine's name server is none of the container's");
        assert_eq!(view.gateway(), Some("172.20.0.1".parse().unwrap()));
        assert_eq!(view.ways[1].to, "172.20.0.0/16".parse::<IpNet>().unwrap());
        assert_eq!(view.servers, [ENGINE_DNS]);
        assert_eq!(view.hosts[1], ("10.0.0.9".parse().unwrap(), "db".to_owned()));
    }
}
