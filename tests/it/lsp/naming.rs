//! Names, over all files of a project: where they are defined and used, and other names for the same.

use serde_json::{Value, json};
use topo::load::{OsWorld, World as _};

use super::SHOP;
use super::editor::{Editor, position, uri};
use crate::examples::compose_files;
use crate::generated::repository;

/// Writes places as `file:line:column`, from 0.
fn places(answer: &Value) -> Vec<String> {
    let place = |one: &Value| {
        let file = one["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let start = &one["range"]["start"];
        format!("{file}:{}:{}", start["line"], start["character"])
    };
    answer.as_array().unwrap().iter().map(place).collect()
}

const PART: &str = "services:\n  worker:\n    extends: {file: base.yaml, service: common}\n    depends_on: [db]\n    networks: [back]\n";
const BASE: &str = "services:\n  common:\n    image: x\n  db:\n    extends: common\n";

/// The shop in several files, all of them open.
pub(super) fn shop() -> (Editor, Value) {
    let files = [("part.yaml", PART), ("base.yaml", BASE), (".env", "DB_IMAGE=postgres:17\n")];
    let mut editor = Editor::on(files);
    editor.open("part.yaml", PART);
    editor.open("base.yaml", BASE);
    editor.open(".env", "DB_IMAGE=postgres:17\n");
    let at = editor
        .open("compose.yaml", &format!("include: [part.yaml]\n{}", SHOP.replace("      db:", "      d<>b:")));
    (editor, at)
}

#[test]
fn definitions_and_uses_are_found_in_all_files() {
    let (mut editor, at) = shop();
    assert_eq!(
        places(&editor.ask("definition", "compose.yaml", &at, &json!({})).unwrap()),
        ["compose.yaml:11:2"]
    );
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = editor.ask("references", "compose.yaml", &at, &context).unwrap();
    assert_eq!(places(&found), ["compose.yaml:6:6", "compose.yaml:11:2", "part.yaml:3:17"]);
    let highlights = editor.ask("documentHighlight", "compose.yaml", &at, &json!({})).unwrap();
    assert_eq!(highlights.as_array().unwrap().len(), 2);
    // The file of `extends` has names of its own.
    let find = |text: &str, word: &str| position(text, text.find(word).unwrap() + 1);
    let common = find(PART, "common");
    assert_eq!(
        places(&editor.ask("definition", "part.yaml", &common, &json!({})).unwrap()),
        ["base.yaml:1:2"]
    );
    let base = find(PART, "base.yaml");
    assert_eq!(places(&editor.ask("definition", "part.yaml", &base, &json!({})).unwrap()), ["base.yaml:0:0"]);
    let own = editor.text("compose.yaml").to_owned();
    let variable = find(&own, "DB_IMAGE");
    assert_eq!(
        places(&editor.ask("definition", "compose.yaml", &variable, &json!({})).unwrap()),
        [".env:0:0"]
    );
    let links = editor.ask("documentLink", "part.yaml", &base, &json!({})).unwrap();
    assert_eq!(links[0]["target"], uri("base.yaml"));
}

/// `env_file` sets variables of containers, which the files of the project know nothing of.
#[test]
fn a_variable_leads_to_the_env_file_that_sets_it() {
    let files = [(".env", "TAG=1\n"), ("web.env", "TAG=2\n")];
    let mut editor = Editor::on(files);
    let at = editor.open("compose.yaml", "services:\n  web:\n    image: x:${T<>AG}\n    env_file: web.env\n");
    assert_eq!(places(&editor.ask("definition", "compose.yaml", &at, &json!({})).unwrap()), [".env:0:0"]);
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = editor.ask("references", "compose.yaml", &at, &context).unwrap();
    assert_eq!(places(&found), [".env:0:0", "compose.yaml:2:15"]);
}

#[test]
fn anchors_are_followed() {
    let text = "x-a: &a {image: x}\nservices:\n  web: *a\n  db: {<<: *<>a}\n";
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", text);
    assert_eq!(
        places(&editor.ask("definition", "compose.yaml", &at, &json!({})).unwrap()),
        ["compose.yaml:0:6"]
    );
    let edit = editor.ask("rename", "compose.yaml", &at, &json!({ "newName": "base" })).unwrap();
    assert_eq!(
        editor.apply(&edit)["compose.yaml"],
        "x-a: &base {image: x}\nservices:\n  web: *base\n  db: {<<: *base}\n"
    );
}

#[test]
fn renaming_changes_a_name_wherever_it_is_used() {
    let (mut editor, at) = shop();
    let prepared = editor.ask("prepareRename", "compose.yaml", &at, &json!({})).unwrap();
    assert_eq!(prepared["placeholder"], "db");
    let edit = editor.ask("rename", "compose.yaml", &at, &json!({ "newName": "database" })).unwrap();
    let changed = editor.apply(&edit);
    assert_eq!(changed.keys().collect::<Vec<_>>(), ["compose.yaml", "part.yaml"]);
    assert!(changed["compose.yaml"].contains("\n  database:\n    image:"), "{}", changed["compose.yaml"]);
    assert!(
        changed["compose.yaml"].contains("      database:\n        condition"),
        "{}",
        changed["compose.yaml"]
    );
    assert!(changed["part.yaml"].contains("depends_on: [database]"), "{}", changed["part.yaml"]);
    let common = position(BASE, BASE.find("common").unwrap());
    let edit = editor.ask("rename", "base.yaml", &common, &json!({ "newName": "shared" })).unwrap();
    let changed = editor.apply(&edit);
    assert!(changed["base.yaml"].contains("  shared:\n") && changed["base.yaml"].contains("extends: shared"));
    assert!(changed["part.yaml"].contains("service: shared}"), "{}", changed["part.yaml"]);
}

/// An override for elsewhere is no part of the project of its directory, and names the same things.
#[test]
fn renaming_reaches_files_that_override_by_their_names() {
    let prod = "services:\n  web:\n    depends_on: [db]\n    restart: always\n";
    let alone = "services:\n  db: {image: other}\n";
    let mut editor = Editor::on([("compose.prod.yaml", prod), ("compose.alone.yaml", alone)]);
    let at = editor.open("compose.yaml", &SHOP.replace("\n  db:\n", "\n  d<>b:\n"));
    let edit = editor.ask("rename", "compose.yaml", &at, &json!({ "newName": "store" })).unwrap();
    editor.open("compose.prod.yaml", prod);
    let changed = editor.apply(&edit);
    assert_eq!(changed.keys().collect::<Vec<_>>(), ["compose.prod.yaml", "compose.yaml"]);
    assert!(changed["compose.prod.yaml"].contains("depends_on: [store]"), "{}", changed["compose.prod.yaml"]);
}

#[test]
fn what_is_renamed_loads_as_before() {
    let text = SHOP.replace("  back:\n", "  ba<>ck:\n");
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", &text);
    let edit = editor.ask("rename", "compose.yaml", &at, &json!({ "newName": "inner" })).unwrap();
    let changed = editor.apply(&edit)["compose.yaml"].clone();
    assert_eq!(changed, SHOP.replace("back", "inner"));
    let length = editor.text("compose.yaml").len();
    let before = editor.said("compose.yaml");
    editor.change("compose.yaml", 0..length, &changed);
    assert_eq!(editor.said("compose.yaml"), before);
}

/// Returns the codes of the errors of the file that is open.
fn errors(editor: &mut Editor) -> Vec<Value> {
    let said = editor.published("compose.yaml");
    said.iter().filter(|one| one["severity"] == 1).map(|one| one["code"].clone()).collect()
}

#[test]
fn whatever_the_examples_define_can_be_renamed() {
    let mut renamed = 0;
    for file in compose_files() {
        let text = String::from_utf8(OsWorld.read(&repository(&file)).unwrap()).unwrap();
        let mut editor = Editor::on([]);
        let at = editor.open("compose.yaml", &text);
        let before = errors(&mut editor);
        let symbols = editor.ask("documentSymbol", "compose.yaml", &at, &json!({})).unwrap();
        let sections = ["services", "networks", "volumes", "secrets", "configs"];
        let of_section = symbols
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| sections.iter().any(|section| one["name"] == *section));
        for defined in of_section.filter_map(|section| section["children"].as_array()).flatten() {
            let name = defined["name"].as_str().unwrap();
            let place = &defined["selectionRange"]["start"];
            if name == "default" {
                assert!(editor.ask("rename", "compose.yaml", place, &json!({ "newName": "zz" })).is_err());
                continue;
            }
            let edit = editor.ask("rename", "compose.yaml", place, &json!({ "newName": "zz" })).unwrap();
            let changed = editor.apply(&edit)["compose.yaml"].clone();
            let mut other = Editor::on([]);
            other.open("compose.yaml", &changed);
            assert_eq!(errors(&mut other), before, "{file}: {name}\n{changed}");
            renamed += 1;
        }
    }
    assert!(renamed > 30, "only {renamed} names were renamed");
}

#[test]
fn what_cannot_be_renamed_is_refused_with_a_reason() {
    let (mut editor, at) = shop();
    let mut refused = |at: &Value, new: &str| {
        editor.ask("rename", "compose.yaml", at, &json!({ "newName": new })).unwrap_err()
    };
    assert!(refused(&at, "web").ends_with("`web` is there already"));
    assert!(refused(&at, "a b").contains("`a b` is no name"));
    for word in ["true", "null", "123", "1.5", "0x1f", "2026-01-01", ".inf"] {
        assert!(refused(&at, word).contains("YAML takes it for something else"), "{word}");
    }
    let text = format!("include: [part.yaml]\n{SHOP}");
    let variable = position(&text, text.find("DB_IMAGE").unwrap() + 1);
    assert!(refused(&variable, "X").contains("is a variable"));
}
