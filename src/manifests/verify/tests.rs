//! One of a class stands for all of it: random projects beside random manifests, which are nothing alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::load::{MemWorld, Request, load};
use crate::project::{Selection, resolve};

/// Labels by number, which pods have and selectors ask for.
type Labels = Vec<Option<bool>>;

#[derive(Clone, Debug)]
struct Service {
    networks: Vec<bool>,
    /// What it is on: its networks, the host, nothing, or what the first service is on.
    mode: usize,
    is_published: bool,
    replicas: usize,
    /// The pod that its container is in.
    pod: usize,
    labels: Labels,
    is_on_node: bool,
    is_elsewhere: bool,
}

#[derive(Clone, Debug)]
struct Policy {
    selector: Labels,
    types: Vec<&'static str>,
    /// Who comes in or gets out, `None` for everybody, and at which port.
    rules: Vec<(Option<Labels>, Option<u16>)>,
    is_elsewhere: bool,
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(prop::option::weighted(0.4, any::<bool>()), 3)
}

fn services() -> impl Strategy<Value = Vec<Service>> {
    let service = (
        (prop::collection::vec(any::<bool>(), 2), prop_oneof![5 => Just(0), 3 => 1_usize..4]),
        (
            any::<bool>(),
            1_usize..3,
            0_usize..8,
            labels(),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.1),
        ),
    );
    let service =
        service.prop_map(|((networks, mode), (is_published, replicas, pod, labels, node, other))| Service {
            networks,
            mode,
            is_published,
            replicas,
            pod,
            labels,
            is_on_node: node,
            is_elsewhere: other,
        });
    prop::collection::vec(service, 2..8)
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let types = prop_oneof![Just(vec!["Ingress"]), Just(vec!["Egress"]), Just(vec!["Ingress", "Egress"])];
    let rule = (prop::option::of(labels()), prop::option::of(Just(80)));
    let policy = (labels(), types, prop::collection::vec(rule, 0..3), prop::bool::weighted(0.1));
    let policy = policy.prop_map(|(selector, types, rules, is_elsewhere)| Policy {
        selector,
        types,
        rules,
        is_elsewhere,
    });
    prop::collection::vec(policy, 0..5)
}

fn compose_of(services: &[Service]) -> String {
    let mut text = "name: p\nnetworks: {n0: {internal: true}, n1: {}}\nservices:\n".to_owned();
    for (at, service) in services.iter().enumerate() {
        let networks = (0..2).filter(|network| service.networks[*network]);
        let networks: Vec<String> = networks.map(|network| format!("n{network}")).collect();
        let place = match service.mode {
            1 => "network_mode: host".to_owned(),
            2 => "network_mode: none".to_owned(),
            3 if at > 0 => "network_mode: 'service:s0'".to_owned(),
            _ => format!("networks: [{}]", networks.join(", ")),
        };
        let is_plain = place.starts_with("networks");
        let ports = if service.is_published && is_plain {
            format!(", ports: ['{}:80']", 8000 + at)
        } else {
            String::new()
        };
        let scale = if is_plain { format!(", scale: {}", service.replicas) } else { String::new() };
        writeln!(text, "  s{at}: {{image: i, {place}{ports}{scale}}}").unwrap();
    }
    text
}

fn objects_of(services: &[Service], policies: &[Policy]) -> Vec<Value> {
    let named = |labels: &Labels| -> BTreeMap<String, String> {
        let given = labels.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?)));
        given.map(|(at, value)| (format!("l{at}"), value.to_string())).collect()
    };
    let namespace = |is_elsewhere: bool| if is_elsewhere { "other" } else { "own" };
    let mut objects = Vec::new();
    for (at, first) in services.iter().enumerate() {
        // Most are in pods of their own.
        let inside = services.iter().enumerate().filter(|(other, service)| match service.pod {
            pod @ (0 | 1) => pod == at,
            _ => *other == at,
        });
        let containers: Vec<Value> =
            inside.map(|(other, _)| json!({ "name": format!("s{other}"), "image": "i" })).collect();
        let metadata = json!({
            "name": format!("p{at}"), "namespace": namespace(first.is_elsewhere), "labels": named(&first.labels),
        });
        let spec = json!({ "hostNetwork": first.is_on_node, "containers": containers });
        objects.push(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec }));
    }
    for (at, policy) in policies.iter().enumerate() {
        let rules = |peers: &str| {
            let rule = |(peer, port): &(Option<Labels>, Option<u16>)| {
                let mut rule = json!({});
                if let Some(peer) = peer {
                    rule[peers] = json!([{ "podSelector": { "matchLabels": named(peer) } }]);
                }
                if let Some(port) = port {
                    rule["ports"] = json!([{ "port": port }]);
                }
                rule
            };
            policy.rules.iter().map(rule).collect::<Vec<_>>()
        };
        objects.push(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": format!("policy{at}"), "namespace": namespace(policy.is_elsewhere) },
            "spec": {
                "podSelector": { "matchLabels": named(&policy.selector) },
                "policyTypes": policy.types, "ingress": rules("from"), "egress": rules("to"),
            },
        }));
    }
    objects
}

fn told(found: &Verified) -> Vec<String> {
    let mut told: Vec<String> = found.differences.iter().map(|one| format!("{one:?}")).collect();
    told.sort();
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_of_a_class_stands_for_all_of_it((services, policies) in (services(), policies())) {
        let compose = compose_of(&services);
        let world = MemWorld::project([("compose.yaml", &*compose)]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, &Selection::default(), &world);
        prop_assert!(!loaded.diagnostics.has_errors(), "{:#?}\n{compose}", loaded.diagnostics.sorted());
        let cluster = Cluster::read(&objects_of(&services, &policies)).unwrap();
        let services = found_services(&project, &cluster, &mut Vec::new());
        let comparison = Comparison { project: &project, cluster: &cluster, services };
        let (mut by_class, mut one_by_one) = (Verified::default(), Verified::default());
        for to in comparison.ends() {
            comparison.classes().iter().for_each(|class| by_class.add(comparison.compare_class(class, to)));
            comparison.ends().for_each(|from| one_by_one.add(comparison.compare(from, to)));
        }
        prop_assert_eq!(told(&by_class), told(&one_by_one));
        let counts = |found: &Verified| (found.cells, found.on_own_node);
        prop_assert_eq!(counts(&by_class), counts(&one_by_one));
    }
}
