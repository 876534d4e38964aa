//! What an engine must show to commands that only look.

use std::collections::HashMap;

use bollard::models::{EndpointSettings, Mount, MountType, NetworkCreateRequest, VolumeCreateRequest};
use futures_util::StreamExt;
use ipnet::IpNet;
use topo::engine::fake::Behaviour;
use topo::engine::look::{ContainerQuery, HistoryQuery, Mounted, Occurrence};
use topo::engine::meter::Meters;
use topo::engine::{Action, Cause, LogQuery};
use topo::observed::State;
use topo::plan::labels;

use super::bed::{Bed, IMAGE, Stage, bounded, cause, docker, held, in_memory};

obligations! {
    lists_are_of_projects
    an_image_is_described
    volumes_are_of_a_project
    networks_are_told_with_their_members
    processes_are_those_of_what_runs
    usage_is_told_once_or_on_and_on
    history_is_told_in_the_engines_words
    meters_come_and_go_with_containers
}

async fn lists_are_of_projects(bed: &Bed<impl Stage>) {
    let mut body = bed.body("web", &Behaviour::Runs);
    let mount = Mount {
        typ: Some(MountType::VOLUME),
        source: Some(bed.name("data")),
        target: Some("/data".into()),
        ..Mount::default()
    };
    body.host_config.get_or_insert_default().mounts = Some(vec![mount]);
    let web = bed.create("web", body).await;
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(3, vec![]))).await;
    let mut stranger = bed.body("stranger", &Behaviour::Runs);
    stranger.labels = Some(HashMap::new());
    let stranger = bed.create("stranger", stranger).await;
    bed.engine.start(&web).await.unwrap();
    bed.run(&job).await;

    let list = async |project: Option<&String>, all: bool| {
        let query = ContainerQuery { project: project.cloned(), all };
        bed.engine.containers(&query).await.unwrap()
    };
    // Lists lag a moment behind events.
    let running = bounded(async {
        loop {
            let listed = list(Some(&bed.project), false).await;
            if listed.len() == 1 {
                return listed;
            }
        }
    })
    .await;
    assert_eq!(running[0].container, bed.container("web").await);
    assert_eq!(running[0].names, [bed.name("web")]);
    assert_eq!(running[0].mounts, [Mounted { name: bed.name("data"), driver: "local".to_owned() }]);
    let all = list(Some(&bed.project), true).await;
    let names: Vec<_> = all.iter().map(|one| one.container.name.clone()).collect();
    assert_eq!(names, [bed.name("job"), bed.name("web")]);
    assert_eq!(all[0].container.state, State::Exited(Some(3)));
    let every = list(None, true).await;
    let has = |id: &String| every.iter().any(|one| one.container.id == *id);
    assert!(has(&web) && has(&job) && !has(&stranger));
    assert_eq!(list(Some(&bed.name("none")), true).await, []);
}

async fn an_image_is_described(bed: &Bed<impl Stage>) {
    let image = bed.engine.image(IMAGE).await.unwrap();
    assert_eq!(bed.engine.image(&image.id).await.unwrap(), image);
    assert!(image.id.starts_with("sha256:") && image.size > 0, "{image:?}");
    assert_eq!((image.os.as_str(), image.architecture.is_empty()), ("linux", false));
    let missing = cause(bed.engine.image("none-such:1").await);
    assert_eq!(missing, Cause::ImageMissing { image: "none-such:1".into() });
}

async fn volumes_are_of_a_project(bed: &Bed<impl Stage>) {
    for (key, labels) in [("data", Some(bed.labels("", "0"))), ("other", Some(HashMap::new()))] {
        let request =
            VolumeCreateRequest { name: Some(bed.name(key)), labels, ..VolumeCreateRequest::default() };
        bed.engine.create_volume(&request).await.unwrap();
    }
    let volumes = bed.engine.volumes(&bed.project).await.unwrap();
    let [details] = volumes.as_slice() else { panic!("{volumes:?}") };
    assert_eq!((details.volume.name.clone(), details.scope.as_str()), (bed.name("data"), "local"));
    assert_eq!((details.volume.driver.as_str(), details.mountpoint.is_empty()), ("local", false));
    assert_eq!(details.volume.labels[labels::PROJECT], bed.project);
}

async fn networks_are_told_with_their_members(bed: &Bed<impl Stage>) {
    let request = NetworkCreateRequest { internal: Some(true), ..bed.network("back") };
    let back = bed.engine.create_network(&request).await.unwrap();
    let empty = bed.engine.network(&bed.name("back")).await.unwrap();
    assert_eq!((empty.network.id.as_str(), empty.network.driver.as_str()), (back.as_str(), "bridge"));
    assert_eq!((empty.internal, empty.members.len(), empty.subnets.len()), (true, 0, 1));
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    bed.engine.connect_network(&back, &web, &EndpointSettings::default()).await.unwrap();
    bed.engine.start(&web).await.unwrap();
    let found = bed.engine.network(&back).await.unwrap();
    let [member] = found.members.as_slice() else { panic!("{found:?}") };
    assert_eq!((&member.id, &member.name), (&web, &bed.name("web")));
    let address: IpNet = member.ipv4.parse().unwrap();
    let subnet: IpNet = found.subnets[0].subnet.parse().unwrap();
    assert!(subnet.contains(&address.addr()) && !member.mac.is_empty(), "{found:?}");
    assert!(bed.engine.network(&bed.name("none")).await.unwrap_err().is_not_found());
}

