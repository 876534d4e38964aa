//! The JSON schema on the golden cases, where they are present: it takes what is valid, catches most of what a schema
//! can catch, and differs from the official schema only in what `docs/editors.md` says.

#![expect(
    clippy::print_stderr,
    reason = "figures are for people to read, and a test that is skipped says so"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::Value;
use topo::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use topo::load::{MemWorld, OsWorld, Request, World as _, load};
use topo::source::SourceMap;
use topo::yaml::{Room, parse};

use crate::corpus::{corpus, differs};
use crate::generated::{check_part, read};
use crate::schema::validator;

/// A golden case that is one file.
struct Case {
    name: String,
    is_valid: bool,
    text: String,
    /// What JSON can say of it: `None` where it is no YAML, several documents, or has keys that are no text.
    json: Option<Value>,
}

/// Returns the cases that name one file, or `None` where there are no cases.
fn cases() -> Option<Vec<Case>> {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return None;
    };
    let index = String::from_utf8(OsWorld.read(&corpus.join("index.tsv")).unwrap()).unwrap();
    let cases = index.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let folder = corpus.join(columns[1]).join(columns[0]);
        let about: Value = serde_json::from_slice(&OsWorld.read(&folder.join("case.json")).unwrap()).unwrap();
        let arguments: Vec<&str> = about["args"].as_array()?.iter().filter_map(Value::as_str).collect();
        let files: Vec<&str> =
            arguments.windows(2).filter(|pair| pair[0] == "-f").map(|pair| pair[1]).collect();
        let [file] = files[..] else { return None };
        let file = folder.join("in").join(about["cwd"].as_str()?).join(file);
        let text = String::from_utf8(OsWorld.read(&file).ok()?).ok()?;
        let (name, is_valid) = (columns[0].to_owned(), columns[2] == "valid");
        Some(Case { name, is_valid, json: json(&text), text })
    });
    Some(cases.collect())
}

fn json(text: &str) -> Option<Value> {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let file = sources.add("compose.yaml".to_owned(), PathBuf::new(), PathBuf::new(), text.to_owned())?;
    let documents = parse(file, &mut Room::default(), &mut diagnostics);
    match &documents[..] {
        [only] if !diagnostics.has_errors() => Some(only.to_json()),
        _ => None,
    }
}

#[test]
fn it_takes_every_valid_file() {
    let Some(cases) = cases() else { return };
    let validator = validator();
    let valid = cases.iter().filter(|case| case.is_valid);
    let (mut taken, mut differing, mut refused) = (0, Vec::new(), Vec::new());
    for (case, json) in valid.filter_map(|case| Some((case, case.json.as_ref()?))) {
        match validator.iter_errors(json).next() {
            None => taken += 1,
            // What docker compose takes and topo refuses, by choice.
            Some(_) if differs(&case.name) && mistake(&case.text).is_some() => differing.push(&*case.name),
            Some(error) => refused.push(format!("{}: {}: {error}", case.name, error.instance_path())),
        }
    }
    eprintln!("the schema takes {taken} valid files, refuses {}, and by choice {differing:?}", refused.len());
    assert!(taken > 1000, "only {taken} files were tried");
    assert!(refused.is_empty(), "{}\n{}", refused.len(), refused.join("\n"));
}

/// Whether a schema can tell a mistake: it is about a value at its place, and no other file can mend it. What a service,
/// a secret or a config itself lacks may stand in a file that is merged.
fn is_for_a_schema(mistake: &Diagnostic) -> bool {
    let place = mistake.message.split('`').nth(1).unwrap_or_default();
    match mistake.code {
        Code::WrongType | Code::UnknownKey | Code::InvalidValue | Code::Conflict => true,
        Code::MissingKey => place.matches('.').count() > 1,
        _ => false,
    }
}

