//! Measures the language server on a large file: the time from a key to the diagnostics, and that of answers.
//!
//! `scripts/bench-lsp.sh` runs it with optimisation. What a machine can do at best stands beside it: the time in which
//! the YAML parser alone reads the file.

#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lsp_server::{Message, Notification, Request};
use serde_json::{Value, json};
use serde_yaml::granit_parser::Parser;

const LINES: usize = 5_000;
const EDITS: usize = 400;
/// What a fast typist leaves between two keys.
const PAUSE: Duration = Duration::from_millis(40);

/// A file with so many lines: services that depend on each other, with networks, volumes, ports, variables and an anchor.
fn file() -> String {
    let mut text = String::from(
        "name: large
x-common: &common
  restart: always
  logging: {driver: json-file, options: {max-size: 10m}}
networks:
  front:
  back:
volumes:
  data:
services:
",
    );
    let mut number = 0;
    while text.lines().count() < LINES {
        let before = format!("s{}", number.max(1) - 1);
        let _ = write!(
            text,
            "  s{number}:
    <<: *common
    image: registry.example.com/team/app-{number}:${{TAG:-1.0}}
    stop_grace_period: 20s
    environment:
      PORT: \"{port}\"
      PEER: {before}
    ports:
      - \"127.0.0.1:{port}:80\"
    networks: [front, back]
    volumes:
      - data:/data/{number}
    mem_limit: 64m
    healthcheck:
      test: [\"CMD\", \"true\"]
      interval: 10s
",
            port = 8000 + number,
        );
        if number > 0 {
            let _ = write!(text, "    depends_on:\n      {before}:\n        condition: service_healthy\n");
        }
        number += 1;
    }
    text
}

/// Changes every tenth service.
fn override_file(services: usize) -> String {
    let service = |number| format!("  s{number}:\n    environment: {{DEBUG: \"1\"}}\n    mem_limit: 128m\n");
    format!("services:\n{}", (0..services).step_by(10).map(service).collect::<String>())
}

/// An editor that talks with `topo lsp`.
struct Client {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    uri: String,
    requests: i32,
    /// Of the text that was sent last.
    version: i32,
}

impl Client {
    fn start(folder: &std::path::Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_topo"));
        command.arg("lsp").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().expect("a program");
        let input = server.stdin.take().expect("a pipe");
        let output = BufReader::new(server.stdout.take().expect("a pipe"));
        let uri = url::Url::from_file_path(folder.join("compose.yaml")).expect("a whole path").to_string();
        Self { server, input, output, uri, requests: 0, version: 0 }
    }

    fn send(&mut self, message: &Message) {
        message.write(&mut self.input).expect("a server");
        self.input.flush().expect("a server");
    }

    fn receive(&mut self) -> Message {
        Message::read(&mut self.output).expect("a message").expect("a server")
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&Notification { method: method.to_owned(), params }.into());
    }

    /// Asks, and returns how long the answer took.
    fn ask(&mut self, method: &str, params: Value) -> Duration {
        self.requests += 1;
        let request = Request { id: self.requests.into(), method: method.to_owned(), params };
        let start = Instant::now();
        self.send(&request.into());
        loop {
            if let Message::Response(response) = self.receive() {
                response.response_result.expect("an answer");
                return start.elapsed();
            }
        }
    }

    /// Types a letter, and returns how long it took until what is wrong was told.
    fn edit(&mut self, line: usize, character: usize, text: &str, removed: usize) -> Duration {
        let end = json!({ "line": line, "character": character + removed });
        let change = json!({ "range": { "start": { "line": line, "character": character }, "end": end }, "text": text });
        self.version += 1;
        let document = json!({ "uri": self.uri, "version": self.version });
        let start = Instant::now();
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
        self.await_diagnostics();
        let time = start.elapsed();
        std::thread::sleep(PAUSE);
        time
    }

    /// Waits until what is wrong with the text that was sent last was told.
    fn await_diagnostics(&mut self) {
        loop {
            if let Message::Notification(told) = self.receive()
                && told.method == "textDocument/publishDiagnostics"
                && told.params["uri"] == self.uri.as_str()
                && told.params["version"] == self.version
            {
                return;
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
    let attributes: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with("    stop_grace_period:"))
        .map(|(at, _)| at)
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("a folder");
    std::fs::write(path.join("compose.yaml"), &text).expect("a folder");
    std::fs::write(path.join("compose.override.yaml"), override_file(attributes.len())).expect("a folder");
    let mut client = Client::start(&path);
    client.ask("initialize", json!({ "capabilities": {} }));
    client.notify("initialized", json!({}));
    let item = json!({ "uri": client.uri, "languageId": "yaml", "version": 0, "text": text });
    client.notify("textDocument/didOpen", json!({ "textDocument": item }));
    client.await_diagnostics();
    let floor = (0..EDITS).map(|_| {
        let start = Instant::now();
        assert!(Parser::new_from_str(&text).all(|event| event.is_ok()), "the file is YAML");
        start.elapsed()
    });
    let mut rows: Vec<(&str, Vec<Duration>)> = vec![("the floor: YAML alone", floor.collect())];
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
        broken.push(client.edit(line, 23, "[", 0));
        broken.push(client.edit(line, 23, "", 1));
    }
    rows.push(("a bracket, to its diagnostics", broken));
    for (title, method, column) in [
        ("completion of an attribute", "textDocument/completion", 6),
        ("hover", "textDocument/hover", 6),
        ("references", "textDocument/references", 6),
        ("symbols", "textDocument/documentSymbol", 6),
        ("code lenses", "textDocument/codeLens", 6),
    ] {
        let mut ask = |edit: usize| {
            let line = attributes[edit * 7 % attributes.len()];
            let params = json!({
                "textDocument": { "uri": client.uri },
                "position": { "line": line, "character": column },
                // Each of them takes what it knows of it.
                "context": { "includeDeclaration": true, "triggerKind": 1 },
            });
            client.ask(method, params)
        };
        rows.push((title, (0..EDITS / 4).map(&mut ask).collect()));
    }
    println!("{} lines, {} services", text.lines().count(), attributes.len());
    println!("{:32} {:>9} {:>9} {:>9} {:>9}", "", "median", "p99", "longest", "vs floor");
    let mut floor = None;
    for (title, times) in &mut rows {
        times.sort_unstable();
        let at =
            |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
        let ratio = at(50) / *floor.get_or_insert(at(50));
        println!("{title:32} {:>7.2}ms {:>7.2}ms {:>7.2}ms {ratio:>8.2}x", at(50), at(99), at(100));
    }
    client.ask("shutdown", Value::Null);
    client.notify("exit", Value::Null);
    assert!(client.server.wait().expect("a program").success(), "it was shut down");
}
