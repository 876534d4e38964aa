//! `topo build`: build the images of services.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use topo::diagnostic::Diagnostics;
use topo::engine::Engine as _;
use topo::model::storage::Secret;
use topo::model::units::parse_bytes;
use topo::observed::Observed;
use topo::plan::bake::bake;
use topo::plan::builder::refuse;
use topo::plan::supply::{BuildOptions, Services, build, builds};
use topo::project::{Project, read_contents};

use super::up::interrupt;
use super::{Context, Exit};

/// Build the images of services
///
/// Those that do not need each other are built at once. Services without `build` have nothing to build.
///
/// Example: topo build --pull --build-arg VERSION=2 web
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// Value for an `ARG`; without =VALUE it comes from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    args: Vec<String>,
    /// Builder of docker buildx to use
    #[arg(long, value_name = "NAME", env = "BUILDX_BUILDER")]
    builder: Option<String>,
    /// Only look for mistakes in the Dockerfiles
    #[arg(long)]
    check: bool,
    /// Memory that RUN may use, such as 512m; not with BuildKit
    #[arg(short, long, value_name = "BYTES", value_parser = parse_bytes)]
    memory: Option<i64>,
    /// Build every layer anew
    #[arg(long)]
    no_cache: bool,
    /// Print the equivalent bake file, and build nothing
    #[arg(long)]
    print: bool,
    /// Attest how the images were built: true, false or options
    #[arg(long, value_name = "OPTIONS")]
    provenance: Option<String>,
    /// Ask the registry for newer base images
    #[arg(long)]
    pull: bool,
    /// Push what was built, where the file names the image
    #[arg(long)]
    push: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Attest what is in the images: true, false or options
    #[arg(long, value_name = "OPTIONS")]
    sbom: Option<String>,
    /// SSH agent or key for RUN --mount=type=ssh; `default` is your own agent
    #[arg(long, value_name = "ID[=PATH]")]
    ssh: Option<String>,
    /// Also build for the services that the named ones depend on
    #[arg(long)]
    with_dependencies: bool,
    /// Services to build for; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(arguments: &Build, context: &Context) -> Exit {
    let (mut project, _, mut loaded) = context.checked(&arguments.services);
    // What only containers read need not be there yet.
    project.configs.clear();
    project.secrets = used_by_builds(&project);
    let mut found = Diagnostics::default();
    let contents = read_contents(&project, &loaded.environment, &context.world, &mut found);
    context.check_client(&project, &loaded.environment, &mut found);
    loaded.diagnostics.push_all(found.sorted().into_iter().cloned());
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.clone(), loaded.environment.get(text, &context.world)),
    };
    let ssh = arguments.ssh.iter().map(|text| {
        let (id, path) = text.split_once('=').unwrap_or((text, ""));
        (id.to_owned(), path.to_owned())
    });
    let options = BuildOptions {
        services: Services { names: arguments.services.clone(), dependencies: arguments.with_dependencies },
        args: arguments.args.iter().map(pair).collect(),
        no_cache: arguments.no_cache,
        pull: arguments.pull,
        push: arguments.push,
        memory: arguments.memory,
        ssh: ssh.collect::<BTreeMap<_, _>>(),
        provenance: arguments.provenance.clone(),
        sbom: arguments.sbom.clone(),
        builder: arguments.builder.clone(),
        check: arguments.check,
    };
    let builds = builds(&project, &contents, &options);
    if !context.say(&loaded) {
        return Exit::Failure;
    }
    if arguments.print {
        context.ui.data(&format!("{:#}\n", bake(&project, &builds, &options)));
        return Exit::Success;
    }
    let plan = build(&project, &builds, &options);
    if plan.steps.is_empty() {
        context.ui.say(&format!("{}: nothing to build", project.name));
        return Exit::Success;
    }
    let context = &context.with_quiet(arguments.quiet);
    context.with_engine(async |engine| {
        loaded.diagnostics = Diagnostics::default();
        for (service, build) in &builds {
            refuse(&project, service, build, &engine.builders(), &mut loaded.diagnostics);
        }
        if !context.say(&loaded) {
            return Ok(Exit::Failure);
        }
        let outcome = context.carry_out(&plan, &Observed::default(), &engine, interrupt()).await;
        Ok(context.conclude(&plan, &outcome))
    })
}

fn used_by_builds(project: &Project) -> BTreeMap<String, Secret> {
    let builds = project.services.values().chain(project.disabled.values());
    let builds = builds.filter_map(|service| service.build.as_ref());
    let used: BTreeSet<&String> =
        builds.flat_map(|build| &build.secrets.0).map(|secret| &secret.source).collect();
    let secrets = project.secrets.iter().filter(|(key, _)| used.contains(key));
    secrets.map(|(key, secret)| (key.clone(), secret.clone())).collect()
}
