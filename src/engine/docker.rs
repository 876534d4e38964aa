//! A real engine, spoken with by bollard. The only place that names `bollard::Docker`.
//!
//! bollard 0.21 sends paths without a version, so that an engine would answer as its newest self, and lacks some
//! parameters. A request modifier adds both; see `Docker::with`.

mod build;
mod buildkit;
mod buildx;
mod classic;
mod connection;
mod context;
mod create;
mod credentials;
mod digest;
pub mod disk;
mod happenings;
mod hijack;
mod hook;
mod inside;
mod lifecycle;
mod live;
pub mod local;
mod logs;
mod look;
mod origin;
mod ping;
mod proxies;
mod pull;
mod push;
mod session;
mod snapshot;
mod ssh;
mod tls;
mod trace;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, EndpointSettings, HealthConfig,
    HealthStatusEnum, ImageSummary, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
    VolumeCreateRequest,
};
use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::TryFutureExt;
use futures_util::future::{OptionFuture, join_all};
use futures_util::stream::BoxStream;

pub use connection::Connection;

use self::connection::Address;
use self::credentials::Credentials;
use self::wire::Dialer;
use super::look::{
    ContainerQuery, HistoryQuery, ImageDetails, Listed, NetworkDetails, Occurrence, Processes, Usage,
    VolumeDetails,
};
use super::{
    Cause, Engine, EngineError, Happening, Inspection, LogLine, LogQuery, Progress, Query, Ran, Result,
    Scope, Since,
};
use crate::observed::live::{Live, Machine};
use crate::observed::{Health, ImageId, Network, Observed, State, Volume};
use crate::plan::builder::Builders;
use crate::plan::changes::Origin;
use crate::plan::hooks::Inside;
use crate::plan::images::BuiltImage;
use crate::plan::{Build, File, labels};

/// The newest API version that topo was written for.
const NEWEST: (u32, u32) = (1, 51);

/// How long a call may take: starting a container can copy a whole image into a volume.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long calls may take that have no bound of their own: builds, pulls, streams.
const NO_BOUND: Duration = Duration::from_secs(24 * 60 * 60);

/// A connection to a Docker Engine, or to what speaks its API.
#[derive(Clone, Debug)]
pub struct Docker {
    client: bollard::Docker,
    api: (u32, u32),
    /// When, in seconds since 1970 by the engine's clock, if it says so.
    connected: Option<i64>,
    address: Address,
    credentials: Credentials,
    wire: wire::Wire,
    buildkit: bool,
    /// The plugin docker buildx, if it is installed.
    buildx: Option<std::path::PathBuf>,
    /// The socket of the user's SSH agent.
    ssh_agent: Option<String>,
    /// `detachKeys` of docker's `config.json`.
    detach_keys: Option<String>,
}

impl Docker {
    /// Connects to the first engine that answers and agrees on an API version.
    pub async fn connect(connection: &Connection) -> Result<Self> {
        let mut tried = Vec::new();
        for address in connection.addresses()? {
            let dialer = Dialer::new(&address);
            let pong = match &dialer {
                Ok(dialer) => ping::ping(dialer).await,
                Err(error) => Err(ping::plain(error)),
            };
            let (dialer, pong) = match (dialer, pong) {
                (Ok(dialer), Ok(pong)) => (dialer, pong),
                (_, Err(reason)) => {
                    tried.push(format!("{address}: {reason}"));
                    continue;
                }
                // What it lacks is the reason already.
                (Err(_), Ok(_)) => continue,
            };
            let api = connection.api_version.as_deref().and_then(ping::parse_version);
            let client = dialer.bollard().map_err(failed("connect to the engine"))?;
            let config = connection.config_text();
            let credentials = Credentials::read(&config);
            let (client, api) = (client.with_timeout(PATIENCE), api.unwrap_or(pong.api.min(NEWEST)));
            let wire = dialer.client();
            let docker = Self {
                client,
                api,
                connected: pong.seconds,
                address,
                credentials,
                detach_keys: detach_keys(&config),
                wire,
                buildkit: pong.buildkit && !connection.no_buildkit,
                buildx: buildx::find(connection.config.as_deref()),
                ssh_agent: connection.ssh_agent.clone(),
            };
            return Ok(docker.versioned());
        }
        Err(EngineError::new("reach a container engine", Cause::NotReachable { tried }))
    }

    /// Returns where the engine listens, as `DOCKER_HOST` would have it.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns the keys to leave a container with, where docker's `config.json` says so.
    pub fn detach_keys(&self) -> Option<String> {
        self.detach_keys.clone()
    }

