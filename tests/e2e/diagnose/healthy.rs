//! Where nothing is wrong, nothing is found; and what the file says of who reaches whom is what is met.

use std::time::Instant;

use serde_json::Value;

use super::{PARTS, found, listens};
use crate::harness::{Project, eventually, free_port, host};

#[test]
fn nothing_must_be_found_where_nothing_is_wrong() {
    for example in [
        "quickstart",
        "course",
        "modes/bridge",
        "modes/default-bridge",
        "modes/host",
        "modes/none",
        "kubernetes/shop",
    ] {
        let Some(mut project) = Project::of_example(&format!("dg-{}", example.replace('/', "-")), example)
        else {
            return;
        };
        for variable in ["PORT", "COURSE_PORT", "WEB_PORT", "SHOP_PORT"] {
            project.set(variable, free_port().to_string());
        }
        project.topo(&["up", "-d", "--wait"]).succeeds();
        assert_eq!(found(&project), [], "{example}");
        project.topo(&["down", "-v"]).succeeds();
    }
}

#[test]
fn nothing_must_be_found_in_what_people_do_on_purpose() {
    let compose = format!(
        "{PARTS}services:
  task: {{<<: *web, command: ['true']}}
  web:
    <<: *web
    scale: 2
    environment: {{API: 'http://api:80', PUBLIC_URL: 'http://localhost:8080', LISTEN: '0.0.0.0:80', TIME: '12:30'}}
    depends_on: {{task: {{condition: service_completed_successfully}}}}
  api: {{<<: *web, networks: {{default: {{aliases: [service.example]}}}}, ports: ['127.0.0.1:$PORT:80']}}
  beside: {{<<: *idle, network_mode: 'service:api'}}
  lone: {{<<: *idle, networks: [back], expose: ['80']}}
networks: {{back: {{internal: true}}}}
"
    );
    let Some(mut project) = Project::with("dg-on-purpose", &compose) else { return };
    project.set("PORT", free_port().to_string());
    project.topo(&["up", "-d"]).succeeds();
    listens(&project, "api-1", "80");
    assert_eq!(found(&project), []);
    eventually("nothing is left of the probers", || {
        project.engine.probers(&project.full_name("api-1")).is_empty().then_some(())
    });
}

/// Twenty services on six networks, each on one to three of them.
fn twenty() -> String {
    let mut text = format!("{PARTS}services:\n");
    for number in 0..20_usize {
        let networks: Vec<String> = match number % 4 {
            0 => vec![number % 6],
            1 => vec![number % 6, (number + 1) % 6],
            2 => vec![(number * 5) % 6],
            _ => vec![number % 6, (number + 2) % 6, (number + 3) % 6],
        }
        .into_iter()
        .map(|network| format!("n{network}"))
        .collect();
        text.push_str(&format!("  s{number:02}: {{<<: *web, networks: [{}]}}\n", networks.join(", ")));
    }
    text.push_str(
        "networks:\n  n0: {}\n  n1: {}\n  n2: {internal: true}\n  n3: {}\n  n4: {}\n  n5: {internal: true}\n",
    );
    text
}

#[test]
fn every_pair_of_a_large_project_must_be_as_the_file_says() {
    let Some(project) = Project::with("dg-twenty", &twenty()) else { return };
    project.topo(&["up", "-d"]).succeeds();
    listens(&project, "s19-1", "80");
    // The image of the prober is made once for each build of topo.
    project.topo(&["diagnose", "-q", "s00"]);
    let began = Instant::now();
    let run = project.topo(&["diagnose", "--format", "json"]);
    let took = began.elapsed();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let pairs = report["pairs"].as_array().unwrap();
    let (between, outside): (Vec<&Value>, Vec<&Value>) =
        pairs.iter().partition(|pair| pair["from"] != "world" && pair["to"] != "world");
    assert_eq!(between.len(), 20 * 19);
    // Not all that leads out or in can be tried.
    for pair in between.iter().chain(outside.iter().filter(|pair| pair["actual"] != "unknown")) {
        assert_eq!(pair["expected"], pair["actual"], "{pair:#}");
    }
    assert_eq!(report["findings"], serde_json::json!([]));
    host::note(&format!("{} pairs in {:.1} s", pairs.len(), took.as_secs_f64()));
}
