//! The values of a chart, and where objects use them: what people change from one installation to the next.
//!
//! Names of Services stay as they are, since the containers find each other by them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::super::NAME;
use super::image::Image;
use super::template::{Hole, Template};

/// Where the pod is in each kind of workload.
const PODS: [&str; 2] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

/// Returns all containers of a workload, those that run first included.
pub(super) fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    let pod = PODS.iter().find_map(|path| object.pointer(path));
    let lists = ["containers", "initContainers"].into_iter();
    lists.filter_map(move |list| pod?.get(list)?.as_array()).flatten()
}

/// Values by section, such as `services`, and by name in each.
#[derive(Debug, Default)]
pub(super) struct Values(pub(super) Map<String, Value>);

impl Values {
    /// Sets a value; the levels above it are made.
    fn set(&mut self, path: &[&str], value: Value) {
        let Some((last, above)) = path.split_last() else { return };
        let mut level = &mut self.0;
        for key in above {
            let next = level.entry(*key).or_insert_with(|| json!({}));
            let Value::Object(next) = next else { return };
            level = next;
        }
        level.insert((*last).to_owned(), value);
    }
}

/// An object on its way to a template.
pub(super) struct Work<'a> {
    pub(super) object: Value,
    pub(super) template: Template,
    values: &'a mut Values,
    /// The lines before the object, which name parts of the values.
    pub(super) head: Vec<String>,
    /// The condition under which there is the object.
    pub(super) condition: Option<String>,
}

impl<'a> Work<'a> {
    /// Makes holes of what people change of an object, and writes what it has now to the values.
    pub(super) fn of(object: Value, values: &'a mut Values) -> Self {
        let template = Template::of(&object);
        let mut work = Self { object, template, values, head: Vec::new(), condition: None };
        let name = work.text("/metadata/name");
        let owner = work.object["metadata"]["labels"][NAME].as_str().unwrap_or(&name).to_owned();
        match work.text("/kind").as_str() {
            "Namespace" => {
                work.values.set(&["createNamespace"], false.into());
                work.condition = Some(".Values.createNamespace".to_owned());
                work.fill("/metadata/name", Hole::Text("$.Release.Namespace".to_owned()));
            }
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" => work.workload(&name),
            "Service" => work.service(&name, &owner),
            "HorizontalPodAutoscaler" => {
                work.name_part("service", "services", &owner);
                for (field, key) in [("/spec/minReplicas", "min"), ("/spec/maxReplicas", "max")] {
                    let path = ["services", &owner, "autoscale", key];
                    work.value(field, &path, Hole::Number(format!("$service.autoscale.{key}")));
                }
            }
            "PersistentVolumeClaim" => {
                work.name_part("volume", "volumes", &name);
                work.claim("", "$volume", &["volumes", &name]);
            }
            "Ingress" => work.ingress(&name),
            "HTTPRoute" => {
                work.name_part("route", "routes", &name);
                for (field, key) in [("hostnames", "hostnames"), ("parentRefs", "parents")] {
                    work.maybe("/spec", field, &["routes", &name, key], &format!("$route.{key}"), json!([]));
                }
            }
            "Secret" => work.secret(&name),
            "SealedSecret" => {
                work.name_part("secret", "secrets", &name);
                let path = ["secrets", &name, "sealed"];
                work.maybe("/spec", "encryptedData", &path, "$secret.sealed", json!({}));
            }
            _ => {}
        }
        if work.object["metadata"]["namespace"].is_string() {
            let namespace = work.text("/metadata/namespace");
            work.fill("/metadata/namespace", Hole::Text("$.Release.Namespace".to_owned()));
            let Self { object, template, .. } = &mut work;
            follow_namespace(object, &namespace, template);
        }
        work
    }

    /// Gives a part of the values a name in the template.
    fn name_part(&mut self, variable: &str, section: &str, name: &str) {
        self.head.push(format!("{{{{- ${variable} := index .Values.{section} {name:?} }}}}"));
    }

