//! Programs beside the engine that topo starts: providers of services, and the model runner's plugin.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{Cause, EngineError, Result};

/// Where the docker client keeps plugins for everybody.
const PLUGINS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// Finds `docker-NAME`, a plugin of the docker client, or NAME on the path. `config` is the client's directory.
pub fn find(
    name: &str,
    config: Option<&Path>,
    path: &str,
    is_file: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let plugin = format!("docker-{name}");
    let own = config.map(|config| config.join("cli-plugins"));
    let plugins = own.into_iter().chain(PLUGINS.map(PathBuf::from));
    let separator = if cfg!(windows) { ';' } else { ':' };
    let on_path = || path.split(separator).filter(|directory| !directory.is_empty()).map(PathBuf::from);
    let places = plugins.chain(on_path()).map(|directory| directory.join(&plugin));
    places.chain(on_path().map(|directory| directory.join(name))).find(|place| is_file(place))
}

/// Runs a program to its end, and hands each line of its standard output over. What it writes to standard error is
/// shown. A line that cannot be taken ends it.
pub async fn run(
    program: &Path,
    arguments: &[String],
    mut heard: impl FnMut(&str) -> std::result::Result<(), String>,
) -> Result<()> {
    let failed = |message: String| {
        let doing = format!("run {} {}", program.display(), arguments.join(" "));
        EngineError::new(doing, Cause::Other { status: None, message })
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await.map_err(|error| failed(error.to_string()))? {
            if !line.trim().is_empty() {
                heard(&line).map_err(failed)?;
            }
        }
    }
    let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(format!("it ended with {status}"))) }
}

/// Runs a program to its end and returns all of its standard output.
pub async fn output(program: &Path, arguments: &[String]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    run(program, arguments, |line| {
        all.extend_from_slice(line.as_bytes());
        all.push(b'\n');
        Ok(())
    })
    .await?;
    Ok(all)
}
