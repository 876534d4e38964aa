//! Exports mean what the file means: every pair of ends, port by port, and every name, over random topologies.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;
use topo::diagnostic::one_line;
use topo::k8s::{Options, export};
use topo::load::{MemWorld, Request, load};
use topo::manifests::cluster::Cluster;
use topo::manifests::verify::{Verified, verify};
use topo::project::{Selection, read_contents, resolve};

use crate::cli::run_in_repository;
use crate::examples::compose_files;

/// Exports a project, changes the objects, and compares them with it. Returns what differs as well, a line each.
pub(crate) fn verified(compose: &str, change: impl FnOnce(&mut Vec<Value>)) -> (Verified, Vec<String>) {
    let world = MemWorld::project([("compose.yaml", compose)]);
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    let said: Vec<String> =
        loaded.diagnostics.sorted().into_iter().map(|one| one_line(one, &loaded.sources)).collect();
    assert!(!loaded.diagnostics.has_errors(), "{said:#?}\n{compose}");
    let exported = export(&project, &contents, &Options::default());
    let mut objects: Vec<Value> = exported.objects.iter().map(|object| object.to_json().unwrap()).collect();
    crate::k8s::holds(&objects);
    change(&mut objects);
    let verified = verify(&project, &Cluster::read(&objects).unwrap());
    let differences = verified.differences.iter().map(|one| {
        let labels: Vec<&str> = one.labels.iter().map(|label| label.text.as_str()).collect();
        format!("{}: {}", one.message, labels.join("; "))
    });
    let differences = differences.collect();
    (verified, differences)
}

/// Where a service of a random topology is.
#[derive(Clone, Debug)]
enum Place {
    Networks(BTreeSet<usize>),
    None,
    Host,
    Bridge,
    /// Beside an earlier service.
    Beside(usize),
}

#[derive(Clone, Debug)]
struct Service {
    place: Place,
    /// Ports of the container, whether udp, and whether for the host alone.
    published: Vec<(u16, bool, bool)>,
    exposed: Option<u16>,
    replicas: usize,
    aliases: Vec<usize>,
}

fn topologies() -> impl Strategy<Value = (Vec<bool>, Vec<Service>)> {
    (1_usize..5).prop_flat_map(|count| {
        let place = prop_oneof![
            8 => prop::collection::btree_set(0..count, 1..=count).prop_map(Place::Networks),
            1 => Just(Place::None),
            1 => Just(Place::Host),
            1 => Just(Place::Bridge),
            2 => (0_usize..6).prop_map(Place::Beside),
        ];
        let service = (
            place,
            prop::collection::vec((80_u16..84, any::<bool>(), prop::bool::weighted(0.2)), 0..3),
            prop::option::of(80_u16..90),
            1_usize..3,
            prop::collection::vec(0_usize..4, 0..3),
        );
        let service = service.prop_map(|(place, published, exposed, replicas, aliases)| Service {
            place,
            published,
            exposed,
            replicas,
            aliases,
        });
        (prop::collection::vec(any::<bool>(), count), prop::collection::vec(service, 1..7))
    })
}

