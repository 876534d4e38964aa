//! The obligations of an engine. The one in memory is held to them always, a real one with `TOPO_E2E=1`, so that the
//! one in memory cannot lie.

#![expect(
    clippy::unwrap_used,
    clippy::large_futures,
    reason = "a test fails by panicking, and need not be small"
)]

mod bed;
mod builds;
mod inside;
mod lifecycle;
mod real;

use std::collections::HashMap;

use bollard::models::{
    EndpointSettings, Mount, MountType, NetworkCreateRequest, PortBinding, VolumeCreateRequest,
};
use futures_util::StreamExt;
use tokio::sync::mpsc::unbounded_channel;
use topo::engine::apply::apply;
use topo::engine::fake::Behaviour;
use topo::engine::follow::{Follow, News};
use topo::engine::{Action, Cause, Event, LogQuery, Query, Scope, Since};
use topo::observed::{Health, Observed, State};
use topo::plan::hooks::Inside;
use topo::plan::{Condition, Create, Op, Plan, Subject, labels};

use self::bed::{Bed, IMAGE, Stage, bounded, cause, docker, held, in_memory, join, text};
use self::inside::{
    a_command_has_two_outputs_and_a_code, a_command_needs_a_running_container,
    a_command_reads_to_the_end_of_its_input, an_image_of_a_container_is_there,
    files_come_out_as_they_went_in, what_a_container_writes_is_heard_from_its_start_on,
};
use self::lifecycle::{
    a_container_is_paused_and_goes_on, a_restart_starts_what_runs_and_what_does_not,
    an_image_loses_its_name_to_a_later_one, images_of_a_project_are_found_and_removed,
    signals_reach_what_runs, the_exit_code_is_waited_for,
};

macro_rules! obligations {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                let bed = super::Bed::new(super::in_memory());
                super::$name(&bed).await;
            })*
        }
        mod docker {
            $(#[tokio::test]
            async fn $name() {
                let Some(docker) = super::docker().await else { return };
                let bed = super::Bed::new(docker);
                super::held(&bed, super::$name(&bed)).await;
            })*
        }
    };
}

mod looks;

obligations! {
    networks_have_names_of_their_own
    a_network_in_use_stays
    containers_join_and_leave_networks
    volumes_outlive_containers
    a_container_goes_through_its_life
    a_snapshot_shows_the_project_and_nothing_else
    what_is_missing_is_named
    a_taken_port_is_named
    a_log_has_all_lines
    a_command_runs_inside_to_its_end
    following_a_log_ends_with_the_container
    following_outlives_restarts
    health_is_reached_and_told
    a_plan_waits_for_health
    happenings_are_told_in_order
    happenings_of_others_are_not_told
    overlay_networks_need_a_swarm
    an_image_nobody_has_is_refused
    an_image_that_is_not_there_is_not_pushed
    a_container_is_paused_and_goes_on
    signals_reach_what_runs
    a_restart_starts_what_runs_and_what_does_not
    the_exit_code_is_waited_for
    images_of_a_project_are_found_and_removed
    an_image_loses_its_name_to_a_later_one
    a_command_has_two_outputs_and_a_code
    a_command_reads_to_the_end_of_its_input
    a_command_needs_a_running_container
    what_a_container_writes_is_heard_from_its_start_on
    files_come_out_as_they_went_in
    an_image_of_a_container_is_there
}

async fn networks_have_names_of_their_own(bed: &Bed<impl Stage>) {
    let name = bed.name("front");
    let request = bed.network("front");
    let id = bed.engine.create_network(&request).await.unwrap();
    assert!(matches!(cause(bed.engine.create_network(&request).await), Cause::NameTaken { .. }));
    let observed = bed.observe().await;
    let network = observed.network(&name).unwrap();
    assert_eq!((&network.id, network.driver.as_str(), network.scope.as_str()), (&id, "bridge", "local"));
    assert_eq!(network.labels[labels::PROJECT], bed.project);
    bed.engine.remove_network(&id).await.unwrap();
    assert!(bed.engine.remove_network(&id).await.unwrap_err().is_not_found());
    assert!(bed.observe().await.network(&name).is_none());
}

