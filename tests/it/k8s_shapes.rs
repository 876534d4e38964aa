//! One thing at a time that an export makes of a small project, and what it says of it.

use serde_json::{Value, json};
use topo::diagnostic::Code;
use topo::k8s::{Options, Published};
use topo::load::{MemWorld, Request, load};
use topo::manifests::read::Manifests;
use topo::manifests::validate::validate;
use topo::model::x_topo::WaitFor;

use crate::k8s::exported;

/// The objects of an export, in which topo's own validator finds nothing wrong, and what is lost (`-`) or approximated
/// (`~`), by key.
struct Made {
    objects: Vec<Value>,
    told: Vec<String>,
}

impl Made {
    fn of(compose: &str) -> Self {
        Self::with(compose, &Options::default())
    }

    fn with(compose: &str, options: &Options) -> Self {
        let (export, _) = exported(compose, options);
        let stream = export.to_stream().unwrap();
        let mut manifests = Manifests::of_text("all.yaml", &stream);
        validate(&manifests.documents, &mut manifests.diagnostics);
        let said: Vec<_> = manifests.diagnostics.sorted().into_iter().map(|one| &one.message).collect();
        assert!(!manifests.diagnostics.has_errors(), "{said:#?}\n{stream}");
        let told = export.losses.iter().map(|loss| {
            let sign = if loss.diagnostic.code == Code::ExportLost { '-' } else { '~' };
            format!("{sign} {}", loss.key)
        });
        let told = told.collect();
        Self { objects: export.objects.iter().map(|object| object.to_json().unwrap()).collect(), told }
    }

    fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    /// Returns the specification of an object; of a workload, that of its pods.
    fn spec(&self, kind: &str, name: &str) -> &Value {
        let spec = &self.get(kind, name).unwrap_or_else(|| panic!("no {kind} {name}"))["spec"];
        if spec["template"].is_object() { &spec["template"]["spec"] } else { spec }
    }

    fn tells(&self, line: &str) -> bool {
        self.told.iter().any(|told| told == line)
    }
}

/// What only documents is not listed where it would fill the manifests, and what is asked of a load balancer is told.
#[test]
fn long_ranges_of_ports_are_not_listed() {
    let made = Made::of(
        "name: p
services:
  all: {image: i, expose: ['1-65535']}
  calls: {image: i, ports: ['10000-10100:10000-10100/udp']}
  few: {image: i, expose: ['1-100']}
",
    );
    let ports = |kind: &str, name: &str| match kind {
        "Service" => made.spec(kind, name)["ports"].as_array().map(Vec::len),
        _ => made.spec(kind, name)["containers"][0]["ports"].as_array().map(Vec::len),
    };
    assert_eq!((ports("Deployment", "all"), ports("Service", "all")), (None, None));
    assert_eq!((ports("Deployment", "few"), ports("Service", "few")), (Some(100), Some(100)));
    assert_eq!((ports("Deployment", "calls"), ports("Service", "calls-published")), (None, Some(101)));
    assert!(made.tells("~ services.calls.ports"), "{:#?}", made.told);
    let policy = made.spec("NetworkPolicy", "published-calls");
    let range = json!([{ "protocol": "UDP", "port": 10000, "endPort": 10100 }]);
    assert_eq!(policy["ingress"][0]["ports"], range);
}

#[test]
fn made_up_names_of_ports_leave_those_of_the_user_alone() {
    let made = Made::of(
        "name: p
services:
  web:
    image: i
    ports: [{name: tcp-80, target: 81, published: '8081'}, {target: 80, published: '8080'}]
",
    );
    let names = |ports: &Value| -> Vec<String> {
        ports.as_array().unwrap().iter().map(|port| port["name"].as_str().unwrap().to_owned()).collect()
    };
    let container = &made.spec("Deployment", "web")["containers"][0]["ports"];
    assert_eq!(names(container), ["tcp-80", "tcp-80-2"]);
    assert_eq!(names(&made.spec("Service", "web")["ports"]), ["tcp-80", "tcp-80-2"]);
}

#[test]
fn containers_that_come_first_leave_the_names_of_services_alone() {
    let compose = "name: p
services:
  x: {image: i, volumes: ['data:/data'], depends_on: [db]}
  x-volumes: {image: i, network_mode: 'service:x'}
  x-waits: {image: i, network_mode: 'service:x'}
  db: {image: i}
volumes: {data: {}}
";
    let options = Options { wait_for: WaitFor::Init, ..Options::default() };
    let made = Made::with(compose, &options);
    let containers = made.spec("Deployment", "x")["initContainers"].as_array().unwrap();
    let names: Vec<&str> = containers.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["x-waits-2", "x-volumes-2", "x-volumes", "x-waits"]);
}

#[test]
fn a_pod_on_each_node_is_not_counted() {
    let made = Made::of(
        "name: p
services:
  a: {image: i, scale: 3, x-topo: {kubernetes: {kind: daemonset}}}
  b: {image: i, deploy: {mode: global, replicas: 3}}
  c: {image: i, x-topo: {kubernetes: {kind: daemonset, replicas: 3}}}
  d: {image: i, deploy: {mode: global}}
",
    );
    let keys = ["a.scale", "b.deploy.replicas", "c.x-topo.kubernetes.replicas"];
    for key in keys {
        assert!(made.tells(&format!("- services.{key}")), "{key}: {:#?}", made.told);
    }
    assert!(!made.told.iter().any(|told| told.contains("services.d")), "{:#?}", made.told);
}

