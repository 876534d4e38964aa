//! What goes wrong around topo while it works: it says what, with what can be done, and the next `up` makes it good.
//! Faults that would hurt others happen to an engine of the test's own.

mod disk;
mod engine;
mod others;
mod pull;
mod volumes;

use crate::harness::{Project, Running};

/// Starts `up`, and reads on until a line of its events has this text.
fn up_until(project: &Project, text: &str) -> Running {
    let mut command = project.command(&["--progress", "json"]);
    command.args(["up", "-d"]);
    let mut up = Running::start(command);
    assert!(up.reaches(|line| line.contains(text)), "no `{text}` in {:#?}", up.stderr);
    up
}
