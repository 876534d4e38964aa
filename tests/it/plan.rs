//! Plans as text: what `up` and `down` decide on, from an engine in memory that was brought to some state before.

use std::collections::BTreeMap;
use std::future::pending;

use topo::diagnostic::{Diagnostics, one_line};
use topo::engine::apply::{Ending, Outcome, apply};
use topo::engine::fake::{Behaviour, FakeEngine};
use topo::engine::{Engine as _, Query};
use topo::load::{Environment, MemWorld, Request, load};
use topo::observed::Observed;
use topo::plan::changes::{explain, unexplained};
use topo::plan::desired::Desired;
use topo::plan::down::{DownOptions, down};
use topo::plan::hooks::with_hooks;
use topo::plan::questions::questions;
use topo::plan::up::{UpOptions, up};
use topo::plan::update::rollback;
use topo::plan::{Op, Plan};
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
        self.desired_with(text, &Selection::default())
    }

    pub(crate) fn desired_with(&self, text: &str, selection: &Selection) -> Desired {
        let world = MemWorld::project([("compose.yaml", text), ("token", "hush")]);
        let mut loaded = load(&world, &Request::default());
        let project = resolve(&mut loaded, selection, &world);
        let topology = Topology::build(&project, &mut loaded.diagnostics);
        let contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
        let api = self.engine.api();
        let desired = Desired::new(&project, &topology, &contents, api, true, &mut loaded.diagnostics);
        assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.sorted());
        desired
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
        up(desired, &self.observe_for(desired).await, options).unwrap()
    }

    async fn observe_for(&self, desired: &Desired) -> Observed {
        let query = Query { project: desired.project.clone(), images: desired.images(), ..Query::default() };
        self.engine.observe(&query).await.unwrap()
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
async fn the_cause_names_what_changed() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let mut plan = bed.plan(&TWO.replace("A: '1'", "A: '2'"), &started()).await;
    let mut origins = BTreeMap::new();
    for id in unexplained(&plan) {
        origins.insert(id.clone(), bed.engine.origin(&id).await.unwrap());
    }
    explain(&mut plan, &origins);
    let causes: Vec<&str> = plan.steps.iter().map(|step| step.cause.as_str()).collect();
    assert!(causes.iter().all(|cause| *cause == "`environment.A` changed from `1` to `2`"), "{plan}");
}

#[tokio::test]
async fn new_content_of_configs_and_secrets_replaces_who_reads_them() {
    let text = "
services:
  web: {image: app, configs: [site], secrets: [token]}
  db: {image: db, configs: [{source: other, mode: 0400, uid: '7'}]}
configs: {site: {content: one}, other: {content: same}}
secrets: {token: {file: ./token}}
";
    let bed = Bed::new();
    bed.up(text).await;
    assert_eq!(bed.engine.files("project-db-1")[0].mode, 0o400);
    assert_eq!(bed.engine.files("project-db-1")[0].uid, 7);
    let changed = text.replace("content: one", "content: two");
    let plan = bed.plan(&changed, &started()).await.to_string();
    assert!(plan.contains("create container project-web-1, `configs.site` has new content"), "{plan}");
    assert!(!plan.contains("project-db-1"), "{plan}");
    let mut desired = bed.desired(text);
    let labels = desired.services[1].containers[0].create.body.labels.as_mut().unwrap();
    let label = labels.get_mut("topo.contents").unwrap();
    assert!(!label.contains("hush"), "{label}");
    *label = label.replace("secrets.token=", "secrets.token=0");
    let plan = bed.plan_of(&desired, &started()).await.to_string();
    assert!(plan.contains("`secrets.token` has new content"), "{plan}");
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
        bed.apply(&Plan { steps: whole.steps[..steps].to_vec(), ..Plan::default() }).await;
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
async fn an_orphan_of_other_files_goes_only_if_the_user_agrees() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let mut desired = bed.desired("services: {db: {image: db}}");
    desired.files = vec!["/elsewhere/compose.yaml".to_owned()];
    let asked = UpOptions { remove_orphans: true, ..started() };
    let plan = bed.plan_of(&desired, &asked).await;
    assert!(!plan.to_string().contains("remove container project-web-1"), "{plan}");
    assert_eq!(
        plan.notes,
        [
            "container project-web-1 has the same project name and was made from other files (/project/compose.yaml): left alone; `--remove-orphans --yes` removes it"
        ]
    );
    let agreed = questions(&desired, &bed.observe_for(&desired).await, &asked).into_iter().collect();
    let plan = bed.plan_of(&desired, &UpOptions { agreed, ..asked }).await;
    assert!(plan.to_string().contains("remove container project-web-1"), "{plan}");
}

