//! `topo images`: the images of the project's containers.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures_util::future::try_join_all;
use topo::engine::Engine as _;
use topo::engine::look::ContainerQuery;
use topo::listing::images::{ids, images, table};

use super::listing::{Form, now};
use super::{Context, Exit};

/// List the images that the project's containers were made from
///
/// Example: topo images --format json
#[derive(Args, Debug)]
pub(crate) struct Images {
    /// Output format: table or json
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Print IDs only
    #[arg(short, long)]
    quiet: bool,
    /// Services to list; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Images, context: &Context) -> Exit {
    let Some(form) = context.form(&arguments.format) else { return Exit::Failure };
    let Some((name, _)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let mut listed = engine.containers(&ContainerQuery { project: Some(name), all: true }).await?;
        let services = &arguments.services;
        listed.retain(|one| services.is_empty() || services.contains(&one.container.service));
        let names: BTreeSet<&String> = listed.iter().map(|one| &one.container.image_name).collect();
        let asked = names.into_iter().map(async |name| Ok((name.clone(), engine.image(name).await?)));
        let details: BTreeMap<_, _> = try_join_all(asked).await?.into_iter().collect();
        let images = images(&listed, &details);
        context.ui.data(&match (arguments.quiet, form) {
            (true, _) => ids(&images).iter().map(|id| format!("{id}\n")).collect(),
            (false, Form::Table) => table(&images, now(&engine)),
            (false, Form::Json) => format!("{}\n", serde_json::json!(images)),
        });
        Ok(Exit::Success)
    })
}
