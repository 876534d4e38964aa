//! This machine, as far as scenarios look at it: variables, ports, answers over HTTP.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::eventually;

#[expect(clippy::disallowed_methods, reason = "the scripts speak to the tests by variables")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether tests that need an engine run; else a line says why this one does not.
pub(crate) fn runs_on_an_engine(name: &str) -> bool {
    let runs = variable("TOPO_E2E").as_deref() == Some("1");
    if !runs {
        note(&format!("{name}: skipped, because TOPO_E2E is not 1; scripts/test.sh runs it"));
    }
    runs
}

/// Says something that is shown if the test fails, or with `--nocapture`.
#[expect(clippy::print_stderr, reason = "libtest captures it")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns a port that nothing listens on, and that no other test was given.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        if GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

/// Asks once. Returns the status code and body, or nothing if there is no complete answer.
pub(crate) fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Asks until the answer is good, and returns it.
pub(crate) fn answer(port: u16, path: &str) -> String {
    let mut last = None;
    eventually(&format!("a good answer from port {port}"), || {
        last = get(port, path);
        last.clone().filter(|(status, _)| *status == 200)
    })
    .1
}
