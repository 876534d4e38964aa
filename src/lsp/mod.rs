//! Room 10: the language server: what editors ask about compose files, answered by the same rooms as the commands.
//!
//! It is synchronous: messages are answered in turn, from texts in memory and from what was last known of a project. It
//! writes no file: what is to change is handed to the editor. Nothing that an editor sends ends it but `exit`: what cannot be
//! read is answered with an error.

mod actions;
mod analysis;
mod answers;
mod asked;
mod candidates;
mod capabilities;
mod completion;
mod describe;
mod diagnostics;
mod documents;
mod files;
mod hints;
mod hover;
mod lens;
mod names;
mod navigate;
pub mod outline;
mod pipe;
mod position;
mod rename;
mod schema;
mod server;
mod symbols;
mod variables;
mod workspace;

use std::collections::VecDeque;

use lsp_server::{ErrorCode, Message, Request, RequestId, Response};
use lsp_types::InitializeParams;

use crate::load::World;
use server::Server;

pub use lsp_server::{Connection, ProtocolError};
pub use pipe::connect;
pub use workspace::Settings;

/// What a server is started with.
pub struct Start<'a> {
    /// What lies on disk.
    pub disk: &'a dyn World,
    /// What the command line says of the project.
    pub settings: Settings,
    /// Says which images the engine has, as far as that is known; it must not wait.
    pub images: &'a dyn Fn() -> Vec<String>,
    /// The server's version, for the editor's log.
    pub version: &'a str,
}

/// Serves an editor until it says `exit` or hangs up. Returns whether it said `shutdown` first, as it should.
pub fn serve(connection: &Connection, start: Start<'_>) -> Result<bool, ProtocolError> {
    let (id, params) = connection.initialize_start()?;
    let params: InitializeParams = serde_json::from_value(params).unwrap_or_default();
    let version = start.version.to_owned();
    let mut server = Server::new(connection, start, &params);
    let result = serde_json::json!({
        "capabilities": capabilities::capabilities(server.encoding()),
        "serverInfo": { "name": "topo", "version": version },
    });
    server.send(Response::new_ok(id, result).into());
    // What has arrived and is not answered yet: it is looked into for requests that are not wanted any more.
    let mut waiting: VecDeque<Message> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            server.publish();
            server.workspace.sweep();
            let Ok(message) = connection.receiver.recv() else { return Ok(false) };
            waiting.push_back(message);
        }
        waiting.extend(connection.receiver.try_iter());
        match waiting.pop_front() {
            Some(Message::Request(request)) if is_cancelled(&request, &waiting) => {
                let message = "the editor does not want it any more".to_owned();
                server.send(Response::new_err(request.id, ErrorCode::RequestCanceled as i32, message).into());
            }
            Some(Message::Request(request)) => server.answer(request),
            Some(Message::Notification(notification)) if notification.method == "exit" => {
                return Ok(server.is_shut_down());
            }
            Some(Message::Notification(notification)) => server.note(notification),
            Some(Message::Response(_)) | None => {}
        }
    }
}

fn is_cancelled(request: &Request, waiting: &VecDeque<Message>) -> bool {
    waiting.iter().any(|message| match message {
        Message::Notification(notification) if notification.method == "$/cancelRequest" => {
            let id = notification.params.get("id").cloned().unwrap_or_default();
            serde_json::from_value::<RequestId>(id).is_ok_and(|id| id == request.id)
        }
        _ => false,
    })
}
