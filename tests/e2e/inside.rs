//! Commands, conversations and files in running containers.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::harness::{Project, Run, Running, is_running};

const SERVICES: &str = r"
services:
  web:
    image: busybox
    command: sleep 1000
    init: true
    scale: 2
    environment: {WORD: there}
  shell:
    image: busybox
    command: sh
    stdin_open: true
    tty: true
  cat:
    image: busybox
    command: cat
    stdin_open: true
    stop_signal: SIGKILL
";

fn project(name: &str) -> Option<Project> {
    let project = Project::with(name, SERVICES)?;
    project.up();
    Some(project)
}

/// A command of topo that reads a file.
fn reading(project: &Project, file: &str, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    command.stdin(File::open(project.path(file)).unwrap());
    command
}

#[test]
fn exec_must_pass_input_outputs_and_the_code() {
    let Some(project) = project("exec") else { return };
    project.write("input", &"a line of some length\n".repeat(20_000));
    let run = Run::of(reading(&project, "input", &["exec", "web", "cat"])).succeeds();
    assert_eq!(run.stdout.lines().count(), 20_000);
    let run = project.topo(&["exec", "web", "sh", "-c", "echo out; echo err >&2; exit 42"]).ends_with(42);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("out\n", "err\n"));
    for (command, code) in [(&["/etc"][..], 126), (&["sh", "-c", "none"], 127), (&["false"], 1)] {
        project.topo(&[&["exec", "web"], command].concat()).ends_with(code);
    }
    // What is there and what is asked for, in one go; after the service all words are the command's.
    let options = ["exec", "-Tu", "nobody", "-w", "/tmp", "-e", "MORE=1", "--index", "2", "web"];
    let command = ["sh", "-c", "id -un; pwd; echo $WORD $MORE; hostname", "-u"];
    let run = project.topo(&[&options[..], &command].concat()).succeeds();
    let id = project.container("web-2").id.unwrap();
    assert_eq!(run.stdout, format!("nobody\n/tmp\nthere 1\n{}\n", &id[..12]));
    project.topo_without_file(&["exec", "web", "true"]).succeeds();

    project.topo(&["exec", "-d", "web", "touch", "/made"]).succeeds();
    project.topo(&["exec", "wbe", "ls"]).ends_with(1).says(&["no service `wbe`", "did you mean `web`?"]);
    project.topo(&["exec", "--index", "3", "web", "ls"]).ends_with(1).says(&["may be 1, 2"]);
    project.topo(&["stop", "web", "-t", "0"]);
    project.topo(&["exec", "web", "ls"]).ends_with(1).says(&["`web` is not running"]);
}

#[test]
fn exec_must_behave_like_docker_compose() {
    let Some(project) = project("exec-peer") else { return };
    for command in [
        &["-T", "web", "sh", "-c", "echo out; exit 3"][..],
        &["web", "none"],
        &["web", "/etc"],
        &["-u", "none", "web", "ls"],
        &["-w", "/none", "web", "ls"],
        &["-it", "web", "tty"],
        &["-d", "web", "true"],
        &["none", "ls"],
    ] {
        let arguments = [&["exec"], command].concat();
        let (topo, peer) = (project.topo(&arguments), project.peer(&arguments));
        assert_eq!((topo.code, topo.stdout), (peer.code, peer.stdout), "{arguments:?}");
    }
}

#[test]
fn exec_on_a_terminal_must_have_its_size_and_follow_it() {
    let Some(project) = project("exec-tty") else { return };
    // It takes a moment until a new terminal has its size.
    let script = "tty; for size in '20 90' '33 44'; do \
                  until test \"$(stty size)\" = \"$size\"; do sleep 0.1; done; echo is $size; done; exit 9";
    let mut exec = Running::on_terminal(&project.command(&["exec", "web", "sh", "-c", script]));
    assert!(exec.reaches(|line| line.starts_with("/dev/pts/")));
    assert!(exec.reaches(|line| line.trim() == "is 20 90"));
    exec.resize(33, 44);
    assert!(exec.reaches(|line| line.trim() == "is 33 44"), "{:?}", exec.stdout);
    assert_eq!(exec.finish().code(), Some(9));
    project.topo(&["exec", "-T=false", "web", "ls"]).ends_with(1).says(&["not a terminal"]);
}

#[test]
fn detach_keys_must_leave_the_container_running() {
    let Some(project) = project("detach") else { return };
    let mut exec = Running::on_terminal(&project.command(&["exec", "web", "sh"]));
    exec.types("echo $((40+2))\r");
    assert!(exec.reaches(|line| line.trim() == "42"));
    exec.types("\u{10}\u{11}");
    assert_eq!(exec.finish().code(), Some(1), "as docker compose does");
    let (_, processes) = project.exec("web-1", &["ps"]);
    assert!(processes.lines().any(|line| line.trim_end().ends_with(" sh")), "{processes}");

    let mut attach =
        Running::on_terminal(&project.command(&["attach", "--detach-keys", "ctrl-x,x", "shell"]));
    attach.types("echo $((40+2))\r");
    assert!(attach.reaches(|line| line.trim() == "42"));
    attach.types("\u{18}x");
    assert_eq!(attach.finish().code(), Some(1));
    assert!(is_running(&project.container("shell-1")));
}

