//! What holds of loading, for every project: how files are merged and variables are replaced, and that what `config`
//! prints is read as itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use topo::diagnostic::{Diagnostic, Diagnostics, one_line};
use topo::load::interpolate::{Used, substitute};
use topo::load::merge::{expand, merge};
use topo::load::{MemWorld, OsWorld, Request, World as _, load};
use topo::model::Compose;
use topo::model::attribute::Attribute as _;
use topo::project::printed::InYaml;
use topo::project::{Project, Selection, resolve};
use topo::source::SourceMap;
use topo::yaml::{Node, Room, parse};

use crate::config::world_of;
use crate::corpus::corpus;
use crate::generate;
use crate::odd::is_odd;

fn project_of(world: &MemWorld, request: &Request, profiles: &[String]) -> Result<Project, Vec<String>> {
    let mut loaded = load(world, request);
    let selection = Selection { profiles: profiles.to_vec(), ..Selection::default() };
    let project = resolve(&mut loaded, &selection, world);
    let found = loaded.diagnostics.sorted();
    let said: Vec<String> = found.iter().map(|one| one_line(one, &loaded.sources)).collect();
    // Whatever is wrong, it is shown where it is, with a way to mend it.
    let is_told = |one: &&Diagnostic| one.help.is_some() && !one.labels.is_empty();
    assert!(found.iter().all(is_told), "{found:#?}");
    if loaded.diagnostics.has_errors() { Err(said) } else { Ok(project) }
}

/// What `config` prints.
fn printed(project: &Project) -> String {
    topo::yaml::to_string(&InYaml(project)).unwrap().replace('$', "$$")
}

/// Returns what is wrong with reading again what `config` prints.
fn is_read_as_itself(project: &Project) -> Result<(), String> {
    if is_odd(project) {
        return Ok(());
    }
    let text = printed(project);
    let world = MemWorld::project([("compose.yaml", text.as_str())]);
    let again = project_of(&world, &Request::default(), &["*".to_owned()])
        .map_err(|said| format!("{said:#?}\n{text}"))?;
    let again = printed(&again);
    if again == text { Ok(()) } else { Err(format!("first:\n{text}\nthen:\n{again}")) }
}

fn world(files: &[generate::File]) -> MemWorld {
    let mut world = MemWorld::project(files.iter().map(|(name, text)| (*name, text.as_str())));
    world.vars.insert("V".to_owned(), "1".to_owned());
    world
}

/// Bytes for a project. Half of them are zero: the simplest choice.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![any::<u8>(), Just(0)], 0..400)
}

