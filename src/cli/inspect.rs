//! `topo inspect`: the project's networks as the engine has them.

use std::collections::BTreeMap;

use clap::Args;
use futures_util::future::try_join_all;
use topo::diagnostic::did_you_mean;
use topo::engine::{Engine as _, EngineError};
use topo::listing::networks::{Inspected, json, table};

use super::existing::Existing;
use super::listing::Form;
use super::{Context, Exit};

/// Show the networks of the project with their members and addresses, as the engine has them
///
/// They are those of the file, those that were made for the project, and those that its containers are on.
///
/// Example: topo inspect back --format json
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// Output format: `table` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Networks to show, by key or name; default: all
    #[arg(value_name = "NETWORK")]
    networks: Vec<String>,
}

pub(crate) fn run(arguments: &Inspect, context: &Context) -> Exit {
    let Some(form) = context.form(&arguments.format) else { return Exit::Failure };
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let Existing { name, project, observed, engine, .. } = Existing::look(name, project, engine).await?;
        let mut shown = Inspected::of_project(&name, project.as_ref(), &observed);
        let unknown = arguments.networks.iter().find(|asked| !shown.iter().any(|one| one.is(asked)));
        if let Some(unknown) = unknown {
            context.ui.error(&format!("project {name} has no network {unknown}"));
            let known = shown.iter().flat_map(|one| [one.key.as_str(), one.name.as_str()]);
            did_you_mean(unknown, known).inspect(|help| context.ui.help(help));
            return Ok(Exit::Failure);
        }
        shown.retain(|one| {
            arguments.networks.is_empty() || arguments.networks.iter().any(|asked| one.is(asked))
        });
        let looked = try_join_all(shown.iter().filter(|one| one.is_there).map(async |one| {
            let details = engine.network(&one.name).await?;
            Ok::<_, EngineError>((one.name.clone(), details))
        }));
        let details: BTreeMap<_, _> = looked.await?.into_iter().collect();
        context.ui.data(&match form {
            Form::Table => table(&shown, &details, &observed),
            Form::Json => format!("{:#}\n", json(&shown, &details, &observed)),
        });
        Ok(Exit::Success)
    })
}
