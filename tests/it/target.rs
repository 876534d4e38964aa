//! Which container of a service a command is meant for, and what is said if there is none.

use topo::load::{MemWorld, Request, load};
use topo::observed::{Container, Observed, State};
use topo::plan::target::{NoContainer, Wanted, targets};
use topo::project::{Project, Selection, resolve};

fn project() -> Project {
    let text = "services: {web: {image: a}, worker: {image: a, profiles: [jobs]}}";
    let world = MemWorld::project([("compose.yaml", text)]);
    resolve(&mut load(&world, &Request::default()), &Selection::default(), &world)
}

fn container(service: &str, number: u32, state: State) -> Container {
    let name = format!("{service}-{}", if number == 0 { "run".to_owned() } else { number.to_string() });
    Container {
        id: name.clone(),
        name,
        service: service.to_owned(),
        number,
        oneoff: number == 0,
        config_hash: None,
        image: String::new(),
        state,
        health: None,
        status: String::new(),
        ports: vec![],
        networks: vec![],
        mounts: vec![],
        labels: [].into(),
        command: String::new(),
        image_name: String::new(),
        created: 0,
    }
}

fn observed() -> Observed {
    let containers = vec![
        container("web", 0, State::Running),
        container("web", 2, State::Running),
        container("web", 1, State::Exited(Some(0))),
        container("web", 3, State::Paused),
    ];
    Observed { containers, ..Observed::default() }
}

fn names(wanted: Wanted<'_>) -> Result<Vec<String>, NoContainer> {
    let observed = observed();
    let found = targets(&observed, Some(&project()), wanted)?;
    Ok(found.iter().map(|container| container.name.clone()).collect())
}

const RUNNING: Wanted<'_> = Wanted { service: "web", index: None, oneoffs: true, stopped: false };

#[test]
fn the_first_that_runs_is_meant_and_those_of_run_come_last() {
    assert_eq!(names(RUNNING).unwrap(), ["web-2", "web-3", "web-run"]);
    assert_eq!(names(Wanted { index: Some(3), ..RUNNING }).unwrap(), ["web-3"]);
    let stopped = Wanted { stopped: true, oneoffs: false, ..RUNNING };
    assert_eq!(names(stopped).unwrap(), ["web-1", "web-2", "web-3"]);
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    for (wanted, message, help) in [
        (Wanted { service: "wbe", ..RUNNING }, "there is no service `wbe`", "did you mean `web`?"),
        (
            Wanted { service: "worker", ..RUNNING },
            "service `worker` is not running",
            "start it with `topo up -d worker`",
        ),
        (
            Wanted { index: Some(1), ..RUNNING },
            "container 1 of service `web` is not running",
            "`--index` may be 2, 3",
        ),
        (
            Wanted { index: Some(4), stopped: true, ..RUNNING },
            "service `web` has no container 4",
            "`--index` may be 1, 2, 3",
        ),
    ] {
        let error = names(wanted).unwrap_err();
        assert_eq!((error.message.as_str(), error.help.as_deref()), (message, Some(help)));
    }
}
