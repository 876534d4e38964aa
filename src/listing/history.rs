//! What `events` prints: a line for each thing that happened.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::template::escaped;
use crate::engine::look::Occurrence;
use crate::plan::labels;

/// What labels of docker compose's own begin with: they are not told.
const OWN: &str = "com.docker.compose.";

/// Returns whether something happened to a container of these services; all if there are none. One-offs do not count.
pub fn concerns(occurrence: &Occurrence, services: &[String]) -> bool {
    let service = occurrence.attributes.get(labels::SERVICE);
    let is_oneoff = occurrence.attributes.get(labels::ONEOFF).is_some_and(|text| text == "True");
    !is_oneoff && (services.is_empty() || service.is_some_and(|service| services.contains(service)))
}

/// Returns a line for people: `2026-11-24 21:57:02.127867 container create 2077d98dec7a (image=busybox)`.
pub fn line(occurrence: &Occurrence, zone: &TimeZone) -> String {
    let time = moment(occurrence).to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let attributes: Vec<String> =
        told(occurrence).iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{time} container {} {} ({})\n", occurrence.action, occurrence.id, attributes.join(", "))
}

/// Returns a line for programs: a JSON object with docker compose's keys.
pub fn json_line(occurrence: &Occurrence, zone: &TimeZone) -> String {
    let time = moment(occurrence).to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string();
    let time = time.strip_suffix("+00:00").map_or_else(|| time.clone(), |time| format!("{time}Z"));
    let object = json!({
        "action": occurrence.action,
        "attributes": told(occurrence),
        "id": occurrence.id,
        "service": occurrence.attributes.get(labels::SERVICE).map_or("", String::as_str),
        "time": time,
        "type": "container",
    });
    escaped(&object.to_string()) + "\n"
}

fn moment(occurrence: &Occurrence) -> Timestamp {
    Timestamp::from_nanosecond(occurrence.time.into()).unwrap_or_default()
}

fn told(occurrence: &Occurrence) -> BTreeMap<&str, &str> {
    let all = occurrence.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    all.filter(|(key, _)| !key.starts_with(OWN)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_docker_composes() {
        let attributes = [
            ("com.docker.compose.service", "web"),
            ("com.docker.compose.oneoff", "False"),
            ("image", "busybox"),
            ("a.b", "x<y>&z"),
        ];
        let occurrence = Occurrence {
            time: 1_795_557_422_130_504_500,
            action: "create".to_owned(),
            id: "456f".to_owned(),
            attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        assert_eq!(
            line(&occurrence, &TimeZone::UTC),
            "2026-11-24 21:57:02.130504 container create 456f (a.b=x<y>&z, image=busybox)\n"
        );
        let start = r#"{"action":"create","attributes":{"a.b":"x\u003cy\u003e\u0026z","image":"busybox"},"#;
        let end = r#""id":"456f","service":"web","time":"2026-11-24T21:57:02.1305045Z","type":"container"}"#;
        assert_eq!(json_line(&occurrence, &TimeZone::UTC), format!("{start}{end}\n"));
        let east = TimeZone::fixed(jiff::tz::offset(1));
        assert!(json_line(&occurrence, &east).contains("\"2026-11-24T22:57:02.1305045+01:00\""));
        assert!(concerns(&occurrence, &[]) && concerns(&occurrence, &["web".to_owned()]));
        assert!(!concerns(&occurrence, &["db".to_owned()]));
    }
}
