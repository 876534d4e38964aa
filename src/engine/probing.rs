//! Joins probers to the networks of containers: topo itself, in an image that holds nothing else, in short-lived
//! containers of their own. Nothing is pulled, and nothing is put into the user's containers.
//!
//! The engine may be far away, so all goes through it: the questions on a prober's input, the answers on its output.

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, RestartPolicy, RestartPolicyNameEnum,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use super::inside::{Attach, Inside, Streams};
use super::{Cause, Engine, EngineError, LogSource, Result};
use crate::observed::live::Machine;
use crate::plan::File;
use crate::probe::{Answer, COMMAND, Question, Wish};

/// The name of the image that holds the prober, before its tag.
pub const IMAGE: &str = "topo-probe";

/// The label of the containers in which probers run.
pub const LABEL: &str = "topo.probe";

/// Where the program and its libraries are in the image.
const FOLDER: &str = "/topo";

/// How long a prober may take to answer a list of questions.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The program that is to run at the engine: this one.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// What tells its image from those of other builds: letters, digits, dots and dashes.
    pub version: String,
    /// The operating system that it is for, as images name it.
    pub os: String,
    /// The processor that it is for, as images name it.
    pub architecture: String,
    /// The files by name: the program is `topo`, and the others are the shared libraries that it needs.
    pub files: Vec<(String, Vec<u8>)>,
    /// The library that loads the others, if it is not linked statically.
    pub loader: Option<String>,
}

/// Whose network a prober joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// That of a container, by ID.
    Container(&'a str),
    /// That of the engine's machine. With `true` it sees the machine's processes too.
    Host(bool),
}

/// An image that is ready at an engine.
#[derive(Clone, Debug)]
pub struct Prober {
    image: String,
    entrypoint: Vec<String>,
}

/// A prober that runs. Dropped, its input ends, so it ends, and the engine removes it.
pub struct Conversation {
    streams: Streams,
    pending: BytesMut,
    errors: Vec<u8>,
    doing: String,
}

impl Program {
    /// Says why it does not run at an engine, if it does not.
    pub fn misfit(&self, machine: &Machine) -> Option<String> {
        let fits = self.os == machine.os && self.architecture == machine.architecture;
        (!fits).then(|| {
            format!(
                "this topo is for {}/{}, the engine is {}/{}",
                self.os, self.architecture, machine.os, machine.architecture
            )
        })
    }

    /// Returns the files of the image.
    fn packed(self) -> Vec<File> {
        let file =
            |(name, content)| File { path: format!("{FOLDER}/{name}"), content, mode: 0o755, uid: 0, gid: 0 };
        self.files.into_iter().map(file).collect()
    }
}

impl Prober {
    /// Sees to it that the engine has the image of the program.
    pub async fn prepare(engine: &impl Engine, program: Program) -> Result<Self> {
        let image = format!("{IMAGE}:{}", program.version);
        let mut entrypoint = Vec::new();
        if let Some(loader) = &program.loader {
            entrypoint.extend([format!("{FOLDER}/{loader}"), "--library-path".to_owned(), FOLDER.to_owned()]);
        }
        entrypoint.extend([format!("{FOLDER}/topo"), COMMAND.to_owned()]);
        let prober = Self { image, entrypoint };
        match engine.image(&prober.image).await {
            Ok(_) => Ok(prober),
            Err(EngineError { cause: Cause::ImageMissing { .. } | Cause::NotFound { .. }, .. }) => {
                engine.import_image(&prober.image, &program.packed()).await?;
                Ok(prober)
            }
            Err(error) => Err(error),
        }
    }

    /// Starts a prober that has the network of `place`.
    pub async fn join(&self, engine: &impl Inside, place: Place<'_>, number: usize) -> Result<Conversation> {
        let body = self.body(place);
        self.start(engine, &body, place, number).await
    }

    /// Starts a prober that writes the packets of a network to its standard output, until all that is wished for is
    /// there or its input ends.
    pub async fn capture(&self, engine: &impl Inside, place: Place<'_>, wish: &Wish) -> Result<Streams> {
        let wish = serde_json::to_string(wish).map_err(|error| {
            EngineError::new("capture packets", Cause::Other { status: None, message: error.to_string() })
        })?;
        let mut body = self.body(place);
        body.cmd = Some(vec![wish]);
        let capabilities = body.host_config.as_mut().and_then(|host| host.cap_add.as_mut());
        capabilities.into_iter().for_each(|capabilities| capabilities.push("NET_RAW".to_owned()));
        Ok(self.start(engine, &body, place, 0).await?.streams)
    }

