//! Finds the engine as docker does: by variables, by docker's contexts, at the usual sockets.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ssh::There;
use super::tls::Material;
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
    /// `DOCKER_TLS_VERIFY`, or `DOCKER_TLS`, which encrypts and trusts anybody.
    pub tls: Option<Tls>,
    /// `DOCKER_CERT_PATH`, where certificates are; default: `config`.
    pub certificates: Option<PathBuf>,
    /// The directory of docker's `config.json`: `DOCKER_CONFIG`, or `.docker` in the home directory.
    pub config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, where rootless engines have their sockets.
    pub runtime: Option<PathBuf>,
}

/// How much an encrypted connection trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Only an engine whose certificate is signed by `ca.pem`.
    Verified,
    /// Whoever answers.
    Unverified,
}

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A Unix socket.
    Unix(String),
    /// A host and port, without TLS.
    Tcp(String),
    /// A host and port, with TLS.
    Tls { host: String, material: Material },
    /// Another machine, by ssh.
    Ssh(There),
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
            tls: match (variable("DOCKER_TLS_VERIFY"), variable("DOCKER_TLS")) {
                (Some(_), _) => Some(Tls::Verified),
                (None, Some(_)) => Some(Tls::Unverified),
                (None, None) => None,
            },
            certificates: variable("DOCKER_CERT_PATH").map(PathBuf::from),
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
            let directory = self.certificates.as_ref().or(self.config.as_ref());
            let material = self.tls.map(|tls| Material {
                directory: directory.cloned().unwrap_or_default(),
                needs_authority: tls == Tls::Verified,
                skips_verification: tls == Tls::Unverified,
            });
            return Ok(vec![address(host, material)?]);
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
        if let Some(config) = &self.config {
            // Docker Desktop.
            sockets.push(config.join("run/docker.sock"));
        }
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
            #[serde(rename = "SkipTLSVerify", default)]
            skips_verification: bool,
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
        let Endpoint { host, skips_verification } = meta.endpoints.docker;
        let directory = config.join("contexts/tls").join(&id).join("docker");
        let has_material = directory.is_dir();
        let material = Material { directory, needs_authority: false, skips_verification };
        address(&host, (has_material || skips_verification).then_some(material))
    }
}

#[expect(clippy::disallowed_methods, reason = "docker's own files are no part of a project")]
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn address(text: &str, material: Option<Material>) -> Result<Address> {
    let failed = |cause| Err(EngineError::new(format!("connect to the engine at {text}"), cause));
    match text.split_once("://") {
        Some(("unix", path)) => Ok(Address::Unix(path.to_owned())),
        Some(("npipe", path)) if cfg!(windows) => Ok(Address::Pipe(path.to_owned())),
        Some(("npipe", _)) => failed(Cause::Unsupported { what: "named pipes of Windows are".to_owned() }),
        Some(("ssh", there)) => match There::parse(there) {
            Ok(there) => Ok(Address::Ssh(there)),
            // The address may hold a password, which is not for the terminal.
            Err(message) => {
                Err(EngineError::new("connect to the engine by ssh", Cause::Other { status: None, message }))
            }
        },
        Some(("tcp" | "http" | "https", host)) => {
            let host = host.trim_end_matches('/');
            // An IPv6 address has colons of its own, in brackets.
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
            let port = if material.is_some() { 2376 } else { 2375 };
            let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
            Ok(match material {
                Some(material) => Address::Tls { host, material },
                None => Address::Tcp(host),
            })
        }
        Some((scheme, _)) => {
            failed(Cause::Unsupported { what: format!("connections over `{scheme}://` are") })
        }
        None => Ok(Address::Unix(text.to_owned())),
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{path}"),
            Self::Tcp(host) | Self::Tls { host, .. } => write!(formatter, "tcp://{host}"),
            Self::Ssh(there) => there.fmt(formatter),
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
        assert_eq!(host("ssh://me@there").unwrap()[0].to_string(), "ssh://me@there");
        assert_eq!(
            host("ssh://me:hush@there").unwrap_err().to_string(),
            "connect to the engine by ssh: a password has no place in the address; ssh asks for it, or uses a key"
        );
        if cfg!(unix) {
            let refused = host("npipe:////./pipe/docker_engine").unwrap_err();
            assert!(
                refused.to_string().ends_with("named pipes of Windows are not supported yet"),
                "{refused}"
            );
        }
    }

    #[test]
    fn certificates_are_where_the_variables_say() {
        let tls = |variables: &[(&str, &str)]| {
            let host = [("DOCKER_HOST", "tcp://engine"), ("DOCKER_CONFIG", "/config")];
            with(&[&host, variables].concat()).addresses().unwrap().remove(0)
        };
        let expected = |directory: &str, needs_authority: bool| Address::Tls {
            host: "engine:2376".into(),
            material: Material {
                directory: directory.into(),
                needs_authority,
                skips_verification: !needs_authority,
            },
        };
        assert_eq!(tls(&[("DOCKER_TLS_VERIFY", "1")]), expected("/config", true));
        assert_eq!(
            tls(&[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")]),
            expected("/certs", true)
        );
        assert_eq!(tls(&[("DOCKER_TLS", "1")]), expected("/config", false));
        // docker takes an empty one for unset.
        assert_eq!(tls(&[("DOCKER_TLS_VERIFY", "")]), Address::Tcp("engine:2375".into()));
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
        let directory = home.path().join(".docker/contexts/tls").join(digest("far")).join("docker");
        std::fs::create_dir_all(&directory).unwrap();
        let material = Material { directory, needs_authority: false, skips_verification: false };
        assert_eq!(connection.addresses(), Ok(vec![Address::Tls { host: "far:1".into(), material }]));
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
