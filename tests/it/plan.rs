//! Plans as text: what `up` and `down` decide on, from an engine in memory that was brought to some state before.

use std::future::pending;

use topo::diagnostic::{Diagnostics, one_line};
use topo::engine::apply::{Ending, Outcome, apply};
use topo::engine::fake::{Behaviour, FakeEngine};
use topo::engine::{Engine as _, Query};
use topo::load::{Environment, MemWorld, Request, load};
use topo::plan::Plan;
use topo::plan::desired::Desired;
use topo::plan::down::{DownOptions, down};
use topo::plan::up::{UpOptions, up};
use topo::project::{Project, Selection, read_contents, resolve};
use topo::topology::Topology;

/// A project on an engine in memory.
pub(crate) struct Bed {
    pub(crate) engine: FakeEngine,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let engine = FakeEngine::new();
        ["app", "db"].into_iter().for_each(|image| {
            engine.add_image(image);
        });
        Self { engine }
    }

    pub(crate) fn desired(&self, text: &str) -> Desired {
        let world = MemWorld::project([("compose.yaml", text)]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, &Selection::default(), &world);
        assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.sorted());
        self.desired_of(&project)
    }

    pub(crate) fn desired_of(&self, project: &Project) -> Desired {
        let world = MemWorld::default();
        let mut diagnostics = Diagnostics::default();
        let topology = Topology::build(project, &mut diagnostics);
        let environment = Environment::default();
        let contents = read_contents(project, &environment, &world, &mut diagnostics);
        let desired = Desired::new(project, &topology, &contents, self.engine.api(), true, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{:?}", diagnostics.sorted());
        desired
    }

    pub(crate) async fn plan(&self, text: &str, options: &UpOptions) -> Plan {
        self.plan_of(&self.desired(text), options).await
    }

    pub(crate) async fn plan_of(&self, desired: &Desired, options: &UpOptions) -> Plan {
        let query = Query { project: desired.project.clone(), images: desired.images(), ..Query::default() };
        let observed = self.engine.observe(&query).await.unwrap();
        up(desired, &observed, options).unwrap()
    }

    pub(crate) async fn outcome(&self, plan: &Plan) -> Outcome {
        let query =
            Query { project: "project".into(), images: vec!["app".into(), "db".into()], ..Query::default() };
        let observed = self.engine.observe(&query).await.unwrap();
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        apply(plan, &observed, &self.engine, &events, pending()).await
    }

    pub(crate) async fn apply(&self, plan: &Plan) {
        let outcome = self.outcome(plan).await;
        assert_eq!(outcome.ending, Ending::Complete, "{:?}\n{plan}", outcome.failed);
    }

    /// Brings the project up and says what another `up` would do.
    pub(crate) async fn up(&self, text: &str) {
        self.apply(&self.plan(text, &started()).await).await;
        let again = self.plan(text, &started()).await;
        assert!(again.steps.is_empty(), "a second `up` would do something:\n{again}");
    }

    pub(crate) async fn observe(&self) -> topo::observed::Observed {
        let query = Query { project: "project".into(), ..Query::default() };
        self.engine.observe(&query).await.unwrap()
    }

    pub(crate) async fn down(&self, options: &DownOptions) -> Plan {
        let query = Query { project: "project".into(), ..Query::default() };
        down("project", &self.engine.observe(&query).await.unwrap(), options)
    }
}

pub(crate) fn started() -> UpOptions {
    UpOptions { start: true, ..UpOptions::default() }
}

const TWO: &str = "
services:
  web:
    image: app
    depends_on: {db: {condition: service_healthy}}
    networks: [front, back]
    environment: {A: '1'}
  db:
    image: db
    healthcheck: {test: [CMD, 'true']}
    volumes: ['data:/var/lib/data']
    networks: [back]
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
";

#[tokio::test]
async fn a_first_up_creates_all_and_starts_each_once_it_can() {
    let plan = Bed::new().plan(TWO, &started()).await;
    insta::assert_snapshot!("first_up", plan);
}

#[tokio::test]
async fn a_changed_service_is_replaced_alone() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let changed = TWO.replace("A: '1'", "A: '2'");
    insta::assert_snapshot!("changed_service", bed.plan(&changed, &started()).await);
    bed.up(&changed).await;
}

#[tokio::test]
async fn a_changed_network_is_made_anew_with_all_who_use_it() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let changed = TWO.replace("internal: true", "internal: false");
    insta::assert_snapshot!("changed_network", bed.plan(&changed, &started()).await);
    bed.up(&changed).await;
}

#[tokio::test]
async fn what_has_ended_is_started_again_after_what_it_waits_for() {
    let bed = Bed::new();
    bed.up(TWO).await;
    bed.engine.end("project-db-1", 137);
    bed.engine.end("project-web-1", 1);
    insta::assert_snapshot!("ended", bed.plan(TWO, &started()).await);
    bed.up(TWO).await;
}

#[tokio::test]
async fn an_interrupted_replacement_is_finished_or_undone() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let changed = TWO.replace("A: '1'", "A: '2'");
    let count = bed.plan(&changed, &started()).await.steps.len();
    // As if topo had been killed after each step.
    for steps in 0..count {
        let bed = Bed::new();
        bed.up(TWO).await;
        let whole = bed.plan(&changed, &started()).await;
        bed.apply(&Plan { steps: whole.steps[..steps].to_vec(), notes: Vec::new() }).await;
        bed.up(&changed).await;
        assert_eq!(bed.engine.running(), ["project-db-1", "project-web-1"], "cut after {steps} steps");
    }
}

