//! The proxies that docker's `config.json` has for containers and builds.
//! See <https://docs.docker.com/engine/cli/proxy/>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::connection::Connection;

/// How the variables are called in `config.json`.
const NAMES: [(&str, &str); 5] = [
    ("HTTP_PROXY", "httpProxy"),
    ("HTTPS_PROXY", "httpsProxy"),
    ("NO_PROXY", "noProxy"),
    ("FTP_PROXY", "ftpProxy"),
    ("ALL_PROXY", "allProxy"),
];

impl Connection {
    /// Returns the proxies for the engine that is meant, or else those for any engine, as variables. What cannot be
    /// understood counts as not written.
    pub fn proxies(&self) -> BTreeMap<String, String> {
        let config: Value = serde_json::from_str(&self.config_text()).unwrap_or_default();
        let of = |engine: &str| config["proxies"].get(engine);
        let engine = || Some(self.addresses().ok()?.first()?.to_string());
        let Some(chosen) = engine().and_then(|engine| of(&engine)).or_else(|| of("default")) else {
            return BTreeMap::new();
        };
        let given = |(name, key): (&str, &str)| {
            let value = chosen[key].as_str().filter(|value| !value.is_empty())?;
            Some((name.to_owned(), value.to_owned()))
        };
        NAMES.into_iter().filter_map(given).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_those_of_the_engine_or_else_of_any() {
        let directory = tempfile::tempdir().unwrap();
        let proxies = |host: &str, text: &str| {
            std::fs::write(directory.path().join("config.json"), text).unwrap();
            let config = Some(directory.path().to_owned());
            let connection = Connection { host: Some(host.to_owned()), config, ..Connection::default() };
            connection
                .proxies()
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        let text = r#"{"proxies": {"default": {"httpProxy": "http://any", "noProxy": "*.test", "ftpProxy": ""},
                                   "tcp://far:2375": {"allProxy": "socks5://far"}}}"#;
        assert_eq!(proxies("unix:///a.sock", text), ["HTTP_PROXY=http://any", "NO_PROXY=*.test"]);
        assert_eq!(proxies("tcp://far:2375", text), ["ALL_PROXY=socks5://far"]);
        assert_eq!(proxies("tcp://far:2375", "{}"), [""; 0]);
        assert_eq!(proxies("tcp://far:2375", "{"), [""; 0]);
    }
}
