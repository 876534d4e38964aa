//! The language server, as an editor talks with it.

mod editor;
mod outline;
mod program;
mod typing;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use topo::load::{MemWorld, Request, World};
use topo::lsp::Settings;

use editor::{Editor, uri};

const SHOP: &str = "\
services:
  web:
    image: nginx:1.27
    restart: always
    depends_on:
      db:
        condition: service_started
    networks: [front, back]
    ports:
      - \"8080:80\"
  db:
    image: ${DB_IMAGE:-postgres:16}
    networks: [back]
    volumes:
      - data:/var/lib/postgresql/data
networks:
  front:
  back:
volumes:
  data:
";

/// Returns the labels of what is offered at the mark.
fn offered(files: &[(&str, &str)], text: &str) -> Vec<String> {
    let (_, labels) = completed(files, text, "");
    labels
}

/// Returns the file with what is offered under a label taken, and all labels.
fn completed(files: &[(&str, &str)], text: &str, label: &str) -> (String, Vec<String>) {
    let mut editor = Editor::on(files.iter().copied());
    let at = editor.open("compose.yaml", text);
    let items = editor.ask("completion", "compose.yaml", &at, &json!({})).unwrap();
    let items = items.as_array().unwrap();
    let labels = items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect();
    let taken = items.iter().find(|item| item["label"] == label).map(|item| {
        let edit = json!({ "changes": { uri("compose.yaml"): [item["textEdit"]] } });
        editor.apply(&edit)["compose.yaml"].clone()
    });
    assert!(editor.quit());
    (taken.unwrap_or_default(), labels)
}

/// Returns what is shown at the mark.
fn hovered(files: &[(&str, &str)], text: &str) -> String {
    let mut editor = Editor::on(files.iter().copied());
    let at = editor.open("compose.yaml", text);
    let hover = editor.ask("hover", "compose.yaml", &at, &json!({})).unwrap();
    hover["contents"]["value"].as_str().unwrap_or("nothing").to_owned()
}

