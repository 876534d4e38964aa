//! `topo schema`: the JSON schema of compose files, for editors.

use clap::Args;

use super::{Context, Exit};

/// Print the JSON schema of compose files, for editors that complete and check YAML
///
/// Example: topo schema > compose.schema.json
#[derive(Args, Debug)]
pub(crate) struct Schema {}

pub(crate) fn run(arguments: &Schema, context: &Context) -> Exit {
    let Schema {} = arguments;
    context.ui.data(&format!("{:#}\n", topo::model::schema::schema()));
    Exit::Success
}
