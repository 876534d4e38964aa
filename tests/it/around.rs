//! What stands around the commands: global options and the variables that stand in for them, completions, the plugin of
//! the docker client, commands that only docker compose has.

use crate::cli::{WEB, empty, project, run, topo};

/// Runs `topo` with variables, and returns its exit code and what it printed.
fn with(variables: &[(&str, &str)], arguments: &[&str], folder: &tempfile::TempDir) -> (i32, String, String) {
    let mut command = topo();
    command.args(arguments).current_dir(folder).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_contradicts_itself_is_an_error_before_anything_is_done() {
    let folder = project(WEB);
    for (variables, arguments, said) in [
        (&[][..], &["--workdir", ".", "--project-directory", ".", "config"][..], "--workdir"),
        (&[], &["--no-ansi", "--ansi", "always", "config"], "--no-ansi"),
        (&[], &["--ansi", "never", "--progress", "tty", "config"], "--progress tty"),
        (&[], &["--ansi", "always", "--progress", "plain", "config"], "--progress plain"),
        (&[("COMPOSE_PROGRESS", "loud")], &["config"], "COMPOSE_PROGRESS"),
        (&[("COMPOSE_PARALLEL_LIMIT", "many")], &["config"], "COMPOSE_PARALLEL_LIMIT"),
        (&[], &["--host", "unix:///a", "--context", "b", "config"], "--context"),
    ] {
        let (code, out, err) = with(variables, arguments, &folder);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}");
        assert!(err.starts_with("error: ") && err.contains(said), "{arguments:?}: {err}");
    }
}

#[test]
fn what_is_out_of_use_is_taken_with_a_warning() {
    let folder = project(WEB);
    for option in ["--no-ansi", "--verbose", "--workdir=.", "--debug", "--insecure-registry=x"] {
        let (code, out, err) = with(&[], &[option, "config", "--services"], &folder);
        assert_eq!((code, out.as_str()), (0, "web\n"), "{option}");
        assert!(err.starts_with("warning: `--") && err.lines().count() == 1, "{option}: {err}");
    }
    let (code, _, err) = with(&[("COMPOSE_ANSI", "loud")], &["config", "-q"], &folder);
    assert_eq!(code, 0);
    assert!(err.contains("COMPOSE_ANSI"), "{err}");
}

#[test]
fn variables_of_the_env_file_count_too() {
    let folder = project("services: {web: {imag: nginx}}");
    std::fs::write(folder.path().join(".env"), "COMPOSE_ANSI=always\n").unwrap();
    assert!(with(&[], &["config"], &folder).2.contains('\u{1b}'));
    assert!(!with(&[("COMPOSE_ANSI", "never")], &["config"], &folder).2.contains('\u{1b}'));
    assert!(!with(&[("COMPOSE_DISABLE_ENV_FILE", "1")], &["config"], &folder).2.contains('\u{1b}'));
    std::fs::write(folder.path().join(".env"), "COMPOSE_PROGRESS=loud\n").unwrap();
    assert_eq!(with(&[], &["config"], &folder).0, 1);
}

#[test]
fn compatibility_makes_names_with_underscores() {
    let folder = project("name: demo\nservices: {web: {build: .}}\n");
    let images = |variables: &[(&str, &str)], arguments: &[&str]| {
        with(variables, &[arguments, &["config", "--images"]].concat(), &folder).1
    };
    assert_eq!(images(&[], &[]), "demo-web\n");
    assert_eq!(images(&[], &["--compatibility"]), "demo_web\n");
    assert_eq!(images(&[("COMPOSE_COMPATIBILITY", "true")], &[]), "demo_web\n");
    std::fs::write(folder.path().join(".env"), "COMPOSE_COMPATIBILITY=1\n").unwrap();
    assert_eq!(images(&[], &[]), "demo_web\n");
}

