//! Room 9: what people and programs look at: rows of what the engine has, written in docker compose's forms.
//!
//! Each file makes the [`Row`]s or the text of one command out of observed data; [`Format`] writes rows as a table,
//! as JSON, or by a Go template. Nothing here asks the engine.

pub mod containers;
pub mod history;
pub mod images;
pub mod live;
pub mod networks;
pub mod port;
pub mod processes;
pub mod projects;
pub mod usage;
pub mod volumes;

mod format;
mod ports;
mod template;
pub mod time;
mod units;

use std::collections::BTreeMap;

use serde_json::Value;

pub use format::{Format, Layout, align};

/// A field of a row and the header of its column.
pub type Column = (&'static str, &'static str);

/// One thing in a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its fields, by name.
    pub fields: BTreeMap<&'static str, Value>,
    /// Its labels, for `.Label "key"`.
    pub labels: BTreeMap<String, String>,
}

/// Returns labels as docker lists them.
fn joined(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod sample {
    //! A container for tests.

    use crate::engine::look::{Listed, Mounted};
    use crate::observed::{Container, PublishedPort, State};
    use crate::plan::labels;

    /// Returns the first container of a service of project `app`, which runs.
    pub(super) fn listed(service: &str) -> Listed {
        let label = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let own = [
            (labels::PROJECT, "app"),
            (labels::SERVICE, service),
            (labels::CONTAINER_NUMBER, "1"),
            (labels::CONFIG_FILES, "/app/compose.yaml"),
        ];
        let port = |address: &str| PublishedPort {
            container: 80,
            protocol: "tcp".to_owned(),
            host: Some((address.to_owned(), 8080)),
        };
        let name = format!("app-{service}-1");
        Listed {
            names: vec![name.clone(), format!("app-other-1/{service}")],
            mounts: vec![
                Mounted { name: "app_data".to_owned(), driver: "local".to_owned() },
                Mounted { name: "/srv/app/some/where".to_owned(), driver: String::new() },
            ],
            ports: vec![port("0.0.0.0"), port("::")],
            container: Container {
                id: "456f228f834dfb81".to_owned(),
                name,
                service: service.to_owned(),
                number: 1,
                oneoff: false,
                config_hash: None,
                image: "sha256:77".to_owned(),
                state: State::Running,
                health: None,
                status: "Up 2 seconds".to_owned(),
                ports: Vec::new(),
                networks: vec![("app_default".to_owned(), "9c".to_owned())],
                mounts: Vec::new(),
                labels: own.map(label).into(),
                command: "sh -c 'echo \"hello\tworld\"'".to_owned(),
                image_name: "busybox".to_owned(),
                created: 1_795_557_422,
            },
        }
    }
}
