//! Input that multiplies, nests without end, never ends or is no text: the command says so at once and in bounded
//! memory. Each run has a watchdog and a limit on its address space.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No run takes nearly as long: this is against hangs.
const WATCHDOG: Duration = Duration::from_secs(120);
/// How many KiB of addresses a run may take.
const ADDRESS_SPACE: u32 = 2 << 20;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn project(text: &str) -> TempDir {
    folder(&[("compose.yaml", text.as_bytes())])
}

/// Runs `topo` in a folder within the limits; returns whether it succeeded, and what it wrote to standard error.
fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let topo = env!("CARGO_BIN_EXE_topo");
    let (out, err) = (folder.join(".out"), folder.join(".err"));
    let file = |path: &Path| Stdio::from(std::fs::File::create(path).unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {ADDRESS_SPACE} || exit 99; exec \"$0\" \"$@\""), topo]);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err));
    for variable in ["COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME", "COMPOSE_ENV_FILES"] {
        command.env_remove(variable);
    }
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > WATCHDOG {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("`topo {}` does not end", arguments.join(" "));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let said = String::from_utf8(std::fs::read(err).unwrap()).unwrap();
    let shown: String = said.chars().take(2000).collect();
    assert!(
        matches!(status.code(), Some(0 | 1)),
        "`topo {}` ends with {status}: {shown}",
        arguments.join(" ")
    );
    (status.success(), said)
}

#[track_caller]
fn is_refused(folder: &TempDir, code: &str) -> String {
    let (is_success, said) = run(folder.path(), &["config"]);
    let shown: String = said.chars().take(2000).collect();
    assert!(!is_success && said.contains(&format!("error[{code}]")), "not refused as {code}: {shown}");
    assert!(said.len() < 8 << 20, "{} bytes are said", said.len());
    said
}

#[track_caller]
fn is_read(folder: &TempDir) -> String {
    let (is_success, said) = run(folder.path(), &["config"]);
    let shown: String = said.chars().take(2000).collect();
    assert!(is_success, "refused: {shown}");
    std::fs::read_to_string(folder.path().join(".out")).unwrap()
}

const WEB: &str = "services:\n  web:\n    image: nginx\n";

/// Ten levels, each with ten aliases of the one before.
fn bomb(item: impl Fn(usize) -> String) -> String {
    let mut text = String::from(WEB);
    text.push_str("x-a0: &a0 {k: v, l: w}\n");
    for level in 1..12 {
        writeln!(text, "x-a{level}: &a{level} {}", item(level - 1)).unwrap();
    }
    text
}

#[test]
fn aliases_that_multiply_are_refused() {
    let lists = bomb(|below| format!("[{}]", vec![format!("*a{below}"); 10].join(", ")));
    is_refused(&project(&lists), "excessive-expansion");
    let maps = bomb(|below| {
        let entries: Vec<String> = (0..10).map(|at| format!("k{at}: *a{below} ")).collect();
        format!("{{{}}}", entries.join(", "))
    });
    is_refused(&project(&maps), "excessive-expansion");
}

#[test]
fn merge_keys_that_multiply_are_refused() {
    let merged = bomb(|below| {
        let entries: Vec<String> = (0..10).map(|at| format!("k{at}: {{<<: *a{below} }}")).collect();
        format!("{{{}}}", entries.join(", "))
    });
    is_refused(&project(&merged), "excessive-expansion");
    // One mapping, brought in a million times.
    let wide = format!(
        "{WEB}x-a: &a {{{}}}\nx-b: {{<<: [{}]}}\n",
        (0..1000).map(|at| format!("k{at}: v")).collect::<Vec<_>>().join(", "),
        vec!["*a"; 100_000].join(", ")
    );
    is_refused(&project(&wide), "excessive-expansion");
}

#[test]
fn long_texts_that_multiply_are_refused() {
    let text = format!("{WEB}x-a: &a {}\nx-b: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 10_000].join(", "));
    is_refused(&project(&text), "excessive-expansion");
}

#[test]
fn anchors_within_anchors_are_refused() {
    let open: String = (0..90).map(|at| format!("&a{at} [")).collect();
    let text = format!("{WEB}x-a: {open}{}{}\n", vec!["x"; 200_000].join(","), "]".repeat(90));
    is_refused(&project(&text), "excessive-expansion");
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 20),
        "- ".repeat(1 << 20),
        format!("{WEB}x-a: {}{}", "[".repeat(200), "]".repeat(200)),
        (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        "? ".repeat(100_000),
        "&a ".repeat(100_000),
        "!x ".repeat(100_000),
    ] {
        is_refused(&project(&text), "invalid-yaml");
    }
}

