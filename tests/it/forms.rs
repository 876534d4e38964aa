//! Kustomizations and charts: what they are made of, and that they come to the same objects as the stream.
//!
//! `tests/k8s/run.sh` does the same with Helm's and kustomize's own code. `TOPO_ACCEPT=1` writes what comes out over
//! what is expected.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may panic and read")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tempfile::TempDir;

use topo::k8s::forms::{File, Form, files};
use topo::k8s::{Binds, Export, MeshKind, Options, Published, Secrets};
use topo::model::x_topo::WaitFor;

use crate::cli::topo;
use crate::generated::repository;
use crate::k8s::{case_directory, exported, read};

/// Objects by kind and name. The order of variables means nothing, since none refers to another.
type Objects = BTreeMap<(String, String), Value>;

fn objects_of(text: &str) -> Objects {
    let mut objects = Objects::new();
    for document in text.split("\n---\n").filter(|document| !document.trim().is_empty()) {
        let mut object: Value =
            serde_yaml::from_str(document).unwrap_or_else(|error| panic!("{error}:\n{document}"));
        sort_variables(&mut object);
        let of = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        objects.insert((of("/kind"), of("/metadata/name")), object);
    }
    objects
}

fn sort_variables(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort_variables),
        Value::Object(fields) => {
            if let Some(Value::Array(variables)) = fields.get_mut("env") {
                variables.sort_by_key(|variable| variable["name"].to_string());
            }
            fields.values_mut().for_each(sort_variables);
        }
        _ => {}
    }
}

fn text_of<'a>(files: &'a [File], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("there is no {path}")).text
}

/// Renders a chart as Helm does, with the few functions of Helm's that charts of topo use.
fn rendered(files: &[File], values: &Value, namespace: &str) -> Objects {
    let data =
        json!({ "Values": values, "Release": { "Namespace": namespace }, "Chart": { "Name": "chart" } });
    let data = gotmpl::to_value(&data).unwrap();
    let helpers = text_of(files, "templates/_helpers.tpl");
    let mut objects = Objects::new();
    let is_object = |file: &&File| file.path.starts_with("templates/") && file.text.contains("apiVersion: ");
    for file in files.iter().filter(is_object) {
        let template = functions(gotmpl::Template::new("chart")).parse(&format!("{helpers}{}", file.text));
        let template = template.unwrap_or_else(|error| panic!("{}: {error}\n{}", file.path, file.text));
        let text = template.execute_to_string(&data);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}\n{}", file.path, file.text));
        objects.extend(objects_of(&text));
    }
    objects
}

fn functions(template: gotmpl::Template) -> gotmpl::Template {
    use base64::Engine as _;
    let text = |value: &gotmpl::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    template
        .func("quote", move |arguments| Ok(json!(text(&arguments[0])).to_string().into()))
        .func("int", |arguments| Ok(arguments[0].clone()))
        .func("b64enc", move |arguments| {
            Ok(base64::prelude::BASE64_STANDARD.encode(text(&arguments[0])).into())
        })
        .func("toYaml", |arguments| Ok(to_json(&arguments[0]).to_string().into()))
        .func("nindent", move |arguments| {
            let indent = " ".repeat(usize::try_from(arguments[0].as_int().unwrap()).unwrap());
            Ok(format!("\n{indent}{}", text(&arguments[1])).into())
        })
}

fn to_json(value: &gotmpl::Value) -> Value {
    match value {
        gotmpl::Value::Bool(value) => json!(value),
        gotmpl::Value::Int(value) => json!(value),
        gotmpl::Value::Uint(value) => json!(value),
        gotmpl::Value::Float(value) => json!(value),
        gotmpl::Value::String(value) => json!(**value),
        gotmpl::Value::List(items) => items.iter().map(to_json).collect(),
        gotmpl::Value::Map(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect())
        }
        _ => Value::Null,
    }
}

fn values_of(chart: &[File]) -> Value {
    serde_yaml::from_str(text_of(chart, "values.yaml")).unwrap_or(Value::Null)
}

/// Checks that the forms of an export come to its objects.
pub(crate) fn holds(export: &Export) {
    let wanted = objects_of(&export.to_stream().unwrap());
    let namespace = wanted.keys().find(|(kind, _)| kind == "Namespace").unwrap().1.clone();

    let chart = files(export, Form::Helm).unwrap();
    let mut values = values_of(&chart);
    let schema: Value = serde_json::from_str(text_of(&chart, "values.schema.json")).unwrap();
    jsonschema::validate(&schema, &values).unwrap();
    let mut without = wanted.clone();
    without.retain(|(kind, _), _| kind != "Namespace");
    assert_eq!(rendered(&chart, &values, &namespace), without);
    values["createNamespace"] = true.into();
    assert_eq!(rendered(&chart, &values, &namespace), wanted);

    let kustomization = files(export, Form::Kustomize).unwrap();
    holds_together(&kustomization, &wanted);
}

