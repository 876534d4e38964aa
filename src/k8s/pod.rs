//! The pod of a service, with the services that share its interfaces beside it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, LocalObjectReference, PersistentVolumeClaim, PodSpec, PodTemplateSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::deploy::{Deploy, Placement};
use crate::model::lifecycle::Restart;
use crate::model::service::Service;
use crate::project::Project;

use super::names::local_name;
use super::network::Mode;
use super::version::Feature;
use super::workload::{self, Kind, annotations};
use super::{
    Scope, container, copy_up, network, order, placement, ports, resources, scaling, security, storage,
};

/// Docker's time between the stop signal and SIGKILL, in seconds.
const STOP_SECONDS: i64 = 10;

/// A pod, and what its workload has to know of it.
pub(super) struct Pod {
    pub(super) template: PodTemplateSpec,
    /// Claims that each pod gets for itself.
    pub(super) claims: Vec<PersistentVolumeClaim>,
    /// Whether it has storage that only one node can have at a time.
    pub(super) keeps_alone: bool,
}

/// Returns the service whose pods a service runs in: itself, or the one whose interfaces it shares.
pub(super) fn root_of<'a>(project: &'a Project, name: &'a str) -> &'a str {
    let mut root = name;
    // A chain that comes back to its start is reported as a cycle; here it only has to end.
    for _ in 0..project.services.len() {
        let Some(Mode::Service(other)) = project.services.get(root).map(|one| Mode::of(project, one)) else {
            break;
        };
        match project.services.get(other) {
            Some(service) if service.provider.is_none() => root = other,
            _ => break,
        }
    }
    root
}

/// The services that run in the pods of each, that one first.
pub(super) type Members<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a Service)>>;

/// Returns who runs in whose pods.
pub(super) fn members(project: &Project) -> Members<'_> {
    let mut members = Members::new();
    for (name, service) in &project.services {
        let root = root_of(project, name);
        let of_root = members.entry(root).or_default();
        let at = if root == name { 0 } else { of_root.len() };
        of_root.insert(at, (name, service));
    }
    members
}

