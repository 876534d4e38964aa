//! Reads manifests: files, directories of them, and standard input.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::load::{World, reason};
use crate::source::SourceMap;
use crate::yaml::{self, Node, Room};

/// Manifests that were read.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The files.
    pub sources: SourceMap,
    /// The documents of all files, in their order.
    pub documents: Vec<Node>,
    /// What could not be read.
    pub diagnostics: Diagnostics,
}

/// Reads what is named on a command line: `-` is standard input, and of a directory all files in it that end in
/// `.yaml`, `.yml` or `.json`, as `kubectl apply -f` takes them.
pub fn read(world: &dyn World, named: &[String]) -> Manifests {
    let mut manifests = Manifests::default();
    let mut room = Room::default();
    for name in named {
        if name == "-" {
            manifests.add("<stdin>", Path::new("-"), world.read_stdin(), &mut room);
            continue;
        }
        let path = world.cwd().join(name);
        match world.files_in(&path) {
            Ok(mut files) => {
                files.retain(|file| {
                    let extension = file.extension().and_then(|extension| extension.to_str());
                    matches!(extension, Some("yaml" | "yml" | "json"))
                });
                files.sort();
                if files.is_empty() {
                    let message = format!("{name} has no manifests in it");
                    let help = "name a directory with files that end in `.yaml`, `.yml` or `.json`";
                    manifests.diagnostics.push(Diagnostic::error(Code::UnreadableFile, message).help(help));
                }
                for file in files {
                    let shown = Path::new(name).join(file.file_name().unwrap_or_default());
                    manifests.add(&shown.display().to_string(), &file, world.read(&file), &mut room);
                }
            }
            // It is no directory.
            Err(_) => manifests.add(name, &path, world.read(&path), &mut room),
        }
    }
    manifests
}

impl Manifests {
    fn add(&mut self, name: &str, path: &Path, read: std::io::Result<Vec<u8>>, room: &mut Room) {
        let text = match read {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
            Err(error) => Err(reason(&error)),
        };
        let added = text.and_then(|text| {
            let (path, base) = (path.to_owned(), path.parent().map(Path::to_owned).unwrap_or_default());
            self.sources
                .add(name.to_owned(), path, base, text)
                .map(|_| ())
                .ok_or("it is too large".to_owned())
        });
        match added {
            Ok(()) => {
                if let Some(file) = self.sources.files().last() {
                    self.documents.extend(yaml::parse(file, room, &mut self.diagnostics));
                }
            }
            Err(why) => {
                let message = format!("{name} cannot be read: {why}");
                let diagnostic = Diagnostic::error(Code::UnreadableFile, message);
                self.diagnostics.push(diagnostic.help("correct the path, or create the file"));
            }
        }
    }

    /// Makes manifests of a text, for those that are not in a file.
    pub fn of_text(name: &str, text: &str) -> Self {
        let mut manifests = Self::default();
        manifests.add(name, &PathBuf::from(name), Ok(text.as_bytes().to_vec()), &mut Room::default());
        manifests
    }
}