#[test]
fn a_large_file_is_read_or_refused() {
    let long = format!("{WEB}    labels: {{long: {}}}\n", "x".repeat(60 << 20));
    let (_, said) = run(project(&long).path(), &["config", "-q"]);
    assert!(said.is_empty() || said.contains("error["), "{}", said.chars().take(500).collect::<String>());
    let comment = format!("{WEB}# {}\n", "x".repeat(60 << 20));
    is_read(&project(&comment));
    let many: String = (0..1_001_000).map(|at| format!("x-{at}: v\n")).collect();
    is_refused(&project(&many), "excessive-expansion");
    let too_large = "#".repeat((64 << 20) + 1);
    assert!(is_refused(&project(&too_large), "unreadable-file").contains("64 MiB"));
}

#[test]
fn a_mistake_in_a_long_line_is_shown_in_part() {
    let items: String = (0..2000).map(|at| format!("s{at}: {{imag: nginx}}, ")).collect();
    let said = is_refused(&project(&format!("services: {{{items}}}\n")), "unknown-key");
    assert!(said.contains("imag: nginx"), "{}", said.chars().take(1000).collect::<String>());
    assert!(said.lines().all(|line| line.chars().count() < 1500), "a line is too long");
    // A key of a megabyte that does not exist.
    let said = is_refused(&project(&format!("{WEB}    ? {}\n    : 1\n", "k".repeat(1 << 20))), "unknown-key");
    assert!(said.len() < 20_000, "{} bytes are said", said.len());
}

#[test]
fn many_keys_and_services_are_read() {
    let services: String = (0..10_000)
        .map(|at| {
            format!(
                "  s{at}: {{image: x, labels: {{l: v}}, depends_on: [s{}]}}\n",
                at / 2 + 10_000 * usize::from(at == 0)
            )
        })
        .collect();
    let text = format!("services:\n  s10000: {{image: x}}\n{services}");
    assert!(is_read(&project(&text)).contains("s9999"));
    let labels: String = (0..200_000).map(|at| format!("      l{at}: v\n")).collect();
    is_read(&project(&format!("{WEB}    labels:\n{labels}")));
}

#[test]
fn services_that_depend_on_the_three_before_are_ordered() {
    let mut text = String::from("services:\n  s0: {image: x}\n  s1: {image: x}\n  s2: {image: x}\n");
    for at in 3..100 {
        writeln!(text, "  s{at}: {{image: x, depends_on: [s{}, s{}, s{}]}}", at - 1, at - 2, at - 3).unwrap();
    }
    is_read(&project(&text));
    // Round and round: told once, by the shortest way.
    text = text.replace("  s0: {image: x}", "  s0: {image: x, depends_on: [s99]}");
    let said = is_refused(&project(&text), "dependency-cycle");
    assert_eq!(said.matches("error[").count(), 1, "{said}");
}

#[test]
fn thousands_of_unknown_names_are_told_at_once() {
    let services: String =
        (0..5000).map(|at| format!("  service-{at}: {{image: x, depends_on: [servce-{at}]}}\n")).collect();
    let said = is_refused(&project(&format!("services:\n{services}")), "unknown-reference");
    assert!(said.ends_with("5000 errors\n"));
}

#[test]
fn includes_without_end_are_refused() {
    is_refused(&project("include: [compose.yaml]\nservices: {}\n"), "include-cycle");
    let chain: Vec<(String, String)> = (0..60)
        .map(|at| (format!("f{at}.yaml"), format!("include: [f{}.yaml]\nservices: {{}}\n", at + 1)))
        .collect();
    let mut files: Vec<(&str, &[u8])> =
        chain.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    files.push(("compose.yaml", b"include: [f0.yaml]\nservices: {web: {image: x}}\n"));
    files.push(("f60.yaml", b"services: {}\n"));
    is_refused(&folder(&files), "include-cycle");
}

