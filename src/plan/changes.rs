//! Names the attributes by which a container differs from what is wanted: the hashes only tell that there are some.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::ContainerCreateBody;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Op, Plan, Step, StepId};

/// The cause of a step that [`explain`] can put more precisely.
pub(super) const CHANGED: &str = "configuration changed";

/// How many changes are named; of more there is only the number.
const NAMED: usize = 3;

/// What a container was created from, as far as the engine still tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// What it has: what was asked for, what came from the image, and the engine's defaults.
    pub body: ContainerCreateBody,
    /// What its image says, in the places where it says it.
    pub image: ContainerCreateBody,
}

/// Returns the IDs of the containers that are replaced because their configuration changed.
pub fn unexplained(plan: &Plan) -> Vec<String> {
    let is_removal = |step: &&Step| step.cause == CHANGED && step.op.verb() == "remove";
    let of_container = |step: &Step| step.op.container().map(str::to_owned);
    plan.steps.iter().filter(is_removal).filter_map(of_container).collect()
}

/// Names what changed in the causes of a plan. `origins` says by container ID what the old ones were created from.
pub fn explain(plan: &mut Plan, origins: &BTreeMap<String, Origin>) {
    let mut causes: Vec<(StepId, String)> = Vec::new();
    for (id, origin) in origins {
        let removes = |step: &&Step| {
            step.cause == CHANGED
                && matches!(&step.op, Op::RemoveContainer { container, .. } if container == id)
        };
        let Some(subject) = plan.steps.iter().find(removes).map(|step| &step.subject) else { continue };
        let of_subject = |step: &Step| step.subject == *subject && step.cause == CHANGED;
        let wanted = plan.steps.iter().filter(|step| of_subject(step)).find_map(|step| match &step.op {
            Op::CreateContainer(create) => Some(&create.body),
            _ => None,
        });
        let Some(cause) = wanted.and_then(|wanted| phrase(&changes(wanted, origin))) else { continue };
        let steps = plan.steps.iter().enumerate().filter(|(_, step)| of_subject(step));
        causes.extend(steps.map(|(step, _)| (step, cause.clone())));
    }
    for (step, cause) in causes {
        plan.steps[step].cause = cause;
    }
}

/// Puts changes into a phrase; `None` if there are none.
pub(super) fn phrase(changes: &[String]) -> Option<String> {
    let more = changes.len().saturating_sub(NAMED);
    let named = changes.iter().take(NAMED).cloned();
    let more = (more > 0).then(|| format!("{more} more"));
    let all: Vec<String> = named.chain(more).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// How an attribute is compared.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// As a whole. Where nothing is wanted, the engine has one of these.
    Whole(&'static [&'static str]),
    /// As a whole, where something is wanted: otherwise the engine makes it up.
    Asked,
    /// Entry by entry, of a list of `NAME=value` or of a map.
    Entries,
    /// As a list without an order.
    Set,
}

/// Where a request has an attribute, what the file calls it, and how it is compared.
pub(super) type Attribute = (&'static str, &'static str, Kind);