async fn a_network_in_use_stays(bed: &Bed<impl Stage>) {
    let id = bed.engine.create_network(&bed.network("front")).await.unwrap();
    let mut body = bed.body("web", &Behaviour::Runs);
    join(&mut body, &bed.name("front"));
    let web = bed.create("web", body).await;
    bed.engine.start(&web).await.unwrap();
    assert!(matches!(cause(bed.engine.remove_network(&id).await), Cause::InUse { .. }));
    bed.engine.remove_container(&web, true).await.unwrap();
    bed.engine.remove_network(&id).await.unwrap();
}

async fn containers_join_and_leave_networks(bed: &Bed<impl Stage>) {
    let front = bed.engine.create_network(&bed.network("front")).await.unwrap();
    let back = bed.engine.create_network(&bed.network("back")).await.unwrap();
    let mut body = bed.body("web", &Behaviour::Runs);
    join(&mut body, &bed.name("front"));
    let web = bed.create("web", body).await;
    let endpoint = EndpointSettings { aliases: Some(vec!["other".into()]), ..EndpointSettings::default() };
    bed.engine.connect_network(&back, &web, &endpoint).await.unwrap();
    bed.engine.start(&web).await.unwrap();
    let both = vec![(bed.name("back"), back.clone()), (bed.name("front"), front.clone())];
    assert_eq!(bed.container("web").await.networks, both);
    bed.engine.disconnect_network(&back, &web).await.unwrap();
    assert_eq!(bed.container("web").await.networks, both[1..]);
    let unknown = bed.engine.connect_network(&bed.name("none"), &web, &endpoint).await;
    assert!(unknown.unwrap_err().is_not_found());
}

async fn volumes_outlive_containers(bed: &Bed<impl Stage>) {
    let name = bed.name("data");
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(bed.labels("", "0")),
        ..VolumeCreateRequest::default()
    };
    bed.engine.create_volume(&request).await.unwrap();
    bed.engine.create_volume(&request).await.unwrap();
    let mut body = bed.body("db", &Behaviour::Runs);
    let mount = |source: Option<String>, target: &str| Mount {
        typ: Some(MountType::VOLUME),
        source,
        target: Some(target.into()),
        ..Mount::default()
    };
    let mounts = vec![mount(Some(name.clone()), "/data"), mount(None, "/cache")];
    body.host_config.get_or_insert_default().mounts = Some(mounts);
    let db = bed.create("db", body).await;
    let mounts = bed.container("db").await.mounts;
    let anonymous = mounts.iter().find(|mount| mount.target == "/cache").unwrap().volume.clone();
    assert_eq!(anonymous.len(), 64);
    assert!(mounts.iter().any(|mount| mount.volume == name && mount.target == "/data"));
    assert!(matches!(cause(bed.engine.remove_volume(&name).await), Cause::InUse { .. }));
    bed.engine.remove_container(&db, true).await.unwrap();
    let observed = bed.observe().await;
    assert_eq!(observed.volume(&name).unwrap().labels[labels::PROJECT], bed.project);
    assert!(observed.volume(&anonymous).is_none(), "an anonymous volume goes with its container");
    bed.engine.remove_volume(&name).await.unwrap();
    assert!(bed.engine.remove_volume(&name).await.unwrap_err().is_not_found());
}

async fn a_container_goes_through_its_life(bed: &Bed<impl Stage>) {
    let engine = &bed.engine;
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    assert_eq!(bed.container("web").await.state, State::Created);
    let command = bed.body("web", &Behaviour::Runs).cmd;
    assert_eq!(engine.origin(&web).await.unwrap().body.cmd, command);
    let again = engine.create_container(&bed.name("web"), None, &bed.body("web", &Behaviour::Runs)).await;
    assert!(matches!(cause(again), Cause::NameTaken { .. }));
    engine.start(&web).await.unwrap();
    engine.start(&web).await.unwrap();
    assert_eq!(engine.inspect(&web).await.unwrap().state, State::Running);
    let other = bed.name("other");
    engine.rename(&web, &other).await.unwrap();
    assert_eq!(engine.inspect(&other).await.unwrap().id, web);
    engine.stop(&other, Some(1)).await.unwrap();
    engine.stop(&other, Some(1)).await.unwrap();
    assert!(matches!(engine.inspect(&web).await.unwrap().state, State::Exited(Some(_))));
    engine.start(&web).await.unwrap();
    engine.remove_container(&other, false).await.unwrap();
    assert!(engine.inspect(&web).await.unwrap_err().is_not_found());
    assert!(engine.origin(&web).await.unwrap_err().is_not_found());
    assert!(engine.start(&web).await.unwrap_err().is_not_found());
    assert!(engine.stop(&web, None).await.unwrap_err().is_not_found());
    assert!(engine.remove_container(&web, false).await.unwrap_err().is_not_found());
}

