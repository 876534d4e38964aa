//! What an export would change in a directory that an earlier one was written to.

use std::collections::{BTreeMap, BTreeSet};

use similar::TextDiff;

use super::{File, is_exported};

/// Returns the changes as `git diff` writes them, in the order of paths; empty if there are none.
///
/// `present` are the texts of the files in the directories that the form writes to, by path. A file that an earlier
/// export wrote and this one does not have is removed; any other one is passed over.
pub fn diff(present: &BTreeMap<String, String>, files: &[File]) -> String {
    let wanted: BTreeMap<&str, &File> = files.iter().map(|file| (&*file.path, file)).collect();
    let paths: BTreeSet<&str> = present.keys().map(String::as_str).chain(wanted.keys().copied()).collect();
    let mut text = String::new();
    for path in paths {
        let old = present.get(path).map(String::as_str);
        let new = match (wanted.get(path), old) {
            (Some(file), Some(_)) if file.is_beginning => continue,
            (Some(file), _) => Some(file.text.as_str()),
            (None, Some(old)) if is_exported(path, old) => None,
            (None, _) => continue,
        };
        if old == new {
            continue;
        }
        let name = |side: &str, is_there: bool| {
            if is_there { format!("{side}/{path}") } else { "/dev/null".to_owned() }
        };
        let lines = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
        text += &format!("diff --git a/{path} b/{path}\n");
        match (old, new) {
            (None, _) => text += "new file mode 100644\n",
            (_, None) => text += "deleted file mode 100644\n",
            _ => {}
        }
        let header = (name("a", old.is_some()), name("b", new.is_some()));
        text += &lines.unified_diff().header(&header.0, &header.1).to_string();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{File, diff};

    fn shown(present: &[(&str, &str)], files: &[File]) -> String {
        let present: BTreeMap<String, String> =
            present.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        diff(&present, files)
    }

    #[test]
    fn files_are_added_changed_and_removed() {
        let own = "kind: Job\nlabels:\n  app.kubernetes.io/managed-by: topo\n";
        let present = [
            ("a.yaml", "one: 1\ntwo: 2\n"),
            ("same.yaml", "same\n"),
            ("gone.yaml", own),
            ("notes.md", "app.kubernetes.io/managed-by: topo\n"),
            ("other.yaml", "kind: Job\n"),
        ];
        let files = [
            File::new("a.yaml", "one: 1\ntwo: 3\n"),
            File::new("new.yaml", "new\n"),
            File::new("same.yaml", "same\n"),
        ];
        let expected = "\
diff --git a/a.yaml b/a.yaml
--- a/a.yaml
+++ b/a.yaml
@@ -1,2 +1,2 @@
 one: 1
-two: 2
+two: 3
diff --git a/gone.yaml b/gone.yaml
deleted file mode 100644
--- a/gone.yaml
+++ /dev/null
@@ -1,3 +0,0 @@
-kind: Job
-labels:
-  app.kubernetes.io/managed-by: topo
diff --git a/new.yaml b/new.yaml
new file mode 100644
--- /dev/null
+++ b/new.yaml
@@ -0,0 +1 @@
+new
";
        assert_eq!(shown(&present, &files), expected);
    }

    #[test]
    fn what_people_went_on_with_is_theirs() {
        let beginning = File { is_beginning: true, ..File::new("overlays/a.yaml", "as it began\n") };
        assert_eq!(shown(&[("overlays/a.yaml", "as it is\n")], std::slice::from_ref(&beginning)), "");
        assert!(shown(&[], &[beginning]).contains("+as it began"));
    }
}
