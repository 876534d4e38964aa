//! What there is in the network of a container or of the host, read from what probers answer.

use std::net::{IpAddr, Ipv4Addr};

use crate::observed::proc::{Socket, Way, listening, ways};
use crate::probe::{Answer, Question};

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
    /// Where names without a dot are looked for.
    pub search: Vec<String>,
    /// How names are looked for: `ndots:0`.
    pub options: Vec<String>,
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
            servers: resolver(text(after + 1), "nameserver")
                .filter_map(|server| server.parse().ok())
                .collect(),
            search: resolver(text(after + 1), "search").map(str::to_owned).collect(),
            options: resolver(text(after + 1), "options").map(str::to_owned).collect(),
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

/// Returns what a `resolv.conf` says at a word.
fn resolver<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().filter_map(move |line| line.trim().strip_prefix(word));
    lines.filter(|rest| rest.starts_with(char::is_whitespace)).flat_map(str::split_whitespace)
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
            ("/etc/resolv.conf", "search a.test b.test\nnameserver 127.0.0.11\noptions ndots:0\n"),
            ("/etc/hosts", "127.0.0.1 localhost\n10.0.0.9 db # that one\n"),
        ]);
        assert_eq!(view.namespace, "net:[4026531992]");
        assert!(view.is_open("tcp", 80) && view.is_open("tcp", 22) && !view.is_open("udp", 80));
        assert!(view.is_private("tcp", 8080) && !view.is_private("tcp", 80) && !view.is_private("tcp", 1));
        assert_eq!(view.sockets.len(), 3, "the engine's name server is none of the container's");
        assert_eq!(view.gateway(), Some("172.20.0.1".parse().unwrap()));
        assert_eq!(view.ways[1].to, "172.20.0.0/16".parse::<ipnet::IpNet>().unwrap());
        assert_eq!(view.servers, [ENGINE_DNS]);
        assert_eq!(
            (view.search.join(" "), view.options.join(" ")),
            ("a.test b.test".into(), "ndots:0".into())
        );
        assert_eq!(view.hosts[1], ("10.0.0.9".parse().unwrap(), "db".to_owned()));
    }
}
