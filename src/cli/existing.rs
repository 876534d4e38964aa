//! What the commands on containers that exist share: finding them, planning, carrying the plan out.

use std::collections::BTreeMap;

use topo::engine::docker::Docker;
use topo::engine::{Engine as _, EngineError, Query};
use topo::load::{self, World as _};
use topo::observed::Observed;
use topo::plan::Plan;
use topo::plan::hooks::{Hooks, of_project};
use topo::plan::lifecycle::Choice;
use topo::plan::members::Members;
use topo::project::Project;

use super::global::Global;
use super::up::interrupt;
use super::{Context, Exit};

/// A project as the engine has it, and the services of its file if there is one.
pub(crate) struct Existing {
    pub(crate) name: String,
    pub(crate) project: Option<Project>,
    pub(crate) members: Members,
    pub(crate) observed: Observed,
    pub(crate) engine: Docker,
}

impl Existing {
    /// Looks at what the engine has of a project.
    pub(crate) async fn look(
        name: String,
        project: Option<Project>,
        engine: Docker,
    ) -> Result<Self, EngineError> {
        let observed = engine.observe(&Query { project: name.clone(), ..Query::default() }).await?;
        let members = match &project {
            Some(project) => Members::of_project(project),
            None => Members::of_containers(&observed),
        };
        Ok(Self { name, project, members, observed, engine })
    }

    /// Returns what runs in containers before they stop and after they start.
    pub(crate) fn hooks(&self) -> BTreeMap<String, Hooks> {
        self.project.as_ref().map(of_project).unwrap_or_default()
    }

    /// Returns the choice of these services; all of them if none is named.
    pub(crate) fn choice(&self, services: &[String]) -> Choice {
        Choice { members: self.members.clone(), services: services.to_vec() }
    }

    /// Returns the named services that the project does not have. With a file they have been reported.
    pub(crate) fn unknown<'a>(&self, services: &'a [String]) -> Vec<&'a str> {
        services.iter().map(String::as_str).filter(|name| self.members.get(name).is_none()).collect()
    }
}

impl Context {
    /// Returns the project's name, and the project if there is a file to read: with `-p` alone there is none.
    pub(crate) fn named(&self, services: &[String]) -> Option<(String, Option<Project>)> {
        if let Some(name) = self.name_without_file() {
            return Some((name, None));
        }
        let (project, _, loaded) = self.checked(services);
        self.say(&loaded).then(|| (project.name.clone(), Some(project)))
    }

    /// Returns what `-p` says where no file is named, and what the variable says where there is no file.
    pub(crate) fn name_without_file(&self) -> Option<String> {
        let Global { files, project_name, .. } = &self.global;
        if !files.is_empty() {
            return None;
        }
        let said = project_name.clone();
        let variable = || self.world.var("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
        let said = said.or_else(|| variable().filter(|_| !load::has_files(&self.world, &self.request())));
        said.map(|name| name.to_lowercase())
    }

    /// Runs a command that changes containers that exist. `nothing` says that there is nothing to do.
    pub(crate) fn change(
        &self,
        services: &[String],
        nothing: &str,
        plan: impl FnOnce(&Existing) -> Result<Plan, Vec<String>>,
    ) -> Exit {
        let Some((name, project)) = self.named(services) else { return Exit::Failure };
        self.with_engine(async |engine| {
            let existing = Existing::look(name, project, engine).await?;
            for service in existing.unknown(services) {
                self.ui.warning(&format!("project {} has no container of service {service}", existing.name));
            }
            match plan(&existing) {
                Ok(plan) => Ok(self.finish(&plan, &existing, nothing).await),
                Err(missing) => Ok(self.impossible(&missing)),
            }
        })
    }

    /// Says why something cannot be done to what is there.
    pub(crate) fn impossible(&self, missing: &[String]) -> Exit {
        missing.iter().for_each(|one| self.ui.error(one));
        Exit::Failure
    }

    /// Prints the notes of a plan; a dry run shows them with the plan.
    pub(crate) fn note(&self, plan: &Plan) {
        if !self.global.dry_run || plan.steps.is_empty() {
            plan.notes.iter().for_each(|note| self.ui.warning(note));
        }
    }

    /// Prints the notes of a plan, carries it out and says how it ended.
    pub(crate) async fn finish(&self, plan: &Plan, existing: &Existing, nothing: &str) -> Exit {
        self.note(plan);
        if plan.steps.is_empty() {
            self.ui.say(&format!("{}: {nothing}", existing.name));
            return Exit::Success;
        }
        let outcome = self.carry_out(plan, &existing.observed, &existing.engine, interrupt()).await;
        self.conclude(plan, &outcome)
    }
}
