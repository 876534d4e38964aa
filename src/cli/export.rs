//! `topo export k8s`: Kubernetes manifests that behave as the compose file does. `topo export SERVICE` is in
//! [`super::export_container`].

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use topo::k8s::forms::Form;
use topo::k8s::{Binds, Export as Exported, KubeVersion, MeshKind, Options, Published, Secrets, export};
use topo::model::x_topo::{Quantity, WaitFor};
use topo::project::read_binds;
use topo::source::SourceMap;

use super::session::Index;
use super::{Context, Exit, Prepared, export_container, export_files};

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
/// Names, isolation between networks, health and published ports are kept.
///
/// Example: topo export k8s | kubectl apply -f -, or topo export k8s --form helm -o chart
#[derive(Args, Debug)]
struct K8s {
    /// Directory to write files to; default: one stream to standard output
    #[arg(short, long, value_name = "DIR", group = "directory")]
    output: Option<PathBuf>,
    /// What files are written: one for each object, a kustomization with overlays, or a Helm chart
    #[arg(long, value_enum, default_value_t, requires = "directory")]
    form: FormOf,
    /// Show what an export to this directory would change, and write nothing; exit with 1 if anything, 2 on trouble
    #[arg(long, value_name = "DIR", group = "directory")]
    diff: Option<PathBuf>,
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
    /// What becomes of what services mount of this machine: files are ConfigMaps and directories left out with a warning, or
    /// all are those of the nodes
    #[arg(long, value_enum, default_value_t)]
    binds: BindsAs,
    /// Version of the cluster: what it lacks is left out or replaced, with a warning where that is a loss
    #[arg(long, value_name = "VERSION", default_value_t)]
    kube_version: KubeVersion,
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
enum FormOf {
    #[default]
    Files,
    Kustomize,
    Helm,
}

impl From<FormOf> for Form {
    fn from(form: FormOf) -> Self {
        match form {
            FormOf::Files => Self::Files,
            FormOf::Kustomize => Self::Kustomize,
            FormOf::Helm => Self::Helm,
        }
    }
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
    let exit = run_k8s(arguments, context);
    if arguments.diff.is_some() { export_files::told_apart(exit) } else { exit }
}

fn run_k8s(arguments: &K8s, context: &Context) -> Exit {
    let Some(mut prepared) = context.prepared(&arguments.services, true) else { return Exit::Failure };
    let Prepared { project, contents, loaded, .. } = &mut prepared;
    let options = arguments.options();
    contents.binds = read_binds(project, &context.world);
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
    let form = arguments.form.into();
    let written = is_reported.and_then(|()| match (&arguments.output, &arguments.diff) {
        (_, Some(directory)) => export_files::diff(&exported, form, directory, context),
        (Some(directory), None) => {
            export_files::write(&exported, form, directory, context).map(|()| Exit::Success)
        }
        (None, None) if is_taken => Ok(Exit::Success),
        (None, None) => {
            let text = exported.to_stream().map_err(|error| error.to_string());
            text.map(|text| context.ui.data(&text)).map(|()| Exit::Success)
        }
    });
    written.unwrap_or_else(|error| {
        context.ui.error(&format!("the manifests cannot be written: {error}"));
        Exit::Failure
    })
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
            kube_version: self.kube_version,
        }
    }
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
