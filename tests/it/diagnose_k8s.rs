//! `topo diagnose --k8s` against an API server that serves a healthy namespace, and that namespace with faults.

use serde_json::{Value, json};

use crate::api_server::{ApiServer, kubeconfig};
use crate::cli::{Printed, empty, run};
use crate::generated::read;

fn object(api_version: &str, kind: &str, namespace: &str, name: &str, rest: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace},
    });
    merge(&mut object, rest);
    object
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn pod(namespace: &str, name: &str, owner: (&str, &str), app: &str, port: u16) -> Value {
    let labels = json!({"app": app, "k8s-app": if namespace == "kube-system" { "kube-dns" } else { "none" }});
    object(
        "v1",
        "Pod",
        namespace,
        name,
        &json!({
            "metadata": {
                "labels": labels,
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner.0, "name": owner.1, "uid": "1"}],
            },
            "spec": {
                "nodeName": "node-1",
                "containers": [{"name": app, "image": app, "ports": [{"name": "main", "containerPort": port}]}],
            },
            "status": {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{
                    "name": app, "image": app, "imageID": "", "ready": true, "restartCount": 0,
                    "state": {"running": {}},
                }],
            },
        }),
    )
}

fn service(namespace: &str, name: &str, app: &str, port: u16, target: &Value) -> Value {
    object(
        "v1",
        "Service",
        namespace,
        name,
        &json!({
            "spec": {"clusterIP": "10.1.0.1", "selector": {"app": app}, "ports": [{"port": port, "targetPort": target}]},
        }),
    )
}

fn policy(name: &str, spec: &Value) -> Value {
    object("networking.k8s.io/v1", "NetworkPolicy", "shop", name, &json!({"spec": spec}))
}

/// A namespace in which all is well: a frontend behind an Ingress, an API and a database, and policies.
fn healthy() -> Vec<Value> {
    let deployment = |name: &str| {
        object(
            "apps/v1",
            "Deployment",
            "shop",
            name,
            &json!({"spec": {
                "replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {},
            }}),
        )
    };
    vec![
        object("v1", "Namespace", "", "shop", &json!({"metadata": {"namespace": null}})),
        object(
            "v1",
            "Node",
            "",
            "node-1",
            &json!({
                "metadata": {"namespace": null}, "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }),
        ),
        deployment("web"),
        pod("shop", "web-5d-1", ("ReplicaSet", "web-5d"), "web", 8080),
        service("shop", "web", "web", 80, &json!(8080)),
        deployment("api"),
        pod("shop", "api-7f-1", ("ReplicaSet", "api-7f"), "api", 3000),
        service("shop", "api", "api", 3000, &json!("main")),
        object(
            "apps/v1",
            "StatefulSet",
            "shop",
            "db",
            &json!({"spec": {
                "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": {},
            }}),
        ),
        pod("shop", "db-0", ("StatefulSet", "db"), "db", 5432),
        service("shop", "db", "db", 5432, &json!(5432)),
        object("v1", "PersistentVolumeClaim", "shop", "data-db-0", &json!({"status": {"phase": "Bound"}})),
        object("v1", "Secret", "shop", "tls", &json!({})),
        object(
            "networking.k8s.io/v1",
            "IngressClass",
            "",
            "nginx",
            &json!({"metadata": {"namespace": null}}),
        ),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            "shop",
            "shop",
            &json!({"spec": {
                "ingressClassName": "nginx",
                "tls": [{"hosts": ["shop.example"], "secretName": "tls"}],
                "rules": [{"host": "shop.example", "http": {"paths": [{
                    "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}},
                }]}}],
            }}),
        ),
        policy("default-deny", &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})),
        policy(
            "allow-dns",
            &json!({
                "podSelector": {}, "policyTypes": ["Egress"],
                "egress": [{
                    "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
                    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
                }],
            }),
        ),
        policy(
            "within",
            &json!({
                "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}],
            }),
        ),
        pod("kube-system", "coredns-1", ("ReplicaSet", "coredns-66"), "coredns", 53),
        service("kube-system", "kube-dns", "coredns", 53, &json!(53)),
    ]
}

fn find<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    let is_it = |object: &&mut Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter_mut().find(is_it).unwrap()
}

fn without(objects: &mut Vec<Value>, kind: &str, name: &str) {
    let before = objects.len();
    objects.retain(|object| object["kind"] != kind || object["metadata"]["name"] != name);
    assert_eq!(objects.len() + 1, before, "{kind} {name}");
}

/// Something that a pod's container waits for.
fn wait(objects: &mut [Value], pod: &str, waiting: &Value) {
    let pod = find(objects, "Pod", pod);
    pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    let container = &mut pod["status"]["containerStatuses"][0];
    container["ready"] = false.into();
    container["state"] = json!({"waiting": waiting});
}

