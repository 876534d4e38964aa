//! What Linux shows of a network in `/proc/net`: who listens where, and which ways lead out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

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

impl Socket {
    /// Returns whether nothing else can listen on this port at `address`; `None` is all addresses.
    pub fn bars(&self, protocol: &str, address: Option<IpAddr>, port: u16) -> bool {
        let address = address.filter(|address| !address.is_unspecified());
        let meets = self.address.is_unspecified() || address.is_none_or(|address| address == self.address);
        self.protocol == protocol && self.port == port && meets
    }
}

/// Returns what is listened on, as `/proc/net/tcp`, `tcp6`, `udp` and `udp6` tell it.
pub fn listening(protocol: &'static str, text: &str) -> Vec<Socket> {
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

/// Returns the ways, as `/proc/net/route` tells them: those of IPv4.
pub fn ways(text: &str) -> Vec<Way> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_bars_its_address_alone_unless_it_has_all() {
        let head = "  sl  local_address rem_address   st\n";
        let of = |protocol, text: &str| listening(protocol, &format!("{head}{text}")).remove(0);
        let local = of("tcp", "   0: 0100007F:1F90 00000000:0000 0A 0\n");
        let bars =
            |socket: &Socket, address: &str| socket.bars(socket.protocol, address.parse().ok(), socket.port);
        assert!(bars(&local, "") && bars(&local, "0.0.0.0") && bars(&local, "127.0.0.1"));
        assert!(!bars(&local, "127.0.0.9") && !local.bars("udp", None, 8080) && !local.bars("tcp", None, 80));
        let mapped = of("udp", "   0: 0000000000000000FFFF00000100007F:0035 0:0 07 0\n");
        assert!(bars(&mapped, "127.0.0.1") && !bars(&mapped, "10.0.0.1"));
        let any = of("udp", "   0: 00000000000000000000000000000000:0044 0:0 07 0\n");
        assert!(bars(&any, "10.0.0.1"));
    }
}
