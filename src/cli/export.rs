//! `topo export k8s`.
use super::{Context, Exit};
use clap::Args;
/// Export
#[derive(Args, Debug)]
pub(crate) struct Export {}
pub(crate) fn run(_: &Export, _: &Context) -> Exit {
    Exit::Failure
}
