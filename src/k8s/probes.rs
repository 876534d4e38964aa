//! Probes: what a health check says, with Docker's defaults written out, and what `x-topo` says beyond it.

use k8s_openapi::api::core::v1::{ExecAction, GRPCAction, HTTPGetAction, HTTPHeader, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::lifecycle::Healthcheck;
use crate::model::service::Service;
use crate::model::values::Duration;
use crate::model::x_topo::probes::{self as model, GrpcProbe, HttpProbe, Scheme};

use super::Scope;
use super::container::{escaped, whole_seconds};
use super::ports::first_port;

/// Docker's default for the time between health checks and for how long one may take, in seconds.
const HEALTH_SECONDS: i32 = 30;
/// Docker's default for the time between health checks during the start period, in seconds.
const START_SECONDS: i32 = 5;
/// Docker's default for how many failures in a row make a container unhealthy.
const HEALTH_RETRIES: i32 = 3;

/// The probes of a container.
#[derive(Debug, Default)]
pub(super) struct Probes {
    pub(super) readiness: Option<Probe>,
    pub(super) liveness: Option<Probe>,
    pub(super) startup: Option<Probe>,
}

/// What a health check says of probes.
struct Health {
    /// The command; `None` if it is the image's, or there is none.
    exec: Option<ExecAction>,
    interval: i32,
    timeout: i32,
    retries: i32,
    /// The time between checks during the start period, if there is one.
    start: Option<i32>,
}

/// Returns the probes of a service's container.
///
/// There is none for liveness unless `x-topo` asks for it: Docker does not restart an unhealthy container.
pub(super) fn probes(scope: &mut Scope<'_>, name: &str, service: &Service) -> Probes {
    let given = scope.settings(name).probes.clone().unwrap_or_default();
    let model::Probes { readiness, liveness, startup, extensions: _ } = given;
    let health = health(scope, name, service, readiness.is_some());
    let test = || health.exec.as_ref().map(|_| model::Probe::default());
    let has_startup = startup.is_some();
    let readiness_given = readiness.or_else(test);
    let startup_given = startup.or_else(|| health.start.and_then(|_| readiness_given.clone()));
    let mut probes = Probes {
        readiness: readiness_given
            .and_then(|given| probe(scope, name, service, "readiness", &given, &health)),
        liveness: liveness.and_then(|given| probe(scope, name, service, "liveness", &given, &health)),
        startup: startup_given.and_then(|given| probe(scope, name, service, "startup", &given, &health)),
    };
    if let Some(startup) = &mut probes.startup {
        startup.success_threshold = Some(1);
        if !has_startup {
            startup.period_seconds = health.start;
            startup.initial_delay_seconds = None;
            // The kubelet kills a container whose startup probe gives up, and Docker does not: so it never gives up.
            startup.failure_threshold = Some(i32::MAX);
        }
    }
    probes
}

/// Reads the health check. `is_replaced`: readiness does not need its command.
fn health(scope: &mut Scope<'_>, name: &str, service: &Service, is_replaced: bool) -> Health {
    let none = Health {
        exec: None,
        interval: HEALTH_SECONDS,
        timeout: HEALTH_SECONDS,
        retries: HEALTH_RETRIES,
        start: None,
    };
    let Some(healthcheck) = &service.healthcheck else { return none };
    let Healthcheck {
        test,
        timeout,
        interval,
        retries,
        start_period,
        start_interval,
        disable,
        extensions: _,
    } = healthcheck;
    let words = match test.as_ref().map(|test| &*test.0) {
        _ if *disable => return none,
        Some([kind]) if kind == "NONE" => return none,
        Some([kind, words @ ..]) if kind == "CMD-SHELL" => {
            Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), words.join(" ")])
        }
        Some([kind, words @ ..]) if kind == "CMD" && !words.is_empty() => Some(words.to_vec()),
        _ => None,
    };
    if words.is_none() && !is_replaced {
        let message =
            format!("the health check of service `{name}` uses its image's test, which is not known here");
        scope.report.lost(&["services", name, "healthcheck"], message, "write the `test` out");
        return none;
    }
    let mut seconds = |attribute: &str, value: Option<Duration>, default: i32| {
        let value = value.unwrap_or_default().0;
        if value.is_zero() {
            return default;
        }
        if value.subsec_nanos() != 0 {
            let message = format!("`services.{name}.healthcheck.{attribute}` is rounded up to whole seconds");
            let help = "write whole seconds: Kubernetes has nothing finer";
            scope.report.approximated(&["services", name, "healthcheck", attribute], message, help);
        }
        whole_seconds(value)
    };
    let command = words.map(|words| words.iter().map(|word| escaped(word)).collect());
    let has_start = start_period.is_some_and(|period| !period.0.is_zero());
    Health {
        exec: command.map(|command| ExecAction { command: Some(command) }),
        interval: seconds("interval", *interval, HEALTH_SECONDS),
        timeout: seconds("timeout", *timeout, HEALTH_SECONDS),
        retries: retries.filter(|retries| *retries > 0).map_or(HEALTH_RETRIES, saturated),
        start: has_start.then(|| seconds("start_interval", *start_interval, START_SECONDS)),
    }
}

