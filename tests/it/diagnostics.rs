//! What is said of mistakes: each folder of `tests/cases/diagnostics` is a project with some.

use topo::diagnostic::{Diagnostic, one_line};
use topo::load::{Loaded, MemWorld, Request, load};
use topo::project::{Selection, resolve};
use topo::source::SourceMap;

use crate::config::{cases, world_of};

fn loaded(world: &MemWorld) -> Loaded {
    let mut loaded = load(world, &Request::default());
    resolve(&mut loaded, &Selection::default(), world);
    loaded
}

/// One line for the message, one for each label with what it points at, one for the help.
fn rendered(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let mut text = one_line(diagnostic, sources);
    for label in &diagnostic.labels {
        let place = sources
            .locate(label.span)
            .map_or(String::new(), |at| format!("{}:{}:{}", at.file, at.line, at.column));
        let shown = sources.text(label.span).lines().next().unwrap_or("");
        text.push_str(&format!("\n    {place} `{shown}`: {}", label.text));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\n    help: {help}"));
    }
    text
}

#[test]
fn mistakes_are_explained() {
    for case in cases("diagnostics") {
        let loaded = loaded(&world_of(&case));
        let said: Vec<String> =
            loaded.diagnostics.sorted().into_iter().map(|one| rendered(one, &loaded.sources)).collect();
        insta::with_settings!({ snapshot_path => &case, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("expected", said.join("\n"));
        });
    }
}

/// A thousand mistakes are a thousand diagnostics, at once.
#[test]
fn many_mistakes_are_all_found() {
    let mut text = String::from("services:\n");
    for at in 0..1000 {
        text.push_str(&format!("  s{at}: {{image: x, prots: [], user: 1}}\n"));
    }
    let loaded = loaded(&MemWorld::project([("compose.yaml", text.as_str())]));
    assert_eq!(loaded.diagnostics.count().0, 2000);
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let mut world = MemWorld::project([]);
    world.files.insert("/project/compose.yaml".into(), b"services:\n  a: \xff\n".to_vec());
    let loaded = loaded(&world);
    let said: Vec<String> =
        loaded.diagnostics.sorted().into_iter().map(|one| one_line(one, &loaded.sources)).collect();
    assert_eq!(
        said,
        ["compose.yaml:2:6: error[unreadable-file]: compose.yaml is not UTF-8: line 2 has other bytes"]
    );
}
