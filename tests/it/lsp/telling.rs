//! What is told of a file beside its mistakes: hover, symbols, lenses, hints.

use serde_json::{Value, json};

use super::SHOP;
use super::editor::Editor;
use super::naming::shop;

/// Returns what is shown at the mark.
fn hovered(files: &[(&str, &str)], text: &str) -> String {
    let mut editor = Editor::on(files.iter().copied());
    let at = editor.open("compose.yaml", text);
    let hover = editor.ask("hover", "compose.yaml", &at, &json!({})).unwrap();
    hover["contents"]["value"].as_str().unwrap_or("nothing").to_owned()
}

#[test]
fn hovering_tells_what_an_attribute_is_for() {
    let text = hovered(&[], &SHOP.replace("    restart:", "    rest<>art:"));
    assert!(text.contains("**restart**: What the engine does when the container ends"), "{text}");
    assert!(text.contains("Kubernetes"), "{text}");
    let text = hovered(&[], &SHOP.replace("condition:", "cond<>ition:"));
    assert!(text.contains("When the dependency is satisfied"), "{text}");
    assert_eq!(hovered(&[], "services: {}\n# a<>b\n"), "nothing");
}

#[test]
fn hovering_tells_what_a_word_means_also_below_an_anchor() {
    let text = hovered(&[], &SHOP.replace("service_started", "service_st<>arted"));
    assert!(text.contains("**service_started**: "), "{text}");
    let text = "x-outer: &outer\n  rest<>art: always\nservices:\n  web:\n    <<: *outer\n    image: x\n";
    let text = hovered(&[], text);
    assert!(text.contains("**restart**: What the engine does when the container ends"), "{text}");
    assert!(text.contains("Kubernetes"), "{text}");
}

#[test]
fn hovering_tells_what_a_value_comes_to_and_where_it_comes_from() {
    let text = hovered(&[], &SHOP.replace("DB_IMAGE", "DB_<>IMAGE"));
    assert!(text.contains("comes to `postgres:16`"), "{text}");
    assert!(text.contains("`DB_IMAGE` is set nowhere, so `postgres:16` stands for it"), "{text}");
    let env = [(".env", "# here\nDB_IMAGE=postgres:17\n")];
    let text = hovered(&env, &SHOP.replace("DB_IMAGE", "DB_<>IMAGE"));
    assert_eq!(text.matches("`DB_IMAGE` is `postgres:17`, from .env:2").count(), 1, "{text}");
    let text = hovered(&[], &SHOP.replace("8080:80", "80<>80:80"));
    assert!(text.contains("8080 -> 80/tcp (published)"), "{text}");
    let text = hovered(&[], &SHOP.replace("8080:80", "10<>00-2000:1000-2000"));
    assert!(text.contains("1009 -> 1009/tcp (published)\n\nand 991 more"), "{text}");
    let over = [("compose.override.yaml", "services:\n  web:\n    restart: \"no\"\n")];
    let text = hovered(&over, &SHOP.replace("always", "alw<>ays"));
    assert!(text.contains("`\"no\"` at compose.override.yaml:3 takes its place"), "{text}");
}

#[test]
fn hovering_tells_what_a_name_stands_for_and_who_reaches_it() {
    let text = hovered(&[], &SHOP.replace("      db:", "      d<>b:"));
    assert!(text.contains("service **db**: `postgres:16`"), "{text}");
    assert!(text.contains("reachable from: web"), "{text}");
    assert!(text.contains("`web` reaches it on network back"), "{text}");
    let text = hovered(&[], &SHOP.replace("  front:\n", "  fro<>nt:\n"));
    assert!(text.contains("network **front**: bridge, `project_front` in the engine"), "{text}");
    assert!(text.contains("members: web"), "{text}");
    let text = hovered(&[], &SHOP.replace("- data:", "- da<>ta:"));
    assert!(text.contains("`project_data` in the engine"), "{text}");
}

