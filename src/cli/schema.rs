//! `topo schema`: the JSON schema of compose files, for editors.

use clap::Args;
use topo::model::schema;

use super::{Context, Exit};

/// Print the JSON schema of compose files, for editors that complete and check YAML
///
/// Example: topo schema > compose.schema.json
#[derive(Args, Debug)]
pub(crate) struct Schema {
    /// Leave out what is obsolete, so that editors underline it
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(arguments: &Schema, context: &Context) -> Exit {
    let Schema { strict } = arguments;
    let schema = if *strict { schema::strict() } else { schema::schema() };
    context.ui.data(&format!("{schema:#}\n"));
    Exit::Success
}
