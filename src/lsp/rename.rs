//! Gives what a name stands for another name, wherever the project names it.

use std::collections::HashMap;

use lsp_server::ErrorCode;
use lsp_types::{Location, Position, PrepareRenameResponse, TextEdit, Uri, WorkspaceEdit};

use super::answers::Refusal;
use super::asked::Asked;
use super::names::Kind;
use super::navigate::{Target, everywhere, target};
use crate::yaml::is_text;

/// Returns what would be renamed.
pub(super) fn prepare(
    asked: &Asked<'_>,
    position: Position,
) -> Result<Option<PrepareRenameResponse>, Refusal> {
    let Some((target, range)) = target(asked, asked.offset(position)) else { return Ok(None) };
    check(asked, &target)?;
    let placeholder = asked.document.text.get(range.clone()).unwrap_or("").to_owned();
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range: asked.range(&range), placeholder }))
}

/// Returns the changes that give it another name.
pub(super) fn rename(
    asked: &Asked<'_>,
    position: Position,
    new: &str,
) -> Result<Option<WorkspaceEdit>, Refusal> {
    let Some((target, _)) = target(asked, asked.offset(position)) else { return Ok(None) };
    check(asked, &target)?;
    check_name(asked, &target, new)?;
    let locations = everywhere(asked, &target).into_iter().map(|(location, _)| location);
    let edit = |location: Location| (location.uri, TextEdit::new(location.range, new.to_owned()));
    Ok(Some(changes(locations.map(edit))))
}

/// Makes the changes of one answer.
#[expect(clippy::mutable_key_type, reason = "the protocol's type; a URI is never changed")]
pub(super) fn changes(edits: impl IntoIterator<Item = (Uri, TextEdit)>) -> WorkspaceEdit {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (uri, edit) in edits {
        changes.entry(uri).or_default().push(edit);
    }
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}

/// Refuses what cannot be renamed in the files at hand.
fn check(asked: &Asked<'_>, target: &Target) -> Result<(), Refusal> {
    let why = match target {
        Target::Variable(name) => format!("`{name}` is a variable, which may be set outside of the project"),
        Target::Name { kind: Kind::Network, name, .. } if name == "default" => {
            "the network `default` is made by its name".to_owned()
        }
        Target::Name { kind, name, .. } if *kind != Kind::Profile => {
            if is_defined(asked, target) {
                return Ok(());
            }
            format!("{} `{name}` is defined in no file of the project", kind.word())
        }
        Target::Name { .. } | Target::Anchor(_) => return Ok(()),
    };
    Err((ErrorCode::RequestFailed, why))
}

fn is_defined(asked: &Asked<'_>, target: &Target) -> bool {
    everywhere(asked, target).iter().any(|(_, is_definition)| *is_definition)
}

/// Refuses a name that is none, or is taken.
fn check_name(asked: &Asked<'_>, target: &Target, new: &str) -> Result<(), Refusal> {
    let holds = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    if new.is_empty() || !new.chars().all(holds) {
        let why = format!("`{new}` is no name: use only a-z, A-Z, 0-9, `.`, `_` and `-`");
        return Err((ErrorCode::InvalidParams, why));
    }
    if matches!(target, Target::Name { .. }) && !is_text(new) {
        return Err((
            ErrorCode::InvalidParams,
            format!("`{new}` is no name: YAML takes it for something else than text"),
        ));
    }
    let is_taken = match target {
        Target::Name { kind: Kind::Profile, .. } | Target::Variable(_) => false,
        Target::Name { kind, name, file } => {
            let taken = Target::Name { kind: *kind, name: new.to_owned(), file: file.clone() };
            new != name && is_defined(asked, &taken)
        }
        Target::Anchor(name) => {
            let taken = Target::Anchor(new.to_owned());
            new != name && is_defined(asked, &taken)
        }
    };
    if is_taken {
        return Err((ErrorCode::RequestFailed, format!("`{new}` is there already")));
    }
    Ok(())
}
