//! Ports that do not answer.

#![expect(clippy::disallowed_methods, reason = "tests may read")]

use std::net::TcpListener;

use super::{Case, PARTS, as_it_is, check, found, project};
use crate::harness::{Project, free_port};

#[test]
fn published_ports_that_do_not_answer_must_be_explained() {
    check(&[
        Case {
            name: "nothing",
            compose: "services:
  web: {<<: *idle, ports: ['$PORT:80']}",
            breaks: as_it_is,
            cause: "nothing-listens",
            service: "web",
        },
        Case {
            name: "wrong-port",
            compose: "services:
  web: {<<: *web, ports: ['$PORT:8080']}",
            breaks: as_it_is,
            cause: "wrong-port",
            service: "web",
        },
        Case {
            name: "loopback",
            compose: "services:
  web: {<<: *web, command: [httpd, -f, -p, '127.0.0.1:80'], ports: ['$PORT:80']}",
            breaks: as_it_is,
            cause: "listens-on-loopback",
            service: "web",
        },
        Case {
            name: "udp-listens",
            compose: "services:
  web:
    image: python:3.12-alpine
    stop_signal: SIGKILL
    command: [python3, -c, 'import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind((\"\", 53)); time.sleep(1000)']
    ports: ['$PORT:53']",
            breaks: as_it_is,
            cause: "wrong-protocol",
            service: "web",
        },
        Case {
            name: "tcp-listens",
            compose: "services:
  web: {<<: *web, ports: ['$PORT:80/udp']}",
            breaks: as_it_is,
            cause: "wrong-protocol",
            service: "web",
        },
        Case {
            name: "in-vain",
            compose: "services:
  web: {<<: *web, ports: ['$PORT:80'], networks: [back]}
networks: {back: {internal: true}}",
            breaks: as_it_is,
            cause: "published-in-vain",
            service: "web",
        },
        Case {
            name: "local-only",
            compose: "services:
  web:
    <<: *web
    networks: [front]
    environment: {DB: 'http://host.docker.internal:$PORT'}
    extra_hosts: ['host.docker.internal:host-gateway']
  db: {<<: *web, networks: [back], ports: ['127.0.0.1:$PORT:80']}
networks: {front: {}, back: {}}",
            breaks: as_it_is,
            cause: "published-on-loopback",
            service: "web",
        },
    ]);
}

#[test]
fn ports_that_others_ask_for_in_vain_must_be_explained() {
    check(&[
        Case {
            name: "port-of-host",
            compose: "services:
  web: {<<: *web, environment: {DB: 'http://db:$PORT'}}
  db: {<<: *web, ports: ['$PORT:80']}",
            breaks: as_it_is,
            cause: "wrong-port",
            service: "web",
        },
        Case {
            name: "port-mentioned",
            compose: "services:
  web: {<<: *web, environment: {DB_HOST: db, DB_PORT: '5432'}}
  db: {<<: *web}",
            breaks: as_it_is,
            cause: "wrong-port",
            service: "db",
        },
        Case {
            name: "nothing-mentioned",
            compose: "services:
  web: {<<: *web, environment: {DB: 'postgres://db/app'}}
  db: {<<: *idle}",
            breaks: as_it_is,
            cause: "nothing-listens",
            service: "db",
        },
        Case {
            name: "loopback-mentioned",
            compose: "services:
  web: {<<: *web, environment: {CACHE: 'redis://cache'}}
  cache: {<<: *web, command: [httpd, -f, -p, '127.0.0.1:6379']}",
            breaks: as_it_is,
            cause: "listens-on-loopback",
            service: "cache",
        },
        Case {
            name: "localhost",
            compose: "services:
  web: {<<: *web, environment: {CACHE: 'redis://localhost'}}
  cache: {<<: *web, command: [httpd, -f, -p, '6379']}",
            breaks: as_it_is,
            cause: "localhost",
            service: "web",
        },
        Case {
            name: "localhost-published",
            compose: "services:
  web: {<<: *web, environment: {DB_HOST: 127.0.0.1, DB_PORT: '$PORT'}}
  db: {<<: *web, ports: ['$PORT:80']}",
            breaks: as_it_is,
            cause: "localhost",
            service: "web",
        },
        Case {
            name: "beside",
            compose: "services:
  web: {<<: *web, environment: {API: 'http://api:8000'}}
  api: {<<: *web}
  beside: {<<: *idle, network_mode: 'service:api'}",
            breaks: as_it_is,
            cause: "wrong-port",
            service: "api",
        },
    ]);
}

#[test]
fn who_has_a_port_must_be_named() {
    let case = Case {
        name: "taken-by-process",
        compose: "services:
  web: {<<: *web, ports: ['$PORT:80']}",
        breaks: as_it_is,
        cause: "port-taken",
        service: "web",
    };
    let Some(mut first) = project(&case) else { return };
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    first.set("PORT", port.to_string());
    first.topo(&["up", "-d"]).ends_with(1);
    let causes = found(&first);
    let taken = causes.iter().find(|(cause, ..)| cause == "port-taken");
    let (_, service, message) = taken.unwrap_or_else(|| panic!("{causes:?}"));
    assert!(service == "web" && message.contains(&port.to_string()), "{message}");
    // An engine in a namespace of processes of its own does not see this one.
    let own = format!("/proc/{}/comm", std::process::id());
    let looks =
        Project::with("dg-looks", &format!("{PARTS}services: {{web: {{<<: *idle, pid: host}}}}\n")).unwrap();
    looks.up();
    let is_seen = looks.exec("web-1", &["cat", &own]).1 == std::fs::read_to_string(&own).unwrap();
    let holder =
        if is_seen { format!("(process {})", std::process::id()) } else { "another process".to_owned() };
    assert!(message.contains(&holder), "{message}");

    let port = free_port().to_string();
    let compose = format!("{PARTS}{}", case.compose);
    let mut other = Project::with("dg-taker", &compose).unwrap();
    other.set("PORT", port.clone());
    other.up();
    first.set("PORT", port);
    first.topo(&["up", "-d"]).ends_with(1);
    let causes = found(&first);
    let taken = causes.iter().find(|(cause, ..)| cause == "port-taken");
    let (.., message) = taken.unwrap_or_else(|| panic!("{causes:?}"));
    assert!(message.contains(&other.full_name("web-1")), "{message}");
}