#[tokio::test]
async fn a_changed_volume_is_made_anew_only_if_the_user_agrees() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let changed = TWO.replace("data: {}", "data: {labels: {a: b}}");
    let plan = bed.plan(&changed, &started()).await;
    assert!(plan.steps.is_empty(), "{plan}");
    assert_eq!(
        plan.notes,
        [
            "volume project_data was made with another configuration (`labels.a` is new: `b`) and is kept, since it may hold data; `up --yes` makes it anew"
        ]
    );
    let desired = bed.desired(&changed);
    let agreed = questions(&desired, &bed.observe_for(&desired).await, &started()).into_iter().collect();
    let plan = bed.plan_of(&desired, &UpOptions { agreed, ..started() }).await;
    insta::assert_snapshot!("changed_volume", plan);
    bed.apply(&plan).await;
    let again = bed.plan(&changed, &started()).await;
    assert!(again.steps.is_empty() && again.notes.is_empty(), "{again}");
}

#[tokio::test]
async fn options_to_replace_concern_the_named_services_or_what_they_depend_on() {
    let bed = Bed::new();
    bed.up(TWO).await;
    let named = |options: UpOptions| UpOptions { selected: vec!["web".to_owned()], ..options };
    for (options, replaced) in [
        (UpOptions { force_recreate: true, ..started() }, vec!["project-db-1", "project-web-1"]),
        (named(UpOptions { force_recreate: true, ..started() }), vec!["project-web-1"]),
        (named(UpOptions { recreate_dependencies: true, ..started() }), vec!["project-db-1"]),
        (named(UpOptions { renew_anonymous_volumes: true, ..started() }), vec!["project-web-1"]),
    ] {
        let plan = bed.plan(TWO, &options).await.to_string();
        let is_replaced = |name: &&str| plan.contains(&format!("remove container {name}"));
        let found: Vec<_> = ["project-db-1", "project-web-1"].into_iter().filter(is_replaced).collect();
        assert_eq!(found, replaced, "{options:?}\n{plan}");
    }
}

#[tokio::test]
async fn a_service_can_come_up_without_what_it_depends_on_and_in_any_number() {
    let bed = Bed::new();
    let selection = Selection {
        services: vec!["web".to_owned()],
        alone: true,
        scale: vec![("web".to_owned(), 2)],
        ..Selection::default()
    };
    let plan = bed.plan_of(&bed.desired_with(TWO, &selection), &started()).await;
    bed.apply(&plan).await;
    assert_eq!(bed.engine.running(), ["project-web-1", "project-web-2"]);
}