/// Writes places as `file:line:column`, from 0.
fn places(answer: &Value) -> Vec<String> {
    let place = |one: &Value| {
        let file = one["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let start = &one["range"]["start"];
        format!("{file}:{}:{}", start["line"], start["character"])
    };
    answer.as_array().unwrap().iter().map(place).collect()
}

#[test]
fn it_begins_and_ends_as_the_protocol_says() {
    let mut editor = Editor::on([]);
    assert_eq!(editor.greeting["serverInfo"], json!({ "name": "topo", "version": "1.2.3" }));
    assert_eq!(editor.greeting["capabilities"]["positionEncoding"], "utf-16");
    assert!(editor.request("topo/nothing", json!({})).unwrap_err().starts_with("-32601: "));
    assert!(editor.request("textDocument/hover", json!(7)).unwrap_err().starts_with("-32602: "));
    editor.notify("textDocument/didOpen", json!("nonsense"));
    editor.notify("topo/nothing", json!({}));
    let at = json!({ "line": 0, "character": 0 });
    assert_eq!(editor.ask("hover", "not-open.yaml", &at, &json!({})), Ok(Value::Null));
    assert!(editor.quit());
    assert!(!Editor::on([]).exit());
    assert!(!Editor::on([]).hang_up());
}

#[test]
fn after_shutdown_nothing_is_answered_any_more() {
    let mut editor = Editor::on([]);
    editor.request("shutdown", Value::Null).unwrap();
    assert!(editor.request("textDocument/hover", json!({})).unwrap_err().starts_with("-32600: "));
    assert!(editor.exit());
}

#[test]
fn columns_are_counted_in_what_both_sides_know() {
    let offered = json!({ "general": { "positionEncodings": ["utf-16", "utf-8"] } });
    let mut editor = Editor::with(MemWorld::project([]), Settings::default(), &offered);
    assert_eq!(editor.greeting["capabilities"]["positionEncoding"], "utf-8");
    editor.open("compose.yaml", "services:\n  web: {image: 'ä\u{1f433}', imgae: x}\n");
    let said = editor.published("compose.yaml");
    assert_eq!(said[0]["range"]["start"]["character"], "  web: {image: 'ä\u{1f433}', ".len());
}

#[test]
fn mistakes_are_told_in_the_file_they_are_in_and_gone_when_they_are_mended() {
    let override_file = "services:\n  web:\n    imgae: nginx\n";
    let mut editor = Editor::on([("compose.override.yaml", override_file), (".env", "A=1\nB c\n")]);
    editor.open("compose.yaml", SHOP);
    assert_eq!(
        editor.said("compose.override.yaml"),
        ["2: unknown-key: `services.web` has no attribute `imgae`: unknown attribute"]
    );
    assert_eq!(editor.said(".env").len(), 1);
    assert_eq!(editor.said("compose.yaml"), Vec::<String>::new());
    editor.open("compose.override.yaml", override_file);
    let at = override_file.find("imgae").unwrap();
    editor.change("compose.override.yaml", at..at + 5, "image");
    assert_eq!(editor.said("compose.override.yaml"), Vec::<String>::new());
    editor.open(".env", "A=1\n");
    assert_eq!(editor.said(".env"), Vec::<String>::new());
    assert!(editor.quit());
}

#[test]
fn a_mistake_has_its_kind_its_mend_and_the_other_half_of_the_story() {
    let mut editor = Editor::on([]);
    editor.open("compose.yaml", "services:\n  web: {image: x}\n  web: {image: y}\n");
    let said = editor.published("compose.yaml");
    assert_eq!(said.len(), 1);
    assert_eq!(said[0]["code"], "duplicate-key");
    assert_eq!((&said[0]["source"], &said[0]["severity"]), (&json!("topo"), &json!(1)));
    assert!(said[0]["message"].as_str().unwrap().contains("\nhelp: remove one, or join the two"));
    let related = &said[0]["relatedInformation"][0];
    assert_eq!(
        (&related["message"], &related["location"]["range"]["start"]["line"]),
        (&json!("first here"), &json!(1))
    );
}

#[test]
fn rules_of_lint_speak_at_their_levels_and_hold_their_tongue_where_that_is_allowed() {
    let text = "version: '3'\nservices:\n  web:\n    image: nginx:1\n    network_mode: host\n";
    let mut editor = Editor::on([]);
    editor.open("compose.yaml", text);
    let codes = |said: &[String]| {
        said.iter().map(|one| one.split(": ").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let said = editor.said("compose.yaml");
    assert!(codes(&said).contains(&"host-network".to_owned()), "{said:?}");
    assert!(codes(&said).contains(&"obsolete".to_owned()), "{said:?}");
    let at = editor.text("compose.yaml").find("    network_mode").unwrap();
    editor.change("compose.yaml", at..at, "    # topo: allow(host-network) it measures the host\n");
    let said = editor.said("compose.yaml");
    assert!(!codes(&said).contains(&"host-network".to_owned()), "{said:?}");
    editor.change("compose.yaml", 0..0, "x-topo: {lint: {levels: {obsolete: error}}}\n");
    let said = editor.published("compose.yaml");
    assert_eq!(said.iter().find(|one| one["code"] == "obsolete").unwrap()["severity"], 1);
}

#[test]
fn services_of_profiles_are_looked_at_and_may_share_ports() {
    let text = "\
services:
  a: {image: x, profiles: [one], ports: ['80:80']}
  b: {image: x, profiles: [two], ports: ['80:80']}
  c: {image: x, profiles: [two], networks: [none-such]}
";
    let mut editor = Editor::on([]);
    editor.open("compose.yaml", text);
    let said = editor.said("compose.yaml");
    let errors: Vec<&String> = said
        .iter()
        .filter(|one| one.contains("unknown-reference") || one.contains("port-conflict"))
        .collect();
    assert_eq!(
        errors,
        [
            "3: unknown-reference: service `c` joins unknown network `none-such`: network `none-such` is not defined"
        ]
    );
}

#[test]
fn a_file_belongs_to_the_project_that_reads_it() {
    // It is overridden by its directory's, by its name, by `include`, by `.env`.
    let prod = "services:\n  web:\n    restart: alwys\n    ports: ['81:80']\n";
    let files = [("compose.yaml", SHOP), ("sub/part.yaml", "services: {one: {image: x}}\n")];
    let mut editor = Editor::on(files);
    editor.open("compose.prod.yaml", prod);
    let said = editor.said("compose.prod.yaml");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("2: invalid-value"), "{said:?}");
    editor.open("sub/part.yaml", "services: {one: {imag: x}}\n");
    assert!(!editor.said("sub/part.yaml").is_empty());
    editor.open("other.yaml", "apiVersion: v1\nkind: Service\nservices: 7\n");
    assert_eq!(editor.said("other.yaml"), Vec::<String>::new());
    let request = Request { files: vec!["compose.yaml".into(), "odd.yml".into()], ..Request::default() };
    let settings = Settings { request, profiles: Vec::new() };
    let world = MemWorld::project([("compose.yaml", SHOP), ("odd.yml", "services: {web: {restart: no}}\n")]);
    let mut editor = Editor::with(world, settings, &json!({}));
    editor.open("odd.yml", "services: {web: {restart: perhaps}}\n");
    assert_eq!(editor.said("odd.yml").len(), 1);
}

#[test]
fn files_that_change_on_disk_are_looked_at_again() {
    let capabilities = json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    let mut editor = Editor::with(MemWorld::project([]), Settings::default(), &capabilities);
    editor.open("compose.yaml", "services: {web: {image: x}}\n");
    let change = json!({ "uri": uri(".env"), "type": 1 });
    editor.notify("workspace/didChangeWatchedFiles", json!({ "changes": [change] }));
    editor.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri("compose.yaml") } }));
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri("compose.yaml") } }));
    assert_eq!(editor.said("compose.yaml"), Vec::<String>::new());
    assert!(editor.quit());
}

