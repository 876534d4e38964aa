//! What watching does inside of containers: syncs files, and runs commands.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use topo::engine::docker::local;
use topo::engine::inside::Inside as _;
use topo::engine::{Cause, Engine as _, EngineError, Ran};
use topo::observed::{Container, State};
use topo::plan::hooks::Inside;
use topo::plan::inside::{ExecOptions, exec};
use topo::plan::watch::Sync;

use super::session::by_name;
use super::watching::{Said, Watching};

/// How many paths are deleted by one command: its length has a limit.
const AT_ONCE: usize = 256;

impl Watching<'_> {
    /// Syncs files with all containers of a service.
    pub(super) async fn sync(&self, service: &str, sync: &Sync) -> Result<(), EngineError> {
        let changes = sync.changes();
        if changes == 0 {
            return Ok(());
        }
        self.note(format!("Syncing service {service:?} after {changes} changes were detected"));
        let mut done: Vec<String> = Vec::new();
        // A container that was replaced meanwhile is there under another ID.
        for attempt in 0..2 {
            let observed = self.observe().await?;
            let all = observed.containers.iter().filter(|one| !one.oneoff && one.service == service);
            let left: Vec<&Container> = all.filter(|container| !done.contains(&container.id)).collect();
            if left.is_empty() && done.is_empty() {
                self.context.ui.warning(&format!("service `{service}` has no container to sync with"));
            }
            let mut has_lost_one = false;
            let synced = join_all(left.iter().map(|container| self.sync_with(container, sync))).await;
            for (container, result) in left.iter().zip(synced) {
                match result {
                    Err(error) if error.is_not_found() && attempt == 0 => has_lost_one = true,
                    Err(error) => self.context.fail(&by_name(error, container)),
                    Ok(()) => {}
                }
                done.push(container.id.clone());
            }
            if !has_lost_one {
                break;
            }
        }
        Ok(())
    }

    async fn sync_with(&self, container: &Container, sync: &Sync) -> Result<(), EngineError> {
        let Sync { copy, delete } = sync;
        let paths: Vec<&String> = delete.iter().collect();
        let doing = || format!("delete files in container {}", container.name);
        if !paths.is_empty() && container.state != State::Running {
            let message = format!("container {} does not run: what was deleted stays in it", container.name);
            self.context.ui.warning(&message);
        } else {
            for paths in paths.chunks(AT_ONCE) {
                let mut command: Vec<String> = ["rm", "-rf", "--"].map(str::to_owned).into();
                command.extend(paths.iter().map(|path| (*path).clone()));
                // What the image brought may belong to root.
                let remove = Inside { command, user: Some("0".to_owned()), ..Inside::default() };
                let Ran { code, output } = self.engine.run_inside(&container.id, &remove).await?;
                if code != 0 {
                    let message = match code {
                        126 | 127 => "its image has no `rm`".to_owned(),
                        _ => output.join("; "),
                    };
                    return Err(EngineError::new(doing(), Cause::Other { status: None, message }));
                }
            }
        }
        if copy.is_empty() {
            return Ok(());
        }
        self.engine.unpack(&container.id, "/", local::pack_each(copy.clone()), true).await
    }

    /// Runs commands in all containers of their services that run: one after the other in each, and in all at once.
    pub(super) async fn exec(&self, commands: &BTreeMap<String, Vec<Inside>>) -> Result<(), EngineError> {
        if commands.is_empty() {
            return Ok(());
        }
        let observed = self.observe().await?;
        let runs = |one: &&Container| !one.oneoff && one.state == State::Running;
        let containers = observed.containers.iter().filter(runs);
        let all = containers.filter_map(|one| Some((one, commands.get(&one.service)?)));
        let run = all.map(|(container, commands)| async move {
            for command in commands {
                self.exec_in(container, command).await.map_err(|error| by_name(error, container))?;
            }
            Ok::<_, EngineError>(())
        });
        let failed = join_all(run).await.into_iter().filter_map(Result::err);
        failed.for_each(|error| self.context.fail(&error));
        Ok(())
    }

    async fn exec_in(&self, container: &Container, command: &Inside) -> Result<(), EngineError> {
        let Inside { command, user, privileged, directory, environment } = command.clone();
        let words = command.join(" ");
        let options = ExecOptions {
            command,
            env: environment,
            detach: false,
            stdin: false,
            tty: false,
            privileged,
            user,
            workdir: directory,
            detach_keys: None,
            size: None,
        };
        let id = self.engine.create_exec(&container.id, &exec(&options, |_| None)).await?;
        let mut streams = self.engine.attach_exec(&id, false).await?;
        let mut rest: Vec<u8> = Vec::new();
        let say = |line: &[u8]| {
            let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
            self.say(Said::Line { container: container.name.clone(), text });
        };
        while let Some(Ok((_, piece))) = streams.output.next().await {
            rest.extend_from_slice(&piece);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                say(&rest[..end]);
                rest.drain(..=end);
            }
        }
        if !rest.is_empty() {
            say(&rest);
        }
        match self.engine.exec_code(&id).await? {
            None | Some(0) => {}
            Some(code) => {
                let text = format!("`{words}` in container {} ended with code {code}", container.name);
                self.context.ui.warning(&text);
            }
        }
        Ok(())
    }
}
