//! Recipes that people know, with the answers that the documentation gives.

use serde_json::{Value, json};

use super::*;

/// Pods by name: `namespace/name`, with the label `app: name` and ports called `http` (8080/TCP) and `dns` (53/UDP).
fn pod(place: &str, more: &Value) -> Value {
    let (namespace, name) = place.split_once('/').unwrap();
    let mut labels = json!({ "app": name });
    labels.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": {
            "hostNetwork": name == "node",
            "containers": [{
                "name": "main", "image": "i",
                "ports": [
                    { "name": "http", "containerPort": 8080 },
                    { "name": "dns", "containerPort": 53, "protocol": "UDP" },
                ],
            }],
        },
    })
}

fn cluster(policies: &[Value]) -> Cluster {
    let policy = |(at, spec): (usize, &Value)| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": format!("p{at}"), "namespace": "own" }, "spec": spec,
        })
    };
    let mut objects: Vec<Value> = policies.iter().enumerate().map(policy).collect();
    objects.extend([
        pod("own/web", &json!({})),
        pod("own/db", &json!({ "tier": "data" })),
        pod("own/node", &json!({})),
        pod("other/web", &json!({})),
        pod("other/db", &json!({ "tier": "data" })),
        pod("kube-system/dns", &json!({ "k8s-app": "kube-dns" })),
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "other", "labels": { "team": "b" } } }),
    ]);
    Cluster::read(&objects).unwrap()
}

/// Each line is `from to protocol port`, of pods or addresses, and all others of the ends must be shut.
fn check(policies: &[Value], asked: &[(&str, bool)]) {
    let cluster = cluster(policies);
    for (line, expected) in asked {
        let words: Vec<&str> = line.split(' ').collect();
        let [from, to, protocol, port] = words[..] else { panic!("{line}") };
        let end = |text: &str| match text.parse() {
            Ok(address) => Peer::Address(address),
            Err(_) => {
                let is_it = |pod: &&Pod| format!("{}/{}", pod.namespace, &pod.workload[4..]) == text;
                Peer::Pod(cluster.pods.iter().find(is_it).unwrap())
            }
        };
        let verdict = cluster.allows(end(from), end(to), protocol, port.parse().unwrap());
        assert_eq!(verdict == Verdict::Allowed, *expected, "{line}: {verdict:?}");
    }
}

#[test]
fn without_policies_everything_is_open() {
    check(
        &[],
        &[("own/web own/db TCP 1", true), ("own/web 1.1.1.1 UDP 53", true), ("1.1.1.1 own/web TCP 80", true)],
    );
}

#[test]
fn deny_all_ingress() {
    check(
        &[json!({ "podSelector": {}, "policyTypes": ["Ingress"] })],
        &[
            ("own/web own/db TCP 80", false),
            ("other/web own/db TCP 80", false),
            ("1.1.1.1 own/db TCP 80", false),
            ("own/web 1.1.1.1 TCP 80", true),
            ("own/web other/db TCP 80", true),
            ("other/web other/db TCP 80", true),
        ],
    );
}

#[test]
fn deny_all_egress() {
    check(
        &[json!({ "podSelector": {}, "policyTypes": ["Egress"] })],
        &[
            ("own/web own/db TCP 80", false),
            ("own/web 1.1.1.1 TCP 80", false),
            ("other/web own/db TCP 80", true),
        ],
    );
}

#[test]
fn allow_all_is_one_empty_rule() {
    let deny = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
    let allow =
        json!({ "podSelector": {}, "ingress": [{}], "egress": [{}], "policyTypes": ["Ingress", "Egress"] });
    check(
        &[deny, allow],
        &[("own/web own/db UDP 9", true), ("1.1.1.1 own/db TCP 80", true), ("own/db 1.1.1.1 TCP 80", true)],
    );
}

