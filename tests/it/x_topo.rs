//! `x-topo` is typed like any attribute: merged, extended, included, printed; and it changes nothing in the engine.

use serde_json::json;
use topo::load::{MemWorld, Request, load};
use topo::project::hash::service_hash_input;
use topo::project::printed::InYaml;
use topo::project::{Project, Selection, resolve};

fn project(files: &[(&str, &str)]) -> Project {
    let world = MemWorld::project(files.iter().copied());
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics.sorted());
    project
}

const BASE: &str = "
services:
  base:
    image: i
    x-topo:
      kubernetes:
        replicas: 2
        labels: { a: base, b: base }
        ingress: { class: nginx, rules: [shop.example.com] }
";

#[test]
fn it_is_merged_attribute_by_attribute() {
    let over = "
services:
  web:
    extends: { file: base.yaml, service: base }
    x-topo:
      kubernetes:
        labels: [b=web]
        ingress: { rules: [shop.example.com/web] }
x-topo: { kubernetes: { namespace: here } }
";
    let later = "
services:
  web:
    x-topo: { kubernetes: { replicas: 5 } }
x-topo: { kubernetes: { dns: { namespace: dns } } }
";
    let project = project(&[("compose.yaml", over), ("compose.override.yaml", later), ("base.yaml", BASE)]);
    let workload = project.services["web"].x_topo.as_ref().unwrap().kubernetes.as_ref().unwrap();
    assert_eq!(workload.replicas, Some(5));
    assert_eq!(json!(workload.labels), json!({ "a": "base", "b": "web" }));
    let ingress = workload.ingress.as_ref().unwrap();
    assert_eq!(ingress.class.as_deref(), Some("nginx"));
    let paths: Vec<Option<&str>> = ingress.rules.iter().map(|rule| rule.path.as_deref()).collect();
    assert_eq!(paths, [None, Some("/web")]);
    let cluster = project.x_topo.as_ref().unwrap().kubernetes.as_ref().unwrap();
    assert_eq!(cluster.namespace.as_deref(), Some("here"));
    assert_eq!(cluster.dns.as_ref().unwrap().namespace.as_deref(), Some("dns"));
}

#[test]
fn it_comes_along_with_included_files() {
    let project = project(&[("compose.yaml", "include: [base.yaml]\n"), ("base.yaml", BASE)]);
    let workload = project.services["base"].x_topo.as_ref().unwrap().kubernetes.as_ref().unwrap();
    assert_eq!(workload.replicas, Some(2));
}

#[test]
fn config_prints_it_as_an_extension_and_reads_it_back() {
    let first = project(&[("compose.yaml", BASE)]);
    let text = topo::yaml::to_string(&InYaml(&first)).unwrap();
    assert!(text.contains("x-topo:") && text.contains("replicas: 2"), "{text}");
    let second = project(&[("compose.yaml", &text)]);
    assert_eq!(first.services["base"].x_topo, second.services["base"].x_topo);
}

/// Containers are not replaced for what only another platform sees.
#[test]
fn it_is_no_part_of_the_config_hash() {
    let with = project(&[("compose.yaml", BASE)]);
    let without = project(&[("compose.yaml", "services: { base: { image: i } }\n")]);
    let hash = |project: &Project| service_hash_input(&project.services["base"], None);
    assert_eq!(hash(&with), hash(&without));
}