fn saturated(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Returns one probe; `which` is the key it is written under.
fn probe(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    which: &str,
    given: &model::Probe,
    health: &Health,
) -> Option<Probe> {
    let model::Probe { http, tcp, grpc, exec, interval, timeout, retries, initial_delay, extensions: _ } =
        given;
    let path = ["services", name, "x-topo", "kubernetes", "probes", which];
    let mut probe = Probe::default();
    if let Some(HttpProbe { path: wanted, port, scheme, headers, extensions: _ }) = http {
        let Some(port) = port.map(|port| port.0).or_else(|| first_port(service)) else {
            let message = format!("a probe of service `{name}` has no port to ask");
            scope.report.lost(&path, message, "write its `port`");
            return None;
        };
        let header =
            |(name, value): (&String, &String)| HTTPHeader { name: name.clone(), value: value.clone() };
        let headers: Vec<HTTPHeader> = headers.0.iter().map(header).collect();
        probe.http_get = Some(HTTPGetAction {
            path: Some(wanted.clone().unwrap_or_else(|| "/".to_owned())),
            port: IntOrString::Int(i32::from(port)),
            scheme: scheme.map(|scheme| match scheme {
                Scheme::Http => "HTTP".to_owned(),
                Scheme::Https => "HTTPS".to_owned(),
            }),
            http_headers: (!headers.is_empty()).then_some(headers),
            ..HTTPGetAction::default()
        });
    } else if let Some(port) = tcp {
        let port = IntOrString::Int(i32::from(port.0));
        probe.tcp_socket = Some(TCPSocketAction { port, ..TCPSocketAction::default() });
    } else if let Some(GrpcProbe { port, service, extensions: _ }) = grpc {
        let (port, service) = (i32::from(port.0), service.clone());
        probe.grpc = Some(GRPCAction { port, service, ..GRPCAction::default() });
    } else if !exec.is_empty() {
        let command = exec.iter().map(|word| escaped(word)).collect();
        probe.exec = Some(ExecAction { command: Some(command) });
    } else if let Some(exec) = &health.exec {
        probe.exec = Some(exec.clone());
    } else {
        let message = format!("a probe of service `{name}` has nothing to ask");
        let help = "write `http`, `tcp`, `grpc` or `exec`, or a health check with a `test`";
        scope.report.lost(&path, message, help);
        return None;
    }
    let seconds =
        |given: &Option<Duration>, else_: i32| given.map_or(else_, |given| whole_seconds(given.0).max(1));
    probe.period_seconds = Some(seconds(interval, health.interval));
    probe.timeout_seconds = Some(seconds(timeout, health.timeout));
    probe.failure_threshold = Some(retries.map_or(health.retries, saturated).max(1));
    probe.success_threshold = Some(1);
    probe.initial_delay_seconds =
        initial_delay.map(|delay| whole_seconds(delay.0)).filter(|delay| *delay > 0);
    Some(probe)
}
