//! `topo diagnose`: what is wrong with the network of a project that runs, why, and what mends it.

use clap::{Args, ValueEnum};
use topo::diagnose::matrix::Matrix;
use topo::diagnose::{Drift, diagnose, json, text};
use topo::diagnostic::Severity;
use topo::engine::docker::Docker;
use topo::engine::probing::Prober;
use topo::engine::survey::{Asked, survey};
use topo::engine::{Engine, EngineError};
use topo::observed::Observed;
use topo::plan::up::UpOptions;
use topo::plan::{Plan, Subject};

use super::diagnose_k8s::{self, InCluster, Wanted};
use super::up::interrupt;
use super::{Context, Exit, converge, program};

/// Say what is wrong with the network of a project that runs, why, and what mends it
///
/// It compares the file with the engine, and asks from inside the network of each container: what listens, what names
/// resolve to, who answers. For that it starts a short-lived container of its own beside each one, from an image that
/// holds topo alone; nothing is pulled, and nothing is put into the project's containers.
///
/// Exit codes: 0 nothing found, 1 errors, 3 warnings only.
///
/// With `--k8s` it looks at a namespace of a Kubernetes cluster in the same way, and reads only.
///
/// Example: topo diagnose web
#[derive(Args, Debug)]
pub(crate) struct Diagnose {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Start no probers: say only what the engine knows
    #[arg(long)]
    no_probe: bool,
    /// Say what is wrong, and not what there is
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    cluster: InCluster,
    /// Services to say something about; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// Warnings were found, and no error.
const WARNINGS: Exit = Exit::Code(3);

pub(crate) fn run(arguments: &Diagnose, context: &Context) -> Exit {
    if arguments.cluster.k8s {
        let wanted = Wanted {
            about: &arguments.services,
            as_json: arguments.format == Format::Json,
            quiet: arguments.quiet,
        };
        return diagnose_k8s::run(&arguments.cluster, &wanted, context);
    }
    let Some(mut prepared) = context.prepared(&[], true) else { return Exit::Failure };
    let unknown = arguments.services.iter().find(|name| !prepared.project.services.contains_key(*name));
    if let Some(name) = unknown {
        context.ui.error(&format!("there is no service `{name}` in project `{}`", prepared.project.name));
        let names = prepared.project.services.keys().map(String::as_str);
        topo::diagnostic::did_you_mean(name, names).iter().for_each(|help| context.ui.help(help));
        return Exit::Failure;
    }
    context.with_engine(async |engine| {
        let options = UpOptions { start: true, no_build: true, ..UpOptions::default() };
        let Some(planned) = converge::plan_up(&mut prepared, &options, &engine, context).await? else {
            return Ok(Exit::Failure);
        };
        let drift = drift(&planned.plan, &planned.observed);
        let (prober, mut unseen) = prober(arguments, &engine, context).await;
        let asked = Asked {
            project: &prepared.project,
            services: &arguments.services,
            observed: &planned.observed,
            drift: &drift,
        };
        let survey = tokio::select! {
            survey = survey(&engine, asked, prober.as_ref()) => survey?,
            () = interrupt() => return Ok(Exit::Interrupted),
        };
        unseen.extend(survey.unseen.iter().cloned());
        let input = survey.input(asked);
        let (matrix, findings) = (Matrix::of(&input), diagnose(&input));
        match arguments.format {
            Format::Json => {
                context.ui.data(&format!("{:#}\n", json::report(&input, &matrix, &findings, &unseen)));
            }
            Format::Text => {
                unseen.iter().for_each(|why| context.ui.warning(why));
                if !arguments.quiet {
                    context.ui.data(&format!("{}\n", text::containers(&input)));
                    if prober.is_some() {
                        let width = context.ui.width().unwrap_or(80);
                        context.ui.data(&format!("{}\n", text::matrix(&matrix, width)));
                    }
                }
                let texts: Vec<String> = findings.iter().map(text::finding).collect();
                let nothing = format!("nothing found wrong with project {}\n", prepared.project.name);
                context.ui.data(&if texts.is_empty() { nothing } else { texts.join("\n") });
            }
        }
        Ok(exit(findings.iter().map(|finding| finding.severity)))
    })
}

/// How a run ends that has found things of these severities.
pub(super) fn exit(found: impl Iterator<Item = Severity>) -> Exit {
    match found.max() {
        Some(Severity::Error) => Exit::Failure,
        Some(Severity::Warning) => WARNINGS,
        Some(Severity::Note) | None => Exit::Success,
    }
}

/// Gets the prober ready, or says why there is none.
async fn prober(arguments: &Diagnose, engine: &Docker, context: &Context) -> (Option<Prober>, Vec<String>) {
    if arguments.no_probe {
        return (None, Vec::new());
    }
    match context.prober(engine).await {
        Ok(prober) => (Some(prober), Vec::new()),
        Err(why) => (None, vec![format!("nothing is asked from inside the containers: {why}")]),
    }
}

/// What `up` would replace or remove.
fn drift(plan: &Plan, observed: &Observed) -> Vec<Drift> {
    let mut found: Vec<Drift> = Vec::new();
    for step in plan.steps.iter().filter(|step| step.op.verb() == "remove") {
        let (subject, service) = match &step.subject {
            Subject::Container(name) => {
                let there = observed.containers.iter().find(|container| container.name == *name);
                let Some(there) = there else { continue };
                (name, Some(there.service.clone()))
            }
            Subject::Network(name) => (name, None),
            Subject::Image(_) | Subject::Volume(_) => continue,
        };
        if !found.iter().any(|other| other.subject == *subject) {
            found.push(Drift { subject: subject.clone(), service, cause: step.cause.clone() });
        }
    }
    found
}

impl Context {
    /// Gets the prober ready at an engine, or says why that cannot be.
    pub(crate) async fn prober(&self, engine: &Docker) -> Result<Prober, String> {
        let machine = engine.machine().await.map_err(|error| format!("failed to {error}"))?;
        let program =
            program::own(self.world).map_err(|error| format!("cannot read topo itself: {error}"))?;
        if let Some(misfit) = program.misfit(&machine) {
            return Err(misfit);
        }
        let prepared: Result<Prober, EngineError> = Prober::prepare(engine, program).await;
        prepared.map_err(|error| format!("failed to {error}"))
    }
}
