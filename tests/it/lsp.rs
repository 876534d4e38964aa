//! The language server, as an editor talks with it.

mod completing;
mod editor;
mod mending;
mod naming;
mod outline;
mod program;
mod telling;
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
fn a_new_file_makes_another_project_of_the_others() {
    let mut editor = Editor::on([]);
    editor.open("compose.yaml", "services:\n  web: {image: 'x:1', networks: [front]}\n");
    assert_eq!(editor.said("compose.yaml").len(), 1);
    editor.open("compose.override.yaml", "networks: {front: {}}\n");
    assert_eq!(editor.said("compose.yaml"), Vec::<String>::new());
}

/// While the file that includes another is not whole, the other one belongs to no project, or to one of its own.
#[test]
fn a_slip_that_is_mended_leaves_nothing_behind() {
    let whole = "include: [part.yaml]\nservices: {web: {image: 'x:1'}}\nnetworks: {front: }\n";
    let part = "services:\n  api:\n    image: y:1\n    networks: [front]\n    depends_on: [web]\n";
    let mut editor = Editor::on([("part.yaml", part)]);
    editor.open("compose.yaml", whole);
    editor.open("part.yaml", part);
    let before = editor.said("part.yaml");
    assert!(!before.iter().any(|one| one.contains("unknown-reference")), "{before:?}");
    // What is no YAML says nothing about what it includes.
    let bracket = whole.find(']').unwrap();
    editor.change("compose.yaml", bracket..bracket + 1, "");
    assert_eq!(editor.said("part.yaml"), Vec::<String>::new());
    editor.change("compose.yaml", bracket..bracket, "]");
    assert_eq!(editor.said("part.yaml"), before);
    let letter = whole.find("part").unwrap();
    editor.change("compose.yaml", letter..letter + 1, "");
    assert_eq!(editor.said("part.yaml").len(), 2);
    editor.change("compose.yaml", letter..letter, "p");
    assert_eq!(editor.said("part.yaml"), before);
    assert!(editor.quit());
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
