//! How many pods there are: autoscalers, disruption budgets, and how pods are spread.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};
use k8s_openapi::api::core::v1::{PodSpec, TopologySpreadConstraint};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::service::Service;
use crate::model::x_topo::{Autoscale, CountOrShare, Disruption, Spread};

use super::workload::Kind;
use super::{Object, Scope, pod, select};

/// The percentage of the requested processor time to aim for where nothing is said.
const CPU_TARGET: u64 = 80;

/// Returns how many pods there are at least.
pub(super) fn least_pods(scope: &Scope<'_>, name: &str, service: &Service) -> i64 {
    let settings = scope.settings(name);
    let saturated = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match (&settings.autoscale, settings.replicas) {
        (Some(autoscale), _) => autoscale.min.map_or(1, saturated),
        (None, Some(replicas)) => saturated(replicas),
        (None, None) => service.containers(),
    }
}

/// Returns `replicas`; `None` where an autoscaler chooses them.
pub(super) fn replicas(scope: &Scope<'_>, name: &str, service: &Service) -> Option<i32> {
    let pods = || i32::try_from(least_pods(scope, name, service)).unwrap_or(i32::MAX);
    scope.settings(name).autoscale.is_none().then(pods)
}

/// Returns the autoscalers and disruption budgets.
pub(super) fn objects(scope: &mut Scope<'_>) -> Vec<Object> {
    let project = scope.project;
    let mut objects = Vec::new();
    for (name, service) in scope.running() {
        if pod::root_of(project, name) != name {
            continue;
        }
        let kind = super::workload::kind(scope, name, service);
        objects.extend(autoscaler(scope, name, service, kind).map(Object::from));
        objects.extend(budget(scope, name, service, kind).map(Object::from));
    }
    objects
}

fn autoscaler(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    kind: Kind,
) -> Option<HorizontalPodAutoscaler> {
    let autoscale = scope.settings(name).autoscale.clone()?;
    let Autoscale { min, max, cpu, memory, extensions: _ } = autoscale;
    let path = ["services", name, "x-topo", "kubernetes", "autoscale"];
    let kind = match kind {
        Kind::Deployment => "Deployment",
        Kind::StatefulSet => "StatefulSet",
        Kind::DaemonSet | Kind::Job(_) | Kind::CronJob(_) => {
            let message = format!("service `{name}` is not scaled: it is no Deployment or StatefulSet");
            scope.report.lost(&path, message, "remove `autoscale`, or make it a Deployment");
            return None;
        }
    };
    let cpu = cpu.or_else(|| memory.is_none().then_some(CPU_TARGET));
    let mut metrics = Vec::new();
    for (resource, target) in [("cpu", cpu), ("memory", memory)] {
        let Some(target) = target else { continue };
        let (is_known, attribute) = match resource {
            "cpu" => (super::resources::has_cpu(service), "cpus"),
            _ => (super::resources::has_memory(service), "memory"),
        };
        if !is_known {
            let message =
                format!("service `{name}` requests no {resource}, and an autoscaler needs a share of it");
            let help = format!("write `deploy.resources.reservations.{attribute}`");
            scope.report.approximated(&path, message, help);
        }
        let target = MetricTarget {
            type_: "Utilization".to_owned(),
            average_utilization: Some(i32::try_from(target).unwrap_or(i32::MAX)),
            ..MetricTarget::default()
        };
        metrics.push(MetricSpec {
            type_: "Resource".to_owned(),
            resource: Some(ResourceMetricSource { name: resource.to_owned(), target }),
            ..MetricSpec::default()
        });
    }
    let target = scope.names.services[name].clone();
    let count = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
    let spec = HorizontalPodAutoscalerSpec {
        scale_target_ref: CrossVersionObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: kind.to_owned(),
            name: target.clone(),
        },
        min_replicas: Some(min.map_or(1, count)),
        max_replicas: count(max),
        metrics: Some(metrics),
        ..HorizontalPodAutoscalerSpec::default()
    };
    let metadata = scope.metadata(&target, Some(name));
    Some(HorizontalPodAutoscaler { metadata, spec, ..HorizontalPodAutoscaler::default() })
}

/// Several pods that serve are not all taken away by draining nodes, unless the user says otherwise.
fn budget(scope: &Scope<'_>, name: &str, service: &Service, kind: Kind) -> Option<PodDisruptionBudget> {
    if matches!(kind, Kind::Job(_) | Kind::CronJob(_) | Kind::DaemonSet) {
        return None;
    }
    let bound = |bound: CountOrShare| match bound.0.parse() {
        Ok(count) => IntOrString::Int(count),
        Err(_) => IntOrString::String(bound.0),
    };
    let (min_available, max_unavailable) = match scope.settings(name).disruption.clone() {
        Some(Disruption { min_available, max_unavailable, extensions: _ }) => {
            (min_available.map(bound), max_unavailable.map(bound))
        }
        None if least_pods(scope, name, service) > 1 => (None, None),
        None => return None,
    };
    let is_told = min_available.is_some() || max_unavailable.is_some();
    let spec = PodDisruptionBudgetSpec {
        max_unavailable: if is_told { max_unavailable } else { Some(IntOrString::Int(1)) },
        min_available,
        selector: Some(select(scope.selector(name))),
        ..PodDisruptionBudgetSpec::default()
    };
    let metadata = scope.metadata(&scope.names.services[name], Some(name));
    Some(PodDisruptionBudget { metadata, spec: Some(spec), ..PodDisruptionBudget::default() })
}

/// Spreads the pods of a service: as `x-topo` says, else over nodes if there are several.
pub(super) fn spread(scope: &Scope<'_>, name: &str, service: &Service, kind: Kind, pod: &mut PodSpec) {
    let constraint = |over: &str, max_skew: Option<u64>, required: bool| TopologySpreadConstraint {
        label_selector: Some(select(scope.selector(name))),
        max_skew: max_skew.map_or(1, |skew| i32::try_from(skew).unwrap_or(i32::MAX)).max(1),
        topology_key: over.to_owned(),
        when_unsatisfiable: if required { "DoNotSchedule" } else { "ScheduleAnyway" }.to_owned(),
        ..TopologySpreadConstraint::default()
    };
    let given = &scope.settings(name).spread;
    let mut constraints = pod.topology_spread_constraints.take().unwrap_or_default();
    for Spread { over, max_skew, required, extensions: _ } in given {
        constraints.retain(|one| one.topology_key != *over);
        constraints.push(constraint(over, *max_skew, *required));
    }
    let serves = matches!(kind, Kind::Deployment | Kind::StatefulSet);
    if constraints.is_empty() && serves && least_pods(scope, name, service) > 1 {
        constraints.push(constraint("kubernetes.io/hostname", None, false));
    }
    pod.topology_spread_constraints = (!constraints.is_empty()).then_some(constraints);
}
