//! What does not come back from `config` as it went in. Shared with the fuzz targets.

use topo::model::lifecycle::Hook;
use topo::model::service::Service;
use topo::project::Project;

/// Projects that docker compose does not read as themselves either, and topo follows it: it doubles dollar signs in
/// keys, which are not replaced; it drops an empty name, Dockerfile or network mode, for which a default is taken then; it
/// prints hosts without any address as an empty list; it keeps the optional dependency on a service that it leaves out; and it
/// takes `command: null` of a hook, but not a hook without `command`, which is how it prints that.
pub(crate) fn is_odd(project: &Project) -> bool {
    let has_dollar = |value: &serde_json::Value| keys(value).any(|key| key.contains('$'));
    let written = |path: &[&str]| project.written.at(path).is_some();
    let mut services = project.services.iter();
    has_dollar(&serde_json::to_value(project).unwrap())
        || services.any(|(name, service)| {
            let is_left_out = |other: &String| !project.services.contains_key(other);
            service.depends_on.0.keys().any(is_left_out)
                || (service.extra_hosts.pairs().next().is_none()
                    && written(&["services", name, "extra_hosts"]))
                || hooks(service).any(|hook| hook.command.0.is_none())
                || (service.network_mode.is_none() && written(&["services", name, "network_mode"]))
                || service.build.as_ref().is_some_and(|build| {
                    build.dockerfile.is_none()
                        && build.dockerfile_inline.is_none()
                        && ["dockerfile", "dockerfile_inline"]
                            .iter()
                            .any(|key| written(&["services", name, "build", key]))
                })
        })
        || project.networks.iter().any(|(key, one)| one.name.is_none() && written(&["networks", key, "name"]))
        || project.volumes.iter().any(|(key, one)| one.name.is_none() && written(&["volumes", key, "name"]))
        || project.configs.iter().any(|(key, one)| one.name.is_none() && written(&["configs", key, "name"]))
        || project.secrets.iter().any(|(key, one)| one.name.is_none() && written(&["secrets", key, "name"]))
}

fn hooks(service: &Service) -> impl Iterator<Item = &Hook> {
    let triggers = service.develop.iter().flat_map(|develop| &develop.watch);
    let hooks = service.post_start.iter().chain(&service.pre_stop);
    hooks.chain(triggers.filter_map(|trigger| trigger.exec.as_ref()))
}

fn keys(value: &serde_json::Value) -> Box<dyn Iterator<Item = &String> + '_> {
    match value {
        serde_json::Value::Object(map) => {
            Box::new(map.iter().flat_map(|(key, value)| std::iter::once(key).chain(keys(value))))
        }
        serde_json::Value::Array(list) => Box::new(list.iter().flat_map(keys)),
        _ => Box::new(std::iter::empty()),
    }
}