/// The attributes of a service.
const ATTRIBUTES: &[Attribute] = &[
    ("/Image", "image", Kind::Whole(&[])),
    ("/Env", "environment", Kind::Entries),
    ("/Labels", "labels", Kind::Entries),
    ("/Cmd", "command", Kind::Whole(&[])),
    ("/Entrypoint", "entrypoint", Kind::Whole(&[])),
    ("/WorkingDir", "working_dir", Kind::Whole(&[])),
    ("/User", "user", Kind::Whole(&[])),
    ("/Hostname", "hostname", Kind::Asked),
    ("/Domainname", "domainname", Kind::Whole(&[])),
    ("/StopSignal", "stop_signal", Kind::Whole(&["SIGTERM"])),
    ("/StopTimeout", "stop_grace_period", Kind::Whole(&[])),
    ("/Healthcheck", "healthcheck", Kind::Whole(&[])),
    ("/Tty", "tty", Kind::Whole(&[])),
    ("/OpenStdin", "stdin_open", Kind::Whole(&[])),
    ("/HostConfig/PortBindings", "ports", Kind::Entries),
    ("/HostConfig/Binds", "volumes", Kind::Set),
    ("/HostConfig/Tmpfs", "tmpfs", Kind::Entries),
    ("/HostConfig/VolumesFrom", "volumes_from", Kind::Set),
    ("/HostConfig/NetworkMode", "network_mode", Kind::Whole(&["default", "bridge"])),
    ("/HostConfig/RestartPolicy/Name", "restart", Kind::Whole(&["no"])),
    ("/HostConfig/RestartPolicy/MaximumRetryCount", "restart", Kind::Whole(&[])),
    ("/HostConfig/Privileged", "privileged", Kind::Whole(&[])),
    ("/HostConfig/ReadonlyRootfs", "read_only", Kind::Whole(&[])),
    ("/HostConfig/Init", "init", Kind::Whole(&[])),
    ("/HostConfig/CapAdd", "cap_add", Kind::Set),
    ("/HostConfig/CapDrop", "cap_drop", Kind::Set),
    ("/HostConfig/SecurityOpt", "security_opt", Kind::Set),
    ("/HostConfig/Devices", "devices", Kind::Set),
    ("/HostConfig/DeviceRequests", "gpus", Kind::Set),
    ("/HostConfig/Dns", "dns", Kind::Set),
    ("/HostConfig/DnsOptions", "dns_opt", Kind::Set),
    ("/HostConfig/DnsSearch", "dns_search", Kind::Set),
    ("/HostConfig/ExtraHosts", "extra_hosts", Kind::Set),
    ("/HostConfig/Links", "links", Kind::Set),
    ("/HostConfig/GroupAdd", "group_add", Kind::Set),
    ("/HostConfig/LogConfig/Type", "logging.driver", Kind::Whole(&["json-file", "local", "journald"])),
    ("/HostConfig/LogConfig/Config", "logging.options", Kind::Entries),
    ("/HostConfig/Memory", "mem_limit", Kind::Whole(&[])),
    ("/HostConfig/MemoryReservation", "mem_reservation", Kind::Whole(&[])),
    ("/HostConfig/NanoCpus", "cpus", Kind::Whole(&[])),
    ("/HostConfig/CpuShares", "cpu_shares", Kind::Whole(&[])),
    ("/HostConfig/CpusetCpus", "cpuset", Kind::Whole(&[])),
    ("/HostConfig/PidsLimit", "pids_limit", Kind::Whole(&[])),
    ("/HostConfig/ShmSize", "shm_size", Kind::Whole(&["67108864"])),
    ("/HostConfig/Sysctls", "sysctls", Kind::Entries),
    ("/HostConfig/Ulimits", "ulimits", Kind::Set),
    ("/HostConfig/UsernsMode", "userns_mode", Kind::Whole(&[])),
    ("/HostConfig/UTSMode", "uts", Kind::Whole(&[])),
    ("/HostConfig/Runtime", "runtime", Kind::Whole(&["runc"])),
];

/// Returns what differs, as phrases: `environment.LEVEL` changed from `info` to `debug`.
fn changes(wanted: &ContainerCreateBody, origin: &Origin) -> Vec<String> {
    let (wanted, was, image) = (tree(wanted), tree(&origin.body), tree(&origin.image));
    let mut found = differences(ATTRIBUTES, &wanted, &was, &image);
    let mounts = |tree: &Value| -> BTreeSet<String> {
        let mounts = tree.pointer("/HostConfig/Mounts").and_then(Value::as_array);
        let place =
            |mount: &Value| Some(format!("{}:{}", text(mount.get("Source")?), text(mount.get("Target")?)));
        mounts.into_iter().flatten().filter_map(place).collect()
    };
    if mounts(&wanted) != mounts(&was) && !found.iter().any(|change| change.starts_with("`volumes`")) {
        found.push("`volumes` changed".to_owned());
    }
    found
}

/// Returns a request as a tree, without what says nothing.
pub(super) fn tree(request: &impl Serialize) -> Value {
    pruned(serde_json::to_value(request).unwrap_or_default())
}

