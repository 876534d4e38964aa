//! topo as a plugin of the docker client: `docker topo up`.
//!
//! The client finds `docker-topo` among its plugins, asks it for its [metadata], and runs it with the words of the
//! command line, its own global options first.
//!
//! [metadata]: https://github.com/docker/cli/blob/master/cli-plugins/metadata/metadata.go

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

/// The name of the program as a plugin.
const PROGRAM: &str = "docker-topo";

/// What the client asks a plugin before it uses it.
const METADATA: &str = "docker-cli-plugin-metadata";

/// What was asked of the program.
pub(crate) enum Asked {
    /// What the plugin is.
    Metadata(String),
    /// A command, by these words.
    Command(Vec<OsString>),
}

/// Takes the words that the docker client adds out of the command line.
pub(crate) fn asked(mut words: Vec<OsString>) -> Asked {
    if words.get(1).is_some_and(|word| word == METADATA) {
        let metadata = json!({
            "SchemaVersion": "0.1.0",
            "Vendor": "topo",
            "Version": concat!("v", env!("CARGO_PKG_VERSION")),
            "ShortDescription": "Compose topologies, with a plan before the act",
        });
        return Asked::Metadata(format!("{metadata:#}\n"));
    }
    let is_plugin =
        words.first().and_then(|program| Path::new(program).file_stem()) == Some(PROGRAM.as_ref());
    if is_plugin {
        // The client's own options come before the plugin's name, if there are any.
        let mut at = 1;
        while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
            let takes_value =
                matches!(word, "-c" | "--context" | "-H" | "--host" | "--config" | "-l" | "--log-level");
            if word == "topo" {
                words.remove(at);
                break;
            }
            if !word.starts_with('-') {
                break;
            }
            at += if takes_value { 2 } else { 1 };
        }
        words[0] = "docker topo".into();
    }
    Asked::Command(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Vec<String> {
        match asked(words.iter().map(OsString::from).collect()) {
            Asked::Command(words) => {
                words.into_iter().map(|word| word.into_string().unwrap_or_default()).collect()
            }
            Asked::Metadata(_) => vec!["metadata".to_owned()],
        }
    }

    #[test]
    fn the_name_that_the_client_adds_is_dropped() {
        assert_eq!(command(&["/p/docker-topo", "topo", "up", "-d"]), ["docker topo", "up", "-d"]);
        assert_eq!(
            command(&["docker-topo", "--context", "topo", "topo", "stop", "topo"]),
            ["docker topo", "--context", "topo", "stop", "topo"]
        );
        assert_eq!(command(&["docker-topo", "up", "topo"]), ["docker topo", "up", "topo"]);
        assert_eq!(command(&["topo", "up", "topo"]), ["topo", "up", "topo"]);
        assert_eq!(command(&["docker-topo", "docker-cli-plugin-metadata"]), ["metadata"]);
    }
}
