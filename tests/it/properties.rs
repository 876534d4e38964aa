//! What holds for every project: plans are acyclic, what was carried out is not planned again, and `down` takes away
//! all that `up` brought, a change touches what changed, and a failure is mended by running again.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::{Future, pending};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use topo::diagnostic::{Severity, one_line};
use topo::engine::apply::{Ending, apply};
use topo::engine::fake::{Behaviour, CallKind, FakeEngine};
use topo::engine::{Cause, Engine as _, Query};
use topo::load::{Loaded, MemWorld, Request, World, load};
use topo::observed::Observed;
use topo::plan::desired::Desired;
use topo::plan::down::{DownOptions, down};
use topo::plan::up::{UpOptions, up};
use topo::plan::{Op, Plan, Subject};
use topo::project::{Selection, read_contents, resolve};
use topo::topology::{Topology, ports};

/// What a project wants of an engine, and what there was to say on the way.
pub(crate) struct Ready {
    pub(crate) desired: Desired,
    pub(crate) loaded: Loaded,
}

/// Goes the way from files to what is wanted of an engine.
pub(crate) fn ready(world: &dyn World, request: &Request) -> Ready {
    let mut loaded = load(world, request);
    let project = resolve(&mut loaded, &Selection::default(), world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    for conflict in ports::conflicts(&project) {
        loaded.diagnostics.push(conflict);
    }
    let contents = read_contents(&project, &loaded.environment, world, &mut loaded.diagnostics);
    let api = FakeEngine::new().api();
    let desired = Desired::new(&project, &topology, &contents, api, true, &mut loaded.diagnostics);
    Ready { desired, loaded }
}

/// Brings a project up and returns what was planned.
pub(crate) async fn bring_up(desired: &Desired, engine: &FakeEngine) -> Plan {
    let observed = observe(desired, engine).await;
    let options = UpOptions { start: true, ..UpOptions::default() };
    let plan = up(desired, &observed, &options).expect("a plan that the engine can carry out");
    carry_out(&plan, &observed, engine).await;
    plan
}

/// Takes a project down with its volumes.
pub(crate) async fn bring_down(desired: &Desired, engine: &FakeEngine) {
    let observed = observe(desired, engine).await;
    let plan = down(&desired.project, &observed, &DownOptions { volumes: true, ..DownOptions::default() });
    carry_out(&plan, &observed, engine).await;
}

async fn observe(desired: &Desired, engine: &FakeEngine) -> Observed {
    let query = Query {
        project: desired.project.clone(),
        images: desired.images(),
        aging_images: desired.aging_images(),
        networks: desired.external_networks(),
        volumes: desired.external_volumes(),
        swarm: desired.needs_swarm(),
    };
    engine.observe(&query).await.unwrap()
}

/// Carries a plan out. That steps wait for earlier ones only is what makes it acyclic.
async fn carry_out(plan: &Plan, observed: &Observed, engine: &FakeEngine) {
    for (id, step) in plan.steps.iter().enumerate() {
        assert!(step.after.iter().all(|earlier| *earlier < id), "#{id} waits for a later step\n{plan}");
        assert!(!step.cause.is_empty(), "#{id} has no cause\n{plan}");
    }
    let (events, _) = unbounded_channel();
    let outcome = apply(plan, observed, engine, &events, pending()).await;
    assert_eq!(outcome.ending, Ending::Complete, "{:?}\n{plan}", outcome.failed);
    assert_eq!(outcome.done.len(), plan.steps.len(), "{plan}");
}

/// A service that depends on, and shares with, services of lower numbers only, so that there is no cycle.
#[derive(Clone, Debug)]
struct Service {
    dependencies: Vec<(prop::sample::Index, bool)>,
    networks: BTreeSet<usize>,
    volumes: BTreeSet<usize>,
    replicas: u8,
    is_checked: bool,
    is_built: bool,
    is_task: bool,
    publishes: bool,
    shares_network: bool,
    label: Option<u8>,
}

const NETWORKS: usize = 3;
const VOLUMES: usize = 2;

fn service() -> impl Strategy<Value = Service> {
    let sets = (
        vec((any::<prop::sample::Index>(), any::<bool>()), 0..3),
        btree_set(0..NETWORKS, 0..=NETWORKS),
        btree_set(0..VOLUMES, 0..=VOLUMES),
    );
    let rest = (1_u8..4, any::<[bool; 4]>(), prop::bool::weighted(0.2), any::<Option<u8>>());
    (sets, rest).prop_map(|((dependencies, networks, volumes), (replicas, flags, shares_network, label))| {
        let [is_checked, is_built, is_task, publishes] = flags;
        Service {
            dependencies,
            networks,
            volumes,
            replicas,
            is_checked,
            is_built,
            is_task,
            publishes,
            shares_network,
            label,
        }
    })
}

/// Writes a project down, and says which of its containers end on their own.
fn written(services: &[Service]) -> (Value, Vec<String>) {
    let mut tasks = Vec::new();
    let mut file = json!({"name": "random", "services": {}, "networks": {}, "volumes": {}});
    for (at, service) in services.iter().enumerate() {
        let mut attributes = json!({});
        if service.is_built {
            attributes["build"] = json!({"context": "."});
        } else {
            attributes["image"] = json!("app");
        }
        if service.is_checked {
            attributes["healthcheck"] = json!({"test": ["CMD", "true"]});
        }
        if let Some(label) = service.label {
            attributes["labels"] = json!({"label": label.to_string()});
        }
        for (other, waits_for_health) in service.dependencies.iter().filter(|_| at > 0) {
            let other = other.index(at);
            let condition = match &services[other] {
                other if other.is_task => "service_completed_successfully",
                other if other.is_checked && *waits_for_health => "service_healthy",
                _ => "service_started",
            };
            attributes["depends_on"][format!("s{other}")] = json!({"condition": condition});
            if services[other].is_task {
                tasks.extend((1..4).map(|number| format!("random-s{other}-{number}")));
            }
        }
        attributes["volumes"] =
            service.volumes.iter().map(|volume| json!(format!("v{volume}:/v{volume}"))).collect();
        if service.shares_network && at > 0 {
            attributes["network_mode"] = json!(format!("service:s{}", at - 1));
        } else {
            attributes["networks"] =
                service.networks.iter().map(|network| json!(format!("n{network}"))).collect();
            if service.publishes {
                attributes["ports"] = json!([format!("{}:80", 8000 + at)]);
            }
        }
        let replicas = if service.publishes { 1 } else { service.replicas };
        attributes["deploy"]["replicas"] = json!(replicas);
        file["services"][format!("s{at}")] = attributes;
    }
    for network in 0..NETWORKS {
        file["networks"][format!("n{network}")] = json!({"internal": network == 0});
    }
    for volume in 0..VOLUMES {
        file["volumes"][format!("v{volume}")] = json!(null);
    }
    (file, tasks)
}

/// Makes the project ready, and an engine that has what it needs.
fn prepare(services: &[Service]) -> (Desired, FakeEngine) {
    let (file, tasks) = written(services);
    let world =
        MemWorld::project([("compose.yaml", file.to_string().as_str()), ("Dockerfile", "FROM scratch")]);
    let Ready { desired, loaded } = ready(&world, &Request::default());
    let errors = loaded.diagnostics.sorted().into_iter().filter(|one| one.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|one| one_line(one, &loaded.sources)).collect();
    assert_eq!(errors, [""; 0], "{file}");
    let engine = FakeEngine::new();
    engine.add_to_registry("app");
    for task in &tasks {
        engine.on_start(task, Behaviour::Exits(0, Vec::new()));
    }
    (desired, engine)
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_done_is_not_planned_again_and_down_leaves_nothing(services in vec(service(), 1..7)) {
        let (desired, engine) = prepare(&services);
        run(async {
            let found = observe(&desired, &engine).await;
            bring_up(&desired, &engine).await;
            let second = bring_up(&desired, &engine).await;
            assert!(second.is_no_op(), "the second time there is to do\n{second}");
            bring_down(&desired, &engine).await;
            let mut left = observe(&desired, &engine).await;
            // Images stay, as with docker compose.
            left.images = found.images.clone();
            assert_eq!(left, found);
        });
    }

    #[test]
    fn a_change_of_one_service_touches_that_service_and_who_shares_with_it(
        services in vec(service(), 1..7),
        changed in any::<prop::sample::Index>(),
    ) {
        let (desired, engine) = prepare(&services);
        let changed = changed.index(services.len());
        let mut after = services.clone();
        after[changed].label = Some(services[changed].label.map_or(1, |label| label.wrapping_add(1)));
        let (wanted, _) = prepare(&after);
        run(async {
            bring_up(&desired, &engine).await;
            let plan = bring_up(&wanted, &engine).await;
            assert!(!plan.is_no_op(), "the change was not seen");
            // Whoever shares the network of a replaced container must be replaced too.
            let mut touched = vec![changed];
            for (at, service) in after.iter().enumerate().skip(1) {
                if service.shares_network && touched.contains(&(at - 1)) {
                    touched.push(at);
                }
            }
            let allowed = |name: &str| touched.iter().any(|at| name.starts_with(&format!("random-s{at}-")));
            for step in plan.steps.iter().filter(|step| !matches!(step.op, Op::Await { .. })) {
                let is_allowed = match &step.subject {
                    Subject::Container(name) => allowed(name),
                    Subject::Image(_) | Subject::Network(_) | Subject::Volume(_) => false,
                };
                assert!(is_allowed, "s{changed} changed, but: {step}\n{plan}");
            }
            assert!(bring_up(&wanted, &engine).await.is_no_op());
        });
    }

    #[test]
    fn after_a_failure_anywhere_a_second_run_ends_in_the_same_state(
        services in vec(service(), 1..7),
        nth in 0_usize..40,
        change in any::<bool>(),
    ) {
        let (mut desired, engine) = prepare(&services);
        run(async {
            if change {
                // Half of the time the failure is in the middle of replacing everything.
                bring_up(&desired, &engine).await;
                let mut after = services.clone();
                for service in &mut after {
                    service.label = Some(service.label.map_or(1, |label| label.wrapping_add(1)));
                }
                desired = prepare(&after).0;
            }
            let calls = Cell::new(0);
            engine.fail_when(move |call| {
                if matches!(call.kind, CallKind::Observe | CallKind::Inspect | CallKind::Happenings) {
                    return None;
                }
                calls.set(calls.get() + 1);
                (calls.get() == nth + 1).then_some(Cause::TimedOut)
            });
            let observed = observe(&desired, &engine).await;
            let options = UpOptions { start: true, ..UpOptions::default() };
            let plan = up(&desired, &observed, &options).unwrap();
            apply(&plan, &observed, &engine, &unbounded_channel().0, pending()).await;

            let second = bring_up(&desired, &engine).await;
            let third = bring_up(&desired, &engine).await;
            assert!(third.is_no_op(), "after a failure and a second run there is to do\n{third}\nfirst\n{plan}\nsecond\n{second}");
            let mut wanted: Vec<&str> = desired
                .services
                .iter()
                .flat_map(|service| &service.containers)
                .map(|container| container.create.name.as_str())
                .collect();
            wanted.sort_unstable();
            let observed = observe(&desired, &engine).await;
            let mut there: Vec<&str> = observed.containers.iter().map(|one| one.name.as_str()).collect();
            there.sort_unstable();
            assert_eq!(there, wanted);
        });
    }
}
