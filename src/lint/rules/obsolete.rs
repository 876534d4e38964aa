//! What has no effect any more.

use super::{Finding, Input};
use crate::diagnostic::Code;

rule! {
    /// An attribute has no effect any more, such as `version` at the top, or has a newer form.
    "obsolete" in Style at Warn, has_fix: true, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let version = input.project.written.get("version");
    let said = input.said.sorted();
    let obsolete = said.iter().filter(|said| said.code == Code::ObsoleteAttribute);
    obsolete
        .map(|said| {
            let place = said.labels.first().map(|label| label.span);
            let is_it = version.filter(|entry| Some(entry.key) == place);
            Finding::of(input, said).fix(is_it.and_then(|entry| input.remove(entry)))
        })
        .collect()
}
