//! Exports: golden cases, and what all of them must hold. Whom they let reach whom is in `verify.rs`.
//!
//! `TOPO_ACCEPT=1` writes what comes out over what is expected.

#![expect(clippy::unwrap_used, clippy::format_push_string, reason = "a test may panic, and reads better so")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use topo::diagnostic::{Diagnostics, one_line};
use topo::k8s::{Binds, Export, KubeVersion, MeshKind, Object, Options, Published, Secrets, export};
use topo::load::{MemWorld, OsWorld, Request, World, load};
use topo::model::x_topo::WaitFor;
use topo::project::{Selection, read_binds, read_contents, resolve};
use topo::source::SourceMap;

/// Exports a compose file; the file itself must be without errors.
pub(crate) fn exported(compose: &str, options: &Options) -> (Export, SourceMap) {
    let mut world = MemWorld::project([("compose.yaml", compose)]);
    world.files.insert("/project/logo.bin".into(), vec![0, 159, 146, 150]);
    world.files.insert("/project/db_password.txt".into(), b"course\n".to_vec());
    for (name, content) in [
        ("nginx.conf", b"events {}\n".to_vec()),
        ("start.sh", b"#!/bin/sh\n".to_vec()),
        ("pages/index.html", Vec::new()),
        ("Empty 1", Vec::new()),
        ("empty_1", Vec::new()),
        ("empty-1", Vec::new()),
        ("key.pem", b"-----BEGIN PRIVATE KEY-----\nMC4C\n".to_vec()),
        ("large.bin", vec![0; (1 << 20) + 1]),
    ] {
        world.files.insert(Path::new("/project").join(name), content);
    }
    for (name, value) in [("DB_PASSWORD", "correct horse"), ("TOKEN", "battery staple")] {
        world.vars.insert(name.to_owned(), value.to_owned());
    }
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let mut contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    contents.binds = read_binds(&project, &world);
    let errors = text_of(&loaded.diagnostics, &loaded.sources);
    assert!(!loaded.diagnostics.has_errors(), "{errors}");
    (export(&project, &contents, options), loaded.sources)
}

fn text_of(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics.sorted() {
        text += &one_line(diagnostic, sources);
        text += "\n";
        for other in diagnostic.labels.iter().skip(1) {
            let place =
                sources.locate(other.span).map_or(String::new(), |at| format!("{}:{}", at.line, at.column));
            text += &format!("  at {place}: {}\n", other.text);
        }
        text += &format!("  help: {}\n", diagnostic.help.as_deref().unwrap_or("none"));
    }
    text
}

fn notes_of(export: &Export) -> String {
    export.notes.iter().map(|note| format!("note: {note}\n")).collect()
}

pub(crate) fn read(path: &Path) -> String {
    OsWorld.read(path).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default()
}

pub(crate) fn case_directory(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/k8s").join(case)
}

fn check(case: &str, expected: &str, options: &Options) {
    check_text(case, expected, &read(&case_directory(case).join("compose.yaml")), options);
}

fn check_text(case: &str, expected: &str, compose: &str, options: &Options) {
    let directory = case_directory(case);
    let (export, sources) = exported(compose, options);
    let objects: Vec<Value> =
        export.objects.iter().map(|object| serde_json::to_value(object).unwrap()).collect();
    holds(&objects);
    let outputs = [
        (format!("{expected}.yaml"), export.to_stream().unwrap()),
        (format!("{expected}.txt"), text_of(&export.diagnostics, &sources) + &notes_of(&export)),
    ];
    for (file, output) in outputs {
        let path = directory.join(file);
        if std::env::var_os("TOPO_ACCEPT").is_some() {
            std::fs::write(&path, &output).unwrap();
        }
        let expected = read(&path);
        assert!(
            expected == output,
            "{} differs; set TOPO_ACCEPT=1 to accept this:\n{output}",
            path.display()
        );
    }
}

#[test]
fn course() {
    check("course", "expected", &Options::default());
}

#[test]
fn modes() {
    check("modes", "expected", &Options::default());
}

#[test]
fn features() {
    check("features", "expected", &Options::default());
}

#[test]
fn features_by_choice() {
    let options = Options {
        namespace: Some("Staging_1".to_owned()),
        published: Published::NodePort,
        secrets: Secrets::SealedPlaceholder,
        volume_size: "10Gi".to_owned(),
        wait_for: WaitFor::Init,
        binds: Binds::HostPath,
        mesh: Some(MeshKind::Istio),
        kube_version: KubeVersion::NEWEST,
    };
    check("features", "expected-by-choice", &options);
}

#[test]
fn shared_pods() {
    check("shared-pods", "expected", &Options::default());
}

#[test]
fn losses() {
    check("losses", "expected", &Options::default());
}

/// The examples, with what comes out of them.
#[test]
fn shop() {
    check_example("shop", &Options::default());
}

#[test]
fn canary() {
    check_example("canary", &Options { mesh: Some(MeshKind::Istio), ..Options::default() });
}

