//! Plans carried out on the engine in memory: order, failures, interruptions, waits.

use std::cell::Cell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use topo::engine::apply::{Ending, Outcome, apply, apply_at_most};
use topo::engine::fake::{Behaviour, CallKind, FakeEngine};
use topo::engine::{Cause, Engine as _, Event, Query};
use topo::observed::{Health, Observed};
use topo::plan::hooks::Inside;
use topo::plan::{Condition, Create, Op, Plan, StepId, Subject, container_id_of, image_id_of};

/// A plan under construction.
#[derive(Default)]
struct Steps(Plan);

impl Steps {
    fn push(&mut self, op: Op, after: &[StepId]) -> StepId {
        self.0.push(op, Subject::Container("x".into()), "not there yet", after.to_vec())
    }

    fn create_with(&mut self, name: &str, body: ContainerCreateBody, after: &[StepId]) -> StepId {
        let body = ContainerCreateBody { image: Some("app".into()), ..body };
        let create = Create { name: name.into(), body, platform: None, hash_input: String::new() };
        self.push(Op::CreateContainer(Box::new(create)), after)
    }

    /// Adds a container without a health check.
    fn create(&mut self, name: &str, after: &[StepId]) -> StepId {
        self.create_with(name, ContainerCreateBody::default(), after)
    }

    /// Adds a container with a health check.
    fn create_checked(&mut self, name: &str, after: &[StepId]) -> StepId {
        let check = HealthConfig { test: Some(vec!["CMD".into(), "true".into()]), ..HealthConfig::default() };
        self.create_with(name, ContainerCreateBody { healthcheck: Some(check), ..Default::default() }, after)
    }

    fn start(&mut self, name: &str, after: &[StepId]) -> StepId {
        self.push(Op::Start { container: name.into() }, after)
    }

    fn wait(&mut self, name: &str, condition: Condition, after: &[StepId]) -> StepId {
        self.push(Op::Await { container: name.into(), condition, required: true }, after)
    }
}

fn engine() -> FakeEngine {
    let engine = FakeEngine::new();
    engine.add_image("app");
    engine
}

/// Carries a plan out while `world` goes on beside it.
async fn run_with(
    steps: &Steps,
    engine: &FakeEngine,
    stop: impl Future<Output = ()>,
    world: impl AsyncFnOnce(&mut UnboundedReceiver<Event>),
) -> (Outcome, Vec<Event>) {
    let (sender, mut receiver) = unbounded_channel();
    let observed = Observed::default();
    let applied = apply(&steps.0, &observed, engine, &sender, stop);
    let mut seen = Vec::new();
    let (outcome, ()) = tokio::join!(applied, async {
        world(&mut receiver).await;
    });
    drop(sender);
    while let Some(event) = receiver.recv().await {
        seen.push(event);
    }
    (outcome, seen)
}

async fn run(steps: &Steps, engine: &FakeEngine) -> Outcome {
    run_with(steps, engine, pending(), async |_| {}).await.0
}

/// Waits for an event.
async fn until(events: &mut UnboundedReceiver<Event>, wanted: impl Fn(&Event) -> bool) {
    while let Some(event) = events.recv().await {
        if wanted(&event) {
            return;
        }
    }
}

fn waits(event: &Event) -> bool {
    matches!(event, Event::Waiting { .. })
}

fn message(outcome: &Outcome) -> String {
    outcome.failed[0].1.to_string()
}

#[tokio::test]
async fn a_step_starts_as_soon_as_what_it_needs_is_done() {
    let engine = engine();
    let mut steps = Steps::default();
    let slow = steps.create("slow", &[]);
    let quick = steps.create("quick", &[]);
    let start_slow = steps.start("slow", &[slow]);
    let start_quick = steps.start("quick", &[quick]);
    engine.hold_when(|call| call.kind == CallKind::CreateContainer && call.subject == "slow");
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        until(events, |event| matches!(event, Event::Finished { step, .. } if *step == start_quick)).await;
        assert_eq!(engine.running(), ["quick"]);
        engine.release();
    })
    .await;
    assert_eq!(outcome.ending, Ending::Complete);
    assert_eq!(outcome.done, [quick, start_quick, slow, start_slow]);
}

