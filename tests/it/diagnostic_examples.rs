//! The example of each kind of diagnostic gets it, and is mended; the page about them shows what is printed.

use std::fmt::Write as _;

use topo::diagnostic::example::{Example, File};
use topo::diagnostic::text::{Look, render};
use topo::diagnostic::{Code, Diagnostic, Diagnostics};
use topo::engine::fake::FakeEngine;
use topo::engine::{Engine as _, Query};
use topo::k8s::{Options, export};
use topo::load::{Loaded, MemWorld, Request, load};
use topo::manifests::cluster::Cluster;
use topo::manifests::verify::verify;
use topo::plan::desired::Desired;
use topo::plan::up::{UpOptions, up};
use topo::project::{Selection, read_contents, resolve};
use topo::source::SourceMap;
use topo::topology::reach::{End, reach};
use topo::topology::{Topology, ports};

use crate::generated::check;

/// Takes a project as far as the command of its example does, on an empty engine.
async fn run(command: &str, files: &[File<'_>]) -> Loaded {
    let world = MemWorld::project(files.iter().map(|file| (file.name, file.text)));
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    match command.split_whitespace().next() {
        Some("config") => return loaded,
        Some("reach") => {
            let mut ends = command.split_whitespace().skip(1).map(End::Service);
            let (from, to) = (ends.next().unwrap(), ends.next().unwrap());
            let answer = reach(&project, from, to);
            if !answer.is_reachable() {
                loaded.diagnostics.push(answer.explain(&project, from, to, None));
            }
            return loaded;
        }
        Some("up") => loaded.diagnostics.push_all(ports::conflicts(&project)),
        Some("export") => {}
        _ => panic!("no example is known to run `topo {command}`"),
    }
    let contents = read_contents(&project, &loaded.environment, &world, &mut loaded.diagnostics);
    if loaded.diagnostics.has_errors() {
        return loaded;
    }
    if command.starts_with("export") {
        let exported = export(&project, &contents, &Options::default());
        if command.ends_with("--verify") {
            let objects: Vec<_> = exported.objects.iter().map(|object| object.to_json().unwrap()).collect();
            let cluster = Cluster::read(&objects).unwrap();
            loaded.diagnostics.push_all(verify(&project, &cluster).differences);
        } else {
            loaded.diagnostics.push_all(exported.diagnostics.sorted().into_iter().cloned());
        }
        return loaded;
    }
    let engine = FakeEngine::new();
    let desired = Desired::new(&project, &topology, &contents, engine.api(), true, &mut loaded.diagnostics);
    let query = Query {
        project: desired.project.clone(),
        images: desired.images(),
        aging_images: desired.aging_images(),
        networks: desired.external_networks(),
        volumes: desired.external_volumes(),
        swarm: desired.needs_swarm(),
    };
    let observed = engine.observe(&query).await.unwrap();
    if let Err(impossible) = up(&desired, &observed, &UpOptions::default()) {
        for one in impossible {
            let span = project.span(&[one.section, &one.key]);
            let diagnostic = Diagnostic::error(one.code, one.message).label(span, "defined here");
            loaded.diagnostics.push(diagnostic.help(one.help));
        }
    }
    loaded
}

fn codes(diagnostics: &Diagnostics) -> Vec<Code> {
    let mut codes: Vec<Code> = diagnostics.sorted().iter().map(|one| one.code).collect();
    codes.dedup();
    codes
}

#[tokio::test]
async fn each_example_gets_its_diagnostic_alone_and_is_mended() {
    for code in Code::ALL {
        let example = code.example();
        let wrong = run(example.command, &example.files).await;
        let said = printed(&wrong);
        assert_eq!(codes(&wrong.diagnostics), [*code], "{code} is not what the example of it gets:\n{said}");
        let mended = run(example.command, &example.all_mended()).await;
        let said = printed(&mended);
        // An export says more of most projects; this is no longer in it.
        let left = codes(&mended.diagnostics);
        let is_clean =
            if example.command.starts_with("export") { !left.contains(code) } else { left.is_empty() };
        assert!(is_clean, "the example of {code} is not mended:\n{said}");
    }
}

#[tokio::test]
async fn each_example_is_told_with_a_place_and_with_help() {
    for code in Code::ALL {
        let example = code.example();
        for one in run(example.command, &example.files).await.diagnostics.sorted() {
            assert!(one.help.is_some(), "{code}: no help");
            assert!(!one.labels.is_empty() || *code == Code::NoComposeFile, "{code}: no place");
        }
    }
}

/// Each has a different example of its own.
#[test]
fn no_example_is_given_twice() {
    for (at, code) in Code::ALL.iter().enumerate() {
        let Example { files, mended, .. } = code.example();
        assert!(!mended.is_empty(), "{code}: nothing is mended");
        let same = Code::ALL[..at].iter().find(|other| other.example().files == files && !files.is_empty());
        assert_eq!(same, None, "{code} has the example of another");
    }
}

fn printed(loaded: &Loaded) -> String {
    printed_as(&loaded.diagnostics, &loaded.sources)
}

/// Returns diagnostics as they are printed.
pub(crate) fn printed_as(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    let look = Look { color: false, width: Some(100) };
    let said = diagnostics.sorted().into_iter().map(|one| render(one, sources, look));
    let said = said.collect::<Vec<_>>().join("\n\n");
    said.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[tokio::test]
async fn the_page_about_diagnostics_is_current() {
    let mut page = "# Diagnostics\n\n\
        <!-- Made from src/diagnostic.rs and the examples beside it by TOPO_BLESS=1 cargo test --test it. -->\n\n\
        What topo has to say about its input, by the name in brackets: `error[unknown-key]`. An error ends the run before \
        anything\nis done; a warning does not. `topo explain unknown-key` shows the entry of that name in the terminal.\n\n\
        | Name | Meaning |\n|---|---|\n"
        .to_owned();
    for code in Code::ALL {
        let meaning = code.meaning().replace('|', "\\|");
        writeln!(page, "| [`{code}`](#{code}) | {meaning} |").unwrap();
    }
    for code in Code::ALL {
        let example = code.example();
        write!(page, "\n## {code}\n\n{}\n", code.meaning()).unwrap();
        if example.files.is_empty() {
            page.push_str("\nIn an empty directory:\n");
        }
        files(&mut page, &example.files);
        let said = printed(&run(example.command, &example.files).await);
        write!(page, "\n```console\n$ topo {}\n{said}```\n\nMended:\n", example.command).unwrap();
        files(&mut page, &example.mended);
    }
    check("docs/diagnostics.md", &page);
}

/// Writes the files of an example.
pub(crate) fn files(page: &mut String, files: &[File<'_>]) {
    for file in files {
        let is_yaml = std::path::Path::new(file.name).extension().is_some_and(|kind| kind == "yaml");
        let language = if is_yaml { "yaml" } else { "sh" };
        let comment = if file.name == "compose.yaml" { String::new() } else { format!("# {}\n", file.name) };
        write!(page, "\n```{language}\n{comment}{}```\n", file.text).unwrap();
    }
}
