//! Where values come from: `config --explain`.

use topo::load::{MemWorld, Origin, Request, load};
use topo::project::explain::{Source, display, explain};
use topo::project::{Selection, resolve};
use topo::source::Span;

/// Explains a path, a line a value: what it is, where it is from, what it took the place of.
fn check(world: &MemWorld, path: &str) -> Vec<String> {
    let mut loaded = load(world, &Request { trace: true, ..Request::default() });
    let project = resolve(&mut loaded, &Selection::default(), world);
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics);
    let place = |span: Span| {
        let place = loaded.sources.locate(span).expect("in a file");
        format!("{}:{}:{}", place.file, place.line, place.column)
    };
    let from = |origin: Origin| match origin {
        Origin::Shell => "shell".to_owned(),
        Origin::Project => "project".to_owned(),
        Origin::EnvFile(span) => place(span),
    };
    let found = match explain(&project, &loaded, world, path) {
        Ok(found) => found,
        Err(unknown) => {
            let reset =
                unknown.reset.map(|reset| format!(" reset {} at {}", place(reset.earlier), place(reset.at)));
            return vec![format!(
                "{} lacks {}: {}{}",
                unknown.known,
                unknown.key,
                unknown.help,
                reset.unwrap_or_default()
            )];
        }
    };
    let one = |one: topo::project::explain::Explanation| {
        let source = match one.source {
            Source::Written { at, variables } => variables.iter().fold(place(at), |text, variable| {
                let value =
                    variable.value.clone().map(|(value, origin)| format!("{value} of {}", from(origin)));
                format!(
                    "{text} {}={}",
                    variable.name,
                    value.unwrap_or_else(|| format!("<{}>", variable.default))
                )
            }),
            Source::File(at) => format!("file {}", place(at)),
            Source::Variable { at, origin } => format!("{} value of {}", place(at), from(origin)),
            Source::Default => "default".to_owned(),
        };
        let overridden =
            one.overridden.iter().map(|span| format!(" over {}", place(*span))).collect::<String>();
        format!("{} {} from {source}{overridden}", display(&one.path), one.value)
    };
    found.into_iter().map(one).collect()
}

fn world() -> MemWorld {
    let mut world = MemWorld::project([
        (
            "compose.yaml",
            "x-base: &base {restart: always}\nservices:\n  web:\n    <<: *base\n    extends: {file: base.yaml, service: common}\n    image: app:${TAG:-1}\n    env_file: [web.env]\n    environment: {HOST: localhost, PASS: , TERM: }\n    labels: {com.example.team: a}\n    ports: [\"80:80\"]\n    command: [a]\n",
        ),
        (
            "compose.override.yaml",
            "services:\n  web:\n    environment: ['HOST=${DB:-db}']\n    ports: !reset []\n    command: [b, \"${COMPOSE_PROJECT_NAME}\"]\n",
        ),
        ("base.yaml", "services:\n  common: {image: base, environment: {LEVEL: '1', HOST: none}}\n"),
        (".env", "# variables\nDB=db.prod\nPASS=\"x\ny\"\n"),
        ("web.env", "A=1\n\nB=2 # two\n"),
    ]);
    world.vars.insert("TERM".to_owned(), "xterm".to_owned());
    world
}

#[test]
fn a_value_is_traced_to_its_file_its_variables_and_what_it_overrides() {
    for (path, expected) in [
        (
            "services.web.environment.HOST",
            "\"db.prod\" from compose.override.yaml:3:19 DB=db.prod of .env:2:1 over compose.yaml:8:25 over base.yaml:2:57",
        ),
        ("services.web.environment.LEVEL", "\"1\" from base.yaml:2:46"),
        ("services.web.environment.PASS", "\"x\\ny\" from compose.yaml:8:36 value of .env:3:1"),
        ("services.web.environment.TERM", "\"xterm\" from compose.yaml:8:44 value of shell"),
        ("services.web.environment.B", "\"2\" from file web.env:3:1"),
        ("services.web.image", "\"app:1\" from compose.yaml:6:12 TAG=<1> over base.yaml:2:19"),
        ("services.web.restart", "\"always\" from compose.yaml:1:25"),
        ("services.web.networks.default", "null from default"),
    ] {
        assert_eq!(check(&world(), path), [format!("{path} {expected}")]);
    }
}

#[test]
fn keys_with_dots_are_found_with_and_without_brackets() {
    for path in [
        "services.web.labels.com.example.team",
        "services.web.labels[com.example.team]",
        "services.web.labels[\"com.example.team\"]",
    ] {
        assert_eq!(
            check(&world(), path),
            ["services.web.labels[com.example.team] \"a\" from compose.yaml:9:32"]
        );
    }
}

#[test]
fn a_path_to_a_part_explains_all_below_it() {
    assert_eq!(
        check(&world(), "services.web.command"),
        [
            "services.web.command[0] \"b\" from compose.override.yaml:5:15 over compose.yaml:11:14",
            "services.web.command[1] \"project\" from compose.override.yaml:5:18 COMPOSE_PROJECT_NAME=project of project over compose.yaml:11:14",
        ]
    );
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    assert_eq!(check(&world(), "services.wep.image"), ["services lacks wep: did you mean `web`?"]);
    assert_eq!(
        check(&world(), "services.web.command[7]"),
        ["services.web.command lacks 7: it has 2 items, the first one is `[0]`"]
    );
    assert_eq!(
        check(&world(), "services.web.ports[0].target"),
        [
            "services.web lacks ports: it has command, entrypoint, environment, image, labels, networks, restart reset compose.yaml:10:12 at compose.override.yaml:4:19"
        ]
    );
}