#[test]
fn types_that_are_not_written_follow_from_the_rules() {
    check(
        &[
            json!({ "podSelector": { "matchLabels": { "app": "web" } }, "egress": [{ "ports": [{ "port": 80 }] }] }),
        ],
        &[
            ("own/web 1.1.1.1 TCP 80", true),
            ("own/web 1.1.1.1 TCP 81", false),
            ("own/db own/web TCP 80", false),
        ],
    );
    check(
        &[json!({ "podSelector": {}, "ingress": [{}] })],
        &[("own/web 1.1.1.1 TCP 81", true), ("own/db own/web TCP 80", true)],
    );
}

#[test]
fn allow_from_one_app_at_one_port() {
    let policy = json!({
        "podSelector": { "matchLabels": { "app": "db" } },
        "ingress": [{
            "from": [{ "podSelector": { "matchLabels": { "app": "web" } } }],
            "ports": [{ "protocol": "TCP", "port": 5432 }],
        }],
    });
    check(
        &[policy],
        &[
            ("own/web own/db TCP 5432", true),
            ("own/web own/db TCP 5433", false),
            ("own/web own/db UDP 5432", false),
            ("other/web own/db TCP 5432", false),
            ("own/db own/db TCP 5432", false),
            ("1.1.1.1 own/db TCP 5432", false),
        ],
    );
}

#[test]
fn namespace_and_pod_selectors_in_one_peer_and_in_two() {
    let from = |peers: Value| json!({ "podSelector": {}, "ingress": [{ "from": peers }] });
    let (namespace, app) =
        (json!({ "matchLabels": { "team": "b" } }), json!({ "matchLabels": { "app": "web" } }));
    check(
        &[from(json!([{ "namespaceSelector": namespace, "podSelector": app }]))],
        &[
            ("other/web own/db TCP 1", true),
            ("other/db own/db TCP 1", false),
            ("own/web own/db TCP 1", false),
        ],
    );
    check(
        &[from(json!([{ "namespaceSelector": namespace }, { "podSelector": app }]))],
        &[
            ("other/web own/db TCP 1", true),
            ("other/db own/db TCP 1", true),
            ("own/web own/db TCP 1", true),
            ("own/db own/web TCP 1", false),
            ("kube-system/dns own/db TCP 1", false),
        ],
    );
    check(
        &[from(json!([{ "namespaceSelector": {} }]))],
        &[
            ("kube-system/dns own/db TCP 1", true),
            ("own/web own/db TCP 1", true),
            ("1.1.1.1 own/db TCP 1", false),
        ],
    );
}

#[test]
fn allow_dns_alone() {
    let policy = json!({
        "podSelector": {}, "policyTypes": ["Egress"],
        "egress": [{
            "to": [{
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
                "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
            }],
            "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }],
        }],
    });
    check(
        &[policy],
        &[
            ("own/web kube-system/dns UDP 53", true),
            ("own/web kube-system/dns TCP 53", true),
            ("own/web kube-system/dns TCP 54", false),
            ("own/web own/db UDP 53", false),
            ("own/web 1.1.1.1 UDP 53", false),
        ],
    );
}

#[test]
fn blocks_of_addresses_with_exceptions() {
    let block = json!({ "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.3.4/32"] });
    let policy = json!({
        "podSelector": {}, "policyTypes": ["Egress", "Ingress"],
        "egress": [{ "to": [{ "ipBlock": block }] }],
        "ingress": [{ "from": [{ "ipBlock": { "cidr": "fd00::/8" } }] }],
    });
    check(
        &[policy],
        &[
            ("own/web 10.0.0.1 TCP 80", true),
            ("own/web 10.1.0.1 TCP 80", false),
            ("own/web 10.2.3.4 TCP 80", false),
            ("own/web 10.2.3.5 TCP 80", true),
            ("own/web 11.0.0.1 TCP 80", false),
            ("own/web own/db TCP 80", false),
            ("fd00::1 own/web TCP 80", true),
            ("10.0.0.1 own/web TCP 80", false),
        ],
    );
}

