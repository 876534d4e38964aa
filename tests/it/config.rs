//! Whole projects and what `config` makes of them: each folder of `tests/cases/config` is one.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use topo::diagnostic::{Severity, one_line};
use topo::load::{MemWorld, OsWorld, Request, World, load};
use topo::project::{Project, Selection, resolve};

/// Reads a folder of cases into a world whose working directory is `/project`.
pub(crate) fn world_of(case: &Path) -> MemWorld {
    let mut world = MemWorld::project([]);
    let mut folders = vec![case.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of cases") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(case).expect("inside").to_path_buf();
            world.files.insert(world.cwd.join(name), OsWorld.read(&path).expect("readable"));
        }
    }
    world
}

/// Returns the folders of an area, sorted.
pub(crate) fn cases(area: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(area);
    let entries = std::fs::read_dir(root).expect("a folder of cases");
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.expect("readable").path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn project_of(world: &MemWorld) -> Result<Project, Vec<String>> {
    let mut loaded = load(world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), world);
    let said: Vec<String> =
        loaded.diagnostics.sorted().iter().map(|one| one_line(one, &loaded.sources)).collect();
    if loaded.diagnostics.has_errors() { Err(said) } else { Ok(project) }
}

fn json_of(project: &Project) -> String {
    serde_json::to_string_pretty(project).expect("the model can be written")
}

#[test]
fn projects_are_printed_as_expected() {
    for case in cases("config") {
        let project =
            project_of(&world_of(&case)).unwrap_or_else(|said| panic!("{}: {said:#?}", case.display()));
        insta::with_settings!({ snapshot_path => &case, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("expected", json_of(&project));
        });
    }
}

/// Writes what `config` prints, a dollar sign doubled, into a world of its own.
fn printed(project: &Project) -> MemWorld {
    let text = topo::yaml::to_string(project).expect("the model can be written").replace('$', "$$");
    MemWorld::project([("compose.yaml", text.as_str())])
}

#[test]
fn what_config_prints_is_read_as_itself() {
    for case in cases("config") {
        let project = project_of(&world_of(&case)).expect("valid");
        let again =
            project_of(&printed(&project)).unwrap_or_else(|said| panic!("{}: {said:#?}", case.display()));
        assert_eq!(json_of(&again), json_of(&project), "{}", case.display());
    }
}

#[test]
fn merging_with_an_empty_file_changes_nothing() {
    for case in cases("config") {
        let mut world = world_of(&case);
        let project = project_of(&world).expect("valid");
        let overriding = world.cwd.join("compose.override.yaml");
        if world.files.contains_key(&overriding) {
            continue;
        }
        world.files.insert(overriding, b"services: {}\n".to_vec());
        assert_eq!(json_of(&project_of(&world).expect("valid")), json_of(&project), "{}", case.display());
    }
}

/// A thousand services that each extend the one before: the chain is not walked anew for each.
#[test]
fn long_chains_of_extends_are_read_at_once() {
    let mut text = String::from("services:\n  s0: {image: alpine}\n");
    for at in 1..1000 {
        text.push_str(&format!("  s{at}: {{extends: s{}, labels: {{l{}: x}}}}\n", at - 1, at % 5));
    }
    let project = project_of(&MemWorld::project([("compose.yaml", text.as_str())])).expect("valid");
    assert_eq!(project.services["s999"].image.as_deref(), Some("alpine"));
    assert_eq!(project.services["s999"].labels.0.len(), 5);
}

/// Each file includes the next one twice: 2^30 paths lead to the last.
#[test]
fn includes_that_multiply_are_read_once() {
    let mut world = MemWorld::project([("compose.yaml", "include: [f0.yaml]\nservices: {a: {image: x}}\n")]);
    for at in 0..30 {
        let text = format!("include: [f{0}.yaml, f{0}.yaml]\nvolumes: {{v{at}: }}\n", at + 1);
        world.files.insert(world.cwd.join(format!("f{at}.yaml")), text.into_bytes());
    }
    world.files.insert(world.cwd.join("f30.yaml"), b"services: {last: {image: x}}\n".to_vec());
    assert!(project_of(&world).expect("valid").services.contains_key("last"));
}