#[test]
fn a_version_is_asked_for_as_of_docker_compose() {
    let version = run(&["--version"], &empty(), 0).out;
    for option in ["-v", "-V"] {
        assert_eq!(run(&[option], &empty(), 0).out, version);
    }
}

/// What a shell is told that asks how to go on after these words.
fn completed(words: &[&str], folder: &tempfile::TempDir) -> Vec<String> {
    let index = (words.len()).to_string();
    let variables = [("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", index.as_str()), ("_CLAP_IFS", "\n")];
    let arguments = [&["--", "topo"], words].concat();
    let (code, out, err) = with(&variables, &arguments, folder);
    assert_eq!((code, err.as_str()), (0, ""), "{words:?}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn completions_know_the_file_at_hand() {
    let file = "services:\n  web: {image: x}\n  worker: {image: x}\n  tool: {image: x, profiles: [debug]}\n";
    let folder = project(file);
    assert_eq!(completed(&["stop", "w"], &folder), ["web", "worker"]);
    assert_eq!(completed(&["up", "t"], &folder), ["tool"]);
    assert_eq!(completed(&["scale", "we"], &folder), ["web="]);
    assert_eq!(completed(&["--profile", ""], &folder), ["debug"]);
    assert_eq!(completed(&["config", "--hash", "to"], &folder), ["tool"]);
    assert!(completed(&["down", "--rm"], &folder).contains(&"--rmi".to_owned()));
    assert_eq!(completed(&["down", "--rmi", ""], &folder), ["local", "all"]);
    assert!(completed(&["star"], &folder).contains(&"start".to_owned()));
    std::fs::write(folder.path().join("other.yaml"), "services: {other: {image: x}}").unwrap();
    assert_eq!(completed(&["-f", "other.yaml", "stop", "o"], &folder), ["other"]);
    // Half a file still has names, and no file has none.
    std::fs::write(folder.path().join("compose.yaml"), "services: {web: {imag: x}}").unwrap();
    assert_eq!(completed(&["stop", "w"], &folder), ["web"]);
    assert_eq!(completed(&["stop", "w"], &empty()), [""; 0]);
}

#[test]
fn a_shell_that_goes_away_while_it_asks_is_no_reason_to_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = topo();
    command.args(["--", "topo", "st"]).env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "1");
    let output = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(output.stderr, b"");
    assert!(output.status.code().is_some(), "{output:?}");
}

