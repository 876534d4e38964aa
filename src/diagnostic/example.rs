//! The example of each kind of diagnostic: a project that gets it, and the same project mended.
//!
//! They are texts in the folder beside this file, one a code, which `topo explain`, the documentation and the tests
//! all read. The files of the project follow each other, each after a line `-- NAME --`; `mended/NAME` takes the place
//! of `NAME`. A first line such as `$ topo up -d` names the command that reports it, if that is not `config`.

/// A file of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// The name, relative to the project directory.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// A project that gets a diagnostic, and how it is mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example<'a> {
    /// The command that reports it, without `topo`.
    pub command: &'a str,
    /// What is wrong.
    pub files: Vec<File<'a>>,
    /// The files that are different, or new, where it is mended.
    pub mended: Vec<File<'a>>,
}

impl<'a> Example<'a> {
    /// Reads the text of an example.
    pub fn read(text: &'a str) -> Self {
        let mut example = Self { command: "config", ..Self::default() };
        let mut rest = text;
        if let Some((command, after)) = text.strip_prefix("$ topo ").and_then(|text| text.split_once('\n')) {
            (example.command, rest) = (command, after);
        }
        while let Some((name, after)) =
            rest.strip_prefix("-- ").and_then(|section| section.split_once(" --\n"))
        {
            let end = if after.starts_with("-- ") {
                0
            } else {
                after.find("\n-- ").map_or(after.len(), |at| at + 1)
            };
            let (text, next) = after.split_at(end);
            match name.strip_prefix("mended/") {
                Some(name) => example.mended.push(File { name, text }),
                None => example.files.push(File { name, text }),
            }
            rest = next;
        }
        example
    }

    /// Returns all files of the mended project.
    pub fn all_mended(&self) -> Vec<File<'a>> {
        let stays = |file: &&File<'_>| self.mended.iter().all(|mended| mended.name != file.name);
        self.files.iter().filter(stays).chain(&self.mended).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_files() {
        let text = "$ topo check\n-- a --\none\n-- mended/b --\n-- c --\ntwo\n";
        let example = Example::read(text);
        assert_eq!(example.command, "check");
        assert_eq!(example.files, [File { name: "a", text: "one\n" }, File { name: "c", text: "two\n" }]);
        assert_eq!(example.mended, [File { name: "b", text: "" }]);
        let names: Vec<_> = example.all_mended().iter().map(|file| file.name).collect();
        assert_eq!(names, ["a", "c", "b"]);
    }
}
