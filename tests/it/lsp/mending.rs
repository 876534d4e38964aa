//! What can be done about what is said.

use serde_json::json;

use super::editor::Editor;

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
fn names_in_quotes_are_mended_as_others_are() {
    let service = |rest: &str| {
        format!(
            "services:\n  web:\n    image: x\n    {rest}\n  db: {{image: x}}\nvolumes: {{data: }}\nnetworks: {{front: }}\nsecrets: {{token: {{file: x}}}}\n"
        )
    };
    for (before, name, after) in [
        ("volumes:\n      - \"da<>t:/x\"", "data", "volumes:\n      - \"data:/x\""),
        ("networks: [\"fr<>on\"]", "front", "networks: [\"front\"]"),
        (
            "networks:\n      \"fr<>on\":\n        aliases: [x]",
            "front",
            "networks:\n      \"front\":\n        aliases: [x]",
        ),
        ("secrets: ['tok<>e']", "token", "secrets: ['token']"),
        ("secrets:\n      - source: 'tok<>e'", "token", "secrets:\n      - source: 'token'"),
        ("network_mode: \"service:d<>\"", "db", "network_mode: \"service:db\""),
        ("depends_on: ['d<>bb']", "db", "depends_on: ['db']"),
    ] {
        let (_, text) = acted(&service(before), &format!("write `{name}`"));
        assert_eq!(text, service(after));
    }
}

#[test]
fn what_is_below_an_anchor_is_mended_as_where_it_is_used() {
    let text = "x-common: &common\n  rest<>rt: alwais\nservices:\n  web:\n    <<: *common\n    image: x\n";
    assert_eq!(acted(text, "write `restart`").1, text.replace("rest<>rt", "restart"));
    let text = text.replace("rest<>rt: alwais", "restart: alw<>ais");
    assert_eq!(acted(&text, "write `always`").1, text.replace("alw<>ais", "always"));
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
fn one_value_becomes_a_list_and_tabs_become_spaces() {
    let (_, text) = acted("services:\n  web:\n    image: x\n    ports: \"80<>:80\"\n", "put it in brackets");
    assert_eq!(text, "services:\n  web:\n    image: x\n    ports: [\"80:80\"]\n");
    let (_, text) = acted("services:\n  web:\n\t\tima<>ge: x\n\t\ttty: true\n", "indent with spaces");
    assert_eq!(text, "services:\n  web:\n    image: x\n    tty: true\n");
}