#[test]
fn symbols_are_the_sections_and_what_is_in_them() {
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", SHOP);
    let symbols = editor.ask("documentSymbol", "compose.yaml", &at, &json!({})).unwrap();
    let names = |symbols: &Value| -> Vec<String> {
        symbols.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&symbols), ["services", "networks", "volumes"]);
    assert_eq!(names(&symbols[0]["children"]), ["web", "db"]);
    assert_eq!(symbols[0]["children"][0]["detail"], "nginx:1.27");
    assert_eq!(names(&symbols[0]["children"][1]["children"]), ["image", "networks", "volumes"]);
    assert_eq!(symbols[0]["range"]["end"]["line"], 14);
}

#[test]
fn symbols_of_a_large_file_are_what_it_defines() {
    let services: String = (0..2_000).map(|at| format!("  s{at}:\n    image: x\n")).collect();
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", &format!("services:\n{services}"));
    let symbols = editor.ask("documentSymbol", "compose.yaml", &at, &json!({})).unwrap();
    assert_eq!(symbols[0]["children"].as_array().unwrap().len(), 2_000);
    assert_eq!(symbols[0]["children"][7]["detail"], "x");
    assert_eq!(symbols[0]["children"][7]["children"], Value::Null);
}

#[test]
fn lenses_count_uses_and_tell_who_reaches_a_service() {
    let (mut editor, at) = shop();
    let lenses = editor.ask("codeLens", "compose.yaml", &at, &json!({})).unwrap();
    let mut titles = Vec::new();
    for lens in lenses.as_array().unwrap() {
        let resolved = editor.request("codeLens/resolve", lens.clone()).unwrap();
        titles.push(format!(
            "{}: {}",
            lens["data"]["name"].as_str().unwrap(),
            resolved["command"]["title"].as_str().unwrap()
        ));
    }
    assert_eq!(
        titles,
        [
            "web: 0 references",
            "web: reachable from db, worker, world",
            "db: 2 references",
            "db: reachable from web, worker",
            "front: 1 reference",
            "back: 3 references",
            "data: 1 reference",
        ]
    );
}

#[test]
fn hints_say_what_is_left_unsaid() {
    let text = SHOP.replace("postgres:16", "postgres").replace("\"8080:80\"", "\"80\"");
    assert_eq!(
        hints(&[], &text),
        [
            "0: project project",
            "9: /tcp on a free port of the host",
            "10: restart no",
            "16: project_front",
            "17: project_back",
            "19: project_data"
        ]
    );
}

/// Returns the hints of a whole file, with their lines.
fn hints(files: &[(&str, &str)], text: &str) -> Vec<String> {
    let mut editor = Editor::on(files.iter().copied());
    let at = editor.open("compose.yaml", text);
    let range =
        json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } } });
    let hints = editor.ask("inlayHint", "compose.yaml", &at, &range).unwrap();
    let hint = |one: &Value| format!("{}: {}", one["position"]["line"], one["label"].as_str().unwrap());
    hints.as_array().unwrap().iter().map(hint).collect()
}

#[test]
fn hints_say_what_counts_unless_another_file_says_otherwise() {
    let text = "name: x
services:
  web:
    build:
      context: .
    healthcheck:
      test: [CMD, true]
      timeout: 1s
    ports:
      - target: 80
      - target: 81
        published: 81
";
    let free = "9: /tcp on a free port of the host";
    assert_eq!(
        hints(&[], text),
        ["2: restart no", "3: Dockerfile", "5: interval 30s, retries 3", free, "10: /tcp"]
    );
    let over = "services:\n  web:\n    restart: always\n    healthcheck: {interval: 1s, retries: 1}\n    build: {dockerfile: D}\n";
    assert_eq!(hints(&[("compose.override.yaml", over)], text), [free, "10: /tcp"]);
}

#[test]
fn what_was_known_is_told_while_a_file_is_no_yaml() {
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", &SHOP.replace("      db:", "      d<>b:"));
    editor.settle();
    let end = editor.text("compose.yaml").len();
    editor.change("compose.yaml", end..end, "  more: [\n\"\n");
    let hover = editor.ask("hover", "compose.yaml", &at, &json!({})).unwrap();
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.contains("`web` reaches it on network back"), "{text}");
    let symbols = editor.ask("documentSymbol", "compose.yaml", &at, &json!({})).unwrap();
    assert_eq!(symbols[0]["children"][1]["name"], "db");
    assert_eq!(editor.said("compose.yaml").len(), 1);
}
