//! Which services a command is about, and how they hang together: from the file, or else from the containers' labels.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, DesiredService, Waiting};
use super::{Condition, File, labels};
use crate::model::lifecycle::Condition as Written;
use crate::model::service::Service;
use crate::observed::Observed;
use crate::project::Project;

/// The services that a command is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    services: BTreeMap<String, Member>,
}

/// A service, as far as it matters to containers that exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// What it waits for.
    pub dependencies: Vec<Waiting>,
    /// Files that are copied in before each start.
    pub files: Vec<File>,
    /// How a wait for all services waits for it.
    pub ready: Option<Condition>,
}

impl Members {
    /// Takes the services of the file that run.
    pub fn of_project(project: &Project) -> Self {
        let services = project.services.iter().map(|(name, service)| (name.clone(), member(service)));
        Self { services: services.collect() }
    }

    /// Adds services of the file that are named although their profiles are not active.
    pub fn enable(&mut self, project: &Project, services: &[String]) {
        for name in services {
            if let Some(service) = project.disabled.get(name) {
                self.services.insert(name.clone(), member(service));
            }
        }
    }

    /// Takes the services that a project wants to run, with the files that their containers read.
    pub fn of_desired(desired: &Desired) -> Self {
        let member = |service: &DesiredService| Member {
            dependencies: service.dependencies.clone(),
            files: service.containers.first().map(|first| first.files.clone()).unwrap_or_default(),
            ready: Some(match (service.is_task, service.has_healthcheck) {
                (true, _) => Condition::CompletedSuccessfully,
                (false, true) => Condition::Healthy,
                (false, false) => Condition::Started,
            }),
        };
        let services = desired.services.iter().map(|service| (service.name.clone(), member(service)));
        Self { services: services.collect() }
    }

    /// Takes the services that have containers, one-offs aside, with what their labels say of dependencies.
    pub fn of_containers(observed: &Observed) -> Self {
        let mut services: BTreeMap<String, Member> = BTreeMap::new();
        for container in observed.containers.iter().filter(|container| !container.oneoff) {
            let member = services.entry(container.service.clone()).or_default();
            let written = container.labels.get(labels::DEPENDS_ON).map_or("", String::as_str);
            for dependency in written.split(',').filter_map(labelled) {
                if member.dependencies.iter().all(|known| known.service != dependency.service) {
                    member.dependencies.push(dependency);
                }
            }
        }
        Self { services }
    }

    /// Returns the names of the services.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// Returns a service.
    pub fn get(&self, service: &str) -> Option<&Member> {
        self.services.get(service)
    }

    /// Keeps only these services.
    pub fn only(&self, services: &[String]) -> Self {
        let kept = self.services.iter().filter(|(name, _)| services.contains(name));
        Self { services: kept.map(|(name, member)| (name.clone(), member.clone())).collect() }
    }

    /// Keeps these services and all that they depend on.
    pub fn with_dependencies(&self, services: &[String]) -> Self {
        self.closed(services, |name| {
            let member = self.services.get(name);
            member.into_iter().flat_map(|one| &one.dependencies).map(|one| one.service.as_str()).collect()
        })
    }

    /// Keeps these services and those that are to be restarted with them.
    pub(super) fn with_restarted(&self, services: &[String]) -> Self {
        self.closed(services, |name| {
            let depends =
                |member: &Member| member.dependencies.iter().any(|one| one.restart && one.service == name);
            let dependents = self.services.iter().filter(|(_, member)| depends(member));
            dependents.map(|(name, _)| name.as_str()).collect()
        })
    }

    fn closed<'a>(&'a self, services: &'a [String], next: impl Fn(&'a str) -> Vec<&'a str>) -> Self {
        let mut kept = BTreeSet::new();
        let mut open: Vec<&str> = services.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            if self.services.contains_key(name) && kept.insert(name) {
                open.extend(next(name));
            }
        }
        let kept: Vec<String> = kept.into_iter().map(str::to_owned).collect();
        self.only(&kept)
    }

    /// Returns the services, each after those it depends on. A cycle, which only labels can have, is cut.
    pub(super) fn in_order(&self) -> Vec<&str> {
        let mut order = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        // An explicit stack: a chain may be long.
        let mut stack: Vec<(&str, bool)> = self.names().map(|name| (name, false)).collect();
        stack.reverse();
        while let Some((name, is_open)) = stack.pop() {
            if is_open {
                order.push(name);
                continue;
            }
            let Some((name, member)) =
                self.services.get_key_value(name).filter(|(name, _)| seen.insert(name))
            else {
                continue;
            };
            stack.push((name, true));
            stack.extend(member.dependencies.iter().rev().map(|one| (one.service.as_str(), false)));
        }
        order
    }
}

fn member(service: &Service) -> Member {
    let dependencies = service.depends_on.0.iter().map(|(other, how)| Waiting {
        service: other.clone(),
        condition: condition(how.condition),
        restart: how.restart,
        required: how.is_required(),
    });
    Member { dependencies: dependencies.collect(), ..Member::default() }
}

fn condition(written: Written) -> Condition {
    match written {
        Written::Started => Condition::Started,
        Written::Healthy => Condition::Healthy,
        Written::CompletedSuccessfully => Condition::CompletedSuccessfully,
    }
}

/// Reads `db:service_healthy:true`, as docker compose writes it. The label does not say what is required: all is.
fn labelled(text: &str) -> Option<Waiting> {
    let mut parts = text.split(':');
    let service = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let condition = match parts.next() {
        Some("service_healthy") => Condition::Healthy,
        Some("service_completed_successfully") => Condition::CompletedSuccessfully,
        _ => Condition::Started,
    };
    let restart = parts.next() == Some("true");
    Some(Waiting { service, condition, restart, required: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_docker_compose_writes_them() {
        let read = |text: &str| {
            let one = labelled(text).unwrap();
            (one.service, one.condition, one.restart)
        };
        assert_eq!(read("db:service_healthy:true"), ("db".into(), Condition::Healthy, true));
        assert_eq!(read("db:service_started:false"), ("db".into(), Condition::Started, false));
        assert_eq!(read("db"), ("db".into(), Condition::Started, false));
        assert_eq!(labelled(""), None);
    }

    #[test]
    fn a_cycle_of_labels_ends() {
        let depends =
            |on: &str| Member { dependencies: labelled(on).into_iter().collect(), ..Member::default() };
        let services = [("a", "b"), ("b", "a"), ("c", "a")];
        let services = services.map(|(name, on)| (name.to_owned(), depends(on)));
        let members = Members { services: services.into() };
        assert_eq!(members.in_order(), ["b", "a", "c"]);
    }
}
