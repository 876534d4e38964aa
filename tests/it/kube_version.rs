//! What older clusters lack is left out or replaced, and said where it is a loss: each feature on both sides of its version.

use topo::diagnostic::one_line;
use topo::k8s::{KubeVersion, Options};

use crate::k8s::exported;

/// Returns the stream for a version, and what was said.
fn of(compose: &str, version: &str) -> (String, String) {
    let options = Options { kube_version: version.parse().unwrap(), ..Options::default() };
    let (export, sources) = exported(compose, &options);
    let said = export.diagnostics.sorted().into_iter().map(|one| one_line(one, &sources) + "\n");
    let notes = export.notes.iter().map(|note| format!("note: {note}\n"));
    (export.to_stream().unwrap(), said.chain(notes).collect())
}

#[track_caller]
fn has(text: &str, part: &str, is_expected: bool) {
    assert!(
        text.contains(part) == is_expected,
        "`{part}` should {}be in:\n{text}",
        if is_expected { "" } else { "not " }
    );
}

#[test]
fn sidecars() {
    for restart in ["always", "on-failure"] {
        let compose = format!(
            "services:\n  a: {{image: i, restart: {restart}}}\n  b: {{image: j, network_mode: 'service:a', healthcheck: {{test: [CMD, x], start_period: 9s}}}}\n"
        );
        for (version, is_sidecar) in [("1.28", false), ("1.29", true)] {
            let (stream, said) = of(&compose, version);
            has(&stream, "restartPolicy: Always", is_sidecar);
            has(&stream, "initContainers:", is_sidecar);
            has(&stream, "image: j", true);
            // An ordinary container is waited for by nobody, so it keeps its probe.
            has(&stream, "startupProbe:", !is_sidecar);
            has(&said, "Kubernetes 1.28 has no sidecars", !is_sidecar);
            has(&said, "keeps the Job of `a` from ending", !is_sidecar && restart == "on-failure");
        }
    }
}

#[test]
fn profiles_of_app_armor() {
    for (option, annotation, level) in [
        ("apparmor=own", "container.apparmor.security.beta.kubernetes.io/a: localhost/own", "baseline"),
        ("apparmor=unconfined", "container.apparmor.security.beta.kubernetes.io/a: unconfined", "privileged"),
    ] {
        let compose = format!("services: {{a: {{image: i, security_opt: ['{option}']}}}}");
        for (version, is_field) in [("1.29", false), ("1.30", true)] {
            let (stream, said) = of(&compose, version);
            has(&stream, "appArmorProfile", is_field);
            has(&stream, annotation, !is_field);
            has(&stream, &format!("pod-security.kubernetes.io/enforce: {level}"), true);
            has(&said, "AppArmor", false);
        }
    }
}

#[test]
fn volumes_that_are_images() {
    let whole = "services: {a: {image: i, volumes: [{type: image, source: 'files:1', target: /files}]}}";
    let part = "services: {a: {image: i, volumes: [{type: image, source: 'files:1', target: /files, image: {subpath: x}}]}}";
    for (compose, version, is_there, expected) in [
        (whole, "1.30", false, "export-lost"),
        (whole, "1.31", true, "the cluster must have turned on"),
        (whole, "1.34", true, "the cluster must have turned on"),
        (whole, "1.35", true, "note: volumes that are images need Kubernetes 1.35 or later"),
        (part, "1.30", false, "mounts an image, which Kubernetes 1.30 cannot"),
        (part, "1.32", false, "mounts a part of an image, and Kubernetes 1.32 only whole ones"),
        (part, "1.33", true, "the cluster must have turned on"),
    ] {
        let (stream, said) = of(compose, version);
        has(&stream, "reference: files:1", is_there);
        has(&stream, "mountPath: /files", is_there);
        has(&said, expected, true);
        has(&said, "must have turned on", is_there && version < "1.35");
    }
}

#[test]
fn the_default_is_the_newest() {
    assert_eq!(Options::default().kube_version, KubeVersion::NEWEST);
    assert_eq!(KubeVersion::default(), KubeVersion::NEWEST);
}
