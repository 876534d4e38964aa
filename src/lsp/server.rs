//! The state of the server, and what notifications change of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, InitializeParams, PublishDiagnosticsParams,
};
use serde::de::DeserializeOwned;

use super::Start;
use super::answers;
use super::asked::Asked;
use super::diagnostics::by_file;
use super::documents::{Document, Documents, path_of, uri_of};
use super::position::Encoding;
use super::workspace::Workspace;

/// The files whose changes on disk matter, opened or not.
const WATCHED: &str = "**/{*.yaml,*.yml,*.env,.env}";

/// The state of the server.
pub(super) struct Server<'a> {
    connection: &'a Connection,
    pub(super) start: Start<'a>,
    pub(super) documents: Documents,
    pub(super) workspace: Workspace,
    encoding: Encoding,
    /// The files that something was said about, and what.
    published: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>>,
    /// Whether texts changed since diagnostics were published.
    is_stale: bool,
    is_shut_down: bool,
    can_watch: bool,
}

impl<'a> Server<'a> {
    /// Makes one for an editor that introduced itself.
    pub(super) fn new(connection: &'a Connection, start: Start<'a>, params: &InitializeParams) -> Self {
        let general = params.capabilities.general.as_ref();
        let encoding = Encoding::negotiate(general.and_then(|general| general.position_encodings.as_deref()));
        let workspace = params.capabilities.workspace.as_ref();
        let watching = workspace.and_then(|workspace| workspace.did_change_watched_files);
        Self {
            connection,
            workspace: Workspace::new(start.settings.clone(), encoding),
            start,
            documents: Documents::default(),
            encoding,
            published: BTreeMap::new(),
            is_stale: false,
            is_shut_down: false,
            can_watch: watching.and_then(|watching| watching.dynamic_registration).unwrap_or(false),
        }
    }

    /// What columns are counted in.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether the editor said `shutdown`.
    pub(super) fn is_shut_down(&self) -> bool {
        self.is_shut_down
    }

