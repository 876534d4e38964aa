//! Changes to the file of a running project: what they touch, and what they must leave alone.

use crate::harness::{Project, is_running};

const ONE: &str = r"
x-sleeps: &sleeps
  image: busybox
  command: sleep 1000
  stop_signal: SIGKILL
services:
  web:
    <<: *sleeps
";

#[test]
fn orphans_must_be_reported_and_removed_only_when_asked() {
    let Some(project) = Project::with("orphans", &format!("{ONE}  old:\n    <<: *sleeps\n")) else { return };
    project.up();
    project.write("compose.yaml", ONE);
    let orphan = project.full_name("old-1");
    let run = project.up();
    assert!(is_running(&project.container("old-1")));
    run.says(&["warning: ", &orphan, "--remove-orphans"]);
    let plan = project.topo(&["plan"]).succeeds();
    assert!(plan.stdout.contains(&orphan), "{plan:?}");

    let before = project.lives();
    project.topo(&["up", "-d", "--remove-orphans"]).succeeds();
    assert_eq!(project.container_names(), ["web-1"]);
    assert_eq!(project.lives()["web-1"], before["web-1"]);
}

#[test]
fn scale_must_add_and_remove_the_highest_numbers() {
    let scaled = |number: usize| format!("{ONE}    scale: {number}\n");
    let Some(project) = Project::with("scale", &scaled(1)) else { return };
    project.up();
    let first = project.lives()["web-1"].clone();
    for (number, names) in
        [(3, &["web-1", "web-2", "web-3"][..]), (2, &["web-1", "web-2"]), (0, &[]), (1, &["web-1"])]
    {
        project.write("compose.yaml", &scaled(number));
        project.up();
        assert_eq!(project.container_names(), names);
        if number > 1 {
            assert_eq!(project.lives()["web-1"], first);
        }
        project.up_does_nothing();
    }
}

#[test]
fn anonymous_volumes_must_survive_a_replacement() {
    let versioned = |version: u8| {
        format!(
            "{ONE}    environment: {{VERSION: '{version}'}}\n    volumes: [/kept, 'named:/named']\nvolumes:\n  named:\n"
        )
    };
    let Some(project) = Project::with("anonymous", &versioned(1)) else { return };
    project.up();
    let before = project.lives();
    let (code, said) = project.exec("web-1", &["sh", "-c", "echo one > /kept/word; echo two > /named/word"]);
    assert_eq!(code, 0, "{said}");
    for version in 2..4 {
        project.write("compose.yaml", &versioned(version));
        project.up();
        assert_ne!(project.lives()["web-1"].0, before["web-1"].0);
        let (_, said) = project.exec("web-1", &["cat", "/kept/word", "/named/word"]);
        assert_eq!(said, "one\ntwo\n");
        project.up_does_nothing();
    }
}

#[test]
fn configs_and_secrets_must_arrive_as_files_with_their_modes() {
    let compose = r#"services:
  web:
    image: busybox
    command: sh -c "stat -c '%a %u:%g' /etc/site.conf /run/secrets/word; cat /etc/site.conf /run/secrets/word /plain; echo; exec sleep 1000"
    stop_signal: SIGKILL
    configs:
      - source: site
        target: /etc/site.conf
        mode: 0640
        uid: "70"
        gid: "7"
      - plain
    secrets:
      - source: word
        mode: 0400
configs:
  site:
    content: |
      listen ${PORT}
  plain:
    environment: PLAIN
secrets:
  word:
    environment: WORD
"#;
    let Some(mut project) = Project::with("files", compose) else { return };
    for (name, value) in [("PORT", "80"), ("PLAIN", "as it is"), ("WORD", "hush")] {
        project.set(name, value);
    }
    project.up();
    let (code, modes) =
        project.exec("web-1", &["stat", "-c", "%a %u:%g", "/etc/site.conf", "/run/secrets/word"]);
    assert_eq!((code, &*modes), (0, "640 70:7\n400 0:0\n"));
    let (_, text) = project.exec("web-1", &["cat", "/etc/site.conf", "/run/secrets/word", "/plain"]);
    assert_eq!(text, "listen 80\nhushas it is");
    // They are there before the first process is.
    let logs = project.topo(&["logs", "--no-log-prefix"]).succeeds();
    assert_eq!(logs.stdout.trim_end(), "640 70:7\n400 0:0\nlisten 80\nhushas it is");
    project.up_does_nothing();
}

#[test]
fn a_changed_network_must_be_made_anew_with_its_containers() {
    let labelled = |label: &str| {
        format!(
            "{ONE}    networks: [lan]\n  other:\n    <<: *sleeps\n    networks: [apart]\nnetworks:\n  lan:\n    labels: {{at: {label}}}\n    internal: true\n  apart:\n"
        )
    };
    let Some(project) = Project::with("network", &labelled("here")) else { return };
    project.up();
    let before = project.lives();
    let lan = format!("{}_lan", project.name);
    let old = project.engine.network(&lan).id;
    project.write("compose.yaml", &labelled("there"));
    let plan = project.topo(&["plan", "--exit-code"]).ends_with(2);
    assert!(plan.stdout.contains(&lan), "{plan:?}");

    project.up();
    let network = project.engine.network(&lan);
    assert_ne!(network.id, old);
    assert_eq!(network.labels.unwrap()["at"], "there");
    let joined = project.container("web-1").network_settings.unwrap().networks.unwrap();
    assert_eq!(joined[&lan].network_id, network.id);
    assert!(is_running(&project.container("web-1")));
    assert_eq!(project.lives()["other-1"], before["other-1"]);
    project.up_does_nothing();
}

#[test]
fn a_project_must_be_reachable_by_its_name_alone() {
    let compose = format!("{ONE}    volumes: ['named:/named']\nvolumes:\n  named:\n")
        .replace("sleep 1000", "sh -c 'echo here; exec sleep 1000'");
    let Some(project) = Project::with("by-name", &compose) else { return };
    project.up();
    let ps = project.topo_without_file(&["ps"]).succeeds();
    assert!(ps.stdout.contains(&project.full_name("web-1")), "{ps:?}");
    let logs = project.topo_without_file(&["logs"]).succeeds();
    assert_eq!(logs.stdout, "web-1 | here\n");
    project.topo_without_file(&["down", "-v"]).succeeds();
    project.is_nowhere();
}

#[test]
fn hooks_must_run_in_the_container_and_their_failure_must_fail_up() {
    let hooked = |hook: &str| {
        format!(
            "{ONE}    post_start:\n      - command: sh -c 'echo $$WHO > /told; exit {hook}'\n        user: root\n        environment: {{WHO: world}}\n    pre_stop:\n      - command: touch /shared/goodbye\n    volumes: ['shared:/shared']\n  see:\n    <<: *sleeps\n    volumes: ['shared:/shared']\nvolumes:\n  shared:\n"
        )
    };
    let Some(project) = Project::with("hooks", &hooked("0")) else { return };
    project.up();
    assert_eq!(project.exec("web-1", &["cat", "/told"]), (0, "world\n".to_owned()));
    assert_ne!(project.exec("see-1", &["ls", "/shared/goodbye"]).0, 0);
    project.up_does_nothing();
    project.write("compose.yaml", &hooked("3"));
    project.topo(&["up", "-d"]).ends_with(1).says(&["run hook `sh -c", "it ended with code 3"]);
    assert_eq!(project.exec("see-1", &["ls", "/shared/goodbye"]).0, 0, "the old one said goodbye");
}
