//! What is exported, on a real cluster: the API server takes all of it, and pods reach whom the file lets them reach.
//!
//! It runs where `TOPO_KUBECONFIG` names a kubeconfig. All that it makes is in namespaces of its own, which it deletes.
//! On nodes, pods run stand-ins: they listen where the services would, by `TOPO_CLUSTER_IMAGE` (default `busybox`), which
//! must have sh, httpd and nc.

#![expect(clippy::disallowed_methods, reason = "it is told by variables where the cluster is")]

mod client;
mod stand_in;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;

use serde_json::Value;
use topo::k8s::{Export, MeshKind, Options, export};
use topo::load::{MemWorld, Request, World, load};
use topo::project::{Project, Selection, read_contents, resolve};
use topo::topology::reach::{End, known_ports, reach};

use crate::api_server::ApiServer;
use crate::cli::topo;
use crate::examples::{Files, compose_files};
use client::{Cluster, Question};
use stand_in::ANY_PORT;

/// Networks of all kinds, for what the examples leave out.
const NETWORKS: &str = "name: networks
services:
  front: {image: i, networks: [outer], ports: ['8080:8000']}
  both: {image: i, networks: {outer: , inner: {aliases: [core]}}, expose: [9000]}
  inside: {image: i, networks: [inner], expose: [5432]}
  other: {image: i, networks: [aside], expose: [80]}
  beside: {image: i, network_mode: 'service:inside'}
  alone: {image: i, network_mode: none}
networks: {outer: , inner: {internal: true}, aside: }
";

/// Says something past the capture of tests.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "cluster: {text}");
}

fn exported(world: &dyn World, file: &str, namespace: &str) -> (Project, Export) {
    let request = Request { files: vec![file.to_owned()], ..Request::default() };
    let mut loaded = load(world, &request);
    let project = resolve(&mut loaded, &Selection::default(), world);
    let contents = read_contents(&project, &loaded.environment, world, &mut loaded.diagnostics);
    assert!(!loaded.diagnostics.has_errors(), "{file}");
    let options = Options {
        namespace: Some(namespace.to_owned()),
        mesh: file.contains("canary").then_some(MeshKind::Istio),
        ..Options::default()
    };
    let exported = export(&project, &contents, &options);
    (project, exported)
}

fn objects(exported: &Export) -> Vec<Value> {
    exported.objects.iter().map(|object| object.to_json().unwrap()).collect()
}

/// Has the API server look at each object of each example. Returns how many it took.
async fn examples_are_taken_by(cluster: &Cluster) -> usize {
    let (mut taken, mut refused) = (0, Vec::new());
    let namespace = cluster.make_namespace("taken").await;
    for file in compose_files() {
        let (_, exported) = exported(&Files, &file, &namespace);
        for object in objects(&exported) {
            let of = format!("{file}: {} {}", object["kind"], object["metadata"]["name"]);
            match cluster.apply(&object, true).await {
                Ok(true) => taken += 1,
                Ok(false) => say(&format!("{of}: the cluster has no such kind")),
                Err(error) => refused.push(format!("{of}: {error}")),
            }
        }
    }
    cluster.delete_namespace(&namespace).await;
    assert_eq!(refused, [""; 0]);
    taken
}

/// Applies a project for real, with stand-ins, and compares what each pod reaches with what the file says.
async fn pods_reach_whom_they_should(cluster: &Cluster, world: &dyn World, file: &str, at: usize) {
    let namespace = cluster.make_namespace(&format!("reach-{at}")).await;
    let (project, exported) = exported(world, file, &namespace);
    let listens: BTreeMap<String, Vec<u16>> =
        project.services.keys().map(|name| (name.clone(), tcp_ports(&project, name))).collect();
    let objects: Vec<Value> =
        objects(&exported).into_iter().filter_map(|object| stand_in::of(object, &listens)).collect();
    for object in &objects {
        cluster.apply(object, false).await.unwrap_or_else(|error| panic!("{file}: {error}\n{object:#}"));
    }
    let pods = cluster.running_pods(&namespace, stand_in::pods(&objects)).await;
    let pod_of = |service: &str| pods.iter().find(|pod| pod.containers.iter().any(|name| name == service));
    let has_names = match pods.first() {
        Some(pod) => cluster.resolves(&namespace, &pod.name, "kubernetes.default").await,
        None => false,
    };

    let mut questions = Vec::new();
    for from in project.services.keys() {
        let Some(asks) = pod_of(from) else {
            say(&format!("{file}: {from} has no pod of its own to ask from"));
            continue;
        };
        for to in project.services.keys() {
            let Some(pod) = pod_of(to).filter(|pod| pod.name != asks.name) else { continue };
            let answer = reach(&project, End::Service(from), End::Service(to));
            let known = tcp_ports(&project, to);
            let question = |host: &str, port: u16, is_open: bool| Question {
                asks: asks.name.clone(),
                host: host.to_owned(),
                port,
                is_open,
            };
            for port in known.iter().copied().chain([ANY_PORT]) {
                questions.push(question(&pod.address, port, answer.opens(&("tcp".to_owned(), port))));
            }
            let names = answer.routes.iter().flat_map(|route| &route.names);
            // What a cluster cannot name, the export has reported.
            for name in names.filter(|name| has_names && !name.contains(['.', '_'])) {
                let known = known.iter().filter(|port| answer.opens(&("tcp".to_owned(), **port)));
                questions.extend(known.map(|port| question(name, *port, true)));
            }
        }
    }
    if !has_names {
        say(&format!("{file}: the cluster has no DNS that answers: no names are asked for"));
    }
    let wrong = cluster.ask(&namespace, &questions).await;
    cluster.delete_namespace(&namespace).await;
    let asked = questions.len();
    assert_eq!(wrong, [""; 0], "{file}: of {asked} questions");
    say(&format!("{file}: {asked} questions, all answered as the file says"));
}