#[test]
fn includes_that_multiply_are_read_once_or_refused() {
    let part: String = (0..1000).map(|at| format!("  s{at}: {{image: x}}\n")).collect();
    let same = format!("include: [{}]\n{WEB}", vec!["part.yaml"; 20_000].join(", "));
    is_read(&folder(&[
        ("compose.yaml", same.as_bytes()),
        ("part.yaml", format!("services:\n{part}").as_bytes()),
    ]));
    // Different names for the same: each is a copy.
    let labels: String = (0..5000).map(|at| format!("      l{at}: v\n")).collect();
    let folder = folder(&[("part/compose.yaml", format!("{WEB}    labels:\n{labels}").as_bytes())]);
    #[cfg(unix)]
    for at in 0..1000 {
        std::os::unix::fs::symlink("part", folder.path().join(format!("l{at}"))).unwrap();
    }
    let names: Vec<String> = (0..1000).map(|at| format!("l{at}/compose.yaml")).collect();
    std::fs::write(folder.path().join("compose.yaml"), format!("include: [{}]\n{WEB}", names.join(", ")))
        .unwrap();
    is_refused(&folder, "excessive-expansion");
}

#[test]
fn extends_without_end_is_refused_and_long_chains_are_read() {
    is_refused(
        &project("services:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}\n"),
        "extends-cycle",
    );
    is_refused(
        &project("services:\n  a: {image: x, extends: {service: a, file: compose.yaml}}\n"),
        "extends-cycle",
    );
    let chain: String =
        (1..5000).map(|at| format!("  s{at}: {{extends: s{}, labels: {{l: v}}}}\n", at - 1)).collect();
    is_read(&project(&format!("services:\n  s0: {{image: x}}\n{chain}")));
    // Ten thousand copies of a large service.
    let labels: String = (0..5000).map(|at| format!("      l{at}: v\n")).collect();
    let heirs: String = (0..10_000).map(|at| format!("  s{at}: {{extends: web}}\n")).collect();
    is_refused(&project(&format!("{WEB}    labels:\n{labels}{heirs}")), "excessive-expansion");
}

#[test]
fn variables_without_end_are_refused() {
    let nested = format!("{}x{}", "${A:-".repeat(100_000), "}".repeat(100_000));
    is_refused(&project(&format!("services: {{web: {{image: '{nested}'}}}}\n")), "interpolation");
    is_refused(
        &project(&format!("services: {{web: {{image: '{}'}}}}\n", "${A:-".repeat(1 << 20))),
        "interpolation",
    );
    let (is_success, _) = run(
        project(&format!("services: {{web: {{image: '{}'}}}}\n", "${".repeat(1 << 20))).path(),
        &["config", "--variables"],
    );
    assert!(is_success);
    // Each takes the one before ten times.
    let mut lines = String::from("A0=xxxxxxxxxx\n");
    for at in 1..15 {
        writeln!(lines, "A{at}={}", format!("${{A{}}}", at - 1).repeat(10)).unwrap();
    }
    is_refused(&folder(&[("compose.yaml", WEB.as_bytes()), (".env", lines.as_bytes())]), "invalid-env-file");
    // A long one, many times.
    let long = format!("A={}\n", "x".repeat(1 << 20));
    let text = format!("{WEB}    command: [{}]\n", vec!["$A"; 10_000].join(", "));
    is_refused(&folder(&[("compose.yaml", text.as_bytes()), (".env", long.as_bytes())]), "interpolation");
}

