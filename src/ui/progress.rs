//! How a plan goes, as it goes: moving lines on a terminal, one line for each thing done elsewhere.
//!
//! One consumer of the events owns all of it, so nothing is printed from two places.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize as _;
use tokio::sync::mpsc::UnboundedReceiver;
use topo::engine::Event;
use topo::plan::{Condition, Op, Plan, StepId, Subject};

use super::{Style, Ui};

/// Shows the events of one plan.
pub(crate) struct Progress<'a> {
    ui: Ui,
    plan: &'a Plan,
    /// A line for each subject that something is being done to; none without a terminal.
    lines: Option<(MultiProgress, HashMap<&'a Subject, ProgressBar>)>,
    /// What was last said of a wait, so that it is said once.
    said: HashMap<StepId, String>,
    /// The steps that are over.
    over: HashSet<StepId>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(ui: Ui, plan: &'a Plan) -> Self {
        let lines = (ui.style == Style::Tty).then(|| {
            (MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15)), HashMap::new())
        });
        Self { ui, plan, lines, said: HashMap::new(), over: HashSet::new() }
    }

    /// Shows all events until the last one is sent.
    pub(crate) async fn show(mut self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            if let Event::Progress { step, .. } = &event
                && self.leaves_out(&self.plan.steps[*step].op)
            {
                continue;
            }
            match self.ui.style {
                Style::Quiet => {}
                Style::Json => self.ui.say(&self.json(&event).to_string()),
                Style::Auto | Style::Tty | Style::Plain => self.one(&event),
            }
        }
    }

    /// Whether the progress of a step is not to be shown.
    fn leaves_out(&self, op: &Op) -> bool {
        match op {
            Op::PullImage { .. } => self.ui.quiet_pull,
            Op::BuildImage(_) => self.ui.quiet_build,
            _ => false,
        }
    }

    fn one(&mut self, event: &Event) {
        match event {
            Event::Started { step } => {
                let step = &self.plan.steps[*step];
                self.update(&step.subject, &doing(&step.op));
            }
            Event::Progress { step, progress } => {
                let subject = &self.plan.steps[*step].subject;
                let share = match (progress.current, progress.total) {
                    (Some(current), Some(total)) if total > 0 => {
                        format!(" {}%", current.min(total) * 100 / total)
                    }
                    _ => String::new(),
                };
                let text = format!("{}{share} {}", doing(&self.plan.steps[*step].op), progress.text.trim());
                self.update(subject, &text);
            }
            Event::Waiting { step, detail } => {
                if self.said.insert(*step, detail.clone()).as_ref() == Some(detail) {
                    return;
                }
                let step = &self.plan.steps[*step];
                let text = format!("{}: {detail}", doing(&step.op));
                self.update(&step.subject, &text);
                if self.lines.is_none() {
                    self.print("…", &step.subject, &text, None);
                }
            }
            Event::Finished { step: id, took } => {
                self.over.insert(*id);
                let step = &self.plan.steps[*id];
                match done(&step.op) {
                    Some(word) => self.print("✔", &step.subject, word, Some(*took)),
                    None => self.clear(&step.subject),
                }
                if let Some(text) = self.awaits(&step.subject) {
                    self.update(&step.subject, &text);
                }
            }
            Event::Failed { step, took, .. } => {
                let step = &self.plan.steps[*step];
                self.print("✘", &step.subject, &failed(&step.op), Some(*took));
            }
            Event::Tolerated { step, took, .. } => {
                let step = &self.plan.steps[*step];
                self.print("!", &step.subject, &failed(&step.op), Some(*took));
            }
            Event::Skipped { step } => self.clear(&self.plan.steps[*step].subject),
        }
    }

    /// Says what the next step of a subject waits for, if that is another container.
    fn awaits(&self, subject: &Subject) -> Option<String> {
        let mut steps = self.plan.steps.iter().enumerate();
        let (_, next) = steps.find(|(id, step)| step.subject == *subject && !self.over.contains(id))?;
        let waits = next.after.iter().filter(|id| !self.over.contains(id));
        let waits: Vec<String> = waits
            .filter_map(|id| match &self.plan.steps[*id].op {
                Op::Await { container, condition, .. } => Some(format!("{container} is {condition}")),
                _ => None,
            })
            .collect();
        (!waits.is_empty()).then(|| format!("waits until {}", waits.join(" and ")))
    }

    /// Sets the moving line of a subject.
    fn update(&mut self, subject: &'a Subject, text: &str) {
        let Some((all, lines)) = &mut self.lines else { return };
        let line = lines.entry(subject).or_insert_with(|| {
            let line = all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed:>4}");
            line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            line.set_prefix(subject.to_string());
            line.enable_steady_tick(Duration::from_millis(120));
            line
        });
        line.set_message(text.lines().last().unwrap_or("").to_owned());
    }

    fn clear(&mut self, subject: &'a Subject) {
        if let Some((_, lines)) = &mut self.lines
            && let Some(line) = lines.remove(subject)
        {
            line.finish_and_clear();
        }
    }

    /// Prints a line that stays.
    fn print(&mut self, mark: &str, subject: &'a Subject, text: &str, took: Option<Duration>) {
        self.clear(subject);
        let mark = self.ui.paint_stderr(mark, |mark| match mark {
            "✔" => mark.green().to_string(),
            "✘" => mark.red().to_string(),
            _ => mark.yellow().to_string(),
        });
        let took = took.map_or(String::new(), |took| format!(" {:.1}s", took.as_secs_f64()));
        let took = self.ui.paint_stderr(&took, |took| took.dimmed().to_string());
        let line = format!("{mark} {subject} {text}{took}");
        match &self.lines {
            Some((all, _)) => {
                // Nobody is left to tell if the terminal is gone.
                let _ = all.println(line);
            }
            None => self.ui.say(&line),
        }
    }

    fn json(&self, event: &Event) -> serde_json::Value {
        let (kind, step, detail) = match event {
            Event::Started { step } => ("started", step, None),
            Event::Progress { step, progress } => ("progress", step, Some(progress.text.clone())),
            Event::Waiting { step, detail } => ("waiting", step, Some(detail.clone())),
            Event::Finished { step, .. } => ("finished", step, None),
            Event::Failed { step, error, .. } => ("failed", step, Some(error.to_string())),
            Event::Tolerated { step, error, .. } => ("tolerated", step, Some(error.to_string())),
            Event::Skipped { step } => ("skipped", step, None),
        };
        let about = &self.plan.steps[*step];
        serde_json::json!({
            "event": kind,
            "step": step,
            "verb": about.op.verb(),
            "subject": about.subject,
            "cause": about.cause,
            "detail": detail,
        })
    }
}

