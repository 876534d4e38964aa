//! The server as a program that an editor starts.

use std::io::{BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};

use lsp_server::Message;
use serde_json::{Value, json};

use crate::cli::{project, topo};

/// Starts `topo lsp` in a folder.
fn start(folder: &tempfile::TempDir) -> (std::process::Child, ChildStdin, BufReader<ChildStdout>) {
    let mut command = topo();
    command.args(["lsp", "--stdio"]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    (child, input, output)
}

fn send(input: &mut ChildStdin, message: &Value) {
    let mut message = message.clone();
    message["jsonrpc"] = "2.0".into();
    let text = message.to_string();
    write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
    input.flush().unwrap();
}

fn receive(output: &mut BufReader<ChildStdout>) -> Value {
    serde_json::to_value(Message::read(output).unwrap().unwrap()).unwrap()
}

#[test]
fn an_editor_starts_it_sees_mistakes_and_ends_it() {
    let folder = project("services:\n  web:\n    imgae: x\n");
    let path = folder.path().canonicalize().unwrap().join("compose.yaml");
    let uri = url::Url::from_file_path(path).unwrap().to_string();
    let (mut child, mut input, mut output) = start(&folder);
    send(&mut input, &json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }));
    assert_eq!(receive(&mut output)["result"]["serverInfo"]["name"], "topo");
    send(&mut input, &json!({ "method": "initialized", "params": {} }));
    let text = "services:\n  web:\n    imgae: y\n";
    let item = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
    send(&mut input, &json!({ "method": "textDocument/didOpen", "params": { "textDocument": item } }));
    let published = receive(&mut output);
    assert_eq!(published["method"], "textDocument/publishDiagnostics");
    assert_eq!(published["params"]["diagnostics"][0]["code"], "unknown-key");
    send(&mut input, &json!({ "id": "two", "method": "shutdown" }));
    assert_eq!(receive(&mut output), json!({ "id": "two", "result": null }));
    send(&mut input, &json!({ "method": "exit" }));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_editor_that_hangs_up_leaves_nothing_running() {
    let folder = project("services: {}\n");
    let (mut child, mut input, output) = start(&folder);
    send(&mut input, &json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }));
    drop((input, output));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
