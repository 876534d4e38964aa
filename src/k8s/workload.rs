//! What runs a service: a Deployment, or what suits its storage, its nodes or its end better.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
    StatefulSet, StatefulSetSpec,
};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::deploy::{Deploy, RestartPolicy, UpdateConfig, UpdateOrder};
use crate::model::lifecycle::{Condition, Dependency, Restart};
use crate::model::service::Service;
use crate::model::values::KeyValues;
use crate::model::x_topo::{ConcurrencyPolicy, WorkloadKind};
use crate::project::Project;

use super::names::{is_label_value, is_qualified_name};
use super::network::Mode;
use super::pod::Pod;
use super::{NAME, Object, PART_OF, Scope, claims, container, kompose, pod, scaling, select};

/// What a service becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A Deployment: all pods are alike.
    Deployment,
    /// A StatefulSet: pods keep storage of their own.
    StatefulSet,
    /// A DaemonSet: one pod on each node.
    DaemonSet,
    /// A Job whose containers start again after a failure, up to so many times; `None` for without end.
    Job(Option<u32>),
    /// A CronJob, whose Jobs do so.
    CronJob(Option<u32>),
}

/// Returns the workloads of all services that run in the cluster.
pub(super) fn workloads(scope: &mut Scope<'_>) -> Vec<Object> {
    let project = scope.project;
    // A service that shares the interfaces of another runs in the pods of that one.
    let running = scope.running().into_iter();
    let roots = running.filter(|(name, _)| pod::root_of(project, name) == *name);
    roots.map(|(name, service)| workload(scope, name, service)).collect()
}

/// Returns the pod of a workload.
pub(super) fn pod_spec(object: &Object) -> Option<&PodSpec> {
    match object {
        Object::Deployment(deployment) => deployment.spec.template.spec.as_ref(),
        Object::StatefulSet(set) => set.spec.template.spec.as_ref(),
        Object::DaemonSet(set) => set.spec.template.spec.as_ref(),
        Object::Job(job) => job.spec.as_ref()?.template.spec.as_ref(),
        Object::CronJob(cron) => cron.spec.job_template.spec.as_ref()?.template.spec.as_ref(),
        _ => None,
    }
}

/// Returns what a service becomes: what `x-topo` says, else what suits how it restarts and what it stores.
pub(super) fn kind(scope: &Scope<'_>, name: &str, service: &Service) -> Kind {
    let settings = scope.settings(name);
    let deploy = service.deploy.as_ref();
    let mode = deploy.and_then(|deploy| deploy.mode.as_deref());
    let restart = restart(service);
    let times = match restart {
        Some(Restart::No) | None => Some(0),
        Some(Restart::OnFailure(times)) => times.filter(|times| *times > 0),
        Some(Restart::Always | Restart::UnlessStopped) => None,
    };
    match settings.kind {
        _ if settings.cron.is_some() => return Kind::CronJob(times),
        Some(WorkloadKind::Deployment) => return Kind::Deployment,
        Some(WorkloadKind::StatefulSet) => return Kind::StatefulSet,
        Some(WorkloadKind::DaemonSet) => return Kind::DaemonSet,
        Some(WorkloadKind::Job) => return Kind::Job(times),
        // Without a schedule it is refused when it is loaded.
        Some(WorkloadKind::CronJob) | None => {}
    }
    let is_awaited = scope.waited_for.contains(name);
    let is_job = matches!(mode, Some("replicated-job" | "global-job"));
    let has_own = |(_, member): &(&str, &Service)| claims::has_own(scope, member);
    match restart {
        Some(Restart::No | Restart::OnFailure(_)) => Kind::Job(times),
        None if is_awaited && !is_job => Kind::Job(Some(0)),
        _ if is_awaited || is_job => Kind::Job(None),
        _ if mode == Some("global") => Kind::DaemonSet,
        _ if scope.members.get(name).into_iter().flatten().any(has_own) => Kind::StatefulSet,
        _ => Kind::Deployment,
    }
}