/// What is being done, as a participle.
fn doing(op: &Op) -> String {
    match op {
        Op::PullImage { .. } => "pulling".to_owned(),
        Op::BuildImage(_) => "building".to_owned(),
        Op::CreateNetwork(_) | Op::CreateVolume(_) | Op::CreateContainer(_) => "creating".to_owned(),
        Op::RemoveNetwork { .. } | Op::RemoveVolume { .. } | Op::RemoveContainer { .. } => {
            "removing".to_owned()
        }
        Op::ConnectNetwork { network, .. } => format!("joining {network}"),
        Op::DisconnectNetwork { network, .. } => format!("leaving {network}"),
        Op::CopyFiles { .. } => "copying files".to_owned(),
        Op::Start { .. } => "starting".to_owned(),
        Op::Stop { .. } => "stopping".to_owned(),
        Op::Rename { .. } => "renaming".to_owned(),
        Op::RunInside { .. } => "running a hook".to_owned(),
        Op::Await { condition, .. } => format!("waiting until {condition}"),
    }
}

/// What was not done.
fn failed(op: &Op) -> String {
    match op {
        Op::Await { condition, .. } => format!("is not {condition}"),
        op => format!("failed to {}", op.verb()),
    }
}

/// What was done, where it is worth a line.
fn done(op: &Op) -> Option<&'static str> {
    Some(match op {
        Op::PullImage { .. } => "pulled",
        Op::BuildImage(_) => "built",
        Op::CreateNetwork(_) | Op::CreateVolume(_) | Op::CreateContainer(_) => "created",
        Op::RemoveNetwork { .. } | Op::RemoveVolume { .. } | Op::RemoveContainer { .. } => "removed",
        Op::Start { .. } => "started",
        Op::Stop { .. } => "stopped",
        Op::Await { condition: Condition::Started | Condition::Settled(_), .. } => "running",
        Op::Await { condition: Condition::Healthy, .. } => "healthy",
        Op::Await { condition: Condition::CompletedSuccessfully, .. } => "completed",
        Op::ConnectNetwork { .. }
        | Op::DisconnectNetwork { .. }
        | Op::CopyFiles { .. }
        | Op::RunInside { .. }
        | Op::Rename { .. } => {
            return None;
        }
    })
}
