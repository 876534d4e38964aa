//! What `run` does: a container of its own for one command of a service, after what the service depends on.

use std::collections::BTreeMap;

use super::desired::{Desired, DesiredService};
use super::hooks::Hooks;
use super::labels;
use super::up::{Impossible, Planner, UpOptions, up_and};
use super::{Plan, StepId};
use crate::model::command::CommandLine;
use crate::model::ports::Ports;
use crate::model::service::{ContainerName, Service};
use crate::model::storage::Mounts;
use crate::observed::Observed;
use crate::project::Project;

/// How a command is to be run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunOptions {
    /// The service.
    pub service: String,
    /// The command; the service's own if empty.
    pub command: Vec<String>,
    /// What the command is handed to; the service's own if `None`. With one, the service's command does not count.
    pub entrypoint: Option<Vec<String>>,
    /// Variables, besides the service's.
    pub environment: BTreeMap<String, String>,
    /// Labels, besides the service's.
    pub labels: BTreeMap<String, String>,
    /// The container's name; one that is free if `None`.
    pub name: Option<String>,
    /// The user; the service's own if `None`.
    pub user: Option<String>,
    /// The directory; the service's own if `None`.
    pub working_dir: Option<String>,
    /// Capabilities to add.
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// What to mount, besides what the service does.
    pub volumes: Mounts,
    /// The ports to publish; those of the service if `None`.
    pub ports: Option<Ports>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it reads what is typed.
    pub stdin: bool,
    /// Whether the container goes when it has ended.
    pub remove: bool,
    /// Whether it is found by the names of the service.
    pub use_aliases: bool,
    /// 64 hexadecimal digits that no other container has.
    pub slug: String,
}

/// Makes the service as the options say. The rest of the project stays as it is.
pub fn apply(project: &mut Project, options: &RunOptions) {
    let RunOptions {
        service,
        command,
        entrypoint,
        environment,
        labels,
        name,
        user,
        working_dir,
        cap_add,
        cap_drop,
        volumes,
        ports,
        tty,
        stdin,
        remove: _,
        use_aliases: _,
        slug,
    } = options;
    let own_name = || format!("{}-{service}-run-{}", project.name, slug.get(..12).unwrap_or(slug));
    let own_name = name.clone().unwrap_or_else(own_name);
    let Some(service) = project.services.get_mut(service) else { return };
    service.container_name = Some(ContainerName(own_name));
    service.tty = *tty;
    service.stdin_open = *stdin;
    if let Some(words) = entrypoint {
        service.entrypoint = CommandLine(Some(words.clone()));
        service.command = CommandLine(Some(Vec::new()));
    }
    if !command.is_empty() {
        service.command = CommandLine(Some(command.clone()));
    }
    let variables = environment.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    service.environment.0.extend(variables);
    service.labels.0.extend(labels.clone());
    service.user = user.clone().or(service.user.take());
    service.working_dir = working_dir.clone().or(service.working_dir.take());
    let (added, dropped) = (&mut service.cap_add.0, &mut service.cap_drop.0);
    added.extend(cap_add.iter().cloned());
    dropped.retain(|name| !cap_add.contains(name));
    dropped.extend(cap_drop.iter().cloned());
    added.retain(|name| !cap_drop.contains(name));
    service.volumes.0.retain(|mount| volumes.0.iter().all(|other| other.target != mount.target));
    service.volumes.0.extend(volumes.0.iter().cloned());
    if let Some(ports) = ports {
        service.ports = ports.clone();
    }
    run_once(service);
}

/// It runs once, whatever the service does.
fn run_once(service: &mut Service) {
    service.scale = Some(1);
    service.restart = None;
    if let Some(deploy) = &mut service.deploy {
        deploy.restart_policy = None;
        deploy.replicas = None;
    }
}

/// Takes the service out of what is desired, and makes its container one of its own.
pub fn take(desired: &mut Desired, options: &RunOptions) -> Option<DesiredService> {
    let at = desired.services.iter().position(|service| service.name == options.service)?;
    let mut service = desired.services.remove(at);
    desired.disabled.push(service.name.clone());
    service.containers.truncate(1);
    for container in &mut service.containers {
        let name = container.create.name.clone();
        let body = &mut container.create.body;
        if let Some(labels) = &mut body.labels {
            labels.remove(labels::CONTAINER_NUMBER);
            labels.insert(labels::ONEOFF.to_owned(), "True".to_owned());
            labels.insert(labels::SLUG.to_owned(), options.slug.clone());
        }
        body.attach_stdin = Some(options.stdin);
        body.stdin_once = Some(options.stdin);
        if options.remove {
            body.host_config.get_or_insert_default().auto_remove = Some(true);
        }
        if options.use_aliases {
            continue;
        }
        let joined = body.networking_config.as_mut().and_then(|config| config.endpoints_config.as_mut());
        let joined = joined.into_iter().flat_map(|endpoints| endpoints.values_mut());
        for endpoint in joined.chain(container.later.iter_mut().map(|endpoint| &mut endpoint.settings)) {
            endpoint.aliases = Some(vec![name.clone()]);
        }
    }
    Some(service)
}

/// Plans to bring up what a service depends on, and to create its container of one command. It is not started: who
/// wants to hear it must be connected first.
pub fn run(
    desired: &Desired,
    one_off: &DesiredService,
    observed: &Observed,
    options: &UpOptions,
) -> Result<Plan, Vec<Impossible>> {
    up_and(desired, Some(one_off), observed, options)
}

impl<'a> Planner<'a> {
    pub(super) fn one_off(&mut self, service: &'a DesiredService) {
        let mut needs: Vec<StepId> = self.image(service).into_iter().collect();
        needs.extend(service.volumes.iter().filter_map(|name| self.volumes.get(name.as_str())));
        needs.extend(service.networks.iter().filter_map(|name| self.networks.get(name.as_str())).flatten());
        needs.extend(service.shares.iter().flat_map(|other| self.created(other)));
        // The container comes last, so that nothing is left of it if a dependency fails.
        for dependency in &service.dependencies {
            let cause = format!("service {} needs it", service.name);
            needs.extend(self.satisfied(
                &dependency.service,
                dependency.condition,
                dependency.required,
                &cause,
            ));
        }
        let Hooks { before_start, after_start, before_stop } = &service.hooks;
        if !(before_start.is_empty() && after_start.is_empty() && before_stop.is_empty()) {
            // docker compose 2.40 leaves them out, too.
            let note = "is run without the hooks of its service: they are for `up` and `stop`";
            self.plan.notes.push(format!("the command of service {} {note}", service.name));
        }
        for container in &service.containers {
            let name = &container.create.name;
            let created = self.create(&container.create, &container.later, "it was asked for", &needs, name);
            self.copy(container, name, created, &[]);
        }
    }
}
