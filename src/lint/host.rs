//! What is to be known of the host that a project runs on. Reading it is the caller's.

use ipnet::IpNet;

/// What is to be known of the host.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The networks that the host reaches by a route of its own, with the interface; the default route is none.
    pub routes: Vec<(IpNet, String)>,
    /// The ports that something listens on: `tcp` or `udp`, and the number.
    pub taken: Vec<(&'static str, u16)>,
}

impl Host {
    /// Reads the routes as Linux shows them in `/proc/net/route`. Those of networks that an engine made are left out:
    /// the project's own may be among them.
    pub fn read_routes(&mut self, text: &str) {
        for line in text.lines().skip(1) {
            let mut fields = line.split_whitespace();
            let (Some(interface), Some(destination)) = (fields.next(), fields.next()) else { continue };
            let Some(mask) = fields.nth(5) else { continue };
            // The bytes are those of the network order, read as a number of the machine's own.
            let address = |hex: &str| u32::from_str_radix(hex, 16).ok().map(u32::swap_bytes);
            let (Some(destination), Some(mask)) = (address(destination), address(mask)) else { continue };
            let length = u8::try_from(mask.leading_ones()).unwrap_or(32);
            let network = ipnet::Ipv4Net::new(destination.into(), length);
            if let Ok(network) = network
                && length > 0
                && !interface.starts_with("br-")
            {
                self.routes.push((network.into(), interface.to_owned()));
            }
        }
    }

    /// Reads the sockets as Linux shows them in `/proc/net/tcp`, `tcp6`, `udp` and `udp6`.
    pub fn read_sockets(&mut self, protocol: &'static str, text: &str) {
        // TCP_LISTEN, and for UDP a socket without a peer.
        let state = if protocol == "tcp" { "0A" } else { "07" };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().take(4).collect();
            let [_, local, _, found] = fields[..] else { continue };
            let port = local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
            if let Some(port) = port.filter(|_| found == state) {
                self.taken.push((protocol, port));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_shows_is_read() {
        let mut host = Host::default();
        host.read_routes(
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
             eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
             br-1\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n",
        );
        let routes: Vec<String> = host.routes.iter().map(|(net, by)| format!("{net} {by}")).collect();
        assert_eq!(routes, ["192.168.0.0/24 eth0"]);
        host.read_sockets(
            "tcp",
            "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:C350 0100007F:1F90 01 0\n",
        );
        assert_eq!(host.taken, [("tcp", 8080)]);
    }
}