    /// Sends a message; an editor that hung up is noticed when the next one is read.
    pub(super) fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }

    /// Answers a request, with an error if that is all that can be said.
    pub(super) fn answer(&mut self, request: Request) {
        let Request { id, method, params } = request;
        let error = |code: ErrorCode, message: String| Response::new_err(id.clone(), code as i32, message);
        if self.is_shut_down {
            return self.send(error(ErrorCode::InvalidRequest, "the server is shut down".to_owned()).into());
        }
        if method == "shutdown" {
            self.is_shut_down = true;
            return self.send(Response::new_ok(id, serde_json::Value::Null).into());
        }
        let answer = catch_unwind(AssertUnwindSafe(|| answers::answer(self, &method, params)));
        let response = match answer {
            Ok(Ok(value)) => Response::new_ok(id, value),
            Ok(Err((code, message))) => error(code, message),
            Err(_) => {
                // What was known may be half made.
                self.workspace.forget();
                error(ErrorCode::InternalError, format!("topo failed at `{method}`: this is a bug"))
            }
        };
        self.send(response.into());
    }

    /// Takes note of what happened in the editor. What cannot be read is passed over.
    pub(super) fn note(&mut self, notification: Notification) {
        let noted = catch_unwind(AssertUnwindSafe(|| self.take(notification)));
        if noted.is_err() {
            self.workspace.forget();
        }
    }

    fn take(&mut self, notification: Notification) {
        fn read<T: DeserializeOwned>(notification: Notification) -> Option<T> {
            serde_json::from_value(notification.params).ok()
        }
        match notification.method.as_str() {
            "initialized" => self.watch(),
            "textDocument/didOpen" => {
                let Some(DidOpenTextDocumentParams { text_document }) = read(notification) else { return };
                let Some(path) = path_of(&text_document.uri) else { return };
                self.documents.open(path, Document::new(text_document, self.encoding));
                // It may be a new file, which makes another project of the others.
                self.workspace.forget();
                self.is_stale = true;
            }
            "textDocument/didChange" => {
                let Some(DidChangeTextDocumentParams { text_document, content_changes }) = read(notification)
                else {
                    return;
                };
                let Some(path) = path_of(&text_document.uri) else { return };
                let Some(document) = self.documents.get_mut(&path) else { return };
                document.version = text_document.version;
                document.change(content_changes, self.encoding);
                self.workspace.change(&path);
                self.is_stale = true;
            }
            "textDocument/didClose" => {
                let Some(DidCloseTextDocumentParams { text_document }) = read(notification) else { return };
                let Some(path) = path_of(&text_document.uri) else { return };
                self.documents.close(&path);
                // Its project may not be open any more.
                self.workspace.forget();
                self.is_stale = true;
            }
            "textDocument/didSave" => {
                // What it includes now may have been a project of its own.
                self.workspace.forget();
                self.is_stale = true;
            }
            "workspace/didChangeWatchedFiles" => {
                let Some(DidChangeWatchedFilesParams { changes }) = read(notification) else { return };
                // A file that came or went may make another project of the others.
                let is_change =
                    |change: &lsp_types::FileEvent| change.typ == lsp_types::FileChangeType::CHANGED;
                if changes.iter().all(is_change) {
                    self.workspace.change_all();
                } else {
                    self.workspace.forget();
                }
                self.is_stale = true;
            }
            _ => {}
        }
    }

    /// Asks the editor to tell of files that change on disk.
    fn watch(&self) {
        if !self.can_watch {
            return;
        }
        let params = serde_json::json!({ "registrations": [{
            "id": "files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": { "watchers": [{ "globPattern": WATCHED }] },
        }] });
        let id = RequestId::from("topo-files".to_owned());
        self.send(Request { id, method: "client/registerCapability".to_owned(), params }.into());
    }

    /// Returns what a request about a file is about.
    pub(super) fn asked<'s>(&'s mut self, path: &'s Path) -> Option<Asked<'s>> {
        self.documents.get(path)?;
        let analysis = self.workspace.of(path, self.start.disk, &self.documents)?;
        let good = self.workspace.good(&analysis);
        let document = self.documents.get(path)?;
        let asked = Asked {
            path,
            document,
            outline: document.outline(),
            analysis,
            others: Vec::new(),
            good,
            documents: &self.documents,
            disk: self.start.disk,
            encoding: self.encoding,
        };
        asked.analysis.read_sheets(&asked.view(), self.encoding);
        Some(asked)
    }

    /// The same for what is to be found in all projects of the file.
    pub(super) fn asked_widely<'s>(&'s mut self, path: &'s Path) -> Option<Asked<'s>> {
        let analysis = self.workspace.of(path, self.start.disk, &self.documents)?;
        let others = self.workspace.others(path, &analysis, self.start.disk, &self.documents);
        Some(Asked { others, ..self.asked(path)? })
    }

    /// Tells the editor what there is to say, where that changed.
    pub(super) fn publish(&mut self) {
        if !self.is_stale {
            return;
        }
        self.is_stale = false;
        let found = catch_unwind(AssertUnwindSafe(|| self.find_diagnostics()));
        let Ok(found) = found else { return self.workspace.forget() };
        let paths: BTreeSet<&PathBuf> = found.keys().chain(self.published.keys()).collect();
        for path in paths {
            let new = found.get(path).cloned().unwrap_or_default();
            if self.published.get(path).unwrap_or(&Vec::new()) == &new && self.published.contains_key(path) {
                continue;
            }
            let Some(uri) = uri_of(path, &self.documents) else { continue };
            let version = self.documents.get(path).map(|document| document.version);
            let params = PublishDiagnosticsParams { uri, diagnostics: new, version };
            let method = "textDocument/publishDiagnostics".to_owned();
            let params = serde_json::to_value(params).unwrap_or_default();
            self.send(Notification { method, params }.into());
        }
        self.published = found;
    }

    /// Returns what there is to say of each file of the projects that are open; of each that is open, also if that is
    /// nothing, so that the editor knows that it was looked at.
    fn find_diagnostics(&mut self) -> BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> {
        let mut found: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        let mut said = HashSet::new();
        for analysis in self.workspace.all(self.start.disk, &self.documents) {
            for (path, diagnostics) in by_file(&analysis, &self.documents, self.encoding) {
                // A file may be part of several projects, which say the same of it.
                let mut is_new =
                    |one: &lsp_types::Diagnostic| said.insert((path.clone(), one.range, one.message.clone()));
                let new: Vec<_> = diagnostics.into_iter().filter(|one| is_new(one)).collect();
                found.entry(path).or_default().extend(new);
            }
        }
        for path in self.documents.paths() {
            found.entry(path.clone()).or_default();
        }
        found
    }
}