    fn versioned(mut self) -> Self {
        self.client = self.with("", None);
        self
    }

    /// Returns a client that adds `query` to every request, and puts `body` in place of the request's.
    fn with(&self, query: &str, body: Option<Bytes>) -> bollard::Docker {
        let (major, minor) = self.api;
        let query = query.to_owned();
        self.client.clone().with_request_modifier(move |mut request| {
            let uri = request.uri();
            let scheme = uri.scheme_str().unwrap_or("http");
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
            let mark = if query.is_empty() || asked.ends_with('?') {
                ""
            } else if asked.contains('?') {
                "&"
            } else {
                "?"
            };
            let versioned = format!("{scheme}://{authority}/v{major}.{minor}{asked}{mark}{query}");
            if let Ok(uri) = versioned.parse() {
                *request.uri_mut() = uri;
            }
            // bollard encodes credentials for MIME, the engine decodes them as for URLs.
            for name in ["X-Registry-Auth", "X-Registry-Config"] {
                if let Some(value) = request.headers_mut().get_mut(name) {
                    let text = value.to_str().unwrap_or_default().replace('+', "-").replace('/', "_");
                    if let Ok(text) = text.parse() {
                        *value = text;
                    }
                }
            }
            if let Some(body) = &body {
                *request.body_mut() = bollard::body_full(body.clone());
            }
            request
        })
    }

    /// Returns a client for calls that may take long.
    fn patient(&self) -> bollard::Docker {
        self.client.clone().with_timeout(NO_BOUND)
    }

    /// Finds the images that are wanted: in the list, or else by asking for each, since an engine knows more names
    /// of an image than it lists.
    async fn images(&self, wanted: &[String], listed: &[ImageSummary]) -> BTreeMap<String, ImageId> {
        let mut found = snapshot::images(wanted, listed);
        let missing = wanted.iter().filter(|image| !found.contains_key(*image));
        let asked = missing.map(|image| async {
            let id = self.client.inspect_image(image).await.ok()?.id?;
            Some((image.clone(), id))
        });
        let asked: Vec<_> = join_all(asked).await;
        found.extend(asked.into_iter().flatten());
        found
    }

