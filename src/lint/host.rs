//! What is to be known of the host that a project runs on. Reading it is the caller's.

use crate::observed::proc::{Socket, Way, listening, ways};

/// What is to be known of the host.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The networks that the host reaches by a route of its own.
    pub routes: Vec<Way>,
    /// What something listens on.
    pub taken: Vec<Socket>,
}

impl Host {
    /// Reads the routes as Linux shows them in `/proc/net/route`. The default route is none, and those of networks that an
    /// engine made are left out: the project's own may be among them.
    pub fn read_routes(&mut self, text: &str) {
        let is_own = |way: &Way| way.to.prefix_len() > 0 && !way.interface.starts_with("br-");
        self.routes.extend(ways(text).into_iter().filter(is_own));
    }

    /// Reads the sockets as Linux shows them in `/proc/net/tcp`, `tcp6`, `udp` and `udp6`.
    pub fn read_sockets(&mut self, protocol: &'static str, text: &str) {
        self.taken.extend(listening(protocol, text));
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
        let routes: Vec<String> =
            host.routes.iter().map(|way| format!("{} {}", way.to, way.interface)).collect();
        assert_eq!(routes, ["192.168.0.0/24 eth0"]);
        host.read_sockets(
            "tcp",
            "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:C350 0100007F:1F90 01 0\n",
        );
        assert_eq!(host.taken.iter().map(|one| one.port).collect::<Vec<_>>(), [8080]);
    }
}
