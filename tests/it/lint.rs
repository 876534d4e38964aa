//! The rules of `topo lint`: each finds its example and nothing else, and mends it if it says so.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use topo::diagnostic::example::{Example, File};
use topo::diagnostic::{Code, Diagnostics, Severity, one_line};
use topo::k8s::{Options, export};
use topo::lint::fix::fix;
use topo::lint::host::Host;
use topo::lint::levels::named;
use topo::lint::programs::Programs;
use topo::lint::{Group, Input, Level, Levels, RULES, lint};
use topo::load::{MemWorld, Request, World, load};
use topo::observed::proc::Socket;
use topo::project::{Selection, read_contents, resolve};
use topo::source::SourceMap;

use crate::cli::{empty, project, run};
use crate::corpus::corpus;
use crate::diagnostic_examples::{files, printed_as};
use crate::examples::{Files, compose_files};
use crate::generate;
use crate::generated::check;
use crate::properties_loading::{golden, golden_cases};

/// Loads and lints a project.
fn look(
    world: &dyn World,
    request: &Request,
    levels: &Levels,
    (host, lacking): (Option<&Host>, Option<&Programs>),
) -> (Diagnostics, SourceMap) {
    let mut loaded = load(world, request);
    let project = resolve(&mut loaded, &Selection::default(), world);
    let contents = read_contents(&project, &loaded.environment, world, &mut loaded.diagnostics);
    if loaded.diagnostics.has_errors() {
        return (loaded.diagnostics, loaded.sources);
    }
    let losses = || {
        let losses = export(&project, &contents, &Options::default()).losses;
        losses.into_iter().map(|loss| loss.diagnostic).collect()
    };
    let (said, sources) = (&loaded.diagnostics, &loaded.sources);
    let input = Input { project: &project, sources, said, losses: &losses, host, lacking };
    (lint(&input, levels), loaded.sources)
}

fn world(files: &[File<'_>]) -> MemWorld {
    MemWorld::project(files.iter().map(|file| (file.name, file.text)))
}

/// Runs `topo lint` with the options of an example, on a host where port 8080 is taken, with an image that lacks `curl`.
fn run_example(example: &Example<'_>, files: &[File<'_>]) -> (Diagnostics, SourceMap) {
    let mut words = example.command.split_whitespace();
    assert_eq!(words.next(), Some("lint"));
    let mut levels = Levels::default();
    let (mut host, mut lacking) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "--host" => {
                let address = std::net::Ipv4Addr::UNSPECIFIED.into();
                let taken = vec![Socket { protocol: "tcp", address, port: 8080 }];
                host = Some(Host { taken, ..Host::default() });
            }
            "--images" => {
                let curl = BTreeSet::from(["curl".to_owned()]);
                lacking = Some(Programs::from([("nginx:1.27".to_owned(), curl)]));
            }
            "--rule" => {
                let (name, level) = words.next().unwrap().split_once('=').unwrap();
                levels.set(&named(name).unwrap(), Level::named(level).unwrap());
            }
            _ => panic!("no example is known to have {word}"),
        }
    }
    look(&world(files), &Request::default(), &levels, (host.as_ref(), lacking.as_ref()))
}

fn codes(diagnostics: &Diagnostics) -> Vec<Code> {
    let mut codes: Vec<Code> = diagnostics.sorted().iter().map(|one| one.code).collect();
    codes.dedup();
    codes
}

#[test]
fn each_rule_finds_its_example_alone_and_the_mended_one_is_clean() {
    for rule in RULES {
        let example = rule.code().example();
        let (found, sources) = run_example(&example, &example.files);
        let said = printed_as(&found, &sources);
        assert_eq!(codes(&found), [rule.code()], "{} is not what its example gets:\n{said}", rule.name());
        for one in found.sorted() {
            assert!(one.help.is_some() && !one.labels.is_empty(), "no help or place:\n{said}");
        }
        let (left, sources) = run_example(&example, &example.all_mended());
        let is_clean = match rule.group {
            // More is lost of most projects.
            Group::Kubernetes => left.sorted().len() < found.sorted().len(),
            _ => left.sorted().is_empty(),
        };
        assert!(is_clean, "the example of {} is not mended:\n{}", rule.name(), printed_as(&left, &sources));
    }
}

