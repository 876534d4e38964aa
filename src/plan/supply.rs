//! What `pull`, `push` and `build` do: images alone, nothing else of the project.

use std::collections::{BTreeMap, BTreeSet};

use super::{Build, Op, Plan, Step, StepId, Subject};
use crate::model::service::Service;
use crate::project::{Contents, Project, repository};

/// Which services a command is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// The named ones; empty for all.
    pub names: Vec<String>,
    /// Also what those depend on.
    pub dependencies: bool,
}

/// How `pull` is asked to go about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// Which services.
    pub services: Services,
    /// Leave out what can be built.
    pub ignore_buildable: bool,
    /// Go on after a failure.
    pub ignore_failures: bool,
    /// In place of every `pull_policy`: `always` or `missing`.
    pub policy: Option<String>,
}

/// How `push` is asked to go about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushOptions {
    /// Which services.
    pub services: Services,
    /// Go on after a failure.
    pub ignore_failures: bool,
}

/// How `build` is asked to go about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Which services.
    pub services: Services,
    /// `ARG` values that win over the file's.
    pub args: BTreeMap<String, Option<String>>,
    /// Build every layer anew.
    pub no_cache: bool,
    /// Ask the registry for newer base images.
    pub pull: bool,
    /// Push what was built, where the file names the image.
    pub push: bool,
    /// The memory that `RUN` may use, in bytes.
    pub memory: Option<i64>,
    /// SSH agents or keys by ID, in addition to the file's.
    pub ssh: BTreeMap<String, String>,
    /// In place of the file's `provenance`.
    pub provenance: Option<String>,
    /// In place of the file's `sbom`.
    pub sbom: Option<String>,
    /// The builder of docker buildx that is to do it.
    pub builder: Option<String>,
    /// Only look for mistakes in the Dockerfiles.
    pub check: bool,
}

/// Plans to pull images. `is_there` says whether the engine has an image already.
///
/// As in docker compose, `missing` still pulls a `latest` that is there: nobody can tell how old it is. An image that
/// can be built and cannot be pulled fails the command only at its end.
pub fn pull(project: &Project, is_there: impl Fn(&str) -> bool, options: &PullOptions) -> Plan {
    let mut plan = Plan::default();
    let mut seen = BTreeSet::new();
    for (_, service) in chosen(project, &options.services) {
        let Some(image) = &service.image else { continue };
        let own = service.pull_policy.as_ref().map(|policy| policy.0.as_str());
        let policy = options.policy.as_deref().or(own).unwrap_or("always");
        let is_left = match policy {
            "never" | "build" => true,
            "missing" | "if_not_present" => is_there(image) && !is_latest(image),
            _ => false,
        };
        let is_buildable = service.build.is_some();
        if is_left || is_buildable && options.ignore_buildable || !seen.insert(image) {
            continue;
        }
        let op = Op::PullImage { image: image.clone(), platform: project.platform_of(service) };
        let step = plan.push(op, Subject::Image(image.clone()), "asked for", Vec::new());
        plan.steps[step].optional = options.ignore_failures || is_buildable;
    }
    plan
}

/// Plans to push the images that services build, with their tags. Without `image` an image has no registry.
pub fn push(project: &Project, options: &PushOptions) -> Plan {
    let mut plan = Plan::default();
    let mut seen = BTreeSet::new();
    for (_, service) in chosen(project, &options.services) {
        let (Some(image), Some(build)) = (&service.image, &service.build) else { continue };
        for name in [image].into_iter().chain(&build.tags.0).filter(|name| seen.insert((*name).clone())) {
            let step = push_step(&mut plan, name, Vec::new());
            plan.steps[step].optional = options.ignore_failures;
        }
    }
    plan
}

/// Tags of one repository go one after the other: what they share is sent once, and registries that keep files stumble
/// over two uploads of the same.
fn push_step(plan: &mut Plan, image: &str, mut after: Vec<StepId>) -> StepId {
    let is_before = |step: &Step| match &step.op {
        Op::PushImage { image: other } => repository(other) == repository(image),
        _ => false,
    };
    after.extend(plan.steps.iter().rposition(is_before));
    plan.push(Op::PushImage { image: image.to_owned() }, Subject::Image(image.to_owned()), "asked for", after)
}