/// YAML of about the shape of a compose file, much of it wrong.
fn structured() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("!reset null".to_owned()),
        Just("!override []".to_owned()),
        Just("web".to_owned()),
        Just("service:web".to_owned()),
        "[a-z0-9:/.$%=-]{0,8}".prop_map(|text| format!("'{text}'")),
        any::<i32>().prop_map(|number| number.to_string()),
    ];
    let keys = [
        "services",
        "web",
        "db",
        "image",
        "build",
        "ports",
        "volumes",
        "environment",
        "extends",
        "include",
        "path",
        "networks",
        "default",
        "depends_on",
        "deploy",
        "resources",
        "limits",
        "healthcheck",
        "test",
        "target",
        "source",
        "type",
        "configs",
        "secrets",
        "file",
        "external",
        "name",
        "x-any",
        "extra_hosts",
        "env_file",
        "labels",
        "command",
        "ulimits",
        "devices",
        "models",
        "develop",
        "watch",
        "logging",
        "service",
        "<<",
    ];
    let value = scalar.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((prop::sample::select(keys.to_vec()), inner), 0..6).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    });
    (value.clone(), value.clone(), value).prop_map(|(one, other, top)| {
        format!("services: {{web: {one}, db: {other}}}\nvolumes: {top}\nnetworks: {top}\n")
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let mut world = MemWorld::project([]);
        world.files.insert("/project/compose.yaml".into(), bytes);
        let _ = project_of(&world);
    }

    #[test]
    fn any_text_in_values_is_replaced_without_a_panic(text in "[${}:?+\\-A-Z a-z']{0,40}") {
        let mut used = topo::load::interpolate::Used::default();
        let lookup = |name: &str| (name.len() == 1).then(|| name.to_owned());
        let _ = topo::load::interpolate::substitute(&text, &lookup, &mut used);
        let _ = topo::load::dotenv::parse(&text, &lookup);
    }

    #[test]
    fn any_structure_is_read_without_a_panic_and_with_a_word(text in structured(), over in structured()) {
        let world = MemWorld::project([("compose.yaml", text.as_str()), ("compose.override.yaml", over.as_str())]);
        match project_of(&world) {
            Err(said) => prop_assert!(said.iter().any(|line| line.contains("error["))),
            // What was accepted is read as itself when it is printed.
            Ok(project) => {
                let again = project_of(&printed(&project));
                prop_assert!(again.is_ok(), "{again:?}\n{}", json_of(&project));
                prop_assert_eq!(json_of(&again.expect("just asked")), json_of(&project));
            }
        }
    }
}

/// Places in the diagnostics are places in the files, whatever went wrong.
#[test]
fn mistakes_in_an_included_file_are_shown_there() {
    let world = MemWorld::project([
        ("compose.yaml", "include: [sub/a.yaml]\nservices: {x: {image: x}}\n"),
        ("sub/a.yaml", "services:\n  a: {image: [1]}\n"),
    ]);
    let mut loaded = load(&world, &Request::default());
    resolve(&mut loaded, &Selection::default(), &world);
    let errors: Vec<String> = loaded
        .diagnostics
        .sorted()
        .into_iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| one_line(one, &loaded.sources))
        .collect();
    assert_eq!(errors, ["sub/a.yaml:2:14: error[wrong-type]: `services.a.image` takes a string"]);
}

#[test]
fn steps_before_the_start_have_the_image_of_their_service_and_merge_like_hooks() {
    let base = "services: {web: {image: app, pre_start: [{command: one two}]}}";
    let over = "services: {web: {pre_start: [{image: other, per_replica: 'true', environment: [A=1]}]}}";
    let world = MemWorld::project([("compose.yaml", base), ("compose.override.yaml", over)]);
    let project = project_of(&world).expect("no mistakes");
    let steps = serde_json::to_value(&project.services["web"].pre_start).unwrap();
    let expected = serde_json::json!([
        { "command": ["one", "two"], "image": "app" },
        { "command": null, "image": "other", "environment": { "A": "1" }, "per_replica": true },
    ]);
    assert_eq!(steps, expected);
}

