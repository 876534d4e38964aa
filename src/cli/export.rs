//! `topo export k8s`: Kubernetes manifests that behave as the compose file does. `topo export SERVICE` is in
//! [`super::export_container`].

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use topo::k8s::{Binds, Export as Exported, MeshKind, Options, Published, Secrets, export};
use topo::model::x_topo::{Quantity, WaitFor};
use topo::source::SourceMap;

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
    /// Namespace; default: that of the file's `x-topo`, else the project's name
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// How published ports are reached
    #[arg(long, value_enum, default_value_t)]
    published: PublishedBy,
    /// Where secrets come from: expected in the cluster, written into the manifests for everybody to read, or sealed
    /// with kubeseal
    #[arg(long, value_enum, default_value_t)]
    secrets: SecretsFrom,
    /// Size of the claim for each volume: compose files do not say it
    #[arg(long, value_name = "QUANTITY", value_parser = quantity, default_value_t = Options::default().volume_size)]
    volume_size: String,
    /// Whether pods wait for those that they depend on
    #[arg(long, value_enum, default_value_t)]
    wait_for: WaitBy,
    /// What becomes of directories of this machine: left out with a warning, or those of the nodes
    #[arg(long, value_enum, default_value_t)]
    binds: BindsAs,
    /// Service mesh of the cluster, for what `x-topo` says of requests
    #[arg(long, value_enum)]
    mesh: Option<MeshOf>,
    /// File to write what is lost or approximated to, as JSON; `-` for standard output, in place of manifests that
    /// would go there
    #[arg(long, value_name = "FILE")]
    loss: Option<PathBuf>,
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
    External,
    Manifest,
    SealedPlaceholder,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum WaitBy {
    #[default]
    None,
    Init,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum BindsAs {
    #[default]
    Report,
    HostPath,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MeshOf {
    Istio,
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
    let options = arguments.options();
    let exported = export(project, contents, &options);
    // What was said when loading is not said again.
    loaded.diagnostics = topo::diagnostic::Diagnostics::default();
    exported.losses.iter().for_each(|loss| loaded.diagnostics.push(loss.diagnostic.clone()));
    context.say(loaded);
    exported.notes.iter().for_each(|note| context.ui.say(&format!("note: {note}")));
    let is_reported = match &arguments.loss {
        None => Ok(()),
        Some(file) => write_report(&exported, &loaded.sources, file, context),
    };
    if !exported.losses.is_empty() && arguments.strict {
        context
            .ui
            .error("something is lost or only approximated, and `--strict` was given: nothing is written");
        return Exit::Failure;
    }
    if arguments.verify && !super::verify::is_verified(project, &exported, loaded, context) {
        return Exit::Failure;
    }
    let is_taken = arguments.loss.as_deref() == Some(Path::new("-"));
    let written = is_reported.and_then(|()| match &arguments.output {
        None if is_taken => Ok(()),
        None => exported.to_stream().map(|text| context.ui.data(&text)).map_err(|error| error.to_string()),
        Some(directory) => write_files(&exported, directory, context),
    });
    match written {
        Ok(()) => Exit::Success,
        Err(error) => {
            context.ui.error(&format!("the manifests cannot be written: {error}"));
            Exit::Failure
        }
    }
}

fn quantity(text: &str) -> Result<String, String> {
    let is_one = Quantity::is_one(text);
    is_one.then(|| text.to_owned()).ok_or_else(|| "write a quantity such as 10Gi".to_owned())
}

impl K8s {
    fn options(&self) -> Options {
        Options {
            namespace: self.namespace.clone(),
            published: match self.published {
                PublishedBy::LoadBalancer => Published::LoadBalancer,
                PublishedBy::NodePort => Published::NodePort,
            },
            secrets: match self.secrets {
                SecretsFrom::External => Secrets::External,
                SecretsFrom::Manifest => Secrets::Manifest,
                SecretsFrom::SealedPlaceholder => Secrets::SealedPlaceholder,
            },
            volume_size: self.volume_size.clone(),
            wait_for: match self.wait_for {
                WaitBy::None => WaitFor::None,
                WaitBy::Init => WaitFor::Init,
            },
            binds: match self.binds {
                BindsAs::Report => Binds::Report,
                BindsAs::HostPath => Binds::HostPath,
            },
            mesh: self.mesh.map(|MeshOf::Istio| MeshKind::Istio),
        }
    }
}

/// Writes one file for each object. Other files in the directory are left alone.
fn write_files(exported: &Exported, directory: &Path, context: &Context) -> Result<(), String> {
    for (name, text) in exported.to_files().map_err(|error| error.to_string())? {
        let path = directory.join(name);
        context.world.write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    context.ui.say(&format!("{}: {} files", directory.display(), exported.objects.len()));
    Ok(())
}

/// Writes what is lost or approximated, as JSON.
fn write_report(
    exported: &Exported,
    sources: &SourceMap,
    file: &Path,
    context: &Context,
) -> Result<(), String> {
    let losses: Vec<_> = exported.losses.iter().map(|loss| loss.to_json(sources)).collect();
    let text = serde_json::to_string_pretty(&losses).map_err(|error| error.to_string())? + "\n";
    if file == Path::new("-") {
        context.ui.data(&text);
        return Ok(());
    }
    context.world.write(file, &text).map_err(|error| format!("{}: {error}", file.display()))
}