/// A world in which reading one file is a bug.
struct Trap(MemWorld);

impl World for Trap {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        assert!(!path.ends_with("trap.yaml"), "a bug");
        self.0.read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.is_file(path)
    }

    fn files_in(&self, directory: &Path) -> std::io::Result<Vec<PathBuf>> {
        self.0.files_in(directory)
    }

    fn read_stdin(&self) -> std::io::Result<Vec<u8>> {
        self.0.read_stdin()
    }

    fn var(&self, name: &str) -> Option<String> {
        self.0.var(name)
    }

    fn cwd(&self) -> PathBuf {
        self.0.cwd()
    }
}

#[test]
fn a_bug_is_answered_as_an_error_and_ends_nothing() {
    let mut editor = Editor::with(Trap(MemWorld::default()), Settings::default(), &json!({}));
    let at = editor.open("compose.yaml", "include: [trap.yaml]\nservices: {web: {im<>age: 'x:1'}}\n");
    let answer = editor.ask("hover", "compose.yaml", &at, &json!({})).unwrap_err();
    assert_eq!(answer, "-32603: topo failed at `textDocument/hover`: this is a bug");
    editor.change("compose.yaml", 0.."include: [trap.yaml]\n".len(), "");
    let at = json!({ "line": 0, "character": 18 });
    assert_ne!(editor.ask("hover", "compose.yaml", &at, &json!({})), Ok(Value::Null));
    assert_eq!(editor.said("compose.yaml").len(), 0);
    assert!(editor.quit());
}

#[test]
fn attributes_are_offered_with_what_belongs_behind_them() {
    let (text, labels) = completed(&[], "services:\n  web:\n    image: x\n    heal<>\n", "healthcheck");
    assert_eq!(text, "services:\n  web:\n    image: x\n    healthcheck:\n      \n");
    assert!(labels.contains(&"restart".to_owned()) && !labels.contains(&"image".to_owned()), "{labels:?}");
    let (text, _) = completed(&[], "services:\n  web:\n    <>\n", "image");
    assert_eq!(text, "services:\n  web:\n    image: \n");
    let (text, _) = completed(&[], "services:\n  web: {image: x, <>}\n", "ports");
    assert_eq!(text, "services:\n  web: {image: x, ports: }\n");
    let (text, _) =
        completed(&[], "services:\n  web:\n    ports:\n      - target: 80\n        pub<>\n", "published");
    assert_eq!(text, "services:\n  web:\n    ports:\n      - target: 80\n        published: \n");
    let labels = offered(&[], "<>");
    assert!(labels.contains(&"services".to_owned()) && labels.contains(&"include".to_owned()), "{labels:?}");
}

