//! Whether names lead where they should: those of services, and those that variables mention.

use std::net::IpAddr;

use super::Found;
use super::reached::{ELSEWHERE, told};
use crate::diagnose::causes::{
    EXTRA_HOSTS_ASTRAY, IPV6_ABSENT, LOCALHOST, NAME_ASTRAY, NAME_LOST, NO_WAY_OUT, OUTSIDE_SILENT, PROXY,
    UNKNOWN_HOST,
};
use crate::diagnose::mentions::{Mention, mentions};
use crate::diagnose::view::View;
use crate::diagnose::{Finding, Input, Seen};
use crate::diagnostic::nearest;
use crate::probe::{Answer, Question};
use crate::topology::reach::{End, Way, reach};

pub(super) fn find(input: &Input<'_>, found: &mut Found) {
    for from in input.wanted() {
        let mentioned = mentions(input.project, from);
        for mention in &mentioned {
            if let Some(to) = input.service_of(&mention.host) {
                proxied(input, from, to, mention, found);
                continue;
            }
            let Some((seen, view)) = input.first(from) else { continue };
            let finding = match mention.host.parse::<IpAddr>() {
                _ if mention.host == "localhost" => localhost(input, from, view, mention),
                Ok(address) if address.is_loopback() => localhost(input, from, view, mention),
                Ok(address) => of_address(input, seen, address, mention),
                Err(_) => of_host(input, seen, mention),
            };
            found.0.extend(finding);
        }
        if let Some((seen, _)) = input.first(from) {
            of_services(input, seen, &mentioned, found);
        }
    }
}

/// The names that the engine's name server should know.
fn of_services(input: &Input<'_>, from: &Seen, mentioned: &[Mention], found: &mut Found) {
    for to in input.project.services.keys().filter(|to| **to != from.service) {
        let Some(first) = input.of(to).find(|other| other.live.runs()) else { continue };
        if found.has(to, &ELSEWHERE) || found.has(&from.service, &ELSEWHERE) {
            continue;
        }
        let answer = reach(input.project, End::Service(&from.service), End::Service(to));
        let routes = answer.routes.iter().filter(|route| matches!(route.way, Way::Network(_)));
        let mut names: Vec<&String> = routes.flat_map(|route| &route.names).collect();
        names.sort();
        names.dedup();
        for name in names {
            let Some(answer) = from.answer(&Question::Resolve(name.clone())) else { continue };
            let addresses: Vec<IpAddr> = input.of(to).flat_map(|other| other.live.addresses()).collect();
            let service = &from.service;
            let finding = match answer {
                Answer::Addresses(given) if given.iter().any(|one| addresses.contains(one)) => {
                    strangers(input, from, name, given)
                }
                Answer::Addresses(given) => Some(astray(input, from, to, name, given)),
                _ => {
                    let message = format!("`{service}` does not find the name `{name}` of `{to}`");
                    let finding = Finding::error(&NAME_LOST, service, message).see(answer.words());
                    Some(finding.mend(format!("topo up -d --force-recreate {to}")))
                }
            };
            let Some(finding) = finding else { continue };
            let told_by = mentioned.iter().filter(|mention| mention.host == *name);
            let finding = told_by.fold(finding, |finding, mention| finding.see(told(service, mention)));
            let own: Vec<String> = first.live.addresses().map(|one| one.to_string()).collect();
            found.push(finding.see(format!("`{to}` has {}", own.join(", "))));
        }
    }
}

/// A name that leads to others besides those that the file gives it to.
fn strangers(input: &Input<'_>, from: &Seen, name: &str, given: &[IpAddr]) -> Option<Finding> {
    let is_known = |address: &&IpAddr| {
        input.containers.iter().any(|one| one.live.addresses().any(|own| own == **address))
    };
    let stranger = given.iter().find(|address| !is_known(address))?;
    let service = &from.service;
    let message =
        format!("`{name}` leads `{service}` to {stranger} too, which is no container of the project");
    let finding = Finding::error(&NAME_ASTRAY, service, message);
    Some(finding.mend("docker network inspect NETWORK shows who has that address"))
}

fn astray(input: &Input<'_>, from: &Seen, to: &str, name: &str, given: &[IpAddr]) -> Finding {
    let service = &from.service;
    let addresses: Vec<String> = given.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(", ");
    let settings = &input.project.services[service.as_str()];
    if settings.extra_hosts.pairs().any(|(host, _)| host == name) {
        let message = format!("`extra_hosts` of `{service}` leads `{name}` to {addresses}, not to `{to}`");
        let finding = Finding::error(&EXTRA_HOSTS_ASTRAY, service, message);
        return finding.mend(format!("`{name}` left out of `services.{service}.extra_hosts`"));
    }
    let message = format!("`{name}` leads `{service}` to {addresses}, not to `{to}`");
    let finding = Finding::error(&NAME_ASTRAY, service, message);
    finding.mend("docker network inspect NETWORK shows who has that address")
}

