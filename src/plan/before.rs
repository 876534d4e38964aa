//! Containers that run to their end before a service starts: `pre_start`.
//!
//! See <https://docs.docker.com/compose/how-tos/init-containers/>.

use super::container::Endpoint;
use super::desired::{DesiredContainer, DesiredService};
use super::hooks::Before;
use super::up::{Planned, Planner};
use super::{Condition, Create, Op, StepId, Subject, container_id_of, labels};

impl Planner<'_> {
    /// Runs what must have run before a container starts, with its volumes and networks. Returns the steps after
    /// which it may start. `container` is the name that it has then.
    pub(super) fn run_before(
        &mut self,
        service: &DesiredService,
        wanted: &DesiredContainer,
        container: &str,
        mut after: Vec<StepId>,
        planned: &mut Planned,
    ) -> Vec<StepId> {
        let is_first = planned.prepared.is_none();
        if let Some(prepared) = &planned.prepared {
            after.extend(prepared);
        }
        let mut once = Vec::new();
        for (at, before) in service.hooks.before_start.iter().enumerate() {
            if !before.per_replica && !is_first {
                continue;
            }
            let name = match before.per_replica {
                true => format!("{}-{}-pre_start-{at}-{}", self.desired.project, service.name, wanted.number),
                false => format!("{}-{}-pre_start-{at}", self.desired.project, service.name),
            };
            after = self.run_one(before, &name, service, wanted, container, after);
            if !before.per_replica {
                once.clone_from(&after);
            }
        }
        planned.prepared.get_or_insert(once);
        after
    }

    fn run_one(
        &mut self,
        before: &Before,
        name: &str,
        service: &DesiredService,
        wanted: &DesiredContainer,
        container: &str,
        after: Vec<StepId>,
    ) -> Vec<StepId> {
        let subject = || Subject::Container(name.to_owned());
        let cause = format!("it runs before service {} starts", service.name);
        let mut needs = after;
        if let Some(left) = self.observed.containers.iter().find(|one| one.name == name) {
            let op = Op::RemoveContainer { container: left.id.clone(), volumes: true };
            needs.push(self.plan.push(op, subject(), "an earlier run left it behind", Vec::new()));
        }
        needs.extend(before.image.as_deref().and_then(|image| self.fetch_for(image)));
        let (create, later) = runner(before, name, wanted, container);
        let created = self.create(&create, &later, &cause, &needs, name);
        let ready = match wanted.files.is_empty() {
            true => created,
            false => {
                let op = Op::CopyFiles { container: name.to_owned(), files: wanted.files.clone() };
                vec![self.plan.push(op, subject(), "it reads them", created)]
            }
        };
        let started = self.plan.push(Op::Start { container: name.to_owned() }, subject(), &*cause, ready);
        let condition = Condition::CompletedSuccessfully;
        let op = Op::Await { container: name.to_owned(), condition, required: true };
        let ended = self.plan.push(op, subject(), &*cause, vec![started]);
        let op = Op::RemoveContainer { container: name.to_owned(), volumes: true };
        vec![self.plan.push(op, subject(), &*cause, vec![ended])]
    }

    /// The step after which an image is there that only a hook needs, if it is not already.
    fn fetch_for(&mut self, image: &str) -> Option<StepId> {
        if self.observed.images.contains_key(image) {
            return None;
        }
        let makes = |op: &Op| match op {
            Op::PullImage { image: pulled, .. } => pulled == image,
            Op::BuildImage(build) => build.image == image,
            _ => false,
        };
        let planned = self.plan.steps.iter().position(|step| makes(&step.op));
        Some(planned.unwrap_or_else(|| {
            let op = Op::PullImage { image: image.to_owned(), platform: None };
            self.plan.push(op, Subject::Image(image.to_owned()), "not there yet", Vec::new())
        }))
    }
}

/// Returns the request for a hook's container: the service's, but for what the hook says, and for what only one
/// container can have or is known by.
fn runner(
    before: &Before,
    name: &str,
    wanted: &DesiredContainer,
    container: &str,
) -> (Create, Vec<Endpoint>) {
    let Before { image, command, user, privileged, directory, environment, per_replica: _ } = before;
    let mut body = wanted.create.body.clone();
    if image.is_some() {
        body.image.clone_from(image);
        body.entrypoint = None;
    }
    body.cmd.clone_from(command);
    body.user = user.clone().or(body.user);
    body.working_dir = directory.clone().or(body.working_dir);
    body.env.get_or_insert_default().extend(environment.iter().cloned());
    body.healthcheck = None;
    body.exposed_ports = None;
    if let Some(labels) = &mut body.labels {
        // Without a hash and a number it is none of the service's own.
        for label in [labels::CONFIG_HASH, labels::CONTAINER_NUMBER, labels::CONTENTS, labels::REPLACE] {
            labels.remove(label);
        }
        labels.insert(labels::ONEOFF.to_owned(), "True".to_owned());
        labels.insert(labels::HOOK.to_owned(), "pre_start".to_owned());
    }
    let host = body.host_config.get_or_insert_default();
    host.port_bindings = None;
    host.restart_policy = None;
    host.binds = None;
    host.mounts = None;
    host.privileged = privileged.then_some(true).or(host.privileged);
    host.volumes_from.get_or_insert_default().push(container_id_of(container));
    let mut later = wanted.later.clone();
    let networks = body.networking_config.as_mut().and_then(|config| config.endpoints_config.as_mut());
    let endpoints = networks.into_iter().flat_map(|networks| networks.values_mut());
    for endpoint in endpoints.chain(later.iter_mut().map(|endpoint| &mut endpoint.settings)) {
        endpoint.aliases = None;
        endpoint.ipam_config = None;
        endpoint.ip_address = None;
        endpoint.ipv6_gateway = None;
        endpoint.mac_address = None;
    }
    let platform = wanted.create.platform.clone().filter(|_| image.is_none());
    let create = Create { name: name.to_owned(), body, platform, hash_input: String::new() };
    (create, later)
}
