//! Finds the engine as docker does: by variables, by docker's contexts, at the usual sockets.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::engine::{Cause, EngineError, Result};
use crate::project::hash::digest;

/// Where to look for an engine: the outside world, read by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `DOCKER_API_VERSION`: speak that version and no other.
    pub api_version: Option<String>,
    /// `DOCKER_BUILDKIT=0`: build with the classic builder.
    pub no_buildkit: bool,
    /// `SSH_AUTH_SOCK`, which builds may be given.
    pub ssh_agent: Option<String>,
    /// `DOCKER_TLS_VERIFY`.
    pub tls: bool,
    /// The directory of docker's `config.json`: `DOCKER_CONFIG`, or `.docker` in the home directory.
    pub config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, where rootless engines have their sockets.
    pub runtime: Option<PathBuf>,
}

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A Unix socket.
    Unix(String),
    /// A host and port, without TLS.
    Tcp(String),
    /// A named pipe of Windows.
    Pipe(String),
}

impl Connection {
    /// Makes a connection of what `variable` says. An empty variable counts as unset.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        Self {
            host: variable("DOCKER_HOST"),
            context: variable("DOCKER_CONTEXT"),
            api_version: variable("DOCKER_API_VERSION"),
            no_buildkit: variable("DOCKER_BUILDKIT")
                .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "0" | "f" | "false")),
            ssh_agent: variable("SSH_AUTH_SOCK"),
            tls: variable("DOCKER_TLS_VERIFY").is_some(),
            config: variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home?.join(".docker"))),
            runtime: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
        }
    }

    /// Returns the text of docker's `config.json`, or nothing if there is none.
    pub(super) fn config_text(&self) -> String {
        let Some(config) = &self.config else { return String::new() };
        read(&config.join("config.json")).unwrap_or_default()
    }

    /// Returns the addresses to try, in that order. One that the user named is the only one.
    pub(super) fn addresses(&self) -> Result<Vec<Address>> {
        if let Some(host) = &self.host {
            return Ok(vec![address(host, self.tls)?]);
        }
        if let Some(context) = self.chosen_context()
            && context != "default"
        {
            return Ok(vec![self.address_of_context(&context)?]);
        }
        if cfg!(windows) {
            return Ok(vec![Address::Pipe("//./pipe/docker_engine".to_owned())]);
        }
        let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
        if let Some(runtime) = &self.runtime {
            sockets.push(runtime.join("docker.sock"));
            sockets.push(runtime.join("podman/podman.sock"));
        }
        sockets.push(PathBuf::from("/run/podman/podman.sock"));
        Ok(sockets.into_iter().map(|path| Address::Unix(path.display().to_string())).collect())
    }

    fn chosen_context(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Config {
            #[serde(rename = "currentContext")]
            current_context: Option<String>,
        }
        let current = || serde_json::from_str::<Config>(&self.config_text()).ok()?.current_context;
        self.context.clone().or_else(current).filter(|context| !context.is_empty())
    }

    /// Reads the file that docker keeps for a context, under the digest of its name.
    fn address_of_context(&self, context: &str) -> Result<Address> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Meta {
            endpoints: Endpoints,
        }
        #[derive(Deserialize)]
        struct Endpoints {
            docker: Endpoint,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Endpoint {
            host: String,
        }
        let doing = format!("use the docker context `{context}`");
        let failed = |message: String| EngineError::new(&doing, Cause::Other { status: None, message });
        let Some(config) = &self.config else {
            return Err(failed("there is no home directory to look it up in".to_owned()));
        };
        let id = digest(context);
        let path = config.join("contexts/meta").join(&id).join("meta.json");
        let text = read(&path).map_err(|_| failed("there is no such context".to_owned()))?;
        let meta: Meta =
            serde_json::from_str(&text).map_err(|error| failed(format!("{}: {error}", path.display())))?;
        address(&meta.endpoints.docker.host, config.join("contexts/tls").join(&id).join("docker").is_dir())
    }
}

#[expect(clippy::disallowed_methods, reason = "docker's own files are no part of a project")]
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn address(text: &str, tls: bool) -> Result<Address> {
    let unsupported = |what: String| {
        EngineError::new(format!("connect to the engine at {text}"), Cause::Unsupported { what })
    };
    match text.split_once("://") {
        Some(("unix", path)) => Ok(Address::Unix(path.to_owned())),
        Some(("npipe", path)) => Ok(Address::Pipe(path.to_owned())),
        Some(("tcp" | "http", _)) if tls => Err(unsupported("TLS is".to_owned())),
        Some(("tcp" | "http", host)) => {
            let host = host.trim_end_matches('/');
            // An IPv6 address has colons of its own, in brackets.
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
            Ok(Address::Tcp(if has_port { host.to_owned() } else { format!("{host}:2375") }))
        }
        Some((scheme, _)) => Err(unsupported(format!("connections over `{scheme}://` are"))),
        None => Ok(Address::Unix(text.to_owned())),
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{path}"),
            Self::Tcp(host) => write!(formatter, "tcp://{host}"),
            Self::Pipe(path) => write!(formatter, "npipe://{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Connection {
        let variable = |name: &str| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some((*value).to_owned())
        };
        Connection::from_variables(variable, None)
    }

    #[test]
    fn the_host_variable_comes_first() {
        let host = |value: &str| with(&[("DOCKER_HOST", value), ("DOCKER_CONTEXT", "other")]).addresses();
        assert_eq!(host("unix:///run/x.sock"), Ok(vec![Address::Unix("/run/x.sock".into())]));
        assert_eq!(host("tcp://engine"), Ok(vec![Address::Tcp("engine:2375".into())]));
        assert_eq!(host("tcp://[::1]:99/"), Ok(vec![Address::Tcp("[::1]:99".into())]));
        assert_eq!(
            host("ssh://me@there").unwrap_err().to_string(),
            "connect to the engine at ssh://me@there: connections over `ssh://` are not supported yet"
        );
        let tls = with(&[("DOCKER_HOST", "tcp://engine:2376"), ("DOCKER_TLS_VERIFY", "1")]);
        assert!(matches!(tls.addresses().unwrap_err().cause, Cause::Unsupported { .. }));
    }

    #[test]
    fn contexts_are_read_from_dockers_directory() {
        let home = tempfile::tempdir().unwrap();
        let meta = home.path().join(".docker/contexts/meta").join(digest("far"));
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:1"}}}"#,
        )
        .unwrap();
        std::fs::write(home.path().join(".docker/config.json"), r#"{"currentContext":"far"}"#).unwrap();
        let connection = Connection::from_variables(|_| None, Some(home.path()));
        assert_eq!(connection.addresses(), Ok(vec![Address::Tcp("far:1".into())]));
        let missing = Connection { context: Some("gone".into()), ..connection };
        assert_eq!(
            missing.addresses().unwrap_err().to_string(),
            "use the docker context `gone`: there is no such context"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_usual_sockets_are_tried_in_order() {
        let addresses = with(&[("XDG_RUNTIME_DIR", "/run/user/7")]).addresses().unwrap();
        let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock"
            ]
        );
    }
}