#[tokio::test]
async fn waiting_ends_well_with_tasks_that_have_succeeded() {
    let text = "
services:
  web: {image: app}
  seed: {image: app, command: [seed]}
";
    let bed = Bed::new();
    bed.engine.on_start("project-seed-1", Behaviour::Exits(0, Vec::new()));
    bed.apply(&bed.plan(text, &UpOptions { wait: true, ..started() }).await).await;
    assert_eq!(bed.engine.running(), ["project-web-1"]);
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
    let again = bed.plan(text, &UpOptions { rerun_tasks: true, ..started() }).await.to_string();
    assert!(again.contains("start container project-migrate-1, it ended with code 0"), "{again}");
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

const HOOKED: &str = "
services:
  web:
    image: app
    environment: {A: '1'}
    depends_on: [db]
    post_start: [{command: warm up, user: root}, {command: [tell, 'all of them']}]
    pre_stop: [{command: say goodbye, environment: {WHY: replaced}}]
  db: {image: db, post_start: [{command: migrate}]}
";

#[tokio::test]
async fn hooks_run_after_the_start_and_before_the_stop() {
    let bed = Bed::new();
    let first = bed.plan(HOOKED, &started()).await;
    bed.up(HOOKED).await;
    let changed = HOOKED.replace("A: '1'", "A: '2'");
    let replaced = bed.plan(&changed, &started()).await;
    insta::assert_snapshot!("hooks", format!("{first}---\n{replaced}"));
    bed.up(&changed).await;
    let down = bed.down(&DownOptions::default()).await;
    let desired = bed.desired(&changed);
    let down = with_hooks(down, &bed.observe_for(&desired).await, &desired.hooks()).to_string();
    let goodbye = "#0 run a hook in container project-web-1 (`say goodbye`), the project goes down\n#1 stop container project-web-1, the project goes down, after #0\n";
    assert!(down.starts_with(goodbye), "{down}");
    // What does not run has nobody to say goodbye.
    bed.engine.end("project-web-1", 1);
    let plan = bed.plan(HOOKED, &started()).await.to_string();
    assert!(!plan.contains("say goodbye"), "{plan}");
}

#[tokio::test]
async fn what_runs_before_a_service_runs_once_or_for_each_container() {
    let text = "
services:
  web:
    image: app
    scale: 2
    ports: ['80']
    volumes: ['data:/d']
    pre_start: [{command: migrate, image: db, environment: {A: b}}, {command: check, per_replica: true}]
volumes: {data: {}}
";
    let bed = Bed::new();
    for name in ["0", "1-1", "1-2"] {
        bed.engine.on_start(&format!("project-web-pre_start-{name}"), Behaviour::Exits(0, Vec::new()));
    }
    let plan = bed.plan(text, &started()).await;
    insta::assert_snapshot!("before", plan);
    let create = plan.steps.iter().find_map(|step| match &step.op {
        Op::CreateContainer(create) if create.name.contains("pre_start") => Some(create),
        _ => None,
    });
    let body = &create.unwrap().body;
    assert_eq!((body.image.as_deref(), body.env.clone()), (Some("db"), Some(vec!["A=b".to_owned()])));
    assert!(body.host_config.as_ref().unwrap().port_bindings.is_none());
    bed.up(text).await;
    assert_eq!(bed.engine.running(), ["project-web-1", "project-web-2"]);
    // One that failed stays to be looked at, and goes before it runs again.
    bed.engine.on_start("project-web-pre_start-0", Behaviour::Exits(1, Vec::new()));
    let changed = text.replace("A: b", "A: c");
    assert_eq!(bed.outcome(&bed.plan(&changed, &started()).await).await.ending, Ending::Failed);
    bed.engine.on_start("project-web-pre_start-0", Behaviour::Exits(0, Vec::new()));
    bed.up(&changed).await;
}

/// A service that is updated in groups; its number of containers makes no difference to its hash.
const ROLLING: &str = "
services:
  web:
    image: app
    environment: {A: '1'}
    deploy:
      replicas: 3
      update_config: {parallelism: 2, delay: 1s, monitor: 2s, order: start-first, failure_action: rollback}
";

#[tokio::test(start_paused = true)]
async fn an_update_goes_group_by_group_and_the_old_ones_go_last() {
    let bed = Bed::new();
    bed.up(ROLLING).await;
    let changed = ROLLING.replace("A: '1'", "A: '2'");
    insta::assert_snapshot!("update", bed.plan(&changed, &started()).await);
    bed.up(&changed).await;
    assert_eq!(bed.engine.running(), ["project-web-1", "project-web-2", "project-web-3"]);
    // A port of the host cannot be had twice.
    let published = changed.replace("replicas: 3", "replicas: 1") + "    ports: ['8080:80']\n";
    bed.up(&published).await;
    let plan = bed.plan(&published.replace("A: '2'", "A: '3'"), &started()).await;
    assert_eq!(
        plan.notes,
        ["service web: the old container ends before the new one starts, since both want port 8080"]
    );
    bed.apply(&plan).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_rolled_back() {
    for order in ["start-first", "stop-first"] {
        let text = ROLLING.replace("start-first", order);
        let bed = Bed::new();
        bed.up(&text).await;
        let changed = text.replace("A: '1'", "A: '2'");
        // The third is in the second group.
        bed.engine.on_start("000000000000_project-web-3", Behaviour::Exits(1, Vec::new()));
        let plan = bed.plan(&changed, &started()).await;
        let outcome = bed.outcome(&plan).await;
        assert_eq!(outcome.ending, Ending::Failed);
        let failed = [plan.steps[outcome.failed[0].0].subject.to_string()];
        assert_eq!(failed, ["container project-web-3"]);
        let desired = bed.desired(&changed);
        let (undo, services) = rollback(&desired, &bed.observe_for(&desired).await, &["project-web-3"]);
        assert_eq!(services, ["web"]);
        bed.apply(&undo).await;
        assert_eq!(bed.engine.running(), ["project-web-1", "project-web-2", "project-web-3"], "{undo}");
        assert!(bed.plan(&text, &started()).await.steps.is_empty(), "all is as it was before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_goes_on_after_failures_if_it_may() {
    let text = ROLLING.replace("rollback", "continue");
    let bed = Bed::new();
    bed.up(&text).await;
    bed.engine.on_start("000000000000_project-web-1", Behaviour::Exits(1, Vec::new()));
    let plan = bed.plan(&text.replace("A: '1'", "A: '2'"), &started()).await;
    let outcome = bed.outcome(&plan).await;
    assert_eq!((outcome.ending, outcome.tolerated.len()), (Ending::Complete, 1));
    assert_eq!(bed.engine.running(), ["project-web-2", "project-web-3"]);
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
