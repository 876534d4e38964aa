//! Asks programs outside the engine for what services need of them, before the plan: their answers are variables of
//! the services, and so part of what is planned.

use std::collections::BTreeMap;
use std::path::PathBuf;

use topo::engine::{Cause, EngineError, program};
use topo::load::World as _;
use topo::model::service::Provider;
use topo::plan::provide::{self, Said, Turn};
use topo::project::Project;

use super::{Context, Prepared};

impl Context {
    /// Lets the providers of a project provide, and the model runner fetch its models.
    pub(crate) async fn provide(&self, prepared: &mut Prepared) -> Result<(), EngineError> {
        let Prepared { project, topology, .. } = prepared;
        for (service, provider) in provide::provided(project, topology) {
            let variables = self.turn(project, &service, &provider, Turn::Up).await?;
            provide::give(project, &service, &variables);
        }
        if project.services.values().any(|service| !service.models.0.is_empty()) {
            self.fetch_models(project).await?;
        }
        Ok(())
    }

    /// Lets the providers of a project take away what they provide.
    pub(crate) async fn take_away(&self, project: &Project) -> Result<(), EngineError> {
        for (service, one) in project.services.iter().chain(&project.disabled) {
            if let Some(provider) = &one.provider {
                self.turn(project, service, provider, Turn::Down).await?;
            }
        }
        Ok(())
    }

    async fn turn(
        &self,
        project: &Project,
        service: &str,
        provider: &Provider,
        turn: Turn,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let kind = &provider.kind;
        let refused = |message: String| {
            EngineError::new(format!("provide service {service}"), Cause::Other { status: None, message })
        };
        let found = if kind == "compose" { None } else { self.program(kind) };
        let program =
            found.ok_or_else(|| refused(format!("neither docker-{kind} nor {kind} is installed")))?;
        // Most providers have nothing to say of themselves, and may not know the question.
        let asked = program::output(&program, &["compose".to_owned(), "metadata".to_owned()]).await;
        let metadata = asked.ok().and_then(|text| serde_json::from_slice(&text).ok());
        let arguments = provide::arguments(&project.name, service, provider, metadata.as_ref(), turn);
        let arguments = arguments.map_err(refused)?;
        let mut variables = BTreeMap::new();
        program::run(&program, &arguments, |line| {
            match provide::said(line)? {
                Said::Info(text) => self.ui.say(&format!("service {service}: {text}")),
                Said::Error(text) => return Err(text),
                Said::Variable(name, value) => {
                    variables.insert(provide::variable_name(service, &name), value);
                }
                Said::RawVariable(name, value) => {
                    variables.insert(name, value);
                }
                Said::Debug => {}
            }
            Ok(())
        })
        .await?;
        self.ui
            .say(&format!("✔ service {service} {}", if turn == Turn::Up { "provided" } else { "removed" }));
        Ok(variables)
    }

    async fn fetch_models(&self, project: &mut Project) -> Result<(), EngineError> {
        let refused = |message: &str| {
            let message = message.to_owned();
            EngineError::new("provide models", Cause::Other { status: None, message })
        };
        let plugin = self.program("model").ok_or_else(|| {
            refused("the plugin docker-model is not installed; install Docker Model Runner, or pass a model's address in `environment`")
        })?;
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let listed = program::output(&plugin, &words(&["ls", "--json"])).await?;
        let there =
            provide::models_there(&listed).ok_or_else(|| refused("the plugin does not list its models"))?;
        for (key, model) in &project.models {
            if !there.contains(&model.model) {
                self.ui.say(&format!("model {key}: pulling {}", model.model));
                program::output(&plugin, &words(&["pull", &model.model])).await?;
            }
            program::output(&plugin, &provide::model_arguments(model)).await?;
        }
        let status = program::output(&plugin, &words(&["status", "--json"])).await?;
        let endpoint =
            provide::endpoint(&status).ok_or_else(|| refused("the plugin does not say where models are"))?;
        provide::give_models(project, &endpoint);
        Ok(())
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        let configured = self.world.var("DOCKER_CONFIG").filter(|directory| !directory.is_empty());
        let config = configured.map(PathBuf::from).or_else(|| Some(self.world.home()?.join(".docker")));
        let path = self.world.var("PATH").unwrap_or_default();
        program::find(name, config.as_deref(), &path, |place| self.world.is_file(place))
    }
}
