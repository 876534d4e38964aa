//! What is wrong with the engine's machine: its routes, its packets, its name servers.

use ipnet::IpNet;

use super::Found;
use crate::diagnose::causes::{DNS_SILENT, FORWARDING_OFF, GATEWAY_SILENT, MTU, SUBNET_OVERLAP};
use crate::diagnose::questions::{FORWARDING_FILE, mtu_file};
use crate::diagnose::{Finding, Host, Input, Seen};
use crate::observed::Network;
use crate::probe::{Answer, Question};

pub(super) fn find(input: &Input<'_>, found: &mut Found) {
    let told = input.host.and_then(|host| host.answers.get(&Question::File(FORWARDING_FILE.to_owned())));
    let is_off = matches!(told, Some(Answer::Text(text)) if text.trim() == "0");
    if is_off || !input.machine.forwards {
        let message = "the engine's machine does not pass packets on between its networks";
        let finding = Finding::error(&FORWARDING_OFF, "", message).of_all();
        found.push(finding.see("net.ipv4.ip_forward is 0 there").mend("sysctl -w net.ipv4.ip_forward=1"));
    }
    for key in input.project.networks.keys() {
        let name = input.project.network_name(key);
        match (input.networks.iter().find(|network| network.name == name), input.host) {
            (Some(network), Some(host)) => {
                overlaps(input, host, key, network, found);
                mtu(host, key, network, found);
            }
            (Some(_), None) => {}
            (None, _) => contested(input, key, found),
        }
    }
    for seen in input.containers.iter().filter(|seen| input.wanted().any(|wanted| wanted == seen.service)) {
        of_container(seen, found);
    }
}

fn option<'a>(network: &'a Network, name: &str) -> Option<&'a str> {
    network.request.options.as_ref()?.get(name).map(String::as_str)
}

fn subnets(network: &Network) -> impl Iterator<Item = IpNet> {
    let pools = network.request.ipam.iter().flat_map(|ipam| ipam.config.iter().flatten());
    pools.filter_map(|pool| pool.subnet.as_deref()?.parse().ok())
}

/// A network that is not there, and that the engine would refuse to make: another one has its addresses.
fn contested(input: &Input<'_>, key: &str, found: &mut Found) {
    let pools = input.project.networks[key].ipam.iter().flat_map(|ipam| &ipam.config.0);
    for wanted in pools.filter_map(|pool| pool.subnet.as_deref()?.parse::<IpNet>().ok()) {
        let has_some = |network: &&Network| subnets(network).any(|other| meet(wanted, other));
        let Some(other) = input.networks.iter().filter(|one| one.driver == "bridge").find(has_some) else {
            continue;
        };
        let message = format!(
            "network `{key}` is to have the addresses {wanted}, and network `{}` has them",
            other.name
        );
        let finding = Finding::error(&SUBNET_OVERLAP, "", message).of_all();
        found.push(finding.mend(format!(
            "another subnet in `networks.{key}.ipam`, or docker network rm {}, then topo up -d",
            other.name
        )));
    }
}

fn meet(one: IpNet, other: IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

fn overlaps(input: &Input<'_>, host: &Host, key: &str, network: &Network, found: &mut Found) {
    // The engine's own bridges have routes, too, and those are no others' addresses.
    let is_bridge = |interface: &str| {
        // Podman's are `podman1`, or `cni-podman1` in older ones.
        ["br-", "podman", "cni-podman"].iter().any(|prefix| interface.starts_with(prefix))
            || interface == "docker0"
            || input
                .networks
                .iter()
                .any(|one| option(one, "com.docker.network.bridge.name") == Some(interface))
    };
    for subnet in subnets(network).filter(|_| network.driver == "bridge") {
        let others =
            host.view.ways.iter().filter(|way| way.to.prefix_len() > 0 && !is_bridge(&way.interface));
        for way in others {
            if meet(way.to, subnet) {
                let message = format!(
                    "network `{key}` has the addresses {subnet}, and the host reaches {} by {}",
                    way.to, way.interface
                );
                let finding = Finding::error(&SUBNET_OVERLAP, "", message).of_all();
                found.push(
                    finding.mend(format!(
                        "another subnet in `networks.{key}.ipam`, then topo down && topo up -d"
                    )),
                );
            }
        }
    }
}

fn mtu(host: &Host, key: &str, network: &Network, found: &mut Found) {
    let Some(way) = host.view.way_out() else { return };
    let question = Question::File(mtu_file(&way.interface));
    let Some(Answer::Text(text)) = host.answers.get(&question) else { return };
    let Ok(outside) = text.trim().parse::<u32>() else { return };
    // Where nothing is said, the host tells senders of packets that are too large, as it routes them itself.
    let own = option(network, "com.docker.network.driver.mtu").and_then(|mtu| mtu.parse::<u32>().ok());
    let Some(inside) = own else { return };
    let leads_out = network.driver == "bridge" && network.request.internal != Some(true);
    if leads_out && inside > outside {
        let message = format!(
            "packets of network `{key}` may have {inside} bytes, those of {} {outside}",
            way.interface
        );
        let finding = Finding::warning(&MTU, "", message).of_all();
        found.push(
            finding.mend(format!(
                "`com.docker.network.driver.mtu: \"{outside}\"` in `networks.{key}.driver_opts`"
            )),
        );
    }
}

fn of_container(seen: &Seen, found: &mut Found) {
    let service = &seen.service;
    for server in &seen.live.dns {
        let Some(answer) = server.parse().ok().and_then(|server| seen.answer(&Question::Server(server)))
        else {
            continue;
        };
        if *answer != Answer::Yes {
            let message = format!("name server {server} of `{service}` does not answer");
            let finding = Finding::error(&DNS_SILENT, service, message).see(answer.words());
            found.push(finding.mend(format!("another address in `services.{service}.dns`")));
        }
    }
    let gateway = seen.view.as_ref().and_then(super::super::view::View::gateway);
    if let Some(gateway) = gateway
        && seen.answer(&Question::Neighbour(gateway)) == Some(&Answer::Silence)
    {
        let message = format!("gateway {gateway} of `{service}` does not answer");
        found.push(Finding::error(&GATEWAY_SILENT, service, message).mend("topo down && topo up -d"));
    }
}
