//! Subnets that share addresses with each other, or with what the host reaches.

use ipnet::IpNet;

use super::{Finding, Input};
use crate::source::Span;

rule! {
    /// Subnets share addresses: of two networks, which the engine refuses when it makes the second one; or, with
    /// `--host`, of a network and of what the host has a route to, which it then no longer reaches.
    "overlapping-subnets" in Network at Error, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut before: Vec<(IpNet, &str, Span)> = Vec::new();
    let meet = |one: &IpNet, other: &IpNet| one.contains(&other.network()) || other.contains(&one.network());
    let mut networks: Vec<_> = input.project.networks.iter().collect();
    networks.sort_by_cached_key(|(key, _)| input.span(&["networks", key]));
    for (key, network) in networks {
        for (at, pool) in network.ipam.iter().flat_map(|ipam| &ipam.config.0).enumerate() {
            let Some(subnet) = pool.subnet.as_ref().and_then(|subnet| subnet.parse::<IpNet>().ok()) else {
                continue;
            };
            let path = ["networks", key, "ipam", "config", &at.to_string(), "subnet"];
            let span = input.span(&path);
            for (other, name, there) in before.iter().filter(|(other, ..)| meet(other, &subnet)) {
                let message = format!("networks `{name}` and `{key}` share addresses: {other} and {subnet}");
                found.push(
                    Finding::at(input, &path, message, "again here")
                        .label(*there, "first here")
                        .help("give each addresses of its own, or none: the engine chooses"),
                );
            }
            let routes = input.host.iter().flat_map(|host| &host.routes);
            for way in routes.filter(|way| meet(&way.to, &subnet)) {
                let message = format!(
                    "network `{key}` takes addresses that the host reaches by {}: {}",
                    way.interface, way.to
                );
                found.push(
                    Finding::at(input, &path, message, "these addresses")
                        .help("choose another subnet, or none: the engine then takes a free one"),
                );
            }
            before.push((subnet, key, span));
        }
    }
    found
}