/// Returns what the loader finds wrong with a file that a schema can tell, without other files or variables.
fn mistake(text: &str) -> Option<String> {
    let world = MemWorld::project([("compose.yaml", text)]);
    let loaded = load(&world, &Request::default());
    let mut errors = loaded.diagnostics.sorted().into_iter().filter(|one| one.severity == Severity::Error);
    errors.find(|one| is_for_a_schema(one)).map(|one| one.message.clone())
}

#[test]
fn it_catches_most_of_what_a_schema_can_catch() {
    let Some(cases) = cases() else { return };
    let validator = validator();
    let (mut caught, mut missed) = (0, Vec::new());
    for case in cases.iter().filter(|case| !case.is_valid && !case.text.contains('$')) {
        let Some(json) = &case.json else { continue };
        let Some(mistake) = mistake(&case.text) else { continue };
        if validator.is_valid(json) {
            missed.push(format!("{}: {mistake}", case.name));
        } else {
            caught += 1;
        }
    }
    let all = caught + missed.len();
    eprintln!("the schema catches {caught} of the {all} rejected files that a schema can catch; it misses:");
    eprintln!("{}", missed.join("\n"));
    assert!(all > 90, "only {all} files were tried");
    assert!(caught * 100 >= all * 90, "only {caught} of {all}");
}

/// The schema of the Compose Specification, as compose-go 2.9.1 has it: see `tests/cases/schema/README.md`.
fn official() -> Validator {
    let mut schema: Value = serde_json::from_str(&read("tests/cases/schema/compose-spec.json")).unwrap();
    // It names a draft by an address that no validator knows.
    schema.as_object_mut().unwrap().remove("$schema");
    jsonschema::draft7::new(&schema).expect("a valid schema")
}

/// Returns the places of what is wrong, as `services.*.ports`.
fn places(validator: &Validator, json: &Value) -> BTreeSet<String> {
    let place = |path: String| {
        let steps =
            path.split('/').skip(1).enumerate().map(|(depth, step)| if depth == 1 { "*" } else { step });
        let steps: Vec<&str> = steps.filter(|step| step.parse::<u32>().is_err()).collect();
        steps.join(".")
    };
    validator.iter_errors(json).map(|error| place(error.instance_path().to_string())).collect()
}

#[test]
fn it_differs_from_the_official_schema_as_documented() {
    let Some(cases) = cases() else { return };
    let (ours, theirs) = (validator(), official());
    let text = read("docs/editors.md");
    let (_, tables) = text.split_once("\nWhere only topo's takes a file").expect("a table");
    let (only_ours, only_theirs) =
        tables.split_once("\nWhere only the official one takes a file").expect("another");
    let files: BTreeMap<&str, &Value> =
        cases.iter().filter_map(|case| Some((case.text.as_str(), case.json.as_ref()?))).collect();
    let mut counts = [0; 4];
    let mut unexplained = BTreeSet::new();
    for json in files.values() {
        let at = match (ours.is_valid(json), theirs.is_valid(json)) {
            (true, true) => 0,
            (false, false) => 1,
            (true, false) => 2,
            (false, true) => 3,
        };
        counts[at] += 1;
        let (stricter, stricter_name, table) = match at {
            2 => (&theirs, "the official one is stricter", only_ours),
            3 => (&ours, "topo's is stricter", only_theirs),
            _ => continue,
        };
        let row = |place: &String| format!("| `{place}` |");
        let missing = places(stricter, json).into_iter().filter(|place| !table.contains(&row(place)));
        unexplained.extend(missing.map(|place| format!("{place}: {stricter_name}")));
    }
    let [both_take, both_refuse, ours_takes, theirs_takes] = counts;
    let figures = format!(
        "| Both take | Both refuse | Only topo's takes | Only the official one takes |\n|---|---|---|---|\n\
         | {both_take} | {both_refuse} | {ours_takes} | {theirs_takes} |\n"
    );
    eprintln!("{figures}");
    assert!(unexplained.is_empty(), "docs/editors.md lacks {unexplained:#?}");
    check_part("docs/editors.md", "figures", &figures);
}