/// The mended example is what `--fix` makes of the wrong one, to the letter: comments and layout stay, and nothing else
/// changes.
#[test]
fn what_a_program_can_mend_becomes_the_mended_example() {
    for rule in RULES {
        let example = rule.code().example();
        let mut text = example.files[0].text.to_owned();
        let mut has_fix = false;
        loop {
            let file = File { name: "compose.yaml", text: &text };
            let (found, sources) = run_example(&example, &[file]);
            let fixed = fix(&found.sorted(), &sources);
            let Some((path, new)) = fixed.files.first() else { break };
            assert!(path.ends_with("compose.yaml"), "{}", path.display());
            assert_ne!(*new, text, "{}: nothing changes", rule.name());
            (text, has_fix) = (new.clone(), true);
        }
        assert_eq!(has_fix, rule.has_fix, "{}: `has_fix` is not so", rule.name());
        if has_fix {
            assert_eq!(text, example.mended[0].text, "{}", rule.name());
        }
    }
}

fn lint_text(text: &str) -> Vec<String> {
    let world = MemWorld::project([("compose.yaml", text)]);
    let (found, sources) = look(&world, &Request::default(), &Levels::default(), (None, None));
    found.sorted().into_iter().map(|one| one_line(one, &sources)).collect()
}

fn fix_text(text: &str) -> String {
    let world = MemWorld::project([("compose.yaml", text)]);
    let (found, sources) = look(&world, &Request::default(), &Levels::default(), (None, None));
    let fixed = fix(&found.sorted(), &sources);
    fixed.files.into_iter().next().map_or(text.to_owned(), |(_, text)| text)
}

#[test]
fn what_is_allowed_with_a_reason_passes() {
    let wrong = "services:\n  web:\n    image: nginx\n";
    assert_eq!(
        lint_text(wrong),
        ["compose.yaml:3:5: warning[unpinned-image]: image `nginx` of service `web` is not pinned"]
    );
    for allowed in [
        "services:\n  web:\n    image: nginx # topo: allow(unpinned-image) a demo\n",
        "services:\n  web:\n    # topo: allow(host-network, unpinned-image) a demo\n    # really\n    image: nginx\n",
        "services:\n  web:\n    image: nginx\n    x-topo: {lint: {allow: {unpinned-image: a demo}}}\n",
        "services:\n  web:\n    image: nginx\nx-topo: {lint: {allow: [unpinned-image=a demo]}}\n",
        "services:\n  web:\n    image: nginx\nx-topo: {lint: {allow: {reliability: a demo}}}\n",
        "services:\n  web:\n    image: nginx\nx-topo: {lint: {levels: {unpinned-image: off}}}\n",
        "services:\n  web:\n    image: nginx\nx-topo: {lint: {levels: {all: error, unpinned-image: off, root-user: off, writable-root: off, no-memory-limit: off, no-restart: off, kubernetes: off}}}\n",
    ] {
        assert_eq!(lint_text(allowed), [""; 0], "{allowed}");
    }
    let elsewhere = "services:\n  # topo: allow(unpinned-image) a demo\n  web:\n    image: nginx\n  db:\n    image: x:1\n    x-topo: {lint: {allow: {unpinned-image: a demo}}}\n";
    assert_eq!(lint_text(elsewhere).len(), 1);
}

#[test]
fn allowances_that_mean_nothing_are_told() {
    let said = lint_text("services:\n  web:\n    image: nginx:1 # topo: allow(unpined-image) a demo\n");
    assert_eq!(said, ["compose.yaml:3:20: error[unknown-reference]: there is no rule `unpined-image`"]);
    let said = lint_text("services:\n  web:\n    image: nginx # topo: allow(unpinned-image)\n");
    assert_eq!(said, ["compose.yaml:3:18: error[invalid-value]: `unpinned-image` is allowed for no reason"]);
    let said =
        lint_text("services: {web: {image: 'nginx:1'}}\nx-topo: {lint: {levels: {unpinned-imag: off}}}\n");
    assert_eq!(said, ["compose.yaml:2:26: error[unknown-reference]: there is no rule `unpinned-imag`"]);
    let said =
        lint_text("services: {web: {image: 'nginx:1'}}\nx-topo: {lint: {levels: {unpinned-image: of}}}\n");
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("error[invalid-value]"), "{said:?}");
}

