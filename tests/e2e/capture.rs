//! `topo capture` writes down what passes through the network of a service, and nothing else.

#![expect(clippy::disallowed_methods, reason = "tests may read")]

use std::process::Stdio;

use crate::harness::{Project, Running, eventually};

const COMPOSE: &str = "services:
  web:
    image: busybox
    stop_signal: SIGKILL
    command: [sh, -c, 'httpd -p 81; exec httpd -f -p 80']
  asks: {image: busybox, stop_signal: SIGKILL, command: [sleep, '1000']}
  other: {image: busybox, stop_signal: SIGKILL, command: [sleep, '1000']}
";

/// The packets of a file, checked for its form.
fn packets(file: &[u8]) -> Vec<&[u8]> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "the head of a capture");
    assert_eq!(file[20..24], [1, 0, 0, 0], "frames of Ethernet");
    let mut rest = &file[24..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
        let (kept, whole) = (number(8), number(12));
        assert_eq!(kept, whole, "packets are whole");
        packets.push(&rest[16..16 + kept]);
        rest = &rest[16 + kept..];
    }
    packets
}

fn has(packets: &[&[u8]], text: &str) -> bool {
    packets.iter().any(|packet| packet.windows(text.len()).any(|window| window == text.as_bytes()))
}

fn ask(project: &Project, from: &str, place: &str) {
    project.exec(&format!("{from}-1"), &["wget", "-q", "-O", "/dev/null", &format!("http://web{place}")]);
}

#[test]
fn packets_must_be_those_that_are_wished_for() {
    let Some(project) = Project::with("capture", COMPOSE) else { return };
    project.up();
    eventually("it listens", || {
        (project.exec("asks-1", &["nc", "-w", "1", "web", "81", "-e", "true"]).0 == 0).then_some(())
    });
    let path = project.path("web.pcap");
    let file = path.to_str().unwrap();
    let arguments =
        ["capture", "web", "-w", file, "--port", "80", "--peer", "asks", "--seconds", "30", "-c", "40"];
    let mut capture = Running::start(project.command(&arguments));
    assert!(capture.reaches(|line| line.contains("capturing the packets")), "{:#?}", capture.stderr);
    // More than enough for the number of packets, which ends it.
    for _ in 0..15 {
        ask(&project, "other", "/from-other");
        ask(&project, "asks", ":81/other-port");
        ask(&project, "asks", "/wished-for");
    }
    assert!(capture.finish().success(), "{:#?}", capture.stderr);
    let written = std::fs::read(&path).unwrap();
    let packets = packets(&written);
    assert_eq!(packets.len(), 40);
    assert!(has(&packets, "GET /wished-for"));
    assert!(!has(&packets, "GET /from-other") && !has(&packets, "GET /other-port"));
    eventually("nothing is left of the prober", || {
        project.engine.probers(&project.full_name("web-1")).is_empty().then_some(())
    });
}

#[test]
fn packets_must_go_to_standard_output_until_the_time_is_over() {
    let Some(project) = Project::with("capture-out", COMPOSE) else { return };
    project.up();
    let mut command = project.command(&["capture", "web", "-w", "-", "--seconds", "3"]);
    let capture = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = std::thread::spawn(move || capture.wait_with_output().unwrap());
    while !output.is_finished() {
        ask(&project, "asks", "/at-any-time");
    }
    let output = output.join().unwrap();
    assert!(output.status.success());
    assert!(has(&packets(&output.stdout), "GET /at-any-time"));
}

#[test]
fn what_cannot_be_captured_must_be_said() {
    let Some(project) = Project::with("capture-nothing", COMPOSE) else { return };
    let file = project.path("x.pcap");
    let file = file.to_str().unwrap();
    project.topo(&["capture", "web", "-w", file]).ends_with(1);
    project.up();
    project.topo(&["capture", "web", "-w", file, "--peer", "nobody"]).ends_with(1).says(&["`nobody`"]);
    project
        .topo(&["capture", "web", "-w", "/no/such/place", "--seconds", "1"])
        .ends_with(1)
        .says(&["cannot write"]);
}
