//! Plans as text that people read, and the colours of listings.

use std::collections::BTreeMap;

use owo_colors::OwoColorize as _;
use topo::listing::Row;
use topo::observed::{Container, Health, State};
use topo::plan::{Op, Plan, Subject};
use topo::topology::render::LiveState;

use super::Ui;

/// Colours the status in a container's row, if standard output takes colour.
pub(crate) fn paint_status(ui: Ui, container: &Container, row: &mut Row) {
    let painted = ui.paint_stdout(&container.status, |status| match (container.state, container.health) {
        (State::Running, Some(Health::Unhealthy)) | (State::Dead(_), _) => status.red().to_string(),
        (State::Running, Some(Health::Starting)) | (State::Restarting | State::Paused, _) => {
            status.yellow().to_string()
        }
        (State::Running, _) => status.green().to_string(),
        _ => status.to_owned(),
    });
    row.fields.insert("Status", painted.into());
}

/// Colours what containers do, if standard output takes colour.
pub(crate) fn paint_live(ui: Ui, state: LiveState, text: &str) -> String {
    ui.paint_stdout(text, |text| match state {
        LiveState::Healthy | LiveState::Running => text.green().to_string(),
        LiveState::Done | LiveState::Idle => text.dimmed().to_string(),
        LiveState::Starting => text.yellow().to_string(),
        LiveState::Absent | LiveState::Failed => text.red().to_string(),
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
            matches!(
                op,
                Op::RemoveContainer { .. }
                    | Op::RemoveNetwork { .. }
                    | Op::RemoveVolume { .. }
                    | Op::RemoveImage { .. }
            )
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