#[test]
fn flow_style_and_other_layouts_are_mended_or_left_alone() {
    let ports = |written: &str| format!("services:\n  db:\n    image: postgres:17\n    ports: {written}\n");
    for (wrong, mended) in [
        ("[\"5432:5432\"]", "[\"127.0.0.1:5432:5432\"]"),
        ("[5432:5432]", "[127.0.0.1:5432:5432]"),
        ("[5432]", "[127.0.0.1::5432]"),
        ("[{target: 5432, published: 5432}]", "[{host_ip: 127.0.0.1, target: 5432, published: 5432}]"),
        ("[{target: 5432, host_ip: 0.0.0.0}]", "[{target: 5432, host_ip: 127.0.0.1}]"),
        ("[\"0.0.0.0:5432:5432\"]", "[\"0.0.0.0:5432:5432\"]"),
    ] {
        assert_eq!(fix_text(&ports(wrong)), ports(mended), "{wrong}");
    }
    let depends = |written: &str| {
        format!(
            "services:\n  web:\n    image: nginx:1\n    depends_on:{written}\n  db:\n    image: busybox:1\n    healthcheck: {{test: 'true'}}\n"
        )
    };
    for (wrong, mended) in [
        ("\n    - db", "\n      db:\n        condition: service_healthy"),
        ("\n      - db # why", "\n      db:\n        condition: service_healthy # why"),
        (" [db]", " {db: {condition: service_healthy}}"),
        ("\n      db: {condition: service_started}", "\n      db: {condition: service_healthy}"),
    ] {
        assert_eq!(fix_text(&depends(wrong)), depends(mended), "{wrong}");
    }
    // Another service has the same text: it is mended where that is wrong there, too.
    let shared = |address: &str, image: &str| {
        format!(
            "services:\n  a:\n    image: postgres:17\n    ports: &p [\"{address}5432\"]\n  b:\n    image: {image}\n    ports: *p\n"
        )
    };
    assert_eq!(fix_text(&shared("", "nginx:1")), shared("", "nginx:1"));
    assert_eq!(fix_text(&shared("", "redis:7")), shared("127.0.0.1::", "redis:7"));
    // Entries that share their line with others stay.
    let shared = "services: {web: {image: 'nginx:1'}}\nvolumes: {a: {}, b: {}}\n";
    assert_eq!(fix_text(shared), shared);
    // Nothing would be left, or an alias needs it.
    let unused = |volumes: &str| format!("services:\n  web:\n    image: nginx:1\n{volumes}");
    assert_eq!(fix_text(&unused("volumes:\n  a:\n    labels: {b: c}\n")), unused(""));
    let anchored = unused("volumes:\n  a: &a\n    labels: {b: c}\n");
    assert_eq!(fix_text(&anchored), anchored);
    let crlf = "version: '3'\r\nservices:\r\n  web:\r\n    image: nginx:1\r\n";
    assert_eq!(fix_text(crlf), "services:\r\n  web:\r\n    image: nginx:1\r\n");
}

#[test]
fn an_override_is_not_left_without_its_only_attribute() {
    let world = MemWorld::project([
        ("compose.yaml", "services:\n  web:\n    image: nginx:1\n"),
        ("compose.override.yaml", "services:\n  web:\n    container_name: web-1\n"),
    ]);
    let (found, sources) = look(&world, &Request::default(), &Levels::default(), (None, None));
    assert_eq!(codes(&found).iter().map(|code| code.name()).collect::<Vec<_>>(), ["fixed-name"]);
    assert!(fix(&found.sorted(), &sources).files.is_empty());
}

#[test]
fn what_services_that_are_not_asked_for_use_is_used() {
    let folder = project(
        "services:\n  web:\n    image: nginx:1\n  db:\n    image: postgres:17\n    networks: [back]\n  old:\n    image: x:1\n    profiles: [old]\n    networks: [old]\nnetworks:\n  back:\n  old:\n",
    );
    assert!(run(&["lint"], &folder, 0).err.contains("nothing is wrong"));
    assert!(run(&["lint", "web"], &folder, 0).err.contains("nothing is wrong"));
}

