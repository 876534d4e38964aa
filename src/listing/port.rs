//! What `port` answers: where a container's port is published.

use crate::engine::look::Listed;
use crate::observed::PublishedPort;

/// Finds where a port of a service is published: `0.0.0.0:8080`. `index` chooses among its containers, 0 takes the first.
/// Returns why there is no answer, as a phrase.
pub fn published(
    running: &[Listed],
    service: &str,
    index: u32,
    port: u16,
    protocol: &str,
) -> Result<String, String> {
    let of_service = |one: &&Listed| {
        let container = &one.container;
        container.service == service && !container.oneoff && (index == 0 || container.number == index)
    };
    let found = running.iter().filter(of_service).min_by_key(|one| one.container.number);
    let Some(found) = found else {
        return Err(match index {
            0 => format!("service `{service}` is not running"),
            index => format!("service `{service}` has no running container {index}"),
        });
    };
    let is_asked = |one: &&PublishedPort| one.container == port && one.protocol == protocol;
    match found.ports.iter().find(is_asked) {
        Some(PublishedPort { host: Some((address, host)), .. }) if address.contains(':') => {
            Ok(format!("[{address}]:{host}"))
        }
        Some(PublishedPort { host: Some((address, host)), .. }) => Ok(format!("{address}:{host}")),
        // docker compose's answer for a port that is exposed only.
        Some(PublishedPort { host: None, .. }) => Ok(":0".to_owned()),
        None => {
            let mut ports: Vec<String> =
                found.ports.iter().map(|port| format!("{}/{}", port.container, port.protocol)).collect();
            ports.sort();
            ports.dedup();
            let has = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
            Err(format!("container {} has no port {port}/{protocol}; it has {has}", found.container.name))
        }
    }
}
