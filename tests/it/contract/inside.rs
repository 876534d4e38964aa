//! The obligations of what is done inside of containers.

use bollard::models::ExecConfig;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::AsyncWriteExt;
use topo::engine::fake::{Behaviour, Program};
use topo::engine::inside::{Archive, Attach, Commit, FileKind, Streams};
use topo::engine::{LogSource, Query};
use topo::plan::File;

use super::bed::{Bed, Stage, bounded};

/// A running container, and a command in it.
async fn command(bed: &Bed<impl Stage>, words: &[&str], program: Program) -> String {
    bed.engine.command(words, program);
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    bed.engine.start(&web).await.unwrap();
    bed.engine.create_exec(&web, &request(words)).await.unwrap()
}

fn request(words: &[&str]) -> ExecConfig {
    ExecConfig {
        cmd: Some(words.iter().map(|word| (*word).to_owned()).collect()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..ExecConfig::default()
    }
}

/// All that a process writes to an output.
async fn written(streams: Streams) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let Streams { input: _input, mut output } = streams;
    while let Some(piece) = bounded(output.next()).await {
        match piece.unwrap() {
            (LogSource::Stdout, piece) => out.extend_from_slice(&piece),
            (LogSource::Stderr, piece) => err.extend_from_slice(&piece),
        }
    }
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

pub(super) async fn a_command_has_two_outputs_and_a_code(bed: &Bed<impl Stage>) {
    let (stdout, stderr) = ("out\n".to_owned(), "error without an end".to_owned());
    let program = Program::Writes { stdout: stdout.clone(), stderr: stderr.clone(), code: 7 };
    let exec = command(bed, &["/probe", "both", "7"], program).await;
    assert_eq!(bed.engine.exec_code(&exec).await.unwrap(), None);
    let streams = bed.engine.attach_exec(&exec, false).await.unwrap();
    assert_eq!(written(streams).await, (stdout, stderr));
    assert_eq!(bed.engine.exec_code(&exec).await.unwrap(), Some(7));
    assert!(bed.engine.exec_code("none").await.unwrap_err().is_not_found());
}

pub(super) async fn a_command_reads_to_the_end_of_its_input(bed: &Bed<impl Stage>) {
    let exec = command(bed, &["/probe", "echo"], Program::Echoes).await;
    let mut streams = bed.engine.attach_exec(&exec, false).await.unwrap();
    let text = "0123456789".repeat(20_000);
    // Typing and reading at once: neither side holds all of it.
    let mut input = std::mem::replace(&mut streams.input, Box::pin(tokio::io::sink()));
    let typed = async {
        input.write_all(text.as_bytes()).await.unwrap();
        input.shutdown().await.unwrap();
    };
    let ((), (out, err)) = tokio::join!(typed, written(streams));
    assert!(out == text && err.is_empty(), "{} bytes came back", out.len());
    assert_eq!(bed.engine.exec_code(&exec).await.unwrap(), Some(0));
}

pub(super) async fn a_command_needs_a_running_container(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    let refused = bed.engine.create_exec(&web, &request(&["/probe", "echo"])).await.unwrap_err();
    assert!(refused.to_string().contains("is not running"), "{refused}");
    let missing = bed.engine.create_exec(&bed.name("none"), &request(&["/probe", "echo"])).await;
    assert!(missing.unwrap_err().is_not_found());
}

pub(super) async fn what_a_container_writes_is_heard_from_its_start_on(bed: &Bed<impl Stage>) {
    let lines = vec!["one".to_owned(), "two".to_owned()];
    let job = bed.create("job", bed.body("job", &Behaviour::Exits(3, lines))).await;
    let how = Attach { tty: false, stdin: false, detach_keys: None };
    let streams = bed.engine.attach(&job, how.clone()).await.unwrap();
    bed.engine.start(&job).await.unwrap();
    assert_eq!(written(streams).await, ("one\ntwo\n".to_owned(), String::new()));
    assert!(bed.engine.attach(&bed.name("none"), how).await.is_err_and(|error| error.is_not_found()));
}

fn archive(files: &[(&str, &str)]) -> Archive {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_uid(70);
        header.set_gid(7);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    stream::iter([Ok(Bytes::from(archive.into_inner().unwrap()))]).boxed()
}

/// What is in an archive: paths, owners, texts.
async fn contents(archive: Archive) -> Vec<(String, u64, String)> {
    let pieces: Vec<Bytes> = bounded(archive.try_collect()).await.unwrap();
    let bytes = pieces.concat();
    let mut found = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut entry, &mut text).unwrap_or_default();
            let path = entry.path().unwrap().display().to_string();
            found.push((path, entry.header().uid().unwrap(), text));
        }
    }
    found.sort();
    found
}

pub(super) async fn files_come_out_as_they_went_in(bed: &Bed<impl Stage>) {
    let engine = &bed.engine;
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    let there = File { path: "/data/there".into(), content: b"old".to_vec(), mode: 0o644, uid: 0, gid: 0 };
    engine.copy_files(&web, &[there]).await.unwrap();
    engine.unpack(&web, "/data", archive(&[("own/one", "1")]), true).await.unwrap();
    engine.unpack(&web, "/data", archive(&[("own/two", "2"), ("there", "new")]), false).await.unwrap();
    let (info, packed) = engine.pack(&web, "/data/own").await.unwrap();
    assert_eq!((info.name.as_str(), info.kind), ("own", FileKind::Directory));
    let expected = [("own/one".to_owned(), 70, "1".to_owned()), ("own/two".to_owned(), 70, "2".to_owned())];
    assert_eq!(contents(packed).await, expected);
    assert_eq!(engine.look_at(&web, "/data/there").await.unwrap().kind, FileKind::File);
    let (_, packed) = engine.pack(&web, "/data/there").await.unwrap();
    assert_eq!(contents(packed).await, [("there".to_owned(), 70, "new".to_owned())]);
    let all = contents(engine.export(&web).await.unwrap()).await;
    assert!(all.iter().any(|(path, _, text)| path == "data/own/one" && text == "1"), "{all:?}");
    for missing in [
        engine.look_at(&web, "/none").await.map(|_| ()),
        engine.pack(&web, "/none").await.map(|_| ()),
        engine.unpack(&web, "/none", archive(&[("one", "1")]), false).await,
    ] {
        assert!(missing.is_err_and(|error| error.is_not_found()));
    }
}

pub(super) async fn an_image_of_a_container_is_there(bed: &Bed<impl Stage>) {
    let web = bed.create("web", bed.body("web", &Behaviour::Runs)).await;
    let commit = Commit {
        reference: "topo-contract-committed:1".to_owned(),
        author: "somebody".to_owned(),
        message: "as it is".to_owned(),
        changes: vec!["ENV WORD=changed".to_owned(), "LABEL a=b".to_owned()],
        pause: true,
    };
    let id = bed.engine.commit(&web, &commit).await.unwrap();
    let query = Query { images: vec![commit.reference.clone()], ..Query::default() };
    assert_eq!(bed.engine.observe(&query).await.unwrap().images[&commit.reference], id);
    let nameless = Commit { reference: String::new(), pause: false, ..commit };
    assert!(bed.engine.commit(&web, &nameless).await.unwrap().starts_with("sha256:"));
    assert!(bed.engine.commit(&bed.name("none"), &nameless).await.unwrap_err().is_not_found());
}
