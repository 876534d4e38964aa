//! Who reaches whom in small projects, one subject a test.

use super::*;
use crate::load::{MemWorld, Request, load};
use crate::project::{Selection, resolve};

fn project(text: &str) -> Project {
    let world = MemWorld::project([("compose.yaml", text)]);
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let said: Vec<_> = loaded.diagnostics.sorted().into_iter().cloned().collect();
    assert!(!loaded.diagnostics.has_errors(), "{said:#?}");
    project
}

fn end(name: &str) -> End<'_> {
    if name == WORLD { End::World } else { End::Service(name) }
}

/// Writes the ways of each pair `a>b`, or what is in the way.
fn check(text: &str, expected: &[(&str, &str)]) {
    let project = project(text);
    for (pair, expected) in expected {
        let (from, to) = pair.split_once('>').unwrap();
        let answer = reach(&project, end(from), end(to));
        let ways: Vec<String> = answer.routes.iter().map(text::route_text).collect();
        let said = match ways.as_slice() {
            [] => {
                format!("no: {}", answer.obstacles.iter().map(Obstacle::kind).collect::<Vec<_>>().join(", "))
            }
            ways => ways.join("; "),
        };
        assert_eq!(said, *expected, "{pair}");
    }
}

#[test]
fn bridges_isolate_and_internal_ones_lead_nowhere() {
    let text = "services:
  web: {image: i, networks: [front], ports: ['8080:80']}
  api: {image: i, networks: {front: , back: {aliases: [core]}}, hostname: brain}
  db: {image: i, networks: [back], ports: ['5432:5432']}
networks: {front: , back: {internal: true}}
";
    check(
        text,
        &[
            ("web>api", "on network front, as api, brain"),
            ("db>api", "on network back, as api, brain, core"),
            ("api>db", "on network back, as db"),
            ("web>db", "no: no-common-network, published-in-vain"),
            ("db>web", "no: no-common-network, no-way-to-host"),
            ("world>web", "8080 -> 80/tcp (published)"),
            ("world>db", "no: published-in-vain"),
            ("world>api", "no: not-published"),
            ("web>world", "through network front"),
            ("api>world", "through network front"),
            ("db>world", "no: no-way-out"),
        ],
    );
}

#[test]
fn ports_of_the_host_lead_from_one_network_to_another() {
    let text = "services:
  a: {image: i, networks: [one]}
  b: {image: i, networks: [two], ports: ['8080:80/udp', '127.0.0.1:9090:90', '7000-7010:70', '443']}
  c: {image: i, networks: [three]}
  d: {image: i, network_mode: host}
networks: {one: , two: , three: {internal: true}}
";
    let open = "8080 -> 80/udp (published); one of 7000-7010 -> 70/tcp (published); a free port -> 443/tcp (published)";
    check(
        text,
        &[
            ("a>b", open),
            ("world>b", open),
            ("c>b", "no: no-common-network, no-way-to-host"),
            (
                "d>b",
                "by its address on network two; 8080 -> 80/udp (published); 127.0.0.1:9090 -> 90/tcp (published); \
                 one of 7000-7010 -> 70/tcp (published); a free port -> 443/tcp (published)",
            ),
        ],
    );
}

#[test]
fn modes() {
    let text = "services:
  net: {image: i, networks: [one]}
  beside: {image: i, network_mode: 'service:net'}
  far: {image: i, network_mode: 'service:beside'}
  other: {image: i, networks: [one]}
  closed: {image: i, networks: [in]}
  none: {image: i, network_mode: none}
  host: {image: i, network_mode: host}
  root: {image: i, network_mode: host}
  old: {image: i, network_mode: bridge}
  older: {image: i, network_mode: bridge}
  foreign: {image: i, network_mode: 'container:x'}
networks: {one: , in: {internal: true}}
";
    check(
        text,
        &[
            ("net>beside", "on the same interfaces, as localhost"),
            ("far>net", "on the same interfaces, as localhost"),
            ("other>net", "on network one, as net"),
            ("other>far", "on network one, by address"),
            ("far>other", "on network one, as other"),
            ("far>world", "through network one"),
            ("none>net", "no: no-network"),
            ("net>none", "no: no-network"),
            ("none>world", "no: no-network"),
            ("none>none", "no: no-network"),
            ("host>root", "on the same interfaces, as localhost"),
            ("host>world", "on the host's interfaces"),
            ("world>host", "on the host's interfaces"),
            ("net>host", "on the host's interfaces"),
            ("closed>host", "on the host's interfaces"),
            ("host>closed", "by its address on network in"),
            ("none>host", "no: no-network"),
            ("old>older", "on network bridge, by address"),
            ("old>net", "no: no-common-network, not-published"),
            ("old>world", "through network bridge"),
            ("net>foreign", "no: foreign-container"),
        ],
    );
}

