//! `topo diagnose --k8s`: the same for a namespace of a cluster.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use topo::api_server::{ApiError, ApiServer, Seen};
use topo::manifests::live::{Finding, Live, diagnose, probe, text};

use super::diagnose::exit;
use super::up::interrupt;
use super::{Context, Exit};

/// Where to look, and how.
#[derive(Args, Debug)]
#[command(next_help_heading = "In a cluster")]
pub(crate) struct InCluster {
    /// Look at a namespace of a Kubernetes cluster, not at an engine; nothing is read but by the kubeconfig's user
    #[arg(long)]
    pub(crate) k8s: bool,
    /// The namespace [default: that of the kubeconfig's context]
    #[arg(short, long, value_name = "NAMESPACE", requires = "k8s")]
    namespace: Option<String>,
    /// The kubeconfig [default: KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "FILE", requires = "k8s")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "CONTEXT", requires = "k8s")]
    context: Option<String>,
    /// Ask from inside, by a short-lived pod that is always removed
    #[arg(long, requires = "k8s")]
    probe: bool,
    /// The image of that pod, which must have sh, nslookup and nc
    #[arg(long, value_name = "IMAGE", default_value = "busybox", requires = "probe")]
    probe_image: String,
}

/// What to print, and about what.
pub(crate) struct Wanted<'a> {
    /// Services and workloads; all if empty.
    pub(crate) about: &'a [String],
    pub(crate) as_json: bool,
    /// Whether what there is is left out.
    pub(crate) quiet: bool,
}

pub(crate) fn run(arguments: &InCluster, wanted: &Wanted<'_>, context: &Context) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            context.ui.error(&format!("failed to start the runtime: {error}"));
            return Exit::Failure;
        }
    };
    let ended = runtime.block_on(look(arguments, wanted, context));
    ended.unwrap_or_else(|ApiError { message, help }| {
        context.ui.error(&message);
        if !help.is_empty() {
            context.ui.help(help);
        }
        Exit::Failure
    })
}

async fn look(arguments: &InCluster, wanted: &Wanted<'_>, context: &Context) -> Result<Exit, ApiError> {
    let InCluster { k8s: _, namespace, kubeconfig, context: of_config, probe, probe_image } = arguments;
    let server = ApiServer::connect(kubeconfig.as_deref(), of_config.as_deref()).await?;
    let namespace = namespace.as_deref().unwrap_or(&server.namespace);
    let seen = tokio::select! {
        seen = server.look(namespace) => seen?,
        () = interrupt() => return Ok(Exit::Interrupted),
    };
    let live = read(namespace, &seen)?;
    let mut findings = diagnose(&live, wanted.about);
    if *probe {
        findings.extend(ask(&server, &seen, &live, (wanted.about, probe_image)).await?);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
    if wanted.as_json {
        let findings: Vec<_> = findings.iter().map(Finding::to_json).collect();
        let report = json!({"namespace": namespace, "findings": findings, "unseen": seen.hidden});
        context.ui.data(&format!("{report:#}\n"));
    } else {
        if !seen.hidden.is_empty() {
            let text = format!("not looked at, since the user may not list them: {}", seen.hidden.join(", "));
            context.ui.warning(&text);
        }
        if !wanted.quiet {
            context.ui.data(&format!("{}\n", text::services(&live, wanted.about)));
        }
        let texts: Vec<String> = findings.iter().map(text::finding).collect();
        let nothing = format!("nothing found wrong in namespace {namespace}\n");
        context.ui.data(&if texts.is_empty() { nothing } else { texts.join("\n") });
    }
    Ok(exit(findings.iter().map(|finding| finding.severity)))
}

fn read(namespace: &str, seen: &Seen) -> Result<Live, ApiError> {
    Live::read(namespace, &seen.objects, seen.secrets.clone()).map_err(|error| ApiError {
        message: format!("the API server's answer cannot be read: {error}"),
        help: "report this, with the object",
    })
}

/// Asks by a pod in the namespace.
async fn ask(
    server: &ApiServer,
    seen: &Seen,
    live: &Live,
    (about, image): (&[String], &str),
) -> Result<Vec<Finding>, ApiError> {
    let questions = probe::questions(live, about);
    let name = format!("topo-probe-{}", &super::run::slug()[..8]);
    let pod = probe::pod(live, &name, image, &questions);
    let (made, log) = server.run(&pod, interrupt()).await?;
    // Policies select it as they select any pod.
    let mut seen = seen.clone();
    seen.objects.push(made);
    Ok(probe::findings(&read(&live.namespace, &seen)?, &name, &questions, &log))
}