/// A tree in its long form, without merge tags: these speak of the file before, so they are not associative.
fn long_form(text: &str) -> Node {
    let mut sources = SourceMap::default();
    let text = text.replace("!reset", "").replace("!override", "");
    sources.add("f".into(), "/f".into(), "/".into(), text).unwrap();
    let mut diagnostics = Diagnostics::default();
    let mut documents = parse(&sources.files()[0], &mut Room::default(), &mut diagnostics);
    let tree = documents.pop().unwrap_or_else(|| Node::map([], topo::source::Span::default()));
    expand(tree, Compose::SHAPE, &mut Diagnostics::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_config_prints_of_any_project_is_read_as_itself(bytes in bytes()) {
        let world = world(&generate::project(&bytes));
        if let Ok(project) = project_of(&world, &Request::default(), &[]) {
            is_read_as_itself(&project).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn an_override_without_content_changes_nothing(bytes in bytes()) {
        let mut files = generate::project(&bytes);
        files.retain(|(name, _)| *name != "compose.override.yaml");
        let plain = project_of(&world(&files), &Request::default(), &[]);
        for empty in ["{}\n", "services: {}\n", "services: {web: {}}\n", "networks: {}\n"] {
            files.push(("compose.override.yaml", empty.to_owned()));
            let merged = project_of(&world(&files), &Request::default(), &[]);
            files.pop();
            match (&plain, &merged) {
                (Ok(plain), Ok(merged)) => {
                    prop_assert_eq!(serde_json::to_value(plain).unwrap(), serde_json::to_value(merged).unwrap());
                }
                (Err(_), Err(_)) => {}
                (plain, merged) => {
                    let said = |one: &Result<Project, Vec<String>>| one.as_ref().err().cloned();
                    prop_assert!(false, "{:#?} {:#?}", said(plain), said(merged));
                }
            }
        }
    }

    #[test]
    fn a_key_of_a_later_file_wins(
        bytes in bytes(),
        key in prop::sample::select(vec!["image", "hostname", "working_dir", "user", "container_name", "restart"]),
    ) {
        let mut files = generate::project(&bytes);
        files.retain(|(name, _)| *name != "compose.override.yaml");
        files.push(("compose.override.yaml", format!("services: {{web: {{{key}: always}}}}\n")));
        if let Ok(project) = project_of(&world(&files), &Request::default(), &["*".to_owned()]) {
            let project = serde_json::to_value(&project).unwrap();
            prop_assert_eq!(&project["services"]["web"][key], "always");
        }
    }

    #[test]
    fn files_are_merged_in_any_grouping(one in bytes(), other in bytes(), third in bytes()) {
        let [one, other, third] = [one, other, third].map(|bytes| long_form(&generate::project(&bytes)[0].1));
        let mut found = Diagnostics::default();
        let mut both = |base: &Node, over: &Node| merge(base.clone(), over.clone(), Compose::SHAPE, &mut found);
        let earlier = both(&one, &other);
        let left = both(&earlier, &third);
        let later = both(&other, &third);
        let right = both(&one, &later);
        if !found.has_errors() {
            prop_assert_eq!(left.to_json(), right.to_json());
        }
    }

    #[test]
    fn text_without_a_dollar_sign_stays(text in "[^$]*") {
        prop_assert_eq!(substitute(&text, &|_| None, &mut Used::default()).unwrap(), text);
    }

    #[test]
    fn a_doubled_dollar_sign_is_one(text: String) {
        let escaped = text.replace('$', "$$");
        prop_assert_eq!(substitute(&escaped, &|_| None, &mut Used::default()).unwrap(), text);
    }

    #[test]
    fn what_was_written_is_what_is_read(template in template()) {
        let text: String = template.iter().map(Part::to_string).collect();
        let variables = BTreeMap::from([("SET", "value"), ("EMPTY", ""), ("DOLLAR", "${SET}")]);
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let expected: String = template.iter().map(|part| part.value(&lookup)).collect();
        let mut used = Used::default();
        prop_assert_eq!(substitute(&text, &lookup, &mut used).unwrap(), expected);
        // Each variable is told where it stands.
        for mention in used.mentions {
            prop_assert_eq!(&text[mention.range], mention.name);
        }
    }
}

/// A piece of a template.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Escape,
    Plain(String),
    Braced(String),
    /// The name, the operator, and the word after it.
    Operator(String, &'static str, Vec<Part>),
}

fn template() -> impl Strategy<Value = Vec<Part>> {
    let name = || prop::sample::select(vec!["SET", "EMPTY", "DOLLAR", "UNSET"]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        // After a name this is no part of it.
        "[ ./:a-z-][ ./:a-z0-9-]{0,6}".prop_map(|text| Part::Text(format!("/{text}"))),
        Just(Part::Escape),
        name().prop_map(Part::Braced),
        name().prop_map(Part::Plain),
    ];
    let part = leaf.prop_recursive(4, 24, 4, move |inner| {
        (name(), prop::sample::select(vec![":-", "-", ":+", "+"]), vec(inner, 0..4))
            .prop_map(|(name, operator, word)| Part::Operator(name, operator, word))
    });
    vec(part, 0..6)
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Escape => formatter.write_str("$$"),
            Self::Plain(name) => write!(formatter, "${name}"),
            Self::Braced(name) => write!(formatter, "${{{name}}}"),
            Self::Operator(name, operator, word) => {
                write!(formatter, "${{{name}{operator}")?;
                word.iter().try_for_each(|part| part.fmt(formatter))?;
                formatter.write_str("}")
            }
        }
    }
}

impl Part {
    /// What the specification says that it stands for.
    fn value(&self, lookup: &dyn Fn(&str) -> Option<String>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Escape => "$".to_owned(),
            Self::Plain(name) | Self::Braced(name) => lookup(name).unwrap_or_default(),
            Self::Operator(name, operator, word) => {
                let word = || word.iter().map(|part| part.value(lookup)).collect::<String>();
                let value = lookup(name).filter(|value| !(operator.starts_with(':') && value.is_empty()));
                match (operator.ends_with('-'), value) {
                    (true, value) => value.unwrap_or_else(word),
                    (false, Some(_)) => word(),
                    (false, None) => String::new(),
                }
            }
        }
    }
}

/// A case of the golden ones, if it asks for nothing but a project.
pub(crate) fn golden(case: &Path) -> Option<(MemWorld, Request, Vec<String>)> {
    let read = OsWorld.read(&case.join("case.json")).unwrap();
    let case_file: serde_json::Value = serde_json::from_slice(&read).unwrap();
    if case_file["status"] != "valid" {
        return None;
    }
    let mut world = world_of(&case.join("in"));
    let below = case_file["cwd"].as_str().unwrap_or(".");
    world.cwd = PathBuf::from(topo::model::attribute::clean(&world.cwd.join(below)));
    for (name, value) in case_file["env"].as_object().unwrap() {
        world.vars.insert(name.clone(), value.as_str()?.to_owned());
    }
    world.vars.insert("HOME".to_owned(), "/home/user".to_owned());
    let (mut request, mut profiles) = (Request::default(), Vec::new());
    let mut arguments = case_file["args"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str);
    while let Some(argument) = arguments.next() {
        let value = arguments.next()?.to_owned();
        match argument {
            "-f" => request.files.push(value),
            "--env-file" => request.env_files.push(value),
            "--profile" => profiles.push(value),
            "--project-directory" => request.project_directory = Some(value),
            "-p" => request.project_name = Some(value),
            _ => return None,
        }
    }
    Some((world, request, profiles))
}

/// Returns the folders of the golden cases that have files to read.
pub(crate) fn golden_cases(corpus: &Path) -> Vec<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let mut cases: Vec<PathBuf> = folders(corpus).iter().flat_map(|source| folders(source)).collect();
    cases.retain(|case| case.join("case.json").is_file() && case.join("in").is_dir());
    cases.sort();
    cases
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn what_config_prints_of_the_golden_cases_is_read_as_itself() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return;
    };
    let (mut read, mut wrong) = (0, Vec::new());
    for case in &golden_cases(&corpus) {
        let Some((world, request, profiles)) = golden(case) else { continue };
        let Ok(project) = project_of(&world, &request, &profiles) else { continue };
        read += 1;
        wrong.extend(is_read_as_itself(&project).err().map(|why| format!("{}: {why}", case.display())));
    }
    assert!(read > 1000, "only {read} of the golden cases were read");
    assert!(wrong.is_empty(), "{} of {read}:\n{}", wrong.len(), wrong.join("\n\n"));
}