/// Returns the pod of a service.
pub(super) fn pod(scope: &mut Scope<'_>, name: &str, service: &Service, kind: Kind) -> Pod {
    let members = scope.members.get(name).cloned().unwrap_or_default();
    let (storage, mounts) = storage::of_pod(scope, &members, kind);
    let writes = storage.volumes.iter().any(|volume| volume.persistent_volume_claim.is_some())
        || !storage.templates.is_empty();
    let mut containers: Vec<Container> = Vec::new();
    let (mut waiting, mut copies, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    let mut notes = BTreeMap::new();
    let mut grace = 0;
    for ((member, of_member), mounts) in members.iter().zip(mounts) {
        let mut container = container::container(scope, member, of_member);
        // The interfaces are shared, so a port is there once.
        let listed = |port: &ContainerPort| {
            let is_same = |other: &ContainerPort| {
                (other.container_port, &other.protocol) == (port.container_port, &port.protocol)
            };
            containers.iter().flat_map(|container| container.ports.iter().flatten()).any(is_same)
        };
        let mut own_ports = ports::container_ports(scope, member, of_member).unwrap_or_default();
        own_ports.retain(|port| !listed(port));
        container.ports = (!own_ports.is_empty()).then_some(own_ports);
        container.resources = resources::requirements(scope, member, of_member);
        container.security_context = security::of_container(scope, member, of_member);
        container.volume_mounts = (!mounts.is_empty()).then_some(mounts);
        waiting.extend(order::waiting(scope, member, of_member));
        copies.extend(copy_up::container(scope, member, of_member, &container));
        steps.extend(container::steps(scope, member, of_member, &container));
        containers.push(container);
        for (attribute, labels) in [("labels", &of_member.labels), ("annotations", &of_member.annotations)] {
            notes.extend(annotations(scope, &["services", member, attribute], [labels]).unwrap_or_default());
        }
        let seconds = of_member.stop_grace_period.map(|period| i64::from(container::whole_seconds(period.0)));
        grace = grace.max(seconds.unwrap_or(STOP_SECONDS));
        if *member != name {
            report_member(scope, name, member, of_member);
        }
    }
    let context = security::of_pod(scope, name, service, containers[0].security_context.as_ref(), writes);
    // What is made up for containers that come first may be what a service is called.
    let mut taken: BTreeSet<String> = containers.iter().map(|container| container.name.clone()).collect();
    for container in waiting.iter_mut().chain(&mut copies).chain(&mut steps) {
        while !taken.insert(container.name.clone()) {
            container.name = local_name(&format!("{}-2", container.name));
        }
    }
    // Who shares the interfaces of another is a sidecar of it: it ends with it, and does not keep a Job from ending.
    let mut sidecars = containers.split_off(1);
    if scope.options.kube_version.has(Feature::Sidecars) {
        for (sidecar, (member, _)) in sidecars.iter_mut().zip(&members[1..]) {
            sidecar.restart_policy = Some("Always".to_owned());
            // The others would wait for it to pass, and a sidecar may well ask them before it does.
            if sidecar.startup_probe.take().is_some() {
                report_startup(scope, member);
            }
        }
    } else {
        report_companions(scope, name, &members[1..], kind);
        containers.append(&mut sidecars);
    }
    let first: Vec<Container> = waiting.into_iter().chain(copies).chain(steps).chain(sidecars).collect();
    let mut pod = PodSpec {
        containers,
        init_containers: (!first.is_empty()).then_some(first),
        volumes: (!storage.volumes.is_empty()).then_some(storage.volumes),
        security_context: Some(context),
        termination_grace_period_seconds: Some(grace),
        restart_policy: match kind {
            Kind::Job(Some(0)) | Kind::CronJob(Some(0)) => Some("Never".to_owned()),
            Kind::Job(_) | Kind::CronJob(_) => Some("OnFailure".to_owned()),
            _ => None,
        },
        // A container knows nothing of the engine that runs it, nor gets variables about its neighbours.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        ..PodSpec::default()
    };
    network::set_up_pod(scope, name, service, &mut pod);
    for (member, of_member) in &members {
        security::share_namespaces(scope, member, of_member, &mut pod);
    }
    placement::place(scope, name, service, &mut pod);
    scaling::spread(scope, name, service, kind, &mut pod);
    if let Some(account) = &scope.settings(name).service_account {
        pod.service_account_name = Some(account.clone());
        pod.automount_service_account_token = Some(true);
    }
    let pull = members.iter().flat_map(|(member, _)| &scope.settings(member).image_pull_secrets.0);
    let pull: BTreeSet<&String> = pull.collect();
    let references = pull.iter().map(|name| LocalObjectReference { name: (*name).clone() });
    pod.image_pull_secrets = (!pull.is_empty()).then(|| references.collect());

    let (own_labels, own_notes) = workload::own_labels(scope, name);
    notes.extend(own_notes);
    let mut labels = own_labels;
    labels.extend(scope.selector(name));
    labels.extend(network::pod_labels(scope, name, service));
    let metadata = ObjectMeta {
        labels: Some(labels),
        annotations: (!notes.is_empty()).then_some(notes),
        ..ObjectMeta::default()
    };
    let template = PodTemplateSpec { metadata: Some(metadata), spec: Some(pod) };
    Pod { template, claims: storage.templates, keeps_alone: storage.keeps_alone }
}

/// Reports that a service beside another gets no time to start.
fn report_startup(scope: &mut Scope<'_>, member: &str) {
    let given = scope.settings(member).probes.as_ref();
    let path: &[&str] = match given.and_then(|given| given.startup.as_ref()) {
        Some(_) => &["x-topo", "kubernetes", "probes", "startup"],
        None => &["healthcheck", "start_period"],
    };
    let path: Vec<&str> = ["services", member].into_iter().chain(path.iter().copied()).collect();
    let message = format!(
        "service `{member}` is checked as soon as it starts: those in its pod would wait until it has started"
    );
    let help = format!("give `{member}` networks of its own if it must not be asked before");
    scope.report.approximated(&path, message, help);
}

/// Reports what ordinary containers beside another do otherwise than sidecars, which older clusters lack.
fn report_companions(scope: &mut Scope<'_>, root: &str, members: &[(&str, &Service)], kind: Kind) {
    let version = scope.options.kube_version;
    for (member, _) in members {
        let message = match kind {
            Kind::Job(_) | Kind::CronJob(_) => {
                format!(
                    "service `{member}` keeps the Job of `{root}` from ending: Kubernetes {version} has no sidecars"
                )
            }
            _ => format!(
                "service `{member}` may start and end before or after `{root}`: Kubernetes {version} has no sidecars"
            ),
        };
        let help = "export for Kubernetes 1.29 or later";
        scope.report.approximated(&["services", member, "network_mode"], message, help);
    }
}

/// Reports what a service gives up that runs in the pods of another.
fn report_member(scope: &mut Scope<'_>, root: &str, member: &str, service: &Service) {
    let message =
        format!("service `{member}` runs in the pods of `{root}`: they start, scale and end together");
    let help = format!("give `{member}` networks of its own if it is to live by itself");
    scope.report.approximated(&["services", member, "network_mode"], message, help);
    let deploy = service.deploy.as_deref();
    let given = scope.settings(member);
    let restart = service.restart;
    let has = [
        (&["platform"][..], service.platform.is_some()),
        (&["runtime"], service.runtime.is_some()),
        (&["group_add"], !service.group_add.0.is_empty()),
        (&["sysctls"], !service.sysctls.0.is_empty()),
        (&["scale"], service.scale.is_some()),
        (&["hostname"], service.hostname.is_some()),
        (&["extra_hosts"], !service.extra_hosts.0.is_empty()),
        (&["dns"], !service.dns.0.is_empty()),
        (&["dns_search"], !service.dns_search.0.is_empty()),
        (&["dns_opt"], !service.dns_opt.0.is_empty()),
        (&["restart"], matches!(restart, Some(Restart::No | Restart::OnFailure(_)))),
        (&["deploy", "mode"], deploy.is_some_and(|deploy| deploy.mode.is_some())),
        (&["deploy", "endpoint_mode"], deploy.is_some_and(|deploy| deploy.endpoint_mode.is_some())),
        (&["deploy", "replicas"], deploy.is_some_and(|deploy| deploy.replicas.is_some())),
        (&["deploy", "placement"], deploy.is_some_and(has_placement)),
        (&["deploy", "update_config"], deploy.is_some_and(|deploy| deploy.update_config.is_some())),
        (&["deploy", "restart_policy"], deploy.is_some_and(|deploy| deploy.restart_policy.is_some())),
        (&["deploy", "labels"], deploy.is_some_and(|deploy| !deploy.labels.0.is_empty())),
        (&["x-topo", "kubernetes", "kind"], given.kind.is_some()),
        (&["x-topo", "kubernetes", "cron"], given.cron.is_some()),
        (&["x-topo", "kubernetes", "replicas"], given.replicas.is_some()),
        (&["x-topo", "kubernetes", "autoscale"], given.autoscale.is_some()),
        (&["x-topo", "kubernetes", "disruption"], given.disruption.is_some()),
        (&["x-topo", "kubernetes", "spread"], !given.spread.is_empty()),
        (&["x-topo", "kubernetes", "service"], given.service.is_some()),
        (&["x-topo", "kubernetes", "service_account"], given.service_account.is_some()),
        (&["x-topo", "kubernetes", "fs_group"], given.fs_group.is_some()),
        (&["x-topo", "kubernetes", "node_selector"], !given.node_selector.0.is_empty()),
        (&["x-topo", "kubernetes", "tolerations"], !given.tolerations.is_empty()),
        (&["x-topo", "kubernetes", "labels"], !given.labels.0.is_empty()),
        (&["x-topo", "kubernetes", "annotations"], !given.annotations.0.is_empty()),
    ];
    for (path, _) in has.into_iter().filter(|(_, is_given)| *is_given) {
        let message = format!(
            "`services.{member}.{}` is that of service `{root}`, in whose pods it runs",
            path.join(".")
        );
        let path: Vec<&str> = ["services", member].into_iter().chain(path.iter().copied()).collect();
        scope.report.lost(&path, message, format!("set it for `{root}`"));
    }
}

/// Every `deploy` that is written has a placement, which may say nothing.
fn has_placement(deploy: &Deploy) -> bool {
    deploy.placement.as_ref().is_some_and(|placement| {
        let Placement { constraints, preferences, max_replicas_per_node: _, extensions: _ } = placement;
        // The most on one node are lost for every service, as their row says.
        !constraints.is_empty() || !preferences.is_empty()
    })
}