#[tokio::test]
async fn the_engine_gets_eight_calls_at_a_time_at_most() {
    let engine = engine();
    let mut steps = Steps::default();
    for number in 0..30 {
        steps.create(&format!("app-{number}"), &[]);
    }
    assert_eq!(run(&steps, &engine).await.done.len(), 30);
    assert_eq!(engine.most_at_once(), 8);
    for limit in [1, 3, usize::MAX] {
        let engine = self::engine();
        let (events, _) = unbounded_channel();
        let (observed, stop) = (Observed::default(), pending());
        let outcome = apply_at_most(limit, &steps.0, &observed, &engine, &events, stop).await;
        assert_eq!((outcome.done.len(), engine.most_at_once()), (30, limit.min(30)));
    }
}

#[tokio::test]
async fn a_failure_starts_nothing_more_and_lets_calls_end() {
    let engine = engine();
    let mut steps = Steps::default();
    let bad = steps.create("bad", &[]);
    let good = steps.create("good", &[]);
    let after_bad = steps.start("bad", &[bad]);
    let after_good = steps.start("good", &[good]);
    engine
        .fail_when(|call| (call.subject == "bad").then(|| Cause::PortTaken { address: "0.0.0.0:80".into() }));
    engine.hold_when(|call| call.subject == "good");
    let (outcome, events) = run_with(&steps, &engine, pending(), async |events| {
        until(events, |event| matches!(event, Event::Failed { .. })).await;
        engine.release();
    })
    .await;
    assert_eq!(outcome.ending, Ending::Failed);
    assert_eq!(outcome.done, [good]);
    assert_eq!(outcome.skipped, [after_bad, after_good]);
    assert_eq!(message(&outcome), "create container bad: 0.0.0.0:80 is in use already");
    assert!(events.contains(&Event::Skipped { step: after_good }));
}

#[tokio::test]
async fn an_interruption_gives_up_waits_and_pulls_and_ends_calls() {
    let engine = engine();
    engine.add_to_registry("nginx");
    engine.on_start("db", Behaviour::Starts);
    let mut steps = Steps::default();
    let create = steps.create_checked("db", &[]);
    let start = steps.start("db", &[create]);
    let wait = steps.wait("db", Condition::Healthy, &[start]);
    let pull = steps.push(Op::PullImage { image: "nginx".into(), platform: None }, &[]);
    let slow = steps.create("slow", &[]);
    let never = steps.start("slow", &[slow]);
    engine.hold_when(|call| call.kind == CallKind::Pull || call.subject == "slow");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap() };
    let (outcome, _) = run_with(&steps, &engine, stopped, async |events| {
        until(events, waits).await;
        stop.send(()).unwrap();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        engine.release();
    })
    .await;
    assert_eq!(outcome.ending, Ending::Interrupted);
    assert_eq!(outcome.done, [create, start, slow]);
    assert_eq!(outcome.skipped, [wait, pull, never]);
}

#[tokio::test]
async fn dependents_start_when_health_is_reached_and_nothing_is_polled() {
    let engine = engine();
    engine.on_start("db", Behaviour::Starts);
    let mut steps = Steps::default();
    let create = steps.create_checked("db", &[]);
    let start = steps.start("db", &[create]);
    let wait = steps.wait("db", Condition::Healthy, &[start]);
    let web = steps.create("web", &[wait]);
    let mut details = Vec::new();
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        for output in ["refused", "refused again"] {
            until(events, waits).await;
            engine.set_health("db", Health::Starting, output);
        }
        let event = events.recv().await;
        if let Some(Event::Waiting { detail, .. }) = event {
            details.push(detail);
        }
        // Time alone must not make it look again.
        let looks = engine.count(CallKind::Inspect);
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(engine.count(CallKind::Inspect) <= looks + 1);
        engine.set_health("db", Health::Healthy, "");
    })
    .await;
    assert_eq!(outcome.done, [create, start, wait, web]);
    assert_eq!(details, ["starting, its health check failed 2x: refused again"]);
    assert_eq!(engine.count(CallKind::Happenings), 1, "all waits share one subscription");
}

#[tokio::test]
async fn no_subscription_is_opened_for_what_holds_already() {
    let engine = engine();
    let mut steps = Steps::default();
    let create = steps.create_checked("db", &[]);
    let start = steps.start("db", &[create]);
    steps.wait("db", Condition::Healthy, &[start]);
    assert_eq!(run(&steps, &engine).await.ending, Ending::Complete);
    assert_eq!((engine.count(CallKind::Happenings), engine.count(CallKind::Inspect)), (0, 1));
}

