//! `topo export k8s`.
use clap::Args;
use super::{Context, Exit};
/// Export
#[derive(Args, Debug)]
pub(crate) struct Export {}
pub(crate) fn run(_: &Export, _: &Context) -> Exit { Exit::Failure }