#[test]
fn words_of_an_attribute_are_offered() {
    assert_eq!(
        offered(&[], "services:\n  web:\n    restart: <>\n"),
        ["no", "always", "on-failure", "unless-stopped"]
    );
    let text = "services:\n  web:\n    depends_on:\n      db:\n        condition: serv<>\n";
    assert_eq!(offered(&[], text), ["service_started", "service_healthy", "service_completed_successfully"]);
    assert_eq!(offered(&[], "services:\n  web:\n    tty: <>\n"), ["true", "false"]);
    let (text, _) = completed(&[], "services:\n  web:\n    restart:<>\n", "always");
    assert_eq!(text, "services:\n  web:\n    restart: always\n");
}

#[test]
fn names_of_the_project_are_offered_where_they_belong() {
    let with = |line: &str| {
        format!(
            "{}    {line}\n{}",
            &SHOP[..SHOP.find("    restart").unwrap()],
            &SHOP[SHOP.find("  db:\n").unwrap()..]
        )
    };
    assert_eq!(offered(&[], &with("depends_on: [<>]")), ["db"]);
    assert_eq!(offered(&[], &with("networks: [front, <>]")), ["front", "back", "default"]);
    assert!(offered(&[], &with("network_mode: <>")).contains(&"service:db".to_owned()));
    assert_eq!(offered(&[], &with("links: [\"<>\"]")), ["db"]);
    assert_eq!(offered(&[], &with("volumes:\n      - <>"))[0], "data");
    let (text, labels) = completed(&[], &with("depends_on:\n      <>"), "db");
    assert_eq!(labels, ["db"]);
    assert!(text.contains("depends_on:\n      - db\n"), "{text}");
    assert_eq!(
        offered(&[], "services:\n  web:\n    extends: {file: base.yaml, service: <>}\n"),
        Vec::<String>::new()
    );
    let base = ("base.yaml", "services: {common: {image: x}}\n");
    assert_eq!(
        offered(&[base], "services:\n  web:\n    extends: {file: base.yaml, service: <>}\n"),
        ["common"]
    );
    let text = "services:\n  web: {image: x, profiles: [debug]}\n  db:\n    image: y\n    profiles: [<>]\n";
    assert_eq!(offered(&[], text), ["debug"]);
    let text = "services:\n  web:\n    image: x\n    networks: [front]\nnetworks:\n  <>\n";
    assert_eq!(offered(&[], text), ["front"]);
    let text = "x-base: &base {image: x}\nservices:\n  web:\n    <<: *<>\n";
    assert_eq!(offered(&[], text), ["*base"]);
}

#[test]
fn images_ports_files_and_variables_are_offered() {
    let images = offered(&[], "services:\n  db: {image: 'postgres:16'}\n  web:\n    image: <>\n");
    assert!(
        images.contains(&"postgres:16".to_owned()) && images.contains(&"redis:8".to_owned()),
        "{images:?}"
    );
    let files =
        [("Dockerfile", "FROM scratch\nEXPOSE 8000/tcp 9000\n"), ("web.env", "A=1\n"), ("part.yaml", "")];
    let text = "services:\n  web:\n    build: .\n    expose: [7000]\n    ports:\n      - <>\n";
    let ports = offered(&files, text);
    for port in ["7000", "8000", "9000"] {
        assert!(ports.contains(&format!("\"{port}:{port}\"")), "{ports:?}");
    }
    assert_eq!(offered(&files, "services:\n  web:\n    image: x\n    env_file: <>\n"), ["./web.env"]);
    assert_eq!(offered(&files, "include:\n  - <>\n")[0], "./part.yaml");
    let text = "services:\n  web:\n    image: x:${T<>\n";
    let (text, labels) = completed(&[(".env", "TAG=1\n")], text, "TAG");
    assert!(labels.contains(&"TAG".to_owned()), "{labels:?}");
    assert_eq!(text, "services:\n  web:\n    image: x:${TAG\n");
}

