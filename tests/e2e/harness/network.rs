//! Network cards that tests make on this machine, and remove again, where they may.

use std::process::{Child, Command, Stdio};

use super::{eventually, repository};

/// A network card for macvlan: one of its own where this user may make one, else the one that leads outside.
pub(crate) struct Card {
    pub(crate) name: String,
    is_own: bool,
}

impl Card {
    pub(crate) fn new() -> Self {
        let name = format!("te2e{}", std::process::id());
        let peer = format!("{name}p");
        if ip(&["link", "add", &name, "type", "veth", "peer", "name", &peer]) {
            assert!(ip(&["link", "set", &name, "up"]) && ip(&["link", "set", &peer, "up"]));
            return Self { name, is_own: true };
        }
        let routes = Command::new("cat").arg("/proc/net/route").output().unwrap().stdout;
        let routes = String::from_utf8(routes).unwrap();
        let default = routes.lines().map(|route| route.split_whitespace().collect::<Vec<_>>());
        let default = default.into_iter().find(|fields| fields.get(1) == Some(&"00000000"));
        let name = default.expect("a default route leads somewhere")[0].to_owned();
        Self { name, is_own: false }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        if self.is_own {
            ip(&["link", "delete", &self.name]);
        }
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A machine outside of all container networks, with a server: a network namespace behind a pair of cards. Where
/// this user may not make one, some machine of the Internet, which may be out of reach for other reasons.
pub(crate) struct Outside {
    namespace: String,
    server: Option<Child>,
}

impl Outside {
    pub(crate) fn new() -> Self {
        let namespace = format!("te2e{}", std::process::id());
        if !ip(&["netns", "add", &namespace]) {
            return Self { namespace, server: None };
        }
        let mut outside = Self { namespace, server: None };
        let namespace = &outside.namespace;
        let (near, far) = (format!("{namespace}n"), format!("{namespace}f"));
        // Addresses that are set aside for tests of networks.
        for arguments in [
            &["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", namespace][..],
            &["address", "add", "198.18.77.1/30", "dev", &near],
            &["link", "set", &near, "up"],
            &["-n", namespace, "address", "add", "198.18.77.2/30", "dev", &far],
            &["-n", namespace, "link", "set", &far, "up"],
        ] {
            assert!(ip(arguments), "ip {arguments:?}");
        }
        let server = repository().join("examples/quickstart/demo/bin/demo");
        let server = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(server)
            .args(["serve", "--listen", "198.18.77.2:8080"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        outside.server = Some(server.unwrap());
        eventually("the machine outside answers", || std::net::TcpStream::connect("198.18.77.2:8080").ok());
        outside
    }

    /// Whether it surely answers those who have a way out.
    pub(crate) fn is_own(&self) -> bool {
        self.server.is_some()
    }

    pub(crate) fn address(&self) -> (&'static str, &'static str) {
        if self.is_own() { ("198.18.77.2", "8080") } else { ("1.1.1.1", "80") }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        // The pair of cards goes with it.
        ip(&["netns", "delete", &self.namespace]);
    }
}
