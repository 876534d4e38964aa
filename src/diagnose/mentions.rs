//! Finds the hosts that a service is told to talk to, in the values of its environment.
//!
//! Nothing says for sure which variables name a host. What is taken for one: the host of a URL, `host:port`, and the
//! whole value of a variable whose name says that it is a host. Variables that say where a service itself is found,
//! or listens, are left out.

use crate::project::Project;

/// A host that a service is told to talk to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// The variable.
    pub variable: String,
    /// The host: a name or an address.
    pub host: String,
    /// The port, where it is said or the scheme has one of its own.
    pub port: Option<u16>,
    /// Whether a variable with proxies is where it stands.
    pub is_proxy: bool,
    /// Whether HTTP is spoken with it.
    pub is_http: bool,
    /// Whether it is surely a host: it stands in a URL, or the variable says so.
    pub is_sure: bool,
}

/// Words in the names of variables that say where the service itself is.
const OWN: [&str; 13] = [
    "LISTEN",
    "BIND",
    "ADVERTISE",
    "PUBLIC",
    "EXTERNAL",
    "ORIGIN",
    "CORS",
    "CALLBACK",
    "REDIRECT",
    "ALLOWED",
    "HOSTNAME",
    "FRONTEND",
    "NO_PROXY",
];

/// Last words in the names of variables that say that the value is a host.
const HOST: [&str; 14] = [
    "HOST",
    "HOSTS",
    "SERVER",
    "SERVERS",
    "ADDR",
    "ADDRESS",
    "ENDPOINT",
    "ENDPOINTS",
    "BROKER",
    "BROKERS",
    "UPSTREAM",
    "BACKEND",
    "NODES",
    "URL",
];

/// Returns the hosts that a service is told to talk to, in the order of its variables.
pub fn mentions(project: &Project, service: &str) -> Vec<Mention> {
    let Some(settings) = project.services.get(service) else { return Vec::new() };
    let values = settings.environment.0.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let mut found = Vec::new();
    for (name, value) in values {
        let upper = name.to_ascii_uppercase();
        if OWN.iter().any(|word| upper.contains(word)) {
            continue;
        }
        let is_proxy = upper.ends_with("_PROXY");
        let is_host = HOST.iter().any(|word| upper.ends_with(word));
        let mention = |host: &str, port: Option<u16>, is_http: bool, is_sure: bool| Mention {
            variable: name.clone(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            is_proxy,
            is_http,
            is_sure,
        };
        let before = found.len();
        for (host, port, is_http) in of_urls(value) {
            found.push(mention(host, port, is_http, true));
        }
        if found.len() > before {
            continue;
        }
        for part in value.split(',').map(str::trim) {
            match part.rsplit_once(':') {
                Some((host, port)) if is_name(host) && port.parse::<u16>().is_ok() => {
                    found.push(mention(host, port.parse().ok(), false, is_host));
                }
                None if is_host && is_name(part) && part.parse::<f64>().is_err() => {
                    let companion = name.to_owned().replace("HOST", "PORT").replace("ADDR", "PORT");
                    let port = settings.environment.0.get(&companion).filter(|_| companion != *name);
                    let port = port.and_then(|port| port.as_deref()?.parse().ok());
                    found.push(mention(part, port, false, true));
                }
                _ => {}
            }
        }
    }
    found.retain(|mention| !matches!(mention.host.as_str(), "" | "0.0.0.0" | "::" | "*"));
    found
}

/// Returns whether a text can be a host: a name or an IPv4 address.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !part.starts_with('-')
    };
    !text.is_empty() && text.split('.').all(is_part) && text.len() <= 253
}

/// Returns hosts and ports of the URLs in a text, and whether they are HTTP's. One URL may have several hosts, with
/// commas between them.
fn of_urls(text: &str) -> Vec<(&str, Option<u16>, bool)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let scheme =
            before.rsplit(|one: char| !one.is_ascii_alphanumeric() && one != '+').next().unwrap_or("");
        let end = after.find(['/', '?', '#', ' ', '"', '\'', ';', ')']).unwrap_or(after.len());
        let authority = &after[..end];
        let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        for host in hosts.split(',') {
            let (name, port) = match host.rsplit_once(':') {
                Some((name, port)) if !port.contains(']') && !name.ends_with('(') => {
                    (name, port.parse().ok())
                }
                _ => (host, None),
            };
            let is_host = is_name(name) || name.starts_with('[');
            if is_host && !matches!(scheme, "unix" | "file" | "sqlite" | "data") {
                found.push((name, port.or_else(|| port_of(scheme)), matches!(scheme, "http" | "https")));
            }
        }
        rest = &after[end..];
    }
    found
}

/// Returns the port of a scheme.
fn port_of(scheme: &str) -> Option<u16> {
    // `postgresql+asyncpg` is spoken at the same port.
    Some(match scheme.split('+').next().unwrap_or(scheme).to_ascii_lowercase().as_str() {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "postgres" | "postgresql" => 5432,
        "mysql" | "mariadb" => 3306,
        "redis" => 6379,
        "amqp" => 5672,
        "mongodb" => 27017,
        "nats" => 4222,
        "memcached" => 11211,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{MemWorld, Request, load};
    use crate::project::{Selection, resolve};

    fn check(environment: &str) -> Vec<(String, Option<u16>)> {
        let text = format!("services:\n  web:\n    image: x\n    environment: {environment}\n");
        let world = MemWorld::project([("compose.yaml", text.as_str())]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, &Selection::default(), &world);
        assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.sorted());
        mentions(&project, "web").into_iter().map(|one| (one.host, one.port)).collect()
    }

    #[test]
    fn hosts_are_found_where_people_write_them() {
        for (environment, expected) in [
            ("{DB: 'postgres://user:p%40ss@db/app?x=1'}", vec![("db", Some(5432))]),
            ("{API_URL: 'http://api:8080/v1'}", vec![("api", Some(8080))]),
            ("{DB_HOST: db, DB_PORT: '5433'}", vec![("db", Some(5433))]),
            ("{KAFKA_BROKERS: 'one:9092,two:9093'}", vec![("one", Some(9092)), ("two", Some(9093))]),
            ("{MONGO: 'mongodb://one:1,two/x'}", vec![("one", Some(1)), ("two", Some(27017))]),
            ("{HTTP_PROXY: 'http://proxy:3128'}", vec![("proxy", Some(3128))]),
            ("{LISTEN_ADDR: '0.0.0.0:80', PUBLIC_URL: 'http://localhost:8080', TIME: '12:30:01'}", vec![]),
            ("{DB: 'sqlite:///data/x.db', LEVEL: info, URL: 'unix:///run/x.sock', N: '5'}", vec![]),
            (
                "{DB: 'jdbc:postgresql://db:5432/app', POSTGRES_HOST_AUTH_METHOD: trust}",
                vec![("db", Some(5432))],
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(host, port)| (host.to_owned(), port)).collect();
            assert_eq!(check(environment), expected, "{environment}");
        }
    }
}
