//! What `pull`, `push` and `build` decide on, and when `up` fetches an image that is there.

use std::time::Duration;

use topo::diagnostic::Diagnostics;
use topo::engine::fake::FakeEngine;
use topo::engine::{Engine as _, Query};
use topo::load::{MemWorld, Request, load};
use topo::plan::Plan;
use topo::plan::bake::bake;
use topo::plan::desired::Desired;
use topo::plan::supply::{BuildOptions, PullOptions, PushOptions, Services, build, builds, pull, push};
use topo::plan::up::{UpOptions, refresh};
use topo::project::{Contents, Project, Selection, read_contents, resolve};
use topo::topology::Topology;

fn project(text: &str, services: &[&str]) -> (Project, Contents) {
    let files = [("compose.yaml", text), ("key", "hush")];
    let world = MemWorld::project(files);
    let mut loaded = load(&world, &Request::default());
    let services = services.iter().map(|name| (*name).to_owned()).collect();
    let project = resolve(&mut loaded, &Selection { services, ..Selection::default() }, &world);
    let contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.sorted());
    (project, contents)
}

fn named(names: &[&str], dependencies: bool) -> Services {
    Services { names: names.iter().map(|name| (*name).to_owned()).collect(), dependencies }
}

const SHOP: &str = "
services:
  web: { image: reg.test/web:1, build: ., depends_on: [db] }
  db: { image: postgres:15 }
  cache: { image: redis, pull_policy: missing }
  cache-too: { image: redis, pull_policy: missing }
  fixed: { image: fixed:1, pull_policy: missing }
  local: { image: local:1, pull_policy: never }
  made: { build: . }
";

fn pulled(names: &[&str], dependencies: bool, options: &PullOptions) -> String {
    let (project, _) = project(SHOP, names);
    let options = PullOptions { services: named(names, dependencies), ..options.clone() };
    let plan = pull(&project, |_| true, &options);
    let line = |step: &topo::plan::Step| format!("{}{}", step.subject, if step.optional { "?" } else { "" });
    plan.steps.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[test]
fn pull_takes_what_a_registry_may_have_newer() {
    // `latest` may be newer although it is there; `fixed:1` is there.
    let all = pulled(&[], false, &PullOptions::default());
    assert_eq!(all, "image redis, image postgres:15, image reg.test/web:1?");
    let options = PullOptions { ignore_buildable: true, ignore_failures: true, ..PullOptions::default() };
    assert_eq!(pulled(&[], false, &options), "image redis?, image postgres:15?");
    let always = PullOptions { policy: Some("always".into()), ..PullOptions::default() };
    assert_eq!(
        pulled(&[], false, &always),
        "image redis, image postgres:15, image fixed:1, image local:1, image reg.test/web:1?"
    );
    let missing = PullOptions { policy: Some("missing".into()), ..PullOptions::default() };
    assert_eq!(pulled(&[], false, &missing), "image redis");
}

#[test]
fn dependencies_are_pulled_if_asked_for() {
    assert_eq!(pulled(&["web"], false, &PullOptions::default()), "image reg.test/web:1?");
    assert_eq!(pulled(&["web"], true, &PullOptions::default()), "image postgres:15, image reg.test/web:1?");
}

#[test]
fn push_takes_what_is_built_and_named() {
    let text = "services: {a: {image: 'r.test/a', build: {context: ., tags: ['r.test/a:2']}}, b: {build: .}, c: {image: c}}";
    let (project, _) = project(text, &[]);
    let plan = push(&project, &PushOptions::default());
    assert_eq!(
        plan.to_string(),
        "#0 push image r.test/a, asked for\n#1 push image r.test/a:2, asked for, after #0\n"
    );
    let plan = push(&project, &PushOptions { ignore_failures: true, ..PushOptions::default() });
    assert!(plan.steps.iter().all(|step| step.optional));
}

const STAGES: &str = "
services:
  app: { image: r.test/app, build: { context: ., additional_contexts: { base: 'service:base' } } }
  base: { build: { dockerfile_inline: FROM scratch }, profiles: [never] }
  twin: { image: r.test/app, build: . }
  none: { image: busybox }
";

fn built(services: &[&str], options: &BuildOptions) -> Plan {
    let (project, contents) = project(STAGES, services);
    let options = BuildOptions { services: named(services, false), ..options.clone() };
    let builds = builds(&project, &contents, &options);
    build(&project, &builds, &options)
}

#[test]
fn what_an_image_is_built_with_is_built_before_it() {
    let plan = built(&["app"], &BuildOptions { push: true, ..BuildOptions::default() });
    assert_eq!(
        plan.to_string(),
        "#0 build image project-base, asked for\n#1 build image r.test/app, asked for, after #0\n#2 push image r.test/app, asked for, after #1\n"
    );
    // Two services of one image make it once, and the others are not touched.
    assert_eq!(built(&[], &BuildOptions::default()).steps.len(), 2);
    assert_eq!(built(&["none"], &BuildOptions::default()), Plan::default());
}

#[test]
fn options_of_build_win_over_the_file() {
    let text = "services: {a: {build: {context: ., args: {A: file, B: file}, provenance: true, sbom: true, platforms: [linux/arm64]}}}";
    let (project, contents) = project(text, &[]);
    let options = BuildOptions {
        args: [("A".to_owned(), Some("option".to_owned()))].into(),
        provenance: Some("false".into()),
        no_cache: true,
        memory: Some(1 << 20),
        ..BuildOptions::default()
    };
    let builds = builds(&project, &contents, &options);
    let build = &builds["a"];
    let args: Vec<_> = build.args.values().flatten().map(String::as_str).collect();
    assert_eq!(args, ["option", "file"]);
    assert_eq!((build.provenance.as_deref(), build.sbom.as_deref()), (None, Some("true")));
    assert_eq!(
        (build.no_cache, build.memory, build.platform.as_deref()),
        (true, Some(1 << 20), Some("linux/arm64"))
    );
}

#[test]
fn the_bake_file_has_all_of_a_build() {
    let text = "
services:
  s.1:
    image: reg.test/s:1
    build:
      context: .
      dockerfile: D
      args: {B: '1'}
      target: t
      cache_from: [a/b]
      cache_to: ['type=local,dest=x']
      tags: ['r/x:2']
      network: host
      platforms: [linux/amd64, linux/arm64]
      extra_hosts: ['db:10.0.0.1']
      shm_size: 64m
      ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}
      no_cache: true
      pull: true
      secrets: [{source: y, target: z}]
      ssh: [default, 'k=/a/b']
      provenance: mode=max
      sbom: true
      privileged: true
      additional_contexts: {svc: 'service:o'}
  o: {build: {dockerfile_inline: FROM busybox}}
secrets: {y: {file: ./key}}
";
    let (project, contents) = project(text, &[]);
    let options = BuildOptions::default();
    let mut file = bake(&project, &builds(&project, &contents, &options), &options);
    let target = file["target"]["s_1"].as_object_mut().unwrap();
    target.shift_remove("labels");
    // What docker compose 2.40 prints, whose order of ulimits is that of chance.
    let directory = project.directory.display();
    let expected = format!(
        r#"{{"context":"{directory}","contexts":{{"svc":"target:o"}},"dockerfile":"{directory}/D","args":{{"B":"1"}},"tags":["r/x:2","reg.test/s:1"],"cache-from":["a/b"],"cache-to":["type=local,dest=x"],"target":"t","secret":["id=z,type=file,src={directory}/key"],"ssh":["default=","k=/a/b"],"platforms":["linux/amd64","linux/arm64"],"pull":true,"no-cache":true,"network":"host","shm-size":"67108864","ulimits":["nofile=10:20","nproc=5"],"entitlements":["security.insecure"],"extra-hosts":{{"db":"10.0.0.1"}},"output":["type=image,push=false"],"attest":["type=provenance,mode=max","type=sbom"]}}"#
    );
    assert_eq!(serde_json::to_string(target).unwrap(), expected);
    assert_eq!(file["group"]["default"]["targets"], serde_json::json!(["o", "s_1"]));
}

