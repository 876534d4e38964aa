//! Networks that close by their drivers and options are as closed in a cluster, projects that share a namespace leave each
//! other alone, and containers are found by all the names that others call them by.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;
use topo::k8s::{Export, Options};

use crate::k8s::exported;
use crate::verify::verified;

/// Whatever of a network decides who gets through.
const NETWORKS: [&str; 8] = [
    "",
    "internal: true",
    "driver_opts: {com.docker.network.bridge.enable_icc: 'false'}",
    "internal: true, driver_opts: {com.docker.network.bridge.enable_icc: 'false'}",
    "driver_opts: {com.docker.network.bridge.enable_ip_masquerade: 'false'}",
    "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}",
    "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: routed}",
    "driver: macvlan",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever options close, the policies close.
    #[test]
    fn networks_that_close_are_closed(
        networks in prop::collection::vec(prop::sample::select(&NETWORKS[..]), 3),
        services in prop::collection::vec(prop::collection::btree_set(0_usize..3, 1..=3), 1..6),
        on_host in any::<bool>(),
    ) {
        let mut text = "name: random\nservices:\n".to_owned();
        for (at, joined) in services.iter().enumerate() {
            let joined: Vec<String> = joined.iter().map(|network| format!("n{network}")).collect();
            let ports = format!("'{}:80'", 8000 + at);
            writeln!(text, "  s{at}: {{image: i, networks: [{}], ports: [{ports}]}}", joined.join(", ")).unwrap();
        }
        if on_host {
            text += "  host: {image: i, network_mode: host}\n";
        }
        text += "networks:\n";
        for (at, network) in networks.iter().enumerate() {
            writeln!(text, "  n{at}: {{{network}}}").unwrap();
        }
        let (_, differences) = verified(&text, |_| ());
        prop_assert!(differences.is_empty(), "{differences:#?}\n{text}");
    }
}

/// The engine has one network `host` and one `none`; joining them is what `network_mode` says of them.
#[test]
fn networks_of_the_engine_are_those_of_the_node_or_none() {
    let compose = "name: p
services:
  a: {image: i, networks: [outer]}
  b: {image: i, networks: [nothing]}
  c: {image: i, networks: [empty]}
  d: {image: i}
networks:
  outer: {external: true, name: host}
  nothing: {external: true, name: none}
  empty: {driver: 'null'}
";
    let (_, differences) = verified(compose, |_| ());
    assert_eq!(differences, [""; 0]);
    let (export, _) = exported(compose, &Options::default());
    let pod = |name: &str| object(&export, "Deployment", name)["spec"]["template"].clone();
    assert_eq!(pod("a")["spec"]["hostNetwork"], true);
    for name in ["b", "c"] {
        assert_eq!(pod(name)["metadata"]["labels"].get("topo.dev/dns"), None, "{name}");
    }
    let said = |name: &str| {
        let key = format!("services.{name}.networks");
        export.losses.iter().find(|loss| loss.key == key).unwrap().diagnostic.message.clone()
    };
    assert!(said("a").contains("interfaces of its node"), "{}", said("a"));
    assert!(said("b").contains("policies let nothing through"), "{}", said("b"));
}

/// Options that policies cannot follow are told, each at its line.
#[test]
fn other_options_of_drivers_are_lost() {
    let compose = "services: {a: {image: i, networks: [n, lan]}}
networks:
  n: {driver_opts: {com.docker.network.bridge.enable_icc: 'false', com.docker.network.driver.mtu: '1400'}}
  lan: {driver: macvlan, driver_opts: {parent: eth0}}
";
    let (export, _) = exported(compose, &Options::default());
    let keys = export.losses.iter().map(|loss| loss.key.as_str());
    let keys: Vec<&str> = keys.filter(|key| key.contains("driver_opts")).collect();
    assert_eq!(
        keys,
        ["networks.n.driver_opts.com.docker.network.driver.mtu", "networks.lan.driver_opts.parent"]
    );
}

