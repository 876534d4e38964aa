//! What the containers of each service are doing, together: for drawings.

use std::collections::BTreeMap;

use super::containers::state_name;
use crate::observed::{Container, Health, State};
use crate::project::Project;
use crate::topology::render::{Live, LiveState};

/// The codes of processes that were told to end: by SIGINT, SIGKILL and SIGTERM.
const TOLD_TO_END: [i64; 3] = [130, 137, 143];

/// Says for each service of a project what its containers are doing. Those made by `run` do not count.
pub fn live(project: &Project, containers: &[Container]) -> BTreeMap<String, Live> {
    let of_service = |name: &str| {
        let own = containers.iter().filter(|one| one.service == name && !one.oneoff);
        let mut states: Vec<(LiveState, String)> = own.map(state).collect();
        let wanted = usize::try_from(project.services[name].containers()).unwrap_or(0);
        let missing = wanted.saturating_sub(states.len());
        states.extend((0..missing).map(|_| (LiveState::Absent, "absent".to_owned())));
        states.sort();
        together(&states)
    };
    let names = project.services.keys();
    names.filter_map(|name| Some((name.clone(), of_service(name)?))).collect()
}

/// Puts sorted states together: the worst one, and all of them in words.
fn together(states: &[(LiveState, String)]) -> Option<Live> {
    let (worst, word) = states.last()?;
    let text = match states {
        [_] if *worst == LiveState::Absent => "no container".to_owned(),
        [_] => word.clone(),
        _ => {
            let groups = states.chunk_by(|one, other| one == other);
            let groups = groups.map(|group| format!("{} {}", group.len(), group[0].1));
            groups.collect::<Vec<_>>().join(", ")
        }
    };
    Some(Live { state: *worst, text })
}

fn state(container: &Container) -> (LiveState, String) {
    let word = |word: &str| word.to_owned();
    match (container.state, container.health) {
        (State::Running, Some(Health::Healthy)) => (LiveState::Healthy, word("healthy")),
        (State::Running, Some(Health::Starting)) => (LiveState::Starting, word("starting")),
        (State::Running, Some(Health::Unhealthy)) => (LiveState::Failed, word("unhealthy")),
        (State::Running, None) => (LiveState::Running, word("running")),
        (State::Restarting, _) => (LiveState::Starting, word("restarting")),
        (State::Exited(Some(0)), _) => (LiveState::Done, word("exited (0)")),
        (State::Exited(Some(code)), _) if TOLD_TO_END.contains(&code) => {
            (LiveState::Idle, format!("exited ({code})"))
        }
        (State::Exited(Some(code)), _) => (LiveState::Failed, format!("exited ({code})")),
        (State::Dead(_), _) => (LiveState::Failed, word("dead")),
        (state @ (State::Created | State::Paused | State::Removing | State::Exited(None)), _) => {
            (LiveState::Idle, word(state_name(state)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample::listed;
    use crate::load::{MemWorld, Request, load};
    use crate::project::{Selection, resolve};

    #[test]
    fn the_worst_of_a_service_counts_and_all_is_told() {
        let text = "name: app\nservices:\n  web: {image: i, scale: 3}\n  db: {image: i}\n  job: {image: i}\n  new: {image: i}\n  off: {image: i, scale: 0}\n";
        let world = MemWorld::project([("compose.yaml", text)]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, &Selection::default(), &world);
        let container =
            |service: &str, state, health| Container { state, health, ..listed(service).container };
        let containers = [
            container("web", State::Running, Some(Health::Unhealthy)),
            container("web", State::Running, Some(Health::Healthy)),
            container("db", State::Exited(Some(143)), None),
            container("job", State::Exited(Some(3)), None),
            Container { oneoff: true, ..container("new", State::Running, None) },
        ];
        let live = live(&project, &containers);
        let told: Vec<_> =
            live.iter().map(|(name, live)| (name.as_str(), live.state, live.text.as_str())).collect();
        assert_eq!(
            told,
            [
                ("db", LiveState::Idle, "exited (143)"),
                ("job", LiveState::Failed, "exited (3)"),
                ("new", LiveState::Absent, "no container"),
                ("web", LiveState::Failed, "1 healthy, 1 absent, 1 unhealthy"),
            ]
        );
    }
}
