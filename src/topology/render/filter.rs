//! Which part of a project is drawn: some services and their neighbours, some networks, some kinds of edges.

use std::collections::BTreeSet;

use super::{Graph, StoreKind};

/// What is to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// These services and those that they wait for or that wait for them; empty for all.
    pub services: Vec<String>,
    /// The members of these networks, by key; empty for all.
    pub networks: Vec<String>,
    /// These kinds of edges, and what only they lead to; empty for all.
    pub kinds: Vec<Kind>,
}

/// A kind of edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// From a service to one that it waits for.
    DependsOn,
    /// From a service to a network that it joins.
    Networks,
    /// From the host to a service that publishes a port.
    Ports,
    /// From a service to a volume that it mounts.
    Volumes,
    /// From a service to a config that it reads.
    Configs,
    /// From a service to a secret that it reads.
    Secrets,
}

impl From<StoreKind> for Kind {
    fn from(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Volume => Self::Volumes,
            StoreKind::Config => Self::Configs,
            StoreKind::Secret => Self::Secrets,
        }
    }
}

impl Filter {
    fn has_kind(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether a service is drawn for its own sake, not as the neighbour of one.
    fn is_meant(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|name| name == service)
    }

    /// Takes away what is not wanted.
    pub(super) fn apply(&self, graph: &mut Graph) {
        if !self.has_kind(Kind::DependsOn) {
            graph.dependencies.clear();
        }
        graph.uses.retain(|one| self.has_kind(one.kind.into()) && self.is_meant(&one.service));
        graph.dependencies.retain(|edge| self.is_meant(&edge.from) || self.is_meant(&edge.to));

        let mut kept: BTreeSet<String> = graph.services.iter().map(|service| service.name.clone()).collect();
        if !self.services.is_empty() {
            let ends = graph.dependencies.iter().flat_map(|edge| [&edge.from, &edge.to]);
            let near: BTreeSet<&String> = self.services.iter().chain(ends).collect();
            kept.retain(|name| near.contains(name));
        }
        if !self.networks.is_empty() {
            let members: BTreeSet<&str> =
                self.networks.iter().flat_map(|network| graph.members(network)).collect();
            kept.retain(|name| members.contains(name.as_str()));
        }
        graph.services.retain(|service| kept.contains(&service.name));
        graph.dependencies.retain(|edge| kept.contains(&edge.from) && kept.contains(&edge.to));
        graph.uses.retain(|one| kept.contains(&one.service));

        for service in &mut graph.services {
            if !self.has_kind(Kind::Networks) {
                service.networks.clear();
                service.mode = None;
            }
            if !self.networks.is_empty() {
                service.networks.retain(|key| self.networks.contains(key));
            }
            if !self.has_kind(Kind::Ports) || !self.is_meant(&service.name) {
                service.ports.clear();
            }
        }
        let used: BTreeSet<(StoreKind, &str)> =
            graph.uses.iter().map(|one| (one.kind, one.key.as_str())).collect();
        let is_whole = self.services.is_empty() && self.networks.is_empty();
        let is_used = |kind, key: &str| used.contains(&(kind, key));
        graph
            .stores
            .retain(|one| self.has_kind(one.kind.into()) && (is_whole || is_used(one.kind, &one.key)));
        let joined: BTreeSet<&String> = graph.services.iter().flat_map(|service| &service.networks).collect();
        let is_kept = self.has_kind(Kind::Networks);
        graph.networks.retain(|network| is_kept && (is_whole || joined.contains(&network.key)));
    }
}
