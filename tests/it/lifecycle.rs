//! Plans for containers that exist, as text: what `start`, `restart`, `kill`, `pause`, `rm` and `down` decide on.

use topo::load::{MemWorld, Request, load};
use topo::observed::State;
use topo::plan::down::{DownOptions, InFile, stop};
use topo::plan::images::{BuiltImage, Which, named, removable};
use topo::plan::lifecycle::{self, Choice, RestartOptions};
use topo::plan::members::Members;
use topo::project::{Project, Selection, resolve};

use crate::plan::{Bed, started};

const THREE: &str = "
services:
  web:
    image: app
    depends_on: {db: {condition: service_healthy, restart: true}, cache: {condition: service_started}}
    configs: [page]
  db:
    image: db
    healthcheck: {test: [CMD, 'true']}
    volumes: ['data:/var/lib/data', /scratch]
  cache: {image: app, scale: 2}
  extra: {image: app, profiles: [debug]}
configs: {page: {content: hello}}
volumes: {data: {}, kept: {external: true}}
";

fn project(text: &str, selection: &Selection) -> Project {
    let world = MemWorld::project([("compose.yaml", text)]);
    let mut loaded = load(&world, &Request::default());
    resolve(&mut loaded, selection, &world)
}

fn whole(text: &str) -> Project {
    project(text, &Selection::default())
}

fn with_debug(text: &str) -> Project {
    project(text, &Selection { profiles: vec!["debug".into()], ..Selection::default() })
}

async fn up() -> Bed {
    let bed = Bed::new();
    bed.up(THREE).await;
    bed
}

async fn stop_all(bed: &Bed) {
    let observed = bed.observe().await;
    bed.apply(&stop(&observed, |_| true, None)).await;
    assert_eq!(bed.engine.running(), [""; 0]);
}

async fn choice(bed: &Bed, services: &[&str]) -> Choice {
    let services = services.iter().map(|one| (*one).to_owned()).collect();
    Choice { members: Members::of_containers(&bed.observe().await), services }
}

#[tokio::test]
async fn what_is_stopped_starts_in_order_and_a_second_start_does_nothing() {
    let bed = up().await;
    stop_all(&bed).await;
    let members = Members::of_desired(&bed.desired(THREE));
    let plan = lifecycle::start(&members, &bed.observe().await, false).unwrap();
    insta::assert_snapshot!("start_in_order", plan);
    bed.apply(&plan).await;
    assert!(lifecycle::start(&members, &bed.observe().await, false).unwrap().steps.is_empty());
}

#[tokio::test]
async fn labels_stand_in_for_the_file() {
    let bed = up().await;
    stop_all(&bed).await;
    let observed = bed.observe().await;
    let members = Members::of_containers(&observed).with_dependencies(&["web".to_owned()]);
    let plan = lifecycle::start(&members, &observed, false).unwrap().to_string();
    let of_file = lifecycle::start(&Members::of_desired(&bed.desired(THREE)), &observed, false).unwrap();
    let without_files: Vec<_> = of_file.to_string().lines().map(str::to_owned).collect();
    assert!(without_files.iter().any(|line| line.contains("copy files into container project-web-1")));
    assert!(!plan.contains("copy files"), "{plan}");
    assert!(plan.contains("wait for container project-db-1 to be healthy, service web needs it"), "{plan}");
}