#[test]
fn services() {
    check_example("services", &Options::default());
}

fn check_example(name: &str, options: &Options) {
    let compose = read(&crate::generated::repository("examples/kubernetes").join(name).join("compose.yaml"));
    check_text(&format!("examples/{name}"), "expected", &compose, options);
}

/// What kompose's labels say becomes what `x-topo` says, and what they cannot say is told.
#[test]
fn kompose_labels() {
    check("kompose", "expected", &Options::default());
}

#[test]
fn waiting() {
    let options = Options { wait_for: WaitFor::Init, ..Options::default() };
    check("waiting", "expected", &options);
}

#[test]
fn the_same_project_gives_the_same_bytes_and_files_of_their_own() {
    let compose = read(&case_directory("features").join("compose.yaml"));
    let (one, _) = exported(&compose, &Options::default());
    let (other, _) = exported(&compose, &Options::default());
    assert_eq!(one.to_stream().unwrap(), other.to_stream().unwrap());
    let files: BTreeSet<String> = one.objects.iter().map(Object::file_name).collect();
    assert_eq!(files.len(), one.objects.len());
    assert!(files.contains("deployment-web.yaml"), "{files:?}");
}

/// What `docs/kubernetes.md` shows exports, and it names every setting.
#[test]
fn the_documentation_is_complete_and_its_example_exports() {
    let page = crate::generated::read("docs/kubernetes.md");
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (export, _) = exported(rest.split_once("```").unwrap().0, &Options::default());
    for kind in ["HorizontalPodAutoscaler", "Ingress", "StatefulSet"] {
        assert!(export.objects.iter().any(|object| object.kind() == kind), "{kind}");
    }
    for path in crate::compatibility::ATTRIBUTES.keys().filter(|path| path.contains("x-topo.kubernetes.")) {
        let key = path.rsplit('.').next().unwrap();
        assert!(key == "*" || page.contains(key), "docs/kubernetes.md does not name `{path}`");
    }
}

/// What a secret holds is written only where the user asks for it.
#[test]
fn secrets_are_not_in_plain_text_by_default() {
    let compose = "services: {a: {image: i, secrets: [s]}}\nsecrets: {s: {environment: DB_PASSWORD}}\n";
    // `correct horse` in base64, as a Secret has it.
    let is_told = |secrets| {
        let text = exported(compose, &Options { secrets, ..Options::default() }).0.to_stream().unwrap();
        text.contains("Y29ycmVjdCBob3JzZQ") || text.contains("correct horse")
    };
    assert!(!is_told(Options::default().secrets));
    assert!(!is_told(Secrets::SealedPlaceholder));
    assert!(is_told(Secrets::Manifest));
}

/// There is a policy for each network and for each service that publishes, and none for pairs of services.
#[test]
fn policies_grow_with_networks_and_not_with_pairs() {
    let policies = |services: usize, networks: usize, published: usize| {
        let mut text = "name: many\nservices:\n".to_owned();
        for service in 0..services {
            let joined: Vec<String> = (0..networks).map(|network| format!("n{network}")).collect();
            text += &format!("  s{service}: {{image: i, networks: [{}]", joined.join(", "));
            text += if service < published { ", ports: [\"80\"]}\n" } else { "}\n" };
        }
        text += "networks:\n";
        (0..networks).for_each(|network| text += &format!("  n{network}:\n"));
        let (export, _) = exported(&text, &Options::default());
        export.objects.iter().filter(|object| object.kind() == "NetworkPolicy").count()
    };
    for (services, networks, published) in [(2, 1, 0), (40, 1, 0), (40, 7, 0), (40, 7, 5)] {
        // One denies, one lets pods ask DNS.
        assert_eq!(policies(services, networks, published), 2 + networks + published);
    }
}

