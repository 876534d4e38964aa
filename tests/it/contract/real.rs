//! What only a real engine can show.

use futures_util::StreamExt;
use topo::engine::docker::{Connection, Docker};
use topo::engine::fake::Behaviour;
use topo::engine::{Cause, Engine, LogQuery, LogSource, Query};
use topo::plan::{Build, File};

use super::bed::{Bed, IMAGE, cause, docker, held, text};

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
async fn builds_take_what_the_file_says() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    held(&bed, async {
        let context = tempfile::tempdir().unwrap();
        std::fs::create_dir(context.path().join("sub")).unwrap();
        for (path, text) in [("kept", "kept"), ("left", "left"), ("sub/kept", "sub"), ("sub/left", "no")] {
            std::fs::write(context.path().join(path), text).unwrap();
        }
        std::fs::write(context.path().join(".dockerignore"), "*\n!kept\n!sub/kept\n").unwrap();
        let build = Build {
            image: "topo-contract-built".to_owned(),
            context: context.path().display().to_string(),
            dockerfile_inline: Some(format!(
                "FROM {IMAGE} AS base\nARG WORD\nENV WORD=$WORD\nCOPY . /context\nFROM base AS wrong\nENV WORD=wrong\n"
            )),
            args: [("WORD".to_owned(), Some("a+b/c d".to_owned())), ("NONE".to_owned(), None)].into(),
            target: Some("base".into()),
            labels: [("made".to_owned(), "here".to_owned())].into(),
            tags: vec!["topo-contract-tagged".to_owned()],
            ..Build::default()
        };
        let lines = std::cell::RefCell::new(Vec::new());
        let id = bed.engine.build(&build, &|progress| lines.borrow_mut().push(progress)).await.unwrap();
        let lines = lines.into_inner();
        assert!(lines.iter().any(|line| (line.current, line.total) == (Some(1), Some(5))), "{lines:?}");
        let query = Query {
            images: vec!["topo-contract-built".to_owned(), "topo-contract-tagged".to_owned(), id.clone()],
            ..Query::default()
        };
        let images = bed.engine.observe(&query).await.unwrap().images;
        assert_eq!(images.len(), 3);
        assert!(images.values().all(|found| *found == id));
        let show = async |service: &str, what: &[&str]| {
            let mut body = bed.body(service, &Behaviour::Runs);
            body.image = Some("topo-contract-built".to_owned());
            body.cmd = Some(what.iter().map(|word| (*word).to_owned()).collect());
            let job = bed.create(service, body).await;
            bed.run(&job).await
        };
        assert_eq!(show("env", &["/probe", "env", "WORD"]).await, ["a+b/c d"]);
        assert_eq!(show("kept", &["/probe", "show", "/context/sub/kept"]).await, ["644 0:0 sub"]);
        assert_eq!(show("left", &["/probe", "show", "/context/sub/left"]).await, ["nothing there"]);
    })
    .await;
}

#[tokio::test]
async fn a_failed_build_says_why() {
    let Some(docker) = docker().await else { return };
    let bed = Bed::new(docker);
    let context = tempfile::tempdir().unwrap();
    let mut build = Build {
        image: "topo-contract-built".to_owned(),
        context: context.path().display().to_string(),
        dockerfile: "Dockerfile".into(),
        ..Build::default()
    };
    let missing = cause(bed.engine.build(&build, &|_| ()).await);
    assert!(matches!(missing, Cause::BuildContext { .. }), "{missing:?}");
    build.dockerfile_inline =
        Some(format!("FROM {IMAGE}\nRUN [\"/probe\", \"exit\", \"4\", \"bad luck\"]\n"));
    let Cause::BuildFailed { message, output } = cause(bed.engine.build(&build, &|_| ()).await) else {
        panic!("a build that fails must say so")
    };
    assert!(message.contains("non-zero code: 4"), "{message}");
    assert!(output.contains(&"bad luck".to_owned()), "{output:?}");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let connection = Connection { host: Some("unix:///nowhere/docker.sock".into()), ..Connection::default() };
    assert_eq!(
        Docker::connect(&connection).await.unwrap_err().to_string(),
        "reach a container engine: none answers (unix:///nowhere/docker.sock: no such file or directory)"
    );
}
