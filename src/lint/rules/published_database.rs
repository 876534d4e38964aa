//! Databases, caches and queues that the world reaches.

use super::{Finding, Input};
use crate::diagnostic::Edit;
use crate::model::ports::Port;
use crate::project::repository;

rule! {
    /// A database, cache or queue is published on all addresses of the host. Docker opens such a port past the rules of
    /// the host's firewall, and many of these images ask for no password, or for a known one. Other services of the
    /// project reach it without `ports`.
    "published-database" in Security at Warn, has_fix: true, check: check
}

/// How the names of images end, by whole parts.
const STORES: &[&str] = &[
    "aerospike-server", "arangodb", "cassandra", "clickhouse-server", "cockroach", "couchbase", "couchdb",
    "cp-kafka", "cp-server", "cp-zookeeper", "dragonfly", "elasticsearch", "etcd", "influxdb", "kafka", "keydb",
    "mariadb", "meilisearch", "memcached", "milvus", "mongo", "mongodb", "mongodb-community-server",
    "mssql/server", "mysql", "mysql-server", "nats", "neo4j", "opensearch", "percona", "percona-server",
    "pgvector", "postgis", "postgres", "postgresql", "pulsar", "qdrant", "questdb", "rabbitmq", "redis",
    "redis-stack", "redis-stack-server", "rethinkdb", "scylla", "solr", "surrealdb", "timescaledb",
    "timescaledb-ha", "typesense", "valkey", "weaviate", "zookeeper",
];

/// Returns the name in the table that an image has.
fn store(image: &str) -> Option<&'static str> {
    let name = repository(image);
    STORES.iter().copied().find(|store| {
        name.strip_suffix(store).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        let Some(image) = service.image.as_deref().and_then(store) else { continue };
        for (at, port) in service.ports.0.iter().enumerate() {
            if matches!(port.host_ip.as_deref(), None | Some("" | "0.0.0.0" | "::")) {
                let at = at.to_string();
                let path = ["services", name, "ports", &at];
                let message = format!("`{image}` of service `{name}` is published on all addresses");
                found.push(
                    Finding::at(input, &path, message, "open to whoever reaches the host")
                        .help("publish it on 127.0.0.1, or remove the port: other services need none")
                        .fix(bind_to_loopback(input, &path, port)),
                );
            }
        }
    }
    found
}

/// Returns the change that has the port published on 127.0.0.1.
fn bind_to_loopback(input: &Input<'_>, path: &[&str], port: &Port) -> Option<Edit> {
    let node = input.node(path)?;
    let text = input.sources.text(node.span);
    let is_mapping = node.get("target").is_some_and(|target| target.node.span != node.span);
    if let Some(written) = node.get("host_ip").filter(|_| is_mapping) {
        return Some(Edit { span: written.node.span, text: "127.0.0.1".to_owned() });
    }
    if port.host_ip.is_some() {
        return None;
    }
    if text.starts_with('{') {
        return Some(Edit { span: node.span.slice(1, 1), text: "host_ip: 127.0.0.1, ".to_owned() });
    }
    if is_mapping {
        let column = input.sources.locate(node.span)?.column;
        let indent = " ".repeat(column - 1);
        return Some(Input::insert(node.span, format!("host_ip: 127.0.0.1\n{indent}")));
    }
    let quote = usize::from(text.starts_with(['"', '\'']));
    let inside = text.trim_matches(['"', '\'']);
    // A variable may hold more than a port.
    let address = match inside.contains(':') {
        true => "127.0.0.1:",
        false if inside.contains('$') => return None,
        false => "127.0.0.1::",
    };
    Some(Edit { span: node.span.slice(quote, quote), text: address.to_owned() })
}