    /// Asks how long ago images got their names. By the engine's clock, which is the one that wrote that down.
    async fn image_ages(&self, wanted: &[String]) -> BTreeMap<String, Duration> {
        let Some(now) = self.connected else { return BTreeMap::new() };
        let asked = wanted.iter().map(|image| async {
            let metadata = self.client.inspect_image(image).await.ok()?.metadata?;
            let tagged = ping::parse_timestamp(&metadata.last_tag_time?)?;
            Some((image.clone(), Duration::from_secs(u64::try_from(now - tagged).unwrap_or(0))))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Asks for networks that must be there and are not listed.
    async fn missing_networks(&self, wanted: &[String], listed: &[Network]) -> Vec<Network> {
        let missing = wanted.iter().filter(|name| !listed.iter().any(|network| network.name == **name));
        let asked =
            missing.map(|name| self.client.inspect_network(name, None::<query::InspectNetworkOptions>));
        join_all(asked).await.into_iter().flatten().map(snapshot::inspected_network).collect()
    }

    /// Asks for volumes that must be there and are not listed.
    async fn missing_volumes(&self, wanted: &[String], listed: &[Volume]) -> Vec<Volume> {
        let missing = wanted.iter().filter(|name| !listed.iter().any(|volume| volume.name == **name));
        let asked = missing.map(|name| async move {
            match self.client.inspect_volume(name).await {
                Ok(volume) => Some(snapshot::volume(volume)),
                Err(bollard::errors::Error::JsonDataError { .. }) => Some(snapshot::unknown_volume(name)),
                Err(_) => None,
            }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn swarm(&self) -> Result<crate::observed::Swarm> {
        self.client.info().await.map(snapshot::swarm).map_err(failed("ask whether the engine is in a Swarm"))
    }
}

impl Engine for Docker {
    fn api(&self) -> (u32, u32) {
        self.api
    }

    fn connected(&self) -> Since {
        self.connected.map_or(Since::Earliest, |seconds| Since::After(seconds.saturating_mul(1_000_000_000)))
    }

    async fn now(&self) -> Result<Since> {
        let info = self.client.info().await.map_err(failed("ask the engine for the time"))?;
        let told = info.system_time.as_deref().and_then(ping::parse_nanoseconds);
        Ok(told.map_or_else(|| self.connected(), Since::After))
    }

    fn builders(&self) -> Builders {
        Builders { api: self.api, buildkit: self.buildkit, buildx: self.buildx.is_some() }
    }

    async fn observe(&self, query: &Query) -> Result<Observed> {
        let of_project = format!("{}={}", labels::PROJECT, query.project);
        let containers = query::ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), vec![of_project])])),
            ..query::ListContainersOptions::default()
        };
        let images: OptionFuture<_> = (!query.images.is_empty())
            // Docker Engine tells digests anyway; Podman answers with nothing where they are asked for.
            .then(|| self.client.list_images(None::<query::ListImagesOptions>).map_err(failed("list images")))
            .into();
        let swarm: OptionFuture<_> = query.swarm.then(|| self.swarm()).into();
        let (containers, networks, volumes, images, swarm, image_ages) = tokio::join!(
            self.client.list_containers(Some(containers)).map_err(failed("list containers")),
            self.client.list_networks(None::<query::ListNetworksOptions>).map_err(failed("list networks")),
            self.client.list_volumes(None::<query::ListVolumesOptions>).map_err(failed("list volumes")),
            images,
            swarm,
            self.image_ages(&query.aging_images),
        );
        let mut containers: Vec<_> = containers?.into_iter().map(snapshot::container).collect();
        look::ask_codes_of_dead(&self.client, containers.iter_mut()).await;
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        let mut networks: Vec<_> = networks?.into_iter().map(snapshot::network).collect();
        networks.extend(self.missing_networks(&query.networks, &networks).await);
        snapshot::identify(&mut containers, &networks);
        networks.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        let mut volumes: Vec<_> =
            volumes?.volumes.unwrap_or_default().into_iter().map(snapshot::volume).collect();
        volumes.extend(self.missing_volumes(&query.volumes, &volumes).await);
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Observed {
            api: self.api,
            swarm: swarm.transpose()?.unwrap_or_default(),
            containers,
            networks,
            volumes,
            images: self.images(&query.images, &images.transpose()?.unwrap_or_default()).await,
            image_ages,
        })
    }

    async fn inspect(&self, container: &str) -> Result<Inspection> {
        let inspected =
            self.client.inspect_container(container, None::<query::InspectContainerOptions>).await;
        inspected.map(inspection).map_err(failed(format!("look at container {container}")))
    }

    async fn origin(&self, container: &str) -> Result<Origin> {
        let doing = || format!("look at container {container}");
        let options = None::<query::InspectContainerOptions>;
        let inspected = self.client.inspect_container(container, options).await.map_err(failed(doing()))?;
        // Without its image, which may be gone, it only cannot be told what came from there.
        let image = match &inspected.image {
            Some(image) => self.client.inspect_image(image).await.ok(),
            None => None,
        };
        Ok(origin::origin(&inspected, image.as_ref()))
    }

    async fn pull(&self, image: &str, platform: Option<&str>, report: &dyn Fn(Progress)) -> Result<ImageId> {
        self.pull_image(image, platform, report).await
    }

    async fn digest(&self, image: &str) -> Result<String> {
        self.digest_in_registry(image).await
    }

    async fn build(&self, build: &Build, report: &dyn Fn(Progress)) -> Result<ImageId> {
        self.build_image(build, report).await
    }

    async fn push(&self, image: &str, report: &dyn Fn(Progress)) -> Result<()> {
        self.push_image(image, report).await
    }

    async fn create_network(&self, request: &NetworkCreateRequest) -> Result<String> {
        let doing = format!("create network {}", request.name);
        // Engines before API 1.44 make a second network of the same name unless asked to check. bollard's
        // request has no such field, so its body is replaced.
        let other = |error: serde_json::Error| Cause::Other { status: None, message: error.to_string() };
        let body = serde_json::to_value(request).and_then(|mut body| {
            body["CheckDuplicate"] = true.into();
            serde_json::to_vec(&body)
        });
        let body = body.map_err(|error| EngineError::new(&doing, other(error)))?;
        let client = self.with("", Some(body.into()));
        let created = client.create_network(request.clone()).await.map_err(failed(doing))?;
        Ok(created.id)
    }

    async fn remove_network(&self, network: &str) -> Result<()> {
        let mut pause = Duration::from_millis(50);
        loop {
            let removed = self.client.remove_network(network).await;
            let removed = removed.map_err(failed(format!("remove network {network}")));
            match removed {
                Err(EngineError { cause: Cause::InUse { .. }, .. }) if pause < Duration::from_secs(2) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                removed => return removed,
            }
        }
    }

    async fn create_volume(&self, request: &VolumeCreateRequest) -> Result<()> {
        let name = request.name.as_deref().unwrap_or("without a name");
        match self.client.create_volume(request.clone()).await {
            // Made, and described with fewer fields than Docker's own engine gives; none of them is needed.
            Ok(_) | Err(bollard::errors::Error::JsonDataError { .. }) => Ok(()),
            Err(error) => Err(failed(format!("create volume {name}"))(error)),
        }
    }

    async fn remove_volume(&self, volume: &str) -> Result<()> {
        let removed = self.client.remove_volume(volume, None::<query::RemoveVolumeOptions>).await;
        removed.map_err(failed(format!("remove volume {volume}")))
    }

    async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        body: &ContainerCreateBody,
    ) -> Result<String> {
        self.create(name, platform, body).await
    }

    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: &EndpointSettings,
    ) -> Result<()> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(endpoint.clone()),
        };
        let connected = self.client.connect_network(network, request).await;
        connected.map_err(failed(format!("connect container {container} to network {network}")))
    }

    async fn disconnect_network(&self, network: &str, container: &str) -> Result<()> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        let disconnected = self.client.disconnect_network(network, request).await;
        disconnected.map_err(failed(format!("disconnect container {container} from network {network}")))
    }

    async fn copy_files(&self, container: &str, files: &[File]) -> Result<()> {
        let doing = format!("copy files into container {container}");
        let packed = context::pack(files).map_err(|error| {
            EngineError::new(&doing, Cause::Other { status: None, message: error.to_string() })
        })?;
        let options = query::UploadToContainerOptions {
            path: "/".to_owned(),
            // Without it the files belong to root, whatever the archive says.
            copy_uidgid: Some("true".to_owned()),
            ..query::UploadToContainerOptions::default()
        };
        let body = bollard::body_full(packed.into());
        self.client.upload_to_container(container, Some(options), body).await.map_err(failed(doing))
    }

    async fn start(&self, container: &str) -> Result<()> {
        let started = self.client.start_container(container, None::<query::StartContainerOptions>).await;
        started.map_err(failed(format!("start container {container}")))
    }

    async fn stop(&self, container: &str, timeout: Option<i32>) -> Result<()> {
        let options = query::StopContainerOptions { t: timeout, ..query::StopContainerOptions::default() };
        // The answer comes when the container has ended, so the client waits longer than the engine does.
        let grace = timeout.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let client = self.client.clone().with_timeout(grace.map_or(NO_BOUND, |grace| grace + PATIENCE));
        let stopped = client.stop_container(container, Some(options)).await;
        stopped.map_err(failed(format!("stop container {container}")))
    }

    async fn restart(&self, container: &str, timeout: Option<i32>) -> Result<()> {
        self.restart_container(container, timeout).await
    }

    async fn kill(&self, container: &str, signal: &str) -> Result<()> {
        self.kill_container(container, signal).await
    }

    async fn pause(&self, container: &str) -> Result<()> {
        self.client.pause_container(container).await.map_err(failed(format!("pause container {container}")))
    }

    async fn unpause(&self, container: &str) -> Result<()> {
        self.client
            .unpause_container(container)
            .await
            .map_err(failed(format!("unpause container {container}")))
    }

    async fn exit_code(&self, container: &str) -> Result<i64> {
        self.wait_for(container, "not-running").await
    }

    async fn removal(&self, container: &str) -> Result<i64> {
        self.wait_for(container, "removed").await
    }

    async fn built_images(&self, project: &str) -> Result<Vec<BuiltImage>> {
        self.images_of_project(project).await
    }

    async fn nameless_images(&self, project: &str) -> Result<Vec<ImageId>> {
        self.nameless_images_of_project(project).await
    }

    async fn remove_image(&self, image: &str) -> Result<()> {
        self.untag_image(image).await
    }

    async fn remove_container(&self, container: &str, volumes: bool) -> Result<()> {
        let options = query::RemoveContainerOptions { v: volumes, force: true, link: false };
        let removed = self.client.remove_container(container, Some(options)).await;
        let removed = removed.map_err(failed(format!("remove container {container}")));
        let Err(error) = removed else { return Ok(()) };
        if !error.cause.to_string().contains("already in progress") {
            return Err(error);
        }
        // Someone else is removing it (`--rm`, another command): it is gone when they are done.
        match self.removal(container).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    async fn rename(&self, container: &str, to: &str) -> Result<()> {
        let options = query::RenameContainerOptions { name: to.to_owned() };
        let renamed = self.client.rename_container(container, options).await;
        match renamed.map_err(failed(format!("rename container {container} to {to}"))) {
            // The engine went on with what another run asked it for before it was killed.
            Err(EngineError { cause: Cause::Other { message, .. }, .. })
                if message.contains("same name as its current name") =>
            {
                Ok(())
            }
            renamed => renamed,
        }
    }

    async fn run_inside(&self, container: &str, command: &Inside) -> Result<Ran> {
        self.run_command(container, command).await
    }

    fn logs(&self, container: &str, query: &LogQuery) -> BoxStream<'static, Result<LogLine>> {
        logs::lines(&self.patient(), container, query)
    }

    fn happenings(&self, scope: &Scope, since: Since) -> BoxStream<'static, Result<Happening>> {
        happenings::subscribe(&self.patient(), scope, since)
    }

    async fn live(&self, container: &str) -> Result<Live> {
        live::container(&self.client, container).await
    }

    async fn machine(&self) -> Result<Machine> {
        live::machine(&self.client).await
    }

    async fn import_image(&self, name: &str, files: &[File]) -> Result<()> {
        self.import(name, files).await
    }

    async fn containers(&self, query: &ContainerQuery) -> Result<Vec<Listed>> {
        look::containers(&self.client, query).await
    }

    async fn image(&self, image: &str) -> Result<ImageDetails> {
        look::image(&self.client, image).await
    }

    async fn volumes(&self, project: &str) -> Result<Vec<VolumeDetails>> {
        look::volumes(&self.client, project).await
    }

    async fn network(&self, network: &str) -> Result<NetworkDetails> {
        look::network(&self.client, network).await
    }

    async fn processes(&self, container: &str) -> Result<Processes> {
        look::processes(&self.client, container).await
    }

    fn usage(&self, container: &str, follow: bool) -> BoxStream<'static, Result<Usage>> {
        look::usage(&self.patient(), container, follow)
    }

    fn history(&self, query: &HistoryQuery) -> BoxStream<'static, Result<Occurrence>> {
        look::history(&self.patient(), query)
    }
}