#[test]
fn nothing_is_offered_where_nothing_belongs() {
    assert_eq!(offered(&[], "services:\n  web:\n    # ima<>\n"), Vec::<String>::new());
    assert_eq!(offered(&[], "services:\n  web:\n    command: |\n      ima<>\n"), Vec::<String>::new());
    assert_eq!(offered(&[], "services:\n  <>\n"), Vec::<String>::new());
}

#[test]
fn a_file_that_is_no_yaml_is_completed_all_the_same() {
    let text = "services:\n  web:\n    image: \"x\n    depends_on: [<>\n  db:\n    image: [\n";
    assert_eq!(offered(&[], text), ["db"]);
    let text = "services:\n  web:\n\timage: x\n  db:\n    res<>\n";
    assert!(offered(&[], text).contains(&"restart".to_owned()));
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
fn hovering_tells_what_a_value_comes_to_and_where_it_comes_from() {
    let text = hovered(&[], &SHOP.replace("DB_IMAGE", "DB_<>IMAGE"));
    assert!(text.contains("comes to `postgres:16`"), "{text}");
    assert!(text.contains("`DB_IMAGE` is set nowhere, so `postgres:16` stands for it"), "{text}");
    let env = [(".env", "# here\nDB_IMAGE=postgres:17\n")];
    let text = hovered(&env, &SHOP.replace("DB_IMAGE", "DB_<>IMAGE"));
    assert!(text.contains("`DB_IMAGE` is `postgres:17`, from .env:2"), "{text}");
    let text = hovered(&[], &SHOP.replace("8080:80", "80<>80:80"));
    assert!(text.contains("8080 -> 80/tcp (published)"), "{text}");
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

const PART: &str = "services:\n  worker:\n    extends: {file: base.yaml, service: common}\n    depends_on: [db]\n    networks: [back]\n";
const BASE: &str = "services:\n  common:\n    image: x\n  db:\n    extends: common\n";

/// The shop in several files, all of them open.
fn shop() -> (Editor, Value) {
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
    let find = |text: &str, word: &str| editor::position(text, text.find(word).unwrap() + 1);
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
    let common = editor::position(BASE, BASE.find("common").unwrap());
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

#[test]
fn what_cannot_be_renamed_is_refused_with_a_reason() {
    let (mut editor, at) = shop();
    let mut refused = |at: &Value, new: &str| {
        editor.ask("rename", "compose.yaml", at, &json!({ "newName": new })).unwrap_err()
    };
    assert!(refused(&at, "web").ends_with("`web` is there already"));
    assert!(refused(&at, "a b").contains("`a b` is no name"));
    let text = format!("include: [part.yaml]\n{SHOP}");
    let variable = editor::position(&text, text.find("DB_IMAGE").unwrap() + 1);
    assert!(refused(&variable, "X").contains("is a variable"));
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

/// Returns the titles of what can be done at the mark, and the file after the one that begins like this.
fn acted(text: &str, title: &str) -> (Vec<String>, String) {
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", text);
    let more = json!({ "range": { "start": at, "end": at }, "context": { "diagnostics": [] } });
    let actions = editor.ask("codeAction", "compose.yaml", &at, &more).unwrap();
    let actions = actions.as_array().unwrap();
    let titles: Vec<String> = actions.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect();
    let wanted = actions.iter().find(|one| one["title"].as_str().unwrap().starts_with(title));
    let wanted = wanted.unwrap_or_else(|| panic!("{titles:?}"));
    let changed = editor.apply(&wanted["edit"])["compose.yaml"].clone();
    (titles, changed)
}

#[test]
fn what_was_meant_is_put_in_place() {
    let (_, text) = acted("services:\n  web:\n    image: x\n    re<>strt: always\n", "write `restart`");
    assert_eq!(text, "services:\n  web:\n    image: x\n    restart: always\n");
    let (_, text) =
        acted("services:\n  web: {image: x, depends_on: [<>dbb]}\n  db: {image: x}\n", "write `db`");
    assert_eq!(text, "services:\n  web: {image: x, depends_on: [db]}\n  db: {image: x}\n");
    let (_, text) = acted(
        "services:\n  web:\n    image: x\n    volumes:\n      - dta<>:/data\nvolumes:\n  data:\n",
        "write `data`",
    );
    assert_eq!(
        text,
        "services:\n  web:\n    image: x\n    volumes:\n      - data:/data\nvolumes:\n  data:\n"
    );
}

#[test]
fn words_and_variables_are_mended() {
    let (_, text) = acted("services:\n  web:\n    image: x\n    restart: alwa<>s\n", "write `always`");
    assert_eq!(text, "services:\n  web:\n    image: x\n    restart: always\n");
    let (_, text) = acted("services:\n  web:\n    image: x:$T<>AG\n", "write `${TAG:-}`");
    assert_eq!(text, "services:\n  web:\n    image: x:${TAG:-}\n");
    let (_, text) = acted("services:\n  web:\n    image: \"x:${T<>AG}\"\n", "write `${TAG:-}`");
    assert_eq!(text, "services:\n  web:\n    image: \"x:${TAG:-}\"\n");
}

#[test]
fn what_is_missing_is_declared() {
    let (_, text) =
        acted("services:\n  web:\n    image: x\n    networks: [fr<>ont]\n", "declare network `front`");
    assert_eq!(text, "services:\n  web:\n    image: x\n    networks: [front]\nnetworks:\n  front:\n");
    let text = "services:\n  web:\n    image: x\n    secrets:\n      - ke<>y\nsecrets:\n    other:\n        file: x\n";
    let (_, text) = acted(text, "declare secret `key`");
    assert!(text.ends_with("secrets:\n    key:\n      file: FILE\n    other:\n        file: x\n"), "{text}");
    let (_, text) =
        acted("services:\r\n  web:\r\n    image: x\r\n    networks: [fr<>ont]\r\n", "declare network");
    assert!(text.ends_with("networks:\r\n  front:\r\n"), "{text:?}");
}

#[test]
fn rules_mend_what_they_find_or_are_allowed_not_to() {
    let (titles, text) = acted("ver<>sion: '3'\nservices:\n  web: {image: 'x:1'}\n", "remove it");
    assert_eq!(text, "services:\n  web: {image: 'x:1'}\n");
    assert!(titles.contains(&"allow `obsolete` here".to_owned()), "{titles:?}");
    let (_, text) =
        acted("services:\n  web:\n    image: x:1\n    network_mode: ho<>st\n", "allow `host-network` here");
    assert!(text.contains("    # topo: allow(host-network) REASON\n    network_mode: host\n"), "{text}");
    let (_, text) =
        acted("ver<>sion: '3'\nservices:\n  web: {image: 'x:1'}\n", "mend what rules know to mend");
    assert_eq!(text, "services:\n  web: {image: 'x:1'}\n");
}

#[test]
fn a_value_that_must_be_text_is_put_in_quotes() {
    let (_, text) = acted("services:\n  web:\n    image: 1.<>5\n", "write it in quotes");
    assert_eq!(text, "services:\n  web:\n    image: \"1.5\"\n");
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
    let mut editor = Editor::on([]);
    let text = SHOP.replace("postgres:16", "postgres").replace("\"8080:80\"", "\"80\"");
    let at = editor.open("compose.yaml", &text);
    let range =
        json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } } });
    let hints = editor.ask("inlayHint", "compose.yaml", &at, &range).unwrap();
    let hint = |one: &Value| format!("{}: {}", one["position"]["line"], one["label"].as_str().unwrap());
    let hints: Vec<String> = hints.as_array().unwrap().iter().map(hint).collect();
    assert_eq!(
        hints,
        [
            "0: project project",
            "9: /tcp on a free port of the host",
            "16: project_front",
            "17: project_back",
            "19: project_data"
        ]
    );
}