/// Returns the services for whose end another one waits.
pub(super) fn waited_for(project: &Project) -> BTreeSet<&str> {
    let dependencies = project.services.values().flat_map(|service| &service.depends_on.0);
    let is_end =
        |(_, dependency): &(&String, &Dependency)| dependency.condition == Condition::CompletedSuccessfully;
    dependencies.filter(is_end).map(|(name, _)| name.as_str()).collect()
}

/// Returns what happens when a container of a service ends: `deploy` wins over the service's own attribute.
fn restart(service: &Service) -> Option<Restart> {
    let policy = service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    match policy.map(|policy| (policy.condition.as_deref(), policy.max_attempts)) {
        Some((Some("none"), _)) => Some(Restart::No),
        Some((Some("on-failure"), attempts)) => {
            Some(Restart::OnFailure(attempts.and_then(|attempts| u32::try_from(attempts).ok())))
        }
        Some(_) => Some(Restart::Always),
        None => service.restart,
    }
}

fn workload(scope: &mut Scope<'_>, name: &str, service: &Service) -> Object {
    let kind = kind(scope, name, service);
    report_deploy(scope, name, service, kind);
    let Pod { template, claims, keeps_alone } = pod::pod(scope, name, service, kind);
    let selector = select(scope.selector(name));
    let made = scope.names.services[name].clone();
    let mut metadata = scope.metadata(&made, Some(name));
    label_workload(scope, name, service, &mut metadata);
    let replicas = scaling::replicas(scope, name, service);
    let update = service.deploy.as_ref().and_then(|deploy| deploy.update_config.as_ref());
    let delay = update.and_then(|update| update.delay).filter(|delay| !delay.0.is_zero());
    let min_ready_seconds = delay.map(|delay| container::whole_seconds(delay.0));
    match kind {
        Kind::Deployment => {
            let strategy = strategy(scope, name, service, keeps_alone);
            let spec = DeploymentSpec {
                replicas,
                selector,
                template,
                strategy,
                min_ready_seconds,
                ..DeploymentSpec::default()
            };
            Deployment { metadata, spec, ..Deployment::default() }.into()
        }
        Kind::StatefulSet => {
            let spec = StatefulSetSpec {
                replicas,
                selector,
                template,
                min_ready_seconds,
                // Older clusters require it, if only to say that there is none.
                service_name: Some(if scope.owners.contains_key(&made) { made } else { String::new() }),
                // Docker starts all containers of a service at once.
                pod_management_policy: Some("Parallel".to_owned()),
                volume_claim_templates: Some(claims),
                ..StatefulSetSpec::default()
            };
            StatefulSet { metadata, spec, ..StatefulSet::default() }.into()
        }
        Kind::DaemonSet => {
            let spec = DaemonSetSpec { selector, template, min_ready_seconds, ..DaemonSetSpec::default() };
            DaemonSet { metadata, spec, ..DaemonSet::default() }.into()
        }
        Kind::Job(times) => {
            let spec = Some(job(times, replicas, template));
            Job { metadata, spec, ..Job::default() }.into()
        }
        Kind::CronJob(times) => {
            let job_metadata =
                ObjectMeta { labels: metadata.labels.clone(), annotations: None, ..ObjectMeta::default() };
            let spec = Some(job(times, replicas, template));
            let template = JobTemplateSpec { metadata: Some(job_metadata), spec };
            let cron = scope.settings(name).cron.as_ref();
            let policy = cron.and_then(|cron| cron.concurrency_policy).unwrap_or(ConcurrencyPolicy::Allow);
            let spec = CronJobSpec {
                schedule: cron.map(|cron| cron.schedule.clone()).unwrap_or_default(),
                time_zone: cron.and_then(|cron| cron.time_zone.clone()),
                concurrency_policy: Some(
                    match policy {
                        ConcurrencyPolicy::Allow => "Allow",
                        ConcurrencyPolicy::Forbid => "Forbid",
                        ConcurrencyPolicy::Replace => "Replace",
                    }
                    .to_owned(),
                ),
                job_template: template,
                ..CronJobSpec::default()
            };
            CronJob { metadata, spec, ..CronJob::default() }.into()
        }
    }
}