#[test]
fn whole_numbers_may_have_a_point_and_an_exponent() {
    let text = "services: {web: {image: app, cpu_shares: 2.0, mem_limit: 1e9, scale: 2.0}}";
    let project = project_of(&MemWorld::project([("compose.yaml", text)])).expect("no mistakes");
    let web = &project.services["web"];
    assert_eq!((web.cpu_shares, web.mem_limit.0, web.scale), (2, 1_000_000_000, Some(2)));
    let text = text.replace("2.0", "2.5");
    let said = project_of(&MemWorld::project([("compose.yaml", text.as_str())])).expect_err("fractions");
    assert_eq!(said.len(), 2, "{said:?}");
}

/// Loads these files, and returns what is said of them.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    project_of(&MemWorld::project(files.iter().copied())).err().unwrap_or_default()
}

#[test]
fn an_override_takes_no_mistake_away() {
    let base = "services:\n  a: {image: x, init: maybe, hostname: , restart: !reset always}\n";
    let over = "services:\n  a: {init: true, hostname: web}\n  b: {}\n";
    assert_eq!(
        said(&[("compose.yaml", base), ("compose.override.yaml", over)]),
        [
            "compose.yaml:2:23: error[invalid-value]: `services.a.init` has a value that means nothing",
            "compose.yaml:2:38: error[wrong-type]: `services.a.hostname` takes a string",
            "compose.override.yaml:3:6: error[missing-key]: `services.b` has neither `image` nor `build`",
        ]
    );
}

#[test]
fn what_a_base_lacks_its_override_may_bring() {
    let base = "services:\n  a: {network_mode: host}\n";
    let over = "services:\n  a: {image: x, network_mode: !reset null, networks: [n]}\nnetworks: {n: {}}\n";
    assert_eq!(said(&[("compose.yaml", base), ("compose.override.yaml", over)]), Vec::<String>::new());
}

#[test]
fn values_are_held_to_what_docker_compose_takes() {
    for (attribute, message) in [
        ("cpu_percent: 50.5", "`services.a.cpu_percent` takes a whole number from 0 to 100"),
        ("cpu_percent: 101", "`services.a.cpu_percent` has a value that means nothing"),
        ("cpu_count: -1", "`services.a.cpu_count` takes a whole number, 0 or more"),
        ("tty: '1'", "`services.a.tty` has a value that means nothing"),
        ("cpu_shares: ' 5'", "`services.a.cpu_shares` has a value that means nothing"),
        ("mem_limit: '5m '", "`services.a.mem_limit` has a value that means nothing"),
        ("uts: 'service:b'", "service `a` depends on unknown service `b`"),
        ("device_cgroup_rules: [a, a]", "`a` is listed twice"),
        ("extra_hosts: ['=10.0.0.5']", "`services.a.extra_hosts` has a value that means nothing"),
    ] {
        let text = format!("services:\n  a:\n    image: x\n    {attribute}\n");
        let said = said(&[("compose.yaml", &text)]);
        assert!(said.len() == 1 && said[0].ends_with(message), "{attribute}: {said:?}");
    }
}

#[test]
fn a_host_without_an_address_is_read_in_each_form() {
    for form in ["{db: ''}", "['db=']", "{db: ['']}"] {
        let text = format!("services: {{a: {{image: x, extra_hosts: {form}}}}}");
        let project = project_of(&MemWorld::project([("compose.yaml", text.as_str())])).expect("valid");
        let hosts: Vec<_> = project.services["a"].extra_hosts.pairs().collect();
        assert_eq!(hosts, [("db", "")], "{form}");
    }
}

#[test]
fn an_empty_restart_policy_is_none() {
    let text = "services: {a: {image: x, restart: \"${UNSET:-}\"}}";
    let project = project_of(&MemWorld::project([("compose.yaml", text)])).expect("valid");
    assert_eq!(project.services["a"].restart, None);
}
