//! The rows of `volumes`.

use super::{Layout, Row, joined};
use crate::engine::look::VolumeDetails;

/// How volumes are written.
pub const LAYOUT: Layout = Layout {
    table: "table {{.Driver}}\t{{.Name}}",
    narrow: None,
    raw: Some("name: {{.Name}}\ndriver: {{.Driver}}\n"),
    columns: &[
        ("Name", "VOLUME NAME"),
        ("Group", "GROUP"),
        ("Driver", "DRIVER"),
        ("Scope", "SCOPE"),
        ("Availability", "AVAILABILITY"),
        ("Mountpoint", "MOUNTPOINT"),
        ("Labels", "LABELS"),
        ("Links", "LINKS"),
        ("Size", "SIZE"),
        ("Status", "STATUS"),
    ],
};

/// Returns the row of a volume. What only a Swarm's own volumes have is not there, nor what engines do not list.
pub fn row(details: &VolumeDetails) -> Row {
    let volume = &details.volume;
    let absent = || "N/A".into();
    let fields = [
        ("Availability", absent()),
        ("Driver", volume.driver.as_str().into()),
        ("Group", absent()),
        ("Labels", joined(&volume.labels).into()),
        ("Links", absent()),
        ("Mountpoint", details.mountpoint.as_str().into()),
        ("Name", volume.name.as_str().into()),
        ("Scope", details.scope.as_str().into()),
        ("Size", absent()),
        ("Status", absent()),
    ];
    Row { fields: fields.into_iter().collect(), labels: volume.labels.clone() }
}
