//! An editor without a screen: it talks with a server in a thread of its own, and makes the changes that it is handed.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request, Response};
use serde_json::{Value, json};
use topo::load::{MemWorld, World};
use topo::lsp::{Settings, Start, serve};

/// Longer than any answer takes, even on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the cursor is, in the texts of tests.
const MARK: &str = "<>";

pub(crate) struct Editor {
    connection: Connection,
    server: Option<JoinHandle<bool>>,
    /// What is open, by name.
    texts: BTreeMap<String, String>,
    /// What was published last, by URI.
    published: BTreeMap<String, Vec<Value>>,
    pub(crate) greeting: Value,
    requests: i32,
}

impl Editor {
    /// Starts a server on the files of a project; none of them is open.
    pub(crate) fn on<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::with(MemWorld::project(files), Settings::default(), &json!({}))
    }

    pub(crate) fn with(world: impl World + Send + 'static, settings: Settings, capabilities: &Value) -> Self {
        let (connection, other) = Connection::memory();
        let server = std::thread::spawn(move || {
            let images = || vec!["redis:8".to_owned()];
            let start = Start { disk: &world, settings, images: &images, version: "1.2.3" };
            serve(&other, start).unwrap()
        });
        let mut editor = Self {
            connection,
            server: Some(server),
            texts: BTreeMap::new(),
            published: BTreeMap::new(),
            greeting: Value::Null,
            requests: 0,
        };
        editor.greeting = editor.request("initialize", json!({ "capabilities": capabilities })).unwrap();
        editor.notify("initialized", json!({}));
        editor
    }

    pub(crate) fn notify(&self, method: &str, params: Value) {
        let message = Notification { method: method.to_owned(), params };
        self.connection.sender.send(message.into()).unwrap();
    }

    /// Asks, and waits for the answer.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.requests += 1;
        let id = self.requests.into();
        let request = Request { id, method: method.to_owned(), params };
        self.connection.sender.send(request.into()).unwrap();
        loop {
            match self.connection.receiver.recv_timeout(PATIENCE).unwrap() {
                Message::Response(Response { id, response_result }) => {
                    assert_eq!(id, self.requests.into());
                    return response_result.map_err(|error| format!("{}: {}", error.code, error.message));
                }
                Message::Notification(Notification { method, mut params }) => {
                    assert_eq!(method, "textDocument/publishDiagnostics");
                    let uri = params["uri"].as_str().unwrap().to_owned();
                    self.published.insert(uri, serde_json::from_value(params["diagnostics"].take()).unwrap());
                }
                Message::Request(request) => {
                    assert_eq!(request.method, "client/registerCapability");
                    let answer = Response::new_ok(request.id, Value::Null);
                    self.connection.sender.send(answer.into()).unwrap();
                }
            }
        }
    }

    /// Opens a file, and returns where the mark in its text is, which is left out.
    pub(crate) fn open(&mut self, name: &str, text: &str) -> Value {
        let at = text.find(MARK);
        let text = text.replacen(MARK, "", 1);
        let language = if name.ends_with("yaml") { "yaml" } else { "dotenv" };
        let item = json!({ "uri": uri(name), "languageId": language, "version": 0, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
        let position = at.map_or(Value::Null, |at| position(&text, at));
        self.texts.insert(name.to_owned(), text);
        position
    }

    /// Replaces bytes of a file that is open.
    pub(crate) fn change(&mut self, name: &str, range: std::ops::Range<usize>, new: &str) {
        let text = self.texts.get_mut(name).unwrap();
        let change = json!({
            "range": { "start": position(text, range.start), "end": position(text, range.end) },
            "text": new,
        });
        text.replace_range(range, new);
        let document = json!({ "uri": uri(name), "version": 1 });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        &self.texts[name]
    }

    /// Asks about a place in a file that is open.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        name: &str,
        position: &Value,
        more: &Value,
    ) -> Result<Value, String> {
        let mut params = json!({ "textDocument": { "uri": uri(name) }, "position": position });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.request(&format!("textDocument/{method}"), params)
    }

    /// Waits until everything has been looked at, and returns what is said of a file: line, kind, first line of the text.
    pub(crate) fn said(&mut self, name: &str) -> Vec<String> {
        self.settle();
        let said = self.published.get(&uri(name)).cloned().unwrap_or_default();
        let line = |one: &Value| {
            let message = one["message"].as_str().unwrap().lines().next().unwrap().to_owned();
            format!("{}: {}: {message}", one["range"]["start"]["line"], one["code"].as_str().unwrap())
        };
        said.iter().map(line).collect()
    }

    /// Returns what was published of a file, as it was.
    pub(crate) fn published(&mut self, name: &str) -> Vec<Value> {
        self.settle();
        self.published.get(&uri(name)).cloned().unwrap_or_default()
    }

    /// The server publishes before it reads on: when it has answered twice, that is done.
    pub(crate) fn settle(&mut self) {
        for _ in 0..2 {
            self.request("topo/nothing", Value::Null).unwrap_err();
        }
    }

    /// Makes the changes of an answer, and returns the files that it changed.
    pub(crate) fn apply(&mut self, edit: &Value) -> BTreeMap<String, String> {
        let mut changed = BTreeMap::new();
        for (uri, edits) in edit["changes"].as_object().unwrap() {
            let name = uri.strip_prefix("file:///project/").unwrap().to_owned();
            let mut text = self.texts.get(&name).cloned().unwrap();
            let mut edits: Vec<(usize, usize, &str)> = edits
                .as_array()
                .unwrap()
                .iter()
                .map(|edit| {
                    let at = |end: &str| offset(&text, &edit["range"][end]);
                    (at("start"), at("end"), edit["newText"].as_str().unwrap())
                })
                .collect();
            edits.sort_unstable();
            for (start, end, new) in edits.into_iter().rev() {
                text.replace_range(start..end, new);
            }
            changed.insert(name, text);
        }
        changed
    }

    /// Ends the server as editors do, and returns whether it found that well.
    pub(crate) fn quit(mut self) -> bool {
        assert_eq!(self.request("shutdown", Value::Null), Ok(Value::Null));
        self.notify("exit", Value::Null);
        self.server.take().unwrap().join().unwrap()
    }

    /// Ends the server without a word before.
    pub(crate) fn exit(mut self) -> bool {
        self.notify("exit", Value::Null);
        self.server.take().unwrap().join().unwrap()
    }

    /// Hangs up.
    pub(crate) fn hang_up(mut self) -> bool {
        let server = self.server.take().unwrap();
        drop(self.connection);
        server.join().unwrap()
    }
}

/// Returns how a file is named.
pub(crate) fn uri(name: &str) -> String {
    url::Url::from_file_path(Path::new("/project").join(name)).unwrap().to_string()
}

/// Returns the position of a byte; columns are counted in UTF-16.
pub(crate) fn position(text: &str, at: usize) -> Value {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let column = text[start..at].encode_utf16().count();
    json!({ "line": text[..at].matches('\n').count(), "character": column })
}

fn offset(text: &str, position: &Value) -> usize {
    let line = usize::try_from(position["line"].as_u64().unwrap()).unwrap();
    let column = usize::try_from(position["character"].as_u64().unwrap()).unwrap();
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let mut units = 0;
    let within = text[start..].char_indices().find(|(_, one)| {
        let is_there = units >= column;
        units += one.len_utf16();
        is_there
    });
    within.map_or(text.len(), |(at, _)| start + at)
}