#[tokio::test]
async fn a_start_waits_for_all_if_asked() {
    let bed = up().await;
    let members = Members::of_desired(&bed.desired(THREE));
    bed.engine.end("project-db-1", 1);
    let plan = lifecycle::start(&members, &bed.observe().await, true).unwrap();
    insta::assert_snapshot!("start_and_wait", plan);
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_started_or_waited_for() {
    let bed = Bed::new();
    let members = Members::of_desired(&bed.desired(THREE));
    let missing = lifecycle::start(&members, &bed.observe().await, false).unwrap_err();
    assert_eq!(missing, ["the project has no container to start; `topo up` creates them"]);

    let bed = up().await;
    stop_all(&bed).await;
    bed.apply(&lifecycle::remove(&choice(&bed, &["db", "cache"]).await, &bed.observe().await, false, false))
        .await;
    let observed = bed.observe().await;
    let missing = lifecycle::start(&members, &observed, false).unwrap_err();
    assert_eq!(
        missing,
        [
            "service web needs cache, which has no container; `topo up` creates it",
            "service web needs db, which has no container; `topo up` creates it"
        ]
    );
    let alone = members.only(&["cache".to_owned()]);
    let plan = lifecycle::start(&alone, &observed, false).unwrap();
    assert_eq!(plan.notes, ["service cache has no container to start; `topo up` creates it"]);
    assert!(plan.steps.is_empty());
}

#[tokio::test]
async fn dependents_restart_after_what_they_need_if_the_file_says_so() {
    let bed = up().await;
    let members = Members::of_project(&whole(THREE));
    let observed = bed.observe().await;
    let restart = |services: &[&str], no_deps: bool| {
        let services = services.iter().map(|one| (*one).to_owned()).collect();
        let options = RestartOptions { services, no_deps, timeout: Some(3) };
        lifecycle::restart(&members, &observed, &options).unwrap()
    };
    insta::assert_snapshot!("restart_dependents", restart(&["db"], false));
    insta::assert_snapshot!("restart_alone", restart(&["db"], true));
    // Nobody asked to be restarted with it.
    insta::assert_snapshot!("restart_nobody_else", restart(&["cache"], false));
    assert_eq!(restart(&[], false).steps.len(), 5);
    bed.apply(&restart(&[], false)).await;
    assert_eq!(bed.engine.running().len(), 4);
}

#[tokio::test]
async fn signals_go_to_what_runs() {
    let bed = up().await;
    bed.engine.end("project-cache-2", 0);
    let observed = bed.observe().await;
    let plan = lifecycle::kill(&choice(&bed, &["cache", "db"]).await, &observed, "SIGHUP", false);
    insta::assert_snapshot!("kill_running", plan);
    let only_db =
        Choice { members: Members::of_project(&whole("services: {db: {image: db}}")), services: vec![] };
    assert_eq!(lifecycle::kill(&only_db, &observed, "SIGKILL", false).steps.len(), 1);
    assert_eq!(
        lifecycle::kill(&only_db, &observed, "SIGKILL", true).steps.len(),
        3,
        "orphans are meant, too"
    );
}

#[tokio::test]
async fn what_is_paused_goes_on_and_neither_is_done_twice() {
    let bed = up().await;
    let cache = choice(&bed, &["cache"]).await;
    bed.apply(&lifecycle::pause(&cache, &bed.observe().await)).await;
    let paused = bed.observe().await.containers.into_iter().filter(|one| one.state == State::Paused);
    assert_eq!(paused.map(|one| one.name).collect::<Vec<_>>(), ["project-cache-1", "project-cache-2"]);
    assert!(lifecycle::pause(&cache, &bed.observe().await).steps.is_empty());
    bed.apply(&lifecycle::unpause(&choice(&bed, &[]).await, &bed.observe().await)).await;
    assert_eq!(bed.engine.running().len(), 4);
    assert!(lifecycle::unpause(&cache, &bed.observe().await).steps.is_empty());
}

#[tokio::test]
async fn only_what_does_not_run_is_removed_unless_it_is_to_be_stopped() {
    let bed = up().await;
    let (all, observed) = (choice(&bed, &[]).await, bed.observe().await);
    assert!(lifecycle::remove(&all, &observed, false, false).steps.is_empty());
    insta::assert_snapshot!(
        "rm_stopped_first",
        lifecycle::remove(&choice(&bed, &["web", "db"]).await, &observed, true, true)
    );
    bed.engine.end("project-web-1", 0);
    let plan = lifecycle::remove(&all, &bed.observe().await, false, false);
    insta::assert_snapshot!("rm_ended", plan);
}

#[tokio::test]
async fn a_down_of_some_services_leaves_what_others_use() {
    let bed = up().await;
    let selection = Selection { services: vec!["web".into()], ..Selection::default() };
    let file = Some(InFile::of(&project(THREE, &selection)));
    let options = DownOptions { services: vec!["web".into()], volumes: true, file, ..DownOptions::default() };
    insta::assert_snapshot!("down_one_service", bed.down(&options).await);
}

#[tokio::test]
async fn a_down_takes_what_the_file_has_and_says_what_stays() {
    let bed = up().await;
    let desired = bed.desired_of(&with_debug(THREE));
    bed.apply(&bed.plan_of(&desired, &started()).await).await;
    let fewer = "services: {web: {image: app}, extra: {image: app, profiles: [debug]}}\n";
    let of_file = || Some(InFile::of(&whole(fewer)));
    let plan = bed.down(&DownOptions { file: of_file(), volumes: true, ..DownOptions::default() }).await;
    insta::assert_snapshot!("down_of_fewer", plan);
    let plan =
        bed.down(&DownOptions { file: of_file(), remove_orphans: true, ..DownOptions::default() }).await;
    insta::assert_snapshot!("down_of_orphans", plan);
    let file = Some(InFile::of(&with_debug(THREE)));
    let plan = bed.down(&DownOptions { file, ..DownOptions::default() }).await;
    assert!(plan.notes.is_empty(), "{plan}");
}

#[tokio::test]
async fn a_down_never_touches_what_is_external_now() {
    let bed = up().await;
    let external = "
services: {web: {image: app, volumes: ['data:/d'], networks: [default]}}
volumes: {data: {external: true, name: project_data}}
networks: {default: {external: true, name: project_default}}
";
    let options = DownOptions {
        file: Some(InFile::of(&whole(external))),
        volumes: true,
        remove_orphans: true,
        ..DownOptions::default()
    };
    let plan = bed.down(&options).await.to_string();
    assert!(plan.contains("remove container project-db-1"), "{plan}");
    assert!(!plan.contains("volume") && !plan.contains("network"), "{plan}");
}

#[tokio::test]
async fn what_others_use_stays_with_a_warning() {
    let bed = up().await;
    let data = bollard::models::Mount {
        typ: Some(bollard::models::MountType::VOLUME),
        source: Some("project_data".into()),
        target: Some("/d".into()),
        ..Default::default()
    };
    let mut body = bollard::models::ContainerCreateBody { image: Some("app".into()), ..Default::default() };
    body.host_config.get_or_insert_default().mounts = Some(vec![data]);
    topo::engine::Engine::create_container(&bed.engine, "stranger", None, &body).await.unwrap();
    let plan = bed.down(&DownOptions { volumes: true, ..DownOptions::default() }).await;
    let outcome = bed.outcome(&plan).await;
    assert_eq!(outcome.ending, topo::engine::apply::Ending::Complete);
    let [(step, _)] = &outcome.tolerated[..] else { panic!("{outcome:?}") };
    assert!(plan.steps[*step].to_string().starts_with("remove volume project_data"));
}

#[test]
fn images_that_go_with_a_project() {
    let text = "services: {a: {build: .}, b: {image: mine, build: .}, c: {image: 'registry/app:2'}}";
    let project = whole(text);
    assert_eq!(named(&project, Which::Local), ["project-a"]);
    assert_eq!(named(&project, Which::All), ["mine", "project-a", "registry/app:2"]);
    let built = |name: &str, service: &str| BuiltImage { name: name.into(), service: service.into() };
    let built =
        [built("project-a:latest", "a"), built("mine:latest", "b"), built("project-old:latest", "old")];
    let members = Members::of_project(&project);
    let there = ["project-a".to_owned()];
    assert_eq!(removable(&members, &there, &built, false), ["mine:latest", "project-a:latest"]);
    let with_orphans = removable(&members, &there, &built, true);
    assert_eq!(with_orphans, ["mine:latest", "project-a:latest", "project-old:latest"]);
}
