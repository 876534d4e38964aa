//! What `connect` and `disconnect` decide on, and that their notes tell the truth about the next `up`.

use topo::load::{MemWorld, Request, load};
use topo::observed::Observed;
use topo::plan::connect::{Manner, Pair, connect, disconnect};
use topo::plan::{Op, Plan};
use topo::project::{Project, Selection, resolve};

use crate::plan::{Bed, started};

const TWO: &str = "
services:
  web: {image: app, networks: [front], scale: 2}
  db:
    image: db
    networks: {front: {aliases: [store], ipv4_address: 10.77.0.9}, back: }
networks:
  front: {ipam: {config: [{subnet: 10.77.0.0/24}]}}
  back:
";

fn project() -> Project {
    let world = MemWorld::project([("compose.yaml", TWO)]);
    let mut loaded = load(&world, &Request::default());
    resolve(&mut loaded, &Selection::default(), &world)
}

async fn up() -> (Bed, Observed) {
    let bed = Bed::new();
    bed.up(TWO).await;
    let observed = bed.observe().await;
    (bed, observed)
}

fn pair<'a>(project: &'a Project, service: &'a str, network: &'a str) -> Pair<'a> {
    Pair { project_name: &project.name, project: Some(project), service, network }
}

/// Returns the names and the address that a plan gives its only container.
fn endpoint(plan: &Plan) -> (Vec<String>, Option<String>) {
    let [step] = plan.steps.as_slice() else { panic!("{plan}") };
    let Op::ConnectNetwork { endpoint, .. } = &step.op else { panic!("{plan}") };
    let address = endpoint.ipam_config.as_ref().and_then(|config| config.ipv4_address.clone());
    (endpoint.aliases.clone().unwrap(), address)
}

#[tokio::test]
async fn what_the_file_does_not_have_lasts_until_containers_are_replaced() {
    let (bed, observed) = up().await;
    let project = project();
    let pair = pair(&project, "web", "back");
    let plan = connect(pair, &observed, &Manner::default()).unwrap();
    insta::assert_snapshot!("connect_both", plan);
    bed.apply(&plan).await;
    let connected = bed.observe().await;
    assert!(bed.plan(TWO, &started()).await.is_no_op(), "`up` leaves it alone");

    let again = connect(pair, &connected, &Manner::default()).unwrap();
    assert_eq!(again.steps.len(), 0, "{again}");
    bed.apply(&disconnect(pair, &connected).unwrap()).await;
    assert_eq!(disconnect(pair, &bed.observe().await).unwrap().steps.len(), 0);
}

#[tokio::test]
async fn what_the_file_has_is_joined_as_it_says_and_comes_back_with_up() {
    let (bed, observed) = up().await;
    let project = project();
    let pair = pair(&project, "db", "front");
    let plan = disconnect(pair, &observed).unwrap();
    insta::assert_snapshot!("disconnect", plan);
    bed.apply(&plan).await;
    let apart = bed.observe().await;
    assert!(!bed.plan(TWO, &started()).await.is_no_op(), "`up` replaces it");

    let (names, address) = endpoint(&connect(pair, &apart, &Manner::default()).unwrap());
    assert_eq!(names[1..], ["db", "store"]);
    assert_eq!(address.as_deref(), Some("10.77.0.9"));
    let manner =
        Manner { aliases: vec!["more".into()], ipv4: Some("10.77.0.10".into()), ..Manner::default() };
    let plan = connect(pair, &apart, &manner).unwrap();
    let (names, address) = endpoint(&plan);
    assert_eq!(names[1..], ["db", "store", "more"]);
    assert_eq!(address.as_deref(), Some("10.77.0.10"));
    assert_eq!(plan.notes, [""; 0]);
    bed.apply(&plan).await;
    assert!(bed.plan(TWO, &started()).await.is_no_op());
}

#[tokio::test]
async fn what_cannot_be_is_said() {
    let (_, observed) = up().await;
    let project = project();
    let unknown = connect(pair(&project, "web", "bcak"), &observed, &Manner::default()).unwrap_err();
    assert_eq!(unknown, ["the engine has no network bcak: did you mean `back`?"]);
    let address = Manner { ipv4: Some("10.77.0.7".into()), ..Manner::default() };
    let shared = connect(pair(&project, "web", "back"), &observed, &address).unwrap_err();
    assert_eq!(shared, ["2 containers of service web cannot share one address"]);
    let none = disconnect(pair(&project, "job", "back"), &observed).unwrap_err();
    assert_eq!(none, ["service job has no container; `topo up` creates it"]);
    // The network of another project, by its name in the engine.
    let foreign = connect(pair(&project, "web", "bridge"), &observed, &Manner::default()).unwrap();
    assert_eq!(foreign.steps.len(), 2);
}
