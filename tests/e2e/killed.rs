//! topo may be killed at any moment: fifty random ones altogether. The next `up` makes good what was left half done,
//! the one after it finds nothing to do, and no data is lost.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use crate::harness::{Project, Running, eventually, health, host, is_running, note};

/// A row of services with a health check, a scale, files and an anonymous volume; all depend on a version.
const COMPOSE: &str = r#"
x-sleeps: &sleeps
  image: busybox
  command: sleep 1000
  stop_signal: SIGKILL
  environment: {VERSION: "${VERSION}"}
services:
  store:
    <<: *sleeps
    command: sh -c "touch /ready; exec sleep 1000"
    volumes: ["${KEPT:-/kept}", "named:/named"]
    healthcheck: {test: [CMD, test, -e, /ready], interval: 200ms, retries: 50}
    networks: [front, back]
  api:
    <<: *sleeps
    scale: 2
    networks: [back]
    configs: [word]
    depends_on:
      store: {condition: service_healthy}
  web:
    <<: *sleeps
    networks: [front]
    depends_on: [api]
networks:
  front:
  back:
volumes:
  named:
configs:
  word:
    content: hello
"#;

/// How long each of the tests may go on, however slow the machine is.
const AT_MOST: Duration = Duration::from_secs(150);

/// Random numbers that are the same again for the same seed.
struct Random(u64);

impl Random {
    /// The seed is `TOPO_SEED`, or another one each time; it is said, so that a failure can be had again.
    fn new() -> Self {
        let seed = host::variable("TOPO_SEED").map(|seed| seed.parse().expect("TOPO_SEED is a number"));
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one("seed"));
        note(&format!("TOPO_SEED={seed}"));
        Self(seed | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        for shift in [13, -7, 17_i32] {
            self.0 ^= if shift > 0 { self.0 << shift } else { self.0 >> -shift };
        }
        self.0 % bound
    }
}

/// Does `act` with a random moment until it has been done so often, or time is up.
fn at_moments(count: usize, mut act: impl FnMut(usize, &mut Random)) {
    let (mut random, began) = (Random::new(), Instant::now());
    for number in 0..count {
        if began.elapsed() > AT_MOST {
            note(&format!("only {number} of {count} moments in {AT_MOST:?}"));
            assert!(number > 2, "this machine is too slow to tell anything");
            break;
        }
        act(number, &mut random);
    }
}

fn started(project: &Project, arguments: &[&str]) -> Running {
    let mut command = project.command(&["--progress", "json"]);
    command.args(arguments);
    Running::start(command)
}

/// Runs a command to its end. Returns how many happenings it tells of.
fn happenings(project: &Project, arguments: &[&str]) -> u64 {
    let mut whole = started(project, arguments);
    assert!(whole.finish().success(), "{:?}", whole.stderr);
    whole.stderr.len() as u64
}

/// Starts a command, and kills it a moment after it has told of some of so many happenings.
fn killed(project: &Project, arguments: &[&str], happenings: u64, random: &mut Random) {
    let (happening, delay) = (random.below(happenings), Duration::from_millis(random.below(60)));
    let mut running = started(project, arguments);
    let mut seen = 0;
    let is_there = happening == 0
        || running.reaches(|_| {
            seen += 1;
            seen >= happening
        });
    std::thread::sleep(delay);
    running.kill();
    note(&format!("{arguments:?} killed {delay:?} after {happening} of {happenings}: {is_there}"));
}

/// Brings the project up for the first time, and leaves a word in its volume.
fn first_up(project: &mut Project) -> u64 {
    project.set("VERSION", "1");
    let happenings = happenings(project, &["up", "-d"]);
    assert_eq!(project.exec("store-1", &["sh", "-c", "echo precious >/named/word"]).0, 0);
    all_must_be_right(project, "1");
    happenings
}

