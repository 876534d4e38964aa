//! The engine, asked without topo: what a project has there, what its containers say, and how to remove it all.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::future::Future;

use bollard::Docker;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{
    ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest,
    NetworkDisconnectRequest, NetworkInspect, SwarmInitRequest, VolumeCreateRequest,
};
use bollard::query_parameters as query;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::runtime::Runtime;

use super::host;

/// A connection to the engine, for code that does not wait in other ways.
pub(crate) struct Engine {
    /// What `DOCKER_HOST` is to be for others to find it.
    pub(crate) address: String,
    docker: Docker,
    runtime: Runtime,
}

/// Where the engine is that tests share.
pub(crate) fn address() -> String {
    host::variable("DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
}

fn of_project(project: &str) -> HashMap<String, Vec<String>> {
    let label = format!("com.docker.compose.project={project}");
    HashMap::from([("label".to_owned(), vec![label])])
}

impl Engine {
    /// Connects to the engine that tests share.
    pub(crate) fn connect() -> Self {
        Self::at(&address())
    }

    pub(crate) fn at(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let docker = runtime.block_on(async {
            Docker::connect_with_host(address).unwrap().negotiate_version().await.unwrap()
        });
        Self { address: address.to_owned(), docker, runtime }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Returns the names of a project's containers, those that do not run included.
    async fn names(&self, project: &str) -> Vec<String> {
        let options = query::ListContainersOptions {
            all: true,
            filters: Some(of_project(project)),
            ..Default::default()
        };
        let listed = self.docker.list_containers(Some(options)).await.unwrap_or_default();
        let mut names: Vec<_> = listed.into_iter().filter_map(|one| one.names?.into_iter().next()).collect();
        names.sort();
        names.iter().map(|name| name.trim_start_matches('/').to_owned()).collect()
    }

    /// Returns what the engine says about each container of a project, but for those that go meanwhile.
    pub(crate) fn containers(&self, project: &str) -> Vec<ContainerInspectResponse> {
        self.wait(async {
            let names = self.names(project).await;
            let inspected = names.iter().map(|name| self.docker.inspect_container(name, None));
            join_all(inspected).await.into_iter().flatten().collect()
        })
    }

    pub(crate) fn inspect(&self, container: &str) -> ContainerInspectResponse {
        self.wait(self.docker.inspect_container(container, None)).unwrap()
    }

    /// Runs a command in a container. Returns its exit code and all that it printed.
    pub(crate) fn exec(&self, container: &str, command: &[&str]) -> (i64, String) {
        let result = self.wait(async {
            let options = CreateExecOptions {
                cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                ..CreateExecOptions::default()
            };
            let exec = self.docker.create_exec(container, options).await.unwrap();
            let mut printed = String::new();
            if let StartExecResults::Attached { mut output, .. } =
                self.docker.start_exec(&exec.id, None).await.unwrap()
            {
                while let Some(piece) = output.next().await {
                    printed.push_str(&piece.unwrap().to_string());
                }
            }
            let code = self.docker.inspect_exec(&exec.id).await.unwrap().exit_code.unwrap();
            (code, printed)
        });
        host::note(&format!("{container}$ {} [{}]\n{}", command.join(" "), result.0, result.1));
        result
    }

    /// Returns the names of a project's networks.
    pub(crate) fn networks(&self, project: &str) -> Vec<String> {
        self.wait(self.listed_networks(project)).into_iter().filter_map(|network| network.name).collect()
    }

    async fn listed_networks(&self, project: &str) -> Vec<bollard::models::Network> {
        let options = query::ListNetworksOptions { filters: Some(of_project(project)) };
        let mut networks = self.docker.list_networks(Some(options)).await.unwrap_or_default();
        networks.sort_by(|one, other| one.name.cmp(&other.name));
        networks
    }

    pub(crate) fn network(&self, name: &str) -> NetworkInspect {
        self.wait(self.docker.inspect_network(name, None)).unwrap()
    }

    pub(crate) fn has_volume(&self, name: &str) -> bool {
        self.wait(self.docker.inspect_volume(name)).is_ok()
    }

    pub(crate) fn has_image(&self, name: &str) -> bool {
        self.wait(self.docker.inspect_image(name)).is_ok()
    }

    pub(crate) fn has_network(&self, name: &str) -> bool {
        self.wait(self.docker.inspect_network(name, None)).is_ok()
    }

    pub(crate) fn remove_network(&self, name: &str) {
        self.wait(self.docker.remove_network(name)).unwrap();
    }

    /// Returns the names of a project's volumes.
    pub(crate) fn volumes(&self, project: &str) -> Vec<String> {
        let options = query::ListVolumesOptions { filters: Some(of_project(project)) };
        let listed = self.wait(self.docker.list_volumes(Some(options))).unwrap_or_default();
        let mut names: Vec<_> =
            listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect();
        names.sort();
        names
    }

    pub(crate) fn create_volume(&self, name: &str) {
        let request = VolumeCreateRequest { name: Some(name.to_owned()), ..VolumeCreateRequest::default() };
        self.wait(self.docker.create_volume(request)).unwrap();
    }

    /// Returns the names of all volumes, those of no project included.
    pub(crate) fn all_volumes(&self) -> BTreeSet<String> {
        let listed = self.wait(self.docker.list_volumes(None::<query::ListVolumesOptions>)).unwrap();
        listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect()
    }

    /// Attaches a container to a network, with these names and maybe an address.
    pub(crate) fn connect_container(
        &self,
        network: &str,
        container: &str,
        aliases: &[&str],
        address: Option<&str>,
    ) {
        let ipam = address.map(|address| EndpointIpamConfig {
            ipv4_address: Some(address.to_owned()),
            ..EndpointIpamConfig::default()
        });
        let endpoint = EndpointSettings {
            aliases: Some(aliases.iter().map(|alias| (*alias).to_owned()).collect()),
            ipam_config: ipam,
            ..EndpointSettings::default()
        };
        let request =
            NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
        self.wait(self.docker.connect_network(network, request)).unwrap();
    }

    /// Detaches a container from a network.
    pub(crate) fn disconnect_container(&self, network: &str, container: &str) {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        self.wait(self.docker.disconnect_network(network, request)).unwrap();
    }

    /// Returns the names of the probers that are joined to a container's network.
    pub(crate) fn probers(&self, container: &str) -> Vec<String> {
        let id = self.inspect(container).id.unwrap();
        let filters = HashMap::from([("label".to_owned(), vec!["topo.probe".to_owned()])]);
        let options =
            query::ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        let listed = self.wait(self.docker.list_containers(Some(options))).unwrap();
        let names = listed.into_iter().filter_map(|one| one.names?.into_iter().next());
        names.filter(|name| name.contains(&id[..12])).collect()
    }

    /// Returns how many containers there are with this in their name.
    pub(crate) fn count_named(&self, part: &str) -> usize {
        let filters = HashMap::from([("name".to_owned(), vec![part.to_owned()])]);
        let options =
            query::ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        self.wait(self.docker.list_containers(Some(options))).unwrap().len()
    }

    pub(crate) fn remove_container(&self, name: &str) {
        let options = query::RemoveContainerOptions { force: true, v: true, link: false };
        self.wait(self.docker.remove_container(name, Some(options))).unwrap();
    }

    pub(crate) fn kill(&self, container: &str) {
        self.wait(self.docker.kill_container(container, None)).unwrap();
    }

    /// Returns the ID of an image that is there.
    pub(crate) fn image(&self, name: &str) -> Option<String> {
        self.wait(self.docker.inspect_image(name)).ok()?.id
    }

    /// Gives an image to another engine.
    pub(crate) fn give_image(&self, name: &str, other: &Self) {
        let pieces = self.wait(self.docker.export_image(name).collect::<Vec<_>>());
        let archive: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap()).collect();
        let options = query::ImportImageOptions { quiet: true, ..Default::default() };
        let loaded = other.docker.import_image(options, bollard::body_full(archive.into()), None);
        for said in other.wait(loaded.collect::<Vec<_>>()) {
            said.unwrap();
        }
    }

    /// Takes a name from an image, and the image if it was its last.
    pub(crate) fn remove_image(&self, name: &str) {
        let options = query::RemoveImageOptions { force: true, ..Default::default() };
        let _ = self.wait(self.docker.remove_image(name, Some(options), None));
    }

    /// Gives an image one more name.
    pub(crate) fn tag(&self, image: &str, name: &str) {
        let (repository, tag) = name.rsplit_once(':').unwrap();
        let options = query::TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
        self.wait(self.docker.tag_image(image, Some(options))).unwrap();
    }

    pub(crate) fn is_in_swarm(&self) -> bool {
        let info = self.wait(self.docker.info()).unwrap();
        let state = info.swarm.and_then(|swarm| swarm.local_node_state);
        state == Some(bollard::models::LocalNodeState::ACTIVE)
    }

    /// Makes the engine a Swarm of one, that nobody else can reach.
    pub(crate) fn init_swarm(&self) {
        let request = SwarmInitRequest {
            listen_addr: Some("127.0.0.1".to_owned()),
            advertise_addr: Some("127.0.0.1".to_owned()),
            ..SwarmInitRequest::default()
        };
        self.wait(self.docker.init_swarm(request)).unwrap();
    }

    pub(crate) fn leave_swarm(&self) {
        self.wait(self.docker.leave_swarm(Some(query::LeaveSwarmOptions { force: true }))).unwrap();
    }

    /// Says what a project has, for whoever reads about a failed test.
    pub(crate) fn describe(&self, project: &str) -> String {
        let mut text = String::new();
        for container in self.containers(project) {
            let state = container.state.unwrap_or_default();
            let health = state.health.as_ref().and_then(|health| health.status);
            let (status, code) = (state.status, state.exit_code);
            let name = container.name.unwrap_or_default();
            let _ = writeln!(text, "  {name} {status:?} {code:?} {health:?} {:?}", state.error);
            let options = query::LogsOptions {
                stdout: true,
                stderr: true,
                tail: "10".to_owned(),
                ..query::LogsOptions::default()
            };
            let logs = self.docker.logs(name.trim_start_matches('/'), Some(options));
            for line in self.wait(logs.collect::<Vec<_>>()).into_iter().flatten() {
                let _ = write!(text, "    {line}");
            }
        }
        let _ =
            writeln!(text, "  networks {:?}, volumes {:?}", self.networks(project), self.volumes(project));
        text
    }

    /// Removes all that a project has, its images included.
    pub(crate) fn remove_all(&self, project: &str) {
        self.wait(async {
            let containers = self.names(project).await;
            let options = || query::RemoveContainerOptions { force: true, v: true, link: false };
            let removed = containers.iter().map(|name| self.docker.remove_container(name, Some(options())));
            join_all(removed).await;
            for network in self.listed_networks(project).await {
                let id = network.id.unwrap_or_default();
                // Endpoints of containers that were just removed may take a moment to go.
                for _ in 0..20 {
                    if self.docker.remove_network(&id).await.is_ok() {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
            let options = query::ListVolumesOptions { filters: Some(of_project(project)) };
            let volumes = self.docker.list_volumes(Some(options)).await.unwrap_or_default().volumes;
            for volume in volumes.unwrap_or_default() {
                let _ = self.docker.remove_volume(&volume.name, None::<query::RemoveVolumeOptions>).await;
            }
            let options =
                query::ListImagesOptions { filters: Some(of_project(project)), ..Default::default() };
            for image in self.docker.list_images(Some(options)).await.unwrap_or_default() {
                let options = query::RemoveImageOptions { force: true, ..Default::default() };
                let _ = self.docker.remove_image(&image.id, Some(options), None).await;
            }
        });
    }
}
