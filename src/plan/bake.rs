//! The bake file that builds what a project builds: `topo build --print`, for `docker buildx bake`.
//!
//! See <https://docs.docker.com/build/bake/reference/>. The order is that of docker compose.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Build;
use super::build::NamedContext;
use super::supply::BuildOptions;
use crate::model::build::is_remote;
use crate::project::Project;

/// Returns the bake file.
pub fn bake(project: &Project, builds: &BTreeMap<String, Build>, options: &BuildOptions) -> Value {
    let names: Vec<String> = builds.keys().map(|name| target(name)).collect();
    let targets: Map<String, Value> =
        builds.iter().map(|(name, build)| (target(name), of_build(project, name, build, options))).collect();
    json!({ "group": { "default": { "targets": names } }, "target": targets })
}

/// A dot in a target's name means something to bake.
fn target(service: &str) -> String {
    service.replace('.', "_")
}

fn of_build(project: &Project, service: &str, build: &Build, options: &BuildOptions) -> Value {
    let Build {
        image,
        context,
        dockerfile,
        dockerfile_inline,
        args,
        target: stage,
        labels,
        cache_from,
        cache_to,
        tags,
        network,
        platform,
        platforms,
        all_platforms,
        extra_hosts,
        shm_size,
        ulimits,
        // Bake has neither.
        memory: _,
        isolation: _,
        contexts,
        // Named by where they come from rather than by what they hold.
        secrets: _,
        ssh,
        entitlements,
        provenance,
        sbom,
        builder: _,
        check,
        push: _,
        no_cache,
        pull,
    } = build;
    let mut printed = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(values) => values.is_empty(),
            Value::Object(values) => values.is_empty(),
            _ => false,
        };
        if !is_empty {
            printed.insert(key.to_owned(), value);
        }
    };
    put("context", json!(context));
    let named = |context: &NamedContext| match context {
        NamedContext::Service { name, image: _ } => format!("target:{}", target(name)),
        NamedContext::Place(place) => place.clone(),
    };
    put("contexts", contexts.iter().map(|(name, one)| (name.clone(), json!(named(one)))).collect());
    match dockerfile_inline {
        Some(text) => put("dockerfile-inline", json!(text)),
        // Within a directory bake starts at its own, not at the context.
        None if is_remote(context) || dockerfile.starts_with('/') => put("dockerfile", json!(dockerfile)),
        None => put("dockerfile", json!(format!("{}/{dockerfile}", context.trim_end_matches('/')))),
    }
    put(
        "args",
        args.iter().filter_map(|(name, value)| Some((name.clone(), json!(value.clone()?)))).collect(),
    );
    put("labels", json!(labels));
    let mut seen = BTreeSet::new();
    let all_tags: Vec<_> = tags.iter().chain([image]).filter(|tag| seen.insert(*tag)).collect();
    put("tags", json!(all_tags));
    put("cache-from", json!(cache_from));
    put("cache-to", json!(cache_to));
    put("target", json!(stage));
    put("secret", secrets(project, service).into());
    put("ssh", ssh.iter().map(|(id, path)| format!("{id}={path}")).collect());
    let one: Vec<String> = platform.iter().cloned().collect();
    put("platforms", json!(if *all_platforms { platforms } else { &one }));
    put("pull", json!(pull));
    put("no-cache", json!(no_cache));
    put("network", json!(network));
    put("shm-size", json!(shm_size.map(|bytes| bytes.to_string())));
    put("ulimits", ulimits.iter().map(|(name, (soft, hard))| limit(name, *soft, *hard)).collect());
    put("entitlements", json!(entitlements));
    let hosts = extra_hosts.iter().filter_map(|host| host.split_once(':'));
    put("extra-hosts", hosts.map(|(host, ip)| (host.to_owned(), json!(ip))).collect());
    if *check {
        put("call", json!("lint"));
        return printed.into();
    }
    let push = options.push && project.services.get(service).is_some_and(|service| service.image.is_some());
    put(
        "output",
        json!([match (all_platforms, push) {
            (true, push) => format!("type=image,push={push}"),
            (false, true) => "type=registry".to_owned(),
            (false, false) => "type=docker".to_owned(),
        }]),
    );
    let attest = [("provenance", provenance), ("sbom", sbom)];
    let attest = attest.into_iter().filter_map(|(kind, options)| Some((kind, options.as_deref()?)));
    put("attest", attest.map(|(kind, options)| attestation(kind, options)).collect());
    printed.into()
}

/// Writes a limit as `docker build --ulimit` takes it.
pub fn limit(name: &str, soft: i64, hard: i64) -> String {
    if soft == hard { format!("{name}={soft}") } else { format!("{name}={soft}:{hard}") }
}

/// Writes an attestation as `docker buildx build --attest` takes it.
pub fn attestation(kind: &str, options: &str) -> String {
    if options == "true" { format!("type={kind}") } else { format!("type={kind},{options}") }
}

fn secrets(project: &Project, service: &str) -> Vec<String> {
    let Some(build) = project.services.get(service).and_then(|service| service.build.as_ref()) else {
        return Vec::new();
    };
    let written = build.secrets.0.iter().filter_map(|reference| {
        let secret = project.secrets.get(&reference.source)?;
        let id = reference.target.as_ref().unwrap_or(&reference.source);
        Some(match (&secret.environment, &secret.file) {
            (Some(variable), _) => format!("id={id},type=env,env={variable}"),
            (None, Some(file)) => format!("id={id},type=file,src={}", file.0),
            (None, None) => return None,
        })
    });
    written.collect()
}
