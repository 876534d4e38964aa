//! Ports as docker lists them: `0.0.0.0:8080->80/tcp`, neighbours as a range.

use crate::observed::PublishedPort;

/// Joins ports. Exposed ones, and published ones with the same number on both sides, become ranges; these come first.
///
/// Follows docker's own `DisplayablePorts`, which compares with the next port of the same address and protocol.
pub(super) fn displayed(ports: &[PublishedPort]) -> String {
    let mut ports: Vec<&PublishedPort> = ports.iter().collect();
    ports.sort_by_key(|port| {
        let (address, host) = port.host.as_ref().map_or((None, 0), |(address, host)| (Some(address), *host));
        (port.container, address, host, &port.protocol)
    });
    let mut groups: Vec<Group> = Vec::new();
    let (mut finished, mut mapped) = (Vec::new(), Vec::new());
    for port in ports {
        let address =
            port.host.as_ref().map(|(address, _)| address.as_str()).filter(|address| !address.is_empty());
        if let (Some(address), Some((_, host))) = (address, &port.host)
            && *host != port.container
        {
            mapped.push(format!(
                "{}->{}/{}",
                joined(address, &host.to_string()),
                port.container,
                port.protocol
            ));
            continue;
        }
        let of_group = |group: &&mut Group| group.address == address && group.protocol == port.protocol;
        let fresh = Group { address, protocol: &port.protocol, first: port.container, last: port.container };
        match groups.iter_mut().find(of_group) {
            None => groups.push(fresh),
            Some(group) if group.last.checked_add(1) == Some(port.container) => group.last = port.container,
            Some(group) => finished.push(std::mem::replace(group, fresh).text()),
        }
    }
    finished.extend(groups.iter().map(Group::text));
    finished.extend(mapped);
    finished.join(", ")
}

/// Neighbouring ports of an address and protocol.
struct Group<'a> {
    address: Option<&'a str>,
    protocol: &'a str,
    first: u16,
    last: u16,
}

impl Group<'_> {
    fn text(&self) -> String {
        let range = match self.first == self.last {
            true => self.first.to_string(),
            false => format!("{}-{}", self.first, self.last),
        };
        let range = self
            .address
            .map_or_else(|| range.clone(), |address| format!("{}->{range}", joined(address, &range)));
        format!("{range}/{}", self.protocol)
    }
}

fn joined(address: &str, port: &str) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(container: u16, protocol: &str, host: Option<(&str, u16)>) -> PublishedPort {
        let host = host.map(|(address, port)| (address.to_owned(), port));
        PublishedPort { container, protocol: protocol.to_owned(), host }
    }

    #[test]
    fn neighbours_become_ranges() {
        let listed = [
            port(443, "tcp", Some(("0.0.0.0", 48444))),
            port(443, "udp", Some(("0.0.0.0", 48443))),
            port(443, "tcp", Some(("::", 48444))),
            port(9001, "tcp", None),
            port(9000, "tcp", None),
            port(9002, "udp", None),
            port(9004, "tcp", None),
            port(81, "tcp", Some(("127.0.0.1", 81))),
            port(80, "tcp", Some(("127.0.0.1", 80))),
        ];
        assert_eq!(
            displayed(&listed),
            "9000-9001/tcp, 127.0.0.1:80-81->80-81/tcp, 9004/tcp, 9002/udp, 0.0.0.0:48443->443/udp, \
             0.0.0.0:48444->443/tcp, [::]:48444->443/tcp"
        );
        assert_eq!(displayed(&[port(80, "tcp", Some(("::", 80)))]), "[::]:80->80/tcp");
        assert_eq!(displayed(&[]), "");
    }
}
