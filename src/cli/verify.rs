//! `topo export k8s --verify`: whether the manifests let through what the file does.

use topo::diagnostic::Diagnostics;
use topo::k8s::{Export, Object};
use topo::load::Loaded;
use topo::manifests::cluster::Cluster;
use topo::manifests::verify::{Verified, verify};
use topo::project::Project;

use super::Context;

/// Compares manifests with the project that they come from, and prints what differs. Returns whether nothing does.
pub(crate) fn is_verified(
    project: &Project,
    exported: &Export,
    loaded: &mut Loaded,
    context: &Context,
) -> bool {
    let objects: Result<Vec<_>, _> = exported.objects.iter().map(Object::to_json).collect();
    let cluster = objects.map_err(|error| error.to_string()).and_then(|objects| Cluster::read(&objects));
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(error) => {
            context.ui.error(&format!("the manifests cannot be read again: {error}"));
            return false;
        }
    };
    let Verified { cells, on_own_node, names, differences } = verify(project, &cluster);
    let is_same = differences.is_empty();
    loaded.diagnostics = Diagnostics::default();
    loaded.diagnostics.push_all(differences);
    context.say(loaded);
    if is_same {
        let nodes = match on_own_node {
            0 => String::new(),
            some => format!(", {some} of them only where both run on one node"),
        };
        let text =
            format!("verified: {cells} pairs and ports{nodes}, and {names} names, as the file has them");
        context.ui.say(&text);
    } else {
        context.ui.error("the manifests differ from the file, and `--verify` was given: nothing is written");
    }
    is_same
}