fn event(objects: &mut Vec<Value>, kind: &str, name: &str, reason: &str, message: &str) {
    objects.push(object("v1", "Event", "shop", &format!("{name}.{reason}"), &json!({
        "involvedObject": {"kind": kind, "name": name, "namespace": "shop"}, "reason": reason, "message": message,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    })));
}

fn diagnosed(objects: Vec<Value>, more: &[&str], code: i32) -> Printed {
    let server = ApiServer::start(objects);
    let kubeconfig = server.kubeconfig();
    let arguments = ["diagnose", "--k8s", "-n", "shop", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let ran = run(&[&arguments[..], more].concat(), &empty(), code);
    let changes = server.seen().into_iter().filter(|request| !request.starts_with("GET "));
    assert_eq!(changes.collect::<Vec<_>>(), [""; 0], "it only looks");
    ran
}

type Fault = (&'static str, &'static str, fn(&mut Vec<Value>), &'static str);

/// The cause that is to be named, the object, what is broken, and words that say why or what to do.
const FAULTS: &[Fault] = &[
    (
        "selector-matches-no-pod",
        "service/web",
        |objects| {
            find(objects, "Service", "web")["spec"]["selector"]["app"] = "wep".into();
        },
        "app=wep",
    ),
    (
        "target-port-unknown",
        "service/api",
        |objects| {
            find(objects, "Service", "api")["spec"]["ports"][0]["targetPort"] = "http".into();
        },
        "3000 (main)",
    ),
    (
        "target-port-differs",
        "service/web",
        |objects| {
            find(objects, "Service", "web")["spec"]["ports"][0]["targetPort"] = 80.into();
        },
        "8080",
    ),
    (
        "image-not-pulled",
        "pod/web-5d-1",
        |objects| {
            wait(
                objects,
                "web-5d-1",
                &json!({
                    "reason": "ImagePullBackOff", "message": "manifest unknown: no such tag",
                }),
            );
        },
        "no such image or tag",
    ),
    (
        "image-not-pulled",
        "pod/api-7f-1",
        |objects| {
            wait(objects, "api-7f-1", &json!({"reason": "ErrImagePull"}));
            event(objects, "Pod", "api-7f-1", "Failed", "pull access denied, may require authorization");
        },
        "imagePullSecrets",
    ),
    (
        "crash-loop",
        "pod/api-7f-1",
        |objects| {
            wait(objects, "api-7f-1", &json!({"reason": "CrashLoopBackOff"}));
            find(objects, "Pod", "api-7f-1")["status"]["containerStatuses"][0]["lastState"] =
                json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        },
        "resources.limits.memory",
    ),
    (
        "crash-loop",
        "pod/web-5d-1",
        |objects| {
            wait(objects, "web-5d-1", &json!({"reason": "CrashLoopBackOff"}));
            find(objects, "Pod", "web-5d-1")["status"]["containerStatuses"][0]["lastState"] =
                json!({"terminated": {"exitCode": 127}});
        },
        "its command is not in the image",
    ),
    (
        "probe-fails",
        "pod/web-5d-1",
        |objects| {
            let pod = find(objects, "Pod", "web-5d-1");
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
            pod["status"]["containerStatuses"][0]["ready"] = false.into();
            event(
                objects,
                "Pod",
                "web-5d-1",
                "Unhealthy",
                "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused",
            );
        },
        "nothing listens on the port of the probe",
    ),
    (
        "no-ready-endpoint",
        "service/api",
        |objects| {
            let pod = find(objects, "Pod", "api-7f-1");
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
            pod["status"]["containerStatuses"][0]["ready"] = false.into();
            event(
                objects,
                "Pod",
                "api-7f-1",
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            );
        },
        "statuscode: 503",
    ),
    (
        "volume-not-mounted",
        "pod/db-0",
        |objects| {
            find(objects, "Pod", "db-0")["status"]["phase"] = "Pending".into();
            event(objects, "Pod", "db-0", "FailedMount", "configmap \"settings\" not found");
        },
        "configmap \"settings\" not found",
    ),
    (
        "evicted",
        "pod/web-5d-1",
        |objects| {
            find(objects, "Pod", "web-5d-1")["status"] = json!({
                "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.",
            });
        },
        "low on resource: memory",
    ),
    (
        "no-node-wanted",
        "daemonset/agent",
        |objects| {
            let status = json!({
                "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
            });
            let spec = json!({"selector": {"matchLabels": {"app": "agent"}}, "template": {}});
            objects.push(object(
                "apps/v1",
                "DaemonSet",
                "shop",
                "agent",
                &json!({"spec": spec, "status": status}),
            ));
        },
        "nodeSelector",
    ),
    (
        "container-not-made",
        "pod/db-0",
        |objects| {
            wait(
                objects,
                "db-0",
                &json!({"reason": "CreateContainerConfigError", "message": "secret \"db\" not found"}),
            );
        },
        "create secret generic",
    ),
    (
        "not-scheduled",
        "pod/web-5d-1",
        |objects| {
            let pod = find(objects, "Pod", "web-5d-1");
            pod["status"] = json!({"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient memory."},
            ]});
        },
        "resources.requests",
    ),
    (
        "claim-pending",
        "persistentvolumeclaim/data-db-0",
        |objects| {
            find(objects, "PersistentVolumeClaim", "data-db-0")["status"]["phase"] = "Pending".into();
            event(
                objects,
                "PersistentVolumeClaim",
                "data-db-0",
                "ProvisioningFailed",
                "storageclass \"fast\" not found",
            );
        },
        "kubectl get storageclasses",
    ),
    (
        "policies-refuse-dns",
        "deployment/web",
        |objects| without(objects, "NetworkPolicy", "allow-dns"),
        "`default-deny`, `within` let them not out",
    ),
    (
        "policies-let-nobody-in",
        "service/db",
        |objects| {
            find(objects, "NetworkPolicy", "within")["spec"] = json!({
                "podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}],
            });
        },
        "isolated by `default-deny`",
    ),
    (
        "ingress-backend-missing",
        "ingress/shop",
        |objects| without(objects, "Service", "web"),
        "apply Service `web`",
    ),
    (
        "ingress-port-missing",
        "ingress/shop",
        |objects| {
            find(objects, "Service", "web")["spec"]["ports"][0]["port"] = 8080.into();
        },
        "port 80 of Service `web`",
    ),
    (
        "no-ingress-class",
        "ingress/shop",
        |objects| without(objects, "IngressClass", "nginx"),
        "no Ingress controller is installed",
    ),
    (
        "certificate-missing",
        "ingress/shop",
        |objects| without(objects, "Secret", "tls"),
        "kubectl create secret tls tls",
    ),
    ("no-governing-service", "statefulset/db", |objects| without(objects, "Service", "db"), "db-0.db"),
    (
        "cluster-dns-down",
        "service/kube-dns",
        |objects| {
            find(objects, "Pod", "coredns-1")["status"]["conditions"][0]["status"] = "False".into();
        },
        "no name of a Service can be looked up",
    ),
    (
        "rollout-failed",
        "deployment/api",
        |objects| {
            without(objects, "Pod", "api-7f-1");
            find(objects, "Deployment", "api")["status"] = json!({"conditions": [{
                "type": "ReplicaFailure", "status": "True", "message": "pods \"api\" is forbidden: exceeded quota: small",
            }]});
        },
        "resourcequotas",
    ),
    (
        "job-failed",
        "job/migrate",
        |objects| {
            objects.push(object("batch/v1", "Job", "shop", "migrate", &json!({"status": {"conditions": [
            {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"},
        ]}})));
        },
        "kubectl logs job/migrate",
    ),
    (
        "external-name-is-address",
        "service/outside",
        |objects| {
            objects.push(object(
                "v1",
                "Service",
                "shop",
                "outside",
                &json!({
                    "spec": {"type": "ExternalName", "externalName": "192.0.2.1"},
                }),
            ));
        },
        "EndpointSlice",
    ),
    (
        "load-balancer-pending",
        "service/web",
        |objects| {
            find(objects, "Service", "web")["spec"]["type"] = "LoadBalancer".into();
        },
        "MetalLB",
    ),
    (
        "no-selector-no-endpoints",
        "service/old",
        |objects| {
            objects.push(object("v1", "Service", "shop", "old", &json!({"spec": {"ports": [{"port": 80}]}})));
        },
        "kubernetes.io/service-name=old",
    ),
    (
        "node-not-ready",
        "node",
        |objects| {
            find(objects, "Node", "node-1")["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}]);
        },
        "Kubelet stopped posting",
    ),
];

#[test]
fn a_healthy_namespace_has_nothing_wrong() {
    let ran = diagnosed(healthy(), &[], 0);
    assert!(ran.out.ends_with("nothing found wrong in namespace shop\n"), "{}", ran.out);
    insta::assert_snapshot!("diagnose_k8s_healthy", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn each_fault_is_named_with_its_cause_and_what_mends_it() {
    let page = read("docs/troubleshooting.md");
    for (cause, object, change, words) in FAULTS {
        assert!(page.contains(&format!("`{cause}`")), "{cause} is not in the documentation");
        let mut objects = healthy();
        change(&mut objects);
        let server = ApiServer::start(objects);
        let kubeconfig = server.kubeconfig();
        let mut command = crate::cli::topo();
        command.args(["diagnose", "--k8s", "-n", "shop", "--format", "json", "--kubeconfig"]).arg(kubeconfig);
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["cause"] == *cause && one["object"] == *object);
        let found = found.unwrap_or_else(|| panic!("{cause} of {object}: {report:#}"));
        assert!(found.to_string().replace("\\\"", "\"").contains(words), "{cause}: `{words}`: {found:#}");
        // What follows from it may be told beside it, and has to do with it.
        assert!(findings.len() <= 3, "{cause}: {report:#}");
        let worst = findings.iter().any(|one| one["severity"] == "error");
        assert_eq!(output.status.code(), Some(if worst { 1 } else { 3 }), "{cause}");
    }
}

#[test]
fn a_name_chooses_what_is_told() {
    let mut objects = healthy();
    find(&mut objects, "Service", "web")["spec"]["selector"]["app"] = "wep".into();
    let ran = diagnosed(objects.clone(), &["db"], 0);
    assert!(ran.out.contains("service/db") && !ran.out.contains("service/web"), "{}", ran.out);
    let ran = diagnosed(objects, &["wbe"], 1);
    assert!(ran.out.contains("has no Service and no workload `wbe`"), "{}", ran.out);
    assert!(ran.out.contains("did you mean `web`?"), "{}", ran.out);
}

#[test]
fn what_may_not_be_seen_is_said() {
    let kept: Vec<Value> = healthy().into_iter().filter(|object| object["kind"] != "Secret").collect();
    let server = ApiServer::start_hiding(kept, &["secrets", "nodes"]);
    let kubeconfig = server.kubeconfig();
    let ran =
        run(&["diagnose", "--k8s", "-n", "shop", "--kubeconfig", kubeconfig.to_str().unwrap()], &empty(), 0);
    assert!(ran.err.contains("the user may not list them: secrets, nodes"), "{}", ran.err);
}

#[test]
fn a_cluster_that_is_not_there_is_said() {
    let folder = empty();
    let ran = run(&["diagnose", "--k8s", "--kubeconfig", "nowhere"], &folder, 1);
    assert!(ran.err.contains("no cluster to ask") && ran.err.contains("--kubeconfig"), "{}", ran.err);
    // A port of this machine that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(folder.path().join("config"), kubeconfig(&closed.to_string())).unwrap();
    let ran = run(&["diagnose", "--k8s", "--kubeconfig", "config"], &folder, 1);
    assert!(ran.err.contains("the cluster does not answer"), "{}", ran.err);
}

#[test]
fn a_probe_that_is_interrupted_is_removed() {
    let server = ApiServer::start(healthy());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topo"));
    command.args(["diagnose", "--k8s", "-n", "shop", "--probe", "--kubeconfig"]).arg(server.kubeconfig());
    let mut probing =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let has = |words: &str| server.seen().iter().any(|request| request.contains(words));
    while !has("watch=true") {
        assert_eq!(probing.try_wait().unwrap(), None);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut signal = std::process::Command::new("kill");
    assert!(signal.args(["-INT", &probing.id().to_string()]).status().unwrap().success());
    assert!(!probing.wait().unwrap().success());
    assert!(has("DELETE /api/v1/namespaces/shop/pods/topo-probe-"), "{:?}", server.seen());
}

#[test]
fn a_probe_asks_from_inside_and_is_removed() {
    let mut objects = healthy();
    // It comes from a pod without labels, which `default-deny` and `within` hold for as for all.
    let server =
        ApiServer::start_probing(std::mem::take(&mut objects), "0 yes\n1 no\n2 no\n3 yes\n4 no\n5 yes\n");
    let kubeconfig = server.kubeconfig();
    let arguments =
        ["diagnose", "--k8s", "-n", "shop", "--probe", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let ran = run(&arguments, &empty(), 1);
    assert!(ran.out.contains("error[does-not-answer]: `web:80` does not answer"), "{}", ran.out);
    assert!(
        ran.out.contains("error[name-unknown]: a pod of the namespace cannot look up `api`"),
        "{}",
        ran.out
    );
    let seen = server.seen();
    let made: Vec<&String> = seen.iter().filter(|request| !request.starts_with("GET ")).collect();
    assert!(made[0].starts_with("POST /api/v1/namespaces/shop/pods?"), "{made:?}");
    assert!(made[1].starts_with("DELETE /api/v1/namespaces/shop/pods/topo-probe-"), "{made:?}");
    assert_eq!(made.len(), 2);
}