async fn processes_are_those_of_what_runs(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    assert!(bed.engine.processes(&web).await.is_err(), "it does not run yet");
    bed.engine.start(&web).await.unwrap();
    let processes = bed.engine.processes(&web).await.unwrap();
    let command = processes.titles.iter().position(|title| title == "CMD").unwrap();
    let commands: Vec<_> = processes.rows.iter().map(|row| row[command].as_str()).collect();
    assert_eq!(commands, ["/probe serve"]);
    assert!(bed.engine.processes(&bed.name("none")).await.unwrap_err().is_not_found());
}

async fn usage_is_told_once_or_on_and_on(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    bed.engine.start(&web).await.unwrap();
    let once: Vec<_> = bounded(bed.engine.usage(&web, false).collect()).await;
    let [Ok(usage)] = once.as_slice() else { panic!("{once:?}") };
    assert_eq!(usage.processes, 1);
    let mut on = bed.engine.usage(&web, true);
    assert_eq!(bounded(on.next()).await.unwrap().unwrap().processes, 1);
    let unknown = bounded(bed.engine.usage(&bed.name("none"), false).next()).await.unwrap();
    assert!(unknown.unwrap_err().is_not_found());
}

async fn history_is_told_in_the_engines_words(bed: &Bed<impl Stage>) {
    let mut follow = bed.follow("");
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(7, vec![]))).await;
    bed.engine.start(&job).await.unwrap();
    bed.until(&mut follow, |action| *action == Action::Die(7)).await;
    let lines: Vec<_> = bed.engine.logs(&job, &LogQuery::default()).collect().await;
    assert!(lines.is_empty());
    let query = |since: &str, until: Option<&str>| HistoryQuery {
        project: bed.project.clone(),
        since: Some(since.to_owned()),
        until: until.map(str::to_owned),
    };
    // Other things may be told in between, such as that a container is attached to.
    let plain = |one: &Occurrence| ["create", "start", "die"].contains(&one.action.as_str());
    let told = bed.engine.history(&query("0.000000001", None)).map(Result::unwrap);
    let told = told.filter(|one| std::future::ready(plain(one)));
    let told: Vec<_> = bounded(told.take(3).collect()).await;
    let actions: Vec<_> = told.iter().map(|one| one.action.as_str()).collect();
    assert_eq!(actions, ["create", "start", "die"]);
    assert!(told.is_sorted_by_key(|one| one.time));
    for one in &told {
        assert_eq!((&one.id, &one.attributes["name"]), (&job, &bed.name("job")));
        assert_eq!(one.attributes[labels::PROJECT], bed.project);
    }
    assert_eq!(told[2].attributes["exitCode"], "7");

    // From the second one on, up to it.
    let moment = format!("{}.{:09}", told[1].time / 1_000_000_000, told[1].time % 1_000_000_000);
    let some = bed.engine.history(&query(&moment, Some(&moment))).map(Result::unwrap);
    let some: Vec<_> = bounded(some.collect()).await;
    assert_eq!(some, told[1..2]);
}

async fn meters_come_and_go_with_containers(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    let db = bed.create("db", bed.body("db", &Behaviour::Runs)).await;
    bed.engine.start(&web).await.unwrap();
    let mut meters = Meters::new(&bed.engine, &bed.project, None, false).await.unwrap();
    let mut all = Meters::new(&bed.engine, &bed.project, None, true).await.unwrap();
    let mut none = Meters::new(&bed.engine, &bed.project, Some("none"), true).await.unwrap();
    bounded(meters.settle()).await.unwrap();
    bounded(all.settle()).await.unwrap();
    bounded(none.settle()).await.unwrap();
    let shown = |meters: &Meters<'_, _>| -> Vec<(String, Option<u64>)> {
        let meter = |one: &topo::engine::meter::Meter| {
            (one.listed.container.service.clone(), one.usage.as_ref().map(|usage| usage.processes))
        };
        meters.meters().iter().map(meter).collect()
    };
    let (web_runs, db_runs) = (("web".to_owned(), Some(1)), ("db".to_owned(), Some(1)));
    assert_eq!(shown(&meters), std::slice::from_ref(&web_runs));
    assert_eq!(shown(&all), [("db".to_owned(), Some(0)), web_runs.clone()]);
    assert_eq!(shown(&none), []);

    bed.engine.start(&db).await.unwrap();
    for meters in [&mut meters, &mut all] {
        while shown(meters) != [db_runs.clone(), web_runs.clone()] {
            bounded(meters.changed()).await.unwrap();
        }
    }
    bed.engine.stop(&web, Some(1)).await.unwrap();
    while shown(&meters) != std::slice::from_ref(&db_runs) {
        bounded(meters.changed()).await.unwrap();
    }
    while shown(&all) != [db_runs.clone(), ("web".to_owned(), Some(0))] {
        bounded(all.changed()).await.unwrap();
    }
    bed.engine.remove_container(&db, true).await.unwrap();
    while !shown(&meters).is_empty() {
        bounded(meters.changed()).await.unwrap();
    }
}
