//! What docker's `config.json` holds to log in to registries. Credential helpers are not asked yet.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;

/// User names and passwords by registry.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    by_registry: BTreeMap<String, DockerCredentials>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
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
            // An entry without either says only that a helper keeps them.
            (username.is_some() || entry.identitytoken.is_some()).then(|| {
                let credentials = DockerCredentials {
                    username,
                    password,
                    serveraddress: Some(registry.clone()),
                    identitytoken: entry.identitytoken,
                    ..DockerCredentials::default()
                };
                (host(&registry).to_owned(), credentials)
            })
        });
        Self { by_registry: by_registry.collect() }
    }

    /// Returns what to send along with a pull from `registry`.
    pub(super) fn of(&self, registry: &str) -> Option<DockerCredentials> {
        self.by_registry.get(registry).cloned()
    }

    /// Returns what to send along with a build, which may pull from anywhere.
    pub(super) fn all(&self) -> Option<HashMap<String, DockerCredentials>> {
        let all = self.by_registry.values();
        let all: HashMap<_, _> =
            all.filter_map(|one| Some((one.serveraddress.clone()?, one.clone()))).collect();
        (!all.is_empty()).then_some(all)
    }
}

fn decode(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Returns the host of a key such as `https://index.docker.io/v1/`, which stands for Docker Hub.
fn host(registry: &str) -> &str {
    let rest = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    match rest.split('/').next().unwrap_or(rest) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_by_registry() {
        let credentials = Credentials::read(
            r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cGFzczp3b3Jk"},
                "ghcr.io": {}, "localhost:5000": {"username": "u", "password": "p"}}}"#,
        );
        let hub = credentials.of("docker.io").unwrap();
        assert_eq!((hub.username.as_deref(), hub.password.as_deref()), (Some("me"), Some("pass:word")));
        assert_eq!(hub.serveraddress.as_deref(), Some("https://index.docker.io/v1/"));
        assert!(credentials.of("ghcr.io").is_none());
        assert_eq!(credentials.all().unwrap().len(), 2);
        assert!(Credentials::read("not json").all().is_none());
    }
}
