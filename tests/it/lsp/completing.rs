//! What is offered while a line is written.

use serde_json::json;

use super::SHOP;
use super::editor::{Editor, uri};

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
    assert_eq!(offered(&[], &with("networks: [front, <>]")), ["back", "default"]);
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

/// Offers take the place of the whole word, and what stands behind it already is not written again.
#[test]
fn what_is_behind_the_cursor_is_not_written_twice() {
    let service =
        |rest: &str| format!("services:\n  web:\n    {rest}\n  db: {{image: x}}\nvolumes: {{data: }}\n");
    for (before, label, after) in [
        ("imag<>: nginx", "image", "image: nginx"),
        ("<>image: nginx", "build", "build: nginx"),
        ("healt<>:\n      test: x", "healthcheck", "healthcheck:\n      test: x"),
        ("\"imag<>\": nginx", "image", "\"image\": nginx"),
        ("restart: al<>ways", "always", "restart: always"),
        ("restart: 'al<>ways'", "always", "restart: 'always'"),
        ("depends_on: [d<>b]", "db", "depends_on: [db]"),
        (
            "depends_on:\n      d<>x:\n        condition: service_started",
            "db",
            "depends_on:\n      db:\n        condition: service_started",
        ),
        ("volumes:\n      - da<>:/x", "data", "volumes:\n      - data:/x"),
        ("volumes:\n      - \"da<>:/x\"", "data", "volumes:\n      - \"data:/x\""),
        ("volumes:\n      - da<>", "data", "volumes:\n      - data:"),
        ("network_mode: serv<>ice:d", "service:db", "network_mode: service:db"),
        ("image: x:${T<>AG:-1}", "TAG", "image: x:${TAG:-1}"),
        ("image: x:$T<>A-1", "TAG", "image: x:$TAG-1"),
        ("image: red<>is:7-alpine # a", "redis:8", "image: redis:8 # a"),
    ] {
        let (text, labels) = completed(&[(".env", "TAG=1\n")], &service(before), label);
        assert_eq!(text, service(after), "{before}: {labels:?}");
    }
    let crlf = "services:\r\n  web:\r\n    heal<>\r\n";
    assert_eq!(
        completed(&[], crlf, "healthcheck").0,
        "services:\r\n  web:\r\n    healthcheck:\r\n      \r\n"
    );
}

#[test]
fn ports_stand_in_quotes_once() {
    let service = |port: &str| {
        format!("services:\n  web:\n    image: x\n    expose: [7000]\n    ports:\n      - {port}\n")
    };
    for (before, label, after) in [
        ("<>", "\"7000:7000\"", "\"7000:7000\""),
        ("\"<>\"", "7000:7000", "\"7000:7000\""),
        ("'70<>'", "7000:7000", "'7000:7000'"),
        ("\"8080:<>\"", "8080:7000", "\"8080:7000\""),
        ("\"127.0.0.1:8080:<>1\"", "127.0.0.1:8080:7000", "\"127.0.0.1:8080:7000\""),
        ("\"127.0.0.1:<>\"", "127.0.0.1:7000:7000", "\"127.0.0.1:7000:7000\""),
    ] {
        let (text, labels) = completed(&[], &service(before), label);
        assert_eq!(text, service(after), "{before}: {labels:?}");
        assert!(!labels.contains(&"published".to_owned()) || before == "<>", "{before}: {labels:?}");
    }
}

#[test]
fn below_an_anchor_is_offered_what_belongs_where_it_is_used() {
    let labels = offered(&[], "x-common: &common\n  rest<>\nservices:\n  web:\n    <<: *common\n");
    assert!(labels.contains(&"restart".to_owned()), "{labels:?}");
    let text = "x-needs: &needs\n  - <>\nx-common: &common\n  depends_on: *needs\nservices:\n  web: {<<: *common}\n  db: {image: x}\n";
    assert_eq!(offered(&[], text), ["db"]);
    assert_eq!(offered(&[], "x-unused: &unused\n  rest<>\nservices: {}\n"), Vec::<String>::new());
    let (text, _) = completed(&[], "x-base: &base {image: x}\nservices:\n  web:\n    <>\n", "<<");
    assert_eq!(text, "x-base: &base {image: x}\nservices:\n  web:\n    <<: *\n");
}

#[test]
fn nothing_is_offered_that_nobody_means() {
    let service = |rest: &str| {
        format!("services:\n  web:\n    image: x\n    {rest}\n  db: {{image: x}}\nvolumes: {{data: }}\n")
    };
    let nothing = Vec::<String>::new();
    assert_eq!(offered(&[], &service("environment:\n      <>")), nothing);
    assert_eq!(offered(&[], &service("environment:\n      A: <>")), nothing);
    assert_eq!(offered(&[], &service("sysctls:\n      <>")), nothing);
    assert_eq!(offered(&[], &service("depends_on:\n      - <>")), ["db"]);
    assert_eq!(offered(&[], &service("depends_on: [db, <>]")), nothing);
    assert_eq!(offered(&[], &service("networks:\n      - <>")), ["default"]);
    let sources = offered(&[], &service("volumes:\n      - type: bind\n        source: <>"));
    assert!(!sources.contains(&"data".to_owned()) || sources.contains(&"./site".to_owned()), "{sources:?}");
    let sources = offered(&[], &service("volumes:\n      - type: volume\n        source: <>"));
    assert_eq!(sources, ["data"]);
}

#[test]
fn words_come_with_what_they_mean() {
    let mut editor = Editor::on([]);
    let at = editor.open("compose.yaml", "services:\n  web:\n    restart: <>\n");
    let items = editor.ask("completion", "compose.yaml", &at, &json!({})).unwrap();
    assert_eq!(items[0]["documentation"]["value"], "It stays ended.");
}
