//! Which request is answered by what.

use lsp_server::ErrorCode;
use lsp_types::{
    CodeActionParams, CodeLens, CodeLensParams, CompletionParams, DocumentHighlightParams,
    DocumentLinkParams, DocumentSymbolParams, GotoDefinitionParams, HoverParams, InlayHintParams,
    ReferenceParams, RenameParams, TextDocumentPositionParams, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asked::Asked;
use super::documents::path_of;
use super::server::Server;
use super::{actions, completion, hints, hover, lens, navigate, rename, symbols};

/// Why a request has no answer.
pub(super) type Refusal = (ErrorCode, String);

/// Answers a request.
pub(super) fn answer(server: &mut Server<'_>, method: &str, params: Value) -> Result<Value, Refusal> {
    match method {
        "textDocument/completion" => {
            let CompletionParams { text_document_position: at, .. } = read(params)?;
            let images = server.start.images;
            about(server, &at.text_document.uri, |asked| Ok(completion::complete(asked, at.position, images)))
        }
        "textDocument/hover" => {
            let HoverParams { text_document_position_params: at, .. } = read(params)?;
            about(server, &at.text_document.uri, |asked| Ok(hover::hover(asked, at.position)))
        }
        "textDocument/definition" => {
            let GotoDefinitionParams { text_document_position_params: at, .. } = read(params)?;
            about(server, &at.text_document.uri, |asked| Ok(navigate::definition(asked, at.position)))
        }
        "textDocument/references" => {
            let ReferenceParams { text_document_position: at, context, .. } = read(params)?;
            about_all(server, &at.text_document.uri, |asked| {
                Ok(navigate::references(asked, at.position, context.include_declaration))
            })
        }
        "textDocument/documentHighlight" => {
            let DocumentHighlightParams { text_document_position_params: at, .. } = read(params)?;
            about(server, &at.text_document.uri, |asked| Ok(navigate::highlights(asked, at.position)))
        }
        "textDocument/documentLink" => {
            let DocumentLinkParams { text_document, .. } = read(params)?;
            about(server, &text_document.uri, |asked| Ok(navigate::document_links(asked)))
        }
        "textDocument/documentSymbol" => {
            let DocumentSymbolParams { text_document, .. } = read(params)?;
            about(server, &text_document.uri, |asked| Ok(symbols::symbols(asked)))
        }
        "textDocument/prepareRename" => {
            let TextDocumentPositionParams { text_document, position } = read(params)?;
            about(server, &text_document.uri, |asked| rename::prepare(asked, position))
        }
        "textDocument/rename" => {
            let RenameParams { text_document_position: at, new_name, .. } = read(params)?;
            about_all(server, &at.text_document.uri, |asked| rename::rename(asked, at.position, &new_name))
        }
        "textDocument/codeAction" => {
            let CodeActionParams { text_document, range, context, .. } = read(params)?;
            about(server, &text_document.uri, |asked| {
                Ok(actions::actions(asked, range, context.only.as_deref()))
            })
        }
        "textDocument/codeLens" => {
            let CodeLensParams { text_document, .. } = read(params)?;
            about(server, &text_document.uri, |asked| Ok(lens::lenses(asked)))
        }
        "codeLens/resolve" => {
            let lens: CodeLens = read(params)?;
            let path = lens::path_of(&lens);
            let resolved = path.and_then(|path| Some(lens::resolve(&server.asked(&path)?, lens.clone())));
            write(resolved.unwrap_or(lens))
        }
        "textDocument/inlayHint" => {
            let InlayHintParams { text_document, range, .. } = read(params)?;
            about(server, &text_document.uri, |asked| Ok(hints::hints(asked, range)))
        }
        _ => Err((ErrorCode::MethodNotFound, format!("there is no request `{method}`"))),
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn write(answer: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

/// Answers about a file that is open and belongs to a project; of others there is nothing to say.
fn about<T: Serialize>(
    server: &mut Server<'_>,
    uri: &Uri,
    answer: impl FnOnce(&Asked<'_>) -> Result<T, Refusal>,
) -> Result<Value, Refusal> {
    let Some(path) = path_of(uri) else { return Ok(Value::Null) };
    match server.asked(&path) {
        Some(asked) => write(answer(&asked)?),
        None => Ok(Value::Null),
    }
}

/// The same with all projects of the file.
fn about_all<T: Serialize>(
    server: &mut Server<'_>,
    uri: &Uri,
    answer: impl FnOnce(&Asked<'_>) -> Result<T, Refusal>,
) -> Result<Value, Refusal> {
    let Some(path) = path_of(uri) else { return Ok(Value::Null) };
    match server.asked_widely(&path) {
        Some(asked) => write(answer(&asked)?),
        None => Ok(Value::Null),
    }
}
