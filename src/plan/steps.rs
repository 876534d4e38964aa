//! The steps that take one container to where it is to be: created, replaced, started, stopped, removed.

use super::container::Endpoint;
use super::desired::{DesiredContainer, DesiredService};
use super::judge::{inherit_anonymous_volumes, is_replacement, not_running, replaced, runs};
use super::up::{Fate, Planned, Planner};
use super::{Create, Op, StepId, Subject};
use crate::observed::{Container, State};

impl<'a> Planner<'a> {
    pub(super) fn container(
        &mut self,
        service: &DesiredService,
        fate: Fate<'a>,
        wanted: &DesiredContainer,
        needs: &[StepId],
        ready: &[StepId],
        planned: &mut Planned,
    ) {
        let name = &wanted.create.name;
        match fate {
            Fate::Keep(container) => {
                let restarts = self.restarts_with(service);
                let mut after: Vec<StepId> = ready.iter().chain(needs).copied().collect();
                let subject = Subject::Container(name.clone());
                if is_replacement(container) {
                    // By name, so that the ID becomes known under the new one to those who share with it.
                    let op = Op::Rename { container: container.name.clone(), to: name.clone() };
                    let cause = "its replacement was interrupted";
                    let renamed = self.plan.push(op, subject.clone(), cause, Vec::new());
                    after.push(renamed);
                    planned.created.push(renamed);
                }
                let cause = match restarts {
                    Some(other) if runs(container) && self.options.start => {
                        let cause = format!("service {other}, on which it depends, is replaced");
                        after.push(self.stop(container, &subject, &cause, Vec::new()));
                        let others = self.services.get(other.as_str());
                        after.extend(others.iter().flat_map(|planned| planned.started.iter()));
                        cause
                    }
                    _ if runs(container) || self.is_done(service, container) || !self.options.start => {
                        if container.state == State::Paused {
                            let note = format!("container {} is paused and stays so", container.name);
                            self.plan.notes.push(note);
                        }
                        planned.untouched.insert(container.name.clone());
                        return;
                    }
                    _ => not_running(container),
                };
                let (_, after) = self.copy(wanted, &container.id, after, &[]);
                let after = self.run_before(service, wanted, name, after, planned);
                let hooks = &service.hooks.after_start;
                let op = Op::Start { container: container.id.clone() };
                let started = vec![self.plan.push(op, subject.clone(), cause.clone(), after)];
                planned.started.extend(self.plan.run_inside(&container.id, &subject, hooks, &cause, started));
            }
            Fate::Create(cause) => {
                let created = self.create(&wanted.create, &wanted.later, &cause, needs, name);
                let (created, ready) = self.copy(wanted, name, created, ready);
                planned.created.extend(created);
                self.start(service, wanted, &cause, ready, planned);
            }
            Fate::Replace(old, cause) => {
                planned.is_replaced = true;
                let (temporary, created, ready) =
                    self.create_replacement(service, old, wanted, &cause, needs, ready);
                let subject = || Subject::Container(name.clone());
                let stopped = self.stop(old, &subject(), &cause, ready);
                let op = Op::RemoveContainer { container: old.id.clone(), volumes: false };
                let removed = self.plan.push(op, subject(), cause.clone(), vec![stopped]);
                let op = Op::Rename { container: temporary, to: name.clone() };
                let renamed = self.plan.push(op, subject(), cause.clone(), vec![removed]);
                planned.created.extend(created);
                planned.created.push(renamed);
                self.start(service, wanted, &cause, vec![renamed], planned);
            }
        }
    }