/// Text as Windows writes it.
#[test]
fn byte_order_marks_and_carriage_returns_are_read() {
    let plain = is_read(&folder(&[("p/compose.yaml", WEB.as_bytes()), ("compose.yaml", WEB.as_bytes())]));
    let service = plain.split_once("services:").unwrap().1.split_once("networks:\n  default:").unwrap().0;
    let utf16 = |swap: bool| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(WEB.encode_utf16());
        units.flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for bytes in [
        format!("\u{feff}{WEB}").into_bytes(),
        WEB.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{}", WEB.replace('\n', "\r\n")).into_bytes(),
        utf16(false),
        utf16(true),
    ] {
        let printed = is_read(&folder(&[("compose.yaml", &bytes)]));
        assert!(printed.contains(service), "{printed}");
    }
    let env_files = "    env_file: web.env\n    label_file: web.labels\n";
    let printed = is_read(&folder(&[
        ("compose.yaml", format!("{WEB}{env_files}").replace('\n', "\r\n").as_bytes()),
        ("web.env", "\u{feff}A=1\r\nB='2'\r\n".as_bytes()),
        ("web.labels", "\u{feff}L=1\r\n".as_bytes()),
    ]));
    for entry in ["A: \"1\"\n", "B: \"2\"\n", "L: \"1\"\n"] {
        assert!(printed.contains(entry), "{entry} is not in\n{printed}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_at_their_place() {
    for bytes in
        [&b"services:\n  web: \xff\n"[..], b"\xff\xfe\x00\xd8\x00\x00", b"\xfe\xff\x00", b"s\x00e\x00"]
    {
        let (is_success, said) = run(folder(&[("compose.yaml", bytes)]).path(), &["config"]);
        assert!(!is_success && said.contains("compose.yaml:"), "{said}");
    }
    let text = format!("{WEB}    env_file: [web.env, web.env]\n    label_file: web.env\n");
    let said = is_refused(
        &folder(&[("compose.yaml", text.as_bytes()), ("web.env", b"A=1\nB=\xe9\n")]),
        "unreadable-file",
    );
    assert!(said.contains("web.env:2:3"), "{said}");
    assert_eq!(said.matches("error[").count(), 1, "{said}");
}

/// Where a file is named, and where the diagnostic about it must be.
fn naming(name: &str) -> Vec<(String, &'static str)> {
    vec![
        (format!("include: [{name}]\n{WEB}"), "compose.yaml:1"),
        (format!("include: [{{path: part.yaml, env_file: {name}}}]\n{WEB}"), "compose.yaml:1"),
        (format!("services:\n  web: {{extends: {{file: {name}, service: web}}}}\n"), "compose.yaml:2"),
        (format!("{WEB}    env_file: {name}\n"), "compose.yaml:4"),
        (format!("{WEB}    label_file: {name}\n"), "compose.yaml:4"),
    ]
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_where_it_is_named() {
    let folder = folder(&[("part.yaml", b"services: {}\n"), ("directory/x", b"")]);
    let path = folder.path();
    std::os::unix::fs::symlink("loop", path.join("loop")).unwrap();
    std::os::unix::fs::symlink("missing", path.join("dangling")).unwrap();
    assert!(Command::new("mkfifo").arg(path.join("pipe")).status().unwrap().success());
    for name in ["missing", "directory", "loop", "dangling", "pipe", "/dev/zero", "/dev/tty", "part.yaml/x"] {
        for (text, place) in naming(name) {
            std::fs::write(path.join("compose.yaml"), &text).unwrap();
            let said = is_refused(&folder, "unreadable-file");
            assert!(said.contains(place) && said.contains("help:"), "{text}{said}");
        }
        for arguments in [["-f", name, "config"], ["--env-file", name, "config"]] {
            std::fs::write(path.join("compose.yaml"), WEB).unwrap();
            let (is_success, said) = run(path, &arguments);
            assert!(
                !is_success && said.contains("error[unreadable-file]") && said.contains("help:"),
                "{said}"
            );
        }
    }
}

#[test]
fn env_files_and_label_files_have_the_same_limits() {
    let text = |name: &str| format!("{WEB}    {name}: web.env\n");
    for name in ["env_file", "label_file"] {
        let env_file =
            |lines: &str| folder(&[("compose.yaml", text(name).as_bytes()), ("web.env", lines.as_bytes())]);
        is_refused(&env_file(&format!("A={}\n", "${B:-".repeat(100_000))), "invalid-env-file");
        let nested = format!("A={}{}\n", "${B:-".repeat(100_000), "}".repeat(100_000));
        is_refused(&env_file(&nested), "invalid-env-file");
        is_refused(&env_file(&"#".repeat((64 << 20) + 1)), "unreadable-file");
        is_read(&env_file(&format!("A={}\n", "x".repeat(10 << 20))));
        is_read(&env_file(&(0..200_000).map(|at| format!("A{at}=v\n")).collect::<String>()));
        // All mistakes, and not the first alone.
        let said = is_refused(&env_file("A B=1\nOK=1\nC D=1\n"), "invalid-env-file");
        assert_eq!(said.matches("error[invalid-env-file]").count(), 2, "{said}");
    }
    // A large one, for many services.
    let services: String =
        (0..5000).map(|at| format!("  s{at}: {{image: x, env_file: web.env}}\n")).collect();
    let lines: String = (0..20_000).map(|at| format!("A{at}=v\n")).collect();
    let many = folder(&[
        ("compose.yaml", format!("services:\n{services}").as_bytes()),
        ("web.env", lines.as_bytes()),
    ]);
    is_refused(&many, "excessive-expansion");
}
