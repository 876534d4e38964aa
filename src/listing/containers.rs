//! The rows of `ps`, with the fields that docker compose gives a container.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::units::{ellipsis, human_duration, human_size, short};
use super::{Layout, Row, joined, ports};
use crate::engine::look::Listed;
use crate::observed::{Health, State};
use crate::plan::labels;

/// How containers are written.
pub const LAYOUT: Layout = Layout {
    table: "table {{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}",
    narrow: Some("{{.Name}}\t{{.Image}}\t{{.Service}}\t{{.Status}}\t{{.Ports}}"),
    raw: Some(
        "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n\
         state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n\
         labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n",
    ),
    columns: &[
        ("ID", "CONTAINER ID"),
        ("Name", "NAME"),
        ("Project", "PROJECT"),
        ("Service", "SERVICE"),
        ("Image", "IMAGE"),
        ("Command", "COMMAND"),
        ("CreatedAt", "CREATED AT"),
        ("RunningFor", "CREATED"),
        ("Ports", "PORTS"),
        ("State", "STATE"),
        ("Status", "STATUS"),
        ("Size", "SIZE"),
        ("Labels", "LABELS"),
    ],
};

/// What a row depends on besides the container.
#[derive(Clone, Debug)]
pub struct View {
    /// The engine's clock, in seconds since 1970.
    pub now: i64,
    /// The reader's time zone.
    pub zone: TimeZone,
    /// Whether long values stay whole.
    pub whole: bool,
}

/// Returns the row of a container.
pub fn row(listed: &Listed, view: &View) -> Row {
    let container = &listed.container;
    let cut = |text: &str, width: usize| if view.whole { text.to_owned() } else { ellipsis(text, width) };
    let names = match view.whole {
        true => listed.names.join(","),
        false => container.name.clone(),
    };
    let mounts: Vec<String> = listed.mounts.iter().map(|mount| cut(&mount.name, 15)).collect();
    let local = listed.mounts.iter().filter(|mount| mount.driver == "local").count();
    let networks: Vec<&str> = container.networks.iter().map(|(name, _)| name.as_str()).collect();
    let mut publishers: Vec<_> = listed.ports.iter().collect();
    publishers.sort_by_key(|port| port.container);
    let publishers: Vec<Value> = publishers
        .into_iter()
        .map(|port| {
            let (address, host) = port.host.clone().unwrap_or_default();
            json!({
                "URL": address, "TargetPort": port.container, "PublishedPort": host, "Protocol": port.protocol,
            })
        })
        .collect();
    let fields = [
        ("Command", quoted(&cut(&container.command, 20)).into()),
        ("CreatedAt", moment(container.created, &view.zone).into()),
        ("ExitCode", exit_code(container.state).into()),
        ("Health", health(container.state, container.health).into()),
        ("ID", if view.whole { container.id.as_str() } else { short(&container.id) }.into()),
        ("Image", container.image_name.as_str().into()),
        ("Labels", joined(&container.labels).into()),
        ("LocalVolumes", local.to_string().into()),
        ("Mounts", mounts.join(",").into()),
        ("Name", container.name.as_str().into()),
        ("Names", names.into()),
        ("Networks", networks.join(",").into()),
        ("Ports", ports::displayed(&listed.ports).into()),
        ("Project", container.labels.get(labels::PROJECT).map_or("", String::as_str).into()),
        ("Publishers", publishers.into()),
        ("RunningFor", format!("{} ago", human_duration(view.now - container.created)).into()),
        ("Service", container.service.as_str().into()),
        // docker compose never asks for sizes, which are slow to find out, and says this.
        ("Size", human_size(0.0).into()),
        ("State", state_name(container.state).into()),
        ("Status", container.status.as_str().into()),
    ];
    Row { fields: fields.into_iter().collect(), labels: container.labels.clone() }
}

/// Returns a state as the engine names it.
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running => "running",
        State::Paused => "paused",
        State::Restarting => "restarting",
        State::Exited(_) => "exited",
        State::Removing => "removing",
        State::Dead(_) => "dead",
    }
}

fn exit_code(state: State) -> i64 {
    match state {
        State::Exited(code) | State::Dead(code) => code.unwrap_or(0),
        _ => 0,
    }
}

/// Only what runs has a health.
fn health(state: State, health: Option<Health>) -> &'static str {
    match (state, health) {
        (State::Running, Some(Health::Starting)) => "starting",
        (State::Running, Some(Health::Healthy)) => "healthy",
        (State::Running, Some(Health::Unhealthy)) => "unhealthy",
        _ => "",
    }
}

/// Writes a time as Go does: `2026-11-24 21:57:02 +0000 UTC`.
fn moment(seconds: i64, zone: &TimeZone) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(zone.clone());
    time.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// Quotes a text as Go's `strconv.Quote` does.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for one in text.chars() {
        match one {
            '"' | '\\' => out.extend(['\\', one]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            one if one.is_control() && u32::from(one) < 0x80 => {
                out.push_str(&format!("\\x{:02x}", u32::from(one)));
            }
            one if one.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(one))),
            one => out.push(one),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::super::sample::listed;
    use super::*;

    #[test]
    fn long_values_are_cut_unless_they_are_to_stay_whole() {
        let mut one = listed("web");
        one.container.state = State::Exited(Some(3));
        // Engines go on to list the last health of what ended.
        one.container.health = Some(Health::Healthy);
        let view = View { now: 1_795_557_722, zone: TimeZone::UTC, whole: false };
        let whole = View { whole: true, ..view.clone() };
        let (cut, whole) = (row(&one, &view).fields, row(&one, &whole).fields);
        for (field, in_short, in_full) in [
            ("Command", r#""sh -c 'echo \"hello\t…""#, r#""sh -c 'echo \"hello\tworld\"'""#),
            ("ID", "456f228f834d", "456f228f834dfb81"),
            ("Mounts", "app_data,/srv/app/some/…", "app_data,/srv/app/some/where"),
            ("Names", "app-web-1", "app-web-1,app-other-1/web"),
            ("LocalVolumes", "1", "1"),
            ("CreatedAt", "2026-11-24 21:57:02 +0000 UTC", "2026-11-24 21:57:02 +0000 UTC"),
            ("RunningFor", "5 minutes ago", "5 minutes ago"),
            ("Ports", "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp", "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"),
            ("Health", "", ""),
        ] {
            assert_eq!((&cut[field], &whole[field]), (&in_short.into(), &in_full.into()), "{field}");
        }
        assert_eq!(cut["ExitCode"], 3);
        one.container.state = State::Dead(Some(4));
        let dead = row(&one, &view).fields;
        assert_eq!((&dead["ExitCode"], &dead["State"]), (&4.into(), &"dead".into()));
    }
}
