//! A kustomization: the objects as the base, and one overlay for each place that they usually go to.
//!
//! The base is written anew each time. Overlays are beginnings, and stay as people leave them.
//!
//! See <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::yaml::{self, WriteError};

use super::super::Object;
use super::chart::containers;
use super::image::Image;
use super::{File, plain};

const API_VERSION: &str = "kustomize.config.k8s.io/v1beta1";

/// What an overlay says, key by key.
type Overlay = Vec<(&'static str, Value)>;

/// Returns the files of the base and its overlays.
pub(super) fn files(objects: &[Object]) -> Result<Vec<File>, WriteError> {
    let mut files = plain(objects, "base/")?;
    let mut names: Vec<String> = objects.iter().map(Object::file_name).collect();
    names.sort();
    let text = yaml::to_string(&kustomization(&names, Vec::new()))?;
    files.push(File::new("base/kustomization.yaml", text));
    let objects: Vec<Value> = objects.iter().map(Object::to_json).collect::<Result<_, _>>()?;
    for (name, about, overlay) in [
        (
            "local",
            "A cluster on one machine, such as kind or minikube: one pod each, and ports of the node.",
            local(&objects),
        ),
        (
            "production",
            "What production has otherwise than the base: images and numbers of pods here win over those of the base.",
            production(&objects),
        ),
    ] {
        let text = yaml::to_string(&kustomization(&["../../base".to_owned()], overlay))?;
        let text = format!("# {about}\n# It is yours: a later export leaves it as it is.\n{text}");
        let path = format!("overlays/{name}/kustomization.yaml");
        files.push(File { is_beginning: true, ..File::new(path, text) });
    }
    Ok(files)
}

fn kustomization(resources: &[String], overlay: Overlay) -> Value {
    let mut fields = json!({ "apiVersion": API_VERSION, "kind": "Kustomization", "resources": resources });
    for (key, value) in overlay {
        if value.as_array().is_some_and(|items| !items.is_empty()) {
            fields[key] = value;
        }
    }
    fields
}

/// Nothing balances loads there, and one node gains nothing from more than one pod.
fn local(objects: &[Value]) -> Overlay {
    let one_each: Vec<Value> = replicas(objects)
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| json!({ "name": name, "count": 1 }))
        .collect();
    let patches: Vec<Value> = objects
        .iter()
        .filter(|object| object["kind"] == "Service" && object["spec"]["type"] == "LoadBalancer")
        .map(|service| {
            let name = &service["metadata"]["name"];
            let patch = "- op: replace\n  path: /spec/type\n  value: NodePort\n";
            json!({ "target": { "kind": "Service", "name": name }, "patch": patch })
        })
        .collect();
    vec![("replicas", one_each.into()), ("patches", patches.into())]
}

/// What the base has, written out to be changed.
fn production(objects: &[Value]) -> Overlay {
    let counts = replicas(objects).into_iter().map(|(name, count)| json!({ "name": name, "count": count }));
    vec![("images", images(objects).into()), ("replicas", counts.collect::<Vec<_>>().into())]
}

/// Returns the number of pods of the workloads that kustomize counts.
fn replicas(objects: &[Value]) -> Vec<(&str, i64)> {
    let counted =
        objects.iter().filter(|object| object["kind"] == "Deployment" || object["kind"] == "StatefulSet");
    let of = |object: &'_ Value| object["spec"]["replicas"].as_i64();
    counted.filter_map(|object| Some((object["metadata"]["name"].as_str()?, of(object)?))).collect()
}

/// Returns the images with their tags. An entry is for all images of a name, so one that is there with several tags
/// has none.
fn images(objects: &[Value]) -> Vec<Value> {
    let mut known: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for text in objects.iter().flat_map(containers) {
        let Some(text) = text["image"].as_str() else { continue };
        let Image { repository, tag, digest } = Image::of(text);
        known.entry(repository).or_default().insert((tag, digest));
    }
    let mut images = Vec::new();
    for (name, versions) in known {
        let Some((tag, digest)) = versions.first().filter(|_| versions.len() == 1) else { continue };
        let mut image = json!({ "name": name });
        for (key, value) in [("newTag", tag), ("digest", digest)] {
            if !value.is_empty() {
                image[key] = (*value).into();
            }
        }
        // Without either it would change nothing, which kustomize refuses.
        if image.as_object().is_some_and(|image| image.len() > 1) {
            images.push(image);
        }
    }
    images
}