/// The API adds a selector of its own; containers run side by side, and each has to complete.
fn job(times: Option<u32>, replicas: Option<i32>, template: PodTemplateSpec) -> JobSpec {
    JobSpec {
        backoff_limit: Some(times.map_or(i32::MAX, |times| i32::try_from(times).unwrap_or(i32::MAX))),
        completions: replicas,
        parallelism: replicas,
        template,
        ..JobSpec::default()
    }
}

/// Turns compose's labels into annotations, which take any text.
pub(super) fn annotations<'a>(
    scope: &mut Scope<'_>,
    path: &[&str],
    labels: impl IntoIterator<Item = &'a KeyValues>,
) -> Option<BTreeMap<String, String>> {
    let mut annotations = BTreeMap::new();
    let labels = labels.into_iter().flat_map(|labels| &labels.0);
    for (key, value) in labels.filter(|(key, _)| !key.starts_with(kompose::PREFIX)) {
        if is_qualified_name(key) {
            annotations.insert(key.clone(), value.clone());
        } else {
            let path: Vec<&str> = path.iter().copied().chain([&**key]).collect();
            let message = format!("`{key}` cannot be the key of an annotation");
            scope.report.lost(
                &path,
                message,
                "write letters, digits, `-`, `_` and `.`, with at most one prefix before a `/`",
            );
        }
    }
    (!annotations.is_empty()).then_some(annotations)
}

/// Labels of the service, not of its containers: labels where Kubernetes takes them, else annotations. What `x-topo`
/// gives comes on top.
fn label_workload(scope: &mut Scope<'_>, name: &str, service: &Service, metadata: &mut ObjectMeta) {
    let given = service.deploy.as_ref().map(|deploy| deploy.labels.0.clone()).unwrap_or_default();
    let is_own = |key: &str| key.starts_with("app.kubernetes.io/") || key.starts_with("topo.dev/");
    let (labels, notes): (BTreeMap<_, _>, BTreeMap<_, _>) = given
        .into_iter()
        .filter(|(key, _)| !key.starts_with(kompose::PREFIX))
        .partition(|(key, value)| is_qualified_name(key) && is_label_value(value) && !is_own(key));
    metadata.labels.get_or_insert_default().extend(labels);
    let mut notes =
        annotations(scope, &["services", name, "deploy", "labels"], [&KeyValues(notes)]).unwrap_or_default();
    let (labels, more) = own_labels(scope, name);
    metadata.labels.get_or_insert_default().extend(labels);
    notes.extend(more);
    metadata.annotations = (!notes.is_empty()).then_some(notes);
}

/// Returns the labels and the annotations of the workload and its pods that `x-topo` gives.
pub(super) fn own_labels(
    scope: &mut Scope<'_>,
    name: &str,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let path = ["services", name, "x-topo", "kubernetes"];
    let mut labels = scope.settings(name).labels.0.clone();
    labels.retain(|key, value| {
        let is_own = [PART_OF, NAME].contains(&&**key) || key.starts_with("topo.dev/");
        let is_one = is_qualified_name(key) && is_label_value(value) && !is_own;
        if !is_one {
            let path: Vec<&str> = path.iter().copied().chain(["labels", key]).collect();
            let message = format!("`{key}: {value}` cannot be a label of service `{name}`");
            let help = "write up to 63 letters, digits, `-`, `_` and `.`, and none of topo's own keys";
            scope.report.lost(&path, message, help);
        }
        is_one
    });
    let notes = scope.settings(name).annotations.clone();
    let path: Vec<&str> = path.iter().copied().chain(["annotations"]).collect();
    (labels, annotations(scope, &path, [&notes]).unwrap_or_default())
}

