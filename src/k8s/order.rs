//! The order of start. Kubernetes has none: readiness keeps traffic away, and a container that fails is started
//! again. An init container can wait for others, where the user wants that.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Container;

use crate::model::lifecycle::{Condition, Dependency};
use crate::model::service::Service;
use crate::model::x_topo::WaitFor;

use super::network::Mode;
use super::workload::{Kind, kind};
use super::{Scope, pod};

/// The image of containers that wait. Later ones have an `nslookup` that fails for names with one kind of address.
///
/// See <https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#init-containers-in-use>.
const WAITING_IMAGE: &str = "busybox:1.28";

/// What a pod waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// For nothing that it could see.
    Impossible,
    /// For a pod that has an address.
    Started,
    /// For a pod that is ready.
    Ready,
}

/// Returns what a service can wait for in another one.
///
/// The name of a service leads to all its pods, and `<name>-ready` to those that are ready: DNS is all that it takes.
fn wait(scope: &Scope<'_>, name: &str, other: &str, condition: Condition) -> Wait {
    let project = scope.project;
    let Some(service) = project.services.get(other) else { return Wait::Impossible };
    let root = pod::root_of(project, name);
    let asks_dns = || project.services.get(root).is_some_and(|root| Mode::of(project, root) != Mode::None);
    // A pod starts none of its services before all of them may start.
    let is_circular = || root != name && depends_on(scope, other, root);
    if !waits(scope, name) || !asks_dns() || is_circular() {
        return Wait::Impossible;
    }
    let has_name = matches!(Mode::of(scope.project, service), Mode::Networks | Mode::Named(_));
    // The pod of a job that has ended has no address any more.
    let stays = !matches!(kind(scope, other, service), Kind::Job(_) | Kind::CronJob(_));
    match condition {
        _ if !has_name || !stays || !scope.runs(other, service) => Wait::Impossible,
        Condition::Started => Wait::Started,
        Condition::Healthy => Wait::Ready,
        Condition::CompletedSuccessfully => Wait::Impossible,
    }
}

/// Returns whether an init container waits for what a service depends on.
fn waits(scope: &Scope<'_>, name: &str) -> bool {
    scope.settings(name).wait_for.unwrap_or(scope.options.wait_for) == WaitFor::Init
}

/// Returns whether the pods of a service come after those of another, by what any service in them depends on.
fn depends_on(scope: &Scope<'_>, name: &str, other: &str) -> bool {
    let project = scope.project;
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![pod::root_of(project, name)]);
    while let Some(root) = ahead.pop() {
        if root == other {
            return true;
        }
        if seen.insert(root) {
            let members = scope.members.get(root).into_iter().flatten();
            let before = members.flat_map(|(member, service)| dependencies(scope, member, service));
            ahead.extend(before.map(|(before, _)| pod::root_of(project, before)));
        }
    }
    false
}

/// Returns the dependencies of a service that run in other pods.
fn dependencies<'a>(scope: &Scope<'a>, name: &'a str, service: &'a Service) -> Vec<(&'a str, Condition)> {
    let is_written = scope.project.written.at(&["services", name, "depends_on"]).is_some();
    let root = pod::root_of(scope.project, name);
    let mut dependencies = Vec::new();
    for (other, dependency) in &service.depends_on.0 {
        // `restart` and `required` say what commands of docker compose do.
        let Dependency { condition, restart: _, required: _, extensions: _ } = dependency;
        if is_written
            && pod::root_of(scope.project, other) != root
            && scope.project.services.contains_key(other)
        {
            dependencies.push((other.as_str(), *condition));
        }
    }
    dependencies
}

/// Returns the services that somebody waits for until they are ready, for which they need a second name.
pub(super) fn awaited_ready<'a>(scope: &Scope<'a>) -> BTreeSet<&'a str> {
    let waiting = scope.running().into_iter().filter(|(name, _)| waits(scope, name));
    waiting
        .flat_map(|(name, service)| {
            let dependencies = dependencies(scope, name, service).into_iter();
            dependencies.filter(move |(other, condition)| wait(scope, name, other, *condition) == Wait::Ready)
        })
        .map(|(other, _)| other)
        .collect()
}

/// The name under which those pods of a service are found that are ready.
pub(super) fn ready_name(service: &str) -> String {
    format!("{service}-ready")
}

/// Returns the container that waits for the dependencies of a service, and reports those that it cannot wait for.
pub(super) fn waiting(scope: &mut Scope<'_>, name: &str, service: &Service) -> Option<Container> {
    let mut targets = Vec::new();
    let mut started = Vec::new();
    for (other, condition) in dependencies(scope, name, service) {
        let path = ["services", name, "depends_on", other];
        let made = scope.names.services[other].clone();
        match wait(scope, name, other, condition) {
            Wait::Started => targets.push(made),
            Wait::Ready => targets.push(ready_name(&made)),
            Wait::Impossible if condition == Condition::CompletedSuccessfully => {
                let message = format!("service `{name}` does not wait until `{other}` has completed");
                let help = format!(
                    "let `{name}` wait for what `{other}` prepares, or end with an error to be started again"
                );
                scope.report.lost(&path, message, help);
            }
            Wait::Impossible => started.push(format!("`{other}`")),
        }
    }
    if !started.is_empty() {
        let message = format!("service `{name}` does not wait for {} to start", started.join(", "));
        let help = if waits(scope, name) {
            format!("let `{name}` try again until it gets an answer")
        } else {
            format!("let `{name}` try again until it gets an answer, or export with `--wait-for init`")
        };
        scope.report.approximated(&["services", name, "depends_on"], message, help);
    }
    if targets.is_empty() {
        return None;
    }
    let namespace = &scope.names.namespace;
    // The name is complete, so that no search list is gone through.
    let loop_for =
        |name: &String| format!("until nslookup {name}.{namespace}.svc.cluster.local; do sleep 1; done");
    let script = targets.iter().map(loop_for).collect::<Vec<_>>().join("\n");
    Some(Container {
        name: super::names::dns_label(&format!("{}-waits", scope.names.services[name]), 63),
        image: Some(WAITING_IMAGE.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec!["sh".to_owned(), "-c".to_owned(), script]),
        ..Container::default()
    })
}