#[test]
fn the_docker_client_is_told_what_the_plugin_is() {
    let told: serde_json::Value =
        serde_json::from_str(&run(&["docker-cli-plugin-metadata"], &empty(), 0).out).unwrap();
    assert_eq!((&told["SchemaVersion"], &told["Vendor"]), (&"0.1.0".into(), &"topo".into()));
    assert_eq!(told["Version"], concat!("v", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_only_docker_compose_has_is_answered_with_what_to_use() {
    let folder = project(WEB);
    for (arguments, instead) in [
        (&["publish", "--app", "example/app:1"][..], "docker compose publish"),
        (&["-p", "x", "--dry-run", "bridge", "convert", "-o", "out"], "topo export k8s"),
        (&["-f", "compose.yaml", "alpha", "viz", "--help"], "topo config"),
    ] {
        let (code, out, err) = with(&[], arguments, &folder);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}");
        assert!(err.starts_with("error: topo has no `") && err.contains(instead), "{arguments:?}: {err}");
    }
}

#[test]
fn points_in_time_and_numbers_are_checked_before_logs_are_read() {
    let folder = project(WEB);
    let said = run(&["logs", "--index", "1"], &folder, 1).err;
    assert!(said.contains("needs one service"), "{said}");
    let said = run(&["logs", "--tail", "few"], &folder, 1).err;
    assert!(said.contains("`few`"), "{said}");
    run(&["scale", "web"], &folder, 2);
    run(&["scale", "web=-1"], &folder, 2);
    run(&["down", "--rmi", "some"], &folder, 2);
}

#[test]
fn an_option_given_twice_counts_as_given_last_and_lists_add_up() {
    let folder = project(
        "services: {web: {image: a}, tool: {image: b, profiles: [x]}, more: {image: c, profiles: [y]}}",
    );
    for (arguments, expected) in [
        (
            &["-p", "one", "-p", "two", "config", "--format", "yaml", "--format", "json"][..],
            "\"name\": \"two\"",
        ),
        (&["--profile", "x", "--profile", "y", "config", "--services"], "more\ntool\nweb\n"),
        (&["config", "--services", "--services"], "web\n"),
        (&["config", "--hash", "tool", "--hash", "web"], "web "),
    ] {
        let out = run(arguments, &folder, 0).out;
        assert!(out.contains(expected), "{arguments:?}: {out}");
    }
    // A switch may have a value.
    for (arguments, expected) in [
        (&["config", "--services=true"][..], "web\n"),
        (&["config", "-q=false", "--services"], "web\n"),
        (&["config", "--services", "--quiet=0"], "web\n"),
        (&["config", "--services", "-q=1"], ""),
        (&["--dry-run=false", "config", "--services"], "web\n"),
    ] {
        assert_eq!(run(arguments, &folder, 0).out, expected, "{arguments:?}");
    }
    let wrong = run(&["config", "--quiet=maybe"], &folder, 2).err;
    assert!(wrong.contains("--quiet") && wrong.contains("maybe"), "{wrong}");
    // What excludes each other still does.
    for arguments in
        [&["up", "--build", "--no-build", "--build"][..], &["run", "-P", "-p", "1", "-p", "2", "web"]]
    {
        run(arguments, &folder, 2);
    }
}

#[test]
fn settings_of_dockers_client_reach_builds_and_are_no_part_of_the_file() {
    let file = "services:
  web:
    build: {context: ., args: {NO_PROXY: own}}
  multi:
    build: {context: ., platforms: [linux/amd64, linux/arm64]}
";
    let folder = project(file);
    std::fs::write(
        folder.path().join("config.json"),
        r#"{"proxies": {"default": {"httpProxy": "http://proxy.test:1", "noProxy": "*.test"}}}"#,
    )
    .unwrap();
    let directory = folder.path().display().to_string();
    let variables = |platform: &'static str| {
        [("DOCKER_CONFIG", directory.clone()), ("DOCKER_DEFAULT_PLATFORM", platform.to_owned())]
    };
    let asked = |platform: &'static str, arguments: &[&str]| {
        let variables = variables(platform);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        with(&variables, arguments, &folder)
    };
    let (code, out, err) = asked("linux/arm64", &["build", "--print", "web"]);
    assert_eq!(code, 0, "{err}");
    let bake: serde_json::Value = serde_json::from_str(&out).unwrap();
    let web = &bake["target"]["web"];
    let expected = serde_json::json!({"HTTP_PROXY": "http://proxy.test:1", "NO_PROXY": "own"});
    assert_eq!((&web["args"], &web["platforms"]), (&expected, &serde_json::json!(["linux/arm64"])));
    // A platform that is none, and one that a service is not built for.
    for (platform, said) in
        [("nonsense", "names no platform: `nonsense`"), ("linux/s390x", "service `multi` is not built")]
    {
        let (code, _, err) = asked(platform, &["build", "--print"]);
        assert!(code == 1 && err.contains(said), "{platform}: {err}");
        let (code, out, _) = asked(platform, &["config"]);
        assert!(code == 0 && !out.contains(platform) && !out.contains("proxy.test"), "{out}");
    }
    // It may be set in a file, and is shown there.
    std::fs::write(folder.path().join(".env"), "DOCKER_DEFAULT_PLATFORM=nonsense\n").unwrap();
    let (code, _, err) = with(&[], &["build", "--print"], &folder);
    assert!(code == 1 && err.contains(".env:1:"), "{err}");
}
