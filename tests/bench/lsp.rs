//! Measures the language server on a large file: the time from a key to the diagnostics, and that of answers.
//!
//! `scripts/bench-lsp.sh` runs it with optimisation. It fails if an edit takes longer than people notice.

#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use lsp_server::{Connection, Message, Notification, Request};
use serde_json::{Value, json};
use topo::load::MemWorld;
use topo::lsp::{Settings, Start, serve};

const LINES: usize = 5_000;
const EDITS: usize = 400;
/// What an edit may take, for one in a hundred.
const LIMIT: Duration = Duration::from_millis(20);
const URI: &str = "file:///project/compose.yaml";

/// A file with so many lines: services that depend on each other, with networks, volumes, ports and variables.
fn file() -> String {
    let mut text = String::from("name: large\nnetworks:\n  front:\n  back:\nvolumes:\n  data:\nservices:\n");
    let mut number = 0;
    while text.lines().count() < LINES {
        let before = format!("s{}", number.max(1) - 1);
        let _ = write!(
            text,
            "  s{number}:
    image: registry.example.com/team/app-{number}:${{TAG:-1.0}}
    restart: unless-stopped
    environment:
      PORT: \"{}\"
      PEER: {before}
    networks: [front, back]
    volumes:
      - data:/data/{number}
    mem_limit: 64m
    healthcheck:
      test: [\"CMD\", \"true\"]
      interval: 10s
",
            8000 + number % 1000
        );
        if number > 0 {
            let _ = write!(text, "    depends_on:\n      {before}:\n        condition: service_healthy\n");
        }
        number += 1;
    }
    text
}

struct Client {
    connection: Connection,
    requests: i32,
}

impl Client {
    fn notify(&self, method: &str, params: Value) {
        self.connection
            .sender
            .send(Notification { method: method.to_owned(), params }.into())
            .expect("a server");
    }

    /// Asks, and returns how long the answer took.
    fn ask(&mut self, method: &str, params: Value) -> Duration {
        self.requests += 1;
        let id = self.requests.into();
        let start = Instant::now();
        self.connection
            .sender
            .send(Request { id, method: method.to_owned(), params }.into())
            .expect("a server");
        loop {
            if let Message::Response(response) = self.connection.receiver.recv().expect("a server") {
                response.response_result.expect("an answer");
                return start.elapsed();
            }
        }
    }

    /// Types a letter, and returns how long it took until what is wrong was told.
    fn edit(&self, line: usize, character: usize, text: &str, removed: usize) -> Duration {
        let end = json!({ "line": line, "character": character + removed });
        let change = json!({ "range": { "start": { "line": line, "character": character }, "end": end }, "text": text });
        let document = json!({ "uri": URI, "version": 1 });
        let start = Instant::now();
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
        loop {
            if let Message::Notification(told) = self.connection.receiver.recv().expect("a server")
                && told.method == "textDocument/publishDiagnostics"
            {
                return start.elapsed();
            }
        }
    }
}

fn main() {
    // `cargo test --benches` runs this, too; it measures only where it is asked to.
    if std::env::var_os("TOPO_BENCH_LSP").is_none() {
        println!("nothing is measured without TOPO_BENCH_LSP; run scripts/bench-lsp.sh");
        return;
    }
    let text = file();
    let (connection, other) = Connection::memory();
    let server = std::thread::spawn(move || {
        let disk = MemWorld::project([]);
        let start = Start { disk: &disk, settings: Settings::default(), images: &Vec::new, version: "0" };
        serve(&other, start).expect("a client")
    });
    let mut client = Client { connection, requests: 0 };
    client.ask("initialize", json!({ "capabilities": {} }));
    client.notify("initialized", json!({}));
    let item = json!({ "uri": URI, "languageId": "yaml", "version": 0, "text": text });
    client.notify("textDocument/didOpen", json!({ "textDocument": item }));
    let attributes: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with("    restart:"))
        .map(|(at, _)| at)
        .collect();

    let mut rows: Vec<(&str, Vec<Duration>)> = Vec::new();
    let mut edits = Vec::new();
    for edit in 0..EDITS / 2 {
        // A letter too many is a mistake, and without it there is none: each time something else is to be told.
        let line = attributes[edit * 7 % attributes.len()];
        edits.push(client.edit(line, 6, "x", 0));
        edits.push(client.edit(line, 6, "", 1));
    }
    rows.push(("a letter, to its diagnostics", edits));
    let mut broken = Vec::new();
    for edit in 0..EDITS / 2 {
        let line = attributes[edit * 7 % attributes.len()];
        broken.push(client.edit(line, 13, "[", 0));
        broken.push(client.edit(line, 13, "", 1));
    }
    rows.push(("a bracket, to its diagnostics", broken));
    for (title, method, column) in [
        ("completion of an attribute", "textDocument/completion", 6),
        ("hover", "textDocument/hover", 6),
        ("references", "textDocument/references", 6),
        ("symbols", "textDocument/documentSymbol", 6),
        ("code lenses", "textDocument/codeLens", 6),
    ] {
        let ask = |edit: usize| {
            let line = attributes[edit * 7 % attributes.len()];
            let params = json!({
                "textDocument": { "uri": URI },
                "position": { "line": line, "character": column },
                // Each of them takes what it knows of it.
                "context": { "includeDeclaration": true, "triggerKind": 1 },
            });
            client.ask(method, params)
        };
        rows.push((title, (0..EDITS / 4).map(ask).collect()));
    }
    println!("{} lines, {} services", text.lines().count(), attributes.len());
    println!("{:32} {:>9} {:>9} {:>9}", "", "median", "p99", "longest");
    for (title, times) in &mut rows {
        times.sort_unstable();
        let at =
            |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
        println!("{title:32} {:>7.2}ms {:>7.2}ms {:>7.2}ms", at(50), at(99), at(100));
    }
    client.ask("shutdown", Value::Null);
    client.notify("exit", Value::Null);
    assert!(server.join().expect("no panic"), "it was shut down");
    let slowest = rows[0].1[rows[0].1.len() * 99 / 100];
    assert!(slowest < LIMIT, "one edit in a hundred takes {slowest:?}, more than {LIMIT:?}");
}
