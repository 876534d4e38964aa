//! topo's own program, as it is put into the image of the prober: its file, and the shared libraries that it runs with.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use topo::engine::probing::Program;
use topo::load::OsWorld;
use topo::{probe, prober};

use super::Exit;
use crate::ui::Ui;

/// Answers questions, if topo was started as a prober.
pub(crate) fn answer(words: &[OsString]) -> Option<Exit> {
    if words.get(1).is_none_or(|word| word != probe::COMMAND) {
        return None;
    }
    // With a wish it writes down packets, else it answers questions.
    let ended = match words.get(2) {
        None => prober::run(io::stdin().lock(), io::stdout().lock()),
        Some(wish) => serde_json::from_str(&wish.to_string_lossy())
            .map_err(io::Error::from)
            .and_then(|wish| prober::capture::run(&wish, io::stdin(), io::stdout().lock())),
    };
    Some(match ended {
        Ok(()) => Exit::Success,
        Err(error) => {
            Ui::default().error(&error.to_string());
            Exit::Failure
        }
    })
}

/// Reads the program that runs.
pub(crate) fn own(world: OsWorld) -> io::Result<Program> {
    let program = world.program()?;
    let mapped = String::from_utf8_lossy(&program.mapped).into_owned();
    let mut files = vec![("topo".to_owned(), program.content)];
    let mut loader = None;
    for path in libraries(&mapped) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("ld-") {
            loader = Some(name.clone());
        }
        files.push((name, world.read_whole(&path)?));
    }
    Ok(Program {
        version: format!("{}-{:x}-{:x}", env!("CARGO_PKG_VERSION"), program.changed, files[0].1.len()),
        os: program.os.to_owned(),
        architecture: program.architecture.to_owned(),
        files,
        loader,
    })
}

/// Finds the shared libraries among what is mapped into the memory of a process, as `/proc/self/maps` shows it. A
/// program that is linked statically has none.
fn libraries(maps: &str) -> Vec<PathBuf> {
    let path =
        |line: &str| line.split_whitespace().nth(5).filter(|path| path.starts_with('/')).map(PathBuf::from);
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".so") || name.contains(".so.")
    };
    let mut paths: Vec<PathBuf> = maps.lines().filter_map(path).filter(is_library).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_libraries_are_found_once() {
        let maps = "55d0-55d1 r--p 00000000 08:01 12   /usr/bin/topo\n\
                    7f00-7f01 r--p 00000000 08:01 13   /lib/x86_64-linux-gnu/libc.so.6\n\
                    7f01-7f02 r-xp 00001000 08:01 13   /lib/x86_64-linux-gnu/libc.so.6\n\
                    7f02-7f03 r-xp 00001000 08:01 14   /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n\
                    7f03-7f04 rw-p 00000000 00:00 0    [heap]\n";
        let names: Vec<String> = libraries(maps).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"]);
    }
}