#[test]
fn expressions() {
    for (expression, web, db) in [
        (json!({ "key": "tier", "operator": "Exists" }), false, true),
        (json!({ "key": "tier", "operator": "DoesNotExist" }), true, false),
        (json!({ "key": "app", "operator": "In", "values": ["web", "x"] }), true, false),
        (json!({ "key": "app", "operator": "NotIn", "values": ["web"] }), false, true),
        (json!({ "key": "tier", "operator": "NotIn", "values": ["data"] }), true, false),
    ] {
        let policy = json!({
            "podSelector": { "matchLabels": { "app": "web" } },
            "ingress": [{ "from": [{ "podSelector": { "matchExpressions": [expression] } }] }],
        });
        check(&[policy], &[("own/web own/web TCP 1", web), ("own/db own/web TCP 1", db)]);
    }
    // All conditions of a selector must hold.
    let both = json!({ "matchLabels": { "app": "db" }, "matchExpressions": [{ "key": "tier", "operator": "DoesNotExist" }] });
    check(&[json!({ "podSelector": both })], &[("own/web own/db TCP 1", true)]);
}

#[test]
fn ranges_and_names_of_ports() {
    let policy = json!({
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
        "ingress": [{ "ports": [{ "port": 8000, "endPort": 8010 }, { "port": "dns", "protocol": "UDP" }] }],
        "egress": [{ "ports": [{ "port": "http" }, { "protocol": "SCTP" }] }],
    });
    check(
        &[policy],
        &[
            ("1.1.1.1 own/db TCP 7999", false),
            ("1.1.1.1 own/db TCP 8000", true),
            ("1.1.1.1 own/db TCP 8010", true),
            ("1.1.1.1 own/db TCP 8011", false),
            ("1.1.1.1 own/db UDP 8000", false),
            ("1.1.1.1 own/db UDP 53", true),
            ("1.1.1.1 own/db TCP 53", false),
            ("own/web other/db TCP 8080", true),
            ("own/web other/db TCP 8081", false),
            ("own/web 1.1.1.1 TCP 8080", false),
            ("own/web 1.1.1.1 SCTP 9", true),
        ],
    );
}

#[test]
fn policies_add_up_and_both_sides_must_let_through() {
    let app = |name: &str| json!({ "matchLabels": { "app": name } });
    let policies = [
        json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }),
        json!({ "podSelector": app("db"), "ingress": [{ "from": [{ "podSelector": app("web") }] }] }),
        json!({ "podSelector": app("db"), "ingress": [{ "ports": [{ "port": 9187 }] }] }),
        json!({
            "podSelector": app("web"), "policyTypes": ["Egress"], "egress": [{ "ports": [{ "port": 5432 }] }],
        }),
    ];
    check(
        &policies,
        &[
            ("own/web own/db TCP 5432", true),
            ("own/web own/db TCP 9187", false),
            ("other/web own/db TCP 9187", true),
            ("other/web own/db TCP 5432", false),
            ("own/db own/web TCP 1", false),
        ],
    );
}

#[test]
fn policies_do_not_hold_on_nodes() {
    let deny = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
    check(
        std::slice::from_ref(&deny),
        &[
            ("own/node 1.1.1.1 TCP 80", true),
            ("1.1.1.1 own/node TCP 80", true),
            ("own/node own/web TCP 80", false),
            ("own/web own/node TCP 80", false),
        ],
    );
    let from_all_pods = json!({ "podSelector": {}, "ingress": [{ "from": [{ "podSelector": {} }] }] });
    check(&[deny, from_all_pods], &[("own/node own/web TCP 80", false)]);
}

#[test]
fn a_policy_is_of_its_namespace() {
    check(
        &[json!({ "podSelector": {}, "ingress": [{ "from": [{ "podSelector": {} }] }] })],
        &[
            ("own/web own/db TCP 1", true),
            ("other/web own/db TCP 1", false),
            ("own/web other/db TCP 1", true),
        ],
    );
}

#[test]
fn a_refusal_names_the_policies_in_force() {
    let cluster =
        cluster(&[json!({ "podSelector": {} }), json!({ "podSelector": {}, "policyTypes": ["Egress"] })]);
    let (web, db) = (Peer::Pod(&cluster.pods[0]), Peer::Pod(&cluster.pods[1]));
    assert_eq!(cluster.allows(web, db, "TCP", 1), Verdict::NoEgress(vec!["p1".to_owned()]));
    let address = Peer::Address([1, 1, 1, 1].into());
    assert_eq!(cluster.allows(address, db, "TCP", 1), Verdict::NoIngress(vec!["p0".to_owned()]));
}

