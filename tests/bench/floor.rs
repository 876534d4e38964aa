//! The floor: what the engine alone costs. The calls that a converging tool cannot do without, made raw and as much at
//! the same time as they can be, by one who knows beforehand what is there.

use std::collections::HashMap;
use std::env;

use bollard::models::{
    ContainerCreateBody, EventMessageTypeEnum, HealthConfig, HostConfig, NetworkCreateRequest,
};
use bollard::query_parameters as query;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt;
use futures_util::future::{join_all, join3};

pub(crate) struct Floor {
    docker: Docker,
    image: String,
}

impl Floor {
    /// Connects to the engine at `DOCKER_HOST`.
    pub(crate) fn connect(image: &str) -> Self {
        let host = env::var_os("DOCKER_HOST").and_then(|host| host.into_string().ok());
        let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let docker = match host.strip_prefix("tcp://") {
            Some(address) => Docker::connect_with_http(address, 120, API_DEFAULT_VERSION),
            None => Docker::connect_with_unix(&host, 120, API_DEFAULT_VERSION),
        };
        Self { docker: docker.expect("DOCKER_HOST is an address"), image: image.to_owned() }
    }

    pub(crate) async fn up(&self, project: &str, services: usize) {
        self.create_network(project).await;
        join_all((0..services).map(async |at| {
            self.create(project, at, None).await;
            self.start(project, at).await;
        }))
        .await;
    }

    /// Starts each container at the event that says that the one before it is healthy.
    pub(crate) async fn chain(&self, project: &str, services: usize) {
        self.create_network(project).await;
        let health = HealthConfig {
            test: Some(["CMD", "/demo", "health"].map(str::to_owned).to_vec()),
            interval: Some(1_000_000_000),
            ..HealthConfig::default()
        };
        join_all((0..services).map(|at| self.create(project, at, Some(health.clone())))).await;
        let filters = HashMap::from([("event", vec!["health_status"]), ("label", vec![project])]);
        let mut events =
            self.docker.events(Some(query::EventsOptionsBuilder::new().filters(&filters).build()));
        for at in 0..services {
            self.start(project, at).await;
            if at + 1 == services {
                break;
            }
            loop {
                let event = events.next().await.expect("events go on").expect("events are sent");
                let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
                let is_ours = attributes.get("name") == Some(&name(project, at));
                if event.typ == Some(EventMessageTypeEnum::CONTAINER)
                    && event.action.as_deref() == Some("health_status: healthy")
                    && is_ours
                {
                    break;
                }
            }
        }
    }

    /// Looks at what there is.
    pub(crate) async fn again(&self, project: &str) {
        let labelled = HashMap::from([("label", vec![project])]);
        let networks = query::ListNetworksOptionsBuilder::new().filters(&labelled).build();
        let volumes = query::ListVolumesOptionsBuilder::new().filters(&labelled).build();
        let ((), networks, volumes) = join3(
            self.ps(project),
            self.docker.list_networks(Some(networks)),
            self.docker.list_volumes(Some(volumes)),
        )
        .await;
        networks.expect("networks are listed");
        volumes.expect("volumes are listed");
    }

    pub(crate) async fn ps(&self, project: &str) {
        self.containers(project).await;
    }

    /// Replaces one container.
    pub(crate) async fn change(&self, project: &str) {
        self.again(project).await;
        self.remove(&name(project, 0)).await;
        self.create(project, 0, None).await;
        self.start(project, 0).await;
    }

    pub(crate) async fn down(&self, project: &str) {
        let names = self.containers(project).await;
        join_all(names.iter().map(|name| self.remove(name))).await;
        // The engine may not have let go of the last container yet.
        while self.docker.remove_network(project).await.is_err() {}
    }

    async fn containers(&self, project: &str) -> Vec<String> {
        let labelled = HashMap::from([("label", vec![project])]);
        let options = query::ListContainersOptionsBuilder::new().all(true).filters(&labelled).build();
        let found = self.docker.list_containers(Some(options)).await.expect("containers are listed");
        found.into_iter().filter_map(|container| container.id).collect()
    }

    async fn create_network(&self, project: &str) {
        let request = NetworkCreateRequest {
            name: project.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels(project)),
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(request).await.expect("the network is created");
    }

    async fn create(&self, project: &str, at: usize, healthcheck: Option<HealthConfig>) {
        let options = query::CreateContainerOptionsBuilder::new().name(&name(project, at)).build();
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(vec!["serve".to_owned()]),
            labels: Some(labels(project)),
            healthcheck,
            host_config: Some(HostConfig { network_mode: Some(project.to_owned()), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        self.docker.create_container(Some(options), body).await.expect("the container is created");
    }

    async fn start(&self, project: &str, at: usize) {
        let none = None::<query::StartContainerOptions>;
        self.docker.start_container(&name(project, at), none).await.expect("the container starts");
    }

    /// Stops a container without patience, and removes it.
    async fn remove(&self, container: &str) {
        let stop = query::StopContainerOptionsBuilder::new().t(0).build();
        self.docker.stop_container(container, Some(stop)).await.expect("the container stops");
        let none = None::<query::RemoveContainerOptions>;
        self.docker.remove_container(container, none).await.expect("the container is removed");
    }
}

fn name(project: &str, at: usize) -> String {
    format!("{project}-s{at}-1")
}

/// One label, named like the project, so that it is enough to look for the name.
fn labels(project: &str) -> HashMap<String, String> {
    HashMap::from([(project.to_owned(), String::new())])
}
