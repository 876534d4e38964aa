//! Subscribes to the engine's events.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::failed;
use crate::engine::{Action, Happening, Kind, Result, Scope, Since};
use crate::observed::Health;
use crate::plan::labels;

/// What is asked for of containers. Without this, every probe of every health check would arrive in three parts.
const CONTAINER_EVENTS: [&str; 14] = [
    "create",
    "start",
    "die",
    "destroy",
    // What Podman calls it.
    "remove",
    "rename",
    "pause",
    "unpause",
    "restart",
    "stop",
    "kill",
    "oom",
    "health_status",
    "exec_die",
];

/// The engine takes requests up to some size only; beyond this length, names are compared on this side.
const LONGEST_FILTER: usize = 16_000;

pub(super) fn subscribe(
    client: &bollard::Docker,
    scope: &Scope,
    since: Since,
) -> BoxStream<'static, Result<Happening>> {
    let open = |filters: HashMap<String, Vec<String>>| {
        let since = match since {
            Since::Now => None,
            // Any point in the past makes the engine replay what it remembers: a few hundred events.
            Since::Earliest => Some("1".to_owned()),
            Since::After(nanos) => {
                let next = nanos + 1;
                Some(format!("{}.{:09}", next / 1_000_000_000, next % 1_000_000_000))
            }
        };
        let options = EventsOptions { since, until: None, filters: Some(filters) };
        client.events(Some(options)).map(|message| {
            let message = message.map_err(failed("follow the engine's events"))?;
            Ok(happening(message))
        })
    };
    let containers = |more: Vec<(&str, Vec<String>)>| {
        let mut filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), CONTAINER_EVENTS.map(str::to_owned).to_vec()),
        ]);
        filters.extend(more.into_iter().map(|(key, values)| (key.to_owned(), values)));
        open(filters)
    };
    let of_project = |project: &str| vec![("label", vec![format!("{}={project}", labels::PROJECT)])];
    match scope {
        Scope::Project(project) => containers(of_project(project)).boxed(),
        Scope::ProjectAndStorage(project) => {
            // A label filter leaves out networks and volumes on older engines: they get a request of their own.
            let types = vec!["network".to_owned(), "volume".to_owned()];
            let storage = open(HashMap::from([("type".to_owned(), types)]));
            stream::select(containers(of_project(project)), storage).boxed()
        }
        Scope::Containers(names) => {
            let short = names.iter().map(String::len).sum::<usize>() < LONGEST_FILTER;
            let filter = if short { vec![("container", names.clone())] } else { Vec::new() };
            let names = names.clone();
            // The engine's filter also matches longer names with the same start.
            let wanted = move |happening: &Result<Happening>| match happening {
                Ok(happening) => names.contains(&happening.name),
                Err(_) => true,
            };
            containers(filter).filter(move |happening| std::future::ready(wanted(happening))).boxed()
        }
    }
}

fn happening(message: EventMessage) -> Happening {
    let actor = message.actor.unwrap_or_default();
    let mut attributes: BTreeMap<_, _> = actor.attributes.unwrap_or_default().into_iter().collect();
    let id = actor.id.unwrap_or_default();
    let kind = match message.typ {
        Some(EventMessageTypeEnum::CONTAINER) => Kind::Container,
        Some(EventMessageTypeEnum::NETWORK) => Kind::Network,
        Some(EventMessageTypeEnum::VOLUME) => Kind::Volume,
        _ => Kind::Other,
    };
    let seconds = message.time.unwrap_or_default();
    Happening {
        kind,
        name: attributes.remove("name").unwrap_or_else(|| id.clone()),
        action: action(&message.action.unwrap_or_default(), &attributes),
        id,
        attributes,
        time: message.time_nano.unwrap_or_else(|| seconds.saturating_mul(1_000_000_000)),
    }
}

fn action(text: &str, attributes: &BTreeMap<String, String>) -> Action {
    let (verb, detail) = text.split_once(": ").unwrap_or((text, ""));
    match (verb, detail) {
        ("create", _) => Action::Create,
        ("start", _) => Action::Start,
        ("die", _) => Action::Die(attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(0)),
        ("health_status", "healthy") => Action::Health(Health::Healthy),
        ("health_status", "unhealthy") => Action::Health(Health::Unhealthy),
        ("health_status", "starting") => Action::Health(Health::Starting),
        ("exec_die", _) => Action::Probe,
        ("destroy" | "remove", _) => Action::Destroy,
        _ => Action::Other(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_become_actions() {
        let message: EventMessage = serde_json::from_value(serde_json::json!({
            "Type": "container", "Action": "die", "time": 5, "timeNano": 5_000_000_007_i64,
            "Actor": {"ID": "3f", "Attributes": {"name": "app-web-1", "exitCode": "137"}},
        }))
        .unwrap();
        let happening = happening(message);
        assert_eq!((happening.kind, happening.action), (Kind::Container, Action::Die(137)));
        assert_eq!((happening.name.as_str(), happening.time), ("app-web-1", 5_000_000_007));
        let none = BTreeMap::new();
        assert_eq!(action("health_status: unhealthy", &none), Action::Health(Health::Unhealthy));
        assert_eq!(action("exec_die", &none), Action::Probe);
        assert_eq!(action("pause", &none), Action::Other("pause".into()));
    }

    #[test]
    fn what_is_acted_on_is_asked_for() {
        for name in ["create", "start", "die", "exec_die", "destroy", "remove"] {
            assert!(!matches!(action(name, &BTreeMap::new()), Action::Other(_)), "{name}");
            assert!(CONTAINER_EVENTS.contains(&name), "{name}");
        }
    }
}