#[test]
fn the_command_fails_on_errors_and_mends_the_file() {
    let text = "version: '3'\nservices:\n  web:\n    image: nginx:1.27\n";
    let folder = project(text);
    assert!(run(&["lint"], &folder, 0).err.contains("warning[obsolete]"));
    run(&["lint", "--deny-warnings"], &folder, 1);
    run(&["lint", "--rule", "obsolete=error"], &folder, 1);
    assert!(run(&["lint", "--group", "network"], &folder, 0).err.contains("nothing is wrong"));
    let json: serde_json::Value =
        serde_json::from_str(&run(&["lint", "--format", "json"], &folder, 0).out).unwrap();
    assert_eq!(json["diagnostics"][0]["code"], "obsolete");
    assert_eq!(json["diagnostics"][0]["edits"][0]["text"], "");
    let sarif = run(&["lint", "--format", "sarif"], &folder, 0).out;
    assert!(sarif.contains("\"ruleId\": \"obsolete\"") && sarif.contains("\"id\": \"obsolete\""), "{sarif}");
    let unknown = run(&["lint", "--rule", "obsolet=off"], &folder, 2).err;
    assert!(unknown.contains("did you mean `obsolete`?"), "{unknown}");

    let file = folder.path().join("compose.yaml");
    #[expect(clippy::disallowed_methods, reason = "tests may read")]
    let read = || std::fs::read_to_string(&file).unwrap();
    run(&["--dry-run", "lint", "--fix"], &folder, 0);
    assert_eq!(read(), text);
    let said = run(&["lint", "--fix"], &folder, 0).err;
    assert!(said.contains("mended: 1") && said.contains("nothing is wrong"), "{said}");
    assert_eq!(read(), "services:\n  web:\n    image: nginx:1.27\n");
}

#[test]
fn rules_are_listed_and_explained() {
    let folder = empty();
    let list = run(&["lint", "--list", "--rule", "host-network=error"], &folder, 0).out;
    assert_eq!(list.lines().count(), RULES.len());
    let host = list.lines().find(|line| line.starts_with("host-network")).unwrap();
    assert!(host.contains("error"), "{host}");
    for rule in RULES {
        assert!(run(&["explain", rule.name()], &folder, 0).out.contains("mended"));
    }
}

#[test]
fn examples_are_clean_or_say_why_not() {
    for file in compose_files() {
        let request = Request { files: vec![file.clone()], ..Request::default() };
        let (found, sources) = look(&Files, &request, &Levels::default(), (None, None));
        assert!(found.sorted().is_empty(), "{file}:\n{}", printed_as(&found, &sources));
    }
}

#[test]
fn names_of_rules_are_not_those_of_diagnostics_and_come_once() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name()).collect();
    names.extend(Group::ALL.iter().map(|group| group.name()));
    names.extend(Code::ALL.iter().map(|code| code.name()));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(RULES.iter().all(|rule| rule.page.documentation.trim().ends_with('.')));
}

#[test]
fn the_page_about_rules_is_current() {
    let mut page = "# Lint\n\n\
        <!-- Made from src/lint/ by TOPO_BLESS=1 cargo test --test it. -->\n\n\
        `topo lint` finds what is allowed in a project, and seldom meant. It asks no engine, unless told to.\n\n\
        - `--rule NAME=LEVEL` says how grave a rule is: `error`, `warn`, `note` or `off`. NAME is a rule, a group or `all`.\n\
        - `--group GROUP` leaves out all other groups. `--list` shows the rules and their levels, `topo explain RULE` one of them.\n\
        - It exits with 1 if there is an error; with `--deny-warnings`, also if there is a warning.\n\
        - `--fix` mends what a program can mend, in the files that were read; comments and layout stay.\n\
        - `--host` compares with this machine: its routes, and the ports that something listens on.\n\
        - `--images` looks into the images that the engine has for the programs that health checks run. It makes a container of each, which it never starts,\n  and removes it.\n\
        - `--format json`, `sarif` and `github` are those of `topo check`; JSON has the changes that would mend.\n\n\
        What is meant may be allowed, with the reason. A comment counts for its line, or for the next one:\n\n\
        ```yaml\nservices:\n  probe:\n    image: example/probe:2\n    network_mode: host # topo: allow(host-network) it measures the host\n```\n\n\
        `x-topo` counts for a service or, at the top, for the project, which also sets levels; the command line wins:\n\n\
        ```yaml\nx-topo:\n  lint:\n    allow:\n      unpinned-image: we want to hear of new versions\n    levels:\n      security: error\n```\n\n\
        | Rule | Group | Level | `--fix` |\n|---|---|---|---|\n"
        .to_owned();
    for rule in RULES {
        let mends = if rule.has_fix { "yes" } else { "" };
        let (name, group) = (rule.name(), rule.group.name());
        writeln!(page, "| [`{name}`](#{name}) | {group} | {} | {mends} |", rule.level).unwrap();
    }
    for rule in RULES {
        let example = rule.code().example();
        write!(page, "\n## {}\n\n{}\n", rule.name(), rule.code().meaning()).unwrap();
        files(&mut page, &example.files);
        let (found, sources) = run_example(&example, &example.files);
        let said = printed_as(&found, &sources);
        write!(page, "\n```console\n$ topo {}\n{said}```\n\nMended:\n", example.command).unwrap();
        files(&mut page, &example.mended);
    }
    check("docs/lint.md", &page);
}