async fn a_snapshot_shows_the_project_and_nothing_else(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Exits(3, vec![]))).await;
    let mut stranger = bed.body("stranger", &Behaviour::Runs);
    stranger.labels = Some(HashMap::new());
    let stranger = bed.create("stranger", stranger).await;
    let mut follow = bed.follow(&web);
    bed.engine.start(&web).await.unwrap();
    bed.until(&mut follow, |action| matches!(action, Action::Die(_))).await;
    let long = format!("docker.io/library/{IMAGE}:latest");
    let query = Query {
        project: bed.project.clone(),
        images: vec![IMAGE.into(), long.clone(), "none-such".into()],
        swarm: true,
        ..Query::default()
    };
    // Lists lag a moment behind events.
    let exited = |observed: &Observed| matches!(observed.containers[0].state, State::Exited(_));
    let observed = bounded(async {
        loop {
            let observed = bed.engine.observe(&query).await.unwrap();
            if exited(&observed) {
                return observed;
            }
        }
    })
    .await;
    bed.engine.remove_container(&stranger, true).await.unwrap();
    let [container] = observed.containers.as_slice() else { panic!("{:?}", observed.containers) };
    assert_eq!((container.name.as_str(), container.service.as_str()), (bed.name("web").as_str(), "web"));
    assert_eq!((container.number, container.oneoff), (1, false));
    assert_eq!(container.state, State::Exited(Some(3)));
    assert_eq!(container.image_name, IMAGE);
    assert_eq!(container.image, observed.images[IMAGE]);
    assert_eq!(observed.images.keys().collect::<Vec<_>>(), [&long, IMAGE]);
    assert_eq!(observed.api, bed.engine.api());
    assert!(observed.network("bridge").is_some());
}

async fn what_is_missing_is_named(bed: &Bed<impl Stage>) {
    let mut body = bed.body("web", &Behaviour::Runs);
    body.image = Some("none-such:1".into());
    let created = bed.engine.create_container(&bed.name("web"), None, &body).await;
    assert_eq!(
        created.unwrap_err().to_string(),
        format!("create container {}: there is no image `none-such:1`", bed.name("web"))
    );
    let mut body = bed.body("web", &Behaviour::Runs);
    join(&mut body, &bed.name("nowhere"));
    let web = bed.create("web", body).await;
    assert!(bed.engine.start(&web).await.unwrap_err().is_not_found());
}

async fn a_taken_port_is_named(bed: &Bed<impl Stage>) {
    let publish = |service: &str| {
        let binding = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some("47391".into()) };
        let mut body = bed.body(service, &Behaviour::Runs);
        let bindings = HashMap::from([("80/tcp".to_owned(), Some(vec![binding]))]);
        body.host_config.get_or_insert_default().port_bindings = Some(bindings);
        // Without it, engines publish nothing.
        body.exposed_ports = Some(vec!["80/tcp".into()]);
        body
    };
    let one = bed.create("one", publish("one")).await;
    let two = bed.create("two", publish("two")).await;
    bed.engine.start(&one).await.unwrap();
    let port = &bed.container("one").await.ports[0];
    assert_eq!((port.container, port.host.clone()), (80, Some(("127.0.0.1".to_owned(), 47391))));
    let taken = cause(bed.engine.start(&two).await);
    assert_eq!(taken, Cause::PortTaken { address: "127.0.0.1:47391".into() });
    assert_eq!(bed.container("two").await.state, State::Created);
}

