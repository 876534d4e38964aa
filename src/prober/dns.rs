//! Resolves names as a container does, and says more than the system's resolver would: whether a name is unknown, or
//! whether its name servers are silent.
//!
//! The system's own resolver is no help here: it loads libraries that the prober does not have, and keeps to itself what
//! went wrong.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use super::{read, refusal, socket_to};
use crate::probe::Answer;

/// What a name server answers.
enum Reply {
    Addresses(Vec<IpAddr>),
    /// It knows no such name, or no address of it.
    Nothing,
    /// It says that it cannot tell.
    Failure(RCODE),
}

/// Returns what a name stands for.
pub(super) fn resolve(name: &str, patience: Duration) -> Answer {
    let hosts = in_hosts(&read("/etc/hosts").unwrap_or_default(), name);
    if !hosts.is_empty() {
        return Answer::Addresses(hosts);
    }
    let (servers, search) = settings(&read("/etc/resolv.conf").unwrap_or_default());
    let mut silence = Answer::NoWay("no name server is set".to_owned());
    let names =
        std::iter::once(name.to_owned()).chain(search.iter().map(|domain| format!("{name}.{domain}")));
    for name in names {
        for server in &servers {
            match ask_both(*server, &name, patience) {
                Ok(Reply::Addresses(addresses)) => return Answer::Addresses(addresses),
                // Another server is not asked for what one is sure of.
                Ok(Reply::Nothing) => {
                    silence = Answer::Nothing;
                    break;
                }
                Ok(Reply::Failure(code)) => {
                    silence = Answer::Failed(format!("name server {server} says {code:?}"));
                }
                Err(error) => silence = at(*server, &refusal(&error)),
            }
        }
        if !matches!(silence, Answer::Nothing) {
            break;
        }
    }
    silence
}

/// Says which server did not answer.
fn at(server: IpAddr, answer: &Answer) -> Answer {
    Answer::Failed(format!("name server {server}: {}", answer.words()))
}

/// Returns whether a server answers, whatever it says.
pub(super) fn is_answering(server: IpAddr, patience: Duration) -> Answer {
    match ask(server, "localhost", TYPE::A, patience) {
        Ok(_) => Answer::Yes,
        Err(error) => refusal(&error),
    }
}

/// Returns the addresses of a name in a hosts file.
fn in_hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let of_name = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    });
    let mut addresses: Vec<IpAddr> = of_name.collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// Returns the servers and the search list of a `resolv.conf`.
fn settings(text: &str) -> (Vec<IpAddr>, Vec<String>) {
    let (mut servers, mut search) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => servers.extend(words.next().and_then(|word| word.parse::<IpAddr>().ok())),
            Some("search" | "domain") => {
                search = words.filter(|word| *word != ".").map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    (servers, search)
}

fn ask_both(server: IpAddr, name: &str, patience: Duration) -> io::Result<Reply> {
    let mut addresses = Vec::new();
    for kind in [TYPE::A, TYPE::AAAA] {
        match ask(server, name, kind, patience) {
            Ok(Reply::Addresses(found)) => addresses.extend(found),
            Ok(Reply::Nothing) => {}
            // A server that has given addresses of one kind has answered.
            Ok(Reply::Failure(_)) | Err(_) if !addresses.is_empty() => {}
            other => return other,
        }
    }
    addresses.sort();
    addresses.dedup();
    Ok(if addresses.is_empty() { Reply::Nothing } else { Reply::Addresses(addresses) })
}

/// Asks one server for the addresses of one kind.
fn ask(server: IpAddr, name: &str, kind: TYPE, patience: Duration) -> io::Result<Reply> {
    let broken = |error: simple_dns::SimpleDnsError| io::Error::other(error.to_string());
    let question = query(name, kind).map_err(broken)?;
    let socket = socket_to(SocketAddr::new(server, 53))?;
    // A packet may get lost; a second one is sent before the patience ends.
    socket.set_read_timeout(Some(patience / 2))?;
    let mut buffer = [0; 4096];
    for attempt in 0..2 {
        socket.send(&question)?;
        match socket.recv(&mut buffer) {
            Ok(length) => return reply(&buffer[..length]).map_err(broken),
            Err(error) if attempt == 0 && error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn query(name: &str, kind: TYPE) -> simple_dns::Result<Vec<u8>> {
    let mut packet = Packet::new_query(0x746f);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        Name::new(name)?,
        QTYPE::TYPE(kind),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec()
}

fn reply(bytes: &[u8]) -> simple_dns::Result<Reply> {
    let packet = Packet::parse(bytes)?;
    Ok(match packet.rcode() {
        RCODE::NoError => {
            let address = |record: &simple_dns::ResourceRecord<'_>| match &record.rdata {
                RData::A(found) => Some(IpAddr::V4(found.address.into())),
                RData::AAAA(found) => Some(IpAddr::V6(found.address.into())),
                _ => None,
            };
            let addresses: Vec<IpAddr> = packet.answers.iter().filter_map(address).collect();
            if addresses.is_empty() { Reply::Nothing } else { Reply::Addresses(addresses) }
        }
        RCODE::NameError => Reply::Nothing,
        code => Reply::Failure(code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_the_system_reads_them() {
        let hosts = "127.0.0.1\tlocalhost\n10.0.0.2 db DB.local # 10.0.0.3 x\nfd00::2 db\n";
        let addresses: Vec<IpAddr> = vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        assert_eq!(in_hosts(hosts, "db"), addresses);
        assert_eq!(in_hosts(hosts, "db.local"), addresses[..1]);
        assert_eq!(in_hosts(hosts, "x"), Vec::<IpAddr>::new());
        let (servers, search) =
            settings("search a.example b.example\nnameserver 127.0.0.11\noptions ndots:0\n");
        assert_eq!(servers, ["127.0.0.11".parse::<IpAddr>().unwrap()]);
        assert_eq!(search, ["a.example", "b.example"]);
    }

    #[test]
    fn a_reply_of_a_server_is_understood() {
        let question = query("db", TYPE::A).unwrap();
        assert_eq!(&question[2..6], [1, 0, 0, 1], "recursion is desired, and there is one question");
        let mut found = question.clone();
        found[2] = 0x81;
        found[3] = 0x80;
        found[7] = 1;
        found.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 2]);
        assert!(
            matches!(reply(&found).unwrap(), Reply::Addresses(found) if found == ["10.0.0.2".parse::<IpAddr>().unwrap()])
        );
        let mut unknown = question;
        unknown[2] = 0x81;
        unknown[3] = 0x83;
        assert!(matches!(reply(&unknown).unwrap(), Reply::Nothing));
        assert!(reply(b"no packet").is_err());
    }
}
