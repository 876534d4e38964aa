//! The causes that are looked for: their names, and for `docs/troubleshooting.md` how each shows, what it means, and
//! what mends it.

/// Why something does not work.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// The name, in kebab case.
    pub name: &'static str,
    /// What people see of it.
    pub symptom: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// What mends it.
    pub mend: &'static str,
}

macro_rules! causes {
    ($($variable:ident = $name:literal { $symptom:literal, $meaning:literal, $mend:literal })+) => {
        $(pub(super) static $variable: Cause =
            Cause { name: $name, symptom: $symptom, meaning: $meaning, mend: $mend };)+

        /// All causes, in the order of the documentation.
        pub static CAUSES: &[&Cause] = &[$(&$variable,)+];
    };
}

causes! {
    NOT_CREATED = "not-created" {
        "A service is not there at all.",
        "The file has the service, and the engine has no container of it.",
        "`topo up -d SERVICE`"
    }
    NOT_STARTED = "not-started" {
        "A container is there and never ran.",
        "The engine could not start it, and says why; or nobody has started it.",
        "what the engine says is in the way, then `topo up -d SERVICE`"
    }
    PORT_TAKEN = "port-taken" {
        "`port is already allocated`, `address already in use`.",
        "Another container, or a process of the host, listens at the port that is to be published. It is named.",
        "end the other one, or publish another port"
    }
    EXITED = "exited" {
        "A service does not answer; its container has ended.",
        "The process of the container has ended. Its code, what the engine says of it, and its last lines are shown.",
        "what the last lines say, then `topo up -d SERVICE`"
    }
    RESTARTING = "restarting" {
        "A service answers now and then.",
        "The process of the container ends again and again, and its restart policy starts it again.",
        "what the last lines say"
    }
    PAUSED = "paused" {
        "Connections come about, and no answer follows.",
        "The container's processes are suspended.",
        "`topo unpause SERVICE`"
    }
    UNHEALTHY = "unhealthy" {
        "`up` waits for a service, or those that depend on it do not start.",
        "The health check of the container fails. What it printed last is shown, and who depends on it.",
        "the service, or its `healthcheck`, by what the check printed"
    }
    STALE = "stale-container" {
        "A change of the file has no effect.",
        "The container was made from an older state of the file, or of its image. What changed is named.",
        "`topo up -d SERVICE`"
    }
    STALE_NETWORK = "stale-network" {
        "A network is not as the file says: another subnet, another option.",
        "The network was made from an older state of the file, or by hand.",
        "`topo up -d`"
    }
    DISCONNECTED = "disconnected" {
        "A name does not resolve any more; a service is out of reach that was in reach.",
        "The container is not attached to a network that the file puts it on: somebody detached it.",
        "`topo up -d SERVICE`, or `docker network connect`"
    }
    EXTRA_NETWORK = "extra-network" {
        "A service reaches, or is reached by, more than the file says.",
        "The container is attached to a network that the file does not put it on: somebody attached it.",
        "`docker network disconnect NETWORK CONTAINER`"
    }
    ADDRESS_CHANGED = "address-changed" {
        "A fixed address does not answer.",
        "The container has another address on the network than `ipv4_address` or `ipv6_address` says.",
        "`topo up -d --force-recreate SERVICE`"
    }
    ALIAS_LOST = "alias-lost" {
        "A name of a service does not resolve.",
        "The container lacks names on the network that the file gives it: it was detached and attached again by hand.",
        "`topo up -d --force-recreate SERVICE`"
    }
    IPV6_ABSENT = "ipv6-absent" {
        "IPv6 addresses are out of reach.",
        "The network has `enable_ipv6`, and the container has no IPv6 address there; or a service is told to talk to an IPv6 address and has none itself.",
        "an IPv6 subnet in `networks.NETWORK.ipam`, or IPv6 switched on at the engine, then `topo up -d --force-recreate`"
    }
    SUBNET_OVERLAP = "subnet-overlap" {
        "Containers do not reach a network of the company, or the host does not: a VPN, an office network.",
        "A network of the project has addresses that the host reaches by a route of its own.",
        "another `subnet` in the file, or none, then `topo down` and `topo up -d`"
    }
    MTU = "mtu" {
        "Small answers arrive, large ones hang: TLS handshakes, downloads.",
        "Packets of the network may be larger than those of the host's way out, and are lost where nobody tells the sender.",
        "`com.docker.network.driver.mtu` in `networks.NETWORK.driver_opts`"
    }
    NOTHING_LISTENS = "nothing-listens" {
        "`connection refused`, or an empty answer at a published port.",
        "Nothing in the container listens at that port, nor at any other.",
        "the service: its log says why it does not listen"
    }
    WRONG_PORT = "wrong-port" {
        "`connection refused`, or an empty answer at a published port.",
        "Nothing listens at the port that is published or mentioned, and something does at another one.",
        "the container's port in `ports`, or in the variable"
    }
    LISTENS_ON_LOOPBACK = "listens-on-loopback" {
        "It answers inside its own container and nowhere else.",
        "The service listens on 127.0.0.1 or ::1 of its container, which nobody else reaches.",
        "an address to listen on: `0.0.0.0`"
    }
    WRONG_PROTOCOL = "wrong-protocol" {
        "A published port does not answer.",
        "The port is published for TCP and the service listens for UDP, or the other way round.",
        "`/udp` or `/tcp` behind the port in `ports`"
    }
    PUBLISHED_ON_LOOPBACK = "published-on-loopback" {
        "It answers on the host and not from other machines, nor from other containers through the host.",
        "The port is published on 127.0.0.1 alone, and a service of the project is told to reach it through the host.",
        "the address left out in `ports`, or the name of the service and its own port in place of the host's"
    }
    PUBLISHED_IN_VAIN = "published-in-vain" {
        "A published port does not answer.",
        "None of the service's networks leads to the host: they are internal, or have no bridge.",
        "a network that is not internal for the service"
    }
    PORT_SILENT = "port-silent" {
        "A published port does not answer, and the service listens.",
        "The engine publishes the port and something listens behind it, but the host itself gets no answer there.",
        "the firewall of the host, and the engine's own rules: `systemctl restart docker` writes them anew"
    }
    HOST_MODE_PORTS = "host-mode-name" {
        "The name of a service on the host's interfaces does not resolve.",
        "A service with `network_mode: host` has no name in any network.",
        "`host.docker.internal` with `extra_hosts: [\"host.docker.internal:host-gateway\"]`"
    }
    NO_NETWORK = "no-network" {
        "A service reaches nothing, and nothing reaches it.",
        "It has `network_mode: none`, and something is to be reached all the same.",
        "networks in place of `network_mode: none`"
    }
    NO_COMMON_NETWORK = "no-common-network" {
        "A name does not resolve; `no such host`, `could not translate host name`.",
        "Two services share no network, and one depends on the other or is told to talk to it.",
        "a network for both in `services.SERVICE.networks`"
    }
    MEMBERS_APART = "members-apart" {
        "A name resolves, and connections hang.",
        "The network keeps its members apart: `com.docker.network.bridge.enable_icc` is `false`.",
        "the option left out, or another network for both"
    }
    PACKETS_DROPPED = "packets-dropped" {
        "A name resolves, and connections hang until they time out.",
        "Both are on one network and packets between them vanish: a firewall drops them.",
        "`iptables -nvL DOCKER-USER` and `iptables -nvL FORWARD` at the engine's machine show the rules with what they dropped"
    }
    FORWARDING_OFF = "forwarding-off" {
        "Containers do not get out, and published ports do not answer from outside.",
        "The engine's machine does not pass packets on between its networks.",
        "`sysctl -w net.ipv4.ip_forward=1` at the engine's machine, and the setting that switched it off"
    }
    UNEXPECTED_WAY = "unexpected-way" {
        "A service reaches another one although the file keeps them apart.",
        "There is a way that the file does not make: a network attached by hand, or rules of a firewall.",
        "`topo up -d` if somebody attached a network, else the rules of the firewall"
    }
    UNKNOWN_HOST = "unknown-host" {
        "`no such host`, `Name or service not known`.",
        "A variable names a host that no service is called and that no name server knows.",
        "the name in the variable"
    }
    NAME_LOST = "name-lost" {
        "`no such host` for a service on the same network.",
        "The engine's name server does not know a name that the file gives to a service.",
        "`topo up -d --force-recreate SERVICE`"
    }
    NAME_ASTRAY = "name-astray" {
        "A name leads to the wrong machine.",
        "The name of a service leads to another address than its containers have: another container has the same name on a network.",
        "another name for one of them"
    }
    EXTRA_HOSTS_ASTRAY = "extra-hosts-astray" {
        "A name leads to the wrong machine, or to none.",
        "`extra_hosts` gives a name an address that is not that of the service of that name, or does not answer.",
        "the line in `extra_hosts` corrected or left out"
    }
    DNS_SILENT = "dns-silent" {
        "Names of the outside do not resolve, or only after seconds.",
        "A name server that `dns` sets does not answer.",
        "`dns` in the file, or in the engine's `daemon.json`"
    }
    LOCALHOST = "localhost" {
        "`connection refused` at localhost.",
        "A variable says `localhost`, which is the container itself, where nothing listens; another service does at that port.",
        "the name of the service in place of `localhost`"
    }
    NO_WAY_OUT = "no-way-out" {
        "`network is unreachable`, or names of the outside do not resolve.",
        "A service is told to talk to the outside, and all of its networks are internal.",
        "a network that is not internal for the service"
    }
    OUTSIDE_SILENT = "outside-silent" {
        "A host of the outside does not answer.",
        "A service is told to talk to a host outside of the project, which does not answer from there.",
        "that host, a firewall, or a proxy that the service is not told of"
    }
    GATEWAY_SILENT = "gateway-silent" {
        "Nothing outside of the network is in reach.",
        "The gateway of the container's network does not answer: its bridge is down or has lost its address. A container that knew the gateway may believe in it for a minute more.",
        "`topo down` and `topo up -d`, which make the network anew"
    }
    EGRESS_BLOCKED = "egress-blocked" {
        "Connections to the outside time out in containers, and come about on the host.",
        "A name server outside answers the host and not the container: a firewall on the engine's machine drops what leaves the network, or nothing gives it an address that answers find back to.",
        "`iptables -nvL DOCKER-USER` and `iptables -t nat -nvL POSTROUTING` at the engine's machine show which rule"
    }
    PROXY = "proxy" {
        "Requests to other services end at a proxy that does not know them.",
        "The service is told to use a proxy, and to talk to a service that `NO_PROXY` does not except.",
        "the name of the service in `NO_PROXY`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_own() {
        let mut names: Vec<_> = CAUSES.iter().map(|cause| cause.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CAUSES.len());
    }
}
