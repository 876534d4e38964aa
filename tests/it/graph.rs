//! `topo graph`: what each format says, and that pictures can be read whatever the project is.

#![expect(clippy::disallowed_methods, reason = "tests may read")]

mod picture;

use serde_json::Value;
use topo::load::{MemWorld, Request, load};
use topo::project::{Project, Selection, resolve};
use topo::topology::Topology;
use topo::topology::render::{Filter, Graph, Kind, Port, dot, html, json, mermaid, svg, tree};

use crate::cli::{project, run};
use crate::examples::{Files, compose_files};
use crate::generated::{check, read};

fn loaded(text: &str) -> (Project, Topology) {
    let mut world = MemWorld::project([("compose.yaml", text)]);
    world.vars.insert("PASSWORD".to_owned(), "x".to_owned());
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let topology = Topology::build(&project, &mut loaded.diagnostics);
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
    (project, topology)
}

fn graph_of(text: &str, filter: &Filter) -> Graph {
    let (project, topology) = loaded(text);
    Graph::of(&project, &topology, filter)
}

fn demo(filter: &Filter) -> Graph {
    graph_of(&read("tests/cases/graph/compose.yaml"), filter)
}

#[test]
fn each_format_has_all_of_the_project() {
    let graph = demo(&Filter::default());
    insta::assert_snapshot!("tree", tree::tree(&graph, &|_, text| text.to_owned()));
    insta::assert_snapshot!("dot", dot::dot(&graph));
    insta::assert_snapshot!("mermaid", mermaid::mermaid(&graph));
    insta::assert_snapshot!("json", format!("{:#}", json::json(&graph)));
}

#[test]
fn filters_leave_what_was_asked_for() {
    let names =
        |graph: &Graph| -> Vec<String> { graph.services.iter().map(|one| one.name.clone()).collect() };
    let services = Filter { services: vec!["db".to_owned()], ..Filter::default() };
    let near = demo(&services);
    assert_eq!(names(&near), ["api", "db", "migrate"]);
    // What the neighbours are bound to beside it is not shown.
    assert!(near.dependencies.iter().all(|edge| edge.to == "db"), "{:?}", near.dependencies);
    assert!(near.uses.iter().all(|one| one.service == "db"), "{:?}", near.uses);

    let networks = Filter { networks: vec!["front".to_owned()], ..Filter::default() };
    let front = demo(&networks);
    assert_eq!(names(&front), ["api", "cache", "web"]);
    assert_eq!(front.networks.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["front"]);
    assert_eq!(front.dependencies.len(), 2);

    let kinds = Filter { kinds: vec![Kind::Secrets, Kind::Ports], ..Filter::default() };
    let some = demo(&kinds);
    assert_eq!((some.networks.len(), some.dependencies.len(), some.stores.len()), (0, 0, 1));
    assert_eq!(some.uses.len(), 3);
    assert!(some.services.iter().any(|service| service.ports.len() == 4));
}

#[test]
fn ports_in_a_row_are_drawn_as_one() {
    let graph = graph_of(
        "services: {a: {image: i, ports: ['8000-8050:9000-9050', '9051', '70-79:80', '53:53/udp', '54:54']}}",
        &Filter::default(),
    );
    let texts: Vec<String> = graph.services[0].ports.iter().map(Port::text).collect();
    assert_eq!(texts, ["8000-8050 → 9000-9050", "any → 9051", "70-79 → 80", "53 → 53/udp", "54 → 54"]);
    // Programs are given each of them.
    let ports = &json::json(&graph)["services"][0]["ports"];
    assert_eq!(ports.as_array().unwrap().len(), 51 + 4);
    assert_eq!(
        (&ports[50]["hostPorts"], &ports[50]["port"]),
        (&serde_json::json!([8050, 8050]), &serde_json::json!(9050))
    );
}

#[test]
fn the_command_writes_what_the_name_of_the_file_says() {
    let folder = project(&read("tests/cases/graph/compose.yaml"));
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for (name, beginning) in [
        ("out.svg", "<svg "),
        ("out.html", "<!doctype html>"),
        ("out.dot", "digraph "),
        ("out.mmd", "flowchart "),
        ("out.json", "{"),
        ("out.txt", "demo: 9 services"),
        ("deep/out.gv", "digraph "),
    ] {
        let said = run(&["graph", "-o", name], &folder, 0);
        assert_eq!(said.out, "");
        assert!(said.err.contains("9 services, 3 networks (1 internal)"), "{}", said.err);
        assert!(text(name).starts_with(beginning), "{name}");
    }
    assert!(run(&["graph", "-o", "-"], &folder, 0).out.starts_with("demo: 9 services"));
    let out = run(&["graph", "--format", "json", "--edges", "depends_on", "web"], &folder, 0).out;
    let value: Value = serde_json::from_str(&out).unwrap();
    let ends: Vec<_> = value["edges"].as_array().unwrap().iter().map(|edge| &edge["to"]).collect();
    assert_eq!(ends, ["api", "cache"]);
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let folder = project("services:\n  web: {image: i}\n  more: {image: i, profiles: [extra]}\n");
    for (arguments, expected) in [
        (&["graph", "wep"][..], "did you mean `web`?"),
        (&["graph", "more"], "`--profile extra`"),
        (&["graph", "--network", "defualt"], "did you mean `default`?"),
        (&["graph", "-o", "graph.png"], "there is no format for `.png` files"),
    ] {
        let said = run(arguments, &folder, 1).err;
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    run(&["--profile", "extra", "graph", "more"], &folder, 0);
    let cycle = project("services:\n  a: {image: i, depends_on: [b]}\n  b: {image: i, depends_on: [a]}\n");
    assert!(run(&["graph"], &cycle, 1).err.contains("error[dependency-cycle]"));
}

/// Nothing is fetched, and nothing of the project can become markup or script.
#[test]
fn a_page_needs_nothing_else() {
    let page = html::html(&demo(&Filter::default()));
    for outside in ["http://", "https://", "//cdn", "@import", "src=", "href=", "url("] {
        let allowed = ["http://www.w3.org/2000/svg", "url(#topo-"];
        let found = page.match_indices(outside).map(|(at, _)| &page[at..]);
        let found: Vec<&str> = found
            .filter(|rest| !allowed.iter().any(|allowed| rest.starts_with(allowed)))
            .map(|rest| rest.lines().next().unwrap_or(rest))
            .collect();
        assert_eq!(found, [""; 0], "{outside}");
    }
    assert!(page.contains("&lt;image&gt; &amp; more") && !page.contains("<image>"));
}

/// The pictures of `docs/graph.md` show the examples as they are.
#[test]
fn the_pictures_of_the_examples_are_current() {
    let files = compose_files();
    for (name, file) in [
        ("quickstart", "examples/quickstart/compose.yaml"),
        ("course", "examples/course/compose.yaml"),
        ("shop", "examples/kubernetes/shop/compose.yaml"),
    ] {
        assert!(files.iter().any(|one| one == file), "{file}");
        let mut loaded = load(&Files, &Request { files: vec![file.to_owned()], ..Request::default() });
        let project = resolve(&mut loaded, &Selection::default(), &Files);
        let topology = Topology::build(&project, &mut loaded.diagnostics);
        let graph = Graph::of(&project, &topology, &Filter::default());
        check(&format!("docs/pictures/{name}.svg"), &svg::svg(&graph));
        assert!(read("docs/graph.md").contains(&format!("](pictures/{name}.svg)")), "{name}");
    }
}