/// Says what `up` fetches before all else, where `app` and `built` are there, an hour old.
async fn refreshed(service: &str, options: &UpOptions) -> String {
    let engine = FakeEngine::new();
    for image in ["app", "built"] {
        engine.add_image(image);
        engine.set_image_age(image, Duration::from_secs(3600));
    }
    let text = format!("services: {{a: {{{service}}}}}");
    let (project, contents) = project(&text, &[]);
    let mut found = Diagnostics::default();
    let topology = Topology::build(&project, &mut found);
    let desired = Desired::new(&project, &topology, &contents, (1, 51), true, &mut found);
    let query = Query {
        project: desired.project.clone(),
        images: desired.images(),
        aging_images: desired.aging_images(),
        ..Query::default()
    };
    let plan = refresh(&desired, &engine.observe(&query).await.unwrap(), options);
    let line = |step: &topo::plan::Step| format!("{step}{}", if step.optional { "?" } else { "" });
    plan.steps.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn pull_policies_decide_what_is_fetched_anew() {
    for (service, expected) in [
        ("image: app", ""),
        ("image: app, pull_policy: always", "pull image app, `always` is the pull policy"),
        ("image: app, pull_policy: never", ""),
        ("image: app, pull_policy: if_not_present", ""),
        // As in docker compose, without a time it is `missing`.
        ("image: app, pull_policy: refresh", ""),
        ("image: app, pull_policy: daily", ""),
        ("image: app, pull_policy: weekly", ""),
        ("image: app, pull_policy: every_1h1s", ""),
        ("image: app, pull_policy: every_1h", "pull image app, it is old enough for `every_1h`"),
        ("image: app, pull_policy: every_59m59s", "pull image app, it is old enough for `every_59m59s`"),
        // Missing images are pulled by the plan itself.
        ("image: gone, pull_policy: daily", ""),
        ("image: built, build: ., pull_policy: build", "build image built, a build was asked for"),
        ("image: built, build: .", ""),
        ("image: gone, build: .", "pull image gone, it may be in a registry?"),
        ("image: gone, build: ., pull_policy: build", ""),
        ("image: gone, build: ., pull_policy: never", ""),
        ("image: built, build: ., pull_policy: always", "pull image built, `always` is the pull policy?"),
        ("build: .", ""),
    ] {
        assert_eq!(refreshed(service, &UpOptions::default()).await, expected, "{service}");
    }
}

#[tokio::test]
async fn options_of_up_win_over_the_policy() {
    let pull = |policy: &str| UpOptions { pull: Some(policy.to_owned()), ..UpOptions::default() };
    assert_eq!(refreshed("image: app, pull_policy: always", &pull("missing")).await, "");
    assert_eq!(
        refreshed("image: app, pull_policy: never", &pull("always")).await,
        "pull image app, `always` is the pull policy"
    );
    let build = UpOptions { build: true, ..UpOptions::default() };
    assert_eq!(refreshed("image: built, build: .", &build).await, "build image built, a build was asked for");
    assert_eq!(refreshed("image: gone, build: .", &build).await, "");
    let no_build = UpOptions { no_build: true, ..UpOptions::default() };
    assert_eq!(refreshed("image: gone, build: .", &no_build).await, "");
}
