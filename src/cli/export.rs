//! `topo export k8s`: Kubernetes manifests that behave as the compose file does. `topo export SERVICE` is in
//! [`super::export_container`].

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use topo::k8s::{Options, Published, Secrets, export};

use super::session::Index;
use super::{Context, Exit, Prepared, export_container};

/// Turn the project into manifests for another platform, or a container's files into a tar archive
///
/// A service that is called like a platform is meant after `--`.
///
/// Example: topo export k8s -o manifests, or topo export -o web.tar web
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "topo export k8s [OPTIONS] [SERVICE]...\n       topo export [OPTIONS] SERVICE"
)]
pub(crate) struct Export {
    #[command(subcommand)]
    target: Option<Target>,
    #[command(flatten)]
    index: Index,
    /// File to write the archive to; default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The service
    #[arg(value_name = "SERVICE", required = true)]
    service: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Target {
    K8s(K8s),
}

/// Kubernetes manifests that behave as the compose file does; what they cannot keep is said
///
/// Names, isolation between networks, health and published ports are kept, for Kubernetes 1.33 and later.
///
/// Example: topo export k8s | kubectl apply -f -
#[derive(Args, Debug)]
struct K8s {
    /// Directory to write one file for each object to; default: one stream to standard output
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Namespace; default: the project's name
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// How published ports are reached
    #[arg(long, value_enum, default_value_t)]
    published: PublishedBy,
    /// Where secrets come from: written into the manifests, or expected in the cluster
    #[arg(long, value_enum, default_value_t)]
    secrets: SecretsFrom,
    /// Size of the claim for each volume: compose files do not say it
    #[arg(long, value_name = "QUANTITY", default_value_t = Options::default().volume_size)]
    volume_size: String,
    /// Fail if anything is lost or only approximated
    #[arg(long)]
    strict: bool,
    /// Check that the manifests let through what the file does, pair by pair and name by name; fail if not
    #[arg(long)]
    verify: bool,
    /// Services to export, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PublishedBy {
    #[default]
    LoadBalancer,
    NodePort,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SecretsFrom {
    #[default]
    Manifest,
    External,
}

pub(crate) fn run(arguments: &Export, context: &Context) -> Exit {
    let arguments = match (&arguments.target, &arguments.service) {
        (Some(Target::K8s(arguments)), _) => arguments,
        (None, Some(service)) => {
            let output = arguments.output.as_deref().filter(|output| !output.as_os_str().is_empty());
            return export_container::run(service, arguments.index, output, context);
        }
        // clap asks for one of them.
        (None, None) => return Exit::Failure,
    };
    let Some(mut prepared) = context.prepared(&arguments.services, true) else { return Exit::Failure };
    let Prepared { project, contents, loaded, .. } = &mut prepared;
    let options = Options {
        namespace: arguments.namespace.clone(),
        published: match arguments.published {
            PublishedBy::LoadBalancer => Published::LoadBalancer,
            PublishedBy::NodePort => Published::NodePort,
        },
        secrets: match arguments.secrets {
            SecretsFrom::Manifest => Secrets::Manifest,
            SecretsFrom::External => Secrets::External,
        },
        volume_size: arguments.volume_size.clone(),
    };
    let exported = export(project, contents, &options);
    // What was said when loading is not said again.
    loaded.diagnostics = topo::diagnostic::Diagnostics::default();
    let lossy = !exported.diagnostics.sorted().is_empty();
    exported.diagnostics.sorted().into_iter().for_each(|one| loaded.diagnostics.push(one.clone()));
    context.say(loaded);
    if lossy && arguments.strict {
        context
            .ui
            .error("something is lost or only approximated, and `--strict` was given: nothing is written");
        return Exit::Failure;
    }
    if arguments.verify && !super::verify::is_verified(project, &exported, loaded, context) {
        return Exit::Failure;
    }
    let written = match &arguments.output {
        None => exported.to_stream().map(|text| context.ui.data(&text)).map_err(|error| error.to_string()),
        Some(directory) => exported
            .to_files()
            .map_err(|error| error.to_string())
            .and_then(|files| {
                // Other files in the directory are left alone.
                files.iter().try_for_each(|(name, text)| {
                    let path = directory.join(name);
                    let written = context.world.write(&path, text);
                    written.map_err(|error| format!("{}: {error}", path.display()))
                })
            })
            .map(|()| context.ui.say(&format!("{}: {} files", directory.display(), exported.objects.len()))),
    };
    match written {
        Ok(()) => Exit::Success,
        Err(error) => {
            context.ui.error(&format!("the manifests cannot be written: {error}"));
            Exit::Failure
        }
    }
}
