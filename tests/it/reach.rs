//! `topo reach` as people and programs meet it.

use serde_json::Value;

use crate::cli::{project, run};

const PROJECT: &str = "name: demo
services:
  web: {image: i, networks: [front], ports: ['8080:80']}
  api: {image: i, networks: {front: , back: {aliases: [core]}}, expose: [9000]}
  db: {image: i, networks: [back]}
  spare: {image: i, networks: [back], profiles: [more]}
networks: {front: , back: {internal: true}}
";

#[test]
fn a_pair_is_answered_and_the_code_says_it_to_scripts() {
    let folder = project(PROJECT);
    let expected = "db reaches api:9000/tcp\n  on network back, as api, core\n  any port; known: 9000/tcp\n";
    assert_eq!(run(&["reach", "db", "api:9000"], &folder, 0).out, expected);
    let refused = run(&["reach", "web", "db:5432"], &folder, 1);
    assert_eq!(refused.out, "");
    for part in [
        "error[unreachable]: `web` does not reach `db` at port 5432/tcp",
        "`web` is on `front`",
        "compose.yaml:3",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    run(&["reach", "world", "web:80"], &folder, 0);
    run(&["reach", "world", "web:80/udp"], &folder, 1);
    run(&["reach", "web", "world"], &folder, 0);
    run(&["reach", "db", "world"], &folder, 1);
    run(&["reach", "--network", "back", "api", "web"], &folder, 1);
}

#[test]
fn all_pairs_are_a_matrix() {
    let folder = project(PROJECT);
    let expected = "       api  db  web  world
api         ✔    ✔     ✔
db      ✔        ·     ·
web     ✔   ·          ✔
world   ·   ·    p

✔ reaches every port   p reaches published ports   · does not reach

world -> web: 8080 -> 80/tcp (published)
";
    assert_eq!(run(&["reach"], &folder, 0).out, expected);
    let of_back = run(&["reach", "--network", "back"], &folder, 0).out;
    assert_eq!(of_back.lines().next(), Some("       api  db  world"));
    let more = run(&["--profile", "more", "reach"], &folder, 0).out;
    assert!(more.starts_with("       api  db  spare  web  world\n"), "{more}");
}

#[test]
fn one_service_is_told_line_by_line() {
    let folder = project(PROJECT);
    let expected = "web -> api    on network front, as api
web -> db     no: `web` and `db` share no network; `db` publishes no port
web -> world  through network front
world -> web  8080 -> 80/tcp (published)
";
    assert_eq!(run(&["reach", "web"], &folder, 0).out, expected);
}

/// Ten names that are too long for a matrix under names, and sixty for which there is no room at all.
#[test]
fn many_services_fit_on_a_terminal() {
    for (count, first) in [(10, "              1   2   3"), (60, "service-0 -> service-1, service-10")] {
        let services: String = (0..count).map(|at| format!("  service-{at}: {{image: i}}\n")).collect();
        let out = run(&["reach"], &project(&format!("services:\n{services}")), 0).out;
        assert!(out.starts_with(first), "{out}");
        let widest = out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(count > 10 || widest <= 80, "{widest}\n{out}");
    }
}

#[test]
fn programs_get_every_pair() {
    let folder = project(PROJECT);
    let all: Value = serde_json::from_str(&run(&["reach", "--format", "json"], &folder, 0).out).unwrap();
    let pairs = all["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 4 * 3);
    let pair =
        |from: &str, to: &str| pairs.iter().find(|pair| pair["from"] == from && pair["to"] == to).unwrap();
    assert_eq!(pair("web", "db")["obstacles"][0]["kind"], "no-common-network");
    assert_eq!(pair("db", "api")["routes"][0]["names"], serde_json::json!(["api", "core"]));
    assert_eq!(pair("world", "web")["routes"][0]["hostPorts"], serde_json::json!([8080, 8080]));
    let one: Value =
        serde_json::from_str(&run(&["reach", "--format", "json", "web", "db:1"], &folder, 1).out).unwrap();
    assert_eq!(one["reachable"], false);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let folder = project(PROJECT);
    for (arguments, expected) in [
        (&["reach", "wep"][..], "did you mean `web`?"),
        (&["reach", "spare"], "`--profile more`"),
        (&["reach", "web", "db:http"], "`http` is no port"),
        (&["reach", "web", "db:0"], "`0` is no port"),
        (&["reach", "--network", "frnt"], "did you mean `front`?"),
    ] {
        let said = run(arguments, &folder, 1).err;
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