    /// Creates what takes the place of a container, under a temporary name. The old one goes only when all that the
    /// new one needs is there. Returns the name, the steps after which it exists, and those after which it may start.
    pub(super) fn create_replacement(
        &mut self,
        service: &DesiredService,
        old: &Container,
        wanted: &DesiredContainer,
        cause: &str,
        needs: &[StepId],
        ready: &[StepId],
    ) -> (String, Vec<StepId>, Vec<StepId>) {
        let name = &wanted.create.name;
        let temporary = format!("{}_{name}", old.id.get(..12).unwrap_or(&old.id));
        let mut create = wanted.create.clone();
        create.name.clone_from(&temporary);
        if let Some(labels) = &mut create.body.labels {
            labels.insert(super::labels::REPLACE.to_owned(), replaced(&service.name, wanted, old));
        }
        if !self.options.renew_anonymous_volumes {
            inherit_anonymous_volumes(&mut create, old);
        }
        let created = self.create(&create, &wanted.later, cause, needs, name);
        let (created, ready) = self.copy(wanted, &temporary, created, ready);
        (temporary, created, ready)
    }

    pub(super) fn create(
        &mut self,
        create: &Create,
        later: &[Endpoint],
        cause: &str,
        needs: &[StepId],
        name: &str,
    ) -> Vec<StepId> {
        let subject = || Subject::Container(name.to_owned());
        let op = Op::CreateContainer(Box::new(create.clone()));
        let mut last = self.plan.push(op, subject(), cause, needs.to_vec());
        // One after the other: the order decides which interface is which.
        for endpoint in later {
            let op = Op::ConnectNetwork {
                container: create.name.clone(),
                network: endpoint.network.clone(),
                endpoint: Box::new(endpoint.settings.clone()),
            };
            last = self.plan.push(op, subject(), cause, vec![last]);
        }
        vec![last]
    }

    /// Copies the files in. Returns the steps after which the container exists, and those after which it may start.
    pub(super) fn copy(
        &mut self,
        wanted: &DesiredContainer,
        container: &str,
        mut created: Vec<StepId>,
        ready: &[StepId],
    ) -> (Vec<StepId>, Vec<StepId>) {
        // Just before the start, so that what changed meanwhile is in them.
        if self.options.start && !wanted.files.is_empty() {
            let op = Op::CopyFiles { container: container.to_owned(), files: wanted.files.clone() };
            let subject = Subject::Container(wanted.create.name.clone());
            created = vec![self.plan.push(op, subject, "it reads them", created)];
        }
        let ready = created.iter().chain(ready).copied().collect();
        (created, ready)
    }

    fn start(
        &mut self,
        service: &DesiredService,
        wanted: &DesiredContainer,
        cause: &str,
        after: Vec<StepId>,
        planned: &mut Planned,
    ) {
        if self.options.start {
            let name = &wanted.create.name;
            let after = self.run_before(service, wanted, name, after, planned);
            let subject = Subject::Container(name.clone());
            let op = Op::Start { container: name.clone() };
            let started = vec![self.plan.push(op, subject.clone(), cause, after)];
            let hooks = &service.hooks.after_start;
            planned.started.extend(self.plan.run_inside(name, &subject, hooks, cause, started));
        }
    }

    /// Stops a container, after the commands that its service wants to run in it before.
    pub(super) fn stop(
        &mut self,
        container: &Container,
        subject: &Subject,
        cause: &str,
        after: Vec<StepId>,
    ) -> StepId {
        let service = self.desired.service(&container.service);
        let hooks = service.filter(|_| container.state == State::Running);
        let hooks = hooks.map_or(&[][..], |service| &service.hooks.before_stop);
        let after = self.plan.run_inside(&container.id, subject, hooks, cause, after);
        let op = Op::Stop { container: container.id.clone(), timeout: self.options.timeout };
        self.plan.push(op, subject.clone(), cause, after)
    }

    pub(super) fn remove(&mut self, container: &Container, cause: &str) -> StepId {
        let subject = Subject::Container(container.name.clone());
        let stopped = self.stop(container, &subject, cause, Vec::new());
        let op = Op::RemoveContainer { container: container.id.clone(), volumes: false };
        self.plan.push(op, subject, cause, vec![stopped])
    }
}
