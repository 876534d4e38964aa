//! Where `topo export k8s` writes to: files in a directory, or what would change there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use topo::k8s::Export;
use topo::k8s::forms::{self, File, Form};
use topo::load::World as _;

use super::{Context, Exit};

/// The exit code of what went wrong where 1 says that there are changes, as of `diff`.
const TROUBLE: u8 = 2;

/// Writes the files of a form. Other files in the directory are left alone.
pub(crate) fn write(
    exported: &Export,
    form: Form,
    directory: &Path,
    context: &Context,
) -> Result<(), String> {
    let files = files(exported, form)?;
    let present = present(&files, directory, context)?;
    let mut kept = 0;
    for File { path, text, is_beginning } in &files {
        if *is_beginning && present.contains_key(path) {
            kept += 1;
            continue;
        }
        let path = directory.join(path);
        context.world.write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    for (path, text) in &present {
        if !files.iter().any(|file| file.path == *path) && forms::is_exported(path, text) {
            let path = directory.join(path);
            context.ui.say(&format!("note: {} is of an earlier export: remove it", path.display()));
        }
    }
    let written = format!("{}: {} files", directory.display(), files.len() - kept);
    context.ui.say(&match kept {
        0 => written,
        1 => format!("{written}; one that is yours is as it was"),
        kept => format!("{written}; {kept} that are yours are as they were"),
    });
    Ok(())
}

/// Shows what writing the files of a form would change.
pub(crate) fn diff(
    exported: &Export,
    form: Form,
    directory: &Path,
    context: &Context,
) -> Result<Exit, String> {
    let files = files(exported, form)?;
    let text = forms::diff(&present(&files, directory, context)?, &files);
    context.ui.data(&text);
    Ok(if text.is_empty() { Exit::Success } else { Exit::Code(1) })
}

/// Has a run that failed end otherwise than one that found changes.
pub(crate) fn told_apart(exit: Exit) -> Exit {
    if exit == Exit::Failure { Exit::Code(TROUBLE) } else { exit }
}

fn files(exported: &Export, form: Form) -> Result<Vec<File>, String> {
    forms::files(exported, form).map_err(|error| error.to_string())
}

/// Reads the text files that are in the directories that a form writes to, by their path below `directory`.
fn present(files: &[File], directory: &Path, context: &Context) -> Result<BTreeMap<String, String>, String> {
    let mut present = BTreeMap::new();
    for below in files.iter().map(File::directory).collect::<BTreeSet<_>>() {
        // A directory that is not there has no files.
        for path in context.world.files_in(&directory.join(below)).unwrap_or_default() {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let key = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let is_of_form = files.iter().any(|file| file.path == key);
            if !is_of_form && path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let bytes = context.world.read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            match String::from_utf8(bytes) {
                Ok(text) => {
                    present.insert(key, text);
                }
                Err(_) if is_of_form => return Err(format!("{}: this is no text", path.display())),
                Err(_) => {}
            }
        }
    }
    Ok(present)
}
