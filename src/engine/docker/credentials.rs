//! What to log in to registries with: docker's `config.json`, and the programs that keep passwords for it.
//!
//! The crate docker_credential does the same, but blocks while a program runs, and does not say why one failed.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bollard::auth::DockerCredentials;
use futures_util::future::join_all;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

/// How Docker Hub is called in `config.json` and by the programs.
const HUB: &str = "https://index.docker.io/v1/";

/// How long a program may take: it may ask the user.
const PATIENCE: Duration = Duration::from_secs(60);

/// The user's logins. Programs are asked when a login is needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    /// What is written in the file itself, by host.
    by_registry: BTreeMap<String, DockerCredentials>,
    /// The program for all registries: `docker-credential-` and this.
    store: Option<String>,
    /// The programs for single registries, by host.
    helpers: BTreeMap<String, String>,
}

/// A login, or why there is none although there should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Login {
    pub(super) credentials: Option<DockerCredentials>,
    /// What went wrong. It only matters if the registry then refuses: most need no login.
    pub(super) trouble: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// What a program answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

impl Credentials {
    /// Reads `config.json`. What cannot be understood counts as not written: most registries need no login.
    pub(super) fn read(config: &str) -> Self {
        let Ok(config) = serde_json::from_str::<Config>(config) else { return Self::default() };
        let by_registry = config.auths.into_iter().filter_map(|(registry, entry)| {
            let pair = entry.auth.as_deref().and_then(decode);
            let (username, password) = match pair {
                Some((username, password)) => (Some(username), Some(password)),
                None => (entry.username, entry.password),
            };
            // An entry without any says only that a program keeps them.
            let is_login =
                username.is_some() || entry.identitytoken.is_some() || entry.registrytoken.is_some();
            is_login.then(|| {
                let credentials = DockerCredentials {
                    username,
                    password,
                    serveraddress: Some(registry.clone()),
                    identitytoken: entry.identitytoken,
                    registrytoken: entry.registrytoken,
                    ..DockerCredentials::default()
                };
                (host(&registry).to_owned(), credentials)
            })
        });
        Self {
            by_registry: by_registry.collect(),
            store: config.store.filter(|store| !store.is_empty()),
            helpers: config.helpers.into_iter().map(|(key, name)| (host(&key).to_owned(), name)).collect(),
        }
    }

    /// Returns what to send along with a request about `registry`. A program comes before the file, as with docker.
    pub(super) async fn of(&self, registry: &str) -> Login {
        let written = self.by_registry.get(registry).cloned();
        let Some(program) = self.helpers.get(registry).or(self.store.as_ref()) else {
            return Login { credentials: written, trouble: None };
        };
        let address = if registry == "docker.io" { HUB } else { registry };
        match ask(program, "get", address).await {
            Ok(answer) => match serde_json::from_str::<Kept>(&answer) {
                Ok(kept) => Login { credentials: Some(kept.login(address)), trouble: None },
                Err(error) => {
                    let trouble = format!("docker-credential-{program} answers no login: {error}");
                    Login { credentials: written, trouble: Some(trouble) }
                }
            },
            Err(error) if error.contains("credentials not found") => {
                Login { credentials: written, trouble: None }
            }
            Err(error) => Login { credentials: written, trouble: Some(error) },
        }
    }

    /// Returns what to send along with a build, which may pull from anywhere.
    pub(super) async fn all(&self) -> Option<HashMap<String, DockerCredentials>> {
        let mut registries: Vec<String> = self.helpers.keys().cloned().collect();
        if let Some(store) = &self.store
            && let Ok(listed) = ask(store, "list", "").await
            && let Ok(listed) = serde_json::from_str::<BTreeMap<String, String>>(&listed)
        {
            registries.extend(listed.keys().map(|address| host(address).to_owned()));
        }
        registries.extend(self.by_registry.keys().cloned());
        registries.sort();
        registries.dedup();
        let logins = join_all(registries.iter().map(|registry| self.of(registry))).await;
        let logins = logins.into_iter().filter_map(|login| login.credentials);
        let all: HashMap<_, _> = logins.filter_map(|one| Some((one.serveraddress.clone()?, one))).collect();
        (!all.is_empty()).then_some(all)
    }
}

