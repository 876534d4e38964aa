//! The engine's disk is full: topo says so, what ran goes on, nothing is lost, and with more room the next `up` works.

use crate::harness::private::{PrivateEngine, Wish};
use crate::harness::{Project, is_running};

const COMPOSE: &str = r#"
services:
  store:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    environment: {VERSION: "${VERSION}"}
    volumes: ["data:/data"]
  built:
    profiles: [build]
    build:
      dockerfile_inline: |
        FROM busybox
        RUN dd if=/dev/urandom of=/big bs=1M count=100
volumes:
  data:
"#;

#[test]
fn a_full_disk_must_be_told_and_must_cost_nothing() {
    let wish = Wish { disk: Some("32m"), ..Wish::default() };
    let Some(engine) = PrivateEngine::with("full", &["busybox"], &wish) else { return };
    let mut project = Project::on(&engine, "full", COMPOSE);
    project.set("VERSION", "1");
    project.up();
    project.exec("store-1", &["sh", "-c", "echo precious >/data/word"]);
    for buildkit in ["0", "1"] {
        project.set("DOCKER_BUILDKIT", buildkit);
        let run = project.topo(&["build", "built"]).ends_with(1);
        run.says(&["space left on device", "help: ", "docker system df"]);
    }

    let before = project.container("store-1").id;
    let (code, _) = project.exec("store-1", &["dd", "if=/dev/zero", "of=/data/big", "bs=64k"]);
    assert_ne!(code, 0, "the disk is full now");
    project.set("VERSION", "2");
    let run = project.topo(&["up", "-d"]).ends_with(1);
    run.says(&["space left on device", "help: ", "docker system df"]);
    let store = project.container("store-1");
    assert!(
        is_running(&store) && store.id == before,
        "what ran goes on while there is no room for its successor"
    );

    assert_eq!(project.exec("store-1", &["rm", "/data/big"]).0, 0);
    project.up();
    assert_ne!(project.container("store-1").id, before);
    assert_eq!(project.exec("store-1", &["cat", "/data/word"]), (0, "precious\n".to_owned()));
    project.up_does_nothing();
}
