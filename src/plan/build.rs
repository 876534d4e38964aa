//! What is asked of a builder: the `build` of a service, with nothing left out.

use std::collections::BTreeMap;
use std::fmt;

use super::labels;
use crate::model::build::Build as Model;
use crate::model::service::Service;
use crate::project::{Contents, Project};

/// An image to build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The name to give it.
    pub image: String,
    /// The directory that is sent, absolute, or a Git URL that the engine fetches.
    pub context: String,
    /// The Dockerfile's path within the context.
    pub dockerfile: String,
    /// The Dockerfile's text, where it is written in the compose file.
    pub dockerfile_inline: Option<String>,
    /// `ARG` values; `None` takes no value from anywhere.
    pub args: BTreeMap<String, Option<String>>,
    /// The stage to build.
    pub target: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Images to take layers from.
    pub cache_from: Vec<String>,
    /// Where to put layers for later builds.
    pub cache_to: Vec<String>,
    /// More names to give it.
    pub tags: Vec<String>,
    /// The network for `RUN`.
    pub network: Option<String>,
    /// The platform to build for, `os/arch[/variant]`; the engine's own if `None`.
    pub platform: Option<String>,
    /// The platforms that the file builds for.
    pub platforms: Vec<String>,
    /// Build for all of them, rather than for one.
    pub all_platforms: bool,
    /// Lines for `/etc/hosts` while building, `name:address`.
    pub extra_hosts: Vec<String>,
    /// `/dev/shm` size in bytes while building.
    pub shm_size: Option<u64>,
    /// Limits for `RUN`: soft and hard, by name.
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// The memory that `RUN` may use, in bytes.
    pub memory: Option<i64>,
    /// The isolation technology of Windows.
    pub isolation: Option<String>,
    /// More contexts, by name.
    pub contexts: BTreeMap<String, NamedContext>,
    /// What `RUN --mount=type=secret` may read, by ID.
    pub secrets: BTreeMap<String, Secret>,
    /// SSH agents or keys by ID; an empty path is the user's own agent.
    pub ssh: BTreeMap<String, String>,
    /// Privileges that the build asks for.
    pub entitlements: Vec<String>,
    /// Attestation of how it was built, as `docker buildx build --provenance` takes it.
    pub provenance: Option<String>,
    /// Attestation of what is in it, as `docker buildx build --sbom` takes it.
    pub sbom: Option<String>,
    /// The builder of docker buildx that is to do it.
    pub builder: Option<String>,
    /// Only look for mistakes in the Dockerfile.
    pub check: bool,
    /// Push it as it is built: an image of several platforms is nowhere else.
    pub push: bool,
    /// Build every layer anew.
    pub no_cache: bool,
    /// Ask the registry for newer base images.
    pub pull: bool,
}

/// What a name stands for in `FROM` and `COPY --from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedContext {
    /// A directory, a URL, or `docker-image://...`.
    Place(String),
    /// What another service builds.
    Service {
        /// The service.
        name: String,
        /// Its image.
        image: String,
    },
}

/// What a secret holds. It is not for printing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl Build {
    /// Returns what to build for a service, if it is built.
    pub fn of(project: &Project, contents: &Contents, name: &str, service: &Service) -> Option<Self> {
        // Each attribute is either asked for here, or a builder that cannot do it refuses it by name: see
        // `builder`. `privileged` is an entitlement under another name.
        let Model {
            context,
            dockerfile,
            dockerfile_inline,
            entitlements,
            args,
            provenance,
            sbom,
            ssh,
            labels: own,
            cache_from,
            cache_to,
            no_cache,
            additional_contexts,
            pull,
            extra_hosts,
            isolation,
            network,
            target,
            secrets,
            shm_size,
            tags,
            ulimits,
            platforms,
            privileged,
            extensions: _,
        } = service.build.as_deref()?;
        let mut labels: BTreeMap<String, String> = own.0.clone();
        for (key, value) in [
            (labels::PROJECT, &*project.name),
            (labels::SERVICE, name),
            (labels::VERSION, labels::COMPOSE_VERSION),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        let mut entitlements = entitlements.clone();
        if *privileged && !entitlements.iter().any(|one| one == "security.insecure") {
            entitlements.push("security.insecure".to_owned());
        }
        let attestation = |text: &str| (!matches!(text, "" | "false")).then(|| text.to_owned());
        Some(Self {
            image: project.image_of(name, service),
            context: context.as_ref().map_or_else(String::new, |context| context.0.clone()),
            dockerfile: dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned()),
            dockerfile_inline: dockerfile_inline.clone(),
            args: with_proxies(project, &args.0),
            target: target.clone(),
            labels,
            cache_from: cache_from.clone(),
            cache_to: cache_to.clone(),
            tags: tags.0.clone(),
            network: network.clone(),
            // For containers of this engine it is built for the engine's own platform, unless the service says
            // another. `build` adds the others.
            platform: project.platform_of(service),
            platforms: platforms.0.clone(),
            extra_hosts: extra_hosts.pairs().map(|(host, ip)| format!("{host}:{ip}")).collect(),
            shm_size: u64::try_from(shm_size.0).ok().filter(|size| *size > 0),
            ulimits: ulimits.0.iter().map(|(name, limit)| (name.clone(), limit.soft_hard())).collect(),
            memory: None,
            isolation: isolation.clone(),
            contexts: additional_contexts
                .0
                .iter()
                .map(|(name, place)| (name.clone(), named_context(project, &place.0)))
                .collect(),
            secrets: secrets
                .0
                .iter()
                .filter_map(|secret| {
                    let content = contents.secrets.get(&secret.source)?.clone();
                    let id = secret.target.as_ref().unwrap_or(&secret.source);
                    Some((id.clone(), Secret(content)))
                })
                .collect(),
            ssh: ssh.0.clone(),
            entitlements,
            provenance: provenance.as_ref().and_then(|one| attestation(&one.0)),
            sbom: sbom.as_ref().and_then(|one| attestation(&one.0)),
            all_platforms: false,
            builder: None,
            check: false,
            push: false,
            no_cache: *no_cache,
            pull: *pull,
        })
    }
}

/// A proxy that the file gives as an argument is meant for this build.
fn with_proxies(
    project: &Project,
    args: &BTreeMap<String, Option<String>>,
) -> BTreeMap<String, Option<String>> {
    let proxies = project.client.proxies.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    let mut all: BTreeMap<_, _> = proxies.collect();
    all.extend(args.clone());
    all
}

fn named_context(project: &Project, place: &str) -> NamedContext {
    let service = place.strip_prefix("service:").and_then(|name| {
        let services = project.services.get_key_value(name).or_else(|| project.disabled.get_key_value(name));
        let (name, service) = services?;
        Some(NamedContext::Service { name: name.clone(), image: project.image_of(name, service) })
    });
    service.unwrap_or_else(|| NamedContext::Place(place.to_owned()))
}

impl Build {
    /// Returns the services whose images it is built with.
    pub fn built_with(&self) -> impl Iterator<Item = &str> {
        self.contexts.values().filter_map(|context| match context {
            NamedContext::Service { name, image: _ } => Some(name.as_str()),
            NamedContext::Place(_) => None,
        })
    }
}
