//! The command itself, as a shell calls it. Nothing here needs an engine.

use std::process::Stdio;

use assert_cmd::Command;
use tempfile::TempDir;

/// The `topo` command, deaf to the settings of whoever runs the tests.
pub(crate) fn topo() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topo"));
    for variable in [
        "COMPOSE_FILE",
        "COMPOSE_PATH_SEPARATOR",
        "COMPOSE_PROJECT_NAME",
        "COMPOSE_PROFILES",
        "COMPOSE_ENV_FILES",
        "COMPOSE_DISABLE_ENV_FILE",
        "COMPOSE_ANSI",
        "COMPOSE_PROGRESS",
        "COMPOSE_PARALLEL_LIMIT",
        "COMPOSE_COMPATIBILITY",
        "COMPOSE_REMOVE_ORPHANS",
        "COMPOSE_IGNORE_ORPHANS",
        "COMPOSE_STATUS_STDOUT",
        "COMPLETE",
        "DOCKER_CONTEXT",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
    ] {
        command.env_remove(variable);
    }
    // Nobody listens there.
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("COLUMNS", "100").stdin(Stdio::null());
    command
}

/// What a run printed to standard output and to standard error.
pub(crate) struct Printed {
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `topo` in a folder, with a text as standard input, and checks its exit code.
fn run_with(arguments: &[&str], folder: &TempDir, input: &str, code: i32) -> Printed {
    let mut command = topo();
    command.args(arguments).current_dir(folder);
    let asserted = Command::from_std(command).write_stdin(input).assert().code(code);
    let output = asserted.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Printed { out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn run(arguments: &[&str], folder: &TempDir, code: i32) -> Printed {
    run_with(arguments, folder, "", code)
}

/// Runs `topo` in the root of the repository and returns all that it printed.
pub(crate) fn run_in_repository(arguments: &[&str], code: i32) -> String {
    let mut command = topo();
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let asserted = Command::from_std(command).assert().code(code);
    let output = asserted.get_output();
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

pub(crate) fn empty() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A folder with a compose file in it.
pub(crate) fn project(file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("compose.yaml"), file).unwrap();
    folder
}

pub(crate) const WEB: &str =
    "name: demo\nservices:\n  web:\n    image: nginx:alpine\n    ports: ['8080:80']\n";

/// The commands that `--help` lists, but for `help` itself.
fn commands() -> Vec<String> {
    let help = run(&["--help"], &empty(), 0).out;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names: Vec<String> =
        names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.len() > 5, "{names:?}");
    names.into_iter().filter(|name| name != "help").collect()
}

#[test]
fn help_of_each_command_says_what_it_does_and_shows_an_example() {
    for name in commands() {
        let Printed { out: help, err } = run(&[&name, "--help"], &empty(), 0);
        assert_eq!(err, "", "{name}");
        assert!(
            help.contains(&format!("Example: topo {name}")),
            "`topo {name} --help` has no example:\n{help}"
        );
        let first = help.lines().next().unwrap();
        assert!(first.len() > 10 && !first.ends_with('.'), "`topo {name} --help` begins with {first:?}");
    }
}

#[test]
fn help_says_how_a_run_may_end() {
    assert!(run(&["--help"], &empty(), 0).out.contains("Exit codes: 0 "));
}

#[test]
fn wrong_usage_ends_with_2_and_says_so_on_standard_error() {
    for arguments in [
        &["upp"][..],
        &["up", "--nonsense"],
        &["config", "--format", "xml"],
        &["up", "--build", "--no-build"],
    ] {
        let Printed { out, err } = run(arguments, &empty(), 2);
        assert!(out.is_empty() && !err.is_empty(), "{arguments:?}");
    }
    assert!(run(&["upp"], &empty(), 2).err.contains("'up'"), "no suggestion");
}

#[test]
fn no_command_prints_the_help() {
    assert!(run(&[], &empty(), 0).out.contains("Usage: topo"));
}

#[test]
fn the_version_is_the_packages() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(&["--version"], &empty(), 0).out, format!("topo {version}\n"));
    assert_eq!(run(&["version", "--short"], &empty(), 0).out, format!("{version}\n"));
}