    fn text(&self, pointer: &str) -> String {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Puts a hole where a value is, and returns the value.
    fn fill(&mut self, pointer: &str, hole: Hole) -> Option<Value> {
        let place = self.object.pointer_mut(pointer)?;
        Some(std::mem::replace(place, self.template.hole(hole)))
    }

    /// Puts a hole where a value is, if there is one, and moves it to the values.
    fn value(&mut self, pointer: &str, path: &[&str], hole: Hole) {
        if let Some(value) = self.fill(pointer, hole) {
            self.values.set(path, value);
        }
    }

    /// Makes a field of `parent` a hole that is there only if it has a value, and moves what it has to the values.
    fn maybe(&mut self, parent: &str, field: &str, path: &[&str], expression: &str, none: Value) {
        let is_text = none.is_string();
        let hole = if is_text { Hole::MaybeText } else { Hole::Maybe };
        let hole = self.template.hole(hole(expression.to_owned()));
        let Some(Value::Object(fields)) = self.object.pointer_mut(parent) else { return };
        let value = fields.insert(field.to_owned(), hole).unwrap_or(none);
        self.values.set(path, value);
    }

    fn workload(&mut self, name: &str) {
        self.name_part("service", "services", name);
        let replicas = Hole::Number("$service.replicas".to_owned());
        self.value("/spec/replicas", &["services", name, "replicas"], replicas);
        let schedule = Hole::Text("$service.schedule".to_owned());
        self.value("/spec/schedule", &["services", name, "schedule"], schedule);
        let claims = self.object["spec"]["volumeClaimTemplates"].as_array().map_or(0, Vec::len);
        for at in 0..claims {
            let claim = self.text(&format!("/spec/volumeClaimTemplates/{at}/metadata/name"));
            let expression = format!("(index $service.claims {claim:?})");
            let path = ["services", name, "claims", &claim];
            self.claim(&format!("/spec/volumeClaimTemplates/{at}"), &expression, &path);
        }
        let Some(pod) = PODS.into_iter().find(|pod| self.object.pointer(pod).is_some()) else { return };
        self.containers(name, pod);
        let volumes = self.object.pointer(&format!("{pod}/volumes")).and_then(Value::as_array);
        for at in 0..volumes.map_or(0, Vec::len) {
            let pointer = format!("{pod}/volumes/{at}/secret/secretName");
            let secret = self.text(&pointer);
            if !secret.is_empty() {
                let hole = Hole::Text(format!("(index .Values.secrets {secret:?}).name"));
                self.value(&pointer, &["secrets", &secret, "name"], hole);
            }
        }
    }

    /// The first container is that of the service; the others are beside it, or run before it. Those that run before
    /// it with its image always have its image.
    fn containers(&mut self, name: &str, pod: &str) {
        let mut images: Vec<(String, String)> = Vec::new();
        for list in ["containers", "initContainers"] {
            let found = self.object.pointer(&format!("{pod}/{list}")).and_then(Value::as_array);
            for at in 0..found.map_or(0, Vec::len) {
                let pointer = format!("{pod}/{list}/{at}");
                let container = self.text(&format!("{pointer}/name"));
                let (expression, path) = if list == "containers" && at == 0 {
                    ("$service".to_owned(), vec!["services", name])
                } else {
                    let expression = format!("(index $service.containers {container:?})");
                    (expression, vec!["services", name, "containers", &container])
                };
                let path = |key| path.iter().copied().chain([key]).collect::<Vec<_>>();
                let stays =
                    list == "containers" || self.text(&format!("{pointer}/restartPolicy")) == "Always";
                let image = self.text(&format!("{pointer}/image"));
                let known = images.iter().find(|(known, _)| *known == image && !stays);
                if let Some((_, known)) = known {
                    let known = Hole::Image(known.clone());
                    self.fill(&format!("{pointer}/image"), known);
                } else {
                    let Image { repository, tag, digest } = Image::of(&image);
                    let parts = json!({ "repository": repository, "tag": tag, "digest": digest });
                    self.values.set(&path("image"), parts);
                    let expression = format!("{expression}.image");
                    self.fill(&format!("{pointer}/image"), Hole::Image(expression.clone()));
                    images.push((image, expression));
                }
                if stays {
                    let resources = path("resources");
                    self.maybe(
                        &pointer,
                        "resources",
                        &resources,
                        &format!("{expression}.resources"),
                        json!({}),
                    );
                }
                if stays || self.object.pointer(&format!("{pointer}/env")).is_some() {
                    self.variables(&pointer, &path("env"), &expression);
                }
            }
        }
    }

    fn variables(&mut self, container: &str, path: &[&str], expression: &str) {
        let hole = self.template.hole(Hole::Variables(format!("{expression}.env")));
        let Some(Value::Object(fields)) = self.object.pointer_mut(container) else { return };
        let given = fields.insert("env".to_owned(), hole);
        let mut variables = Map::new();
        for variable in given.iter().filter_map(Value::as_array).flatten() {
            let name = variable["name"].as_str().unwrap_or_default();
            variables.insert(name.to_owned(), variable.get("value").cloned().unwrap_or_else(|| "".into()));
        }
        self.values.set(path, variables.into());
    }

    fn service(&mut self, name: &str, owner: &str) {
        let kind = self.text("/spec/type");
        if kind.is_empty() || kind == "ExternalName" {
            return;
        }
        self.name_part("service", "services", owner);
        let key = if name == owner { "service" } else { "published" };
        self.value(
            "/spec/type",
            &["services", owner, key, "type"],
            Hole::Text(format!("$service.{key}.type")),
        );
        let path = ["services", owner, key, "annotations"];
        self.maybe("/metadata", "annotations", &path, &format!("$service.{key}.annotations"), json!({}));
    }

    fn claim(&mut self, claim: &str, expression: &str, path: &[&str]) {
        let path = |key| path.iter().copied().chain([key]).collect::<Vec<_>>();
        let size = format!("{claim}/spec/resources/requests/storage");
        self.value(&size, &path("size"), Hole::Text(format!("{expression}.size")));
        let spec = format!("{claim}/spec");
        let class = format!("{expression}.storageClass");
        self.maybe(&spec, "storageClassName", &path("storageClass"), &class, json!(""));
        let modes = format!("{expression}.accessModes");
        self.maybe(&spec, "accessModes", &path("accessModes"), &modes, json!([]));
    }

    fn ingress(&mut self, name: &str) {
        self.name_part("ingress", "ingresses", name);
        self.values.set(&["ingresses", name, "enabled"], true.into());
        self.condition = Some("$ingress.enabled".to_owned());
        let path = |key| ["ingresses", name, key];
        self.maybe("/spec", "ingressClassName", &path("className"), "$ingress.className", json!(""));
        self.maybe("/spec/rules/0", "host", &path("host"), "$ingress.host", json!(""));
        // Of a list item the first field stands behind the dash.
        if let Some(Value::Object(rule)) = self.object.pointer_mut("/spec/rules/0")
            && let Some(host) = rule.shift_remove("host")
        {
            rule.insert("host".to_owned(), host);
        }
        let hole = self.template.hole(Hole::Tls("$ingress".to_owned()));
        if let Some(Value::Object(spec)) = self.object.pointer_mut("/spec") {
            let tls = spec.insert("tls".to_owned(), hole);
            let secret = tls.as_ref().and_then(|tls| tls.pointer("/0/secretName")).cloned();
            self.values.set(&path("tlsSecret"), secret.unwrap_or_else(|| "".into()));
        }
        self.maybe("/metadata", "annotations", &path("annotations"), "$ingress.annotations", json!({}));
    }

    /// What is no text stays in the template.
    fn secret(&mut self, name: &str) {
        self.name_part("secret", "secrets", name);
        self.value("/metadata/name", &["secrets", name, "name"], Hole::Text("$secret.name".to_owned()));
        let decoded = |value: &Value| {
            let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
            Some(Value::from(String::from_utf8(bytes).ok()?))
        };
        let Some(data) = self.object["data"].as_object() else { return };
        let texts = data.iter().map(|(key, value)| Some((key.clone(), decoded(value)?)));
        let Some(texts) = texts.collect::<Option<Map<_, _>>>() else { return };
        self.value("/data", &["secrets", name, "data"], Hole::Encoded("$secret.data".to_owned()));
        self.values.set(&["secrets", name, "data"], texts.into());
    }
}

/// Has full names in DNS follow the namespace that the chart is installed in.
fn follow_namespace(value: &mut Value, namespace: &str, template: &mut Template) {
    match value {
        Value::String(text) => {
            let full = format!(".{namespace}.svc.");
            if text.contains(&full) {
                let mark = template.mark(Hole::Part("$.Release.Namespace".to_owned()));
                *text = text.replace(&full, &format!(".{mark}.svc."));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| follow_namespace(item, namespace, template)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| follow_namespace(field, namespace, template));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
