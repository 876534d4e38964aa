//! A second `up` costs next to nothing: the requests to the engine are counted on their way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use crate::harness::{Project, address, note};

/// What a second `up` may cost, whatever the number of services.
const AT_MOST: usize = 6;

#[test]
fn a_second_up_on_fifty_services_must_cost_a_handful_of_requests() {
    let service = |number: usize| {
        let waits =
            if number == 0 { String::new() } else { format!("    depends_on: [s{}]\n", (number - 1) / 7) };
        format!(
            "  s{number}:\n    image: busybox\n    command: sleep 1000\n    stop_signal: SIGKILL\n{waits}"
        )
    };
    let services: String = (0..50).map(service).collect();
    let Some(mut project) = Project::with("fifty", &format!("services:\n{services}")) else { return };
    project.up();
    assert_eq!(project.container_names().len(), 50);

    let socket = project.path("counted.sock");
    let requests = count_requests(&socket);
    project.set("DOCKER_HOST", format!("unix://{}", socket.display()));
    project.up_does_nothing();
    let requests = requests.lock().unwrap();
    note(&format!("{} requests: {requests:#?}", requests.len()));
    assert!((1..=AT_MOST).contains(&requests.len()), "{requests:#?}");
}

#[test]
fn ps_must_cost_two_requests() {
    let Some(mut project) = Project::with(
        "asked",
        "services: {web: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}}",
    ) else {
        return;
    };
    project.up();
    let socket = project.path("counted.sock");
    let requests = count_requests(&socket);
    project.set("DOCKER_HOST", format!("unix://{}", socket.display()));
    let listed = project.topo(&["ps", "--format", "{{.Service}} {{.State}}"]).succeeds();
    assert_eq!(listed.stdout, "web running\n");
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 2, "{requests:#?}");
}

/// Passes connections to a socket on to the engine. Returns the first lines of the requests that come through.
fn count_requests(socket: &Path) -> Arc<Mutex<Vec<String>>> {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let listener = UnixListener::bind(socket).unwrap();
    let seen = Arc::clone(&requests);
    spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let seen = Arc::clone(&seen);
            spawn(move || match address() {
                engine if engine.starts_with("unix://") => {
                    let server = UnixStream::connect(engine.trim_start_matches("unix://")).unwrap();
                    let (answers, end) = (server.try_clone().unwrap(), server.try_clone().unwrap());
                    relay(&client, server, answers, move || end.shutdown(Shutdown::Write), &seen);
                }
                engine => {
                    let server = TcpStream::connect(engine.trim_start_matches("tcp://")).unwrap();
                    let (answers, end) = (server.try_clone().unwrap(), server.try_clone().unwrap());
                    relay(&client, server, answers, move || end.shutdown(Shutdown::Write), &seen);
                }
            });
        }
    });
    requests
}

fn relay(
    client: &UnixStream,
    server: impl Write,
    mut answers: impl Read + Send + 'static,
    end: impl FnOnce() -> std::io::Result<()>,
    seen: &Mutex<Vec<String>>,
) {
    let mut back = client.try_clone().unwrap();
    spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    // Either side may go at any time, which ends the relay and no more.
    let _ = pass_requests(BufReader::new(client), server, seen);
    let _ = end();
}

/// Passes requests on, one after the other on the same connection, and notes the first line of each.
fn pass_requests(
    mut client: impl BufRead,
    mut server: impl Write,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    loop {
        let mut length = 0;
        let mut is_first = true;
        loop {
            let mut line = String::new();
            if client.read_line(&mut line)? == 0 {
                return Ok(());
            }
            server.write_all(line.as_bytes())?;
            let line = line.trim_end();
            if is_first {
                seen.lock().unwrap().push(line.to_owned());
                is_first = false;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "transfer-encoding" | "upgrade" => {
                    // No second request can be told apart after these; a look at the project has neither.
                    seen.lock().unwrap().push(format!("a stream: {line}"));
                }
                "" => break,
                _ => {}
            }
        }
        std::io::copy(&mut client.by_ref().take(length), &mut server)?;
        server.flush()?;
    }
}