/// Returns what differs between two requests, as phrases. `image` says what need not be asked for.
pub(super) fn differences(
    attributes: &[Attribute],
    wanted: &Value,
    was: &Value,
    image: &Value,
) -> Vec<String> {
    let mut found = Vec::new();
    for (pointer, name, kind) in attributes {
        let [wanted, was, image] = [wanted, was, image].map(|tree| tree.pointer(pointer));
        match kind {
            Kind::Entries => {
                let [wanted, was, image] = [wanted, was, image].map(entries);
                let names: BTreeSet<&String> = wanted.keys().chain(was.keys()).collect();
                for key in names.into_iter().filter(|key| is_the_users(key)) {
                    let (new, old) = (wanted.get(key), was.get(key));
                    if new == old || (new.is_none() && old == image.get(key)) {
                        continue;
                    }
                    found.push(change(&format!("{name}.{key}"), old, new));
                }
            }
            Kind::Whole(defaults) => {
                let is_default = |was: &Value| Some(was) == image || defaults.contains(&text(was).as_str());
                if wanted == was || (wanted.is_none() && was.is_none_or(is_default)) {
                    continue;
                }
                found.push(change(name, was, wanted));
            }
            Kind::Asked if wanted.is_some() && wanted != was => found.push(change(name, was, wanted)),
            Kind::Asked => {}
            Kind::Set => {
                let set = |list: Option<&Value>| -> BTreeSet<String> {
                    list.and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect()
                };
                if set(wanted) != set(was) {
                    found.push(change(name, was, wanted));
                }
            }
        }
    }
    found
}

fn change(name: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    let shown = |value: &Value| Some(text(value)).filter(|text| may_be_shown(name, text));
    match (old, new) {
        (Some(old), Some(new)) => match (shown(old), shown(new)) {
            (Some(old), Some(new)) => format!("`{name}` changed from `{old}` to `{new}`"),
            _ => format!("`{name}` changed"),
        },
        (None, Some(new)) => match shown(new) {
            Some(new) => format!("`{name}` is new: `{new}`"),
            None => format!("`{name}` is new"),
        },
        (_, None) => format!("`{name}` was removed"),
    }
}

/// Values that are secret, or too long to be read in a line, are not shown.
fn may_be_shown(name: &str, value: &str) -> bool {
    const SECRET: [&str; 9] =
        ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "PRIVATE", "CERT", "DSN"];
    let upper = name.to_ascii_uppercase();
    let is_secret = SECRET.iter().any(|word| upper.contains(word));
    // `postgres://user:word@host` is one, too.
    let has_login = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    !is_secret && !has_login && !value.is_empty() && value.len() <= 60 && !value.contains(['\n', '\r'])
}

/// Labels of tools say what they made of the file, not what is in it.
fn is_the_users(key: &str) -> bool {
    !key.starts_with("com.docker.compose.") && key != super::labels::CONTENTS
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// Reads a list of `NAME=value` or a map.
fn entries(value: Option<&Value>) -> BTreeMap<String, Value> {
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.to_owned(), json!(value))
    };
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(pair).collect(),
        Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        _ => BTreeMap::new(),
    }
}

/// Leaves out what says nothing: the engine tells all fields, a request only those that are set.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, pruned(value)));
            let says = |value: &Value| match value {
                Value::Null | Value::Bool(false) => false,
                Value::String(text) => !text.is_empty(),
                Value::Number(number) => number.as_f64() != Some(0.0),
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) => !map.is_empty(),
                Value::Bool(true) => true,
            };
            Value::Object(entries.filter(|(_, value)| says(value)).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(pruned).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(value: Value) -> ContainerCreateBody {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn changes_are_named_and_defaults_are_none() {
        let was = body(json!({
            "Image": "app", "Env": ["LEVEL=info", "OLD=1", "PATH=/bin", "DB_PASSWORD=one"], "Cmd": ["serve"],
            "Labels": {"com.docker.compose.service": "web"}, "StopSignal": "SIGTERM", "Hostname": "0123",
            "HostConfig": {"ShmSize": 67_108_864, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                           "CapAdd": ["CAP_B", "CAP_A"], "LogConfig": {"Type": "json-file", "Config": {}}},
        }));
        let wanted = body(json!({
            "Image": "app", "Env": ["LEVEL=debug", "URL=http://u:p@x", "DB_PASSWORD=two"],
            "HostConfig": {"CapAdd": ["CAP_A", "CAP_B"], "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}},
        }));
        let image = body(json!({"Env": ["PATH=/bin"], "Cmd": ["serve"]}));
        let found = changes(&wanted, &Origin { body: was, image });
        assert_eq!(
            found,
            [
                "`environment.DB_PASSWORD` changed",
                "`environment.LEVEL` changed from `info` to `debug`",
                "`environment.OLD` was removed",
                "`environment.URL` is new",
                "`ports.80/tcp` is new: `[{\"HostPort\":\"8080\"}]`",
            ]
        );
        assert_eq!(
            phrase(&found).unwrap(),
            "`environment.DB_PASSWORD` changed; `environment.LEVEL` changed from `info` to `debug`; `environment.OLD` was removed; 2 more"
        );
    }
}