async fn a_command_runs_inside_to_its_end(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    let command = |words: &[&str]| Inside {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        environment: vec!["A=1".into()],
        ..Inside::default()
    };
    // It does not run yet.
    let refused = bed.engine.run_inside(&web, &command(&["/probe", "exit", "3"])).await;
    assert!(matches!(cause(refused), Cause::Other { status: Some(409), .. }));
    bed.engine.start(&web).await.unwrap();
    let ran = bed.engine.run_inside(&web, &command(&["/probe", "exit", "3"])).await.unwrap();
    assert_eq!(ran.code, 3);
    assert!(bed.engine.run_inside("nobody", &command(&["/probe"])).await.unwrap_err().is_not_found());
}

async fn a_log_has_all_lines(bed: &Bed<impl Stage>) {
    let lines = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(0, lines))).await;
    let mut follow = bed.follow(&job);
    bed.engine.start(&job).await.unwrap();
    bed.until(&mut follow, |action| matches!(action, Action::Die(_))).await;
    let read = async |query: LogQuery| {
        let lines = bed.engine.logs(&job, &query).map(Result::unwrap).collect::<Vec<_>>().await;
        let lines = lines.into_iter();
        lines.map(|line| (text(&line), line.timestamp)).unzip::<_, _, Vec<_>, Vec<_>>()
    };
    assert_eq!(read(LogQuery::default()).await.0, ["one", "two", "three"]);
    assert_eq!(read(LogQuery { tail: Some(2), ..LogQuery::default() }).await.0, ["two", "three"]);
    let (texts, stamps) = read(LogQuery { timestamps: true, ..LogQuery::default() }).await;
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(stamps.iter().all(Option::is_some) && stamps.is_sorted());
    let missing = bed.engine.logs(&bed.name("none"), &LogQuery::default()).next().await.unwrap();
    assert!(missing.unwrap_err().is_not_found());
}

async fn following_a_log_ends_with_the_container(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    bed.engine.start(&web).await.unwrap();
    let query = LogQuery { follow: true, ..LogQuery::default() };
    let mut lines = bed.engine.logs(&web, &query);
    bed.engine.stop(&web, Some(1)).await.unwrap();
    while let Some(line) = lines.next().await {
        line.unwrap();
    }
}

async fn following_outlives_restarts(bed: &Bed<impl Stage>) {
    let lines = vec!["one".to_owned(), "two".to_owned()];
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(3, lines))).await;
    let mut follow = Follow::new(&bed.engine, &bed.project, bed.engine.connected(), false, |_| true);
    for _ in 0..2 {
        bed.engine.start(&job).await.unwrap();
        let mut told = Vec::new();
        for _ in 0..4 {
            told.push(match bounded(follow.next()).await.unwrap() {
                News::Started { .. } => "started".to_owned(),
                News::Line { line, .. } => text(&line),
                News::Ended { code, .. } => format!("ended with {code}"),
                News::Unreadable { error, .. } => error.to_string(),
            });
        }
        assert_eq!(told, ["started", "one", "two", "ended with 3"]);
    }
}

async fn a_plan_waits_for_health(bed: &Bed<impl Stage>) {
    let name = bed.name("db");
    let mut plan = Plan::default();
    let body = bed.body("db", &Behaviour::Starts);
    let create = Create { name: name.clone(), body, platform: None, hash_input: String::new() };
    let subject = Subject::Container(name.clone());
    let create = plan.push(Op::CreateContainer(Box::new(create)), subject.clone(), "new", vec![]);
    let start = plan.push(Op::Start { container: name.clone() }, subject.clone(), "new", vec![create]);
    let condition = Condition::Healthy;
    let wait = Op::Await { container: name.clone(), condition, required: true };
    let wait = plan.push(wait, subject, "new", vec![start]);
    let (sender, mut events) = unbounded_channel();
    let heal = async {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::Waiting { .. }) {
                return bed.engine.heal(&name).await;
            }
        }
    };
    let observed = Observed::default();
    let applied = apply(&plan, &observed, &bed.engine, &sender, std::future::pending());
    let (outcome, ()) = bounded(futures_util::future::join(applied, heal)).await;
    assert_eq!(outcome.done, [create, start, wait], "{outcome:?}");
    assert_eq!(bed.engine.inspect(&name).await.unwrap().health, Some(Health::Healthy));
}

