//! What only a real engine can show.

use futures_util::StreamExt;
use topo::engine::docker::{Connection, Docker};
use topo::engine::fake::Behaviour;
use topo::engine::{Engine, LogQuery, LogSource};
use topo::plan::File;

use super::bed::{Bed, docker, held, text};

#[tokio::test]
async fn files_arrive_with_owner_and_mode() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    held(&bed, async {
        let mut body = bed.body("job", &Behaviour::Runs);
        body.cmd = Some(vec!["/probe".into(), "show".into(), "/run/secrets/deep/key".into()]);
        let job = bed.create("job", body).await;
        let file = File {
            path: "/run/secrets/deep/key".into(),
            content: b"hush".to_vec(),
            mode: 0o440,
            uid: 70,
            gid: 7,
        };
        bed.engine.copy_files(&job, &[file]).await.unwrap();
        assert_eq!(bed.run(&job).await, ["440 70:7 hush"]);
    })
    .await;
}

#[tokio::test]
async fn outputs_are_told_apart_unless_there_is_a_terminal() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    held(&bed, async {
        for (service, tty) in [("plain", false), ("terminal", true)] {
            let mut body = bed.body(service, &Behaviour::Runs);
            body.cmd = Some(vec!["/probe".into(), "both".into()]);
            body.tty = Some(tty);
            let job = bed.create(service, body).await;
            bed.run(&job).await;
            let lines = bed.engine.logs(&job, &LogQuery::default()).map(Result::unwrap);
            let mut lines: Vec<_> = lines.map(|line| (line.source, text(&line))).collect().await;
            // The order of two outputs is the engine's.
            lines.sort();
            let error_goes_to = if tty { LogSource::Stdout } else { LogSource::Stderr };
            let mut expected =
                [(LogSource::Stdout, "out".into()), (error_goes_to, "error without an end".into())];
            expected.sort();
            assert_eq!(lines, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let connection = Connection { host: Some("unix:///nowhere/docker.sock".into()), ..Connection::default() };
    assert_eq!(
        Docker::connect(&connection).await.unwrap_err().to_string(),
        "reach a container engine: none answers (unix:///nowhere/docker.sock: no such file or directory)"
    );
}