/// Each entry of the report of losses has what a reader, or a program, needs to find and mend it.
#[test]
fn the_report_of_losses_says_where_what_and_why() {
    let compose = read(&case_directory("losses").join("compose.yaml"));
    let (export, sources) = exported(&compose, &Options::default());
    assert_eq!(export.losses.len(), export.diagnostics.sorted().len());
    for loss in &export.losses {
        let entry = loss.to_json(&sources);
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        assert!(["lost", "approximated"].contains(&&*text("outcome")), "{entry}");
        assert!(!text("reason").is_empty() && !text("help").is_empty(), "{entry}");
        assert_eq!(text("file"), "compose.yaml", "{entry}");
        // The key is where the line says, or above it.
        let line =
            compose.lines().nth(usize::try_from(entry["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
        let mut keys = text("key").split('.').map(str::to_owned).collect::<Vec<_>>();
        keys.retain(|key| key.parse::<usize>().is_err());
        assert!(
            keys.iter().any(|key| line.contains(key)) || line.trim_start().starts_with('-'),
            "{entry}: {line}"
        );
    }
}

/// A new content of a config makes a new object, and pods that read it.
#[test]
fn contents_change_names() {
    let name = |content: &str| {
        let compose = format!(
            "name: x\nservices: {{a: {{image: i, configs: [c]}}}}\nconfigs: {{c: {{content: {content}}}}}\n"
        );
        let (export, _) = exported(&compose, &Options::default());
        export.objects.iter().find(|object| object.kind() == "ConfigMap").unwrap().name().to_owned()
    };
    assert_ne!(name("one"), name("two"));
    assert_eq!(name("one"), name("one"));
}

/// What schemas do not see: references, uniqueness, nulls.
pub(crate) fn holds(objects: &[Value]) {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let names: BTreeSet<(String, String)> =
        objects.iter().map(|object| (object["kind"].as_str().unwrap().to_owned(), name(object))).collect();
    assert_eq!(names.len(), objects.len(), "names are unique within a kind");
    for object in objects {
        assert!(!has_null(object), "{object}");
        assert!(is_dns_label(&name(object)), "{}", name(object));
        check_labels(&object["metadata"]["labels"]);
        check_labels(&object["spec"]["template"]["metadata"]["labels"]);
        if object["kind"] == "Service" {
            assert!(name(object).starts_with(|first: char| first.is_ascii_lowercase()), "{}", name(object));
        }
        assert!(object.get("status").is_none());
        let kind = object["kind"].as_str().unwrap();
        let ports = object["spec"]["ports"].as_array().into_iter().flatten();
        let ports: Vec<&Value> = ports.collect();
        assert_unique(ports.iter().map(|port| port["name"].as_str().unwrap().to_owned()));
        assert_unique(ports.iter().map(|port| format!("{}/{}", port["protocol"], port["port"])));
        let Some(template) = object["spec"].get("template") else { continue };
        let labels = &template["metadata"]["labels"];
        for (key, value) in object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
            assert_eq!(&labels[key], value, "{kind} selects its own pods");
        }
        let pod = &template["spec"];
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut volumes: BTreeSet<String> = BTreeSet::new();
        for volume in list(&pod["volumes"]) {
            assert_eq!(volume.as_object().unwrap().len(), 2, "a volume has a name and one source: {volume}");
            assert!(volumes.insert(volume["name"].as_str().unwrap().to_owned()));
        }
        volumes.extend(list(&object["spec"]["volumeClaimTemplates"]).iter().map(&name));
        for container in list(&pod["containers"]).iter().chain(&list(&pod["initContainers"])) {
            let mounts = list(&container["volumeMounts"]);
            assert_unique(mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap().to_owned()));
            for mount in &mounts {
                assert!(volumes.contains(mount["name"].as_str().unwrap()), "{mount}");
            }
        }
    }
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-')
}

fn check_labels(labels: &Value) {
    let is_part = |text: &str| {
        let ends = [text.chars().next(), text.chars().last()];
        (1..=63).contains(&text.len())
            && ends.iter().flatten().all(char::is_ascii_alphanumeric)
            && text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
    };
    for (key, value) in labels.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        assert!(is_part(key.rsplit('/').next().unwrap()), "{key}");
        assert!(value.is_empty() || is_part(value), "{value}");
    }
}

fn assert_unique(items: impl Iterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for item in items {
        assert!(seen.insert(item.clone()), "{item} is there twice");
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

/// Whatever compose takes for a name.
const NAME: &str = "[a-zA-Z0-9._-]{1,3}|[a-z]{1,3}[_.-][a-z]|[a-zA-Z0-9._-]{50,70}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Names that compose takes become names that Kubernetes takes, each thing with its own.
    #[test]
    fn names_are_valid_and_unique(
        services in prop::collection::btree_set(NAME, 1..6),
        others in prop::collection::btree_set(NAME, 1..4),
    ) {
        let mut text = "name: names_\nservices:\n".to_owned();
        let flow: Vec<String> = others.iter().map(|name| format!("'{name}': {{aliases: ['{name}', '.x']}}")).collect();
        for service in &services {
            text += &format!("  '{service}':\n    image: i\n    ports: [\"8080\"]\n");
            text += &format!("    networks: {{{}}}\n    volumes:\n", flow.join(", "));
            for (at, name) in others.iter().enumerate() {
                text += &format!("      - {{type: volume, source: '{name}', target: /v{at}}}\n");
            }
            let sources: Vec<String> = others.iter().map(|name| format!("'{name}'")).collect();
            text += &format!("    configs: [{}]\n", sources.join(", "));
        }
        for section in ["networks", "volumes", "configs"] {
            text += &format!("{section}:\n");
            let content = if section == "configs" { "content: x" } else { "" };
            for name in &others {
                text += &format!("  '{name}': {{{content}}}\n");
            }
        }
        let (export, _) = exported(&text, &Options::default());
        let objects: Vec<Value> = export.objects.iter().map(|object| serde_json::to_value(object).unwrap()).collect();
        holds(&objects);
    }
}