fn compose_of(networks: &[bool], services: &[Service]) -> String {
    let mut text = "name: random\nnetworks:\n".to_owned();
    for (at, internal) in networks.iter().enumerate() {
        writeln!(text, "  n{at}: {{internal: {internal}}}").unwrap();
    }
    text += "services:\n";
    for (at, service) in services.iter().enumerate() {
        writeln!(text, "  s{at}:\n    image: i").unwrap();
        let has_networks = matches!(service.place, Place::Networks(_));
        if !matches!(service.place, Place::Host | Place::Beside(_) | Place::None) {
            let mut seen = BTreeSet::new();
            for (port, udp, local) in &service.published {
                let published = 10_000 + 100 * at + usize::from(*port);
                if seen.insert((port, udp)) {
                    let head = if seen.len() == 1 { "    ports:\n" } else { "" };
                    let address = if *local { "127.0.0.1:" } else { "" };
                    let protocol = if *udp { "udp" } else { "tcp" };
                    writeln!(text, "{head}      - '{address}{published}:{port}/{protocol}'").unwrap();
                }
            }
        }
        if let Some(port) = service.exposed {
            writeln!(text, "    expose: [{port}]").unwrap();
        }
        if has_networks && service.replicas > 1 {
            writeln!(text, "    scale: {}", service.replicas).unwrap();
        }
        match &service.place {
            Place::Networks(joined) => {
                // One alias is one service's, on all networks: what means several things cannot be kept.
                let aliases: Vec<String> =
                    service.aliases.iter().map(|alias| format!("a{at}-{alias}")).collect();
                let aliases: BTreeSet<String> = aliases.into_iter().collect();
                let aliases = aliases.into_iter().collect::<Vec<_>>().join(", ");
                writeln!(text, "    networks:").unwrap();
                for network in joined {
                    writeln!(text, "      n{network}: {{aliases: [{aliases}]}}").unwrap();
                }
            }
            Place::Host => writeln!(text, "    network_mode: host").unwrap(),
            Place::Bridge => writeln!(text, "    network_mode: bridge").unwrap(),
            Place::Beside(other) if *other < at => {
                writeln!(text, "    network_mode: 'service:s{other}'").unwrap();
            }
            Place::Beside(_) | Place::None => writeln!(text, "    network_mode: none").unwrap(),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every cell agrees, and every name leads to the same pods.
    #[test]
    fn exports_mean_what_the_file_means((networks, services) in topologies()) {
        let compose = compose_of(&networks, &services);
        let (verified, differences) = verified(&compose, |_| ());
        prop_assert!(differences.is_empty(), "{differences:#?}\n{compose}");
        // The comparison had something to compare: each end with the outside, in both directions.
        prop_assert!(verified.cells >= 3 * services.len(), "{}\n{compose}", verified.cells);
    }
}

const PROJECT: &str = "name: p
services:
  web: {image: i, networks: [front], ports: ['8080:80']}
  api: {image: i, networks: {front: , back: {aliases: [core]}}, expose: [9000]}
  db: {image: i, networks: [back]}
networks: {front: , back: {internal: true}}
";

#[test]
fn what_is_broken_in_manifests_is_found() {
    type Change = fn(&mut Vec<Value>);
    fn named<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
        let is_it = |object: &&mut Value| object["kind"] == kind && object["metadata"]["name"] == name;
        objects.iter_mut().find(is_it).unwrap()
    }
    fn without(objects: &mut Vec<Value>, kind: &str, name: &str) {
        let before = objects.len();
        objects.retain(|object| object["kind"] != kind || object["metadata"]["name"] != name);
        assert_eq!(objects.len() + 1, before, "{kind} {name}");
    }
    let cases: &[(Change, &[&str])] = &[
        (|_| (), &[]),
        (
            |objects| without(objects, "NetworkPolicy", "published-web"),
            &[
                "the outside reaches `web` at 80/tcp only by the file: by the file: 8080 -> 80/tcp (published); \
               by the manifests: `default-deny`, `network-front` let it not in",
            ],
        ),
        (
            |objects| without(objects, "Service", "web-published"),
            &[
                "the outside reaches `web` at 80/tcp only by the file: by the file: 8080 -> 80/tcp (published); \
               by the manifests: no Service leads there from outside",
            ],
        ),
        (
            |objects| {
                named(objects, "Service", "web-published")["spec"]["ports"][0]["port"] = 81.into();
            },
            &[
                "the outside reaches `web` at 80/tcp only by the file: by the file: 8080 -> 80/tcp (published); \
               by the manifests: its Service answers on [81]",
            ],
        ),
        (
            |objects| {
                named(objects, "NetworkPolicy", "network-back")["spec"]["egress"] = serde_json::json!([{}]);
            },
            &[
                "`db` reaches the outside only by the manifests: by the file: `db` does not get out: it is on `back` alone; \
                 by the manifests: no policy refuses it",
                "`db` reaches `web` at 80/tcp only by the manifests: by the file: `db` and `web` share no network; \
                 `db` gets to no port of the host: it is on `back` alone; by the manifests: no policy refuses it",
            ],
        ),
        (
            |objects| without(objects, "NetworkPolicy", "allow-dns"),
            &[
                "`db` reaches the cluster's DNS at 53/udp, 53/tcp only by the file: by the file: it has a network, and looks \
               names up; by the manifests: `default-deny`, `network-back` let it not out",
            ],
        ),
        (
            |objects| without(objects, "Service", "core"),
            &[
                "name `core` on network `p_back` is not the same in the manifests: the manifests have no Service `core`",
            ],
        ),
        (
            |objects| {
                named(objects, "Service", "db")["spec"]["selector"]["app.kubernetes.io/name"] = "web".into();
            },
            &[
                "name `db` on network `p_back` is not the same in the manifests: Service `db` leads to Deployment/web, \
               not to Deployment/db",
            ],
        ),
        (
            |objects| {
                let labels =
                    &mut named(objects, "Deployment", "api")["spec"]["template"]["metadata"]["labels"];
                labels.as_object_mut().unwrap().remove("topo.dev/net.back");
            },
            &[
                "`api` reaches `db` at any other tcp port, any other udp port only by the file: by the file: \
                 on network back, as db; by the manifests: `default-deny`, `network-back` let it not in",
                "`db` reaches `api` at 9000/tcp, any other tcp port, any other udp port only by the file: by the file: \
                 on network back, as api, core; by the manifests: `allow-dns`, `default-deny`, `network-back` let it not out",
            ],
        ),
        (
            |objects| without(objects, "Deployment", "db"),
            &["no pod of the manifests has a container of service `db`: this service is missing"],
        ),
    ];
    for (change, expected) in cases {
        let (_, mut differences) = verified(PROJECT, change);
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        differences.sort();
        expected.sort();
        assert_eq!(differences, expected);
    }
}

/// Who has no network asks nobody, and the file says where the cluster's DNS is.
#[test]
fn dns_is_asked_where_the_file_says_that_it_is() {
    let project = "name: p
x-topo: {kubernetes: {dns: {namespace: dns, labels: {dns: own}, ports: [5353], cidrs: [169.254.20.10/32]}}}
services:
  web: {image: i, networks: [inside]}
  alone: {image: i, network_mode: none}
networks: {inside: {internal: true}}
";
    let policy = |objects: &mut Vec<Value>| {
        objects.iter().position(|one| one["metadata"]["name"] == "allow-dns").unwrap()
    };
    assert_eq!(verified(project, |_| ()).1, [""; 0]);
    let (_, differences) = verified(project, |objects| {
        let at = policy(objects);
        objects[at]["spec"]["podSelector"] = serde_json::json!({});
    });
    assert_eq!(
        differences,
        [
            "`alone` reaches the cluster's DNS at 5353/udp, 5353/tcp, 5353/udp of 169.254.20.10, 5353/tcp of 169.254.20.10 only by the manifests: by the file: \
          it has no network; by the manifests: no policy refuses it"
        ]
    );
    let (_, differences) = verified(project, |objects| {
        let at = policy(objects);
        objects[at]["spec"]["egress"][0]["to"].as_array_mut().unwrap().pop();
    });
    assert_eq!(differences.len(), 1, "{differences:#?}");
    assert!(differences[0].starts_with("`web` reaches the cluster's DNS at 5353/udp of 169.254.20.10, 5353/tcp of 169.254.20.10 only by the file"));
}

/// What labels of kompose keep inside, topo keeps inside as well.
#[test]
fn published_ports_stay_inside_where_kompose_is_told_so() {
    let labelled = |kind: &str| {
        format!(
            "name: p\nservices: {{web: {{image: i, ports: ['8080:80'], labels: {{kompose.service.type: {kind}}}}}}}\n"
        )
    };
    for kind in ["headless", "ClusterIP", "loadbalancer", "nodeport"] {
        assert_eq!(verified(&labelled(kind), |_| ()).1, [""; 0], "{kind}");
    }
}

#[test]
fn what_cannot_be_exported_is_told() {
    let project = "name: p
services:
  a: {image: i, networks: [lan], expose: [80]}
networks:
  lan: {driver: macvlan, driver_opts: {parent: eth0}}
";
    let (_, differences) = verified(project, |_| ());
    let heads: Vec<&str> = differences.iter().filter_map(|one| one.split(": ").next()).collect();
    assert_eq!(
        heads,
        ["the outside reaches `a` at 80/tcp, any other tcp port, any other udp port only by the file"]
    );
}

#[test]
fn the_command_writes_nothing_that_differs() {
    let folder = crate::cli::project(PROJECT);
    let run = crate::cli::run(&["export", "k8s", "--verify"], &folder, 0);
    assert!(run.out.contains("kind: NetworkPolicy"), "{}", run.out);
    let verified = "verified: 33 pairs and ports, and 5 names, as the file has them";
    assert!(run.err.contains(verified), "{}", run.err);
    let apart = PROJECT.replace(
        "\nnetworks: {front: ,",
        "\nnetworks: {front: {driver: macvlan, driver_opts: {parent: eth0}},",
    );
    let run = crate::cli::run(&["export", "k8s", "--verify"], &crate::cli::project(&apart), 1);
    assert_eq!(run.out, "");
    assert!(run.err.contains("error[export-differs]: the outside reaches `api`"), "{}", run.err);
}

#[test]
fn each_example_means_the_same_in_a_cluster() {
    for file in compose_files() {
        // A name with a dot, and addresses in the local network, are nothing that a cluster has.
        let differs = ["modes/bridge", "modes/macvlan"].iter().any(|mode| file.contains(mode));
        let said = run_in_repository(&["-f", &file, "export", "k8s", "--verify"], i32::from(differs));
        assert_eq!(said.contains("\nverified: "), !differs, "{file}: {said}");
        assert_eq!(said.contains("error[export-differs]"), differs, "{file}: {said}");
    }
}