#[test]
fn attach_must_pass_what_is_typed_and_end_with_the_container() {
    let Some(project) = project("attach") else { return };
    let mut attach = Running::on_terminal(&project.command(&["attach", "shell"]));
    attach.types("echo $((40+2)); exit 7\r");
    assert!(attach.reaches(|line| line.trim() == "42"));
    assert_eq!(attach.finish().code(), Some(7));
    project.topo(&["attach", "shell"]).ends_with(1).says(&["`shell` is not running"]);

    let mut attach = Running::start(project.command(&["attach", "--no-stdin", "web"]));
    // Again and again: it may not be attached yet.
    let hello = "while sleep 0.1; do echo hello > /proc/1/fd/1; done";
    project.topo(&["exec", "-d", "web", "sh", "-c", hello]).succeeds();
    assert!(attach.reaches(|line| line == "hello"));
    // A signal goes to the container.
    attach.signal("TERM");
    assert_eq!(attach.finish().code(), Some(143));
}

#[test]
fn files_must_come_out_as_they_went_in() {
    let Some(project) = project("cp") else { return };
    std::fs::create_dir_all(project.path("d/e")).unwrap();
    project.write("d/e/one", "1\n");
    project.write("file", "text\n");
    let ls = |index: u32| {
        let script = "cd /tmp; find . -type f | sort | while read f; do echo $f $(cat $f); done";
        project.exec(&format!("web-{index}"), &["sh", "-c", script]).1
    };
    for arguments in [
        &["cp", "file", "web:/tmp"][..],
        &["cp", "file", "web:/tmp/renamed"],
        &["cp", "d", "web:/tmp"],
        &["cp", "d", "web:/tmp/new"],
        &["cp", "d/.", "web:/tmp/contents"],
        &["cp", "--index", "2", "file", "web:/tmp/second"],
    ] {
        project.topo(arguments).succeeds();
    }
    let first = "./contents/e/one 1\n./d/e/one 1\n./file text\n./new/e/one 1\n./renamed text\n";
    assert_eq!(ls(1), first);
    assert_eq!(ls(2), format!("{first}./second text\n"));

    project.topo(&["cp", "web:/tmp/d", "out"]).succeeds();
    project.topo(&["cp", "web:/tmp/renamed", "out/back"]).succeeds();
    project.topo(&["cp", "web:/tmp/d/.", "out"]).succeeds();
    for (path, text) in [("out/e/one", "1\n"), ("out/back", "text\n")] {
        assert_eq!(project.read(path), text);
    }
    project.exec("web-1", &["ln", "-s", "/tmp/file", "/tmp/link"]);
    project.topo(&["cp", "web:/tmp/link", "link"]).succeeds();
    project.topo(&["cp", "-L", "web:/tmp/link", "followed"]).succeeds();
    assert!(std::fs::symlink_metadata(project.path("link")).unwrap().is_symlink());
    assert_eq!(project.read("followed"), "text\n");

    let packed = project.path("packed.tar");
    let mut command = project.command(&["cp", "web:/tmp/d", "-"]);
    let status = command.stdout(File::create(&packed).unwrap()).status().unwrap();
    assert!(status.success());
    Run::of(reading(&project, "packed.tar", &["cp", "-", "web:/usr"])).succeeds();
    for container in ["web-1", "web-2"] {
        assert_eq!(project.exec(container, &["cat", "/usr/d/e/one"]).1, "1\n");
    }
    for (arguments, why) in [
        (&["cp", "none", "web:/tmp"][..], "No such file or directory"),
        (&["cp", "web:/none", "."], "/none"),
        (&["cp", "file", "web:/none/"], "no such directory"),
        (&["cp", "d", "web:/etc/passwd"], "cannot take the place of a file"),
        (&["cp", "web:/tmp", "file"], "cannot take the place of a file"),
        (&["cp", "web:/tmp", "none/there"], "there is no directory"),
        (&["cp", "web:/a", "cat:/b"], "one side must be a path of this machine"),
        (&["cp", "a", "b"], "SERVICE:PATH"),
        (&["cp", "file", "none:/tmp"], "no service `none`"),
    ] {
        project.topo(arguments).ends_with(1).says(&[why]);
    }
}

#[test]
fn a_container_must_become_an_archive_and_an_image() {
    let Some(project) = project("export") else { return };
    project.exec("web-2", &["sh", "-c", "echo here > /mark"]);
    project.topo(&["export", "--index", "2", "-o", "web.tar", "web"]).succeeds();
    let status =
        Command::new("tar").args(["-xf", "web.tar", "mark"]).current_dir(project.path(".")).status().unwrap();
    assert!(status.success());
    assert_eq!(project.read("mark"), "here\n");
    project.topo(&["export", "-o", "none/web.tar", "web"]).ends_with(1).says(&["is in no directory"]);

    let image = format!("{}-committed:1", project.name);
    let options = ["commit", "--index", "2", "-a", "me", "-m", "as it is", "-c", "ENV WORD=changed"];
    project.topo(&[&options[..], &["web", &image]].concat()).succeeds().says(&["committed as sha256:"]);
    project.write("override.yaml", &format!("services: {{other: {{image: '{image}'}}}}"));
    let file = project.path("override.yaml");
    let command = ["-f", file.to_str().unwrap(), "run", "--rm", "other", "sh", "-c", "cat /mark; echo $WORD"];
    let mut run = Command::new(env!("CARGO_BIN_EXE_topo"));
    run.arg("-p").arg(&project.name).args(command).stdin(Stdio::null());
    let run = Run::of(run).succeeds();
    assert_eq!(run.stdout, "here\nchanged\n");
}
