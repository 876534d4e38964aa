//! Where `cp` puts what it copies: docker's rules on files, directories, and the slash at the end of a path.
//!
//! See <https://docs.docker.com/reference/cli/docker/container/cp/#description>.

use thiserror::Error;

use crate::model::storage::clean_place;

/// One side of a copy, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side<'a> {
    /// A path of this machine; `-` is standard input or output.
    Local(&'a str),
    /// A path in the containers of a service.
    Inside {
        /// The service.
        service: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// Reads `SERVICE:PATH` or a path of this machine: one that is absolute or begins with a dot is no service.
pub fn side(written: &str) -> Side<'_> {
    let is_path = written.starts_with(['/', '.']);
    match written.split_once(':') {
        Some((service, path)) if !is_path && !service.is_empty() => Side::Inside { service, path },
        _ => Side::Local(written),
    }
}

/// Why something cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misplaced {
    /// There is a file where a directory would have to go.
    #[error("a directory cannot take the place of a file")]
    DirectoryOntoFile,
    /// The destination ends with a slash, and there is no directory.
    #[error("there is no such directory")]
    NoSuchDirectory,
}

/// Where something goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory that it is unpacked in.
    pub directory: String,
    /// The name that it gets there; its own if `None`.
    pub name: Option<String>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// Decides where a file or directory goes that is copied to `destination`, where `there` is.
pub fn place(is_directory: bool, destination: &str, there: There) -> Result<Place, Misplaced> {
    let renamed = || {
        let (directory, name) = split(destination);
        Ok(Place { directory, name: Some(name) })
    };
    match there {
        There::Directory => Ok(Place { directory: destination.to_owned(), name: None }),
        There::File if is_directory => Err(Misplaced::DirectoryOntoFile),
        There::Nothing if is_directory => {
            let (directory, name) = split(destination.strip_suffix("/.").unwrap_or(destination));
            Ok(Place { directory, name: Some(name) })
        }
        There::Nothing if destination.ends_with(['/']) || split(destination).1 == "." => {
            Err(Misplaced::NoSuchDirectory)
        }
        There::File | There::Nothing => renamed(),
    }
}

/// Splits a path into directory and last name. What ends with `/.` is the content of a directory: its name is `.`.
pub fn split(path: &str) -> (String, String) {
    let cleaned = clean_place(path);
    if path == "." || path.ends_with("/.") {
        return (cleaned, ".".to_owned());
    }
    match cleaned.rsplit_once('/') {
        Some(("", "")) => ("/".to_owned(), "/".to_owned()),
        Some(("", name)) => ("/".to_owned(), name.to_owned()),
        Some((directory, name)) => (directory.to_owned(), name.to_owned()),
        None => (".".to_owned(), cleaned),
    }
}

/// Returns where a link in a container leads.
pub fn follow(link: &str, target: &str) -> String {
    if target.starts_with('/') {
        clean_place(target)
    } else {
        clean_place(&format!("{}/{target}", split(link).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_from_a_path() {
        assert_eq!(side("web:/etc"), Side::Inside { service: "web", path: "/etc" });
        assert_eq!(side("web:a:b"), Side::Inside { service: "web", path: "a:b" });
        for local in ["/a:b", "./a:b", "../a:b", "a", "-", ":a"] {
            assert_eq!(side(local), Side::Local(local));
        }
    }

    #[test]
    fn things_go_where_docker_puts_them() {
        let at = |is_directory, destination, there| {
            place(is_directory, destination, there).map(|place| (place.directory, place.name))
        };
        let to = |directory: &str, name: Option<&str>| Ok((directory.to_owned(), name.map(str::to_owned)));
        for is_directory in [false, true] {
            assert_eq!(at(is_directory, "/tmp", There::Directory), to("/tmp", None));
            assert_eq!(at(is_directory, "/tmp/new", There::Nothing), to("/tmp", Some("new")));
        }
        assert_eq!(at(false, "/etc/hosts", There::File), to("/etc", Some("hosts")));
        assert_eq!(at(true, "/etc/hosts", There::File), Err(Misplaced::DirectoryOntoFile));
        assert_eq!(at(true, "/tmp/new/", There::Nothing), to("/tmp", Some("new")));
        assert_eq!(at(true, "/tmp/new/.", There::Nothing), to("/tmp", Some("new")));
        for destination in ["/tmp/new/", "/tmp/new/."] {
            assert_eq!(at(false, destination, There::Nothing), Err(Misplaced::NoSuchDirectory));
        }
    }

    #[test]
    fn paths_are_split_and_links_followed() {
        for (path, directory, name) in [
            ("/a/b", "/a", "b"),
            ("/a/b/", "/a", "b"),
            ("/a/b/.", "/a/b", "."),
            ("/a/../b", "/", "b"),
            ("/", "/", "/"),
            (".", ".", "."),
            ("a", ".", "a"),
        ] {
            assert_eq!(split(path), (directory.to_owned(), name.to_owned()), "{path}");
        }
        assert_eq!(follow("/a/link", "../b/c"), "/b/c");
        assert_eq!(follow("/a/link", "/c"), "/c");
    }
}