#[tokio::test]
async fn a_container_that_ends_fails_the_wait_with_its_last_words() {
    let engine = engine();
    engine.on_start("db", Behaviour::Starts);
    let mut steps = Steps::default();
    let create = steps.create_checked("db", &[]);
    let start = steps.start("db", &[create]);
    steps.wait("db", Condition::Healthy, &[start]);
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        until(events, waits).await;
        engine.write("db", "no password given");
        engine.end("db", 3);
    })
    .await;
    assert_eq!(
        message(&outcome),
        "wait for container db to be healthy: it exited with code 3: no password given"
    );
}

#[tokio::test]
async fn what_a_wait_can_fail_of() {
    for (behaviour, checked, condition, expected) in [
        (Behaviour::Runs, false, Condition::Healthy, "it has no health check"),
        (Behaviour::Exits(0, vec![]), true, Condition::Healthy, "it exited with code 0"),
        (
            Behaviour::Exits(1, vec!["a".into(), "b".into()]),
            false,
            Condition::CompletedSuccessfully,
            "it exited with code 1:\n  a\n  b",
        ),
    ] {
        let engine = engine();
        engine.on_start("db", behaviour);
        let mut steps = Steps::default();
        let create = if checked { steps.create_checked("db", &[]) } else { steps.create("db", &[]) };
        let start = steps.start("db", &[create]);
        steps.wait("db", condition, &[start]);
        let outcome = run(&steps, &engine).await;
        assert_eq!(outcome.failed[0].1.cause.to_string(), expected);
    }
}

#[tokio::test]
async fn an_unhealthy_container_fails_the_wait_with_the_probes_words() {
    let engine = engine();
    engine.on_start("db", Behaviour::Starts);
    let mut steps = Steps::default();
    let create = steps.create_checked("db", &[]);
    let start = steps.start("db", &[create]);
    steps.wait("db", Condition::Healthy, &[start]);
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        until(events, waits).await;
        engine.set_health("db", Health::Unhealthy, "connection refused\n");
    })
    .await;
    assert_eq!(
        message(&outcome),
        "wait for container db to be healthy: its health check failed: connection refused"
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_must_go_on_running_before_it_is_believed_in() {
    let settled = Condition::Settled(Duration::from_secs(5));
    for (ends_after, code, expected) in [(9, 1, None), (2, 1, Some("it exited with code 1")), (2, 0, None)] {
        let engine = engine();
        let mut steps = Steps::default();
        let create = steps.create("web", &[]);
        let start = steps.start("web", &[create]);
        steps.wait("web", settled, &[start]);
        let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
            until(events, waits).await;
            tokio::time::sleep(Duration::from_secs(ends_after)).await;
            engine.end("web", code);
        })
        .await;
        let failure = outcome.failed.first().map(|(_, error)| error.cause.to_string());
        assert_eq!(failure.as_deref(), expected, "ended with {code} after {ends_after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_takes_only_as_long_as_it_may() {
    let engine = engine();
    engine.on_start("db", Behaviour::Starts);
    let mut steps = Steps::default();
    steps.0.patience = Some(Duration::from_secs(5));
    let create = steps.create_checked("db", &[]);
    let start = steps.start("db", &[create]);
    steps.wait("db", Condition::Healthy, &[start]);
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        until(events, waits).await;
        engine.set_health("db", Health::Starting, "refused");
    })
    .await;
    assert_eq!(
        message(&outcome),
        "wait for container db to be healthy: not within 5 s; it is starting, its health check failed 1x: refused"
    );
}

#[tokio::test]
async fn a_wait_that_is_not_required_lets_the_plan_go_on() {
    let engine = engine();
    engine.on_start("db", Behaviour::Exits(1, vec![]));
    let mut steps = Steps::default();
    let create = steps.create("db", &[]);
    let start = steps.start("db", &[create]);
    let condition = Condition::CompletedSuccessfully;
    let wait = steps.push(Op::Await { container: "db".into(), condition, required: false }, &[start]);
    let web = steps.create("web", &[wait]);
    let (outcome, events) = run_with(&steps, &engine, pending(), async |_| {}).await;
    assert_eq!(outcome.ending, Ending::Complete);
    assert_eq!(outcome.done, [create, start, web]);
    assert_eq!(outcome.tolerated[0].0, wait);
    assert!(events.iter().any(|event| matches!(event, Event::Tolerated { step, .. } if *step == wait)));
}

#[tokio::test]
async fn a_wait_outlives_a_broken_connection() {
    let engine = engine();
    engine.on_start("job", Behaviour::Starts);
    let mut steps = Steps::default();
    let create = steps.create("job", &[]);
    let start = steps.start("job", &[create]);
    let wait = steps.wait("job", Condition::CompletedSuccessfully, &[start]);
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        until(events, waits).await;
        engine.break_connections();
        // Nobody is told of the end: the wait has to find out when it is connected again.
        engine.end("job", 0);
    })
    .await;
    assert_eq!(outcome.done, [create, start, wait]);
}

