//! What `images` shows: the images that a project's containers were made from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::align;
use super::units::{human_duration, human_size, short};
use crate::engine::look::{ImageDetails, Listed};
use crate::engine::reference::Reference;

/// The image of a container, with docker compose's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its ID, `sha256:...`.
    #[serde(rename = "ID")]
    pub id: String,
    /// The container.
    #[serde(rename = "ContainerName")]
    pub container: String,
    /// Its name without a tag, as short as docker knows it; empty if it has none.
    #[serde(rename = "Repository")]
    pub repository: String,
    /// Its tag; empty if the container was made by digest or ID.
    #[serde(rename = "Tag")]
    pub tag: String,
    /// The system that it is for: `linux/arm64/v8`.
    #[serde(rename = "Platform")]
    pub platform: String,
    /// Its size in bytes.
    #[serde(rename = "Size")]
    pub size: i64,
    /// When it got its last name on this engine.
    #[serde(rename = "LastTagTime")]
    pub tagged: String,
}

/// What Go writes for a time that is not known.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// Returns the images of containers, of which `details` knows those that the engine has.
pub fn images(listed: &[Listed], details: &BTreeMap<String, ImageDetails>) -> Vec<Image> {
    let image = |one: &Listed| {
        let written = &one.container.image_name;
        let details = details.get(written)?;
        let (repository, tag) = name(written);
        let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        let parts = [or_unknown(&details.os), details.architecture.clone(), details.variant.clone()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Some(Image {
            id: details.id.clone(),
            container: one.container.name.clone(),
            repository,
            tag,
            platform: parts.join("/"),
            size: details.size,
            tagged: details.tagged.clone().unwrap_or_else(|| NO_TIME.to_owned()),
        })
    };
    listed.iter().filter_map(image).collect()
}

/// Returns repository and tag of a name as docker shortens it. A digest leaves no tag, an ID neither.
fn name(written: &str) -> (String, String) {
    if written.len() == 64 && written.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return (String::new(), String::new());
    }
    let reference = Reference::parse(written);
    let name = reference.name();
    let name = name.strip_prefix("docker.io/").unwrap_or(&name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    (name.to_owned(), reference.tag.filter(|_| reference.digest.is_none()).unwrap_or_default())
}

/// Returns the images as a table. `now` is in seconds since 1970.
pub fn table(images: &[Image], now: i64) -> String {
    let or_none = |text: &str| if text.is_empty() { "<none>".to_owned() } else { text.to_owned() };
    let row = |image: &Image| {
        let tagged = image.tagged.parse::<jiff::Timestamp>().ok().filter(|_| image.tagged != NO_TIME);
        let age = tagged.map(|time| format!("{} ago", human_duration(now - time.as_second())));
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let size = human_size(image.size as f64);
        let cells = [
            image.container.clone(),
            or_none(&image.repository),
            or_none(&image.tag),
            image.platform.clone(),
            short(&image.id).to_owned(),
            size,
            age.unwrap_or_else(|| "N/A".to_owned()),
        ];
        cells.join("\t") + "\n"
    };
    let rows: String = images.iter().map(row).collect();
    align(&format!("CONTAINER\tREPOSITORY\tTAG\tPLATFORM\tIMAGE ID\tSIZE\tCREATED\n{rows}"), 20, 3)
}

/// Returns the IDs of the images, each once, without their algorithm.
pub fn ids(images: &[Image]) -> Vec<&str> {
    let mut ids = Vec::new();
    for image in images {
        let id = image.id.split_once(':').map_or(image.id.as_str(), |(_, digits)| digits);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_as_short_as_docker_knows_them() {
        let id = "a".repeat(64);
        for (written, repository, tag) in [
            ("busybox", "busybox", "latest"),
            ("docker.io/grafana/loki:2", "grafana/loki", "2"),
            ("localhost:5000/app", "localhost:5000/app", "latest"),
            ("redis:7@sha256:1f", "redis", ""),
            ("sha256:77", "sha256", "77"),
            (id.as_str(), "", ""),
        ] {
            assert_eq!(name(written), (repository.to_owned(), tag.to_owned()), "{written}");
        }
    }
}