#[test]
fn config_reads_standard_input_and_prints_to_standard_output() {
    let Printed { out, err } = run_with(&["-f", "-", "config"], &empty(), WEB, 0);
    assert!(out.starts_with("name: demo\nservices:\n"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn what_config_prints_reads_back_as_the_same() {
    let first = run(&["config"], &project(WEB), 0).out;
    assert_eq!(run(&["config"], &project(&first), 0).out, first);
}

#[test]
fn what_is_not_interpolated_is_printed_as_it_was_written() {
    let written = "name: demo
services:
  web:
    build:
      context: .
      additional_contexts: [base=./base]
      args: [\"A=${A}\"]
    environment: [\"X=${X-dx}\", PASS]
    extra_hosts: [db=10.0.0.1]
    labels: {tier: $TIER}
";
    let printed = run(&["config", "--no-interpolate", "--no-path-resolution"], &project(written), 0).out;
    for part in [
        "args:\n        - A=${A}\n",
        "additional_contexts:\n        base: ./base\n",
        "environment:\n      - X=${X-dx}\n      - PASS\n",
        "extra_hosts:\n      - db=10.0.0.1\n",
        "labels:\n      tier: $TIER\n",
    ] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
    // What two files say is one list.
    let folder = project(written);
    std::fs::write(folder.path().join("compose.override.yaml"), "services: {web: {labels: {zone: a}}}")
        .unwrap();
    let printed = run(&["config", "--no-interpolate"], &folder, 0).out;
    assert!(printed.contains("labels:\n      - tier=$TIER\n      - zone=a\n"), "{printed}");
    assert!(!printed.contains("./base"), "{printed}");
}

#[test]
fn mistakes_end_with_1_and_leave_standard_output_empty() {
    let folder = project("services: {web: {imag: nginx}}");
    for command in ["config", "up", "plan"] {
        let Printed { out, err } = run(&[command], &folder, 1);
        assert_eq!(out, "", "{command}");
        assert!(err.contains("error[unknown-key]"), "{command}: {err}");
    }
}

#[test]
fn no_compose_file_is_said_with_what_helps() {
    let said = run(&["up"], &empty(), 1).err;
    assert!(said.contains("error[no-compose-file]") && said.contains("help:"), "{said}");
}

#[test]
fn an_engine_that_does_not_answer_is_said_with_what_helps() {
    let folder = project(WEB);
    for arguments in [
        &["up", "-d"][..],
        &["plan"],
        &["ps"],
        &["down"],
        &["logs"],
        &["start"],
        &["restart"],
        &["kill"],
        &["rm"],
        &["pause"],
        &["unpause"],
        &["scale", "web=1"],
        &["wait", "web"],
        &["ls"],
        &["images"],
        &["volumes"],
        &["port", "web", "80"],
        &["top"],
        &["stats"],
        &["events"],
    ] {
        let said = run(arguments, &folder, 1).err;
        assert!(said.contains("/nowhere/docker.sock") && said.contains(" help:"), "{arguments:?}: {said}");
    }
}

#[test]
fn what_cannot_be_looked_for_is_said_before_the_engine_is_asked() {
    let folder = project(WEB);
    for (arguments, expected) in [
        (&["ps", "--format", "{{.Name"][..], "unclosed action"),
        (&["volumes", "--format", "table {{nonsense .Name}}"], "function \"nonsense\" not defined"),
        (&["stats", "--format", "{{end}}"], "`--format` is no template"),
        (&["ps", "--filter", "name=web"], "`--filter` takes `status=STATUS`"),
        (&["ps", "wep"], "there is no service `wep` in project `demo`"),
        (&["volumes", "wep"], "did you mean `web`?"),
        (&["events", "wep"], "there is no service `wep`"),
        (&["ls", "--format", "{{.Name}}"], "takes `table` or `json`"),
        (&["ls", "--filter", "status=up"], "`status` is no property of a project"),
        (&["ls", "--filter", "name=("], "`(` is no regular expression"),
        (&["images", "--format", "yaml"], "takes `table` or `json`"),
    ] {
        let Printed { out, err } = run(arguments, &folder, 1);
        assert!(out.is_empty() && err.contains(expected), "{arguments:?}: {err}");
        assert!(!err.contains("docker.sock"), "{arguments:?}: {err}");
    }
}

/// `topo config | head -0`: a reader that goes away has seen enough.
#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = project(WEB);
    for arguments in [&["config"][..], &["schema"], &["completions", "bash"], &["version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = topo()
            .args(arguments)
            .current_dir(&folder)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell], &empty(), 0).out;
        assert!(script.contains("topo") && script.contains("COMPLETE"), "{shell}: {script}");
    }
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let folder = project("services: {web: {imag: nginx}}");
    let said = |ansi: &[&str], no_color: Option<&str>| {
        let mut command = topo();
        command.args(ansi).arg("config").current_dir(&folder);
        no_color.map(|value| command.env("NO_COLOR", value));
        command.output().unwrap().stderr.contains(&0x1b)
    };
    assert!(said(&["--ansi", "always"], None), "--ansi always");
    assert!(!said(&["--ansi", "never"], None), "--ansi never");
    assert!(!said(&[], None), "a pipe");
    assert!(!said(&[], Some("1")), "NO_COLOR");
}

#[test]
fn check_tells_programs_what_it_tells_people() {
    let folder = empty();
    let text = "services:\n  web:\n    image: nginx\n    prots: ['80']\n    networks: [frontt]\nnetworks: {front: {}}\n";
    std::fs::write(folder.path().join("compose.yaml"), text).unwrap();

    let found: serde_json::Value =
        serde_json::from_str(&run(&["check", "--format", "json"], &folder, 1).out).unwrap();
    assert_eq!(found["errors"], 2);
    let first = &found["diagnostics"][0];
    assert_eq!(first["code"], "unknown-key");
    assert_eq!(first["help"], "did you mean `ports`?");
    let place = serde_json::json!({
        "file": "compose.yaml", "line": 4, "column": 5, "endLine": 4, "endColumn": 10, "text": "unknown attribute",
    });
    assert_eq!(first["labels"][0], place);

    let sarif: serde_json::Value =
        serde_json::from_str(&run(&["check", "--format", "sarif"], &folder, 1).out).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| rules.iter().any(|rule| rule["id"] == result["ruleId"])));
    assert_eq!(results[1]["locations"][0]["physicalLocation"]["region"]["startLine"], 5);

    let lines = run(&["check", "--format", "github"], &folder, 1).out;
    let expected = "::error file=compose.yaml,line=4,endLine=4,col=5,title=unknown-key::\
                    `services.web` has no attribute `prots`%0Ahelp: did you mean `ports`?";
    assert_eq!(lines.lines().next(), Some(expected));

    std::fs::write(folder.path().join("compose.yaml"), "services: {web: {image: nginx}}\n").unwrap();
    assert_eq!(run(&["check"], &folder, 0).err, "nothing is wrong\n");
}

#[test]
fn what_an_export_loses_is_told_to_programs() {
    let folder = project("name: demo\nservices: {web: {image: nginx, mac_address: 02:42:ac:11:00:02}}\n");
    let printed = run(&["export", "k8s", "--loss", "-"], &folder, 0).out;
    let losses: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let expected = serde_json::json!([{
        "key": "services.web.mac_address",
        "file": "compose.yaml",
        "line": 2,
        "column": 32,
        "outcome": "lost",
        "reason": "`services.web.mac_address` has no equivalent in Kubernetes",
        "help": "leave it out: the cluster's network gives addresses",
    }]);
    assert_eq!(losses, expected);

    let printed = run(&["export", "k8s", "--loss", "losses.json", "--strict"], &folder, 1);
    assert_eq!(printed.out, "");
    let file = std::fs::File::open(folder.path().join("losses.json")).unwrap();
    assert_eq!(serde_json::from_reader::<_, serde_json::Value>(file).unwrap(), expected);
    // What there is to know of all manifests is no loss.
    let folder = project("name: demo\nservices: {web: {image: nginx}}\n");
    let printed = run(&["export", "k8s", "--strict", "-o", "out"], &folder, 0);
    assert!(printed.err.contains("Flannel"), "{}", printed.err);
    assert!(folder.path().join("out/deployment-web.yaml").is_file());
}

#[test]
fn each_kind_of_diagnostic_is_explained() {
    let folder = empty();
    assert!(run(&["explain", "port-conflict"], &folder, 0).out.contains("same port"));
    let unknown = run(&["explain", "port-conflit"], &folder, 1).err;
    assert!(unknown.contains("did you mean `port-conflict`?"), "{unknown}");
    let all = run(&["explain"], &folder, 0).out;
    let (codes, causes) = (topo::diagnostic::Code::ALL.len(), topo::diagnose::CAUSES.len());
    assert_eq!(all.lines().count(), codes + topo::lint::RULES.len() + causes);
    assert!(run(&["explain", "wrong-port"], &folder, 0).out.contains("mended by: "));
}