#[test]
fn pods_come_from_all_workloads() {
    let template = json!({
        "metadata": { "labels": { "app": "x" } },
        "spec": {
            "containers": [{ "name": "main", "image": "i" }],
            "initContainers": [
                { "name": "side", "image": "i", "restartPolicy": "Always" },
                { "name": "first", "image": "i" },
            ],
        },
    });
    let spec = json!({ "selector": {}, "serviceName": "x", "template": template });
    let mut objects: Vec<Value> = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]
        .iter()
        .map(|kind| json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "x" }, "spec": spec }))
        .collect();
    objects
        .push(json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "x" }, "spec": spec }));
    objects.push(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "x" },
        "spec": { "schedule": "* * * * *", "jobTemplate": { "spec": spec } },
    }));
    let cluster = Cluster::read(&objects).unwrap();
    assert_eq!(cluster.pods.len(), 6);
    for pod in &cluster.pods {
        assert_eq!(pod.containers, ["main".to_owned(), "side".to_owned()].into(), "{}", pod.workload);
        assert_eq!((pod.namespace.as_str(), pod.labels["app"].as_str()), ("default", "x"));
    }
    let wrong = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x" }, "spec": 1 });
    assert!(Cluster::read(&[wrong]).unwrap_err().starts_with("`Service` `x`: "));
}

#[test]
fn services_lead_to_pods() {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s", "namespace": "own" },
        "spec": {
            "type": "LoadBalancer", "selector": { "app": "web" },
            "ports": [{ "port": 80, "targetPort": "http" }, { "port": 53, "protocol": "UDP" }],
        },
    });
    let objects = [pod("own/web", &json!({})), pod("other/web", &json!({})), service];
    let cluster = Cluster::read(&objects).unwrap();
    let service = &cluster.services[0];
    assert_eq!(service.outside, Some(Outside::OwnPorts));
    assert_eq!(cluster.pods_of(service).collect::<Vec<_>>(), [&cluster.pods[0]]);
    let ports = [("TCP".to_owned(), 8080, 80), ("UDP".to_owned(), 53, 53)];
    assert_eq!(service.ports_to(&cluster.pods[0]), ports);
}

#[test]
fn pods_that_policies_cannot_tell_apart_have_one_standing() {
    let cluster = cluster(&[
        json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }),
        json!({ "podSelector": { "matchLabels": { "app": "db" } }, "ingress": [{
            "from": [{ "podSelector": { "matchExpressions": [{ "key": "tier", "operator": "Exists" }] } }],
        }] }),
    ]);
    let standing = |at: usize| cluster.standing(&cluster.pods[at]);
    // Nobody asks for `app` of those who come in, and the policy that selects `db` says nothing of what goes out.
    let mut plain = cluster.pods[0].clone();
    plain.labels.insert("app".to_owned(), "db".to_owned());
    assert_eq!(cluster.standing(&plain), standing(0));
    assert_ne!(standing(0), standing(1), "`db` has the label `tier`");
    assert_ne!(standing(0), standing(2), "one is on its node");
    assert_ne!(standing(0), standing(3), "they are in two namespaces, and only one has policies");
}

#[test]
fn what_stands_in_for_a_pod_has_the_policies_for_it() {
    let cluster = cluster(&[json!({ "podSelector": { "matchLabels": { "app": "new" } } })]);
    let [new, other] =
        ["new", "other"].map(|app| cluster.stand_in("own", [("app".to_owned(), app.to_owned())].into()));
    let asks = |to| cluster.allows(Peer::Pod(&cluster.pods[0]), Peer::Pod(to), "TCP", 80);
    assert_eq!(asks(&new), Verdict::NoIngress(vec!["p0".to_owned()]));
    assert_eq!(asks(&other), Verdict::Allowed);
}