#[tokio::test]
async fn fewer_and_more_containers() {
    let text = "services: {a: {image: app, scale: 3}}";
    let bed = Bed::new();
    bed.up(text).await;
    let fewer = text.replace('3', "1");
    insta::assert_snapshot!("fewer", bed.plan(&fewer, &started()).await);
    bed.up(&fewer).await;
    assert_eq!(bed.engine.running(), ["project-a-1"]);
    bed.up(text).await;
    assert_eq!(bed.engine.running(), ["project-a-1", "project-a-2", "project-a-3"]);
}

#[tokio::test]
async fn orphans_are_told_and_removed_only_when_asked() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let fewer = "services: {db: {image: db}}";
    let plan = bed.plan(fewer, &started()).await;
    assert_eq!(
        plan.notes,
        [
            "there is a container of services that the file does not have: project-web-1; `--remove-orphans` removes them"
        ]
    );
    let asked = UpOptions { remove_orphans: true, ..started() };
    let plan = bed.plan(fewer, &asked).await;
    assert!(
        plan.to_string().contains("remove container project-web-1, its service is not in the file"),
        "{plan}"
    );
}

#[tokio::test]
async fn a_task_that_succeeded_is_done_until_it_changes() {
    let text = "
services:
  web: {image: app, depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: app, command: [migrate]}
";
    let bed = Bed::new();
    bed.engine.on_start("project-migrate-1", Behaviour::Exits(0, Vec::new()));
    bed.up(text).await;
    let changed = text.replace("[migrate]", "[migrate, again]");
    let plan = bed.plan(&changed, &started()).await.to_string();
    assert!(plan.contains("start container project-migrate-1, configuration changed"), "{plan}");
}

#[tokio::test]
async fn who_shares_a_namespace_is_replaced_with_its_owner() {
    let text = "
services:
  proxy: {image: app, network_mode: 'service:web'}
  web: {image: app, environment: {A: '1'}}
";
    let bed = Bed::new();
    bed.up(text).await;
    let changed = text.replace("A: '1'", "A: '2'");
    insta::assert_snapshot!("shared_namespace", bed.plan(&changed, &started()).await);
    bed.up(&changed).await;
}

#[tokio::test]
async fn dependents_that_ask_for_it_are_restarted() {
    let text = "
services:
  web: {image: app, depends_on: {db: {condition: service_started, restart: true}}}
  db: {image: db, environment: {A: '1'}}
";
    let bed = Bed::new();
    bed.up(text).await;
    let changed = text.replace("A: '1'", "A: '2'");
    insta::assert_snapshot!("restarted_dependents", bed.plan(&changed, &started()).await);
    bed.up(&changed).await;
}

#[tokio::test]
async fn what_the_engine_lacks_is_said_before_anything_is_done() {
    let bed = Bed::new();
    let text = "
services: {a: {image: app, networks: [shared, mesh], volumes: ['data:/d']}}
networks: {shared: {external: true}, mesh: {driver: overlay}}
volumes: {data: {external: true, name: precious}}
";
    let desired = bed.desired(text);
    let observed =
        bed.engine.observe(&Query { project: "project".into(), ..Query::default() }).await.unwrap();
    let messages: Vec<String> =
        up(&desired, &observed, &started()).unwrap_err().into_iter().map(|one| one.message).collect();
    assert_eq!(
        messages,
        [
            "overlay network `project_mesh` needs a Swarm manager, and this engine is none",
            "external network `shared` does not exist",
            "external volume `precious` does not exist"
        ]
    );
}

#[test]
fn what_no_engine_takes_is_refused_at_its_line() {
    let text = "
services:
  a: {image: app, isolation: hyper, volumes: [{type: image, target: /a}, 'data:/d']}
volumes: {data: {external: true, name: ''}}
";
    let world = MemWorld::project([("compose.yaml", text)]);
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    let contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    Desired::new(&project, &topology, &contents, (1, 50), true, &mut loaded.diagnostics);
    let said: Vec<String> =
        loaded.diagnostics.sorted().iter().map(|one| one_line(one, &loaded.sources)).collect();
    assert_eq!(
        said,
        [
            "compose.yaml:3:19: error[unsupported-attribute]: `services.a.isolation` names no isolation technology: `hyper`",
            "compose.yaml:3:47: error[unsupported-attribute]: `services.a.volumes.0` mounts an image, and names none",
            "compose.yaml:4:34: error[unsupported-attribute]: `volumes.data.name` is empty",
        ]
    );
}

#[test]
fn an_empty_network_mode_means_the_default_network() {
    let text = "services:\n  a: {image: app, network_mode: ''}\n  b: {image: app}\n";
    let desired = Bed::new().desired(text);
    let networks: Vec<_> = desired.services.iter().map(|service| service.networks.clone()).collect();
    assert_eq!(networks, [["project_default"], ["project_default"]]);
}

#[tokio::test]
async fn down_stops_dependents_first_and_keeps_volumes() {
    let bed = Bed::new();
    bed.up(TWO).await;
    insta::assert_snapshot!("down", bed.down(&DownOptions::default()).await);
    let with_volumes = bed.down(&DownOptions { volumes: true, ..DownOptions::default() }).await;
    assert!(with_volumes.steps.iter().any(|step| step.destructive));
    bed.apply(&with_volumes).await;
    assert!(bed.down(&DownOptions::default()).await.steps.is_empty());
}