/// Storage or ports of the node that only one pod can have make the old pod go first, as Docker does.
fn strategy(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    keeps_alone: bool,
) -> Option<DeploymentStrategy> {
    let update = service.deploy.as_ref().and_then(|deploy| deploy.update_config.as_ref());
    if keeps_alone || Mode::of(scope.project, service) == Mode::Host {
        if update.is_some_and(|update| update.order == Some(UpdateOrder::StartFirst)) {
            let message = format!("the old pod of service `{name}` goes before the new one comes");
            let help = "the two cannot share a volume or the ports of a node";
            scope.report.approximated(&["services", name, "deploy", "update_config", "order"], message, help);
        }
        return Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None });
    }
    let update = update?;
    let together = match update.parallelism {
        Some(0) => IntOrString::String("100%".to_owned()),
        together => {
            IntOrString::Int(together.map_or(1, |together| i32::try_from(together).unwrap_or(i32::MAX)))
        }
    };
    let none = IntOrString::Int(0);
    let (max_surge, max_unavailable) = match update.order {
        Some(UpdateOrder::StartFirst) => (together, none),
        _ => (none, together),
    };
    let rolling_update =
        Some(RollingUpdateDeployment { max_surge: Some(max_surge), max_unavailable: Some(max_unavailable) });
    Some(DeploymentStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update })
}

/// Reports how many pods are wished for, where there is one on each node.
fn report_count(scope: &mut Scope<'_>, name: &str, service: &Service) {
    let replicas = service.deploy.as_deref().and_then(|deploy| deploy.replicas);
    for (path, is_given) in [
        (&["scale"][..], service.scale.is_some()),
        (&["deploy", "replicas"], replicas.is_some()),
        (&["x-topo", "kubernetes", "replicas"], scope.settings(name).replicas.is_some()),
    ] {
        if is_given {
            let path: Vec<&str> = ["services", name].into_iter().chain(path.iter().copied()).collect();
            let message = format!("service `{name}` has one pod on each node, however many are wished for");
            scope.report.lost(&path, message, "leave the number out, or make the service a Deployment");
        }
    }
}

fn report_deploy(scope: &mut Scope<'_>, name: &str, service: &Service, kind: Kind) {
    if let (Kind::Job(_), Some(Restart::Always | Restart::UnlessStopped)) = (kind, service.restart) {
        let message =
            format!("service `{name}` is not started again once it has succeeded: others wait for that");
        let help = "write `restart: on-failure`";
        scope.report.approximated(&["services", name, "restart"], message, help);
    }
    if kind == Kind::DaemonSet {
        report_count(scope, name, service);
    }
    let Some(deploy) = service.deploy.as_deref() else { return };
    let Deploy {
        mode,
        restart_policy,
        update_config,
        // Here, in services.rs, in placement.rs, in resources.rs and in loss.rs.
        endpoint_mode: _,
        rollback_config: _,
        replicas: _,
        labels: _,
        resources: _,
        placement: _,
        extensions: _,
    } = deploy;
    if mode.as_deref() == Some("global-job") {
        let message = format!("service `{name}` runs once, not once on each node");
        scope.report.approximated(
            &["services", name, "deploy", "mode"],
            message,
            "say how many with `replicas`",
        );
    }
    if let Some(policy) = restart_policy {
        let RestartPolicy { condition, max_attempts, delay: _, window: _, extensions: _ } = policy;
        if max_attempts.is_some() && !matches!(condition.as_deref(), Some("none" | "on-failure")) {
            let message =
                format!("service `{name}` is started again without end: Kubernetes waits longer each time");
            let path = ["services", name, "deploy", "restart_policy", "max_attempts"];
            scope.report.lost(&path, message, "write `condition: on-failure`, or leave it out");
        }
    }
    if let Some(update) = update_config {
        let UpdateConfig {
            failure_action,
            parallelism,
            delay,
            order,
            monitor: _,
            max_failure_ratio: _,
            extensions: _,
        } = update;
        let is_deployment = kind == Kind::Deployment;
        for (attribute, is_given) in [
            // A rollout that fails stops where it is, as `pause` does.
            ("failure_action", failure_action.as_deref().is_some_and(|action| action != "pause")),
            ("parallelism", parallelism.is_some() && !is_deployment),
            ("order", order.is_some() && !is_deployment),
            ("delay", delay.is_some() && matches!(kind, Kind::Job(_) | Kind::CronJob(_))),
        ] {
            if is_given {
                let message = format!("`{attribute}` of service `{name}` has no equivalent in Kubernetes");
                let path = ["services", name, "deploy", "update_config", attribute];
                scope.report.lost(&path, message, "watch the rollout with `kubectl rollout status`");
            }
        }
    }
}