#[test]
fn a_note_is_no_warning() {
    let (found, _) = look(
        &MemWorld::project([("compose.yaml", "services: {web: {image: 'nginx:1', container_name: web}}\n")]),
        &Request::default(),
        &Levels::default(),
        (None, None),
    );
    assert_eq!(found.count(), (0, 0));
    assert_eq!(found.sorted()[0].severity, Severity::Note);
}

/// Lints a project with all rules, and mends it as long as there is something to mend. Returns whether anything was
/// mended, or what is wrong then: it does not load, or a service is another one that nothing was found of.
fn mend(mut world: MemWorld, request: &Request) -> Result<bool, String> {
    let mut levels = Levels::default();
    levels.set(&named("all").unwrap(), Level::Error);
    let is_loaded = |world: &MemWorld| {
        let mut loaded = load(world, request);
        let project = resolve(&mut loaded, &Selection::default(), world);
        let said = loaded
            .diagnostics
            .sorted()
            .into_iter()
            .map(|one| one_line(one, &loaded.sources))
            .collect::<Vec<_>>();
        if loaded.diagnostics.has_errors() { Err(said.join("\n")) } else { Ok(project.services) }
    };
    let Ok(mut services) = is_loaded(&world) else { return Ok(false) };
    for pass in 0..100 {
        let (found, sources) = look(&world, request, &levels, (None, None));
        let files = fix(&found.sorted(), &sources).files;
        if files.is_empty() {
            return Ok(pass > 0);
        }
        for (path, text) in files {
            let before = world.files.insert(path, text.clone().into_bytes()).unwrap();
            is_loaded(&world).map_err(|said| {
                format!("{said}\nbefore:\n{}\nafter:\n{text}", String::from_utf8_lossy(&before))
            })?;
        }
        let mended = is_loaded(&world)?;
        let messages: Vec<&str> = found
            .sorted()
            .iter()
            .filter(|one| !one.edits.is_empty())
            .map(|one| one.message.as_str())
            .collect();
        for (name, service) in &services {
            let is_meant = messages.iter().any(|message| message.contains(&format!("service `{name}`")));
            if !is_meant && mended.get(name) != Some(service) {
                return Err(format!(
                    "service `{name}` is another one, and only this was found: {messages:#?}"
                ));
            }
        }
        services = mended;
    }
    Err("it never ends".to_owned())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn projects_of_the_corpus_load_after_they_are_mended() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return;
    };
    let (mut mended, mut wrong) = (0, Vec::new());
    for case in &golden_cases(&corpus) {
        let Some((world, request, _)) = golden(case) else { continue };
        match mend(world, &request) {
            Ok(changed) => mended += usize::from(changed),
            Err(said) => wrong.push(format!("{}:\n{said}", case.display())),
        }
    }
    assert!(mended > 100, "only {mended} of the golden cases were mended");
    assert!(wrong.is_empty(), "{} are broken:\n{}", wrong.len(), wrong.join("\n\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_project_loads_after_it_is_mended(bytes in vec(prop_oneof![any::<u8>(), Just(0)], 0..400)) {
        let files = generate::project(&bytes);
        let mut world = MemWorld::project(files.iter().map(|(name, text)| (*name, text.as_str())));
        world.vars.insert("V".to_owned(), "1".to_owned());
        mend(world, &Request::default()).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn thousands_of_unused_networks_are_told_at_once() {
    let networks: String = (0..3_000).map(|at| format!("  n{at}:\n")).collect();
    let start = std::time::Instant::now();
    let said = lint_text(&format!("services: {{web: {{image: 'x:1'}}}}\nnetworks:\n{networks}"));
    assert_eq!(said.iter().filter(|one| one.contains("no service uses network")).count(), 3_000);
    // It took minutes.
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
}
