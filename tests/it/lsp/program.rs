//! The server as a program that an editor starts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
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

/// Receives what may have no `id`, as the answer to what could not be read.
fn receive_any(output: &mut BufReader<ChildStdout>) -> Value {
    let mut header = String::new();
    output.read_line(&mut header).unwrap();
    let length: usize = header.trim().strip_prefix("Content-Length: ").unwrap().parse().unwrap();
    let mut body = vec![0; length + 2];
    output.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
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
    assert_eq!(published["params"]["version"], 1, "which text it is said of");
    let document = json!({ "uri": uri, "version": 2 });
    let changes = json!([{ "text": "services:\n  web:\n    image: y\n" }]);
    let change = json!({ "textDocument": document, "contentChanges": changes });
    send(&mut input, &json!({ "method": "textDocument/didChange", "params": change }));
    let published = receive(&mut output);
    assert_ne!(published["params"]["diagnostics"][0]["code"], "unknown-key");
    assert_eq!(published["params"]["version"], 2, "which text it is said of");
    send(&mut input, &json!({ "id": "two", "method": "shutdown" }));
    assert_eq!(receive(&mut output), json!({ "id": "two", "result": null }));
    send(&mut input, &json!({ "method": "exit" }));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_no_message_is_answered_and_ends_nothing() {
    let folder = project("services: {}\n");
    let uri = url::Url::from_file_path(folder.path().canonicalize().unwrap().join("compose.yaml")).unwrap();
    let (mut child, mut input, mut output) = start(&folder);
    let refused = |input: &mut ChildStdin, output: &mut BufReader<ChildStdout>, body: &str| {
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        input.flush().unwrap();
        receive_any(output)
    };
    assert_eq!(refused(&mut input, &mut output, "{\"id\":")["error"]["code"], -32700);
    send(&mut input, &json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }));
    assert_eq!(receive(&mut output)["id"], 1);
    let answer = refused(&mut input, &mut output, "{}");
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &Value::Null));
    assert_eq!(refused(&mut input, &mut output, "{\"id\": 7}")["id"], 7);
    assert_eq!(refused(&mut input, &mut output, "")["error"]["code"], -32700);
    // Half of a character: an editor that counts in UTF-16 may cut one in two.
    let text = "services:\n  web:\n    image: x\n    labels: [HALF]\n    imgae: y\n";
    let item = json!({ "uri": uri.as_str(), "languageId": "yaml", "version": 1, "text": text });
    let open =
        json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": { "textDocument": item } });
    let published = refused(&mut input, &mut output, &open.to_string().replace("HALF", "\\ud83d"));
    assert_eq!(published["params"]["diagnostics"][0]["code"], "unknown-key");
    send(&mut input, &json!({ "id": 2, "method": "shutdown" }));
    assert_eq!(receive(&mut output), json!({ "id": 2, "result": null }));
    send(&mut input, &json!({ "method": "exit" }));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The pipe that the editor talks through has other names, too. To read it by one of them takes the editor's words away.
#[test]
fn a_file_that_is_the_editors_own_pipe_is_not_read() {
    for name in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let folder = project("services: {}\n");
        let uri =
            url::Url::from_file_path(folder.path().canonicalize().unwrap().join("compose.yaml")).unwrap();
        let (mut child, mut input, mut output) = start(&folder);
        send(&mut input, &json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }));
        assert_eq!(receive(&mut output)["id"], 1);
        let text = format!("include: [{name}]\nservices:\n  web:\n    image: x\n");
        let item = json!({ "uri": uri.as_str(), "languageId": "yaml", "version": 1, "text": text });
        send(&mut input, &json!({ "method": "textDocument/didOpen", "params": { "textDocument": item } }));
        assert_eq!(receive(&mut output)["method"], "textDocument/publishDiagnostics", "{name}");
        send(&mut input, &json!({ "id": 2, "method": "shutdown" }));
        assert_eq!(receive(&mut output)["id"], 2, "{name}");
        send(&mut input, &json!({ "method": "exit" }));
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn an_editor_that_says_goodbye_first_is_told_why_it_ends() {
    let folder = project("services: {}\n");
    let mut command = topo();
    command.arg("lsp").current_dir(&folder).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    send(child.stdin.as_mut().unwrap(), &json!({ "method": "exit" }));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error: "), "{output:?}");
}

#[test]
fn an_editor_that_hangs_up_leaves_nothing_running() {
    let folder = project("services: {}\n");
    let (mut child, mut input, output) = start(&folder);
    send(&mut input, &json!({ "id": 1, "method": "initialize", "params": { "capabilities": {} } }));
    drop((input, output));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