impl Kept {
    fn login(self, address: &str) -> DockerCredentials {
        let serveraddress = Some(address.to_owned());
        // That is how a program says that it keeps no password, but a token.
        if self.username == "<token>" {
            let identitytoken = Some(self.secret);
            return DockerCredentials { identitytoken, serveraddress, ..DockerCredentials::default() };
        }
        DockerCredentials {
            username: Some(self.username),
            password: Some(self.secret),
            serveraddress,
            ..DockerCredentials::default()
        }
    }
}

/// Encodes a login as engines decode it: Base64 for URLs.
pub(super) fn encoded(credentials: &DockerCredentials) -> String {
    // A login is text and serializes always.
    URL_SAFE.encode(serde_json::to_vec(credentials).unwrap_or_default())
}

/// Runs `docker-credential-NAME VERB` and returns what it prints.
///
/// See <https://github.com/docker/docker-credential-helpers>.
async fn ask(name: &str, verb: &str, input: &str) -> Result<String, String> {
    let program = format!("docker-credential-{name}");
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{program}, which keeps the logins, is not installed"),
        _ => format!("{program}: {error}"),
    };
    let mut command = tokio::process::Command::new(&program);
    command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input needs none.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
        Err(_) => return Err(format!("{program} did not answer within {} seconds", PATIENCE.as_secs())),
        Ok(output) => output.map_err(failed)?,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    // They say what is wrong on standard output.
    let said = [text(&output.stdout), text(&output.stderr)].into_iter().find(|text| !text.is_empty());
    Err(format!("{program}: {}", said.unwrap_or_else(|| output.status.to_string())))
}

fn decode(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Returns the host of a key such as `https://index.docker.io/v1/`, which stands for Docker Hub.
pub(super) fn host(registry: &str) -> &str {
    let rest = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    match rest.split('/').next().unwrap_or(rest) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn logins_are_found_by_registry() {
        let credentials = Credentials::read(
            r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cGFzczp3b3Jk"},
                "ghcr.io": {}, "localhost:5000": {"username": "u", "password": "p"}}}"#,
        );
        let hub = credentials.of("docker.io").await.credentials.unwrap();
        assert_eq!((hub.username.as_deref(), hub.password.as_deref()), (Some("me"), Some("pass:word")));
        assert_eq!(hub.serveraddress.as_deref(), Some("https://index.docker.io/v1/"));
        assert!(credentials.of("ghcr.io").await.credentials.is_none());
        assert_eq!(credentials.all().await.unwrap().len(), 2);
        assert!(Credentials::read("not json").all().await.is_none());
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let config =
            r#"{"credHelpers": {"there.test": "topo-none-such"}, "auths": {"there.test": {"auth": "YTpi"}}}"#;
        let login = Credentials::read(config).of("there.test").await;
        let trouble = login.trouble.unwrap();
        assert_eq!(trouble, "docker-credential-topo-none-such, which keeps the logins, is not installed");
        // What the file itself has is better than nothing.
        assert_eq!(login.credentials.unwrap().username.as_deref(), Some("a"));
        assert!(Credentials::read(config).of("elsewhere.test").await.trouble.is_none());
    }

    #[test]
    fn a_token_is_no_password() {
        let kept = |text| serde_json::from_str::<Kept>(text).unwrap().login("there.test");
        let token = kept(r#"{"ServerURL": "there.test", "Username": "<token>", "Secret": "t"}"#);
        assert_eq!((token.username, token.identitytoken.as_deref()), (None, Some("t")));
        let login = kept(r#"{"ServerURL": "there.test", "Username": "me", "Secret": "s"}"#);
        assert_eq!((login.username.as_deref(), login.password.as_deref()), (Some("me"), Some("s")));
        assert!(
            !encoded(&DockerCredentials { password: Some("~~~???>>>".into()), ..login }).contains(['+', '/'])
        );
    }
}