/// Returns what `build` builds, by service.
pub fn builds(project: &Project, contents: &Contents, options: &BuildOptions) -> BTreeMap<String, Build> {
    let BuildOptions { services, args, no_cache, pull, push, memory, ssh, provenance, sbom, builder, check } =
        options;
    let attestation = |asked: &Option<String>, own: Option<String>| match asked.as_deref() {
        None => own,
        Some("false") => None,
        Some(text) => Some(text.to_owned()),
    };
    let mut builds = BTreeMap::new();
    let mut next: Vec<(&String, &Service)> = chosen(project, services).collect();
    while let Some((name, service)) = next.pop() {
        if builds.contains_key(name) {
            continue;
        }
        let Some(mut build) = Build::of(project, contents, name, service) else { continue };
        build.args.extend(args.clone());
        build.no_cache |= no_cache;
        build.pull |= pull;
        build.memory = *memory;
        match build.platforms.as_slice() {
            [] => {}
            [platform] => build.platform = Some(platform.clone()),
            _ => {
                build.all_platforms = true;
                build.push = *push && service.image.is_some();
            }
        }
        build.ssh.extend(ssh.clone());
        build.provenance = attestation(provenance, build.provenance);
        build.sbom = attestation(sbom, build.sbom);
        build.builder.clone_from(builder);
        build.check = *check;
        // What it is built with has to be built before it.
        let others = build.built_with().filter_map(|other| {
            project.services.get_key_value(other).or_else(|| project.disabled.get_key_value(other))
        });
        next.extend(others.map(|(name, service)| (name, &**service)));
        builds.insert(name.clone(), build);
    }
    builds
}

/// Plans to build images, each after those that it is built with. Services that share an image build it once.
pub fn build(project: &Project, builds: &BTreeMap<String, Build>, options: &BuildOptions) -> Plan {
    let mut plan = Plan::default();
    let mut steps = BTreeMap::new();
    for name in builds.keys() {
        build_step(name, builds, &mut plan, &mut steps, &mut Vec::new());
    }
    if options.push && !options.check {
        for (name, build) in builds {
            let service = project.services.get(name).or_else(|| project.disabled.get(name));
            if !build.push && service.is_some_and(|service| service.image.is_some()) {
                for image in BTreeSet::from([&build.image]).into_iter().chain(&build.tags) {
                    push_step(&mut plan, image, steps.get(name.as_str()).copied().into_iter().collect());
                }
            }
        }
    }
    plan
}

fn build_step<'a>(
    name: &'a str,
    builds: &'a BTreeMap<String, Build>,
    plan: &mut Plan,
    steps: &mut BTreeMap<&'a str, StepId>,
    path: &mut Vec<&'a str>,
) -> Option<StepId> {
    // Services that are built with each other stop at the second round; the builder says what it lacks.
    if steps.contains_key(name) || path.contains(&name) {
        return steps.get(name).copied();
    }
    let build = builds.get(name)?;
    let same = |step: &&StepId| plan.steps[**step].subject == Subject::Image(build.image.clone());
    if let Some(step) = steps.values().find(same).copied() {
        steps.insert(name, step);
        return Some(step);
    }
    path.push(name);
    let after = build.built_with().filter_map(|other| build_step(other, builds, plan, steps, path)).collect();
    path.pop();
    let op = Op::BuildImage(Box::new(build.clone()));
    let step = plan.push(op, Subject::Image(build.image.clone()), "asked for", after);
    steps.insert(name, step);
    Some(step)
}

fn chosen<'a>(
    project: &'a Project,
    services: &'a Services,
) -> impl Iterator<Item = (&'a String, &'a Service)> {
    let is_chosen =
        |name: &String| services.dependencies || services.names.is_empty() || services.names.contains(name);
    let services = project.services.iter().map(|(name, service)| (name, &**service));
    services.filter(move |(name, _)| is_chosen(name))
}

fn is_latest(image: &str) -> bool {
    matches!(image.strip_prefix(repository(image)), Some("" | ":latest"))
}