    /// The container of a prober: it may do nothing but look at its network.
    fn body(&self, place: Place<'_>) -> ContainerCreateBody {
        let sees_processes = place == Place::Host(true);
        let mut capabilities: Vec<String> = Vec::new();
        if sees_processes {
            capabilities.extend(["SYS_PTRACE".to_owned(), "DAC_READ_SEARCH".to_owned()]);
        }
        let host = HostConfig {
            network_mode: Some(match place {
                Place::Container(id) => format!("container:{id}"),
                Place::Host(_) => "host".to_owned(),
            }),
            pid_mode: sees_processes.then(|| "host".to_owned()),
            auto_remove: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(capabilities),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            ..HostConfig::default()
        };
        ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: Some(self.entrypoint.clone()),
            user: Some("0:0".to_owned()),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            labels: Some([(LABEL.to_owned(), String::new())].into()),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        }
    }

    async fn start(
        &self,
        engine: &impl Inside,
        body: &ContainerCreateBody,
        place: Place<'_>,
        number: usize,
    ) -> Result<Conversation> {
        let target = match place {
            Place::Container(id) => id.get(..12).unwrap_or(id),
            Place::Host(_) => "host",
        };
        let name = format!("{IMAGE}-{target}-{}-{number}", std::process::id());
        let id = engine.create_container(&name, None, body).await?;
        let begun = async {
            let streams = engine.attach(&id, Attach { tty: false, stdin: true, detach_keys: None }).await?;
            engine.start(&id).await?;
            Ok(streams)
        };
        match begun.await {
            Ok(streams) => Ok(Conversation {
                streams,
                pending: BytesMut::new(),
                errors: Vec::new(),
                doing: format!("ask prober {name}"),
            }),
            Err(error) => {
                // It was never started, so nothing else removes it.
                let _ = engine.remove_container(&id, true).await;
                Err(error)
            }
        }
    }
}

impl Conversation {
    /// Asks a list of questions; the answers come in the same order.
    pub async fn ask(&mut self, questions: &[Question]) -> Result<Vec<Answer>> {
        let doing = self.doing.clone();
        let asked = async {
            let broken = |error: &dyn std::fmt::Display| Cause::Disconnected { message: error.to_string() };
            let mut line = serde_json::to_vec(questions).map_err(|error| broken(&error))?;
            line.push(b'\n');
            self.streams.input.write_all(&line).await.map_err(|error| broken(&error))?;
            self.streams.input.flush().await.map_err(|error| broken(&error))?;
            let line = self.line().await?;
            let answers: Vec<Answer> = serde_json::from_slice(&line).map_err(|error| broken(&error))?;
            if answers.len() == questions.len() { Ok(answers) } else { Err(broken(&"answers are missing")) }
        };
        let answers = tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Cause::TimedOut));
        answers.map_err(|cause| EngineError::new(doing, cause))
    }

    async fn line(&mut self) -> std::result::Result<Bytes, Cause> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                return Ok(self.pending.split_to(end + 1).freeze());
            }
            match self.streams.output.next().await {
                Some(Ok((LogSource::Stdout, piece))) => self.pending.extend_from_slice(&piece),
                Some(Ok((LogSource::Stderr, piece))) => self.errors.extend_from_slice(&piece),
                Some(Err(error)) => return Err(Cause::Disconnected { message: error.to_string() }),
                None => {
                    let said = String::from_utf8_lossy(&self.errors).trim().to_owned();
                    let said = if said.is_empty() { "it has ended".to_owned() } else { said };
                    return Err(Cause::Other { status: None, message: said });
                }
            }
        }
    }

    /// Ends it, and waits until it has ended.
    pub async fn end(mut self) {
        let ended = async {
            // One that has ended by itself is as good.
            let _ = self.streams.input.shutdown().await;
            while self.streams.output.next().await.is_some() {}
        };
        let _ = tokio::time::timeout(PATIENCE, ended).await;
    }
}
