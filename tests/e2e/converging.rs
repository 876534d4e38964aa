//! topo and docker compose agree on what a change of the file touches.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::Project;

/// The file that all begins with. Each change replaces a piece of what the changes before it made of it.
const BEFORE: &str = "
x-sleeps: &sleeps {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
services:
  db:
    <<: *sleeps
    environment: {LEVEL: info}
    networks: [back]
    volumes: ['data:/data']
  app:
    <<: *sleeps
    networks: [back, front]
    ports: ['80']
    labels: {tier: one}
    env_file: app.env
  side:
    <<: *sleeps
    network_mode: service:app
  many:
    <<: *sleeps
    scale: 2
    networks: [front]
  tagged:
    <<: *sleeps
    image: ${IMAGE}
    networks: [apart]
  extra:
    <<: *sleeps
    networks: [apart]
networks: {front: {}, back: {}, apart: {labels: {at: here}}}
volumes: {data: {}, more: {}}
";

/// An image and another one, which its name comes to stand for.
const IMAGES: &str = "
services:
  first: {image: '${IMAGE}', build: {dockerfile_inline: \"FROM busybox\\nLABEL is=first\\n\"}}
  other: {image: '${IMAGE}-other', build: {dockerfile_inline: \"FROM busybox\\nLABEL is=other\\n\"}}
";

/// Where docs/differences.md says otherwise: docker compose starts the containers again, which then have no names on
/// the new network.
const NETWORK: &str = "a label of a network";

/// What changes, and the two pieces of the file.
const CHANGES: &[(&str, &str, &str)] = &[
    ("nothing", "", ""),
    ("a comment and an extension", "services:\n", "x-note: of no meaning\n# none\nservices:\n"),
    ("a variable", "LEVEL: info", "LEVEL: debug"),
    ("a new variable", "LEVEL: debug", "LEVEL: debug, MORE: '1'"),
    ("a variable less", "LEVEL: debug, ", ""),
    ("how it is pulled", "    environment", "    pull_policy: missing\n    environment"),
    ("a port more", "ports: ['80']", "ports: ['80', '81']"),
    ("a protocol", "'81'", "'81/udp'"),
    ("a port less", ", '81/udp'", ""),
    ("a label", "tier: one", "tier: two"),
    ("an alias", "[back, front]", "{back: {aliases: [door]}, front: {}}"),
    ("a network less", "{aliases: [door]}, front: {}", "{aliases: [door]}"),
    ("a network more", "{aliases: [door]}", "{aliases: [door]}, front: {}"),
    ("a mount read-only", "data:/data", "data:/data:ro"),
    ("a volume more", "'data:/data:ro'", "'data:/data:ro', 'more:/more'"),
    ("an anonymous volume more", "'more:/more'", "'more:/more', /scratch"),
    ("a dependency", "    environment", "    depends_on: [extra]\n    environment"),
    ("more containers", "scale: 2", "scale: 3"),
    ("fewer containers", "scale: 3", "scale: 1"),
    ("the number written elsewhere", "scale: 1", "deploy: {replicas: 1}"),
    ("a limit", "{replicas: 1}", "{replicas: 1, resources: {limits: {memory: 32M}}}"),
    (
        "a restart policy",
        "    networks: [apart]\nnetworks",
        "    networks: [apart]\n    restart: always\nnetworks",
    ),
    ("the same one written otherwise", "restart: always", "restart: 'always'"),
    ("a health check", "restart: 'always'", "healthcheck: {test: [CMD, 'true'], interval: 1h}"),
    ("a grace period", "interval: 1h}", "interval: 1h}\n    stop_grace_period: 3s"),
    ("a name of its own", "stop_grace_period: 3s", "container_name: ${NAME}"),
    ("a host", "container_name", "extra_hosts: ['one:192.0.2.1']\n    container_name"),
    ("another name of the same image", "    image: ${IMAGE}", "    image: docker.io/library/${IMAGE}"),
    (NETWORK, "at: here", "at: there"),
    ("a service more", "  extra:", "  new: {<<: *sleeps, networks: [front]}\n  extra:"),
    ("a service that is not active any more", "new: {", "new: {profiles: [debug], "),
    ("a service less", "  new: {profiles: [debug], <<: *sleeps, networks: [front]}\n", ""),
];

/// What became of each container: `same`, `again` for one that was started again, `new`, or `gone`.
fn fates<'a>(
    before: &'a BTreeMap<String, (String, Duration)>,
    after: &'a BTreeMap<String, (String, Duration)>,
) -> BTreeMap<&'a str, &'static str> {
    let names = before.keys().chain(after.keys());
    let fate = |name: &'a String| {
        let fate = match (before.get(name), after.get(name)) {
            (Some((old, _)), Some((new, _))) if old != new => "new",
            (Some((_, old)), Some((_, new))) if old != new => "again",
            (Some(_), Some(_)) => "same",
            (None, _) => "new",
            (_, None) => "gone",
        };
        (name.as_str(), fate)
    };
    names.map(fate).collect()
}

#[test]
fn a_change_must_touch_what_it_touches_with_docker_compose() {
    let (Some(mut topo), Some(mut peer)) = (Project::new("change-topo"), Project::new("change-peer")) else {
        return;
    };
    for project in [&mut topo, &mut peer] {
        let (image, name) = (format!("{}:1", project.name), project.full_name("by-name"));
        project.write("compose.yaml", IMAGES);
        project.set("IMAGE", image);
        project.topo(&["build", "-q"]).succeeds();
        project.set("NAME", name);
        project.write("app.env", "FROM_FILE=1\n");
    }
    let up = || {
        std::thread::scope(|both| {
            let theirs = both.spawn(|| peer.peer(&["up", "-d"]));
            topo.topo(&["up", "-d"]).succeeds();
            theirs.join().unwrap().succeeds();
        });
    };
    let mut text = BEFORE.to_owned();
    let write = |text: &str| [&topo, &peer].into_iter().for_each(|one| one.write("compose.yaml", text));
    write(&text);
    up();
    let step = |what: &str, change: &dyn Fn(&Project)| {
        let before = [topo.lives(), peer.lives()];
        [&topo, &peer].into_iter().for_each(change);
        up();
        let after = [topo.lives(), peer.lives()];
        let (ours, mut theirs) = (fates(&before[0], &after[0]), fates(&before[1], &after[1]));
        for fate in theirs.values_mut().filter(|fate| what == NETWORK && **fate == "again") {
            *fate = "new";
        }
        assert_eq!(ours, theirs, "{what}: topo, and docker compose");
        let plan = topo.topo(&["plan", "--exit-code"]);
        assert_eq!(plan.code, Some(0), "{what}: {plan:?}");
        ours.values().filter(|fate| **fate != "same").count()
    };
    for (what, old, new) in CHANGES {
        assert!(text.contains(old), "{what}: {text}");
        text = text.replacen(old, new, 1);
        step(what, &|_| write(&text));
    }
    assert_eq!(step("the content of an env file", &|one| one.write("app.env", "FROM_FILE=2\n")), 2);
    let retag = |one: &Project| {
        let other = one.engine.image(&format!("{}:1-other", one.name)).unwrap();
        one.engine.tag(&other, &format!("{}:1", one.name));
    };
    assert_eq!(step("what an image's name stands for", &retag), 1);
    for project in [&topo, &peer] {
        project.topo(&["down", "-v", "-t", "0", "--remove-orphans"]).succeeds();
        project.engine.remove_image(&format!("{}:1", project.name));
        project.engine.remove_image(&format!("{}:1-other", project.name));
    }
}