/// What a service gives up beside another is told, and nothing that it does not have.
#[test]
fn a_sidecar_gives_up_what_it_has_and_no_more() {
    let made = Made::of(
        "name: p
services:
  main: {image: i}
  beside:
    image: i
    network_mode: service:main
    restart: on-failure:3
    deploy: {resources: {limits: {memory: 64M}}}
    x-topo: {kubernetes: {node_selector: {disk: ssd}, image_pull_secrets: [registry]}}
",
    );
    assert_eq!(
        made.told,
        [
            "~ services.beside.network_mode",
            "- services.beside.restart",
            "- services.beside.x-topo.kubernetes.node_selector",
        ]
    );
    assert_eq!(made.spec("Deployment", "main")["imagePullSecrets"], json!([{ "name": "registry" }]));
}

#[test]
fn links_to_other_projects_give_way_to_names_of_this_one() {
    let made = Made::of(
        "name: p
services:
  a: {image: i, external_links: ['zz:w', 'one:x', 'two:y']}
  b: {image: i, networks: {default: {aliases: [w]}}, external_links: ['other:x', 'two:y']}
",
    );
    assert!(made.tells("- services.a.external_links.0"), "`w` is `b`: {:#?}", made.told);
    assert!(made.tells("- services.b.external_links.0"), "`x` is `one`: {:#?}", made.told);
    for (name, target) in [("x", "one"), ("y", "two")] {
        let host = format!("{target}.p.svc.cluster.local");
        assert_eq!(made.spec("Service", name)["externalName"], host);
    }
}

#[test]
fn a_statefulset_without_a_name_names_no_service() {
    let made = Made::of(
        "name: p
services:
  a: {image: i, network_mode: host, volumes: [/data]}
  b: {image: i, volumes: [/data]}
",
    );
    assert_eq!(made.get("StatefulSet", "a").unwrap()["spec"]["serviceName"], "");
    assert_eq!(made.get("StatefulSet", "b").unwrap()["spec"]["serviceName"], "b");
    assert!(made.get("Service", "a").is_none());
}

#[test]
fn a_virtual_address_balances_the_ports_that_are_known() {
    let made = Made::of(
        "name: p
services:
  known: {image: i, expose: ['80'], networks: {default: {aliases: [also]}}, deploy: {endpoint_mode: vip}}
  unknown: {image: i, deploy: {endpoint_mode: vip}}
  each: {image: i, expose: ['80'], deploy: {endpoint_mode: dnsrr}}
",
    );
    for name in ["known", "also"] {
        assert_eq!(made.spec("Service", name)["type"], "ClusterIP", "{name}");
    }
    for name in ["unknown", "each"] {
        assert_eq!(made.spec("Service", name)["clusterIP"], "None", "{name}");
    }
    for (name, is_told) in [("known", true), ("unknown", true), ("each", false)] {
        assert_eq!(made.tells(&format!("~ services.{name}.deploy.endpoint_mode")), is_told, "{name}");
    }
}

#[test]
fn what_labels_of_kompose_say_is_valid_or_lost() {
    let made = Made::of(
        "name: p
services:
  a: {image: i, restart: 'no', labels: {kompose.cronjob.schedule: '61 * * * *'}}
  b: {image: i, restart: 'no', labels: {kompose.cronjob.concurrency_policy: Forbid}}
  c: {image: i, cpus: 1, labels: {kompose.hpa.replicas.min: '5', kompose.hpa.replicas.max: '2'}}
  d: {image: i, expose: ['80'], labels: {kompose.service.healthcheck.liveness.http_get_path: alive}}
",
    );
    for key in [
        "a.labels.kompose.cronjob.schedule",
        "b.labels.kompose.cronjob.concurrency_policy",
        "c.labels.kompose.hpa.replicas.max",
    ] {
        assert!(made.tells(&format!("- services.{key}")), "{key}: {:#?}", made.told);
    }
    assert!(made.get("Job", "a").is_some() && made.get("Job", "b").is_some());
    let container = &made.spec("Deployment", "d")["containers"][0];
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/alive");
}

#[test]
fn schedules_and_paths_that_a_cluster_refuses_are_refused_here() {
    let errors = |kubernetes: &str| {
        let compose =
            format!("services: {{a: {{image: i, expose: ['80'], x-topo: {{kubernetes: {kubernetes}}}}}}}\n");
        let world = MemWorld::project([("compose.yaml", &*compose)]);
        let loaded = load(&world, &Request::default());
        let found = loaded.diagnostics.sorted().into_iter();
        found.map(|one| one.message.clone()).collect::<Vec<String>>()
    };
    for (kubernetes, is_good) in [
        ("{cron: {schedule: '30 3 * * 1-5'}}", true),
        ("{cron: {schedule: '61 * * * *'}}", false),
        ("{cron: {schedule: '0 0 * * 7'}}", false),
        ("{probes: {readiness: {http: /path}}}", true),
        ("{probes: {readiness: {http: path}}}", false),
        ("{probes: {readiness: {http: {path: path}}}}", false),
    ] {
        assert_eq!(errors(kubernetes).is_empty(), is_good, "{kubernetes}: {:?}", errors(kubernetes));
    }
}

/// Ports of nodes are limited, too.
#[test]
fn many_published_ports_are_told_whatever_leads_to_them() {
    let compose = "name: p\nservices: {a: {image: i, ports: ['30000-30100:30000-30100']}}\n";
    for published in [Published::LoadBalancer, Published::NodePort] {
        let made = Made::with(compose, &Options { published, ..Options::default() });
        assert!(made.tells("~ services.a.ports"), "{published:?}: {:#?}", made.told);
    }
}
