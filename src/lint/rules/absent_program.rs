//! Health checks that run what the image does not have.

use super::{Finding, Input};
use crate::lint::programs::programs;

rule! {
    /// A health check runs a program that the image lacks, as `--images` finds out for images that the engine has. The
    /// check then fails for that reason alone, and nothing that waits for the service ever starts.
    "absent-program" in Reliability at Warn, has_fix: false, check: check
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let Some(lacking) = input.lacking else { return Vec::new() };
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let check = service.healthcheck.as_ref().filter(|check| !check.disable);
        let Some(test) = check.and_then(|check| check.test.as_ref()) else { continue };
        let image = input.project.image_of(name, service);
        let Some(absent) = lacking.get(&image) else { continue };
        if let Some(program) = programs(test).into_iter().find(|program| absent.contains(*program)) {
            let path = ["services", name, "healthcheck", "test"];
            let message = format!("the health check of service `{name}` runs `{program}`, which its image lacks");
            found.push(
                Finding::at(input, &path, message, "can never succeed")
                    .label(input.span(&["services", name, "image"]), "this image")
                    .help("run what the image has, or add the program to the image"),
            );
        }
    }
    found
}