/// Kustomize refuses what names something that is not there, and changes nothing in silence.
fn holds_together(files: &[File], objects: &Objects) {
    let base: Value = serde_yaml::from_str(text_of(files, "base/kustomization.yaml")).unwrap();
    let listed: Vec<&str> =
        base["resources"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let there: Vec<&str> = files.iter().filter_map(|file| file.path.strip_prefix("base/")).collect();
    let there: Vec<&str> = there.into_iter().filter(|name| *name != "kustomization.yaml").collect();
    assert_eq!(listed, there);
    let resources: Objects =
        listed.iter().flat_map(|name| objects_of(text_of(files, &format!("base/{name}")))).collect();
    assert_eq!(resources, *objects);
    for overlay in ["local", "production"] {
        let text = text_of(files, &format!("overlays/{overlay}/kustomization.yaml"));
        let overlay: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(overlay["resources"], json!(["../../base"]));
        let list = |key: &str| overlay[key].as_array().cloned().unwrap_or_default();
        for patch in list("patches") {
            let of = |key: &str| patch["target"][key].as_str().unwrap().to_owned();
            assert_eq!(objects[&(of("kind"), of("name"))]["spec"]["type"], "LoadBalancer");
        }
        for replicas in list("replicas") {
            let name = replicas["name"].as_str().unwrap().to_owned();
            let counted =
                ["Deployment", "StatefulSet"].map(|kind| objects.get(&(kind.to_owned(), name.clone())));
            assert!(counted.into_iter().flatten().any(|one| one["spec"]["replicas"].is_i64()), "{name}");
        }
        for image in list("images") {
            let tag = image["newTag"].as_str().map_or(String::new(), |tag| format!(":{tag}"));
            let digest = image["digest"].as_str().map_or(String::new(), |digest| format!("@{digest}"));
            let name = format!("{}{tag}{digest}", image["name"].as_str().unwrap());
            let is_used = |object: &Value| object.to_string().contains(&format!("\"image\":{}", json!(name)));
            assert!(objects.values().any(is_used), "{name}");
        }
    }
}

fn example(name: &str) -> String {
    read(&repository("examples/kubernetes").join(name).join("compose.yaml"))
}

/// The whole trees of an example.
#[test]
fn shop() {
    let (export, _) = exported(&example("shop"), &Options::default());
    for (form, name) in [(Form::Kustomize, "kustomize"), (Form::Helm, "helm")] {
        let files = files(&export, form).unwrap();
        let is_new =
            |file: &&File| !file.path.starts_with("base/") || file.path.ends_with("kustomization.yaml");
        let text: String =
            files.iter().filter(is_new).map(|file| format!("==> {}\n{}", file.path, file.text)).collect();
        let path = case_directory("examples/shop").join(format!("expected-{name}.txt"));
        if std::env::var_os("TOPO_ACCEPT").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert!(read(&path) == text, "{} differs; set TOPO_ACCEPT=1 to accept this:\n{text}", path.display());
    }
}

#[test]
fn all_forms_come_to_the_same_objects() {
    let everything = Options {
        published: Published::NodePort,
        secrets: Secrets::Manifest,
        wait_for: WaitFor::Init,
        binds: Binds::HostPath,
        mesh: Some(MeshKind::Istio),
        ..Options::default()
    };
    let sealed = Options { secrets: Secrets::SealedPlaceholder, ..Options::default() };
    let cases = ["course", "features", "losses", "modes", "shared-pods", "waiting", "kompose"];
    let cases = cases.map(|case| read(&case_directory(case).join("compose.yaml")));
    let examples = ["shop", "canary", "services"].map(example);
    for compose in cases.iter().chain(&examples) {
        for options in [&Options::default(), &everything, &sealed] {
            holds(&exported(compose, options).0);
        }
    }
}

/// Braces in what people write are no actions, and marks of topo's own are never mistaken for theirs.
#[test]
fn text_of_the_user_stays_as_it_is() {
    let compose = r#"
services:
  web:
    image: registry.example.com:5000/a/b@sha256:1b2c
    command: ["{{ .Values.services }}", "a{{/* b */}}c", "hole0x", "holee1x", "}}{{", "{{`x`}}"]
    environment: { A: "{{ fail \"no\" }}", B: "'\"\\ \n\t#: -", C: "1e3", D: "true", "E.F-G": "é", H: "" }
    configs: [{ source: script, target: /script }]
configs:
  script: { content: "{{ range . }}\n{{- end }}\n  tail  \n" }
"#;
    holds(&exported(compose, &Options::default()).0);
}

#[test]
fn values_change_what_they_say() {
    let compose = example("shop");
    let chart = files(&exported(&compose, &Options::default()).0, Form::Helm).unwrap();
    let mut values = values_of(&chart);
    values["services"]["api"]["image"] =
        json!({ "repository": "r:5000/api", "tag": "", "digest": "sha256:1b2c" });
    values["services"]["api"]["replicas"] = 7.into();
    values["services"]["api"]["env"]["NEW"] = "value".into();
    values["services"]["frontend"]["resources"] = json!({ "limits": { "memory": "1Gi" } });
    values["services"]["postgres"]["claims"]["postgres-data"]["size"] = "50Gi".into();
    values["services"]["postgres"]["claims"]["postgres-data"]["storageClass"] = "fast".into();
    values["secrets"]["db-password"]["name"] = "of-the-vault".into();
    values["ingresses"]["shop-example-com"]["host"] = "shop.example.org".into();
    values["ingresses"]["shop-example-com"]["tlsSecret"] = "".into();
    let schema: Value = serde_json::from_str(text_of(&chart, "values.schema.json")).unwrap();
    jsonschema::validate(&schema, &values).unwrap();
    let objects = rendered(&chart, &values, "other");
    let at = |kind: &str, name: &str, pointer: &str| {
        let object = &objects[&(kind.to_owned(), name.to_owned())];
        object.pointer(pointer).cloned().unwrap_or(Value::Null)
    };
    let container = "/spec/template/spec/containers/0";
    assert_eq!(at("Deployment", "api", &format!("{container}/image")), "r:5000/api@sha256:1b2c");
    assert_eq!(at("Deployment", "api", "/spec/replicas"), 7);
    assert!(at("Deployment", "api", &format!("{container}/env")).to_string().contains("NEW"));
    assert_eq!(at("Deployment", "frontend", &format!("{container}/resources/limits/memory")), "1Gi");
    let claim = "/spec/volumeClaimTemplates/0/spec";
    assert_eq!(at("StatefulSet", "postgres", &format!("{claim}/resources/requests/storage")), "50Gi");
    assert_eq!(at("StatefulSet", "postgres", &format!("{claim}/storageClassName")), "fast");
    let secret = "/spec/template/spec/volumes/0/secret/secretName";
    assert_eq!(at("StatefulSet", "postgres", secret), "of-the-vault");
    assert_eq!(at("Ingress", "shop-example-com", "/spec/rules/0/host"), "shop.example.org");
    assert_eq!(at("Ingress", "shop-example-com", "/spec/tls"), Value::Null);
    assert!(objects.values().all(|object| object["metadata"]["namespace"] == "other"));

    values["ingresses"]["shop-example-com"]["enabled"] = false.into();
    assert!(!rendered(&chart, &values, "other").keys().any(|(kind, _)| kind == "Ingress"));
    values["services"]["frontnd"] = json!({});
    assert!(jsonschema::validate(&schema, &values).is_err(), "a misspelt service is a mistake");
}

/// Runs `topo export k8s` in a folder, and returns its exit code and what it printed.
fn run(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let output = topo().args(["export", "k8s"]).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn diff_shows_what_an_export_would_change() {
    let folder = TempDir::new().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("compose.yaml"), text).unwrap();
    write("name: a\nservices: {web: {image: 'nginx:1'}, old: {image: 'redis:7'}}\n");
    for form in ["files", "kustomize", "helm"] {
        let (code, out, _) = run(&folder, &["--form", form, "--diff", form]);
        assert_eq!((code, out.contains("new file mode")), (1, true), "{form}: all is new");
        assert!(!folder.path().join(form).exists(), "nothing is written");
        assert_eq!(run(&folder, &["--form", form, "-o", form]).0, 0);
        let (code, out, _) = run(&folder, &["--form", form, "--diff", form]);
        assert_eq!((code, out.as_str()), (0, ""), "{form}");
    }
    let overlay = folder.path().join("kustomize/overlays/production/kustomization.yaml");
    std::fs::write(&overlay, "of the user\n").unwrap();

    write("name: a\nservices: {web: {image: 'nginx:2'}}\n");
    let (code, out, _) = run(&folder, &["--diff", "files"]);
    assert_eq!(code, 1);
    assert!(out.contains("-        image: nginx:1\n+        image: nginx:2\n"), "{out}");
    assert!(out.contains("--- a/deployment-old.yaml\n+++ /dev/null\n"), "{out}");
    let (_, _, err) = run(&folder, &["-o", "files"]);
    assert!(err.contains("deployment-old.yaml is of an earlier export: remove it"), "{err}");
    let (_, _, err) = run(&folder, &["--form", "kustomize", "-o", "kustomize"]);
    assert!(err.contains("2 that are yours are as they were"), "{err}");
    assert_eq!(std::fs::read_to_string(&overlay).unwrap(), "of the user\n");

    write("services: {web: 1}\n");
    assert_eq!(run(&folder, &["--diff", "files"]).0, 2, "trouble is no change");
    assert_eq!(run(&folder, &["--form", "helm"]).0, 2, "a chart needs a directory");
}

#[test]
fn paths_are_in_order_and_of_their_own() {
    let (export, _) = exported(&example("shop"), &Options::default());
    for form in [Form::Files, Form::Kustomize, Form::Helm] {
        let files = files(&export, form).unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let sorted: BTreeSet<&str> = paths.iter().copied().collect();
        assert_eq!(paths, sorted.into_iter().collect::<Vec<_>>());
    }
}
