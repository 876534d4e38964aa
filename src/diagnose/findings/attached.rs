//! Whether containers are attached to the networks of the file, with the addresses and names that it gives.

use super::Found;
use crate::diagnose::causes::{ADDRESS_CHANGED, ALIAS_LOST, DISCONNECTED, EXTRA_NETWORK, IPV6_ABSENT};
use crate::diagnose::{Finding, Input, Seen};

pub(super) fn find(input: &Input<'_>, found: &mut Found) {
    for service in input.wanted() {
        let settings = &input.project.services[service];
        if settings.network_mode.as_deref().is_some_and(|mode| !mode.is_empty()) {
            continue;
        }
        for seen in input.of(service).filter(|seen| seen.live.runs() && seen.live.network_mode != "host") {
            of_container(input, service, seen, found);
        }
    }
}

fn of_container(input: &Input<'_>, service: &str, seen: &Seen, found: &mut Found) {
    let settings = &input.project.services[service];
    let (live, name) = (&seen.live, &seen.live.name);
    let again = format!("topo up -d --force-recreate {service}");
    let mut expected = Vec::new();
    for (key, attachment) in &settings.networks.0 {
        let network = input.project.network_name(key);
        expected.push(network);
        let Some(actual) = live.attachments.iter().find(|actual| actual.network == network) else {
            let message = format!("`{name}` is not attached to network `{key}`");
            found.push(
                Finding::error(&DISCONNECTED, service, message)
                    .see("somebody detached it, or it was made before the file had that network")
                    .mend(format!("topo up -d {service}")),
            );
            continue;
        };
        let has = |address: &str| {
            address.parse().map_or(true, |address: std::net::IpAddr| actual.addresses.contains(&address))
        };
        let has_alias = |alias: &str| actual.aliases.iter().any(|own| own == alias);
        let attachment = attachment.0.as_deref();
        let wanted = attachment.into_iter().flat_map(|one| [&one.ipv4_address, &one.ipv6_address]).flatten();
        for address in wanted.filter(|address| !has(address)) {
            let own: Vec<String> = actual.addresses.iter().map(ToString::to_string).collect();
            let message = format!("`{name}` has not the address {address} on network `{key}`");
            let finding = Finding::error(&ADDRESS_CHANGED, service, message);
            found.push(finding.see(format!("it has {}", own.join(", "))).mend(again.clone()));
        }
        let aliases = attachment.into_iter().flat_map(|one| one.aliases.0.iter().map(String::as_str));
        let lost: Vec<String> = std::iter::once(service)
            .chain(aliases)
            .filter(|alias| !has_alias(alias))
            .map(|alias| format!("`{alias}`"))
            .collect();
        if !lost.is_empty() {
            let message = format!("`{name}` is not called {} on network `{key}`", lost.join(", "));
            let finding = Finding::error(&ALIAS_LOST, service, message);
            found.push(finding.see("it was detached and attached again by hand").mend(again.clone()));
        }
        let is_v6 = input.project.networks.get(key).and_then(|network| network.enable_ipv6) == Some(true);
        if is_v6 && !actual.addresses.iter().any(std::net::IpAddr::is_ipv6) {
            let message = format!("network `{key}` is to have IPv6, and `{name}` has no such address there");
            let finding = Finding::error(&IPV6_ABSENT, service, message);
            found.push(finding.mend(format!("an IPv6 subnet in `networks.{key}.ipam`, then {again}")));
        }
    }
    for actual in live.attachments.iter().filter(|actual| !expected.contains(&actual.network.as_str())) {
        let network = &actual.network;
        let message = format!("`{name}` is attached to network `{network}`, which the file does not say");
        let finding = Finding::warning(&EXTRA_NETWORK, service, message);
        found.push(finding.mend(format!("docker network disconnect {network} {name}")));
    }
}
