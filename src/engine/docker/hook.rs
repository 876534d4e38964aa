//! Commands that run in a container to their end, without a terminal.

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::StreamExt as _;

use super::{Docker, failed};
use crate::engine::{Cause, EngineError, Ran, Result};
use crate::plan::hooks::Inside;

/// How many lines of a command's output are kept: the last ones say what went wrong.
const LINES: usize = 10;

impl Docker {
    pub(super) async fn run_command(&self, container: &str, command: &Inside) -> Result<Ran> {
        let doing = || format!("run `{}` in container {container}", command.command.join(" "));
        let Inside { command: words, user, privileged, directory, environment } = command;
        let config = ExecConfig {
            cmd: Some(words.clone()),
            user: user.clone(),
            privileged: privileged.then_some(true),
            working_dir: directory.clone(),
            env: (!environment.is_empty()).then(|| environment.clone()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let client = self.patient();
        let id = client.create_exec(container, config).await.map_err(failed(doing()))?.id;
        let options = StartExecOptions { detach: false, tty: false, output_capacity: None };
        let started = client.start_exec(&id, Some(options)).await.map_err(failed(doing()))?;
        let mut written = Vec::new();
        if let StartExecResults::Attached { mut output, input: _ } = started {
            // It ends when the command does.
            while let Some(piece) = output.next().await {
                written.extend_from_slice(&piece.map_err(failed(doing()))?.into_bytes());
            }
        }
        let ended = client.inspect_exec(&id).await.map_err(failed(doing()))?;
        let Some(code) = ended.exit_code else {
            let message = "the engine does not tell how it ended".to_owned();
            return Err(EngineError::new(doing(), Cause::Other { status: None, message }));
        };
        let text = String::from_utf8_lossy(&written);
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let output = lines[lines.len().saturating_sub(LINES)..].to_vec();
        Ok(Ran { code, output })
    }
}
