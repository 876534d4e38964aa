//! `.dockerignore`: which files of a build context stay behind. Pure.
//!
//! The patterns look like `.gitignore`'s and differ in two ways: they start at the root, and the last one that
//! matches a path *or one of its parents* decides, so that `!dir/file` works after `dir`.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The patterns of one file, in order.
#[derive(Debug, Default)]
pub struct Dockerignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// The cleaned text, without `!`.
    text: String,
    /// Whether it takes files back in.
    keeps: bool,
    matcher: Gitignore,
}

impl Dockerignore {
    /// Parses the text of a `.dockerignore`, or says which pattern cannot be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A comment has its mark in the first column.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let (keeps, pattern) = match line.trim().strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line.trim()),
            };
            let text = clean(pattern);
            if text.is_empty() {
                continue;
            }
            let mut builder = GitignoreBuilder::new("");
            let added = builder.add_line(None, &format!("/{text}")).and_then(|builder| builder.build());
            let matcher = added.map_err(|error| format!("`{pattern}`: {error}"))?;
            patterns.push(Pattern { text, keeps, matcher });
        }
        Ok(Self { patterns })
    }

    /// Adds a path that is always sent, as the last word.
    pub fn keep(&mut self, path: &str) {
        // An escaped path is a valid pattern.
        let escaped: String = path
            .chars()
            .flat_map(|letter| {
                let mark = matches!(letter, '*' | '?' | '[' | ']' | '\\').then_some('\\');
                mark.into_iter().chain([letter])
            })
            .collect();
        if let Ok(mut kept) = Self::parse(&format!("!{escaped}")) {
            self.patterns.append(&mut kept.patterns);
        }
    }

    /// Returns whether a path relative to the context stays behind.
    pub fn excludes(&self, path: &Path, is_directory: bool) -> bool {
        let mut excluded = false;
        for pattern in &self.patterns {
            let decides = pattern.keeps == excluded;
            if decides && pattern.matcher.matched_path_or_any_parents(path, is_directory).is_ignore() {
                excluded = !pattern.keeps;
            }
        }
        excluded
    }

    /// Returns whether a file inside of an excluded directory may still be sent.
    pub fn may_keep_inside(&self, directory: &Path) -> bool {
        let start = format!("{}/", directory.display());
        let mut kept = self.patterns.iter().filter(|pattern| pattern.keeps);
        kept.any(|pattern| format!("{}/", pattern.text).starts_with(&start) || pattern.text.starts_with("**"))
    }
}

/// Takes `./`, `//`, `x/..` and slashes at both ends out of a pattern.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded<'a>(ignore: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = Dockerignore::parse(ignore).unwrap();
        paths.iter().filter(|path| ignore.excludes(Path::new(path), false)).copied().collect()
    }

    #[test]
    fn patterns_start_at_the_root() {
        let paths = ["a.log", "sub/a.log", "target/x/y", "src/target/x"];
        assert_eq!(excluded("*.log\ntarget", &paths), ["a.log", "target/x/y"]);
        assert_eq!(excluded("**/*.log", &paths), ["a.log", "sub/a.log"]);
        assert_eq!(excluded("/target/", &paths), ["target/x/y"]);
        assert_eq!(excluded("./src/../target", &paths), ["target/x/y"]);
        assert_eq!(excluded("# target\n\n  \n", &paths), Vec::<&str>::new());
    }

    #[test]
    fn the_last_match_decides() {
        let paths = ["docs/a.md", "docs/b.txt", "README.md", "src/main.rs"];
        assert_eq!(excluded("docs\n!docs/a.md", &paths), ["docs/b.txt"]);
        assert_eq!(excluded("!docs/a.md\ndocs", &paths), ["docs/a.md", "docs/b.txt"]);
        assert_eq!(excluded("*\n!src", &paths), ["docs/a.md", "docs/b.txt", "README.md"]);
        assert_eq!(excluded("**\n!**/*.rs", &paths), ["docs/a.md", "docs/b.txt", "README.md"]);
        assert_eq!(excluded("*.md\n!README.md\n", &paths), Vec::<&str>::new());
    }

    #[test]
    fn what_the_build_needs_is_kept() {
        let mut ignore = Dockerignore::parse("*").unwrap();
        ignore.keep("docker/Dockerfile [x]");
        assert!(!ignore.excludes(Path::new("docker/Dockerfile [x]"), false));
        assert!(ignore.may_keep_inside(Path::new("docker")));
        assert!(!ignore.may_keep_inside(Path::new("other")));
    }
}