/// What says `localhost`, and means another container.
fn localhost(input: &Input<'_>, from: &str, view: &View, mention: &Mention) -> Option<Finding> {
    let port = mention.port?;
    if view.sockets.iter().any(|socket| socket.port == port && socket.protocol == "tcp") {
        return None;
    }
    let listens = |name: &&String| {
        let settings = &input.project.services[name.as_str()];
        let is_published = settings.ports.0.iter().any(|own| own.published_range() == Some((port, port)));
        is_published || input.first(name).is_some_and(|(_, view)| view.is_open("tcp", port))
    };
    let other = input.project.services.keys().filter(|name| name.as_str() != from).find(listens)?;
    let settings = &input.project.services[other.as_str()];
    let published = settings.ports.0.iter().find(|own| own.published_range() == Some((port, port)));
    let target = published.map_or(port, |own| own.target.0);
    let message = format!("`localhost` is `{from}` itself, where nothing listens at port {port}");
    let finding = Finding::error(&LOCALHOST, from, message).see(told(from, mention));
    let finding = finding.see(format!("`{other}` is what listens there"));
    Some(finding.mend(format!("`{other}:{target}` in {}", mention.variable)))
}

/// An address that stands in a variable itself.
fn of_address(input: &Input<'_>, from: &Seen, address: IpAddr, mention: &Mention) -> Option<Finding> {
    let service = &from.service;
    let answer = from.tcp(address, mention.port?)?;
    if *answer == Answer::Yes {
        return None;
    }
    if address.is_ipv6() && !from.live.addresses().any(|own| own.is_ipv6()) {
        let message = format!("`{service}` has no IPv6 address, and is told to talk to {address}");
        let finding = Finding::error(&IPV6_ABSENT, service, message).see(told(service, mention));
        return Some(finding.mend("`enable_ipv6: true` and a subnet for its network"));
    }
    outside(input, from, mention, answer)
}

/// A host that is no service.
fn of_host(input: &Input<'_>, from: &Seen, mention: &Mention) -> Option<Finding> {
    let service = &from.service;
    let settings = &input.project.services[service.as_str()];
    let host = &mention.host;
    let answer = from.answer(&Question::Resolve(host.clone()))?;
    if let Answer::Addresses(addresses) = answer {
        let port = mention.port?;
        let answers: Vec<&Answer> = addresses.iter().filter_map(|address| from.tcp(*address, port)).collect();
        if answers.contains(&&Answer::Yes) {
            return None;
        }
        let answer = answers.first()?;
        if settings.extra_hosts.pairs().any(|(name, _)| name == host) {
            let message = format!(
                "`extra_hosts` of `{service}` leads `{host}` to {}, where nobody answers",
                addresses[0]
            );
            let finding = Finding::error(&EXTRA_HOSTS_ASTRAY, service, message).see(told(service, mention));
            return Some(
                finding.mend(format!("the address of `{host}` in `services.{service}.extra_hosts`")),
            );
        }
        return outside(input, from, mention, answer);
    }
    let close = nearest(host, input.project.services.keys().map(String::as_str));
    if close.is_none()
        && host.contains('.')
        && !reach(input.project, End::Service(service), End::World).is_reachable()
    {
        return outside(input, from, mention, answer);
    }
    // Not every word in a variable is a host.
    if close.is_none() && !mention.is_sure {
        return None;
    }
    let message = format!("nobody is called `{host}`");
    let finding =
        Finding::error(&UNKNOWN_HOST, service, message).see(told(service, mention)).see(answer.words());
    Some(match close {
        Some(close) => finding.mend(format!("did you mean `{close}`?")),
        None => finding
            .mend(format!("the name of a service, or of a host that is known, in {}", mention.variable)),
    })
}

/// Somebody outside of the project who does not answer.
fn outside(input: &Input<'_>, from: &Seen, mention: &Mention, answer: &Answer) -> Option<Finding> {
    let service = &from.service;
    let out = reach(input.project, End::Service(service), End::World);
    if !out.is_reachable() {
        let obstacle = out.obstacles.first()?;
        let finding = Finding::error(&NO_WAY_OUT, service, obstacle.message(input.project));
        return Some(finding.see(told(service, mention)).mend(obstacle.help(input.project)));
    }
    let message = format!("`{}` does not answer `{service}`", mention.host);
    let finding =
        Finding::error(&OUTSIDE_SILENT, service, message).see(told(service, mention)).see(answer.words());
    Some(finding.mend(format!("`{}` itself, and what is between: firewalls, proxies", mention.host)))
}

/// A proxy that gets requests to other services.
fn proxied(input: &Input<'_>, from: &str, to: &str, mention: &Mention, found: &mut Found) {
    if !mention.is_http || mention.is_proxy {
        return;
    }
    let Some(seen) = input.of(from).next() else { return };
    let variable = |name: &str| {
        let mut own = seen.live.environment.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        own.find_map(|(_, value)| (!value.is_empty()).then_some(value.as_str()))
    };
    let Some(proxy) = variable("HTTP_PROXY") else { return };
    let excepted = variable("NO_PROXY").unwrap_or_default().split(',').map(str::trim);
    let host = mention.host.as_str();
    let is_excepted = |one: &str| one == "*" || one == host || (one.starts_with('.') && host.ends_with(one));
    if excepted.into_iter().any(is_excepted) {
        return;
    }
    let message = format!("requests of `{from}` to `{to}` go to the proxy {proxy}");
    let finding = Finding::warning(&PROXY, from, message).see(told(from, mention));
    found.push(finding.mend(format!("`{host}` in NO_PROXY of `{from}`")));
}
