//! What the config hash is taken over: the JSON that docker compose makes of a service, network or volume.
//!
//! It must be the same to the byte, so that docker compose and topo take each other's containers for their own.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use sha2::{Digest, Sha256};

use crate::model::network::Network;
use crate::model::service::Service;
use crate::model::storage::Volume;

/// Returns the JSON whose SHA-256 is the config hash of a service's containers.
///
/// A service that shares a namespace or volumes with another one is hashed with the ID of that one's first
/// container: `container` gives the ID for a service's name. `None` leaves the references as they are written,
/// as `config --hash` does.
pub fn service_hash_input(service: &Service, container: Option<&dyn Fn(&str) -> String>) -> String {
    // What says how the image is made or how many containers there are does not change a container.
    let mut hashed = Service {
        build: None,
        pull_policy: None,
        scale: None,
        depends_on: crate::model::lifecycle::DependsOn::default(),
        profiles: crate::model::values::UniqueList::default(),
        ..service.clone()
    };
    if let Some(deploy) = &mut hashed.deploy {
        deploy.replicas = None;
    }
    if let Some(container) = container {
        for mode in [&mut hashed.network_mode, &mut hashed.ipc, &mut hashed.pid].into_iter().flatten() {
            if let Some(name) = mode.strip_prefix("service:") {
                *mode = format!("container:{}", container(name));
            }
        }
        for from in &mut hashed.volumes_from.0 {
            let mut parts = from.split(':');
            *from = match (parts.next(), parts.next()) {
                (Some("container"), Some(name)) => name.to_owned(),
                (name, _) => container(name.unwrap_or_default()),
            };
        }
    }
    go_json(&hashed)
}

/// Returns the JSON whose SHA-256 is the config hash of a network.
pub fn network_hash_input(network: &Network) -> String {
    go_json(network)
}

/// Returns the JSON whose SHA-256 is the config hash of a volume.
pub fn volume_hash_input(volume: &Volume) -> String {
    let driver = volume.driver.clone().or_else(|| Some("local".to_owned()));
    go_json(&Volume { driver, ..volume.clone() })
}

/// Returns SHA-256 in hexadecimal.
pub fn digest(input: impl AsRef<[u8]>) -> String {
    Sha256::digest(input).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn go_json(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, GoFormatter);
    // The model has text keys only, and memory takes all bytes: neither can fail.
    value.serialize(&mut serializer).expect("the model can be written as JSON");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Writes compact JSON as Go's `encoding/json` does.
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        write_float(writer, f64::from(value), &value.to_string(), &format!("{value:e}"))
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write_float(writer, value, &value.to_string(), &format!("{value:e}"))
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let is_escaped = |one: char| matches!(one, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        let mut rest = fragment;
        while let Some(at) = rest.find(is_escaped) {
            let (before, tail) = rest.split_at(at);
            let one = tail.chars().next().unwrap_or_default();
            write!(writer, "{before}\\u{:04x}", u32::from(one))?;
            rest = &tail[one.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

fn write_float<W: ?Sized + io::Write>(
    writer: &mut W,
    value: f64,
    plain: &str,
    scientific: &str,
) -> io::Result<()> {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return writer.write_all(plain.as_bytes());
    }
    let text = match scientific.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => scientific.to_owned(),
    };
    writer.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_in_go() {
        let value = serde_json::json!({"a": "<b> & \u{2028}\n\u{1}é", "f": [1.0, 0.5, 1e21, 1e-7, 1e20]});
        let expected =
            r#"{"a":"\u003cb\u003e \u0026 \u2028\n\u0001é","f":[1,0.5,1e+21,1e-7,100000000000000000000]}"#;
        assert_eq!(go_json(&value), expected);
    }

    #[test]
    fn a_hash_does_not_depend_on_what_leaves_the_container_as_it_is() {
        let service = Service { image: Some("nginx".to_owned()), ..Service::default() };
        let expected = r#"{"command":null,"entrypoint":null,"image":"nginx"}"#;
        assert_eq!(service_hash_input(&service, None), expected);
        assert_eq!(service_hash_input(&Service { scale: Some(3), ..service }, None), expected);
    }

    #[test]
    fn shared_namespaces_are_hashed_by_container() {
        let service = Service {
            network_mode: Some("service:vpn".to_owned()),
            volumes_from: crate::model::values::UniqueList(vec!["db:ro".into(), "container:old:ro".into()]),
            ..Service::default()
        };
        let expected = r#"{"command":null,"entrypoint":null,"network_mode":"container:<vpn>","volumes_from":["<db>","old"]}"#;
        let container = |name: &str| format!("<{name}>");
        let expected = expected.replace('<', "\\u003c").replace('>', "\\u003e");
        assert_eq!(service_hash_input(&service, Some(&container)), expected);
    }
}
