//! `topo diagnose` on projects that run: it names what was broken, and finds nothing where nothing is.

mod firewall;
mod healthy;
mod network;
mod ports;
mod state;

use serde_json::Value;

use crate::harness::{Project, eventually, free_port, host};

/// Services for all cases: one that listens at port 80, and one that listens nowhere.
const PARTS: &str = "
x-web: &web {image: busybox, stop_signal: SIGKILL, command: [httpd, -f, -p, '80']}
x-idle: &idle {image: busybox, stop_signal: SIGKILL, command: [sleep, '1000']}
";

/// A topology, what is done to it, and what is to be found.
struct Case {
    name: &'static str,
    compose: &'static str,
    breaks: fn(&Project),
    cause: &'static str,
    /// The service that the finding is about; empty where it is about none.
    service: &'static str,
}

/// Nothing is done by hand: the file is what is wrong.
fn as_it_is(_: &Project) {}

/// Writes another file in place of the one that the project runs from.
fn rewrite(project: &Project, compose: &str) {
    project.write("compose.yaml", &format!("{PARTS}{compose}"));
}

fn project(case: &Case) -> Option<Project> {
    let mut project = Project::with(&format!("dg-{}", case.name), &format!("{PARTS}{}", case.compose))?;
    project.set("PORT", free_port().to_string());
    Some(project)
}

/// Returns what was found: cause, service and message.
fn found(project: &Project) -> Vec<(String, String, String)> {
    let run = project.topo(&["diagnose", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let one = |finding: &Value| (text(finding, "cause"), text(finding, "service"), text(finding, "message"));
    let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(one).collect();
    let is_worst = |severity: &str| {
        report["findings"].as_array().unwrap().iter().any(|finding| finding["severity"] == severity)
    };
    let code = if is_worst("error") {
        1
    } else if is_worst("warning") {
        3
    } else {
        0
    };
    assert_eq!(run.code, Some(code), "{run:?}");
    found
}

/// Brings each case up, breaks it, and checks that the cause is named.
fn check(cases: &[Case]) {
    let mut missed = Vec::new();
    for case in cases {
        let Some(project) = project(case) else { return };
        project.topo(&["up", "-d"]);
        (case.breaks)(&project);
        // Servers take a moment until they listen, and restart policies to act; the verdict must come to stand.
        let is_it =
            |(cause, service, _): &(String, String, String)| cause == case.cause && service == case.service;
        let mut last = found(&project);
        for _ in 0..5 {
            if last.iter().any(is_it) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
            last = found(&project);
        }
        let others: Vec<_> = last.iter().filter(|one| !is_it(one)).collect();
        host::note(&format!("{}: {} beside {others:?}", case.name, case.cause));
        if !last.iter().any(is_it) {
            missed.push(format!("{}: {} of `{}` in {last:#?}", case.name, case.cause, case.service));
        }
        project.topo(&["down", "-t", "0", "-v"]);
    }
    assert!(missed.is_empty(), "{} of {} are not named:\n{}", missed.len(), cases.len(), missed.join("\n"));
}

/// Waits until a service listens at a port of its container.
fn listens(project: &Project, container: &str, port: &str) {
    eventually("it listens", || {
        (project.exec(container, &["nc", "-w", "1", "127.0.0.1", port, "-e", "true"]).0 == 0).then_some(())
    });
}