async fn health_is_reached_and_told(bed: &Bed<impl Stage>) {
    let db = bed.create("db", bed.body("db", &Behaviour::Starts)).await;
    assert!(bed.engine.inspect(&db).await.unwrap().has_healthcheck);
    let mut follow = bed.follow(&db);
    bed.engine.start(&db).await.unwrap();
    let inspected = bed.engine.inspect(&db).await.unwrap();
    assert_eq!((inspected.state, inspected.health), (State::Running, Some(Health::Starting)));
    assert_eq!(bed.container("db").await.health, Some(Health::Starting));
    bed.engine.heal(&bed.name("db")).await;
    bed.until(&mut follow, |action| *action == Action::Health(Health::Healthy)).await;
    assert_eq!(bed.engine.inspect(&db).await.unwrap().health, Some(Health::Healthy));
    assert_eq!(bed.container("db").await.health, Some(Health::Healthy));
}

async fn happenings_are_told_in_order(bed: &Bed<impl Stage>) {
    let name = bed.name("job");
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(7, vec![]))).await;
    let mut follow = bed.follow(&job);
    bed.engine.start(&job).await.unwrap();
    bed.until(&mut follow, |action| *action == Action::Die(7)).await;
    bed.engine.remove_container(&job, true).await.unwrap();
    // Whoever subscribes late still hears of it, by name and by project.
    for scope in [Scope::Containers(vec![name.clone()]), Scope::Project(bed.project.clone())] {
        let told = bed.engine.happenings(&scope, Since::Earliest).map(Result::unwrap);
        let told = told.filter(|one| {
            let plain = !matches!(one.action, Action::Other(_) | Action::Probe);
            std::future::ready(one.id == job && plain)
        });
        let told: Vec<_> = bounded(told.take(4).collect()).await;
        let actions: Vec<_> = told.iter().map(|one| one.action.clone()).collect();
        assert_eq!(actions, [Action::Create, Action::Start, Action::Die(7), Action::Destroy]);
        assert!(told.iter().all(|one| one.name == name) && told.is_sorted_by_key(|one| one.time));
        let rest = bed.engine.happenings(&scope, Since::After(told[1].time)).map(Result::unwrap);
        let rest = bounded(rest.filter(|one| std::future::ready(one.id == job)).next()).await;
        assert_eq!(rest.unwrap().action, Action::Die(7));
    }
}

async fn happenings_of_others_are_not_told(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    // The same start of the name, another container.
    let longer = bed.create("web-2", bed.body("web-2", &Behaviour::Runs)).await;
    let mut follow = bed.engine.happenings(&Scope::Containers(vec![bed.name("web")]), Since::Earliest);
    bed.engine.start(&longer).await.unwrap();
    bed.engine.start(&web).await.unwrap();
    loop {
        let happening = bounded(follow.next()).await.unwrap().unwrap();
        assert_eq!(happening.id, web);
        if happening.action == Action::Start {
            break;
        }
    }
}

async fn overlay_networks_need_a_swarm(bed: &Bed<impl Stage>) {
    let query = Query { swarm: true, ..Query::default() };
    if bed.engine.observe(&query).await.unwrap().swarm == topo::observed::Swarm::Manager {
        return;
    }
    let request = NetworkCreateRequest { driver: Some("overlay".into()), ..bed.network("mesh") };
    assert_eq!(cause(bed.engine.create_network(&request).await), Cause::SwarmOff);
}

async fn an_image_nobody_has_is_refused(bed: &Bed<impl Stage>) {
    // A registry that refuses connections, so that no test needs the Internet.
    let refused = cause(bed.engine.pull("127.0.0.1:9/none-such", None, &|_| ()).await);
    assert!(matches!(refused, Cause::PullFailed { .. }), "{refused:?}");
    let refused = cause(bed.engine.digest("127.0.0.1:9/none-such:1").await);
    assert!(matches!(refused, Cause::PullFailed { .. }), "{refused:?}");
}

async fn an_image_that_is_not_there_is_not_pushed(bed: &Bed<impl Stage>) {
    let refused = cause(bed.engine.push("127.0.0.1:9/none-such", &|_| ()).await);
    assert!(matches!(refused, Cause::PushFailed { .. }), "{refused:?}");
}
