//! Objects in which each container is replaced by one that listens on the ports of its service, and keeps nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A port that stands for those that nobody names: each pod listens there too.
pub(super) const ANY_PORT: u16 = 61_613;

/// Returns what stands in for an object; nothing where it has no part in who reaches whom.
pub(super) fn of(mut object: Value, listens: &BTreeMap<String, Vec<u16>>) -> Option<Value> {
    match object["kind"].as_str()? {
        "Namespace" | "Service" | "NetworkPolicy" => return Some(object),
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {}
        _ => return None,
    }
    let spec = object["spec"].as_object_mut()?;
    if spec.contains_key("replicas") {
        spec.insert("replicas".to_owned(), 1.into());
    }
    spec.remove("volumeClaimTemplates");
    let pod = spec.get_mut("template")?.get_mut("spec")?;
    // Its ports would be those of the node.
    if pod["hostNetwork"] == true {
        return None;
    }
    let mut kept = serde_json::Map::new();
    for key in ["dnsPolicy", "dnsConfig", "hostAliases", "hostname", "subdomain", "restartPolicy"] {
        if let Some(value) = pod.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    kept.insert("enableServiceLinks".to_owned(), false.into());
    kept.insert("automountServiceAccountToken".to_owned(), false.into());
    kept.insert("terminationGracePeriodSeconds".to_owned(), 0.into());
    let list = |key: &str| pod[key].as_array().cloned().unwrap_or_default().into_iter();
    let sidecars = list("initContainers").filter(|one| one["restartPolicy"] == "Always");
    let containers = list("containers").chain(sidecars).map(|container| container_of(&container, listens));
    kept.insert("containers".to_owned(), containers.collect());
    *pod = kept.into();
    Some(object)
}

fn container_of(container: &Value, listens: &BTreeMap<String, Vec<u16>>) -> Value {
    let name = container["name"].as_str().unwrap_or_default();
    let mut ports = listens.get(name).cloned().unwrap_or_default();
    ports.push(ANY_PORT);
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    // Another container of the pod may listen there already.
    let script =
        format!("for port in {}; do httpd -p $port -h /etc; done; exec sleep 1000000", ports.join(" "));
    let image = std::env::var("TOPO_CLUSTER_IMAGE").unwrap_or_else(|_| "busybox".to_owned());
    let mut stands_in = json!({
        "name": name, "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script],
    });
    // Policies and Services may call ports by name.
    if let Some(ports) = container.get("ports") {
        stands_in["ports"] = ports.clone();
    }
    stands_in
}

/// Returns how many pods the objects make.
pub(super) fn pods(objects: &[Value]) -> usize {
    objects.iter().filter(|object| object.pointer("/spec/template/spec").is_some()).count()
}
