//! Containers and plans as text that people read, and containers as the JSON that docker compose prints.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};
use owo_colors::OwoColorize as _;
use serde_json::json;
use topo::observed::{Container, Health, PublishedPort, State};
use topo::plan::{Op, Plan, Subject};

use super::Ui;

/// The containers as a table, with the columns of docker compose.
pub(crate) fn container_table(ui: Ui, containers: &[Container]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    if ui.color_stdout {
        table.enforce_styling();
    }
    table.set_header(["NAME", "IMAGE", "SERVICE", "STATUS", "PORTS"]);
    for container in containers {
        let color = match (container.state, container.health) {
            (State::Running, Some(Health::Unhealthy)) | (State::Dead, _) => Some(Color::Red),
            (State::Running, Some(Health::Starting)) | (State::Restarting | State::Paused, _) => {
                Some(Color::Yellow)
            }
            (State::Running, _) => Some(Color::Green),
            _ => None,
        };
        let status = Cell::new(&container.status);
        let status = color.filter(|_| ui.color_stdout).into_iter().fold(status, Cell::fg);
        let ports = ports(&container.ports);
        let cells = [&container.name, &container.image_name, &container.service].map(Cell::new);
        table.add_row(cells.into_iter().chain([status, Cell::new(ports)]));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3)).set_cell_alignment(CellAlignment::Left);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Ports as docker shows them: `0.0.0.0:8080->80/tcp`, exposed ones as `80/tcp`.
fn ports(ports: &[PublishedPort]) -> String {
    let mut ports = ports.to_vec();
    ports.sort();
    ports.dedup();
    let one = |port: &PublishedPort| match &port.host {
        Some((address, host)) if address.contains(':') => {
            format!("[{address}]:{host}->{}/{}", port.container, port.protocol)
        }
        Some((address, host)) => format!("{address}:{host}->{}/{}", port.container, port.protocol),
        None => format!("{}/{}", port.container, port.protocol),
    };
    ports.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A container with the keys that `docker compose ps --format json` prints.
pub(crate) fn container_json(container: &Container) -> serde_json::Value {
    let (state, exit_code) = match container.state {
        State::Created => ("created", 0),
        State::Running => ("running", 0),
        State::Paused => ("paused", 0),
        State::Restarting => ("restarting", 0),
        State::Exited(code) => ("exited", code.unwrap_or(0)),
        State::Removing => ("removing", 0),
        State::Dead => ("dead", 0),
    };
    let health = container.health.map_or("", |health| match health {
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    });
    let publishers: Vec<_> = container
        .ports
        .iter()
        .map(|port| {
            let (address, host) = port.host.clone().unwrap_or_default();
            json!({ "URL": address, "TargetPort": port.container, "PublishedPort": host, "Protocol": port.protocol })
        })
        .collect();
    let networks: Vec<&str> = container.networks.iter().map(|(name, _)| name.as_str()).collect();
    let labels: Vec<String> = container.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let volumes: Vec<&str> = container.mounts.iter().map(|mount| mount.volume.as_str()).collect();
    json!({
        "Command": container.command,
        "CreatedAt": container.created,
        "ExitCode": exit_code,
        "Health": health,
        "ID": container.id.get(..12).unwrap_or(&container.id),
        "Image": container.image_name,
        "Labels": labels.join(","),
        "Mounts": volumes.join(","),
        "Name": container.name,
        "Names": container.name,
        "Networks": networks.join(","),
        "Ports": ports(&container.ports),
        "Project": container.labels.get("com.docker.compose.project"),
        "Publishers": publishers,
        "Service": container.service,
        "State": state,
        "Status": container.status,
    })
}

/// A plan for people: a line for each thing that changes, with the reason.
pub(crate) fn plan_text(ui: Ui, project: &str, plan: &Plan) -> String {
    let mut order: Vec<&Subject> = Vec::new();
    let mut steps: BTreeMap<&Subject, Vec<usize>> = BTreeMap::new();
    for (id, step) in plan.steps.iter().enumerate() {
        let of_subject = steps.entry(&step.subject).or_default();
        if of_subject.is_empty() {
            order.push(&step.subject);
        }
        of_subject.push(id);
    }
    let mut text = String::new();
    let width = order.iter().map(|subject| subject.to_string().len()).max().unwrap_or(0);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for subject in order {
        let ops = |wanted: fn(&Op) -> bool| steps[subject].iter().any(|id| wanted(&plan.steps[*id].op));
        let creates =
            ops(|op| matches!(op, Op::CreateContainer(_) | Op::CreateNetwork(_) | Op::CreateVolume(_)));
        let removes = ops(|op| {
            matches!(op, Op::RemoveContainer { .. } | Op::RemoveNetwork { .. } | Op::RemoveVolume { .. })
        });
        let created = steps[subject].iter().find_map(|id| match &plan.steps[*id].op {
            Op::CreateContainer(create) => Some(create.name.as_str()),
            _ => None,
        });
        // What goes when it has ended is made for this run only.
        let passes = steps[subject].iter().any(|id| match &plan.steps[*id].op {
            Op::RemoveContainer { container, .. } => Some(container.as_str()) == created,
            _ => false,
        });
        let (mark, what) = match (creates, removes) {
            _ if passes => (">", "run"),
            (true, true) => ("~", "replace"),
            (true, false) => ("+", "create"),
            (false, true) => ("-", "remove"),
            (false, false) => (">", plan.steps[steps[subject][0]].op.verb()),
        };
        let starts = ops(|op| matches!(op, Op::Start { .. })) && !matches!(what, "start" | "run");
        let first = &plan.steps[steps[subject][0]];
        let is_wait = steps[subject].iter().all(|id| matches!(plan.steps[*id].op, Op::Await { .. }));
        if !is_wait {
            *counts.entry(what).or_default() += 1;
        }
        let mark = ui.paint_stdout(if is_wait { "·" } else { mark }, |mark| match mark {
            "+" => mark.green().to_string(),
            "-" => mark.red().to_string(),
            "~" => mark.yellow().to_string(),
            other => other.to_owned(),
        });
        let starts = if starts { " and start" } else { "" };
        text.push_str(&format!("{mark} {:width$}  {what}{starts}: {}\n", subject.to_string(), first.cause));
        let waits: Vec<String> = steps[subject]
            .iter()
            .flat_map(|id| &plan.steps[*id].after)
            .filter_map(|id| match &plan.steps[*id].op {
                Op::Await { container, condition, .. } => Some(format!("{container} is {condition}")),
                _ => None,
            })
            .collect();
        if !waits.is_empty() && !is_wait {
            text.push_str(&format!("  {:width$}  once {}\n", "", waits.join(" and ")));
        }
    }
    for note in &plan.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    let total: Vec<String> = counts.iter().map(|(what, number)| format!("{number} to {what}")).collect();
    let total = if total.is_empty() { "nothing to do".to_owned() } else { total.join(", ") };
    format!("{text}{project}: {total}\n")
}