/// Has `diagnose --k8s` look at a project that runs, and at it once a Service leads nowhere.
async fn diagnose_names_what_is_broken(cluster: &Cluster, kubeconfig: &OsStr) {
    let namespace = cluster.make_namespace("diagnose").await;
    let world = MemWorld::project([("compose.yaml", NETWORKS)]);
    let (project, exported) = exported(&world, "compose.yaml", &namespace);
    let listens = project.services.keys().map(|name| (name.clone(), tcp_ports(&project, name))).collect();
    let mut objects: Vec<Value> =
        objects(&exported).into_iter().filter_map(|object| stand_in::of(object, &listens)).collect();
    for object in &objects {
        cluster.apply(object, false).await.unwrap_or_else(|error| panic!("{error}\n{object:#}"));
    }
    cluster.running_pods(&namespace, stand_in::pods(&objects)).await;
    let errors = || {
        let mut command = topo();
        command
            .args(["diagnose", "--k8s", "--format", "json", "-n", &namespace, "--kubeconfig"])
            .arg(kubeconfig);
        let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let errors = findings.filter(|finding| finding["severity"] == "error");
        errors.map(|finding| format!("{} of {}", finding["cause"], finding["object"])).collect::<Vec<_>>()
    };
    let healthy = errors();
    let has_selector =
        |object: &&mut Value| object["kind"] == "Service" && object["spec"]["selector"].is_object();
    let service = objects.iter_mut().find(has_selector).unwrap();
    service["spec"]["selector"]["topo-test"] = "nowhere".into();
    cluster.apply(service, false).await.unwrap();
    let broken = errors();
    cluster.delete_namespace(&namespace).await;
    assert_eq!(healthy, [""; 0]);
    let expected = format!(
        "\"selector-matches-no-pod\" of \"service/{}\"",
        service["metadata"]["name"].as_str().unwrap()
    );
    assert!(broken.contains(&expected), "{expected}: {broken:?}");
    say("diagnose finds nothing on what runs, and names a Service that leads nowhere");
}

/// The ports of a service that a stand-in can listen on.
fn tcp_ports(project: &Project, service: &str) -> Vec<u16> {
    let known = known_ports(project, service).into_iter();
    known.filter(|(protocol, _)| protocol == "tcp").map(|(_, number)| number).collect()
}

#[tokio::test]
async fn a_real_cluster_takes_the_examples_and_lets_pods_reach_whom_the_file_says() {
    let Some(file) = std::env::var_os("TOPO_KUBECONFIG") else {
        say("TOPO_KUBECONFIG is not set: nothing is applied to a real cluster");
        return;
    };
    let cluster = Cluster::connect(file.as_ref()).await;
    let taken = examples_are_taken_by(&cluster).await;
    say(&format!("the API server takes all {taken} objects of the examples"));
    if !cluster.has_nodes().await {
        say("no node is ready: nothing is applied for real");
        return;
    }
    for (at, file) in compose_files().iter().enumerate() {
        pods_reach_whom_they_should(&cluster, &Files, file, at).await;
    }
    let world = MemWorld::project([("compose.yaml", NETWORKS)]);
    pods_reach_whom_they_should(&cluster, &world, "compose.yaml", compose_files().len()).await;
    diagnose_names_what_is_broken(&cluster, &file).await;
}

/// What the test above does without nodes, on an API server of the test's own that looks at the requests.
#[tokio::test]
async fn examples_are_applied_as_an_api_server_wants_it() {
    let double = ApiServer::start(Vec::new());
    let cluster = Cluster::connect(&double.kubeconfig()).await;
    let taken = examples_are_taken_by(&cluster).await;
    assert!(!cluster.has_nodes().await);
    let seen = double.seen();
    let count = |what: &str| seen.iter().filter(|request| request.starts_with(what)).count();
    assert_eq!(count("PATCH "), taken);
    assert!(taken > 100, "{seen:#?}");
    assert!(
        seen.iter()
            .filter(|request| request.starts_with("PATCH "))
            .all(|request| { request.contains("dryRun=All") && request.contains("fieldValidation=Strict") })
    );
    assert_eq!((count("POST /api/v1/namespaces?"), count("DELETE /api/v1/namespaces/topo-")), (1, 1));
}

#[test]
fn stand_ins_keep_what_policies_and_names_go_by() {
    let (project, exported) = exported(&Files, "examples/kubernetes/shop/compose.yaml", "n");
    let listens = project.services.keys().map(|name| (name.clone(), tcp_ports(&project, name))).collect();
    let before = objects(&exported);
    let after: Vec<Value> =
        before.iter().cloned().filter_map(|object| stand_in::of(object, &listens)).collect();
    assert_eq!(stand_in::pods(&after), project.services.len());
    for object in &after {
        let same = before.iter().find(|one| {
            one["kind"] == object["kind"] && one["metadata"]["name"] == object["metadata"]["name"]
        });
        let labels = |object: &Value| object.pointer("/spec/template/metadata/labels").cloned();
        assert_eq!(labels(object), labels(same.unwrap()));
    }
    let kept = |kind: &str, of: &[Value]| of.iter().filter(|object| object["kind"] == kind).count();
    for kind in ["Service", "NetworkPolicy", "Deployment", "StatefulSet"] {
        assert!(kept(kind, &before) > 0, "{kind}");
        assert_eq!(kept(kind, &after), kept(kind, &before), "{kind}");
    }
}
