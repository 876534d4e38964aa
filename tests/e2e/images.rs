//! Images go to a registry and come back, with every way to log in that docker has, and are as new as asked for.

use crate::harness::{Project, Registry, registry};

fn project(name: &str) -> Option<(Project, Registry)> {
    let mut project = Project::new(name)?;
    let registry = Registry::start();
    registry.configure(&mut project);
    project.write(
        "compose.yaml",
        "
services:
  app:
    image: ${HOST}/team/app:1
    build:
      dockerfile_inline: |
        FROM busybox
        ENV MADE=${MADE:-first}
      tags: ['${HOST}/team/app:stable']
    command: sleep 1000
    init: true
  other: { image: '${HOST}/team/app:stable', command: sleep 1000, init: true, pull_policy: '${POLICY:-missing}' }
",
    );
    Some((project, registry))
}

/// Forgets the images of the registry, as if they had never been here.
fn forget(project: &Project, registry: &Registry) {
    for tag in ["1", "stable"] {
        project.engine.remove_image(&format!("{}/team/app:{tag}", registry.host));
    }
}

#[test]
fn what_is_pushed_must_be_pulled_again() {
    let Some((project, registry)) = project("push") else { return };
    project.topo(&["build", "-q"]).succeeds();
    let id = project.engine.image(&format!("{}/team/app:1", registry.host)).unwrap();

    // Without a login the registry refuses, and topo says what to do.
    project.topo(&["push"]).ends_with(1).says(&["failed to push image", "docker login"]);
    project.topo(&["push", "--ignore-push-failures"]).succeeds();

    registry.log_in(&project);
    let pushed = project.topo(&["push"]).succeeds();
    pushed.says(&["team/app:1 pushed", "team/app:stable pushed"]);
    forget(&project, &registry);
    let pulled = project.topo(&["pull", "app", "other"]).succeeds();
    pulled.says(&["team/app:1 pulled", "team/app:stable pulled"]);
    assert_eq!(project.engine.image(&format!("{}/team/app:1", registry.host)), Some(id));

    // docker compose sees the same registry and the same image.
    project.peer(&["pull", "-q", "app"]).succeeds();
    forget(&project, &registry);
}

