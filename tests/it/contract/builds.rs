//! What the builders of a real engine make: BuildKit and the classic one alike, unless a test says which.

use std::cell::RefCell;
use std::path::Path;

use tempfile::TempDir;
use topo::engine::docker::Docker;
use topo::engine::fake::Behaviour;
use topo::engine::{Cause, Engine, EngineError, Query};
use topo::plan::Build;
use topo::plan::build::Secret;

use super::bed::{Bed, IMAGE, cause, docker, docker_with, held};

/// Builds, and returns what was said on the way.
async fn said(docker: &Docker, build: &Build) -> Vec<String> {
    let lines = RefCell::new(Vec::new());
    docker.build(build, &|progress| lines.borrow_mut().push(progress.text)).await.unwrap();
    lines.into_inner()
}

/// Both builders, each with the name of an image that no other test builds; nothing if there is no engine to be tested.
async fn builders(test: &str) -> Option<[(Docker, String); 2]> {
    let classic = docker_with(|connection| connection.no_buildkit = true).await?;
    let image = |builder: &str| format!("topo-contract-{builder}-{test}");
    Some([(docker().await?, image("buildkit")), (classic, image("classic"))])
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

fn build(image: &str, context: &Path, dockerfile: &str) -> Build {
    Build {
        image: image.to_owned(),
        context: context.display().to_string(),
        dockerfile_inline: Some(format!("FROM {IMAGE} AS base\n{dockerfile}")),
        dockerfile: "Dockerfile".to_owned(),
        ..Build::default()
    }
}

/// Runs the test program in a container of an image, and returns what it prints.
async fn show(bed: &Bed<Docker>, image: &str, service: &str, what: &[&str]) -> Vec<String> {
    let mut body = bed.body(service, &Behaviour::Runs);
    body.image = Some(image.to_owned());
    body.cmd = Some(["/probe"].iter().chain(what).map(|word| (*word).to_owned()).collect());
    let job = bed.create(service, body).await;
    bed.run(&job).await
}

#[tokio::test]
async fn builds_take_what_the_file_says() {
    let Some(builders) = builders("takes").await else { return };
    for (docker, image) in builders {
        let bed = Bed::new(docker);
        held(&bed, async {
            let context = directory(&[
                ("kept", "kept"),
                ("left", "left"),
                ("sub/kept", "sub"),
                ("sub/left", "no"),
                (".dockerignore", "*\n!kept\n!sub/kept\n"),
            ]);
            let tag = format!("{image}-tagged");
            let build = Build {
                args: [("WORD".to_owned(), Some("a+b/c d".to_owned())), ("NONE".to_owned(), None)].into(),
                target: Some("base".into()),
                labels: [("made".to_owned(), "here".to_owned())].into(),
                tags: vec![tag.clone()],
                extra_hosts: vec!["db:10.0.0.1".into()],
                network: Some("none".into()),
                ..build(
                    &image,
                    context.path(),
                    "ARG WORD\nENV WORD=$WORD\nCOPY . /context\nFROM base AS wrong\nENV WORD=wrong\n",
                )
            };
            let lines = RefCell::new(Vec::new());
            let id = bed.engine.build(&build, &|progress| lines.borrow_mut().push(progress)).await.unwrap();
            let lines = lines.into_inner();
            assert!(lines.iter().any(|line| line.text.contains("COPY . /context")), "{lines:?}");
            assert!(lines.iter().all(|line| line.current <= line.total), "{lines:?}");
            let query = Query { images: vec![image.clone(), tag, id.clone()], ..Query::default() };
            let images = bed.engine.observe(&query).await.unwrap().images;
            assert_eq!(images.len(), 3);
            assert!(images.values().all(|found| *found == id));
            assert_eq!(show(&bed, &image, "env", &["env", "WORD"]).await, ["a+b/c d"]);
            assert_eq!(show(&bed, &image, "kept", &["show", "/context/sub/kept"]).await, ["644 0:0 sub"]);
            assert_eq!(show(&bed, &image, "left", &["show", "/context/sub/left"]).await, ["nothing there"]);
        })
        .await;
    }
}

#[tokio::test]
async fn a_dockerfile_has_an_ignore_file_of_its_own() {
    let Some(builders) = builders("ignores").await else { return };
    for (docker, image) in builders {
        let bed = Bed::new(docker);
        let context = directory(&[
            ("docker/app.Dockerfile", &format!("FROM {IMAGE}\nCOPY . /context\n")),
            ("docker/app.Dockerfile.dockerignore", "one\n"),
            (".dockerignore", "two\n"),
            ("one", "1"),
            ("two", "2"),
        ]);
        let build = Build {
            dockerfile: "docker/app.Dockerfile".into(),
            dockerfile_inline: None,
            ..build(&image, context.path(), "")
        };
        held(&bed, async {
            bed.engine.build(&build, &|_| ()).await.unwrap();
            assert_eq!(show(&bed, &image, "one", &["show", "/context/one"]).await, ["nothing there"]);
            assert_eq!(show(&bed, &image, "two", &["show", "/context/two"]).await, ["644 0:0 2"]);
        })
        .await;
    }
}

#[tokio::test]
async fn a_failed_build_says_why() {
    let Some(builders) = builders("fails").await else { return };
    for (docker, image) in builders {
        let context = tempfile::tempdir().unwrap();
        let failing = "RUN [\"/probe\", \"exit\", \"0\", \"all is well\"]\nRUN [\"/probe\", \"exit\", \"4\", \"bad luck\"]\n";
        let mut build = build(&image, context.path(), failing);
        let failure = |error: Result<_, EngineError>| match cause(error) {
            Cause::BuildFailed { message, output } => (message, output),
            other => panic!("a build that fails must say so: {other:?}"),
        };
        let (message, output) = failure(docker.build(&build, &|_| ()).await);
        assert!(message.contains("code: 4"), "{message}");
        assert!(output.contains(&"bad luck".to_owned()), "{output:?}");
        build.dockerfile_inline = Some("FRON scratch".into());
        let (message, _) = failure(docker.build(&build, &|_| ()).await);
        assert!(message.contains("FRON"), "{message}");
        build.dockerfile_inline = None;
        let missing = cause(docker.build(&build, &|_| ()).await);
        assert!(matches!(missing, Cause::BuildContext { .. }), "{missing:?}");
    }
}

#[tokio::test]
async fn buildkit_keeps_what_a_cache_mount_holds() {
    let Some(docker) = docker().await else { return };
    let context = tempfile::tempdir().unwrap();
    let mount = "RUN --mount=type=cache,target=/cache [\"/probe\", \"exit\", \"0\"]\n";
    docker.build(&build("topo-contract-cache", context.path(), mount), &|_| ()).await.unwrap();
    // The classic builder does not know it, and says so.
    let classic = docker_with(|connection| connection.no_buildkit = true).await.unwrap();
    let refused = cause(classic.build(&build("topo-contract-cache", context.path(), mount), &|_| ()).await);
    assert!(refused.to_string().contains("BuildKit"), "{refused}");
}

#[tokio::test]
async fn what_no_builder_does_is_refused_by_name() {
    let Some(docker) = docker_with(|connection| connection.no_buildkit = true).await else { return };
    let context = tempfile::tempdir().unwrap();
    let mut build = build("topo-contract-none", context.path(), "");
    build.secrets.insert("key".into(), Secret(b"hush".to_vec()));
    let refused = cause(docker.build(&build, &|_| ()).await);
    assert!(refused.to_string().starts_with("`secrets` needs BuildKit"), "{refused}");
}

#[tokio::test]
async fn buildkit_is_given_secrets() {
    let Some(docker) = docker().await else { return };
    let context = tempfile::tempdir().unwrap();
    let mount = "RUN --mount=type=secret,id=key [\"/probe\", \"show\", \"/run/secrets/key\"]\n";
    let mut build = build("topo-contract-secret", context.path(), mount);
    build.no_cache = true;
    // An ID that the build was not given is no secret, and need not be there.
    assert!(said(&docker, &build).await.contains(&"nothing there".to_owned()));
    build.secrets.insert("key".into(), Secret(b"hush".to_vec()));
    let lines = said(&docker, &build).await;
    assert!(lines.contains(&"400 0:0 hush".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn buildkit_is_given_an_ssh_agent() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agent");
    let path = socket.display().to_string();
    let Some(docker) = docker_with(|connection| connection.ssh_agent = Some(path.clone())).await else {
        return;
    };
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let agent = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = [0; 4];
        stream.read_exact(&mut question).await.unwrap();
        stream.write_all(&[&question[..], b" you"].concat()).await.unwrap();
        // It ends when the build does.
        let _ = stream.read(&mut question).await;
    };
    let mount = "RUN --mount=type=ssh [\"/probe\", \"ask-agent\"]\n";
    let mut build = build("topo-contract-ssh", tempfile::tempdir().unwrap().path(), mount);
    build.context = directory.path().display().to_string();
    build.no_cache = true;
    build.ssh.insert("default".into(), String::new());
    let (lines, ()) = tokio::join!(said(&docker, &build), agent);
    assert!(lines.contains(&"who? you".to_owned()), "{lines:?}");

    build.ssh.insert("default".into(), "/nowhere/key".into());
    let refused = cause(docker.build(&build, &|_| ()).await);
    assert!(refused.to_string().starts_with("`ssh` names /nowhere/key, which is no socket"), "{refused}");
}