fn all_must_be_right(project: &Project, version: &str) {
    assert_eq!(project.container_names(), ["api-1", "api-2", "store-1", "web-1"]);
    for name in project.container_names() {
        let container = project.container(&name);
        assert!(is_running(&container), "{name}");
        let variables = container.config.unwrap().env.unwrap();
        assert!(variables.contains(&format!("VERSION={version}")), "{name}: {variables:?}");
    }
    eventually("the store is healthy", || (health(&project.container("store-1")) == "healthy").then_some(()));
    assert_eq!(project.exec("api-2", &["cat", "/word"]), (0, "hello".to_owned()));
    assert_eq!(project.exec("store-1", &["cat", "/named/word"]), (0, "precious\n".to_owned()));
    let name = |network: &str| format!("{}_{network}", project.name);
    assert_eq!(project.engine.networks(&project.name), [name("back"), name("front")]);
    let networks = project.container("store-1").network_settings.unwrap().networks.unwrap();
    assert!(networks.contains_key(&name("back")) && networks.contains_key(&name("front")));
}

#[test]
fn up_after_a_kill_must_end_in_the_right_state() {
    let Some(mut project) = Project::with("killed", COMPOSE) else { return };
    project.set("KEPT", "named:/again");
    let happenings = first_up(&mut project);
    at_moments(15, |_, random| {
        project.topo(&["down", "-t", "0"]).succeeds();
        killed(&project, &["up", "-d"], happenings, random);
        project.up();
        all_must_be_right(&project, "1");
        project.up_does_nothing();
    });
}

#[test]
fn up_after_a_kill_while_replacing_must_end_in_the_right_state_and_lose_nothing() {
    let Some(mut project) = Project::with("killed-replacing", COMPOSE) else { return };
    first_up(&mut project);
    let (code, said) = project.exec("store-1", &["sh", "-c", "echo anonymous > /kept/word"]);
    assert_eq!(code, 0, "{said}");
    project.set("VERSION", "2");
    let happenings = happenings(&project, &["up", "-d"]);
    all_must_be_right(&project, "2");

    at_moments(15, |number, random| {
        let version = (number + 3).to_string();
        project.set("VERSION", &version);
        killed(&project, &["up", "-d"], happenings, random);
        project.up();
        all_must_be_right(&project, &version);
        assert_eq!(project.exec("store-1", &["cat", "/kept/word"]), (0, "anonymous\n".to_owned()));
        project.up_does_nothing();
    });
}

#[test]
fn up_after_a_kill_while_networks_change_must_end_in_the_right_state() {
    let compose = COMPOSE.replace("  back:\nvolumes", "  back: {labels: {version: \"${VERSION}\"}}\nvolumes");
    let Some(mut project) = Project::with("killed-networks", &compose) else { return };
    project.set("KEPT", "named:/again");
    first_up(&mut project);
    project.set("VERSION", "2");
    let happenings = happenings(&project, &["up", "-d"]);
    at_moments(10, |number, random| {
        let version = (number + 3).to_string();
        project.set("VERSION", &version);
        killed(&project, &["up", "-d"], happenings, random);
        project.up();
        all_must_be_right(&project, &version);
        let network = project.engine.network(&format!("{}_back", project.name));
        assert_eq!(network.labels.unwrap()["version"], version);
        project.up_does_nothing();
    });
}

#[test]
fn up_and_down_after_a_kill_of_down_must_end_in_the_right_state() {
    let Some(mut project) = Project::with("killed-down", COMPOSE) else { return };
    project.set("KEPT", "named:/again");
    first_up(&mut project);
    let down = ["down", "-t", "0"];
    let happenings = happenings(&project, &down);
    let volumes = project.engine.volumes(&project.name);
    at_moments(10, |number, random| {
        project.up();
        killed(&project, &down, happenings, random);
        if number % 2 == 0 {
            project.up();
            // The engine goes on with a stop that it was asked for, and nobody sees that before it is done.
            if project.container_names().iter().any(|name| !is_running(&project.container(name))) {
                project.up();
            }
            all_must_be_right(&project, "1");
            project.up_does_nothing();
        } else {
            project.topo(&down).succeeds();
            assert_eq!(project.container_names(), [""; 0]);
            assert_eq!(project.engine.networks(&project.name), [""; 0]);
            assert_eq!(project.engine.volumes(&project.name), volumes, "no volume goes unasked");
        }
    });
}
