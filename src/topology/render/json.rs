//! The graph as JSON, for programs. Kinds of edges and conditions have the words of the compose file.

use serde_json::{Value, json};

use super::{Graph, OpenTo, Port, Service, StoreKind};

/// Writes the graph as JSON.
pub fn json(graph: &Graph) -> Value {
    let networks = graph.networks.iter().map(|network| {
        json!({
            "key": network.key,
            "name": network.name,
            "driver": network.driver,
            "internal": network.internal,
            "external": network.external,
            "members": graph.members(&network.key).collect::<Vec<_>>(),
        })
    });
    let stores = |kind: StoreKind| {
        let of_kind = graph.stores.iter().filter(|store| store.kind == kind);
        of_kind.map(|store| json!({ "key": store.key, "external": store.external })).collect::<Vec<_>>()
    };
    json!({
        "project": graph.project,
        "services": graph.services.iter().map(service).collect::<Vec<_>>(),
        "networks": networks.collect::<Vec<_>>(),
        "volumes": stores(StoreKind::Volume),
        "configs": stores(StoreKind::Config),
        "secrets": stores(StoreKind::Secret),
        "edges": edges(graph),
    })
}

fn service(service: &Service) -> Value {
    let ports = service.ports.iter().flat_map(Port::each).map(|port| {
        json!({
            "hostAddress": port.address,
            "hostPorts": port.published.map(|(first, last)| [first, last]),
            "port": port.target.0,
            "protocol": port.protocol,
            "openTo": match port.open_to {
                OpenTo::World => "world",
                OpenTo::Host => "host",
                OpenTo::Nobody => "nobody",
            },
        })
    });
    let mut value = json!({
        "name": service.name,
        "image": service.image,
        "containers": service.containers,
        "ports": ports.collect::<Vec<_>>(),
    });
    if let Some(mode) = &service.mode {
        value["networkMode"] = json!(mode);
    }
    if let Some(live) = &service.live {
        value["live"] = json!({ "state": live.state.word(), "text": live.text });
    }
    value
}

fn edges(graph: &Graph) -> Vec<Value> {
    let dependencies = graph.dependencies.iter().map(|edge| {
        json!({
            "kind": "depends_on",
            "from": edge.from,
            "to": edge.to,
            "condition": edge.condition.word(),
            "required": edge.required,
        })
    });
    let joins = graph.services.iter().flat_map(|service| {
        let edge = |key: &String| json!({ "kind": "networks", "from": service.name, "to": key });
        service.networks.iter().map(edge)
    });
    let uses = graph.uses.iter().map(|one| {
        let kind = format!("{}s", one.kind.word());
        let (from, to, target) = (&one.service, &one.key, &one.target);
        let mut value = json!({ "kind": kind, "from": from, "to": to, "target": target });
        if one.kind == StoreKind::Volume {
            value["readOnly"] = json!(one.read_only);
        }
        value
    });
    dependencies.chain(joins).chain(uses).collect()
}