#[test]
fn a_program_that_keeps_logins_must_be_asked() {
    let Some((mut project, registry)) = project("helper") else { return };
    let script = format!(
        "#!/bin/sh\nread address\necho \"$1 $address\" >>\"$0.log\"\n[ \"$address\" = '{}' ] || {{ echo 'credentials not found in native keychain'; exit 1; }}\nprintf '{{\"ServerURL\":\"%s\",\"Username\":\"{}\",\"Secret\":\"%s\"}}' \"$address\" '{}'\n",
        registry.host,
        registry::USER,
        registry::PASSWORD
    );
    project.write("docker-credential-kept", &script);
    make_executable(&project, "docker-credential-kept");
    let path = std::env::join_paths([project.path(""), "/usr/bin".into(), "/bin".into()]).unwrap();
    project.set("PATH", path.into_string().unwrap());
    for config in [
        r#"{"credsStore": "kept"}"#.to_owned(),
        format!(r#"{{"credHelpers": {{"{}": "kept"}}}}"#, registry.host),
    ] {
        project.write("docker/config.json", &config);
        project.topo(&["build", "--push"]).succeeds();
        forget(&project, &registry);
        project.topo(&["pull", "app"]).succeeds();
    }
    let asked = project.read("docker-credential-kept.log");
    assert!(asked.contains(&format!("get {}", registry.host)), "{asked}");

    // One that is not there is named, since that may be why.
    project.write("docker/config.json", r#"{"credsStore": "missing"}"#);
    forget(&project, &registry);
    project.topo(&["pull", "app"]).ends_with(1).says(&["docker-credential-missing", "is not installed"]);
}

#[test]
fn an_image_must_be_as_new_as_its_policy_says() {
    let Some((mut project, registry)) = project("policy") else { return };
    registry.log_in(&project);
    let name = format!("{}/team/app:stable", registry.host);
    project.topo(&["build", "--push"]).succeeds();
    project.topo(&["up", "-d", "other"]).succeeds();
    let first = project.engine.image(&name).unwrap();

    // A newer one is in the registry, and the older one here.
    project.set("MADE", "second");
    project.topo(&["build", "--push"]).succeeds();
    let second = project.engine.image(&name).unwrap();
    assert_ne!(first, second);
    let back_to_first = |project: &Project| project.engine.tag(&first, &name);
    let image_after_up = |project: &mut Project, policy: &str| {
        project.set("POLICY", policy);
        project.topo(&["up", "-d", "other"]).succeeds();
        project.container("other-1").image.unwrap()
    };
    back_to_first(&project);
    for policy in ["missing", "if_not_present", "never", "refresh", "daily", "weekly", "every_1h"] {
        assert_eq!(image_after_up(&mut project, policy), first, "{policy}");
    }
    for policy in ["always", "every_0s"] {
        back_to_first(&project);
        assert_eq!(image_after_up(&mut project, policy), second, "{policy}");
    }
    project.topo(&["down"]).succeeds();

    // What may be in the registry is pulled rather than built.
    forget(&project, &registry);
    project.topo(&["up", "-d", "app"]).succeeds().says(&["team/app:1 pulled"]);
    assert_eq!(project.container("app-1").image.unwrap(), second);
    project.topo(&["down"]).succeeds();
    forget(&project, &registry);
}

#[test]
fn images_must_be_pinned_to_what_their_tags_stand_for_as_by_docker_compose() {
    let Some((project, registry)) = project("digests") else { return };
    registry.log_in(&project);
    project.topo(&["build", "--push", "-q"]).succeeds();
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for flag in ["--resolve-image-digests", "--lock-image-digests"] {
        let arguments = ["config", flag, "--format", "json"];
        let (topo, peer) = (project.topo(&arguments).succeeds(), project.peer(&arguments).succeeds());
        let images = |text: &str| {
            let services = &parsed(text)["services"];
            ["app", "other"].map(|name| services[name]["image"].as_str().unwrap().to_owned())
        };
        let [image, other] = images(&topo.stdout);
        assert_eq!([image.clone(), other], images(&peer.stdout), "{flag}");
        let start = format!("{}/team/app:1@sha256:", registry.host);
        assert!(image.starts_with(&start) && image.len() == start.len() + 64, "{image}");
    }
    // What is pinned comes up from the registry, and is not built.
    project.topo(&["config", "--lock-image-digests", "-o", "lock.yaml"]).succeeds();
    forget(&project, &registry);
    project.topo(&["-f", "lock.yaml", "up", "-d", "other"]).succeeds().says(&["pulled"]);
    let lock = project.read("lock.yaml");
    let image = project.container("other-1").config.unwrap().image.unwrap();
    assert!(image.contains("@sha256:") && lock.contains(&image), "{image}: {lock}");
    // A tag that the registry does not have is an error that names it.
    project.write("compose.yaml", "services: {app: {image: '${HOST}/team/none:1'}}");
    project.topo(&["config", "--resolve-image-digests"]).ends_with(1).says(&["team/none:1"]);
    project.engine.remove_image(&image);
    forget(&project, &registry);
}

#[test]
fn a_private_base_must_be_had_with_the_login() {
    let Some((mut project, registry)) = project("base") else { return };
    registry.log_in(&project);
    project.topo(&["build", "--push", "-q"]).succeeds();
    project.write(
        "compose.yaml",
        "services: {app: {build: {dockerfile_inline: 'FROM ${HOST}/team/app:1'}, command: sleep 1000}}",
    );
    for buildkit in ["0", "1"] {
        forget(&project, &registry);
        project.set("DOCKER_BUILDKIT", buildkit);
        project.topo(&["build", "--no-cache"]).succeeds();
        project.engine.remove_image(&format!("{}-app", project.name));
    }
    forget(&project, &registry);
}

fn make_executable(project: &Project, path: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(project.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Has what only docker buildx can do.
const BUILDX: &str = "
services:
  app:
    build:
      dockerfile_inline: |
        FROM busybox
        COPY --from=more /file /copied
        RUN --mount=type=secret,id=key test \"$$(cat /run/secrets/key)\" = hush
      additional_contexts: { more: ./more }
      secrets: [key]
      shm_size: 32m
    command: sleep 1000
secrets: { key: { environment: KEY } }
";

#[test]
fn what_the_engine_has_no_words_for_must_go_through_buildx() {
    let Some(mut project) = Project::with("buildx", BUILDX) else { return };
    std::fs::create_dir_all(project.path("docker/cli-plugins")).unwrap();
    std::fs::create_dir(project.path("more")).unwrap();
    project.write("more/file", "more");
    project.set("DOCKER_CONFIG", project.path("docker").display().to_string());
    project.set("KEY", "hush");

    // Without the plugin it is refused at its line, before anything is done.
    if !plugin_is_installed() {
        let refused = ["services.app.build.additional_contexts", "needs docker buildx", "compose.yaml:9"];
        project.topo(&["build"]).ends_with(1).says(&refused);
        project.topo(&["up", "-d"]).ends_with(1).says(&refused);
        project.topo(&["build", "--check"]).ends_with(1).says(&["`--check` needs docker buildx"]);
        project.is_nowhere();
    }

    // What stands in for the plugin keeps its arguments, and says what it was asked.
    let script = "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"$0.arguments\"\ncat >\"$0.input\"\nfor word; do case $word in --secret=id=key,src=*) cat \"${word#*src=}\" >\"$0.secret\" ;; esac; done\necho '#1 [1/1] the plugin at work' >&2\nwhile [ \"$1\" != --iidfile ]; do shift; done\n[ -z \"$FAILS\" ] || { echo 'ERROR: no luck' >&2; exit 7; }\nprintf sha256:1f >\"$2\"\n";
    project.write("docker/cli-plugins/docker-buildx", script);
    make_executable(&project, "docker/cli-plugins/docker-buildx");
    project.topo(&["build", "--pull", "--build-arg", "A=b"]).succeeds().says(&["built"]);
    let said = |what: &str| project.read(&format!("docker/cli-plugins/docker-buildx.{what}"));
    let arguments = said("arguments");
    for expected in [
        "build",
        "--file=-",
        "--build-arg=A=b",
        &format!("--tag={}-app", project.name),
        &format!("--build-context=more={}", project.path("more").display()),
        "--shm-size=33554432",
        "--output=type=docker",
        "--pull",
        project.path("").display().to_string().trim_end_matches('/'),
    ] {
        assert!(arguments.lines().any(|line| line == expected), "`{expected}` is missing in:\n{arguments}");
    }
    assert!(said("input").starts_with("FROM busybox\nCOPY --from=more"), "{}", said("input"));
    assert_eq!(said("secret"), "hush");
    project.set("FAILS", "yes");
    project.topo(&["build"]).ends_with(1).says(&["docker buildx ended with", "ERROR: no luck"]);
}

fn plugin_is_installed() -> bool {
    ["/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"]
        .iter()
        .any(|root| std::path::Path::new(root).join("docker/cli-plugins/docker-buildx").exists())
}