/// Two projects in one namespace both had a policy `default-deny`, and the later one took the isolation of the earlier one away.
#[test]
fn projects_that_share_a_namespace_have_policies_of_their_own() {
    let policies = |project: &str, namespace: Option<&str>| -> BTreeSet<String> {
        let compose = format!("name: {project}\nservices: {{web: {{image: i, ports: ['80:80']}}}}\n");
        let options = Options { namespace: namespace.map(str::to_owned), ..Options::default() };
        let (export, _) = exported(&compose, &options);
        let policies = export.objects.iter().filter(|object| object.kind() == "NetworkPolicy");
        policies.map(|policy| policy.name().to_owned()).collect()
    };
    let own = policies("n1", None);
    assert!(own.contains("default-deny") && own.contains("published-web"), "{own:?}");
    assert_eq!(policies("n1", Some("n1")), own);
    let (one, other) = (policies("n1", Some("shared")), policies("n2", Some("shared")));
    assert_eq!(one.len(), own.len());
    assert!(one.contains("n1-default-deny"), "{one:?}");
    assert!(one.is_disjoint(&other), "{one:?} {other:?}");
}

/// `container:` with the name of one of the project's own containers is what `service:` is.
#[test]
fn who_shares_the_interfaces_of_a_container_of_the_project_is_in_its_pod() {
    let compose = "name: p
services:
  vpn: {image: i, container_name: gluetun, ports: ['8080:80']}
  app: {image: i, network_mode: 'container:gluetun'}
  db: {image: i}
  backup: {image: i, network_mode: 'container:p-db-1'}
  other: {image: i, network_mode: 'container:elsewhere'}
";
    let (_, differences) = verified(compose, |_| ());
    assert_eq!(differences, [""; 0]);
    let (export, _) = exported(compose, &Options::default());
    for (root, beside) in [("vpn", "app"), ("db", "backup")] {
        let pod = &object(&export, "Deployment", root)["spec"]["template"]["spec"];
        assert_eq!(pod["initContainers"][0]["name"], beside);
    }
    let deployments = export.objects.iter().filter(|object| object.kind() == "Deployment");
    let deployments: Vec<&str> = deployments.map(topo::k8s::Object::name).collect();
    assert_eq!(deployments, ["db", "other", "vpn"]);
    let folder = crate::cli::project(compose);
    let run = crate::cli::run(&["reach", "app", "db"], &folder, 0);
    assert!(run.out.contains("app reaches db"), "{}", run.out);
}

/// Docker gives containers names that others can write. Those are kept where they can be, and are told where not.
#[test]
fn names_that_docker_gives_to_containers_are_kept_where_somebody_uses_them() {
    let compose = "name: p
services:
  app:
    image: i
    environment: {DB: 'postgres://p-db-1:5432/app'}
    command: ['--cache', 'p-cache-2:6379', '--self', p-app-1]
    healthcheck: {test: [CMD, ping, p-queue-1]}
  db: {image: i}
  cache: {image: i, scale: 2}
  queue: {image: i}
  unused: {image: i}
";
    let (export, _) = exported(compose, &Options::default());
    let services = export.objects.iter().filter(|object| object.kind() == "Service");
    let numbered: Vec<&str> =
        services.map(topo::k8s::Object::name).filter(|name| name.starts_with("p-")).collect();
    assert_eq!(numbered, ["p-db-1", "p-queue-1"]);
    let selector = &object(&export, "Service", "p-db-1")["spec"]["selector"];
    assert_eq!(selector["app.kubernetes.io/name"], "db");
    let lost: Vec<&str> = export
        .losses
        .iter()
        .filter(|loss| loss.diagnostic.message.starts_with("container `"))
        .map(|loss| loss.key.as_str())
        .collect();
    assert_eq!(lost, ["services.app.command"]);
}

/// A command may name an address as well as a variable may.
#[test]
fn uses_of_addresses_and_lost_names_are_shown_in_commands_too() {
    let compose = "name: p
services:
  db_1: {image: i, networks: {n: {ipv4_address: 10.9.0.5}}}
  app:
    image: i
    networks: [n]
    command: ['--address', '10.9.0.5:80', '--name', 'http://db_1/', '--other', '10.9.0.50']
    entrypoint: run --host db_1
networks: {n: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}
";
    let (export, sources) = exported(compose, &Options::default());
    let lines = |message: &str| -> Vec<usize> {
        let loss = export.losses.iter().find(|loss| loss.diagnostic.message.contains(message)).unwrap();
        let others = loss.diagnostic.labels.iter().skip(1);
        others.map(|label| sources.locate(label.span).unwrap().line).collect()
    };
    assert_eq!(lines("ipv4_address"), [7]);
    assert_eq!(lines("is found as `db-1`"), [7, 8]);
}

fn object(export: &Export, kind: &str, name: &str) -> Value {
    let found = export.objects.iter().find(|object| object.kind() == kind && object.name() == name);
    found.unwrap().to_json().unwrap()
}
