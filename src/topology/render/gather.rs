//! What is to be drawn of a project, gathered from its graph and its file.

use crate::model::network as model;
use crate::model::storage::MountType;
use crate::project::Project;
use crate::topology::reach::{End, Obstacle, reach};
use crate::topology::{Relation, Resource, Topology};

use super::{Dependency, Filter, Graph, Network, OpenTo, Port, Service, Store, StoreKind, Use};

impl Graph {
    /// Gathers what a filter leaves of a project.
    pub fn of(project: &Project, topology: &Topology, filter: &Filter) -> Self {
        let mut graph = Self {
            project: project.name.clone(),
            services: project.services.keys().map(|name| service(project, name)).collect(),
            networks: project.networks.iter().map(|(key, network)| of_network(key, network)).collect(),
            stores: Vec::new(),
            dependencies: dependencies(project, topology),
            uses: project.services.keys().flat_map(|name| uses(project, name)).collect(),
        };
        let store = |kind, key: &String, external: &model::External| Store {
            kind,
            key: key.clone(),
            external: external.is,
        };
        let volumes = project.volumes.iter().map(|(key, one)| store(StoreKind::Volume, key, &one.external));
        let configs = project.configs.iter().map(|(key, one)| store(StoreKind::Config, key, &one.external));
        let secrets = project.secrets.iter().map(|(key, one)| store(StoreKind::Secret, key, &one.external));
        graph.stores = volumes.chain(configs).chain(secrets).collect();
        filter.apply(&mut graph);
        graph
    }
}

fn service(project: &Project, name: &str) -> Service {
    let settings = &project.services[name];
    let obstacles = reach(project, End::World, End::Service(name)).obstacles;
    let is_in_vain = obstacles
        .iter()
        .any(|one| !matches!(one, Obstacle::LoopbackOnly { .. } | Obstacle::NotPublished { .. }));
    let is_local = |place: usize| {
        obstacles.iter().any(|one| matches!(one, Obstacle::LoopbackOnly { at, .. } if *at == place))
    };
    let ports = settings.ports.0.iter().enumerate().map(|(at, port)| Port {
        address: port.host_ip.clone().filter(|address| !matches!(address.as_str(), "" | "0.0.0.0")),
        published: port.published_range().filter(|(first, _)| *first > 0),
        target: (port.target.0, port.target.0),
        protocol: port.protocol().to_owned(),
        open_to: match () {
            () if is_in_vain => OpenTo::Nobody,
            () if is_local(at) => OpenTo::Host,
            () => OpenTo::World,
        },
    });
    let mut rows: Vec<Port> = Vec::new();
    for port in ports {
        if !rows.last_mut().is_some_and(|row| row.goes_on_with(&port)) {
            rows.push(port);
        }
    }
    Service {
        name: name.to_owned(),
        image: match &settings.provider {
            Some(provider) => format!("provider {}", provider.kind),
            None => project.image_of(name, settings),
        },
        containers: settings.containers(),
        networks: settings.networks.0.keys().cloned().collect(),
        mode: settings.network_mode.clone().filter(|mode| !mode.is_empty()),
        ports: rows,
        live: None,
    }
}

fn of_network(key: &str, network: &model::Network) -> Network {
    Network {
        key: key.to_owned(),
        name: network.name.clone().unwrap_or_else(|| key.to_owned()),
        driver: network.driver.clone().filter(|driver| !driver.is_empty()).unwrap_or("bridge".to_owned()),
        internal: network.internal,
        external: network.external.is,
    }
}

fn dependencies(project: &Project, topology: &Topology) -> Vec<Dependency> {
    let graph = &topology.graph;
    let mut found: Vec<Dependency> = graph
        .edge_indices()
        .filter_map(|edge| {
            let Relation::DependsOn(condition) = graph[edge] else { return None };
            let (from, to) = graph.edge_endpoints(edge)?;
            let (Resource::Service(from), Resource::Service(to)) = (&graph[from], &graph[to]) else {
                return None;
            };
            let how = project.services.get(from).and_then(|service| service.depends_on.0.get(to));
            let required = how.is_none_or(crate::model::lifecycle::Dependency::is_required);
            Some(Dependency { from: from.clone(), to: to.clone(), condition, required })
        })
        .collect();
    found.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
    found
}

fn uses(project: &Project, name: &str) -> Vec<Use> {
    let settings = &project.services[name];
    let of = |kind, key: &str, target: Option<&String>, read_only| Use {
        service: name.to_owned(),
        kind,
        key: key.to_owned(),
        target: target.cloned(),
        read_only,
    };
    let mounts = settings.volumes.0.iter().filter(|mount| mount.kind == MountType::Volume);
    let volumes = mounts.filter_map(|mount| {
        let source = mount.source.as_ref().filter(|source| project.volumes.contains_key(*source))?;
        Some(of(StoreKind::Volume, source, mount.target.as_ref(), mount.read_only))
    });
    let configs = settings.configs.0.iter();
    let configs = configs.map(|one| of(StoreKind::Config, &one.source, one.target.as_ref(), true));
    let secrets = settings.secrets.0.iter();
    let secrets = secrets.map(|one| of(StoreKind::Secret, &one.source, one.target.as_ref(), true));
    volumes.chain(configs).chain(secrets).collect()
}