#[test]
fn drivers_and_their_options() {
    let text = "services:
  a: {image: i, networks: [lan], ports: ['80:80']}
  b: {image: i, networks: [lan]}
  c: {image: i, networks: [apart], ports: ['81:81']}
  d: {image: i, networks: [apart]}
  e: {image: i, networks: [sealed]}
  f: {image: i, networks: [alone]}
  g: {image: i, networks: [dummy]}
  h: {image: i, network_mode: host}
networks:
  lan: {driver: macvlan, driver_opts: {parent: eth0}}
  dummy: {driver: ipvlan}
  apart: {driver_opts: {com.docker.network.bridge.enable_icc: 'false'}}
  alone: {driver_opts: {com.docker.network.bridge.enable_ip_masquerade: 'false'}}
  sealed: {internal: true, driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}}
";
    check(
        text,
        &[
            ("a>b", "on network lan, as b"),
            ("world>a", "at its own address, by network lan"),
            ("a>world", "through network lan"),
            ("d>a", "no: no-common-network, published-in-vain"),
            ("a>c", "no: no-common-network, no-way-to-host"),
            ("d>c", "81 -> 81/tcp (published)"),
            ("c>d", "no: members-apart, not-published"),
            ("e>world", "no: no-way-out"),
            ("h>e", "no: not-published"),
            ("e>h", "no: no-way-to-host"),
            ("a>h", "no: no-way-to-host"),
            ("f>world", "no: no-way-out"),
            ("g>world", "no: no-way-out"),
            ("world>g", "no: not-published"),
        ],
    );
}

/// Two keys may stand for one network, and several names lead to it.
#[test]
fn networks_are_told_apart_by_their_names_in_the_engine() {
    let text = "services:
  a: {image: i, networks: [one]}
  b: {image: i, networks: [two]}
  c: {image: i, network_mode: shared, links: [a]}
networks: {one: {name: shared, external: true}, two: {name: shared, external: true}}
";
    check(
        text,
        &[
            ("a>b", "on network one, as b"),
            ("c>b", "on network shared, as b"),
            ("b>c", "on network two, as c"),
        ],
    );
}

#[test]
fn links_are_names_for_one_service_alone() {
    let text = "services:
  a: {image: i, links: ['b:store']}
  b: {image: i, container_name: the_store}
  c: {image: i}
";
    check(
        text,
        &[
            ("a>b", "on network default, as b, the_store, store"),
            ("c>b", "on network default, as b, the_store"),
        ],
    );
}

#[test]
fn ports_are_known_by_what_the_file_says() {
    let text = "services:
  a: {image: i, ports: ['8080:80/udp', '81'], expose: ['9000-9002', '53/udp', 81]}
";
    let ports: Vec<String> = known_ports(&project(text), "a")
        .iter()
        .map(|(protocol, port)| format!("{port}/{protocol}"))
        .collect();
    assert_eq!(ports, ["53/udp", "80/udp", "81/tcp", "9000/tcp", "9001/tcp", "9002/tcp"]);
}

#[test]
fn an_explanation_has_both_ends_and_what_to_do() {
    let project = project(
        "services:
  web: {image: i, networks: [front]}
  db: {image: i, networks: [back]}
networks: {front: , back: }
",
    );
    let (from, to) = (End::Service("web"), End::Service("db"));
    let said = reach(&project, from, to).explain(&project, from, to, Some(&("tcp".to_owned(), 5432)));
    assert_eq!(said.message, "`web` does not reach `db` at port 5432/tcp");
    let labels: Vec<&str> = said.labels.iter().map(|label| label.text.as_str()).collect();
    assert_eq!(labels, ["`web` is on `front`", "`db` is on `back`", "`db` publishes no port"]);
    assert_eq!(said.help.as_deref(), Some("put both on one network: add `back` to `services.web.networks`"));
}