fn detach_keys(config: &str) -> Option<String> {
    let config: serde_json::Value = serde_json::from_str(config).ok()?;
    Some(config.get("detachKeys")?.as_str()?.to_owned())
}

/// Returns a function that says what failed and why.
fn failed(doing: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> EngineError {
    let doing = doing.into();
    move |error| EngineError::new(doing, cause(&error))
}

fn cause(error: &bollard::errors::Error) -> Cause {
    use bollard::errors::Error as Bollard;
    match error {
        Bollard::DockerResponseServerError { status_code, message } => {
            Cause::from_answer(*status_code, message)
        }
        Bollard::RequestTimeoutError => Cause::TimedOut,
        Bollard::HyperLegacyError { .. } | Bollard::HyperResponseError { .. } | Bollard::IOError { .. } => {
            Cause::Disconnected { message: wire::innermost(error) }
        }
        Bollard::DockerStreamError { error } => Cause::from_answer(500, error),
        other => Cause::Other { status: None, message: other.to_string() },
    }
}

fn inspection(inspected: ContainerInspectResponse) -> Inspection {
    use ContainerStateStatusEnum as Status;
    let state = inspected.state.unwrap_or_default();
    let config = inspected.config.unwrap_or_default();
    let mut reason = state.error.unwrap_or_default();
    if state.oom_killed == Some(true) {
        "out of memory".clone_into(&mut reason);
    }
    let health = state.health.unwrap_or_default();
    let probes = health.log.unwrap_or_default();
    Inspection {
        id: inspected.id.unwrap_or_default(),
        name: inspected.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        state: match state.status {
            Some(Status::CREATED) => State::Created,
            Some(Status::RUNNING | Status::STOPPING) => State::Running,
            Some(Status::PAUSED) => State::Paused,
            Some(Status::RESTARTING) => State::Restarting,
            Some(Status::REMOVING) => State::Removing,
            Some(Status::DEAD) => State::Dead(state.exit_code),
            Some(Status::EXITED | Status::EMPTY) | None => State::Exited(state.exit_code),
        },
        reason,
        has_healthcheck: config.healthcheck.is_some_and(|check| checks(&check)),
        health: match health.status {
            Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
            Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
            Some(HealthStatusEnum::UNHEALTHY) => Some(Health::Unhealthy),
            Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => None,
        },
        failing_streak: health.failing_streak.and_then(|streak| streak.try_into().ok()).unwrap_or(0),
        health_output: probes.last().and_then(|probe| probe.output.clone()),
        tty: config.tty.unwrap_or(false),
        open_stdin: config.open_stdin.unwrap_or(false),
    }
}

/// Returns whether a health check checks anything: `["NONE"]` switches an image's off.
pub(super) fn checks(check: &HealthConfig) -> bool {
    check.test.as_ref().is_some_and(|test| test.first().is_some_and(|kind| kind != "NONE"))
}