/// Looks at the container failed at once while the engine was away, though the subscription was renewed patiently.
#[tokio::test]
async fn a_wait_outlives_an_engine_that_is_away_for_a_moment() {
    let engine = engine();
    engine.on_start("job", Behaviour::Starts);
    let away = Rc::new(Cell::new(0));
    let looks = Rc::clone(&away);
    engine.fail_when(move |call| {
        let is_away = call.kind == CallKind::Inspect && looks.get() > 0;
        is_away.then(|| {
            looks.set(looks.get() - 1);
            Cause::Disconnected { message: "connection refused".to_owned() }
        })
    });
    let mut steps = Steps::default();
    let create = steps.create("job", &[]);
    let start = steps.start("job", &[create]);
    let wait = steps.wait("job", Condition::CompletedSuccessfully, &[start]);
    let (outcome, _) = run_with(&steps, &engine, pending(), async |events| {
        until(events, waits).await;
        away.set(3);
        engine.break_connections();
        engine.end("job", 0);
    })
    .await;
    assert_eq!(outcome.done, [create, start, wait]);
    assert_eq!(away.get(), 0, "it looked while the engine was away");
}

#[tokio::test]
async fn ids_are_filled_in_as_they_become_known() {
    let engine = FakeEngine::new();
    engine.add_to_registry("app");
    let mut steps = Steps::default();
    let pull = steps.push(Op::PullImage { image: "app".into(), platform: None }, &[]);
    let create = steps.create("1f_db", &[pull]);
    let rename = steps.push(Op::Rename { container: "1f_db".into(), to: "db".into() }, &[create]);
    let body = ContainerCreateBody {
        labels: Some([("image".to_owned(), image_id_of("app"))].into()),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{}", container_id_of("db"))),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    steps.create_with("web", body, &[rename]);
    assert_eq!(run(&steps, &engine).await.ending, Ending::Complete);
    let db = engine.inspect("db").await.unwrap();
    let body = engine.body("web").unwrap();
    let query = Query { images: vec!["app".into()], ..Query::default() };
    let observed = engine.observe(&query).await.unwrap();
    assert_eq!(body.labels.unwrap()["image"], observed.images["app"]);
    assert_eq!(body.host_config.unwrap().network_mode, Some(format!("container:{}", db.id)));
}

#[tokio::test]
async fn a_hook_that_fails_is_named_with_what_it_wrote() {
    let engine = engine();
    let mut steps = Steps::default();
    let create = steps.create("web", &[]);
    let start = steps.start("web", &[create]);
    let command = Inside { command: vec!["exit".into(), "3".into()], ..Inside::default() };
    let hook = steps.push(Op::RunInside { container: "web".into(), command: Box::new(command) }, &[start]);
    let next = steps.create("next", &[hook]);
    let outcome = run(&steps, &engine).await;
    assert_eq!(outcome.skipped, [next]);
    assert!(message(&outcome).ends_with("it ended with code 3: exit 3"), "{}", message(&outcome));
}

#[tokio::test]
async fn removing_what_is_gone_is_no_failure() {
    let engine = engine();
    let mut steps = Steps::default();
    let stop = steps.push(Op::Stop { container: "gone".into(), timeout: None }, &[]);
    let remove = Op::RemoveContainer { container: "gone".into(), volumes: true };
    let remove = steps.push(remove, &[stop]);
    steps.push(Op::RemoveNetwork { id: "gone".into() }, &[remove]);
    let outcome = run(&steps, &engine).await;
    assert_eq!((outcome.ending, outcome.done.len()), (Ending::Complete, 3));
}

#[tokio::test]
async fn a_plan_goes_on_after_an_optional_step_failed() {
    let engine = engine();
    let mut steps = Steps::default();
    let pull = steps.push(Op::PullImage { image: "nowhere".into(), platform: None }, &[]);
    steps.0.steps[pull].optional = true;
    let create = steps.create("web", &[pull]);
    let outcome = run(&steps, &engine).await;
    assert_eq!((outcome.ending, outcome.done.as_slice()), (Ending::Complete, [create].as_slice()));
    assert_eq!(outcome.tolerated[0].0, pull);
    steps.0.steps[pull].optional = false;
    let outcome = run(&steps, &engine).await;
    assert_eq!((outcome.ending, outcome.skipped), (Ending::Failed, vec![create]));
}
